"""What a caller says of a client, before anything is looked up.

Owns the names of the arguments, their defaults, and the checks that need nothing from outside. Must not read the environment.
"""

import logging
from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Self

import attrs

from ..codecs import JsonCodec
from ..errors import ConfigurationError
from ..interfaces import Codec, CredentialsProvider, RetryStrategy, Transport
from ..models import UNSET, Credentials, PayloadLimits, ResponseLimits, TcpKeepAlive, Timeouts, Unset

if TYPE_CHECKING:
    from .explained import Explained

__all__ = ["Arguments"]


def _timeouts(value: float | Timeouts | None) -> Timeouts:
    return value if isinstance(value, Timeouts) else Timeouts(total=value)


def _check_concurrency(instance: object, attribute: "attrs.Attribute[int | None]", value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigurationError(f"max_concurrency is a number of calls, 1 or more; got {value!r}")


def _check_proxy(instance: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value:
        from ..protocol.endpoints import checked_proxy  # noqa: PLC0415 - most clients have no proxy

        checked_proxy(value)


def _check_flag(instance: object, attribute: "attrs.Attribute[bool | None]", value: object) -> None:
    """A text such as 'false' would be true."""
    if not (value is None or isinstance(value, bool)):
        raise ConfigurationError(f"{attribute.name} is True, False or None; got {value!r}")


def _check_choice(instance: object, attribute: "attrs.Attribute[bool]", value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{attribute.name} is True or False; got {value!r}")


def _check_response_limits(instance: object, attribute: "attrs.Attribute[ResponseLimits]", value: object) -> None:
    if not isinstance(value, ResponseLimits):
        raise ConfigurationError(f"response_limits is a ResponseLimits(body=, head=, interim=); got {value!r}")


def _check_header_text(instance: object, attribute: "attrs.Attribute[str | None]", value: str | None) -> None:
    if value is not None and not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{attribute.name} goes into a header, and holds a character that none may")


def _url_shown(url: str | None) -> str:
    return "..." if url is not None and "@" in url else repr(url)


class LookedUp:
    """What an open client filled into its config.

    `filled` by name, and what the caller had `given` instead; `explained` tells where everything came from. `owner` is the
    config that this is about: one that was evolved from it is another.
    """

    owner: object = None

    def __init__(
        self, *, given: Mapping[str, object], filled: Mapping[str, object], explained: "Callable[[], tuple[Explained, ...]]"
    ) -> None:
        self.given = given
        self.filled = filled
        self.explained = explained


@attrs.frozen(kw_only=True)
class Arguments:
    """The fields of `LambdaClientConfig`, which see."""

    region: str | None = None
    profile: str | None = None
    credentials: Credentials | CredentialsProvider | None = None
    endpoint_url: str | None = attrs.field(default=None, repr=_url_shown)
    ignore_configured_endpoint_urls: bool | None = attrs.field(default=None, validator=_check_flag)
    use_fips_endpoint: bool | None = attrs.field(default=None, validator=_check_flag)
    use_dualstack_endpoint: bool | None = attrs.field(default=None, validator=_check_flag)
    use_arn_region: bool = attrs.field(default=False, validator=_check_choice)
    timeout: Timeouts = attrs.field(factory=Timeouts, converter=_timeouts)
    tcp_keepalive: TcpKeepAlive | Unset | None = UNSET
    retry: RetryStrategy | None = None
    repeat_lost_idle: bool = True
    disable_clock_skew_correction: bool | None = attrs.field(default=None, validator=_check_flag)
    max_concurrency: int | None = attrs.field(default=None, validator=_check_concurrency)
    idempotent: bool | None = None
    limits: PayloadLimits = attrs.field(factory=PayloadLimits)
    response_limits: ResponseLimits = attrs.field(factory=ResponseLimits, validator=_check_response_limits)
    codec: Codec = attrs.field(factory=JsonCodec)
    transport: Transport | None = None
    idle_connection_timeout: float = 60.0
    ca_bundle: str | PathLike[str] | None = None
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=_url_shown)
    logger: logging.Logger | None = None
    user_agent_extra: str | None = attrs.field(default=None, validator=_check_header_text)
    user_agent_app_id: str | None = attrs.field(default=None, validator=_check_header_text)
    _looked_up: LookedUp | None = attrs.field(default=None, repr=False, eq=False, alias="_looked_up")

    def with_found(
        self,
        *,
        region: str,
        endpoint_url: str,
        tcp_keepalive: TcpKeepAlive | None,
        explained: "Callable[[], tuple[Explained, ...]]",
    ) -> Self:
        """The same with what was found, and a note that it was not given."""
        filled = {"region": region, "endpoint_url": endpoint_url, "tcp_keepalive": tcp_keepalive}
        looked_up = LookedUp(given={name: self.given(name) for name in filled}, filled=filled, explained=explained)
        found = attrs.evolve(self, region=region, endpoint_url=endpoint_url, tcp_keepalive=tcp_keepalive, _looked_up=looked_up)
        looked_up.owner = found
        return found

    @property
    def is_offline(self) -> bool:
        """Whether the transport reaches no AWS: then neither files nor a chain can say anything of it."""
        return bool(getattr(self.transport, "offline", False))

    def given(self, name: str) -> object:
        """What the caller gave for a setting: what an open client has filled in was not given."""
        value, filled = getattr(self, name), self._looked_up
        if filled is not None and name in filled.filled and filled.filled[name] == value:
            return filled.given[name]
        return value
