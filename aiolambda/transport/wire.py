"""HTTP/1.1 on a connection that is lent: a request as bytes, and the head of its answer as aiohttp's parser reads it.

Laws: what HTTP cannot carry is never written; the length of a body is its own; a request goes out once.

Owns the writing of a request. Must not know where connections come from, nor Lambda.
Source: RFC 9112. aiohttp's own session and request classes do the same for any use of HTTP (redirects, cookies, decompression,
forms); for this one they cost three times as much as all that is here (`benchmarks/README.md`).
"""

import asyncio
import contextlib
import functools
import re
from collections.abc import Mapping

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage, StreamWriter

from ..errors import ConfigurationError, InvalidInputError
from ..messages import Request
from ..models import Unset
from .line import Line
from .pool import Route

__all__ = ["Answer", "begin", "head_of", "limit_silence", "origin_and_target"]

_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_CONTROLS = bytes([*range(32), 127])
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNFIT_IN_URL = re.compile(r"[^\x21-\x7e]")
_READ_BUFFER = 1024 * 1024
"""Bytes that are read ahead: with aiohttp's default of 64 KiB, 6 MB take 18 ms instead of 13."""
_LONGEST_HEADER = 64 * 1024
_JOINED = 64 * 1024
"""Bytes of a body that are written in one piece with the head."""
_WRITTEN_AT_ONCE = 1024 * 1024
"""Bytes of a body that are handed to the loop in one piece; a larger one goes by pieces, beside the wait for the answer."""
_PIECE = 256 * 1024

Answer = tuple[RawResponseMessage, aiohttp.StreamReader]


@functools.lru_cache(maxsize=1024)
def origin_and_target(url: str) -> tuple[str, str]:
    """Scheme with authority, and target. `ConfigurationError` for a URL that cannot be asked for."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest or _UNFIT_IN_URL.search(rest) is not None:
        raise ConfigurationError("the request's URL is not valid")
    authority, slash, path = rest.partition("#")[0].partition("/")
    if not slash and "?" in authority:
        authority, _, query = authority.partition("?")
        return f"{scheme}://{authority}", f"/?{query}"
    return f"{scheme}://{authority}", f"/{path}"


def head_of(request: Request, target: str, route: Route) -> bytes:
    """The request line and the header, with the length of the body as it is now."""
    fields = request.headers.fields
    _check(request.method, fields)
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if name != "content-length"]
    if "host" not in fields:
        lines.append(f"host: {route.host_field}\r\n")
    if route.is_relayed:
        target = f"{route.url.origin()}{target}"
        if (authorization := route.headers.get("Proxy-Authorization")) is not None:
            lines.append(f"proxy-authorization: {authorization}\r\n")
    return f"{request.method} {target} HTTP/1.1\r\n{''.join(lines)}content-length: {len(request.body)}\r\n\r\n".encode()


async def begin(line: Line, head: bytes, request: Request) -> Answer:
    """Send a request and wait for the head of its answer. Raises what aiohttp's parser and asyncio raise."""
    protocol, body = line.protocol, request.body
    protocol.set_response_params(
        read_until_eof=True,
        auto_decompress=False,
        read_bufsize=_READ_BUFFER,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
    )
    if len(body) > _WRITTEN_AT_ONCE:
        return await _begin_upload(line, head, request)
    if len(body) <= _JOINED:
        line.transport.write(head + body)
    else:
        line.transport.writelines([head, body])
    line.expect(seconds(request.timeouts.read))
    answer = await protocol.read()
    return answer if answer[0].code >= 200 else await _final(protocol, answer)


def limit_silence(line: Line, limit: float | Unset | None) -> None:
    """Let aiohttp watch the rest of an answer, which knows when each piece of it came."""
    line.protocol.read_timeout = seconds(limit)
    line.protocol.start_timeout()


def seconds(limit: float | Unset | None) -> float | None:
    """A limit that may not have been given."""
    return None if isinstance(limit, Unset) else limit


async def _begin_upload(line: Line, head: bytes, request: Request) -> Answer:
    """The same for a large body: an answer may come before all of it is written, and ends the writing."""
    writing = asyncio.create_task(_write_pieces(line, head, request), name="write a request")
    try:
        return await _final(line.protocol, await line.protocol.read())
    finally:
        if not writing.done():
            line.protocol.force_close()
            writing.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError, aiohttp.ClientError):
            await writing


async def _write_pieces(line: Line, head: bytes, request: Request) -> None:
    """Head and body, no faster than the peer takes them. Where the answer is awaited, a connection that ends says so."""
    writer = StreamWriter(line.protocol, asyncio.get_running_loop())
    await writer.write(head)
    pieces = memoryview(request.body)
    for start in range(0, len(pieces), _PIECE):
        await writer.write(pieces[start : start + _PIECE])
        await asyncio.sleep(0)  # others have their turn between, however quick the peer is
    line.expect(seconds(request.timeouts.read))


async def _final(protocol: ResponseHandler, answer: Answer) -> Answer:
    """The answer itself, behind those that only say that it will come."""
    while answer[0].code < 200 and answer[0].code != 101:
        answer = await protocol.read()
    return answer


def _check(method: str, fields: Mapping[str, str]) -> None:
    """`InvalidInputError` for a name or a value that HTTP cannot carry; the value is not shown."""
    if not _TOKEN.fullmatch(method):
        raise InvalidInputError("the request's method holds a character that HTTP cannot carry", member="method")
    if "transfer-encoding" in fields:
        raise InvalidInputError(
            "the transport gives a body its length: transfer-encoding has no place", member="transfer-encoding"
        )
    values = "".join(fields.values())
    if (_is_plain(values) or _UNFIT.search(values) is None) and _are_tokens(tuple(fields)):
        return
    name = next(name for name, value in fields.items() if _UNFIT.search(value) or not _TOKEN.fullmatch(name))
    raise InvalidInputError(f"the header {name!r} holds a character that HTTP cannot carry", member=name)


def _is_plain(text: str) -> bool:
    """Whether it is ASCII without control characters, as nearly all headers are; ten times as quick as the pattern."""
    return text.isascii() and len(text.encode().translate(None, _CONTROLS)) == len(text)


@functools.lru_cache(maxsize=256)
def _are_tokens(names: tuple[str, ...]) -> bool:
    return all(map(_TOKEN.fullmatch, names))
