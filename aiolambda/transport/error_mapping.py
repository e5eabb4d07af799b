"""Maps what ended a request to errors of this package, which say how far the request got and hold no secret.

Owns the texts of these errors. Must not decide whether the function may have run: `policy` does.
"""

import aiohttp
from yarl import URL

from ..errors import ConnectError, ConnectionLostError, InvocationTimeoutError, QueueTimeoutError, TransportError
from ..policy import delivery
from ..types.values import Delivery
from .aiohttp_errors import cause_of, is_transient, reason_of
from .connection import LateResponse, NoResponse, ServerDisconnected, StalledUpload
from .exchange import Displaced, Exchange, StalledHandshake
from .response_reader import ResponseError

__all__ = ["FAILURES", "map_error"]

FAILURES = (aiohttp.ClientError, ResponseError, OSError)
"""What ends a request: errors of aiohttp while a connection is opened, and errors of this package and of the system.

`TimeoutError` is an `OSError`."""
_CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)


async def map_error(error: Exception, exchange: Exchange) -> TransportError:
    """The error of this package for one that ended a request.

    Raise it after the `except` block, or aiohttp's exception becomes its context.
    """
    if isinstance(error, QueueTimeoutError):
        return error
    mapped = await _mapped(error, exchange)
    says_all = isinstance(error, ResponseError | ServerDisconnected)
    mapped.__cause__ = None if says_all else cause_of(error)
    return mapped


async def _mapped(error: Exception, exchange: Exchange) -> TransportError:
    request = exchange.request
    where = URL(request.url, encoded=True).host_port_subcomponent or "the server"
    if request.stage in ("queue", "connect") or isinstance(error, _CONNECT_ERRORS):
        return _connect_error(error, exchange, where)
    if isinstance(error, StalledUpload):
        silence = f"{where} took no byte of the request for {request.timeouts.read} s"
        return InvocationTimeoutError(silence, exceeded="read", stage="send")
    if isinstance(error, NoResponse | LateResponse):  # the kernel has a TimeoutError, too: the connection is lost
        exchange.note_stage()
        nothing = f"no byte came from {where} for {request.timeouts.read} s"
        silence = f"{where} was too slow: {error}" if isinstance(error, LateResponse) else nothing
        return InvocationTimeoutError(silence, exceeded="read", stage=request.stage)
    return await _lost(error, exchange, where)


async def _lost(error: Exception, exchange: Exchange, where: str) -> ConnectionLostError:
    if isinstance(error, ResponseError):
        return ConnectionLostError(f"the answer from {where} {error}")
    exchange.note_stage()
    if exchange.request.stage == "receive":
        return ConnectionLostError(f"the connection to {where} ended in the middle of the answer: {reason_of(error)}")
    loss = await exchange.loss()
    return ConnectionLostError(
        f"the connection to {where} ended before an answer came: {reason_of(error)}",
        delivery=delivery.verdict_of_loss(loss),
        stale_connection=delivery.stale_connection(loss),
    )


def _connect_error(error: Exception, exchange: Exchange, where: str) -> TransportError:
    request, proxy = exchange.request, None if exchange.route is None else exchange.route.proxy
    if isinstance(error, Displaced):
        gone = f"the idle connection to {where} that was reserved for the request was closed"
        return ConnectionLostError(gone, delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    way = where if proxy is None else f"{where} through the proxy {proxy.host_port_subcomponent}"
    failed_at = (error.host, error.port) if isinstance(error, aiohttp.ClientConnectorError) else None
    if proxy is not None and failed_at == (proxy.raw_host, proxy.port):
        way = f"the proxy {proxy.host_port_subcomponent}, through which {where} is reached"
    if not isinstance(error, TimeoutError):
        return ConnectError(f"cannot connect to {way}: {reason_of(error)}", transient=is_transient(error))
    text = f"no connection to {way} within {request.timeouts.connect} s"
    if isinstance(error, StalledHandshake):
        missing = "TLS handshake" if proxy is None else "tunnel with TLS"
        text = f"{text}: the {'server' if proxy is None else 'proxy'} accepted it, but there was no {missing}"
    return InvocationTimeoutError(
        text,
        exceeded="connect",
        stage="connect",
        delivery=Delivery.NOT_DELIVERED,
    )
