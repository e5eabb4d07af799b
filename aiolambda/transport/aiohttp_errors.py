"""What may be shown of an exception of aiohttp, or of the system: its reason, and a cause that holds no secret.

Laws: aiohttp's exceptions hold URLs with passwords, request headers and parts of answers, and so do their tracebacks, causes
and contexts. None of these is shown.

Must not know how far a request got.
"""

import os
import re

import aiohttp

__all__ = ["cause_of", "is_transient", "reason_of"]

_QUOTED = r"[:\n'\"]|\bb(?=['\"])"
_REFUSED_BY_PROXY = (401, 403, 407)
"""Some proxies, such as tinyproxy, answer 401 to a wrong password."""
_NOT_TRANSIENT = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def reason_of(error: Exception) -> str:
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
        if error.errno is not None and error.strerror.startswith("Connect call failed"):  # asyncio hides the system's reason
            return os.strerror(error.errno)
        return error.strerror
    return _reason_without_text(error)


def cause_of(error: Exception) -> BaseException | None:
    """A cause that is safe to show; `None` if there is none."""
    cause: BaseException | None = error
    if isinstance(error, aiohttp.ClientError):
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if cause is not None:
        cause.__traceback__ = cause.__context__ = cause.__cause__ = None
    return cause


def is_transient(error: Exception) -> bool:
    """Whether the next attempt to connect can succeed: not if the certificate or the client was refused."""
    refused = isinstance(error, aiohttp.ClientHttpProxyError) and error.status in _REFUSED_BY_PROXY
    return not (refused or isinstance(error, _NOT_TRANSIENT))


def _reason_without_text(error: Exception) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the peer closed the connection"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionError):  # asyncio's
        return "the connection was closed during the TLS handshake"
    return type(error).__name__
