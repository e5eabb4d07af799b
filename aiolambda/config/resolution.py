"""Where a setting comes from: the argument, then the environment, then the profile.

Owns that order and the names of the variables. Must not do I/O on the event loop: `needs_thread` says when to call
`resolve` in a thread.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import attrs

from ..errors import ConfigurationError
from ..interfaces import CredentialsProvider, Fetch
from ..models import Credentials
from ..protocol import endpoints
from .chain import Chain
from .credentials import checked_static, environment_credentials
from .finding import container_credentials
from .settings import LambdaClientConfig

__all__ = ["Resolved", "needs_thread", "resolve"]

_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ENDPOINT = ("AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")


@attrs.frozen(kw_only=True)
class Resolved:
    """The settings of an open client. `credentials` is `None` where nothing is signed."""

    region: str
    endpoint: str
    custom_endpoint: bool
    credentials: CredentialsProvider | None
    credentials_source: str
    tls: ssl.SSLContext | bool


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str] | None:
    """The first variable of these that is set to something, with its name."""
    return next(((environment[name], name) for name in names if environment.get(name)), None)


def _ca_bundle(config: LambdaClientConfig, environment: Mapping[str, str]) -> str | None:
    given = config.ca_bundle or environment.get("AWS_CA_BUNDLE")
    return None if given is None or given == "" else os.fspath(given)


def needs_thread(config: LambdaClientConfig, environment: Mapping[str, str], *, signs: bool) -> bool:
    """Whether resolving reads files or loads the chain: then it must not run on the loop."""
    if _ca_bundle(config, environment) is not None:
        return True
    has_region = config.region is not None or _first(environment, _REGION) is not None
    return not has_region or (signs and _at_hand(config, environment) is None)


def resolve(config: LambdaClientConfig, environment: Mapping[str, str], *, signs: bool, fetch: Fetch) -> Resolved:
    """Find region, endpoint, TLS settings and the source of credentials; `ConfigurationError` where one is missing."""
    chain = _LazyChain(config.profile)
    region = _region(config, environment, chain)
    endpoint = _first(environment, _ENDPOINT) if config.endpoint_url is None else (config.endpoint_url, "argument endpoint_url")
    credentials = _credentials(config, environment, region, chain, fetch) if signs else None
    return Resolved(
        region=region,
        endpoint=endpoints.lambda_url(region) if endpoint is None else endpoints.checked_endpoint(*endpoint),
        custom_endpoint=endpoint is not None,
        credentials=credentials,
        credentials_source=getattr(credentials, "source", "argument"),
        tls=_tls(_ca_bundle(config, environment)),
    )


class _LazyChain:
    """The chain, loaded by the first setting that needs it."""

    def __init__(self, profile: str | None) -> None:
        self._profile = profile
        self._chain: Chain | None = None

    def get(self) -> Chain:
        if self._chain is None:
            self._chain = Chain(self._profile)
        return self._chain


def _region(config: LambdaClientConfig, environment: Mapping[str, str], chain: _LazyChain) -> str:
    found = (config.region, "argument region") if config.region is not None else _first(environment, _REGION)
    if found is None:
        region = chain.get().region()
        if region is None:
            raise ConfigurationError("no region: give LambdaClient(region=...), or set AWS_REGION, or 'region' in the profile")
        found = (region, "profile")
    return endpoints.checked_region(*found)


def _at_hand(config: LambdaClientConfig, environment: Mapping[str, str]) -> CredentialsProvider | None:
    """Credentials that need no chain. A profile that the caller names goes before the environment's keys, as in botocore."""
    if isinstance(config.credentials, Credentials):
        return checked_static(config.credentials, "argument")
    if config.credentials is not None:
        return config.credentials
    return None if config.profile is not None else environment_credentials(environment)


def _credentials(
    config: LambdaClientConfig, environment: Mapping[str, str], region: str, chain: "_LazyChain", fetch: Fetch
) -> CredentialsProvider:
    """Those at hand, the container's where nothing can go before it, or what the chain finds. Blocks."""
    found = _at_hand(config, environment)
    if found is None and config.profile is None:
        found = container_credentials(environment, fetch)
    return found or chain.get().credentials(region)


def _tls(ca_bundle: str | None) -> ssl.SSLContext | bool:
    """Verification against a bundle, or `True` for the system's authorities."""
    if ca_bundle is None:
        return True
    try:
        if Path(ca_bundle).is_dir():
            return ssl.create_default_context(capath=ca_bundle)
        return ssl.create_default_context(cafile=ca_bundle)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"the CA bundle {ca_bundle!r} cannot be read: {error.strerror or error}") from None
