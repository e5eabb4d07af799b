"""Reads one HTTP/1.1 response after another from the bytes of a connection.

Laws: one final response for one request. A response must state exactly where it ends, or it is refused. No state of one
response affects the next: trailers are dropped, and bytes after a response make the connection unusable (an empty line in the
same read does not: httptools skips it). A limit is never exceeded by more than one read.

Owns the framing of responses, and their limits in bytes and heads. Must not know sockets, time, or the meaning of a response.
httptools parses. It accepts some messages that this module must refuse: see `on_headers_complete`.
Source: RFC 9112, sections 4 (status line), 6 (the length of a message), 7.1 (chunks and trailers) and 9.3 (persistence).
"""

import io
import re
from typing import Any

import httptools

from ..types.values import ResponseLimits

__all__ = ["ResponseError", "ResponseReader"]

_IN_PLACE = 64 * 1024
"""Bytes. The rest of a longer body is received directly into its place, without a copy."""
_FRAMING = 8
"""Bytes of chunk sizes and line ends that are allowed for each byte of a body; a chunk of one byte has five."""
_BEGIN = b"HTTP/1.1 "
_FIRST_BYTE = ord("H")
"""Of a status line. httptools takes those of RTSP and ICE as well, and skips empty lines before it."""
_WITHOUT_BODY = (204, 304)
_MOST_NAMES = 1000
_SPACES = b" \t"


class ResponseError(Exception):
    """The response cannot be used. The text continues "the answer from HOST ...", and quotes nothing of the response."""


class ResponseReader:
    """The responses of one connection. `begin` prepares for the next one, and `feed` takes bytes until it is complete.

    - `has_head`: the head of the final response is complete, so `status` and `fields` are set.
    - `is_complete`: the whole response was received. `is_reusable`: the connection can carry another request after it.
    - `place`: the rest of a large body, to be filled directly; `None` if the next bytes belong to `feed`.
    - `repeated`: all values of the fields that came more than once, of which `fields` has the first.
    - `has_begun`: a head is being received. An interim response (1xx) has a head of its own.
    """

    __slots__ = (
        "_allowed",
        "_body",
        "_body_size",
        "_come",
        "_come_before",
        "_has_no_body",
        "_has_odd_coding",
        "_interim",
        "_is_http_1_1",
        "_is_interim",
        "_large",
        "_limits",
        "_lines",
        "_most",
        "_parser",
        "fields",
        "has_begun",
        "has_head",
        "is_complete",
        "is_reusable",
        "place",
        "repeated",
        "status",
    )

    def __init__(self, limits: ResponseLimits) -> None:
        self._limits = limits
        self._parser: Any = None
        self.begin(None)
        self.is_complete = True

    def begin(self, most: int | None) -> None:
        """Prepare for the response to the next request. Its body may have `most` bytes; `None` if it is streamed."""
        self._most = most
        self._has_no_body = False
        self.status = 0
        self.fields: dict[str, str] = _NO_FIELDS
        self.repeated: dict[str, list[str]] | None = None
        self.has_head = self.has_begun = self.is_complete = self.is_reusable = self._is_interim = False
        self._has_odd_coding = False
        self._lines: list[tuple[bytes, bytes]] = _NO_LINES  # one of its own once the head begins: a call may wait for long
        self._interim = self._come = self._come_before = self._body_size = 0
        self._allowed = self._limits.head
        self._body: list[bytes] = _NO_BODY
        self._large: io.BytesIO | None = None
        self.place: memoryview | None = None

    @property
    def progress(self) -> int:
        """A number that changes when a part of the response ends, or the next one begins: an interim head, a head."""
        return -1 if self.has_head else 2 * self._interim + self.has_begun

    def feed(self, data: memoryview) -> None:
        """Take received bytes. `ResponseError` if the response cannot be used."""
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpResponseParser(self)
        if not self._come:
            self._is_http_1_1 = data[:9] == _BEGIN  # pyright: ignore[reportUnnecessaryComparison] - a view equals the same bytes
            if not self._is_http_1_1 and data[0] != _FIRST_BYTE:
                raise ResponseError("is not valid HTTP: it does not begin with a status line")
        self._come += len(data)
        try:
            parser.feed_data(data)
        except _ParserErrors as error:
            self._parser = None
            self.is_reusable = False
            if not (self.is_complete and isinstance(error, httptools.HttpParserCallbackError)):
                raise self._refusal(error) from None
            return  # a second response: the first one stands
        if self._come > self._allowed and (not self.is_complete or "transfer-encoding" in self.fields):
            self._check_size()
        if self._large is not None and (self._has_no_body or not self.is_complete):
            self._parser = None  # it has taken the head, and the rest of the body needs none

    def expect_no_body(self) -> None:
        """The response is one to HEAD, which ends with its head, whatever length that states. Call it after `begin`."""
        self._has_no_body = True

    def filled(self, count: int) -> None:
        """So many bytes were received into `place`."""
        self._body_size += count
        place = self.place
        self.place = None if place is None or count >= len(place) else place[count:]
        self.is_complete = self.place is None

    def body(self) -> bytes:
        """The body of a complete response that is not streamed."""
        if self._large is not None:
            return self._large.getvalue()  # without a copy: nothing else refers to its buffer
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    def pieces(self) -> list[bytes]:
        """The pieces of a streamed body that were received since the last look."""
        pieces, self._body = self._body, []
        return pieces

    def drop_body(self) -> None:
        """Keep nothing of a body that was handed on."""
        self._body, self._lines, self._large = _NO_BODY, _NO_LINES, None

    def forget(self) -> None:
        """Drop what was received of the current response. Further bytes belong to none."""
        self.is_complete, self.is_reusable = True, False
        self._parser = self.place = None
        self.drop_body()

    # The parser calls these

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.is_reusable = False
        self.has_begun, self._lines = True, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name, value))  # after the head: a trailer, which nobody reads

    def on_headers_complete(self) -> None:
        """Refuse what httptools accepts: another version, an unknown or a second transfer coding, a response without an end."""
        if self.is_complete:
            raise ResponseError("is followed by a second one")
        parser = self._parser
        status = self.status = parser.get_status_code()
        if self._come > self._limits.head:
            self._check_head()
        fields = self.fields = self._fields_of(self._lines)
        if status < 200:
            self._check_interim(status)
            return
        self.has_head, self.has_begun = True, False
        if self._has_no_body:
            self._end_at_head(parser.get_http_version())
            return
        length = fields.get("content-length")
        if length is None or not self._is_http_1_1 or self._interim or "transfer-encoding" in fields:
            self._check_framing(parser.get_http_version())
        elif self._most is not None:
            self._make_place(int(length), self._most)
        self._body = []

    def on_body(self, data: bytes) -> None:
        size = len(data)
        if self.place is not None:
            self.place[:size] = data
            self.filled(size)
            return
        self._body_size += size
        if self._most is not None and self._body_size > self._most:
            raise self._too_long_body()
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = self._has_odd_coding = False
            self._come_before = self._come
            self._allowed = self._come + self._limits.head
            return
        self.is_complete = True
        self.is_reusable = self._parser.should_keep_alive()

    def _fields_of(self, lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
        """The fields of a head. If a name is repeated, the first counts."""
        fields: dict[str, str]
        try:
            fields = {_NAMES[name]: value.rstrip(_SPACES).decode("utf-8", "surrogateescape") for name, value in lines}
        except KeyError:  # a name that was not met before
            fields = {}
        if len(fields) == len(lines):
            return fields
        fields, repeated = {}, dict[str, list[str]]()
        for name, value in lines:
            key = name.decode("ascii").lower()  # the parser has refused other characters
            if key == "transfer-encoding":  # never in `_NAMES`, so that each is looked at
                # httptools does not know a coding that ends in a tab, and reads the chunks as the body.
                self._has_odd_coding |= key in fields or value.endswith(b"\t")
            elif len(_NAMES) < _MOST_NAMES:
                _NAMES[name] = key
            text = value.rstrip(_SPACES).decode("utf-8", "surrogateescape")
            if key in fields:
                repeated.setdefault(key, [fields[key]]).append(text)
            else:
                fields[key] = text
        self.repeated = repeated or None
        return fields

    def _end_at_head(self, version: str) -> None:
        """The response is complete: it answers a HEAD. Bytes after it belong to none."""
        if version not in ("1.0", "1.1"):
            raise ResponseError("has another HTTP version than 1.0 or 1.1")
        self.is_complete = True
        self.is_reusable = self._parser.should_keep_alive()
        self._body, self._large, self._most = [], io.BytesIO(), 0  # a body is longer than it may be

    def _make_place(self, size: int, most: int) -> None:
        """Prepare for a body of this size."""
        if size > most:
            raise self._too_long_body()
        if size > _IN_PLACE and self.status not in _WITHOUT_BODY:
            self.is_reusable = self._parser.should_keep_alive()
            self._large = io.BytesIO(bytes(size))
            self.place = self._large.getbuffer()

    # Checks

    def _check_interim(self, status: int) -> None:
        if status == 101 or status < 100:
            raise ResponseError(f"has the status {status}, which is no answer to this request")
        self._interim += 1
        if self._interim > self._limits.interim:
            raise _too_much("interim", f"came after more than {self._limits.interim:,} heads with a status of 1xx")
        self._is_interim, self.has_begun, self.repeated = True, False, None

    def _check_framing(self, version: str) -> None:
        """Refuse a response that does not state exactly where it ends; the end of the connection does not count."""
        fields = self.fields
        if version not in ("1.0", "1.1"):
            raise ResponseError("has another HTTP version than 1.0 or 1.1")
        coding = fields.get("transfer-encoding")
        if coding is not None:
            if "content-length" in fields:
                raise ResponseError("has both a Content-Length and a Transfer-Encoding")
            if version == "1.0" or self._has_odd_coding or coding.lower() != "chunked":
                raise ResponseError("has a Transfer-Encoding that is not exactly 'chunked'")
        elif "content-length" not in fields and self.status not in _WITHOUT_BODY:
            raise ResponseError("has neither a Content-Length nor a chunked Transfer-Encoding")
        elif self._most is not None:
            self._make_place(int(fields.get("content-length", 0)), self._most)

    def _check_size(self) -> None:
        """Refuse a head, or the framing of the body so far, that exceeds its limit."""
        self._allowed = self._come_before + self._limits.head + (1 + _FRAMING) * self._body_size
        if self._come > self._allowed:
            raise self._too_long_head()

    def _check_head(self) -> None:
        """The same check for a head that was received in one piece with the bytes after it."""
        if sum(len(name) + len(value) + len(": \r\n") for name, value in self._lines) > self._limits.head:
            raise self._too_long_head()

    def _refusal(self, error: Exception) -> ResponseError:
        if isinstance(error, httptools.HttpParserCallbackError) and isinstance(error.__context__, ResponseError):
            return error.__context__
        if self.is_complete:
            return ResponseError("is followed by bytes that belong to no answer")
        return ResponseError(f"is not valid HTTP: {_complaint(error)}")

    def _too_long_head(self) -> ResponseError:
        return _too_much("head", f"has more than {self._limits.head:,} bytes of head and trailers")

    def _too_long_body(self) -> ResponseError:
        return _too_much("body", f"has a body of more than {self._most:,} bytes")


_NO_FIELDS: dict[str, str] = {}
_NO_LINES: list[tuple[bytes, bytes]] = []
_NO_BODY: list[bytes] = []
"""Before a response begins, and after it was handed on. Nothing is ever added to these."""

_ParserErrors = (httptools.HttpParserError, httptools.HttpParserUpgrade)

_NAMES: dict[bytes, str] = {}
"""The names of fields as they were received, with their text in lower case."""


def _complaint(error: Exception) -> str:
    """The parser's complaint, without the bytes that it may quote."""
    if isinstance(error, httptools.HttpParserUpgrade):
        return "it switches to another protocol"
    return re.split(r"[:\n\"]|'(?!t )", str(error), maxsplit=1)[0].strip() or "malformed"  # "can't be" quotes nothing


def _too_much(bound: str, problem: str) -> ResponseError:
    return ResponseError(f"{problem}; response_limits=ResponseLimits({bound}=...) sets this limit")
