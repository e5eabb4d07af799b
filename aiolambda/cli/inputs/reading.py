"""One input from its bytes to its items: how it is read, and how payloads and keys come from it.

Must not know threads, the event loop or the options that ask for it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from .arrays import array_elements
from .chunks import Compression, decompressed, without_mark
from .fields import is_in_header
from .formats import Format, as_guessed, check_first
from .returned import Returned
from .separated import json_lines, texts
from .values import InputError, Line, Record

if TYPE_CHECKING:
    from .columns import Types
    from .templates import Template

__all__ = ["Reading", "Recipe"]


@attrs.frozen(kw_only=True)
class Recipe:
    """What to make of an input.

    `format` is `None` if the first bytes decide. `is_sure` is false if a name alone says it. `types` are those of columns.
    `batch` is the number of items to send together, with `batch_bytes` bytes at most.
    """

    format: Format | None = None
    is_sure: bool = True
    compression: Compression | None = None
    types: str | None = None
    template: str | None = None
    key: str | None = None
    batch: int | None = None
    batch_bytes: int = 0

    @property
    def keeps_lines(self) -> bool:
        """Whether lines of JSON are sent as they are, one by one."""
        return self.compression is None and self.template is None and self.key is None and self.batch is None


class Reading:
    """Reads one input once. `format` is known when the first item is, and so is the header of a table."""

    def __init__(self, recipe: Recipe, chunks: Iterator[bytes], path: Path | None = None) -> None:
        """`path` is that of a regular file: Parquet needs one."""
        self._recipe = recipe
        self._chunks = chunks
        self._path = path
        self._template = _template_of(recipe)
        self._types = _types_of(recipe)
        self.format: Format | None = recipe.format
        self._header = b""

    def lines(self) -> Iterator[Line]:
        """The items. Raises `InputError` where the input is wrong."""
        if self.format == "parquet":
            return self._items(self._parquet(), "row")
        chunks = without_mark(decompressed(self._chunks, self._recipe.compression))
        if self.format is None:
            self.format, chunks = as_guessed(chunks)
        match self.format:
            case "json":
                return self._elements(array_elements(chunks))
            case "lines" | "nul":
                is_lines = self.format == "lines"
                return self._items(texts(chunks, b"\n" if is_lines else b"\0"), "line" if is_lines else "record")
            case "csv" | "tsv":
                return self._items(self._rows(chunks, "," if self.format == "csv" else "\t"), "line")
            case _:
                records = json_lines(chunks, checked=self._recipe.batch is not None)
                return self._items(records if self._recipe.is_sure else _first_checked(records), "line")

    def returned(self) -> Returned:
        """A writer of items in the form of this input. For Parquet it writes lines of JSON."""
        return Returned(self.format or "jsonl", self._header)

    def _rows(self, chunks: Iterator[bytes], delimiter: str) -> Iterator[Record]:
        from .columns import typed  # noqa: PLC0415 - lines of JSON need no tables
        from .tables import MakeRow, rows_of  # noqa: PLC0415 - as above

        def table(header: Sequence[str], source: bytes, line: int) -> MakeRow:
            self._header = source
            self._check_header(header, line)
            return typed(self._types, header, line)

        return rows_of(chunks, table, delimiter=delimiter)

    def _parquet(self) -> Iterator[Record]:
        from .parquet import parquet_rows  # noqa: PLC0415 - as above

        if self._path is None:
            raise InputError("a Parquet file is read from its end: name it with -f, for a pipe cannot be")
        return parquet_rows(self._path, self._check_header)

    def _check_header(self, header: Sequence[str], line: int) -> None:
        if self._template is not None:
            self._template.check_header(header, line)
        key = self._recipe.key
        if key is not None and not is_in_header(header, key):
            raise InputError(f"expected a column {key!r} in the header, for --key", line=line)

    def _items(self, records: Iterator[Record], unit: str) -> Iterator[Line]:
        make = self._maker()
        for record in records:
            yield make(record, record.number, unit)

    def _elements(self, records: Iterator[Record]) -> Iterator[Line]:
        """Like `_items`. Many elements may stand in one line, so errors have the place of the element too."""
        make = self._maker()
        for place, record in enumerate(records, start=1):
            try:
                yield make(record, place, "element")
            except InputError as error:
                raise InputError(f"{error} (in line {record.number:,})") from None

    def _maker(self) -> Callable[[Record, int, str], Line]:
        template, key = self._template, self._recipe.key
        if template is None and key is None:
            return _unchanged
        from .keys import Keys  # noqa: PLC0415 - as above

        keys = None if key is None else Keys(key)

        def make(record: Record, number: int, unit: str) -> Line:
            value = record.value if record.content is None else _parsed(record.content, number, unit)
            name = None if keys is None else keys.key_of(value, number, unit)
            if template is None:
                content = record.content
            else:
                value, content = template.apply(value, number, unit), None
            return Line(record.number, _dumped(value, number, unit) if content is None else content, record.source, name)

        return make


def _unchanged(record: Record, number: int, unit: str) -> Line:
    if record.content is not None:
        return Line(record.number, record.content)
    return Line(record.number, _dumped(record.value, number, unit), record.source)


def _first_checked(records: Iterator[Record]) -> Iterator[Record]:
    """The records. The first one must be JSON, because the name of the file may be wrong."""
    for record in records:
        check_first(record.source, record.number)
        yield record
        break
    yield from records


def _parsed(content: bytes, number: int, unit: str) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InputError("expected JSON, for --template or --key", line=number, unit=unit) from None


def _dumped(value: Any, number: int, unit: str) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise InputError("expected a value that JSON has", line=number, unit=unit) from None
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates, as an escape in JSON makes it
        return json.dumps(value, separators=(",", ":")).encode()


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _template_of(recipe: Recipe) -> "Template | None":
    if recipe.template is None:
        return None
    from .templates import Template  # noqa: PLC0415 - as above

    return Template(recipe.template)


def _types_of(recipe: Recipe) -> "Types":
    if recipe.types is None:
        return {}
    from .columns import parse_types  # noqa: PLC0415 - as above

    return parse_types(recipe.types)
