"""What an open client needs, out of what was found; and the same told to people.

Owns the look for credentials, and which of them need the chain. Reads files: call `resolve` in a thread.
"""

import functools
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..protocol.endpoints import Endpoint, endpoint_for, partition_of
from ..types.interfaces import CredentialsProvider, Fetch, RetryStrategy
from ..types.values import Credentials, TcpKeepAlive
from .arguments import Arguments
from .credentials.static import checked_static, environment_credentials
from .lookup import Findings, look_up
from .proxy import environment_proxy

if TYPE_CHECKING:
    from .setting_report import Explained

__all__ = ["Resolved", "explain", "explain_findings", "find_credentials", "resolve"]

Proxy = str | Callable[[str], str | None]
"""A proxy's URL, or what gives the one for a URL."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Resolved:
    """The settings of an open client. `credentials` is `None` where nothing is signed.

    `endpoint_in` gives the endpoint for an ARN's region, where one may be of another region than the client's.
    """

    region: str
    endpoint: str
    custom_endpoint: bool
    endpoint_in: Callable[[str], str] | None
    credentials: CredentialsProvider | None
    credentials_source: str
    tls: ssl.SSLContext | bool
    proxy: Proxy | None = attrs.field(repr=False)  # rich goes by the fields, not by the class
    retry: RetryStrategy
    keep_alive: TcpKeepAlive | None
    corrects_clock: bool
    app_id: str | None
    execution_environment: str | None
    explained: Callable[[], tuple["Explained", ...]]


def resolve(config: Arguments, environment: Mapping[str, str], *, signs: bool, fetch: Fetch) -> Resolved:
    """Find every setting and the source of credentials; `ConfigurationError` where one is missing or wrong."""
    findings = look_up(config, environment, reads_files=not config.is_offline)
    findings.check()
    if findings.ignored:
        logger = config.logger or logging.getLogger("aiolambda")
        logger.warning("%s: the URL alone says where calls go", "; ".join(findings.ignored))
    endpoint = findings.endpoint.value
    if endpoint is None or endpoint.signing_region is None:
        raise ConfigurationError("no endpoint: set region= or endpoint_url=")
    credentials = find_credentials(config, environment, endpoint.signing_region, fetch) if signs else None
    source = getattr(credentials, "source", "argument")
    return Resolved(
        region=endpoint.signing_region,
        endpoint=endpoint.url,
        custom_endpoint=findings.endpoint_url.value is not None,
        endpoint_in=_endpoint_in(findings, endpoint) if config.use_arn_region else None,
        credentials=credentials,
        credentials_source=source,
        tls=findings.tls.value,
        proxy=_proxy(config, findings, environment),
        retry=findings.retry.value,
        keep_alive=findings.keep_alive.value,
        corrects_clock=not findings.disables_clock_correction.value,
        app_id=findings.app_id.value,
        execution_environment=findings.execution_environment.value,
        explained=functools.partial(_tell, findings, credentials, source if signs else "nothing is signed"),
    )


def explain(config: Arguments, environment: Mapping[str, str]) -> tuple["Explained", ...]:
    """Each setting as a client would find it now, with what is wrong. Reads files, and does not ask the chain."""
    return explain_findings(config, environment, look_up(config, environment, reads_files=not config.is_offline))


def explain_findings(config: Arguments, environment: Mapping[str, str], findings: Findings) -> tuple["Explained", ...]:
    """The same of what was looked up already."""
    try:
        credentials = _at_hand(config, environment)
    except ConfigurationError as problem:
        return _tell(findings, None, "environment", problem)
    source = "looked for when the client opens" if credentials is None else getattr(credentials, "source", "argument")
    return _tell(findings, credentials, source)


def _tell(
    findings: Findings, credentials: CredentialsProvider | None, source: str, problem: ConfigurationError | None = None
) -> tuple["Explained", ...]:
    from .explain import tell  # noqa: PLC0415 - most clients are never asked

    return tell(findings, credentials, source, problem)


def _endpoint_in(findings: Findings, own: Endpoint) -> Callable[[str], str]:
    """Gives the URL for another region, with the client's options. `InvalidInputError` for one of another partition."""
    custom_url = findings.endpoint_url.value

    def url_in(region: str) -> str:
        partition = partition_of(region).id
        if partition != own.partition:
            raise InvalidInputError(
                f"function_name is an ARN in the partition {partition}, and the client is one of {own.partition}",
                member="function_name",
            )
        return endpoint_for(
            region, use_fips=findings.use_fips.value, use_dualstack=findings.use_dualstack.value, custom_url=custom_url
        ).url

    return url_in


def _proxy(config: Arguments, findings: Findings, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for the one endpoint. Where calls go to several, the environment may leave out some of them."""
    if config.proxy is not None or not config.use_arn_region or findings.endpoint_url.value is not None:
        return findings.proxy.value
    variables = dict(environment)

    @functools.lru_cache(maxsize=1024)
    def proxy_for(url: str) -> str | None:
        return environment_proxy(url, variables)[0]

    return proxy_for


def _at_hand(config: Arguments, environment: Mapping[str, str]) -> CredentialsProvider | None:
    """Credentials that need no chain. A profile that the caller names goes before the environment's keys, as in botocore."""
    if isinstance(config.credentials, Credentials):
        return checked_static(config.credentials, "argument")
    if config.credentials is not None:
        return config.credentials
    return None if config.profile is not None else environment_credentials(environment)


def find_credentials(
    config: Arguments, environment: Mapping[str, str], region: str | None, fetch: Fetch
) -> CredentialsProvider:
    """Those at hand, the container's where nothing can go before it, or what the chain finds. Blocks."""
    found = _at_hand(config, environment)
    if found is not None:
        return found
    from .credentials.botocore import Chain  # noqa: PLC0415 - most clients find their keys before
    from .credentials.default_chain import chain_or_container, container_source  # noqa: PLC0415

    container = container_source(environment, fetch, ca_bundle=config.ca_bundle)
    if config.profile is not None:
        return Chain(config.profile).credentials(region, container=container)
    return chain_or_container(environment, container, chain=lambda: Chain(None), region=region)
