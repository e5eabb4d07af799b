"""Writes a request in HTTP/1.1 on a connection from the pool.

Laws: a request that HTTP cannot carry is never written. `content-length` is always the true length of the body. A request is
written once.

Owns the writing of a request. Must not know the origin of connections, or Lambda.
Source: RFC 9112. aiohttp's session and request classes support any use of HTTP (redirects, cookies, decompression, forms), and
cost three times as much as this module (`benchmarks/README.md`).
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
"""Up to so many bytes, a body is written in one piece with the head."""
_WRITTEN_AT_ONCE = 1024 * 1024
"""Up to so many bytes, a body is handed to the loop at once. A task writes a larger one in pieces, beside the wait."""
_PIECE = 256 * 1024


def head_of(request: Request, target: str, route: Route) -> bytes:
    """The request line and the header.

    `content-length` is the current length of the body, and the field is ignored. If the body was changed after signing, the
    server refuses the request, and must not read it as two requests.
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
        errors="surrogatepass"  # as in the signature; the check below refuses them
    )
    # Two control characters end each line. If there are others, or non-ASCII characters, each field is checked.
    if len(head.translate(None, _CONTROLS)) != len(head) - 2 * len(lines) - 6 or not head.isascii():
        check_values(fields)
    if not are_fit(method, *fields):
        check_names(method, fields)
    return head


def begin(line: Line, exchange: Exchange) -> "asyncio.Task[None] | None":
    """Write a request. For a large one, return the task that writes it."""
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
    """Stop writing: an answer, or the end of the connection, came before all was written."""
    if not writing.done():
        line.protocol.force_close()
        writing.cancel()
    await asyncio.wait([writing])


def _forget(writing: "asyncio.Task[None]") -> None:
    """Retrieve the exception; the wait for the answer reports the failure."""
    if not writing.cancelled():
        writing.exception()


async def _write_pieces(line: Line, exchange: Exchange) -> None:
    """Write head and body as fast as the peer reads. If the connection ends, the wait for the answer reports it."""
    writer, request = StreamWriter(line.protocol, asyncio.get_running_loop()), exchange.request
    await writer.write(exchange.head)
    exchange.head = b""
    pieces = memoryview(request.body)
    for start in range(0, len(pieces), _PIECE):
        await writer.write(pieces[start : start + _PIECE])
        await asyncio.sleep(0)  # let other tasks run, even if the peer is fast
    line.intake.expect()
