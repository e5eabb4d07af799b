"""The user agent of a client: platform, versions and features.

Must not hold anything that identifies a user or a host.
"""

import platform
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..policy.retry import StandardRetry
from ..protocol.user_agent import user_agent
from ..version import __version__

if TYPE_CHECKING:
    from .resolve import FoundSettings

__all__ = ["client_user_agent"]

_SYSTEMS = {"Darwin": "macos", "Linux": "linux", "Windows": "windows"}
_CREDENTIAL_FEATURES = {
    "argument": "CREDENTIALS_CODE",
    "environment": "CREDENTIALS_ENV_VARS",
    "container": "CREDENTIALS_HTTP",
    # The sources of botocore's chain, by its names.
    "explicit": "CREDENTIALS_CODE",
    "env": "CREDENTIALS_ENV_VARS",
    "shared-credentials-file": "CREDENTIALS_PROFILE",
    "config-file": "CREDENTIALS_PROFILE",
    "assume-role": "CREDENTIALS_STS_ASSUME_ROLE",
    "assume-role-with-web-identity": "CREDENTIALS_STS_ASSUME_ROLE_WEB_ID",
    "sso": "CREDENTIALS_SSO",
    "login": "CREDENTIALS_LOGIN",
    "custom-process": "CREDENTIALS_PROCESS",
    "container-role": "CREDENTIALS_HTTP",
    "iam-role": "CREDENTIALS_IMDS",
}


def _features(found: "FoundSettings") -> Iterable[str]:
    if isinstance(found.retry.value, StandardRetry):
        yield "RETRY_MODE_STANDARD"
    if found.endpoint_url.value is not None:
        yield "ENDPOINT_OVERRIDE"
    source = found.credentials.source.removeprefix("session, ")  # a session of botocore names its own source
    if source in _CREDENTIAL_FEATURES:
        yield _CREDENTIAL_FEATURES[source]


def client_user_agent(found: "FoundSettings", extra: str | None, libraries: Mapping[str, str]) -> str:
    """The user agent of an open client. `libraries` are the names and versions of those that it sends with."""
    return user_agent(
        "aiolambda",
        __version__,
        os=(_SYSTEMS.get(platform.system(), "other"), platform.release()),
        language=("python", ".".join(map(str, sys.version_info[:3]))),
        details={
            "arch": platform.machine(),
            "pyimpl": sys.implementation.name,
            **libraries,
        },
        execution_environment=found.execution_environment.value,
        features=_features(found),
        app_id=found.user_agent_app_id.value,
        extra=extra,
    )
