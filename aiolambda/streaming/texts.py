"""The texts in a stream: lines, the events of `text/event-stream`, and the head that a function writes for an HTTP answer.

Owns these formats, each of them fed piece by piece. Must not know where the pieces come from.
Source: "Server-sent events" of the HTML standard; "Response streaming" of the Lambda developer guide, for the head.
"""

import codecs
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import attrs

__all__ = ["HTTP_CONTENT_TYPE", "PRELUDE_END", "HttpPrelude", "Lines", "SseEvent", "SseEvents", "prelude_of", "utf8_decoder"]

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


def prelude_of(head: bytes) -> HttpPrelude:
    """The head as its JSON has it. `ValueError` or `TypeError` where that has another shape."""
    members = _object(json.loads(head))
    cookies: object = members.get("cookies") or []
    if not isinstance(cookies, list):
        raise TypeError(f"a list stands here, not {type(cookies).__name__}")
    return HttpPrelude(
        status_code=int(members.get("statusCode") or 200),
        headers={name: str(value) for name, value in _object(members.get("headers") or {}).items()},
        cookies=[str(cookie) for cookie in cast("list[object]", cookies)],
    )


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"an object stands here, not {type(value).__name__}")
    return cast("Mapping[str, Any]", value)
