"""`--query` and `--output`: a part of a result, and the form in which it is written.

Law: a wrong query is an error before anything is sent. Without these options, a result is not parsed.

Must not know where results come from, or are written to.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Literal, cast

import attrs

from ..errors import ConfigurationError
from .files import STDIO, escape_controls, json_controls_escaped
from .options import file_name, missing_extra

__all__ = ["Form", "NotJsonError", "add_answer_options", "add_output_options", "form_of", "is_terminal"]

_OTHER_FORMATS = ("table", "yaml", "yaml-stream", "off")
"""Formats of the AWS CLI. A file with such a name is more likely a mistake than wanted."""


class NotJsonError(Exception):
    """The result is not JSON, so it has no parts and no other form."""


class _Output(argparse.Action):
    """`json` and `text` are formats, everything else is a file."""

    formats: tuple[str, ...] = ("json", "text")

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        known = self.formats
        if values in _OTHER_FORMATS and values not in known:
            use = f"use {_choice_of(known)}, or ./{values} for a file"
            parser.error(f"argument -o/--output: there is no format {values!r}; {use}")
        setattr(namespace, "format" if values in known else "output", values)


class _OutputWithTable(_Output):
    """Also `table` is a format."""

    formats = ("json", "text", "table")


def _choice_of(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def add_output_options(parser: argparse.ArgumentParser, result: str) -> None:
    """For a command that writes a payload, or results that have one."""
    _add_output_options(
        parser,
        result,
        _Output,
        f"json or text: the form of {result}; any other value is a file to write to (default: - is stdout, unchanged)",
    )


def add_answer_options(parser: argparse.ArgumentParser, default: str) -> None:
    """For a command that writes an answer of the API, in the form `default` if it is not told another one."""
    _add_output_options(
        parser,
        "the answer",
        _OutputWithTable,
        f"json, text or table: the form of the answer; any other value is a file to write to (default: {default}, on stdout)",
    )


def _add_output_options(parser: argparse.ArgumentParser, result: str, action: type[_Output], help: str) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        action=action,
        type=file_name,
        default=STDIO,
        metavar="FORMAT|FILE",
        help=help,
    )
    group.add_argument(
        "--output-file", dest="output", type=file_name, metavar="FILE", help="file to write to, whatever its name"
    )
    group.add_argument("--query", metavar="EXPRESSION", help=f"JMESPath expression that selects a part of {result}")
    parser.set_defaults(format=None)


@attrs.frozen
class Form:
    """How to write a result. Without a format and a query, a result stays as it is."""

    format: Literal["json", "text", "table"] | None
    select: Callable[[Any], Any] | None

    @property
    def is_unchanged(self) -> bool:
        return self.format is None and self.select is None

    def of_payload(self, payload: bytes, *, indent: bool) -> bytes:
        """The payload in this form, with a line feed at its end. Raises `NotJsonError`."""
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            raise NotJsonError from None
        return self.of_value(value, indent=indent)

    def of_value(self, value: Any, *, indent: bool) -> bytes:
        """The value in this form, with a line feed at its end. JSON is one line, unless `indent` is true."""
        if self.select is not None:
            value = self.select(value)
        if self.format in ("text", "table"):
            lines = _text_lines(value) if self.format == "text" else _table_lines(value)
            text = "".join(f"{line}\n" for line in lines)
        else:
            text = json.dumps(
                value, ensure_ascii=False, indent=2 if indent else None, separators=None if indent else (",", ":")
            )
            text = f"{json_controls_escaped(text)}\n"
        return text.encode(errors="backslashreplace")


def form_of(options: argparse.Namespace) -> Form:
    """The form that the options ask for. Raises `ConfigurationError` for a wrong query, or if jmespath is missing."""
    return Form(options.format, None if options.query is None else _compiled(options.query))


def _compiled(expression: str) -> Callable[[Any], Any]:
    try:
        jmespath = cast("Any", import_module("jmespath"))
    except ImportError:
        raise missing_extra("--query", "jmespath") from None
    try:
        parsed = jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise ConfigurationError(f"--query is not a JMESPath expression: {' '.join(str(error).split())}") from None

    def select(value: Any) -> Any:
        try:
            return parsed.search(value)
        except jmespath.exceptions.JMESPathError as error:
            raise QueryError(type(error).__name__) from None

    return select


class QueryError(NotJsonError):
    """A function of the query does not fit the result. The message names the kind of error, never the result."""


def _table_lines(value: Any) -> Iterator[str]:
    from .tables import table_lines  # noqa: PLC0415 - `invoke` has no tables

    return map(escape_controls, table_lines(value))


def _text_lines(value: Any, label: str | None = None) -> Iterator[str]:
    """Lines of fields with tabs between them, as the AWS CLI writes them: members by name, nested ones after their label."""
    first = [] if label is None else [label.upper()]
    if not _is_nested(value):
        yield "\t".join([*first, _field(value)])
        return
    is_object = isinstance(value, dict)
    members: list[tuple[str | None, Any]]
    members = sorted(cast("dict[str, Any]", value).items()) if is_object else [(label, item) for item in value]
    fields = [_field(member) for _, member in members if not _is_nested(member)]
    is_one_line = is_object or label is None
    rows = [fields] if is_one_line and fields else [[field] for field in fields]
    yield from ("\t".join(first + row) for row in rows)
    for name, member in members:
        if _is_nested(member):
            yield from _text_lines(member, name)


def _field(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def is_terminal(file: Any) -> bool:
    """Whether a person reads this file."""
    return file is sys.stdout.buffer and sys.stdout.isatty()
