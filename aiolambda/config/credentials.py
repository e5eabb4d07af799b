"""Credentials that are at hand: given by the caller, or standing in the environment.

Owns the reading of the environment's keys. Must not load aiobotocore: what needs it stands in `chain.py`.
"""

from collections.abc import Mapping

import attrs

from ..errors import ConfigurationError
from ..models import Credentials

__all__ = ["StaticCredentials", "environment_credentials"]


@attrs.frozen
class StaticCredentials:
    """A provider that always gives the same keys; `source` says where they were found."""

    credentials: Credentials
    source: str = "argument"

    async def get_credentials(self) -> Credentials:
        return self.credentials


def environment_credentials(environment: Mapping[str, str]) -> StaticCredentials | None:
    """The keys of the environment; `None` where there are none, `ConfigurationError` where one of the two is missing."""
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key and not secret:
        return None
    if not key or not secret:
        given, missing = (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if key else ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
        )
        raise ConfigurationError(f"{given} is set in the environment, and {missing} is not")
    token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN") or None
    return checked_static(Credentials(key, secret, token), "environment")


def checked_static(credentials: Credentials, source: str) -> StaticCredentials:
    """A provider of these keys; `ConfigurationError` where one holds white space: a line end that was copied with it."""
    for name in ("access_key_id", "secret_access_key", "session_token"):
        value = getattr(credentials, name)
        if value is not None and not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ConfigurationError(
                f"{name} (from the {source}) begins or ends with white space, or holds a character that no key has"
            )
    return StaticCredentials(credentials, source)
