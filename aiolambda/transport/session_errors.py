"""Maps exceptions of a session of aiohttp to errors of this package, which say whether the request left and hold no secret.

Laws: a request of which no byte was handed to a connection has not left. Every other loss is unknown: a session shows no facts
of the kernel.

Owns the texts of these errors. Must not send, or know the settings of a session.
"""

import aiohttp
from yarl import URL

from ..errors import ConnectError, ConnectionLostError, InvocationTimeoutError, QueueTimeoutError, TransportError
from ..policy import delivery
from ..types.http import Loss, Request
from .aiohttp_errors import cause_of, is_transient, reason_of

__all__ = ["FAILURES", "map_error"]

FAILURES = (aiohttp.ClientError, OSError)
"""`TimeoutError` is an `OSError`."""

_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def map_error(error: Exception, request: Request, *, written: bool, in_queue: float | None = None) -> TransportError:
    """The error of this package. Raise it after the `except` block, or aiohttp's exception becomes its context.

    `written` is whether a byte of the request was handed to a connection. `in_queue` is the limit, in seconds, of the wait for
    the connector together with the connection, if that is the limit that expired.
    """
    mapped = _mapped(error, request, written, in_queue)
    mapped.__cause__ = cause_of(error)
    return mapped


def _mapped(error: Exception, request: Request, written: bool, in_queue: float | None) -> TransportError:
    where = URL(request.url, encoded=True).host_port_subcomponent or "the server"
    if not written:
        if in_queue is not None:
            return QueueTimeoutError(f"the session's connector opened no connection to {where} within {in_queue} s")
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return InvocationTimeoutError(
                f"no connection to {where} within {request.timeouts.connect} s",
                exceeded="connect",
                stage="connect",
                delivery=delivery.verdict_of_silence("connect"),
            )
        if isinstance(error, _NEVER_SENT) or type(error) is aiohttp.ClientConnectionError:
            return _connect_error(error, where)
    stage = request.stage if written else "wait"
    if isinstance(error, TimeoutError):
        silence = "took no more of the request" if stage == "send" else "did not send the whole head of an answer"
        silence = "did not send the whole body of the answer" if stage == "receive" else silence
        return InvocationTimeoutError(f"{where} {silence} within {request.timeouts.read} s", exceeded="read", stage=stage)
    moment = "in the middle of the answer" if stage == "receive" else "before an answer came"
    lost = delivery.verdict_of_loss(Loss())
    return ConnectionLostError(f"the connection to {where} ended {moment}: {reason_of(error)}", delivery=lost)


def _connect_error(error: Exception, where: str) -> ConnectError:
    way = where
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        way = f"the proxy {error.host}:{error.port}, through which {where} is reached"
    return ConnectError(f"cannot connect to {way}: {reason_of(error)}", transient=is_transient(error))
