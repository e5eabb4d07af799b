"""The checks of an answer that came over a session of aiohttp, and the reading of its body.

Laws: an answer must say exactly where it ends, or it is refused. An answer that cannot belong to the request is refused.

Owns the limits of an answer in bytes. Must not know requests or time.
Source: RFC 9112, section 6 (the length of a message).
"""

import aiohttp

from ..errors import ConnectionLostError
from ..types.values import ResponseLimits

__all__ = ["body_of", "problem_of"]

_WITHOUT_BODY = (204, 304)


def problem_of(answer: aiohttp.ClientResponse, limits: ResponseLimits, most: int | None, *, written: bool) -> str | None:
    """The reason to refuse the head of an answer, `None` if there is none. Its body may have `most` bytes.

    `written` is whether the request was handed to a connection. If not, aiohttp found the answer on an idle connection: it
    gives the second answer to one request to the next. Only an answer made in this process, as by aioresponses, has no version.
    """
    if not written:
        return None if answer.version is None else "came before the request was written, so it belongs to another request"
    size = len(answer.reason or "") + sum(len(name) + len(value) + len(": \r\n") for name, value in answer.raw_headers)
    if size > limits.head:
        return f"has more than {limits.head:,} bytes of head; response_limits=ResponseLimits(head=...) sets this limit"
    if answer.method == "HEAD":  # it ends with its head
        return None
    length = answer.headers.get("Content-Length")
    if length is not None and most is not None and int(length) > most:
        return _too_long_body(most)
    return _framing_problem(answer, has_length=length is not None)


def _framing_problem(answer: aiohttp.ClientResponse, *, has_length: bool) -> str | None:
    if answer.version not in (aiohttp.HttpVersion10, aiohttp.HttpVersion11):
        return "has another HTTP version than 1.0 or 1.1"
    encodings = answer.headers.getall("Transfer-Encoding", [])
    if encodings and has_length:
        return "has both a Content-Length and a Transfer-Encoding"
    if not encodings:
        no_end = not has_length and answer.status not in _WITHOUT_BODY
        return "has neither a Content-Length nor a chunked Transfer-Encoding" if no_end else None
    is_chunked = [encoding.strip().lower() for encoding in encodings] == ["chunked"]
    is_fit = is_chunked and answer.version == aiohttp.HttpVersion11
    return None if is_fit else "has a Transfer-Encoding that is not exactly 'chunked'"


async def body_of(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body. `ConnectionLostError` if it has more than `most` bytes."""
    if "Content-Length" in answer.headers:
        return await answer.read()  # `problem_of` has checked the length; tracing sees a body that is read like this
    body, piece = bytearray(), b""
    try:
        async for piece in answer.content.iter_any():
            body += piece
            if len(body) > most:
                raise ConnectionLostError(f"the answer from {answer.url.host_port_subcomponent} {_too_long_body(most)}")
        return bytes(body)
    finally:
        del body, piece  # a traceback that is printed with locals would show them


def _too_long_body(most: int) -> str:
    return f"has a body of more than {most:,} bytes; response_limits=ResponseLimits(body=...) sets this limit"
