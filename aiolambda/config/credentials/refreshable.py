"""Keys that expire: kept while they are good, fetched once for all callers, renewed before they expire.

Laws: no caller waits while the keys at hand are good; callers that need new keys wait for the one fetch that is under way; a
fetch runs in a thread of its own, and neither a cancelled caller nor the end of a caller's loop stops it; a failed renewal
discards no good keys.

Owns the times of a renewal. Must not know how a source gets keys.
"""

import asyncio
import datetime as dt
import logging
import math
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

import attrs

from ...errors import ConfigurationError
from ...errors.tracebacks import forget_locals
from ...policy.retry import backoff
from ...types.interfaces import ReadyCredentials
from ...types.loggers import CREDENTIALS, log_quietly
from ...types.values import Credentials
from .background import CallerLoopEndedError, Completion, Start, in_thread

__all__ = ["RefreshableCredentials", "Source"]

_RENEW_BEFORE = 14 * 60.0
"""Seconds before expiry from which keys are renewed in the background, at most half of their lifetime. The moment is drawn from
the first third, so that a fleet that started together does not ask together. botocore renews from a quarter of an hour before
expiry: asked earlier, it would give the same keys again."""

_MANDATORY_BEFORE = 10.0
"""Seconds before expiry from which a call waits for newer keys. It is twice the limit for opening a connection, which is all
that can come between the signature and the service."""

_GRACE_FOR_EXPIRED = 60.0
"""Seconds for which keys are used that had expired when they arrived. The clock here may be wrong, and the service decides."""

_LONGEST_PAUSE = 60.0
"""Seconds between two attempts to renew keys that are still good. The first pause is one second."""

_PAUSE_WITHOUT_KEYS = 1.0
"""Seconds for which a failure is the answer to all callers, if there are no good keys."""

_PAUSE_AFTER_REJECTION = 10.0
"""Seconds until a source that gave the rejected keys once more is asked again."""

_WARN_EVERY = 60.0
"""Seconds between two warnings."""

_LEAST_EXTENSION = 60.0
"""Seconds by which the same keys must live longer to count as renewed. A metadata service extends them in an outage."""

_OVERDUE = 300.0
"""Seconds before expiry at which a source should have had other keys for a while. The metadata services do."""


class Source(Protocol):
    """A source of keys. `fetch` may block: it runs in a thread and on a loop of its own.

    `rejected`: the service rejected the last keys, so a source must not give them from a cache. `caller_loop` is the loop of
    the caller that asked; only a source that `needs_caller_loop` gets it.
    """

    @property
    def name(self) -> str: ...
    @property
    def needs_caller_loop(self) -> bool: ...
    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials: ...


@attrs.frozen
class _Kept:
    """Keys, and the times that follow from their expiry, in seconds since the epoch."""

    credentials: Credentials
    renew_at: float
    mandatory_at: float
    good_until: float


@attrs.frozen
class _Said:
    """A record for the log: its text has places for the source, the end of its keys, and `more`."""

    level: int
    text: str
    more: tuple[str, ...] = ()


_FETCHED = _Said(logging.INFO, "the credentials from %s were fetched, %s")
_RENEWED = _Said(logging.INFO, "the credentials from %s were renewed, %s")
_STAYS = "the credentials from %s could not be renewed, and stay in use, %s: %s"
_EXPIRED = "the credentials from %s could not be renewed, and calls fail, because they were %s: %s"

_NO_KEYS = _Kept(Credentials("", ""), -math.inf, -math.inf, -math.inf)


def _kept(credentials: Credentials, now: float, jitter: float) -> _Kept:
    if credentials.expires_at is None:
        return _Kept(credentials, math.inf, math.inf, math.inf)
    until = credentials.expires_at.timestamp()
    if until <= now:
        until = now + _GRACE_FOR_EXPIRED
    lifetime = until - now
    before = min(_RENEW_BEFORE, lifetime / 2)
    return _Kept(credentials, until - before * (1 - jitter / 3), until - min(_MANDATORY_BEFORE, lifetime / 10), until)


@attrs.define(eq=False)
class _Fetch:
    """A fetch that is under way."""

    rejected: bool
    caller_loop: asyncio.AbstractEventLoop | None
    completion: Completion = attrs.field(factory=Completion)
    error: ConfigurationError | None = None
    is_alive: Callable[[], bool] = lambda: True

    def is_lost(self) -> bool:
        """Whether it will never end: its process was forked, or the loop that it needs does not run any more."""
        return not self.is_alive() or (self.caller_loop is not None and not self.caller_loop.is_running())


class RefreshableCredentials(ReadyCredentials):
    """A provider for keys that expire. It may be shared by any number of clients, loops and threads."""

    def __init__(
        self,
        source: Source,
        *,
        first: Credentials | None = None,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        start: Start = in_thread,
    ) -> None:
        self._source = source
        self._now = now
        self._jitter = jitter
        self._start = start
        self._lock = threading.Lock()
        self._fetch: _Fetch | None = None
        self._kept = _NO_KEYS if first is None else _kept(first, now(), jitter())
        self._failure: ConfigurationError | None = None
        self._failures = 0
        self._ended_at = -math.inf
        self._pause_until = -math.inf
        self._warn_again_at = -math.inf
        self._refresh_again_at = -math.inf

    @property
    def source(self) -> str:
        """The name of the source, such as `container` or `sso`."""
        return self._source.name

    @property
    def needs_caller_loop(self) -> bool:
        """Whether it must be asked on the caller's loop, because its source is a provider of the caller's."""
        return self._source.needs_caller_loop

    async def get_credentials(self) -> Credentials:
        """Good keys, at once if there are any. `ConfigurationError` if there are none and the source gives none."""
        return self.ready_credentials() or await self._renewed()

    def ready_credentials(self) -> Credentials | None:
        kept = self._kept
        return kept.credentials if self._now() < kept.renew_at else None

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """Other keys than those that the service rejected as expired, or the same if there are no others."""
        fetch = self._fetch
        if fetch is not None and not fetch.rejected and not fetch.is_lost():
            await fetch.completion.wait()
        if self._kept is _NO_KEYS:
            return await self._renewed()
        if _same_keys(self._kept.credentials, rejected) and self._now() >= self._refresh_again_at:
            fetch = self._begin_fetch(rejected=True)
            await fetch.completion.wait()
            if fetch.error is not None:
                raise _copy_of(fetch.error)
        return self._kept.credentials

    def __repr__(self) -> str:
        return f"<{type(self).__name__} from {self.source}, {_until(self._kept)}>"

    async def _renewed(self) -> Credentials:
        while True:
            kept, now = self._kept, self._now()
            fetch = None if self._is_pausing(kept, now) else self._begin_fetch(rejected=False)
            if fetch is not None and now >= kept.mandatory_at:
                await fetch.completion.wait()
            if self._failure is not None and self._now() >= self._kept.good_until:
                raise _copy_of(self._failure)
            if self._kept is not _NO_KEYS:
                return self._kept.credentials

    def _is_pausing(self, kept: _Kept, now: float) -> bool:
        """Whether the last fetch is too recent for another. A clock that was set back does not prolong the pause."""
        if now >= kept.good_until:
            return self._fetch is None and self._ended_at <= now < self._ended_at + _PAUSE_WITHOUT_KEYS
        return self._ended_at <= now < self._pause_until

    def _begin_fetch(self, *, rejected: bool) -> _Fetch:
        """The fetch that is under way, or a new one."""
        caller_loop = asyncio.get_running_loop() if self._source.needs_caller_loop else None
        with self._lock:
            if self._fetch is not None and not self._fetch.is_lost():
                return self._fetch
            fetch = self._fetch = _Fetch(rejected, caller_loop)
        try:
            fetch.is_alive = self._start(
                lambda: self._source.fetch(rejected=rejected, caller_loop=caller_loop),
                lambda outcome: self._end_fetch(fetch, outcome),
            )
        except RuntimeError as error:  # no thread can be started
            self._end_fetch(fetch, error)
        return fetch

    def _end_fetch(self, fetch: _Fetch, outcome: Credentials | Exception) -> None:
        said: _Said | None = None
        if isinstance(outcome, Exception):
            forget_locals(outcome)
        try:
            with self._lock:
                if self._fetch is fetch:  # it was not replaced as lost
                    self._fetch = None
                    said = self._store(fetch, outcome)
        finally:
            fetch.completion.set()
        if said is not None:
            expires_at = self._kept.credentials.expires_at
            extra = {"credentials_source": self.source, "expires_at": None if expires_at is None else expires_at.isoformat()}
            log_quietly(CREDENTIALS, said.level, said.text, self.source, _until(self._kept), *said.more, extra=extra)

    def _store(self, fetch: _Fetch, outcome: Credentials | Exception) -> _Said | None:
        """Store the outcome of a fetch. Returns what is logged, if anything."""
        if isinstance(outcome, CallerLoopEndedError):
            return None  # each caller that still waits begins another fetch, on a running loop
        self._ended_at = self._now()
        return self._store_failure(fetch, outcome) if isinstance(outcome, Exception) else self._store_keys(fetch, outcome)

    def _store_keys(self, fetch: _Fetch, fetched: Credentials) -> _Said | None:
        now, had, self._failure = self._ended_at, self._kept, None
        same = had is not _NO_KEYS and _same_keys(had.credentials, fetched)
        if same and fetch.rejected:
            self._refresh_again_at = now + _PAUSE_AFTER_REJECTION
        kept = _kept(fetched, now, self._jitter())
        if not same or kept.good_until > had.good_until + _LEAST_EXTENSION:
            self._failures, self._pause_until, self._kept = 0, -math.inf, kept
            return _FETCHED if had is _NO_KEYS else _RENEWED
        self._pause(now)
        return self._warning("the source still gives the same keys") if now >= had.good_until - _OVERDUE else None

    def _store_failure(self, fetch: _Fetch, error: Exception) -> _Said | None:
        self._failure = fetch.error = _as_configuration_error(self.source, error)
        self._pause(self._ended_at)
        if fetch.rejected:
            self._refresh_again_at = self._ended_at + _PAUSE_WITHOUT_KEYS
        return self._warning(str(self._failure))

    def _pause(self, now: float) -> None:
        pause = backoff(self._failures, base=1.0, longest=_LONGEST_PAUSE, jitter=(1 + self._jitter()) / 2)
        self._failures, self._pause_until = self._failures + 1, now + pause

    def _warning(self, reason: str) -> _Said | None:
        """The warning, unless one was logged lately, or there never were keys: then only the callers get an error."""
        if self._kept is _NO_KEYS or self._ended_at < self._warn_again_at:
            return None
        self._warn_again_at = self._ended_at + _WARN_EVERY
        has_ended = self._failure is not None and self._ended_at >= self._kept.good_until
        return _Said(logging.WARNING, _EXPIRED if has_ended else _STAYS, (reason,))


def _same_keys(one: Credentials, other: Credentials) -> bool:
    """Whether two are the same keys. Their expiry may differ."""
    return (one.access_key_id, one.secret_access_key, one.session_token) == (
        other.access_key_id,
        other.secret_access_key,
        other.session_token,
    )


def _until(kept: _Kept) -> str:
    if kept is _NO_KEYS:
        return "none yet"
    if kept.good_until == math.inf:
        return "without expiry"
    return f"good until {dt.datetime.fromtimestamp(kept.good_until, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _as_configuration_error(name: str, error: Exception) -> ConfigurationError:
    if isinstance(error, ConfigurationError):
        return error
    failed = ConfigurationError(f"the credentials from {name} could not be fetched: {type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed


def _copy_of(error: ConfigurationError) -> ConfigurationError:
    """A copy for one of many callers, because each call adds its own details to its error."""
    same = ConfigurationError(*error.args)
    same.__cause__ = error.__cause__
    return same
