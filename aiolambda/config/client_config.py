"""The settings of a client, as its caller gives them: names, types, defaults and checks.

The checks here need nothing from outside: the environment, the profile and the files are read when the client opens.
"""

import inspect
import logging
import os
import ssl
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, TypedDict, cast

import attrs

from ..codecs import JsonCodec
from ..errors import ConfigurationError
from ..errors.checks import (
    check_choice,
    check_flag,
    check_header_text,
    check_hedge_after,
    check_instance_with,
    check_path,
    check_seconds,
    check_text,
    check_timeout,
    check_whole,
    checked_by,
)
from ..types.interfaces import Codec, CredentialsProvider, RetryStrategy, Transport, is_offline
from ..types.mistakes import HidesNamesElsewhere, Remedies, explains_arguments, kind_of, name_elsewhere
from ..types.values import (
    UNSET,
    Credentials,
    HedgeAfter,
    PayloadLimits,
    ResponseLimits,
    TcpKeepAlive,
    Timeouts,
    Unset,
    is_whole,
    shown,
)
from .tls import checked_context

if TYPE_CHECKING:
    from .explain import Explained
    from .resolve import FoundSettings

    Attribute = attrs.Attribute[Any]

__all__ = ["ClientSettings", "LambdaClientConfig", "filled_config"]


class ClientSettings(TypedDict, total=False):
    """The keyword arguments of `LambdaClient` and their types, for functions that pass them on.

    ::

        def client_of_team(**settings: Unpack[ClientSettings]) -> LambdaClient:
            settings.setdefault("user_agent_app_id", "team")
            return LambdaClient(**settings)
    """

    region: str | None
    """The AWS region, such as `"eu-west-1"`. Looked up; without one, opening fails."""
    profile: str | None
    """The profile of the AWS config files. Looked up in the environment; by default `default`."""
    credentials: Credentials | CredentialsProvider | None
    """`Credentials`, or a provider such as those of `aiolambda.credentials`. Looked up by default. Without them the client asks
    the environment, the profile, the container and the instance, in this order."""
    endpoint_url: str | None
    """Another endpoint than the region's, such as `"http://localhost:9000"`. Looked up."""
    ignore_configured_endpoint_urls: bool | None
    """`True` ignores endpoints of environment and profile. Looked up; by default `False`."""
    use_fips_endpoint: bool | None
    """`True` calls the FIPS endpoint of the region. Looked up; by default `False`."""
    use_dualstack_endpoint: bool | None
    """`True` calls the endpoint that has IPv6 too. Looked up; by default `False`."""
    use_arn_region: bool
    """`True` sends a call to the region that the function's ARN names. Default `False`. Without it, an ARN of another region is
    refused."""
    timeout: float | Timeouts | None
    """Seconds for each whole call, or `Timeouts`. By default a call as a whole has no limit."""
    tcp_keepalive: TcpKeepAlive | Unset | None
    """When to probe silent connections; `None`: never. Looked up; by default `TcpKeepAlive()`."""
    retry: RetryStrategy | None
    """The retry strategy. By default `StandardRetry()`, with the number of attempts that is looked up."""
    retry_stale_connections: bool
    """`True` (the default) sends again at once if the server had closed the pooled connection. This applies only if no byte of
    the request had arrived, so the function has not run."""
    disable_clock_skew_correction: bool | None
    """`True` never adapts to the clock of the service. Looked up; by default `False`."""
    max_concurrency: int | None
    """Invocations in flight at a time; further calls wait. Default 1,000. It is fewer by default if the limit of open files
    leaves less room."""
    idempotent: bool | None
    """`True`: running any function twice does no harm. By default each call decides. With `True`, an attempt with an unknown
    outcome is repeated. `False` also switches off the repeats that a kind of invocation allows."""
    hedge_after: HedgeAfter | None
    """When an idempotent call that has no answer is sent a second time. Default `None`: never. Seconds, or `"p90"`, `"p95"` or
    `"p99"`: the time in which that share of the function's answers came. The first answer wins. The function may run twice, and
    both runs are billed. It holds for calls that wait for the whole answer of a function."""
    limits: PayloadLimits
    """The largest payloads and client context to send, in bytes. Default: the limits of Lambda."""
    response_limits: ResponseLimits
    """The largest answer to accept, in bytes. Default: 16 MiB and a head of 64 KiB."""
    codec: Codec
    """Converts values to payloads, and answers to values. Default `JsonCodec()`."""
    transport: Transport | None
    """Sends the requests: `FakeTransport`, `SessionTransport` or one of your own. Default: the built-in one. The client closes
    it."""
    idle_connection_timeout: float
    """Seconds after which an unused connection is closed. Default 60."""
    ca_bundle: str | PathLike[str] | None
    """A PEM file or a folder of certificates to trust. Looked up; by default those of the system."""
    ssl_context: ssl.SSLContext | None
    """An `ssl.SSLContext` in place of `ca_bundle`, such as one with a client certificate. Default none. It must verify the
    server. It is used for the endpoint, and for a proxy that is reached over https."""
    proxy: str | None
    """The URL of an HTTP proxy; `""` is no proxy. Looked up in the environment; by default none. It may hold the proxy's user
    and password, percent-encoded."""
    logger: logging.Logger | None
    """The logger of calls and warnings. Default `logging.getLogger("aiolambda")`."""
    user_agent_extra: str | None
    """Text that is appended to the user agent. Default none."""
    user_agent_app_id: str | None
    """The name of your program in the user agent. Looked up; by default none."""


_SESSIONS = frozenset({"aioboto3", "aiobotocore", "boto3", "botocore"})
"""Packages whose sessions have a `get_credentials` with another result."""
_MAX_CONCURRENCY = 1_000_000_000


def _timeouts(value: float | Timeouts | None) -> Timeouts:
    if isinstance(value, Timeouts):
        return value
    check_timeout("timeout", value)
    return Timeouts(total=value)


def _check_credentials(instance: object, attribute: "Attribute", value: object) -> None:
    if isinstance(value, Mapping):
        raise ConfigurationError(
            f"{attribute.name} must be Credentials, or a provider of them; got {kind_of(cast('object', value))}: write "
            "Credentials(access_key_id=..., secret_access_key=..., session_token=...)"
        )
    if isinstance(value, tuple | list):
        raise ConfigurationError(
            f"{attribute.name} must be Credentials, or a provider of them; got {kind_of(cast('object', value))}: write "
            "Credentials(access_key_id, secret_access_key)"
        )
    if isinstance(value, str):
        raise ConfigurationError(
            f"{attribute.name} must be Credentials, or a provider of them; got a string: for a profile, write profile=..."
        )
    if type(value).__module__.partition(".")[0] in _SESSIONS:
        raise ConfigurationError(
            f"{attribute.name} must be Credentials, or a provider of them; got an object of {type(value).__module__}: write "
            "aiolambda.credentials.from_botocore(session)"
        )
    if not (value is None or isinstance(value, Credentials)):
        check_instance_with(
            attribute.name,
            value,
            "Credentials, or a provider of them",
            "get_credentials",
            protocol=CredentialsProvider,
            remedy=_instead_of_function,
        )


def _instead_of_function(value: object) -> str:
    if not callable(value):
        return ""
    if inspect.iscoroutinefunction(value):
        return ": give an object with `async def get_credentials(self)`"
    return f": call it, as in {value.__name__}(...)" if inspect.isroutine(value) else ": call it"


def _instead_of_retry(value: object) -> str:
    if is_whole(value, least=1):
        return f": write StandardRetry(max_attempts={shown(value)})"
    return ": write StandardRetry(max_attempts=...) or NoRetry()"


def _instead_of_logger(value: object) -> str:
    return f": write logging.getLogger({shown(value)})" if isinstance(value, str) else ""


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


_RETRY = "see config.retry, such as StandardRetry(max_attempts=3)"
_ATTRIBUTES: Remedies = {
    # the SDK for JavaScript
    "apiVersion": "there is one version of this API, 2015-03-31",
    "customUserAgent": "write config.user_agent_extra",
    "endpoint": "write config.endpoint_url",
    "maxAttempts": _RETRY,
    "requestHandler": "see config.max_concurrency, config.timeout and config.proxy",
    "retryMode": _RETRY,
    "retryStrategy": _RETRY,
    "useDualstackEndpoint": "write config.use_dualstack_endpoint",
    "useFipsEndpoint": "write config.use_fips_endpoint",
    "userAgentAppId": "write config.user_agent_app_id",
    # botocore
    "connect_timeout": "write config.timeout.connect",
    "max_pool_connections": "write config.max_concurrency",
    "proxies": "write config.proxy",
    "read_timeout": "write config.timeout.read",
    "region_name": "write config.region",
    "retries": _RETRY,
    "user_agent": "see config.user_agent_extra and config.user_agent_app_id",
}
"""Attributes that the configs of other libraries have, and what to write in their place."""


@name_elsewhere(_ATTRIBUTES)
@explains_arguments
@attrs.frozen(kw_only=True)
class LambdaClientConfig(metaclass=HidesNamesElsewhere):
    """The settings of a client as one value: `LambdaClient(config)`.

    `LambdaClient.__init__` explains each of them. A value of a wrong type raises `ConfigurationError`, which names the setting.
    `explain()` shows the value and the source of each, and the names that can set it.

    ::

        config = LambdaClientConfig(region="eu-west-1", max_concurrency=200)
        print(config.explain())
    """

    region: str | None = attrs.field(default=None, validator=checked_by(check_text))
    """The AWS region, such as `"eu-west-1"`. Looked up; without one, opening fails."""
    profile: str | None = attrs.field(default=None, validator=checked_by(check_text))
    """The profile of the AWS config files. Looked up in the environment; by default `default`."""
    credentials: Credentials | CredentialsProvider | None = attrs.field(default=None, validator=_check_credentials)
    """`Credentials`, or a provider such as those of `aiolambda.credentials`. Looked up by default. Without them the client asks
    the environment, the profile, the container and the instance, in this order."""
    endpoint_url: str | None = attrs.field(default=None, validator=checked_by(check_text), repr=_url_shown)
    """Another endpoint than the region's, such as `"http://localhost:9000"`. Looked up."""
    ignore_configured_endpoint_urls: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    """`True` ignores endpoints of environment and profile. Looked up; by default `False`."""
    use_fips_endpoint: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    """`True` calls the FIPS endpoint of the region. Looked up; by default `False`."""
    use_dualstack_endpoint: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    """`True` calls the endpoint that has IPv6 too. Looked up; by default `False`."""
    use_arn_region: bool = attrs.field(default=False, validator=checked_by(check_choice))
    """`True` sends a call to the region that the function's ARN names. Default `False`. Without it, an ARN of another region is
    refused."""
    timeout: Timeouts = attrs.field(factory=Timeouts, converter=_timeouts)
    """Seconds for each whole call, or `Timeouts`. By default a call as a whole has no limit."""
    tcp_keepalive: TcpKeepAlive | Unset | None = attrs.field(default=UNSET, validator=_check_keep_alive)
    """When to probe silent connections; `None`: never. Looked up; by default `TcpKeepAlive()`."""
    retry: RetryStrategy | None = attrs.field(
        default=None,
        validator=checked_by(
            check_instance_with,
            "a retry strategy",
            "pause",
            "succeeded",
            optional=True,
            protocol=RetryStrategy,
            remedy=_instead_of_retry,
        ),
    )
    """The retry strategy. By default `StandardRetry()`, with the number of attempts that is looked up."""
    retry_stale_connections: bool = attrs.field(default=True, validator=checked_by(check_choice))
    """`True` (the default) sends again at once if the server had closed the pooled connection. This applies only if no byte of
    the request had arrived, so the function has not run."""
    disable_clock_skew_correction: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    """`True` never adapts to the clock of the service. Looked up; by default `False`."""
    max_concurrency: int | None = attrs.field(
        default=None, validator=checked_by(check_whole, optional=True, least=1, most=_MAX_CONCURRENCY)
    )
    """Invocations in flight at a time; further calls wait. Default 1,000. It is fewer by default if the limit of open files
    leaves less room."""
    idempotent: bool | None = attrs.field(default=None, validator=checked_by(check_flag))
    """`True`: running any function twice does no harm. By default each call decides. With `True`, an attempt with an unknown
    outcome is repeated. `False` also switches off the repeats that a kind of invocation allows."""
    hedge_after: HedgeAfter | None = attrs.field(default=None, validator=checked_by(check_hedge_after))
    """When an idempotent call that has no answer is sent a second time. Default `None`: never. Seconds, or `"p90"`, `"p95"` or
    `"p99"`: the time in which that share of the function's answers came. The first answer wins. The function may run twice, and
    both runs are billed. It holds for calls that wait for the whole answer of a function."""
    limits: PayloadLimits = attrs.field(factory=PayloadLimits, validator=_check_limits(PayloadLimits))
    """The largest payloads and client context to send, in bytes. Default: the limits of Lambda."""
    response_limits: ResponseLimits = attrs.field(factory=ResponseLimits, validator=_check_limits(ResponseLimits))
    """The largest answer to accept, in bytes. Default: 16 MiB and a head of 64 KiB."""
    codec: Codec = attrs.field(
        factory=JsonCodec, validator=checked_by(check_instance_with, "a codec", "encode", "decode", protocol=Codec)
    )
    """Converts values to payloads, and answers to values. Default `JsonCodec()`."""
    transport: Transport | None = attrs.field(
        default=None,
        validator=checked_by(check_instance_with, "a transport", "send", "close", optional=True, protocol=Transport),
    )
    """Sends the requests: `FakeTransport`, `SessionTransport` or one of your own. Default: the built-in one. The client closes
    it."""
    idle_connection_timeout: float = attrs.field(
        default=60.0, validator=lambda _, attribute, value: check_seconds(attribute.name, value, optional=False)
    )
    """Seconds after which an unused connection is closed. Default 60."""
    ca_bundle: str | PathLike[str] | None = attrs.field(default=None, validator=_check_ca_bundle)
    """A PEM file or a folder of certificates to trust. Looked up; by default those of the system."""
    ssl_context: ssl.SSLContext | None = attrs.field(default=None, validator=_check_ssl_context)
    """An `ssl.SSLContext` in place of `ca_bundle`, such as one with a client certificate. Default none. It must verify the
    server. It is used for the endpoint, and for a proxy that is reached over https."""
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=_url_shown)
    """The URL of an HTTP proxy; `""` is no proxy. Looked up in the environment; by default none. It may hold the proxy's user
    and password, percent-encoded."""
    logger: logging.Logger | None = attrs.field(
        default=None,
        validator=checked_by(
            check_instance_with,
            "a logging.Logger",
            "isEnabledFor",
            "debug",
            "warning",
            optional=True,
            remedy=_instead_of_logger,
        ),
    )
    """The logger of calls and warnings. Default `logging.getLogger("aiolambda")`."""
    user_agent_extra: str | None = attrs.field(default=None, validator=checked_by(check_header_text))
    """Text that is appended to the user agent. Default none."""
    user_agent_app_id: str | None = attrs.field(default=None, validator=checked_by(check_header_text))
    """The name of your program in the user agent. Looked up; by default none."""
    _filled: _Filled | None = attrs.field(default=None, repr=False, eq=False, alias="_filled")

    def explained(self) -> "tuple[Explained, ...]":
        """Each setting with its value, its source and the names that can set it. No secret is in it.

        Before the client is open this blocks, because it reads files. It raises nothing: a setting that is wrong has a
        `problem`.
        """
        from .explain import explain, explained  # noqa: PLC0415 - reads files, and so does loading it

        filled = self._filled
        if filled is not None and filled.owner is self:
            return explained(filled.found, self)
        return explain(self, os.environ)

    def explain(self) -> str:
        """The same as a table to print."""
        from .explain import as_table  # noqa: PLC0415 - as above

        return as_table(self.explained())

    def given(self, name: str) -> object:
        """The value that the caller gave for a setting. A value that an open client filled in was not given.

        Args:
            name: The name of the setting.
        """
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


def filled_config(config: LambdaClientConfig, found: "FoundSettings", *, max_concurrency: int) -> LambdaClientConfig:
    """The config of an open client: what was looked up and counted is filled in, with a note that it was not given."""
    values: dict[str, Any] = {
        "max_concurrency": max_concurrency,
        "region": found.signing_region,
        "endpoint_url": found.url,
        "tcp_keepalive": found.tcp_keepalive.value,
    }
    note = _Filled(given={name: config.given(name) for name in values}, values=values, found=found)
    note.owner = attrs.evolve(config, **values, _filled=note)
    return note.owner
