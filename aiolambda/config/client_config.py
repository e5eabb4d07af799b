"""The settings of a client, as its caller gives them: names, types, defaults and checks.

The checks here need nothing from outside: the environment, the profile and the files are read when the client opens.
"""

import logging
import os
import ssl
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, TypedDict

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
from ..types.interfaces import Codec, CredentialsProvider, RetryStrategy, Transport, is_offline
from ..types.values import UNSET, Credentials, PayloadLimits, ResponseLimits, TcpKeepAlive, Timeouts, Unset, shown
from .tls import checked_context

if TYPE_CHECKING:
    from .explain import Explained
    from .resolve import FoundSettings

    Attribute = attrs.Attribute[Any]

__all__ = ["ClientSettings", "LambdaClientConfig", "filled_config"]


class ClientSettings(TypedDict, total=False):
    """The keyword arguments of `LambdaClient` and their types. `LambdaClientConfig` explains them."""

    region: str | None
    profile: str | None
    credentials: Credentials | CredentialsProvider | None
    endpoint_url: str | None
    ignore_configured_endpoint_urls: bool | None
    use_fips_endpoint: bool | None
    use_dualstack_endpoint: bool | None
    use_arn_region: bool
    timeout: float | Timeouts | None
    tcp_keepalive: TcpKeepAlive | None
    retry: RetryStrategy | None
    retry_stale_connections: bool
    disable_clock_skew_correction: bool | None
    max_concurrency: int | None
    idempotent: bool | None
    limits: PayloadLimits
    response_limits: ResponseLimits
    codec: Codec
    transport: Transport | None
    idle_connection_timeout: float
    ca_bundle: str | PathLike[str] | None
    ssl_context: ssl.SSLContext | None
    proxy: str | None
    logger: logging.Logger | None
    user_agent_extra: str | None
    user_agent_app_id: str | None


_MAX_CONCURRENCY = 1_000_000_000


def _timeouts(value: float | Timeouts | None) -> Timeouts:
    return value if isinstance(value, Timeouts) else Timeouts(total=value)


def _check_credentials(instance: object, attribute: "Attribute", value: object) -> None:
    if not (value is None or isinstance(value, Credentials)):
        check_instance_with(attribute.name, value, "Credentials, or a provider of them", "get_credentials")


def _check_keep_alive(instance: object, attribute: "Attribute", value: object) -> None:
    if not (value is None or isinstance(value, TcpKeepAlive | Unset)):
        raise ConfigurationError(f"{attribute.name} must be TcpKeepAlive(...), or None to switch it off; got {shown(value)}")


def _check_limits(kind: type) -> Any:
    def check(instance: object, attribute: "Attribute", value: object) -> None:
        if not isinstance(value, kind):
            raise ConfigurationError(f"{attribute.name} must be {kind.__name__}(...); got {shown(value)}")

    return check


def _check_ca_bundle(instance: object, attribute: "Attribute", value: object) -> None:
    if isinstance(value, bool):
        raise ConfigurationError(
            f"{attribute.name} must be a PEM file or a folder of certificates; got {value}: TLS is always verified, by default "
            "with the system's authorities"
        )
    check_path(attribute.name, value)


def _check_ssl_context(instance: "LambdaClientConfig", attribute: "Attribute", value: object) -> None:
    if value is None:
        return
    if instance.ca_bundle is not None:
        raise ConfigurationError(
            f"ca_bundle and {attribute.name} contradict each other: load the bundle into the context "
            "(context.load_verify_locations), and give the context alone"
        )
    checked_context(value, attribute.name)


def _check_proxy(instance: object, attribute: "Attribute", value: str | None) -> None:
    check_text(attribute.name, value)
    if value:
        from ..protocol.urls import checked_proxy  # noqa: PLC0415 - most clients have no proxy

        checked_proxy(value)


def _url_shown(url: str | None) -> str:
    from ..protocol.urls import url_shown  # noqa: PLC0415 - as above

    return "None" if url is None else repr(url_shown(url))


class _Filled:
    """The values that an open client put into its config, and those that the caller had given in their place.

    `owner` is the config that `found` describes. A config that is evolved from it shares this note but is not its owner.
    """

    owner: "LambdaClientConfig"

    def __init__(self, *, given: Mapping[str, object], values: Mapping[str, object], found: "FoundSettings") -> None:
        self.given = given
        self.values = values
        self.found = found


@attrs.frozen(kw_only=True)
class LambdaClientConfig:
    """The settings of a client.

    `None` means: look the setting up, or use the default given here. If they are not given, `region`, `profile`,
    `credentials`, `endpoint_url`, `ignore_configured_endpoint_urls`, `use_fips_endpoint`, `use_dualstack_endpoint`, `retry`,
    `ca_bundle`, `proxy`, `tcp_keepalive`, `user_agent_app_id` and `disable_clock_skew_correction` are looked up in the
    environment, then in the profile. `explain()` shows the value and the source of each.

    A value of a wrong type raises `ConfigurationError` when the client is built. The error names the setting.

    - `timeout`: seconds for the whole call, or `Timeouts`.
    - `idle_connection_timeout`: seconds after which an unused connection is closed.
    - `max_concurrency`: the number of invocations in flight.
    - `tcp_keepalive`: `None` switches the probes off.
    - `ca_bundle`: a PEM file, or a folder of certificates.
    - `ssl_context`: an `ssl.SSLContext` in place of a bundle, such as one with a client certificate. It is used for the
      endpoint, and for a proxy that is reached over https. It must verify the server.
    - `proxy`: a URL. It may hold the proxy's user and password, percent-encoded. `""` means no proxy, even if the environment
      names one.
    - `retry`: the client's own `StandardRetry()`, if nothing is given.
    - `use_arn_region`: if a function's ARN names another region than the client's, the call goes to that region.
    - `idempotent`: running a function twice does no harm. `False` also switches off the repeats that a kind of invocation
      allows by itself.
    - `retry_stale_connections=False`: do not repeat a request if the server had closed its pooled connection before any byte of
      the request arrived.
    - `limits` and `response_limits`: sizes of requests and of responses.
    """

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
        default=None, validator=checked_by(check_instance_with, "a retry strategy", "pause", "succeeded", optional=True)
    )
    retry_stale_connections: bool = attrs.field(default=True, validator=checked_by(check_choice))
    disable_clock_skew_correction: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    max_concurrency: int | None = attrs.field(
        default=None, validator=checked_by(check_whole, optional=True, least=1, most=_MAX_CONCURRENCY)
    )
    idempotent: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    limits: PayloadLimits = attrs.field(factory=PayloadLimits, validator=_check_limits(PayloadLimits))
    response_limits: ResponseLimits = attrs.field(factory=ResponseLimits, validator=_check_limits(ResponseLimits))
    codec: Codec = attrs.field(factory=JsonCodec, validator=checked_by(check_instance_with, "a codec", "encode", "decode"))
    transport: Transport | None = attrs.field(
        default=None, validator=checked_by(check_instance_with, "a transport", "send", "close", optional=True)
    )
    idle_connection_timeout: float = attrs.field(
        default=60.0, validator=lambda _, attribute, value: check_seconds(attribute.name, value, optional=False)
    )
    ca_bundle: str | PathLike[str] | None = attrs.field(default=None, validator=_check_ca_bundle)
    ssl_context: ssl.SSLContext | None = attrs.field(default=None, validator=_check_ssl_context)
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=_url_shown)
    logger: logging.Logger | None = attrs.field(
        default=None,
        validator=checked_by(check_instance_with, "a logging.Logger", "isEnabledFor", "debug", "warning", optional=True),
    )
    user_agent_extra: str | None = attrs.field(default=None, validator=checked_by(check_header_text))
    user_agent_app_id: str | None = attrs.field(default=None, validator=checked_by(check_header_text))
    _filled: _Filled | None = attrs.field(default=None, repr=False, eq=False, alias="_filled")

    def explained(self) -> "tuple[Explained, ...]":
        """Each setting with its value, its source and the names that can set it. No secret is in it.

        Before the client is open this blocks, because it reads files. It raises nothing: a setting that is wrong has a
        `problem`.
        """
        from .explain import explain, explained  # noqa: PLC0415 - reads files, and so does loading it

        filled = self._filled
        return explained(filled.found) if filled is not None and filled.owner is self else explain(self, os.environ)

    def explain(self) -> str:
        """The same as a table to print."""
        from .explain import as_table  # noqa: PLC0415 - as above

        return as_table(self.explained())

    def given(self, name: str) -> object:
        """The value that the caller gave for a setting. A value that an open client filled in was not given."""
        value, filled = getattr(self, name), self._filled
        if filled is not None and name in filled.values and filled.values[name] == value:
            return filled.given[name]
        return value

    @property
    def is_offline(self) -> bool:
        """Whether the transport never reaches AWS. Then the client reads neither files nor the credential chain."""
        return is_offline(self.transport)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled and copied as it was given: the copy, perhaps on another machine, looks its settings up anew."""
        fields = [field.name for field in attrs.fields(type(self)) if field.name != "_filled"]
        return _rebuilt, (type(self), {name: self.given(name) for name in fields})


def _rebuilt(kind: type[LambdaClientConfig], fields: dict[str, Any]) -> LambdaClientConfig:
    return kind(**fields)


def filled_config(config: LambdaClientConfig, found: "FoundSettings") -> LambdaClientConfig:
    """The config of an open client: region, endpoint and keep-alive filled in, with a note that they were not given."""
    values: dict[str, Any] = {
        "region": found.signing_region,
        "endpoint_url": found.url,
        "tcp_keepalive": found.tcp_keepalive.value,
    }
    note = _Filled(given={name: config.given(name) for name in values}, values=values, found=found)
    note.owner = attrs.evolve(config, **values, _filled=note)
    return note.owner
