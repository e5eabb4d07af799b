"""Sessions of botocore, boto3 and aiobotocore: how keys are got out of one, by its public calls.

Owns the reading of their objects, and of their errors. Must not know how a session was made.
"""

import asyncio
import contextlib
import datetime as dt
import inspect
import os
from collections.abc import Generator
from typing import Any

from ..errors import AiolambdaError, ConfigurationError
from ..models import Credentials
from .gentle import GentleFiles, collector_at_rest
from .refreshing import RefreshingCredentials
from .threads import BLOCKING, HomeEndedError, at_home

__all__ = ["SessionSource", "code_of", "errors_are_ours", "keys_of", "session_credentials"]

_LONGEST = 100 * 365 * 86_400
"""Seconds for which keys may be good; more is for ever."""


def keys_of(found: Any, frozen: Any) -> Credentials:
    """The keys that a credentials object holds, of which it has just given a copy: fetched or renewed if it found that due."""
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None, expires_at=_expiry_of(found))


def _expiry_of(found: Any) -> dt.datetime | None:
    """When its keys expire, to the second.

    There is no public name for that, only the question whether they expire within so many seconds: asked some thirty times, it
    tells.
    """
    expires_within = getattr(found, "refresh_needed", None)
    if expires_within is None or not expires_within(refresh_in=_LONGEST):
        return None
    now, least, most = dt.datetime.now(dt.UTC), 0, _LONGEST
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if expires_within(refresh_in=middle) else (middle, most)
    return (now + dt.timedelta(seconds=least + 1)).replace(microsecond=0)  # a whole second, as all services give it


@contextlib.contextmanager
def errors_are_ours(what: str) -> Generator[None]:
    """Whatever fails in somebody else's code becomes a `ConfigurationError` that says what was being done."""
    try:
        yield
    except (AiolambdaError, HomeEndedError):
        raise
    except Exception as error:
        kind = type(error)
        if kind.__module__ == "botocore.parsers":  # its text quotes the answer, which may hold keys
            raise ConfigurationError(f"{what} failed: the service's answer cannot be read ({kind.__name__})") from None
        said = str(error) if kind.__module__.startswith("botocore.") else f"{kind.__name__}: {error}"
        raise ConfigurationError(f"{what} failed: {said}") from error


def code_of(error: BaseException | None) -> str:
    """The code of an AWS service's error."""
    response: Any = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


class SessionSource:
    """The keys of a session that the caller made, renewed when the session finds that due.

    One whose calls are asynchronous is asked on the caller's loop: its credentials hold a lock that belongs there. Any other
    blocks, and is asked in a thread without an event loop.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._is_warm = False
        self.needs_home = inspect.iscoroutinefunction(session.get_credentials)
        self.name = "session"

    async def fetch(self, *, rejected: bool, home: asyncio.AbstractEventLoop | None) -> Credentials:
        """The session's keys; `ConfigurationError` where it has none or fails."""
        with errors_are_ours("the credentials of the session"):
            if not self._is_warm:
                self._is_warm = True
                await BLOCKING.run(lambda: _warm(self._session))
            return await at_home(home, self._keys) if self.needs_home else await BLOCKING.run(self._keys_at_once)

    async def _keys(self) -> Credentials:
        found = self._checked(await self._session.get_credentials())
        answer: Any = found.get_frozen_credentials()
        return keys_of(found, await answer if inspect.isawaitable(answer) else answer)  # fixed keys are given at once

    def _keys_at_once(self) -> Credentials:
        found = self._checked(self._session.get_credentials())
        return keys_of(found, found.get_frozen_credentials())

    def _checked(self, found: Any) -> Any:
        if found is None:
            raise ConfigurationError("the session that was given to from_botocore has no credentials")
        self.name = f"session, {getattr(found, 'method', None) or 'explicit'}"
        return found


def _warm(session: Any) -> None:
    """Read what a session that asks a service for its keys will want of botocore's documents: it would do so on the loop.

    Nothing is changed by that but when they are read, and what fails here fails again where it is told.
    """
    with contextlib.suppress(Exception):
        profile = session.get_scoped_config()
        service = "sts" if "role_arn" in profile or "AWS_ROLE_ARN" in os.environ else "sso"
        if service == "sso" and not any(name.startswith("sso_") for name in profile):
            return
        loader = session.get_component("data_loader")
        loader.file_loader = GentleFiles(loader.file_loader)
        with collector_at_rest():
            for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
                loader.load_data(name)
            for kind in ("service-2", "endpoint-rule-set-1"):
                loader.load_service_model(service, kind)
            session.get_component("credential_provider")


def session_credentials(session: object) -> RefreshingCredentials:
    """A provider of that session's keys. `ConfigurationError` for what is no session."""
    if not callable(getattr(session, "get_credentials", None)):
        raise ConfigurationError(
            f"from_botocore takes a session of boto3, botocore or aiobotocore; got {type(session).__name__}, which has no "
            "get_credentials"
        )
    return RefreshingCredentials(SessionSource(session))
