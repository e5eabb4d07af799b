"""Payloads by a template: JSON whose strings name fields of the item.

`"{id}"` as a whole string becomes the value of the field, of any type; inside a longer string it becomes text; `"{}"` is the
whole item; `{{` and `}}` are braces.

Must not know where items come from.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from ...errors import ConfigurationError
from .fields import MISSING, field_of, is_in_header
from .tables import Header
from .values import InputError

__all__ = ["Template"]

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_Make = Callable[[Any], Any]


class _MissingError(Exception):
    """The item lacks a field."""


class Template:
    """Makes payloads. Raises `ConfigurationError` if the text is no template."""

    def __init__(self, text: str) -> None:
        self._fields: dict[str, None] = {}
        try:
            template = json.loads(text)
        except (ValueError, RecursionError) as error:
            place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise ConfigurationError(
                f'--template is not JSON{place}; write a field as a string, which its value replaces: \'{{"id": "{{id}}"}}\''
            ) from None
        self._make = self._compiled(template)

    def check_header(self, header: Header, line: int) -> None:
        """Raise `InputError` if rows with this header lack a field."""
        for field in self._fields:
            if field and not is_in_header(header, field):
                raise InputError(f"expected a column {field!r} in the header, for --template", line=line)

    def apply(self, value: Any, number: int, unit: str) -> Any:
        """The payload of an item. Raises `InputError` if it lacks a field."""
        try:
            return self._make(value)
        except _MissingError as error:
            raise InputError(
                f"expected a field {error.args[0]!r} in the item, for --template", line=number, unit=unit
            ) from None

    def _compiled(self, part: object) -> _Make:
        if isinstance(part, dict):
            members = [(name, self._compiled(value)) for name, value in cast("dict[str, Any]", part).items()]
            return lambda item: {name: make(item) for name, make in members}
        if isinstance(part, list):
            elements = [self._compiled(value) for value in cast("Sequence[Any]", part)]
            return lambda item: [make(item) for make in elements]
        return self._compiled_text(part) if isinstance(part, str) else lambda _: part

    def _compiled_text(self, text: str) -> _Make:
        parts = list(_parts_of(text))
        for _, field in parts:
            if field is not None:
                self._fields[field] = None
        match parts:
            case [("", str(field))]:
                return lambda item: _value(item, field)
            case _ if all(field is None for _, field in parts):
                constant = "".join(literal for literal, _ in parts)
                return lambda _: constant
            case _:
                return lambda item: "".join(
                    literal if field is None else _text(_value(item, field)) for literal, field in parts
                )


def _parts_of(text: str) -> Iterator[tuple[str, str | None]]:
    """The literal parts, and the fields, as the second member."""
    at = 0
    for found in _PART.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], None
        at = found.end()
        if found[0] in ("{{", "}}"):
            yield found[0][0], None
        elif found[1] is None:
            raise ConfigurationError("--template has a single { or } in a string; write it twice: {{ or }}")
        else:
            yield "", found[1]
    if at < len(text):
        yield text[at:], None


def _value(item: Any, field: str) -> Any:
    value = item if not field else field_of(item, field)
    if value is MISSING:
        raise _MissingError(field)
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
