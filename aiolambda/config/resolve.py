"""Every setting of a client, found: its value and source, or the problem with it.

Laws: a wrong setting is kept as a problem beside the others, so that all of them can be shown at once; no file is read twice.

Owns which settings there are and how they depend on each other. Reads files: call these functions in a thread.
"""

import logging
import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..policy.retry import StandardRetry
from ..protocol.endpoints import Endpoint, endpoint_for, partition_of
from ..types.interfaces import CredentialsProvider, Fetch, RetryStrategy
from ..types.loggers import PACKAGE, log_quietly
from ..types.values import UNSET, TcpKeepAlive
from .credentials.default_chain import CREDENTIALS_NAMES, credentials_at_hand, find_credentials, source_of
from .endpoint import (
    DUALSTACK,
    ENDPOINT_NAMES,
    FIPS,
    IGNORE_ENDPOINT_URLS,
    REGION,
    find_custom_url,
    find_endpoint,
    find_region,
    unless_overridden,
)
from .proxy import PROXY_NAMES, Proxy, environment_proxies, find_proxy
from .settings import Found, Setting, SettingSources, as_flag, as_header_text, as_number, as_text, attempt, one_of
from .shared_config import PROFILE_VARIABLES, Entry, SharedConfig, SharedFile, read_shared_config
from .tls import CA_BUNDLE_VARIABLES, bundle_context, checked_context

if TYPE_CHECKING:
    from .client_config import LambdaClientConfig

__all__ = ["SETTABLE_BY", "FoundSettings", "look_up", "resolve"]

T = TypeVar("T")

PROFILE: Setting[str | None] = Setting("profile", as_text, variables=PROFILE_VARIABLES)
MAX_ATTEMPTS: Setting[int | None] = Setting(
    "max_attempts", as_number, is_argument=False, variables=("AWS_MAX_ATTEMPTS",), key="max_attempts"
)
RETRY_MODE: Setting[str | None] = Setting(
    "retry_mode",
    one_of("legacy", "standard", "adaptive"),
    is_argument=False,
    variables=("AWS_RETRY_MODE",),
    key="retry_mode",
)
CA_BUNDLE: Setting[str | os.PathLike[str] | None] = Setting(
    "ca_bundle", as_text, variables=CA_BUNDLE_VARIABLES[:1], key="ca_bundle", fallbacks=CA_BUNDLE_VARIABLES[1:]
)
KEEPALIVE: Setting[bool] = Setting(
    "tcp_keepalive", as_flag, is_argument=False, variables=("BOTOCORE_TCP_KEEPALIVE",), key="tcp_keepalive"
)
APP_ID: Setting[str | None] = Setting(
    "user_agent_app_id", as_header_text, variables=("AWS_SDK_UA_APP_ID",), key="sdk_ua_app_id"
)
EXECUTION_ENVIRONMENT: Setting[str | None] = Setting(
    "execution_environment", as_text, is_argument=False, variables=("AWS_EXECUTION_ENV",)
)
CLOCK: Setting[bool] = Setting(
    "disable_clock_skew_correction",
    as_flag,
    variables=("AWS_DISABLE_CLOCK_SKEW_CORRECTION",),
    key="disable_clock_skew_correction",
)

SETTABLE_BY: Final = "settable by"
"""In a field's metadata: the names of everything that can set it. Such a field is a row of the table that people see."""


def _settable_by(*names: str) -> dict[str, tuple[str, ...]]:
    return {SETTABLE_BY: names}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FoundSettings:
    """The settings of a client. Their order is the one in which they depend on each other."""

    profile: Found[str | None] = attrs.field(metadata=_settable_by(*PROFILE.names))
    files: tuple[SharedFile, ...]
    region: Found[str | None] = attrs.field(metadata=_settable_by(*REGION.names))
    endpoint_url: Found[str | None] = attrs.field(metadata=_settable_by(*ENDPOINT_NAMES))
    """The custom URL; `None` for the one of the region."""
    ignore_configured_endpoint_urls: Found[bool] = attrs.field(metadata=_settable_by(*IGNORE_ENDPOINT_URLS.names))
    use_fips_endpoint: Found[bool] = attrs.field(metadata=_settable_by(*FIPS.names))
    use_dualstack_endpoint: Found[bool] = attrs.field(metadata=_settable_by(*DUALSTACK.names))
    use_arn_region: Found[bool] = attrs.field(metadata=_settable_by("use_arn_region="))
    endpoint: Found[Endpoint | None]
    """The endpoint that the settings above make; `None` if one of them has a problem."""
    overridden: tuple[str, ...]
    """Settings of the environment that give way to a URL of the environment."""
    credentials: Found[CredentialsProvider | None] = attrs.field(metadata=_settable_by(*CREDENTIALS_NAMES))
    """`None` if nothing is signed, or if the credential chain is to be asked."""
    retry: Found[RetryStrategy] = attrs.field(metadata=_settable_by("retry=", *MAX_ATTEMPTS.names, *RETRY_MODE.names))
    max_attempts: Found[int | None] = attrs.field(metadata=_settable_by(*MAX_ATTEMPTS.names))
    retry_mode: Found[str | None] = attrs.field(metadata=_settable_by(*RETRY_MODE.names))
    ca_bundle: Found[str | None] = attrs.field(metadata=_settable_by(*CA_BUNDLE.names))
    ssl_context: Found[ssl.SSLContext | None] = attrs.field(metadata=_settable_by("ssl_context="))
    tls: ssl.SSLContext | bool
    """The context that connections are verified with. `True` stands for the system's authorities, as in aiohttp."""
    proxy: Found[str | None] = attrs.field(metadata=_settable_by(*PROXY_NAMES))
    proxies: Proxy | None = attrs.field(repr=False)  # it may hold a password, and rich goes by the fields
    """The proxy, or a function that gives the one for a URL."""
    tcp_keepalive: Found[TcpKeepAlive | None] = attrs.field(metadata=_settable_by("tcp_keepalive=", *KEEPALIVE.names))
    user_agent_app_id: Found[str | None] = attrs.field(metadata=_settable_by(*APP_ID.names))
    execution_environment: Found[str | None] = attrs.field(metadata=_settable_by(*EXECUTION_ENVIRONMENT.names))
    disable_clock_skew_correction: Found[bool] = attrs.field(metadata=_settable_by(*CLOCK.names))

    def check(self) -> None:
        """Raise the first problem."""
        for field in attrs.fields(FoundSettings):
            found = getattr(self, field.name)
            if isinstance(found, Found) and found.problem is not None:
                raise found.problem

    @property
    def url(self) -> str:
        """The URL of the endpoint, without a trailing slash."""
        return _required(self.endpoint.value).url

    @property
    def signing_region(self) -> str:
        return _required(self.region.value)

    def url_in(self, region: str) -> str:
        """The URL for another region, with the client's options. `InvalidInputError` for a region of another partition."""
        partition, own = partition_of(region).id, _required(self.endpoint.value).partition
        if partition != own:
            raise InvalidInputError(
                f"function_name is an ARN in the partition {partition}, and the client's region is in {own}: use a client with "
                f"a region of {partition}",
                member="function_name",
            )
        return endpoint_for(
            region,
            use_fips=self.use_fips_endpoint.value,
            use_dualstack=self.use_dualstack_endpoint.value,
            custom_url=self.endpoint_url.value,
        ).url


def _required(value: T | None) -> T:
    if value is None:
        raise ConfigurationError("no endpoint: set region= or endpoint_url=")
    return value


def resolve(config: "LambdaClientConfig", environment: Mapping[str, str], *, signs: bool, fetch: Fetch) -> FoundSettings:
    """Find every setting and the source of credentials. `ConfigurationError` if one is missing or wrong."""
    found, shared = _look_up(config, environment)
    if not signs:
        found = attrs.evolve(found, credentials=Found(None, "nothing is signed"))
    found.check()
    if found.overridden:
        log_quietly(config.logger or PACKAGE, logging.WARNING, "%s: calls go to that URL", "; ".join(found.overridden))
    if not signs:
        return found
    credentials = find_credentials(
        config, environment, found.signing_region, fetch, shared=None if config.is_offline else shared
    )
    return attrs.evolve(found, credentials=Found(credentials, source_of(credentials)))


def look_up(config: "LambdaClientConfig", environment: Mapping[str, str]) -> FoundSettings:
    """Find every setting, and the credentials that are at hand. Raises nothing: a setting that is wrong has a `problem`."""
    return _look_up(config, environment)[0]


def _look_up(config: "LambdaClientConfig", environment: Mapping[str, str]) -> tuple[FoundSettings, SharedConfig]:
    """The settings, and the content of the files. The settings do not keep it, because it holds keys."""
    shared = (
        Found(SharedConfig()) if config.is_offline else attempt(lambda: read_shared_config(environment), SharedConfig(), "")
    )
    profile, sources = _profile(SettingSources(config, environment), shared)
    region, asks_for_fips = find_region(sources)
    fips = Found(value=True, source=region.source) if asks_for_fips else sources.find(FIPS, default=False)
    dualstack = sources.find(DUALSTACK, default=False)
    ignore = sources.find(IGNORE_ENDPOINT_URLS, default=False)
    url = find_custom_url(sources, shared.value, ignore)
    asked = fips, dualstack
    fips = unless_overridden(url, fips, (*FIPS.variables, *REGION.variables))
    dualstack = unless_overridden(url, dualstack, DUALSTACK.variables)
    endpoint = find_endpoint(region, url, fips, dualstack)
    max_attempts, mode, retry = _retry(sources)
    ca_bundle, ssl_context, tls = _tls(sources, is_plain=endpoint.value is not None and endpoint.value.url.startswith("http:"))
    proxy = find_proxy(config.proxy, None if endpoint.value is None else endpoint.value.url, environment)
    calls_one_url = not config.use_arn_region or url.value is not None
    found = FoundSettings(
        profile=profile,
        files=shared.value.files,
        region=region,
        endpoint_url=url,
        ignore_configured_endpoint_urls=ignore,
        use_fips_endpoint=fips,
        use_dualstack_endpoint=dualstack,
        use_arn_region=Found(value=True, source="argument use_arn_region") if config.use_arn_region else Found(value=False),
        endpoint=endpoint,
        overridden=tuple(found.source for found in (fips, dualstack) if found not in asked),
        credentials=_credentials_at_hand(config, environment),
        retry=retry,
        max_attempts=max_attempts,
        retry_mode=mode,
        ca_bundle=ca_bundle,
        ssl_context=ssl_context,
        tls=tls,
        proxy=proxy,
        proxies=proxy.value if config.proxy is not None or calls_one_url else environment_proxies(environment),
        tcp_keepalive=_keep_alive(sources),
        user_agent_app_id=sources.find(APP_ID, None),
        execution_environment=sources.find(EXECUTION_ENVIRONMENT, None),
        disable_clock_skew_correction=sources.find(CLOCK, default=False),
    )
    return found, shared.value


def _profile(sources: SettingSources, shared: Found[SharedConfig]) -> tuple[Found[str | None], SettingSources]:
    """The profile's name, and the sources with its content. A file that cannot be read is a problem of the profile."""
    name = sources.find(PROFILE, None)
    if shared.problem is not None:
        return Found(name.value, name.source, shared.problem), sources
    nothing: Mapping[str, Entry] = {}
    section = attempt(lambda: shared.value.profile(name.value, name.source), nothing, name.source)
    found = Found(name.value, name.source, section.problem)
    return found, attrs.evolve(sources, profile_name=name.value, profile=section.value)


def _retry(sources: SettingSources) -> tuple[Found[int | None], Found[str | None], Found[RetryStrategy]]:
    """The number of attempts, the mode, and the strategy that they make.

    A strategy that is given replaces both. A number of attempts bounds all of them, throttled ones too. Each mode is the
    standard strategy, because a mode does not say which calls may be sent twice.
    """
    given = sources.config.retry
    if given is not None:
        aside = "set aside by argument retry"
        return Found(None, aside), Found(None, aside), Found(given, "argument retry")
    attempts, mode = sources.find(MAX_ATTEMPTS, None), sources.find(RETRY_MODE, None)
    if attempts.value is None:
        return attempts, mode, Found(StandardRetry(), mode.source)
    return attempts, mode, Found(StandardRetry(max_attempts=attempts.value, throttling="attempts"), attempts.source)


def _tls(
    sources: SettingSources, *, is_plain: bool
) -> tuple[Found[str | None], Found[ssl.SSLContext | None], ssl.SSLContext | bool]:
    """The bundle's path, the context that was given, and the context to use.

    If the endpoint is not encrypted, the bundle is not read: that of a whole system takes 20 ms.
    """
    given = sources.config.ssl_context
    if given is not None:
        # It was checked when it was given, but it may have been changed since.
        context = attempt(lambda: checked_context(given, "ssl_context"), given, "argument ssl_context")
        return Found(None, "set aside by argument ssl_context"), context, given if context.problem is None else True
    bundle = sources.find(CA_BUNDLE, None)
    if bundle.value is None:
        return Found(None, bundle.source, bundle.problem), Found(None), True
    path = os.fspath(bundle.value)
    if path and is_plain:
        return Found(path, bundle.source), Found(None), True
    read = attempt(lambda: bundle_context(path, bundle.source), None, bundle.source)
    return Found(path, bundle.source, read.problem), Found(None), read.value or True


def _keep_alive(sources: SettingSources) -> Found[TcpKeepAlive | None]:
    given = sources.config.given("tcp_keepalive")
    if given is not UNSET:
        # The class of the config has checked its type.
        return Found(given, "argument tcp_keepalive")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    found = sources.find(KEEPALIVE, default=True)
    return Found(TcpKeepAlive() if found.value else None, found.source, found.problem)


def _credentials_at_hand(config: "LambdaClientConfig", environment: Mapping[str, str]) -> Found[CredentialsProvider | None]:
    found = attempt(lambda: credentials_at_hand(config, environment), None, "environment")
    if found.problem is not None:
        return found
    return Found(found.value, "looked for when the client opens" if found.value is None else source_of(found.value))
