"""The order in which credentials are looked for.

1. `credentials=`.
2. With `profile=`: that profile.
3. The keys of the environment.
4. The container, if no profile and no web identity can come before it.
5. The profile and the rest of the chain. Keys in a file, the keys of a program and the container need no botocore.

No other module has this order. This one loads a source when its turn comes, because most clients need none of the later ones.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...types.interfaces import CredentialsProvider, Fetch
from ...types.values import Credentials
from ..shared_config import FILES, PROFILE_VARIABLES
from .static import checked_static, environment_credentials

if TYPE_CHECKING:
    from ..client_config import LambdaClientConfig
    from ..shared_config import SharedConfig

__all__ = ["CREDENTIALS_NAMES", "credentials_at_hand", "find_credentials", "source_of"]

CREDENTIALS_NAMES = ("credentials=", "profile=", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "the AWS credential chain")
"""The order as it is shown to people."""

_BEFORE_THE_CONTAINER = (*PROFILE_VARIABLES, "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Variables whose credentials the chain prefers to the container's."""


def source_of(provider: CredentialsProvider) -> str:
    """The name of a provider's source, such as `environment` or `sso`."""
    source = getattr(provider, "source", None)  # a provider of the user need not have it
    return source if isinstance(source, str) else "argument"


def credentials_at_hand(config: "LambdaClientConfig", environment: Mapping[str, str]) -> CredentialsProvider | None:
    """Credentials that are found without I/O: those of the caller, or the keys of the environment.

    A profile that the caller names goes before the environment's keys, as in botocore.
    """
    if isinstance(config.credentials, Credentials):
        return checked_static(config.credentials, "argument")
    if config.credentials is not None:
        return config.credentials
    return None if config.profile is not None else environment_credentials(environment)


def find_credentials(
    config: "LambdaClientConfig",
    environment: Mapping[str, str],
    region: str | None,
    fetch: Fetch,
    *,
    shared: "SharedConfig | None" = None,
    chain: Callable[..., CredentialsProvider] | None = None,
) -> CredentialsProvider:
    """The first source that has credentials. Blocks: call it in a thread. `ConfigurationError` if there is none.

    Roles are assumed in `region`. `shared` is the content of the files, if it was just read. `chain` replaces
    `chain_credentials`.
    """
    found = credentials_at_hand(config, environment)
    if found is not None:
        return found
    from .container import ContainerSource, has_container_credentials  # noqa: PLC0415 - see above
    from .refreshable import RefreshableCredentials  # noqa: PLC0415 - as above

    container = None
    if has_container_credentials(environment):
        container = ContainerSource(environment, fetch, ca_bundle=config.ca_bundle)
        if config.profile is None and _container_comes_first(environment):
            return RefreshableCredentials(container)
    if chain is None:
        from .botocore import chain_credentials  # noqa: PLC0415 - as above

        chain = chain_credentials
    return chain(config.profile, region, container=container, environment=environment, shared=shared)


def _container_comes_first(environment: Mapping[str, str]) -> bool:
    """Whether no other source can come before the container."""
    if any(environment.get(name) for name in _BEFORE_THE_CONTAINER):
        return False
    return not any(_has_content(environment.get(name) or file) for name, file in FILES.items())


def _has_content(file: str) -> bool:
    try:
        return Path(file).expanduser().stat().st_size > 0
    except (OSError, RuntimeError):  # the file is missing, or there is no home directory
        return False
