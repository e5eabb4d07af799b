"""The texts in a stream: lines, the events of `text/event-stream`, and the head that a function writes for an HTTP answer.

Owns these formats, each of them fed piece by piece. Must not know where the pieces come from.
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
"""What stands between the head and the body of an HTTP answer."""

utf8_decoder = codecs.getincrementaldecoder("utf-8")
"""Makes a decoder that keeps a character whole which two chunks share; what is not UTF-8 is a `UnicodeDecodeError`."""


class Lines:
    r"""Bytes of UTF-8 become lines without their ends, which are `\n`, `\r\n` or `\r`, as in a text file."""

    def __init__(self) -> None:
        self._decoder = io.IncrementalNewlineDecoder(utf8_decoder(), translate=True)
        self._begun = io.StringIO()

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[str]:
        """The lines that are whole; with `final`, also what stands behind the last end of a line."""
        first, *others = self._decoder.decode(data, final=final).split("\n")
        self._begun.write(first)
        for line in others:
            whole, self._begun = self._begun.getvalue(), io.StringIO()
            self._begun.write(line)
            yield whole
        if final and (rest := self._begun.getvalue()):
            yield rest


@attrs.frozen(kw_only=True)
class SseEvent:
    """A server-sent event. `event` is `message` where the sender names none; `id` is the last that was sent."""

    event: str = "message"
    data: str = attrs.field(repr=lambda data: f"<{len(data)} characters>")
    id: str | None = None


class SseEvents:
    """Lines become events; what is not ended by an empty line is none."""

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
    """The head that a function writes in front of a body that is meant for HTTP."""

    status_code: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    cookies: list[str] = attrs.field(factory=list[str], repr=False)


class PreludeError(ValueError):
    """A head that cannot be read. The text never quotes it."""


def prelude_of(head: bytes) -> HttpPrelude:
    """The head as its JSON has it. `PreludeError` if that has another shape; a member that is `null` counts as missing."""
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


def _object(what: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise PreludeError(f"{what} must be an object, not {type(value).__name__}")
    return cast("Mapping[str, object]", value)


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise PreludeError(f"{what} must be a string, not {type(value).__name__}")
    return value


def _status(value: object) -> int:
    """A number of three digits, or a text of them."""
    if not re.fullmatch("[1-9][0-9]{2}", str(value), re.ASCII) or not isinstance(value, int | str):
        raise PreludeError("its member statusCode must be a number of three digits")
    return int(value)
