"""Credentials that are at hand: given by the caller, or standing in the environment.

Owns the reading of the environment's keys. Must not load botocore: what needs it stands in `chain.py`.
"""

import datetime as dt
from collections.abc import Mapping

import attrs

from ...errors import ConfigurationError
from ...types.values import Credentials

__all__ = ["EnvironmentCredentials", "StaticCredentials", "checked_static", "environment_credentials"]

_EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"


@attrs.frozen
class StaticCredentials:
    """A provider that always gives the same keys; `source` says where they were found."""

    credentials: Credentials
    source: str = "argument"

    async def get_credentials(self) -> Credentials:
        return self.credentials


class EnvironmentCredentials:
    """The keys of the environment, read once, and again where they have expired or were refused: somebody may have set others.

    Lambda sets them when an execution environment begins, and ends that before they expire.
    """

    source = "environment"

    def __init__(self, environment: Mapping[str, str], first: Credentials) -> None:
        self._environment = environment
        self._kept = first

    @property
    def credentials(self) -> Credentials:
        """The keys as they were last read."""
        return self._kept

    async def get_credentials(self) -> Credentials:
        expires_at = self._kept.expires_at
        if expires_at is not None and expires_at <= dt.datetime.now(dt.UTC):
            return self._read()
        return self._kept

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """The keys that the environment has now."""
        return self._read()

    def _read(self) -> Credentials:
        self._kept = _keys(self._environment) or self._kept
        return self._kept


def environment_credentials(environment: Mapping[str, str]) -> EnvironmentCredentials | None:
    """The keys of the environment; `None` where there are none, `ConfigurationError` where one of the two is missing."""
    keys = _keys(environment)
    return None if keys is None else EnvironmentCredentials(environment, keys)


def _keys(environment: Mapping[str, str]) -> Credentials | None:
    key, secret = environment.get("AWS_ACCESS_KEY_ID", ""), environment.get("AWS_SECRET_ACCESS_KEY", "")
    if not key.strip() and not secret.strip():
        return None
    if not key.strip() or not secret.strip():
        given, missing = (
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if key.strip() else ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
        )
        raise ConfigurationError(f"{given} is set in the environment, and {missing} is not")
    token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN") or None
    return _checked(Credentials(key, secret, token, expires_at=_expiry(environment)), "environment")


def _expiry(environment: Mapping[str, str]) -> dt.datetime | None:
    """What `aws configure export-credentials` says of them."""
    text = environment.get(_EXPIRATION)
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{_EXPIRATION} is not a time, such as '2026-11-26T12:00:00Z'") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def checked_static(credentials: Credentials, source: str) -> StaticCredentials:
    """A provider of these keys; `ConfigurationError` where one is missing, or holds white space: a line end that was copied."""
    return StaticCredentials(_checked(credentials, source), source)


def _checked(credentials: Credentials, source: str) -> Credentials:
    for name in ("access_key_id", "secret_access_key"):
        if not getattr(credentials, name):
            raise ConfigurationError(f"{name} (from the {source}) is missing: it is empty")
    for name in ("access_key_id", "secret_access_key", "session_token"):
        value = getattr(credentials, name)
        if value is not None and not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ConfigurationError(
                f"{name} (from the {source}) begins or ends with white space, or holds a character that no key has"
            )
    return credentials
