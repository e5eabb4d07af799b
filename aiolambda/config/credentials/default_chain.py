"""In which order credentials are looked for, where the caller has given none.

Owns that order: the environment's keys, the container where no profile can come before it, then the whole chain, which keeps
the same order and knows the rest. Reads whether files are there, so it is not for the loop.
"""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

from ...types.interfaces import CredentialsProvider, Fetch
from ..shared_config import FILES, PROFILE_VARIABLES
from .botocore import Chain
from .container import ContainerSource, has_container_credentials
from .refreshable import RefreshableCredentials
from .static import environment_credentials

__all__ = ["chain_or_container", "container_source", "default_credentials"]

_PROFILE_OR_BEFORE = (*PROFILE_VARIABLES, "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Variables that name something which goes before the container."""


def container_source(
    environment: Mapping[str, str], fetch: Fetch, *, ca_bundle: str | PathLike[str] | None = None
) -> ContainerSource | None:
    """What asks the container, if there is one."""
    return ContainerSource(environment, fetch, ca_bundle=ca_bundle) if has_container_credentials(environment) else None


def _comes_first(environment: Mapping[str, str]) -> bool:
    """Whether nothing can go before the container: then its keys need no botocore."""
    if any(environment.get(name) for name in _PROFILE_OR_BEFORE):
        return False
    return not any(_has_content(environment.get(name) or file) for name, file in FILES.items())


def _has_content(file: str) -> bool:
    try:
        return Path(file).expanduser().stat().st_size > 0
    except (OSError, RuntimeError):  # it is not there, or there is no home
        return False


def chain_or_container(
    environment: Mapping[str, str],
    container: ContainerSource | None,
    *,
    chain: Callable[[], Chain],
    region: str | None,
) -> RefreshableCredentials:
    """The container's keys where nothing can go before it, or what the chain finds. Blocks."""
    if container is not None and _comes_first(environment):
        return RefreshableCredentials(container)
    return chain().credentials(region, container=container)


def default_credentials(
    environment: Mapping[str, str], fetch: Fetch, *, chain: Callable[[], Chain], region: str | None
) -> CredentialsProvider:
    """The first provider that has something. Blocks; `ConfigurationError` where there is none."""
    return environment_credentials(environment) or chain_or_container(
        environment, container_source(environment, fetch), chain=chain, region=region
    )
