"""What a caller says of a client, before anything is looked up.

Owns the names of the arguments, their defaults, and the checks that need nothing from outside. Must not read the environment.
"""

import logging
import ssl
from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import attrs

from ..codecs import JsonCodec
from ..errors import ConfigurationError
from ..errors.checks import (
    check_choice,
    check_flag,
    check_header_text,
    check_instance_with,
    check_path,
    check_seconds,
    check_text,
    check_whole,
    checked_by,
)
from ..types.interfaces import Codec, CredentialsProvider, RetryStrategy, Transport
from ..types.values import UNSET, Credentials, PayloadLimits, ResponseLimits, TcpKeepAlive, Timeouts, Unset, shown

if TYPE_CHECKING:
    from .setting_report import Explained

    Attribute = attrs.Attribute[Any]

__all__ = ["Arguments", "checked_context"]


_CREDENTIALS = "Credentials, or a provider of them"
_RETRY = "a retry strategy"
_CODEC = "a codec"
_TRANSPORT = "a transport"
_LOGGER = "a logging.Logger"
_MOST_CALLS = 1_000_000_000


def _timeouts(value: float | Timeouts | None) -> Timeouts:
    return value if isinstance(value, Timeouts) else Timeouts(total=value)


def _check_credentials(instance: object, attribute: "Attribute", value: object) -> None:
    if not (value is None or isinstance(value, Credentials)):
        check_instance_with(attribute.name, value, _CREDENTIALS, "get_credentials")


def _check_keep_alive(instance: object, attribute: "Attribute", value: object) -> None:
    if not (value is None or isinstance(value, TcpKeepAlive | Unset)):
        raise ConfigurationError(f"{attribute.name} is TcpKeepAlive(...), or None to switch it off; got {shown(value)}")


def _check_limits(instance: object, attribute: "Attribute", value: object) -> None:
    if not isinstance(value, PayloadLimits):
        raise ConfigurationError(f"{attribute.name} is PayloadLimits(...); got {shown(value)}")


def _check_response_limits(instance: object, attribute: "Attribute", value: object) -> None:
    if not isinstance(value, ResponseLimits):
        raise ConfigurationError(f"{attribute.name} is ResponseLimits(...); got {shown(value)}")


def _check_idle(instance: object, attribute: "Attribute", value: object) -> None:
    check_seconds(attribute.name, value, optional=False)


def _check_ca_bundle(instance: object, attribute: "Attribute", value: object) -> None:
    if isinstance(value, bool):
        raise ConfigurationError(
            f"{attribute.name} is a PEM file or a folder of certificates; got {value}: TLS is always verified, by default with "
            "the system's authorities"
        )
    check_path(attribute.name, value)


def _check_ssl_context(instance: "Arguments", attribute: "Attribute", value: object) -> None:
    if value is None:
        return
    if instance.ca_bundle is not None:
        raise ConfigurationError(
            f"ca_bundle and {attribute.name} contradict each other: load the bundle into the context "
            "(context.load_verify_locations), and give the context alone"
        )
    checked_context(value, attribute.name)


def checked_context(context: object, name: str) -> ssl.SSLContext:
    """The context, if it verifies the server and its name; `ConfigurationError` otherwise: TLS is always verified."""
    if not isinstance(context, ssl.SSLContext):
        raise ConfigurationError(f"{name} is an ssl.SSLContext; got {shown(context)}")
    if context.verify_mode is ssl.CERT_NONE or not context.check_hostname:
        raise ConfigurationError(
            f"{name} does not verify the server (verify_mode CERT_NONE, or check_hostname False), and TLS is always verified: "
            "begin with ssl.create_default_context(), and load a private authority into it"
        )
    return context


def _check_proxy(instance: object, attribute: "Attribute", value: str | None) -> None:
    check_text(attribute.name, value)
    if value:
        from ..protocol.urls import checked_proxy  # noqa: PLC0415 - most clients have no proxy

        checked_proxy(value)


def _url_shown(url: str | None) -> str:
    from ..protocol.urls import url_shown  # noqa: PLC0415 - as above

    return "None" if url is None else repr(url_shown(url))


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

    region: str | None = attrs.field(default=None, validator=checked_by(check_text))
    profile: str | None = attrs.field(default=None, validator=checked_by(check_text))
    credentials: Credentials | CredentialsProvider | None = attrs.field(default=None, validator=_check_credentials)
    endpoint_url: str | None = attrs.field(default=None, validator=checked_by(check_text), repr=_url_shown)
    ignore_configured_endpoint_urls: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    use_fips_endpoint: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    use_dualstack_endpoint: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    use_arn_region: bool = attrs.field(default=False, validator=checked_by(check_choice))
    timeout: Timeouts = attrs.field(factory=Timeouts, converter=_timeouts)
    tcp_keepalive: TcpKeepAlive | Unset | None = attrs.field(default=UNSET, validator=_check_keep_alive)
    retry: RetryStrategy | None = attrs.field(
        default=None, validator=checked_by(check_instance_with, _RETRY, "pause", "succeeded", optional=True)
    )
    retry_stale_connections: bool = attrs.field(default=True, validator=checked_by(check_choice))
    disable_clock_skew_correction: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    max_concurrency: int | None = attrs.field(
        default=None, validator=checked_by(check_whole, optional=True, least=1, most=_MOST_CALLS)
    )
    idempotent: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    limits: PayloadLimits = attrs.field(factory=PayloadLimits, validator=_check_limits)
    response_limits: ResponseLimits = attrs.field(factory=ResponseLimits, validator=_check_response_limits)
    codec: Codec = attrs.field(factory=JsonCodec, validator=checked_by(check_instance_with, _CODEC, "encode", "decode"))
    transport: Transport | None = attrs.field(
        default=None, validator=checked_by(check_instance_with, _TRANSPORT, "send", "close", optional=True)
    )
    idle_connection_timeout: float = attrs.field(default=60.0, validator=_check_idle)
    ca_bundle: str | PathLike[str] | None = attrs.field(default=None, validator=_check_ca_bundle)
    ssl_context: ssl.SSLContext | None = attrs.field(default=None, validator=_check_ssl_context)
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=_url_shown)
    logger: logging.Logger | None = attrs.field(
        default=None, validator=checked_by(check_instance_with, _LOGGER, "isEnabledFor", "debug", "warning", optional=True)
    )
    user_agent_extra: str | None = attrs.field(default=None, validator=checked_by(check_header_text))
    user_agent_app_id: str | None = attrs.field(default=None, validator=checked_by(check_header_text))
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

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled and copied as it was given: what an open client found is looked for anew, perhaps on another machine."""
        fields = [field.name for field in attrs.fields(type(self)) if field.name != "_looked_up"]
        return _rebuilt, (type(self), {name: self.given(name) for name in fields})

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


def _rebuilt(kind: type[Arguments], fields: dict[str, Any]) -> Arguments:
    return kind(**fields)
