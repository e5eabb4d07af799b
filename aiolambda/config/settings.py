"""The settings of a client, as the caller gave them.

Owns their names, defaults and checks that need nothing from outside. Must not read the environment.
"""

import logging
from os import PathLike

import attrs

from ..codecs import JsonCodec
from ..errors import ConfigurationError
from ..interfaces import Codec, CredentialsProvider, RetryStrategy, Transport
from ..models import Credentials, PayloadLimits, TcpKeepAlive, Timeouts
from ..protocol.endpoints import checked_proxy

__all__ = ["LambdaClientConfig"]


def _timeouts(value: float | Timeouts | None) -> Timeouts:
    return value if isinstance(value, Timeouts) else Timeouts(total=value)


def _check_concurrency(instance: object, attribute: "attrs.Attribute[int | None]", value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigurationError(f"max_concurrency is a number of calls, 1 or more; got {value!r}")


def _check_proxy(instance: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value is not None:
        checked_proxy(value)


def _check_header_text(instance: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value is not None and not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{attribute.name} goes into a header, and holds a character that none may")


def _url_shown(url: str | None) -> str:
    return "..." if url is not None and "@" in url else repr(url)


@attrs.frozen(kw_only=True)
class LambdaClientConfig:
    """Everything that can be said of a client; `None` is "look it up", or the default that stands here.

    `timeout` is in seconds for the whole call, or `Timeouts`. `idle_connection_timeout` is in seconds. `max_concurrency` is
    the number of invocations in flight. `tcp_keepalive=None` switches the probes off. `ca_bundle` is a PEM file, or a folder
    of certificates. `proxy` is a URL, which may hold the proxy's user and password. `retry` is a `StandardRetry()` of the
    client's own, if nothing is given. `idempotent` says that running a function twice does no harm; `False` also switches off
    what an invocation implies. `repeat_lost_idle=False` stops the repeat of a request that found its pooled connection ended
    by the server before any byte of it had arrived.
    """

    region: str | None = None
    profile: str | None = None
    credentials: Credentials | CredentialsProvider | None = None
    endpoint_url: str | None = attrs.field(default=None, repr=_url_shown)
    timeout: Timeouts = attrs.field(factory=Timeouts, converter=_timeouts)
    tcp_keepalive: TcpKeepAlive | None = attrs.field(factory=TcpKeepAlive)
    retry: RetryStrategy | None = None
    repeat_lost_idle: bool = True
    max_concurrency: int | None = attrs.field(default=None, validator=_check_concurrency)
    idempotent: bool | None = None
    limits: PayloadLimits = attrs.field(factory=PayloadLimits)
    codec: Codec = attrs.field(factory=JsonCodec)
    transport: Transport | None = None
    idle_connection_timeout: float = 60.0
    ca_bundle: str | PathLike[str] | None = None
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=_url_shown)
    logger: logging.Logger | None = None
    user_agent_extra: str | None = attrs.field(default=None, validator=_check_header_text)
