"""In which order credentials are looked for, where the caller has given none.

Owns that order: the environment's keys, the container where no profile can come before it, then the whole chain, which keeps
the same order and knows the rest. Reads whether files are there, so it is not for the loop.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..interfaces import CredentialsProvider, Fetch
from .chain import Chain
from .container import ContainerSource, has_container_credentials
from .credentials import environment_credentials
from .profiles import FILES, PROFILE_VARIABLES
from .refreshing import RefreshingCredentials

__all__ = ["container_credentials", "default_credentials"]

_PROFILE_OR_BEFORE = (*PROFILE_VARIABLES, "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Variables that name something which goes before the container."""


def container_credentials(environment: Mapping[str, str], fetch: Fetch) -> RefreshingCredentials | None:
    """The container's provider, where it has one and nothing can go before it; this needs no botocore."""
    if not has_container_credentials(environment) or any(environment.get(name) for name in _PROFILE_OR_BEFORE):
        return None
    if any(_has_content(environment.get(name) or file) for name, file in FILES.items()):
        return None
    return RefreshingCredentials(ContainerSource(environment, fetch))


def _has_content(file: str) -> bool:
    try:
        return Path(file).expanduser().stat().st_size > 0
    except (OSError, RuntimeError):  # it is not there, or there is no home
        return False


def default_credentials(
    environment: Mapping[str, str], fetch: Fetch, *, chain: Callable[[], Chain], region: str | None
) -> CredentialsProvider:
    """The first provider that has something. Blocks; `ConfigurationError` where there is none."""
    return environment_credentials(environment) or container_credentials(environment, fetch) or chain().credentials(region)
