"""HTTP/1.1 on a connection that is lent: a request as bytes.

Laws: what HTTP cannot carry is never written; the length of a body is its own; a request goes out once.

Owns the writing of a request. Must not know where connections come from, nor Lambda.
Source: RFC 9112. aiohttp's own session and request classes do the same for any use of HTTP (redirects, cookies, decompression,
forms); for this one they cost three times as much as all that is here (`benchmarks/README.md`).
"""

import asyncio

from aiohttp.http import StreamWriter

from ..protocol.header_fields import are_fit, check_names, check_values
from ..protocol.urls import host_of
from ..types.http import Request
from ..types.values import Unset
from .connection import Line
from .exchange import Exchange
from .pool import Route

__all__ = ["begin", "end_writing", "head_of"]

_CONTROLS = bytes([*range(32), 127])
_JOINED = 64 * 1024
"""Bytes of a body that are written in one piece with the head."""
_WRITTEN_AT_ONCE = 1024 * 1024
"""Bytes of a body that are handed to the loop in one piece; a larger one goes by pieces, beside the wait for the answer."""
_PIECE = 256 * 1024


def head_of(request: Request, target: str, route: Route) -> bytes:
    """The request line and the header.

    The length is that of the body as it is now, whatever the field says: a body that was changed behind its signature is
    refused, and must not be read as two requests.
    """
    fields, method = request.headers.fields, request.method
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if name != "content-length"]
    if "host" not in fields:
        lines.append(f"host: {host_of(request.url)}\r\n")
    if route.is_relayed:
        target = f"{route.url.origin()}{target}"
        if route.proxy_credentials is not None:
            lines.append(f"proxy-authorization: {route.proxy_credentials}\r\n")
    head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}content-length: {len(request.body)}\r\n\r\n".encode(
        errors="surrogatepass"  # as for signing: it is refused below
    )
    # Two control characters end each line. With any other, or with what is not ASCII, the fields are looked at one by one.
    if len(head.translate(None, _CONTROLS)) != len(head) - 2 * len(lines) - 6 or not head.isascii():
        check_values(fields)
    if not are_fit(method, *fields):
        check_names(method, fields)
    return head


def begin(line: Line, exchange: Exchange) -> "asyncio.Task[None] | None":
    """Send a request; a large one by a task, beside the wait for the answer."""
    request = exchange.request
    size, limit = len(request.body), request.timeouts.read
    line.intake.begin(None if isinstance(limit, Unset) else limit)
    if size > _WRITTEN_AT_ONCE:
        writing = asyncio.create_task(_write_pieces(line, exchange), name="write a request")
        writing.add_done_callback(_forget)
        return writing
    if size <= _JOINED:
        line.transport.write(exchange.head + request.body)
    else:
        line.transport.writelines([exchange.head, request.body])
    exchange.head = b""
    line.intake.expect()
    return None


async def end_writing(line: Line, writing: "asyncio.Task[None]") -> None:
    """An answer, or the end of the connection, came before all was written: the rest is not."""
    if not writing.done():
        line.protocol.force_close()
        writing.cancel()
    await asyncio.wait([writing])


def _forget(writing: "asyncio.Task[None]") -> None:
    """What ends the writing is told where the answer is awaited."""
    if not writing.cancelled():
        writing.exception()


async def _write_pieces(line: Line, exchange: Exchange) -> None:
    """Head and body, no faster than the peer takes them. Where the answer is awaited, a connection that ends says so."""
    writer, request = StreamWriter(line.protocol, asyncio.get_running_loop()), exchange.request
    await writer.write(exchange.head)
    exchange.head = b""
    pieces = memoryview(request.body)
    for start in range(0, len(pieces), _PIECE):
        await writer.write(pieces[start : start + _PIECE])
        await asyncio.sleep(0)  # others have their turn between, however quick the peer is
    line.intake.expect()
