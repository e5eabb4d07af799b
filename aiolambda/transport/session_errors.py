"""Maps exceptions of a session of aiohttp to errors of this package, which say whether the request left and hold no secret.

Laws: a request of which no byte was handed to a connection has not left. Every other loss is unknown: a session shows no facts
of the kernel.

Owns the texts of these errors. Must not send, or know the settings of a session.
"""

import re

import aiohttp
from yarl import URL

from ..errors import ConnectError, ConnectionLostError, InvocationTimeoutError, QueueTimeoutError, TransportError
from ..policy import delivery
from ..types.http import Loss, Request

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
_NOT_TRANSIENT = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
_REFUSED_BY_PROXY = (401, 403, 407)
"""Some proxies, such as tinyproxy, answer 401 to a wrong password."""
_QUOTED = r"[:\n'\"]|\bb(?=['\"])"


def map_error(error: Exception, request: Request, *, written: bool, in_queue: float | None = None) -> TransportError:
    """The error of this package. Raise it after the `except` block, or aiohttp's exception becomes its context.

    `written` is whether a byte of the request was handed to a connection. `in_queue` is the limit, in seconds, of the wait for
    the connector together with the connection, if that is the limit that expired.
    """
    mapped = _mapped(error, request, written, in_queue)
    mapped.__cause__ = _cause_of(error)
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
    return ConnectionLostError(f"the connection to {where} ended {moment}: {_reason_of(error)}", delivery=lost)


def _connect_error(error: Exception, where: str) -> ConnectError:
    way = where
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        way = f"the proxy {error.host}:{error.port}, through which {where} is reached"
    refused = isinstance(error, aiohttp.ClientHttpProxyError) and error.status in _REFUSED_BY_PROXY
    transient = not (refused or isinstance(error, _NOT_TRANSIENT))
    return ConnectError(f"cannot connect to {way}: {_reason_of(error)}", transient=transient)


def _reason_of(error: Exception) -> str:
    """The reason, without the URLs and bytes of an answer that aiohttp's texts may quote."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientResponseError):
        words = error.message.rpartition("message:")[2].strip()
        complaint = re.split(_QUOTED, words, maxsplit=1)[0].strip() or "malformed"
        return f"the answer is not valid HTTP: {complaint}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _cause_of(error: Exception) -> BaseException | None:
    """A cause that is safe to show. aiohttp's exceptions, and their tracebacks, hold URLs, headers and parts of answers."""
    cause: BaseException | None = error
    if isinstance(error, aiohttp.ClientError):
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if cause is not None:
        cause.__traceback__ = cause.__context__ = cause.__cause__ = None
    return cause
