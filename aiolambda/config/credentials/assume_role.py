"""A role that is assumed in code: AWS STS, through a client of botocore, in a thread.

Owns the request to AssumeRole. Must not find the keys that sign it: `source` gives them.
"""

import asyncio
import contextlib
import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ConfigurationError
from ...errors.checks import check_instance_with, check_text
from ...types.interfaces import CredentialsProvider, can_refresh
from ...types.values import Credentials, shown
from .background import BLOCKING, on_caller_loop
from .botocore import SessionFactory, errors_mapped
from .failures import error_code
from .refreshable import RefreshableCredentials
from .static import EnvironmentCredentials, StaticCredentials, checked_static

__all__ = ["RoleSource", "assume_role"]

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SHORTEST, _LONGEST = dt.timedelta(minutes=15), dt.timedelta(hours=12)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})


def assume_role(
    role_arn: str,
    *,
    session_name: str | None,
    external_id: str | None,
    duration: dt.timedelta,
    source: Credentials | CredentialsProvider | None,
    region: str | None,
    environment: Mapping[str, str],
    default: Callable[[str | None], CredentialsProvider],
) -> RefreshableCredentials:
    """A provider of the role's keys. If no `source` is given, `default` makes it, in a thread, for the region of STS.

    `ConfigurationError` for arguments that STS would refuse.
    """
    if not isinstance(role_arn, str) or not role_arn.startswith("arn:") or ":role/" not in role_arn:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise ConfigurationError(
            f"role_arn must be the ARN of a role, such as 'arn:aws:iam::123456789012:role/caller'; got {shown(role_arn)}"
        )
    for name, value in {"session_name": session_name, "external_id": external_id, "region": region}.items():
        check_text(name, value)
    if session_name is not None and _SESSION_NAME.fullmatch(session_name) is None:
        raise ConfigurationError("session_name must be 2 to 64 letters, digits, or characters of +=,.@-_")
    if not isinstance(duration, dt.timedelta) or not _SHORTEST <= duration <= _LONGEST:  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        got = str(duration) if isinstance(duration, dt.timedelta) else shown(duration)  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise ConfigurationError(f"duration must be a timedelta, from 15 minutes to 12 hours; got {got}")
    if not (source is None or isinstance(source, Credentials)):
        check_instance_with("source", source, "Credentials, or a provider of them", "get_credentials")
    request: dict[str, Any] = {
        "RoleArn": role_arn,
        "RoleSessionName": session_name or f"aiolambda-{time.time():.0f}",
        "DurationSeconds": int(duration.total_seconds()),
    }
    if external_id is not None:
        request["ExternalId"] = external_id
    region = region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None
    if isinstance(source, Credentials):
        source = checked_static(source, "argument")
    return RefreshableCredentials(RoleSource(request, source, region, lambda: default(region)))


class RoleSource:
    """Assumes the role at each fetch."""

    name = "assume-role"

    def __init__(
        self,
        request: Mapping[str, Any],
        source: CredentialsProvider | None,
        region: str | None,
        default: Callable[[], CredentialsProvider],
    ) -> None:
        self._request = request
        self._source = source
        self._region = region
        self._default = default
        self._sessions: SessionFactory | None = None
        if isinstance(source, RefreshableCredentials):
            self.needs_caller_loop = source.needs_caller_loop
        else:  # a provider of the caller's may hold sessions and locks of the caller's loop
            self.needs_caller_loop = not (source is None or isinstance(source, StaticCredentials | EnvironmentCredentials))

    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials:
        """The role's keys. `ConfigurationError` if the source has none, or STS refuses."""
        source = self._source
        if source is None:
            source = self._source = await BLOCKING.run(self._default)
        keys = await on_caller_loop(caller_loop, source.get_credentials)
        with errors_mapped(f"to assume {self._request['RoleArn']} failed"):
            try:
                return await BLOCKING.run(lambda: self._assume(keys))
            except Exception as error:
                if error_code(error) not in _EXPIRED or not can_refresh(source):
                    raise
                fresh = await on_caller_loop(caller_loop, lambda: source.refresh(keys))
                return await BLOCKING.run(lambda: self._assume(fresh))

    def _assume(self, keys: Credentials) -> Credentials:
        self._sessions = self._sessions or SessionFactory(None)
        with self._sessions.session(self._region) as session:
            client = session.create_client(
                "sts",
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
                aws_session_token=keys.session_token,
            )
            with contextlib.closing(client):
                given: Any = client.assume_role(**self._request)["Credentials"]
        expires_at = given["Expiration"].astimezone(dt.UTC)
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], expires_at=expires_at)
