"""The text formats in a stream: lines, the events of `text/event-stream`, and the head of an HTTP answer.

Owns their parsers, which are fed piece by piece. Must not know the source of the pieces.
Source: "Server-sent events" of the HTML standard; "Response streaming" of the Lambda developer guide, for the head.
"""

import codecs
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import cast

import attrs

__all__ = [
    "HTTP_CONTENT_TYPE",
    "PRELUDE_END",
    "HttpPrelude",
    "Lines",
    "PreludeError",
    "SseEvent",
    "SseEvents",
    "prelude_of",
    "utf8_decoder",
]

HTTP_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
PRELUDE_END = b"\0" * 8
"""The separator between the head and the body of an HTTP answer."""

utf8_decoder = codecs.getincrementaldecoder("utf-8")
"""Makes a decoder that joins a character which two chunks share. `UnicodeDecodeError` for bytes that are not UTF-8."""


class Lines:
    r"""Splits UTF-8 bytes into lines, without their ends: `\n`, `\r\n` or `\r`, as in a text file."""

    def __init__(self) -> None:
        self._decoder = io.IncrementalNewlineDecoder(utf8_decoder(), translate=True)
        self._begun = io.StringIO()

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[str]:
        """The complete lines; with `final`, also the text after the last line end."""
        first, *others = self._decoder.decode(data, final=final).split("\n")
        self._begun.write(first)
        for line in others:
            complete, self._begun = self._begun.getvalue(), io.StringIO()
            self._begun.write(line)
            yield complete
        if final and (rest := self._begun.getvalue()):
            yield rest


@attrs.frozen(kw_only=True)
class SseEvent:
    """A server-sent event.

    Args:
        event: Its type; `"message"` if the sender names none.
        data: Its data, with lines joined by line feeds.
        id: The last id that the sender has given so far; `None` if there was none.
    """

    event: str = "message"
    """Its type; `"message"` if the sender names none."""
    data: str = attrs.field(repr=lambda data: f"<{len(data)} characters>")
    """Its data, with lines joined by line feeds."""
    id: str | None = None
    """The last id that the sender has given so far; `None` if there was none."""


class SseEvents:
    """Joins lines into events. Lines at the end that no empty line follows are dropped."""

    def __init__(self) -> None:
        self._event = ""
        self._data: list[str] | None = None
        self._id: str | None = None
        self._begun = False

    def feed(self, line: str) -> SseEvent | None:
        """The event that this line ends, if it ends one."""
        if not self._begun:
            line, self._begun = line.removeprefix("\ufeff"), True
        if line:
            self._note(line)
            return None
        event, data, self._event, self._data = self._event, self._data, "", None
        return None if data is None else SseEvent(event=event or "message", data="\n".join(data), id=self._id)

    def _note(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and "\0" not in value:
            self._id = value or None
        elif name == "event":
            self._event = value
        elif name == "data":
            self._data = self._data or []
            self._data.append(value)


@attrs.frozen(kw_only=True)
class HttpPrelude:
    """The head that a function writes before the body of an HTTP answer.

    Args:
        status_code: The HTTP status. Default 200.
        headers: The header fields, under their names as written.
        cookies: The cookies to set, each as the value of a `Set-Cookie` header.
    """

    status_code: int = 200
    """The HTTP status. Default 200."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    """The header fields, under their names as written."""
    cookies: list[str] = attrs.field(factory=list[str], repr=False)
    """The cookies to set, each as the value of a `Set-Cookie` header."""


class PreludeError(ValueError):
    """The head cannot be read. The text never quotes it."""


def prelude_of(head: bytes) -> HttpPrelude:
    """Parse the JSON of a head. `PreludeError` if it has another shape. A member that is `null` counts as missing."""
    try:
        content: object = json.loads(head)
    except (ValueError, RecursionError):
        raise PreludeError("it is not JSON") from None
    members = _object("it", content)
    headers = _object("its member headers", _or(members.get("headers"), {}))
    cookies = _or(members.get("cookies"), [])
    if not isinstance(cookies, list):
        raise PreludeError(f"its member cookies must be a list, not {type(cookies).__name__}")
    return HttpPrelude(
        status_code=_status(_or(members.get("statusCode"), 200)),
        headers={name: _text("a header's value", value) for name, value in headers.items()},
        cookies=[_text("a cookie", cookie) for cookie in cast("list[object]", cookies)],
    )


def _or(value: object, default: object) -> object:
    return default if value is None else value


def _object(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise PreludeError(f"{name} must be an object, not {type(value).__name__}")
    return cast("Mapping[str, object]", value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise PreludeError(f"{name} must be a string, not {type(value).__name__}")
    return value


def _status(value: object) -> int:
    """A status: a number of three digits, or its text."""
    if not re.fullmatch("[1-9][0-9]{2}", str(value), re.ASCII) or not isinstance(value, int | str):
        raise PreludeError("its member statusCode must be a number of three digits")
    return int(value)
