"""Credentials that are at hand: given by the caller, or set in the environment.

Owns the reading of the environment's keys. Must not load botocore: the module `botocore` beside this one does.
"""

import datetime as dt
from collections.abc import Mapping

import attrs

from ...errors import ConfigurationError
from ...types.interfaces import ReadyCredentials
from ...types.values import Credentials

__all__ = ["EnvironmentCredentials", "StaticCredentials", "checked_static", "environment_credentials"]

_EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"


@attrs.frozen
class StaticCredentials(ReadyCredentials):
    """A provider that always gives the same keys. `source` names the place they are from."""

    credentials: Credentials
    source: str = "argument"

    async def get_credentials(self) -> Credentials:
        return self.credentials

    def ready_credentials(self) -> Credentials | None:
        return self.credentials


class EnvironmentCredentials(ReadyCredentials):
    """A provider of the environment's keys. It reads them once, and again if they have expired or were refused.

    Lambda sets them when an execution environment begins, and ends it before they expire.
    """

    source = "environment"

    def __init__(self, environment: Mapping[str, str], first: Credentials) -> None:
        self._environment = environment
        self._credentials = first

    @property
    def credentials(self) -> Credentials:
        """The keys as they were last read."""
        return self._credentials

    async def get_credentials(self) -> Credentials:
        """The keys. `ConfigurationError` if those that the environment has now have expired, too."""
        ready = self.ready_credentials()
        if ready is not None:
            return ready
        keys = await self.refresh(self._credentials)
        if _has_expired(keys):
            raise ConfigurationError(
                f"the keys of the environment expired at {keys.expires_at:%Y-%m-%d %H:%M:%S %Z} ({_EXPIRATION}): set new keys, "
                "unset the variable if it is not theirs, or correct the clock of this machine"
            )
        return keys

    def ready_credentials(self) -> Credentials | None:
        return None if _has_expired(self._credentials) else self._credentials

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """The keys that the environment has now; the last ones if it has none any more."""
        self._credentials = _environment_keys(self._environment) or self._credentials
        return self._credentials


def _has_expired(credentials: Credentials) -> bool:
    return credentials.expires_at is not None and credentials.expires_at <= dt.datetime.now(dt.UTC)


def environment_credentials(environment: Mapping[str, str]) -> EnvironmentCredentials | None:
    """The keys of the environment; `None` if it has none. `ConfigurationError` if one of the two is missing."""
    keys = _environment_keys(environment)
    return None if keys is None else EnvironmentCredentials(environment, keys)


def _environment_keys(environment: Mapping[str, str]) -> Credentials | None:
    key, secret = environment.get("AWS_ACCESS_KEY_ID", ""), environment.get("AWS_SECRET_ACCESS_KEY", "")
    if not key.strip() and not secret.strip():
        return None
    if not key.strip() or not secret.strip():
        given, missing = (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if key.strip() else ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
        )
        raise ConfigurationError(f"{given} is set in the environment, and {missing} is not: set both or none")
    token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN") or None
    return checked_static(Credentials(key, secret, token, expires_at=_expiry(environment)), "environment").credentials


def _expiry(environment: Mapping[str, str]) -> dt.datetime | None:
    """The expiry as `aws configure export-credentials` writes it."""
    text = environment.get(_EXPIRATION)
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{_EXPIRATION} is not a time, such as '2026-11-26T12:00:00Z': correct it, or unset it"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def checked_static(credentials: Credentials, source: str) -> StaticCredentials:
    """A provider of these keys. `ConfigurationError` if one is missing or holds white space, such as a copied line end."""
    if not credentials.access_key_id or not credentials.secret_access_key:
        name = "secret_access_key" if credentials.access_key_id else "access_key_id"
        raise ConfigurationError(f"{name} (from the {source}) is empty: give both keys")
    for name, value in (
        ("access_key_id", credentials.access_key_id),
        ("secret_access_key", credentials.secret_access_key),
        ("session_token", credentials.session_token),
    ):
        if value is not None and not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ConfigurationError(
                f"{name} (from the {source}) begins or ends with white space, or holds a character that no key has: copy it "
                "again"
            )
    return StaticCredentials(credentials, source)
