"""What the user agent tells of this program and machine.

Owns the reading of platform and versions. Must not tell anything that identifies a user or a host.
"""

import platform
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..policy.retry import StandardRetry
from ..protocol.user_agent import user_agent
from ..version import __version__

if TYPE_CHECKING:
    from .resolve import Resolved

__all__ = ["client_user_agent"]

_SYSTEMS = {"Darwin": "macos", "Linux": "linux", "Windows": "windows"}
_CREDENTIAL_FEATURES = {
    "argument": "CREDENTIALS_CODE",
    "environment": "CREDENTIALS_ENV_VARS",
    "container": "CREDENTIALS_HTTP",
    # What botocore calls the sources of its chain.
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


def _features(resolved: "Resolved") -> Iterable[str]:
    if isinstance(resolved.retry, StandardRetry):
        yield "RETRY_MODE_STANDARD"
    if resolved.custom_endpoint:
        yield "ENDPOINT_OVERRIDE"
    source = resolved.credentials_source.removeprefix("session, ")  # of botocore, which says where it has its keys from
    if resolved.credentials is not None and source in _CREDENTIAL_FEATURES:
        yield _CREDENTIAL_FEATURES[source]


def client_user_agent(resolved: "Resolved", extra: str | None, libraries: Mapping[str, str]) -> str:
    """The user agent of an open client; `libraries` are those that it sends with, and their versions."""
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
        execution_environment=resolved.execution_environment,
        features=_features(resolved),
        app_id=resolved.app_id,
        extra=extra,
    )
