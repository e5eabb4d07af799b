"""The bytes of HTTP/1.1 messages: heads of requests, fields, sizes of chunks, responses.

Law: an ambiguous request, which two parsers could read differently, is refused.

Must not know sockets, paths, or the rules of admission.
Source: RFC 9112.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

__all__ = [
    "HEAD_LIMIT",
    "BadRequest",
    "HttpResponse",
    "RequestHead",
    "parse_chunk_size",
    "parse_fields",
    "parse_head",
    "serialize",
]

HEAD_LIMIT = 64 * 1024
"""Bytes of a head, of all trailers, and of any one line."""
_FIELD_LIMIT = 200

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_FIELDS = re.compile(rf"(?:{_WORD}:[\t\x20-\x7e\x80-\xff]*+\r\n)*+")
_REQUEST_LINE = re.compile(rf"({_WORD}) (/[\x21-\x7e]*) HTTP/([0-9]\.[0-9])")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rf"([0-9A-Fa-f]{{1,15}})(?:[ \t]*;[ \t]*{_WORD}(?:[ \t]*=[ \t]*(?:{_WORD}|{_QUOTED}))?)*")
_SINGLE = ("content-length", "host", "transfer-encoding")
"""Fields that make a request ambiguous if they are repeated."""
_WHITE = " \t"


class BadRequest(Exception):
    """The request is invalid or not supported. The client gets `status`, and the connection is closed."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class HttpResponse(NamedTuple):
    """A complete response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class RequestHead(NamedTuple):
    """The head of a request. Names of fields are in lower case."""

    method: str
    path: str
    fields: Mapping[str, str]
    length: int | None
    """The length of the body; `None` if it is chunked."""
    is_last: bool
    """Whether this is the client's last request on the connection."""


def parse_head(head: bytes) -> RequestHead:
    """Parse the head of a request, with its empty line."""
    text = head.decode("latin-1").removeprefix("\r\n")  # one empty line before a request is allowed
    line, _, rest = text.partition("\r\n")
    method, path = _parse_request_line(line)
    return RequestHead(method, path, *_parse_rest(rest[:-2]))


@lru_cache(maxsize=64)
def _parse_rest(text: str) -> tuple[Mapping[str, str], int | None, bool]:
    """Fields, length and `is_last`. A runtime sends nearly the same fields for each invocation."""
    fields = parse_fields(text)
    return fields, _body_length(fields), _is_last(fields)


def _parse_request_line(line: str) -> tuple[str, str]:
    """Return method and path."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest("the first line is not a request line")
    method, path, version = match.groups()
    if version != "1.1":
        raise BadRequest("this server supports HTTP/1.1 only", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    return method, path


def parse_fields(text: str) -> Mapping[str, str]:
    """Parse fields, each with its line end. Repeated fields are joined, if they may be repeated."""
    if len(text) > HEAD_LIMIT or text.count("\n") > _FIELD_LIMIT:
        raise BadRequest("there are too many fields")
    if _FIELDS.fullmatch(text) is None:
        raise BadRequest("a line of the head is not a field")
    fields: dict[str, str] = {}
    for line in text.split("\r\n")[:-1]:
        written, _, value = line.partition(":")
        name, value = written.lower(), value.strip(_WHITE)
        if name in fields:
            if name in _SINGLE:
                raise BadRequest(f"the field {name} is repeated")
            value = f"{fields[name]}, {value}"
        fields[name] = value
    return fields


def _body_length(fields: Mapping[str, str]) -> int | None:
    if "host" not in fields:
        raise BadRequest("a request must have a Host field")
    coding = fields.get("transfer-encoding")
    if coding is None:
        length = fields.get("content-length", "0")
        if _LENGTH.fullmatch(length) is None:
            raise BadRequest("the Content-Length is not a number of bytes")
        return int(length)
    if "content-length" in fields:
        raise BadRequest("a request must not have both Content-Length and Transfer-Encoding")
    if coding.lower() != "chunked":
        raise BadRequest("the only supported Transfer-Encoding is chunked", HTTPStatus.NOT_IMPLEMENTED)
    return None


def parse_chunk_size(line: str) -> int:
    """Parse the first line of a chunk, without its line end."""
    chunk = _CHUNK.fullmatch(line)
    if chunk is None:
        raise BadRequest("a chunk must begin with its size")
    return int(chunk[1], 16)


def _is_last(fields: Mapping[str, str]) -> bool:
    return "close" in [option.strip(_WHITE) for option in fields.get("connection", "").lower().split(",")]


def serialize(response: HttpResponse, *, closes: bool) -> bytes:
    """The bytes of a response."""
    fields = "".join([f"{name}: {value}\r\n" for name, value in response.headers.items()])
    end = "Connection: close\r\n\r\n" if closes else "\r\n"
    head = f"{_status_line(response.status)}{fields}Content-Length: {len(response.body)}\r\n{end}"
    return head.encode("latin-1") + response.body


@lru_cache(maxsize=16)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
