"""Keys that expire: kept while they are good, fetched once for all who ask, renewed before they are missed.

Laws: nobody waits while the keys at hand are good; whoever needs new ones waits for the one fetch that is under way; a fetch
runs in a thread of its own, never on a caller's loop, and ends for itself: no caller's cancellation, no loop's end stops it; a
failed renewal takes no good keys away.

Owns the times of a renewal. Must not know where keys come from.
"""

import asyncio
import contextlib
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
from ...types.values import Credentials
from .background import HomeEndedError, Launch, Waiting, in_thread

__all__ = ["RefreshableCredentials", "Source"]

RENEW_BEFORE = 14 * 60.0
"""Seconds before their expiry from which keys may be renewed in the background, at most half of their lifetime. The moment is
drawn from the first third, so that a fleet that started together does not ask together. botocore holds keys to be old from a
quarter of an hour on: asked earlier, it would give the same ones again."""

NEEDED_BEFORE = 10.0
"""Seconds before their expiry from which keys are not used for a call without waiting for newer ones: twice the limit for
opening a connection, the only thing that can come between signature and service."""

_USED_THOUGH_EXPIRED = 60.0
"""Seconds for which keys are used that had expired when they came: the clock here may be wrong; the service is the judge."""

_LONGEST_PAUSE = 60.0
"""Seconds between two attempts to renew keys that are still good; the first comes after one second."""

_PAUSE_WITHOUT_KEYS = 1.0
"""Seconds for which a failure answers everybody who has no good keys."""

_ASK_AGAIN_AFTER_REFUSAL = 10.0
"""Seconds for which a source is not asked again for other keys than those that the service refused."""

_WARN_EVERY = 60.0

_NO_LONGER = 60.0
"""Seconds by which the same keys must live longer to count as renewed, as they do where a metadata service has an outage."""

_OLD = 300.0
"""Seconds before their expiry at which a source should long have had other keys; the metadata services have them by then."""

_log = logging.getLogger("aiolambda")


class Source(Protocol):
    """Where keys come from. `fetch` may block: it runs in a thread and on a loop of its own.

    `rejected`: the service refused the last keys, so what was kept of them is worth nothing. `home` is the loop of the caller
    who asked; only a source that `needs_home` uses it.
    """

    @property
    def name(self) -> str: ...
    @property
    def needs_home(self) -> bool: ...
    async def fetch(self, *, rejected: bool, home: asyncio.AbstractEventLoop | None) -> Credentials: ...


@attrs.frozen
class _Kept:
    """Keys and what is to happen to them, in seconds since the epoch."""

    credentials: Credentials
    renew_at: float
    needed_at: float
    good_until: float


_NOTHING = _Kept(Credentials("", ""), -math.inf, -math.inf, -math.inf)


def _kept(credentials: Credentials, now: float, jitter: float) -> _Kept:
    if credentials.expires_at is None:
        return _Kept(credentials, math.inf, math.inf, math.inf)
    until = credentials.expires_at.timestamp()
    if until <= now:
        until = now + _USED_THOUGH_EXPIRED
    lifetime = until - now
    before = min(RENEW_BEFORE, lifetime / 2)
    return _Kept(credentials, until - before * (1 - jitter / 3), until - min(NEEDED_BEFORE, lifetime / 10), until)


def _is_alive() -> bool:
    return True


@attrs.define(eq=False)
class _Flight:
    """A fetch that is under way."""

    rejected: bool
    home: asyncio.AbstractEventLoop | None
    waiting: Waiting = attrs.field(factory=Waiting)
    error: ConfigurationError | None = None
    alive: Callable[[], bool] = _is_alive

    def is_lost(self) -> bool:
        """It will never end: its process was forked, or the loop that it needs stands still."""
        return not self.alive() or (self.home is not None and not self.home.is_running())


class RefreshableCredentials:
    """A provider for keys that expire. It may be shared by any number of clients, loops and threads."""

    def __init__(
        self,
        source: Source,
        *,
        first: Credentials | None = None,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        launch: Launch = in_thread,
    ) -> None:
        self._source = source
        self._now = now
        self._jitter = jitter
        self._launch = launch
        self._lock = threading.Lock()
        self._flight: _Flight | None = None
        self._kept = _NOTHING if first is None else _kept(first, now(), jitter())
        self._failure: ConfigurationError | None = None
        self._failures = 0
        self._ended_at = -math.inf
        self._pause_until = -math.inf
        self._warn_at = -math.inf
        self._refusal_until = -math.inf

    @property
    def source(self) -> str:
        """Where the keys come from, such as `container` or `sso`."""
        return self._source.name

    @property
    def needs_home(self) -> bool:
        """Whether it must be asked on the loop of the caller, because its source is a provider of the caller's."""
        return self._source.needs_home

    async def get_credentials(self) -> Credentials:
        """Keys that are good, at once where there are any; `ConfigurationError` where there are none and none can be had."""
        kept = self._kept
        if self._now() < kept.renew_at:
            return kept.credentials
        return await self._renewed()

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """Other keys than those that the service refused as expired, or the same where there are no others."""
        flight = self._flight
        if flight is not None and not flight.rejected and not flight.is_lost():
            await flight.waiting.wait()
        if self._kept is _NOTHING:
            return await self._renewed()
        if _are_the_same(self._kept.credentials, rejected) and self._now() >= self._refusal_until:
            flight = self._take_off(rejected=True)
            await flight.waiting.wait()
            if flight.error is not None:
                raise _again(flight.error)
        return self._kept.credentials

    def __repr__(self) -> str:
        return f"<{type(self).__name__} from {self.source}, {_until(self._kept)}>"

    async def _renewed(self) -> Credentials:
        while True:
            kept, now = self._kept, self._now()
            flight = None if self._is_pausing(kept, now) else self._take_off(rejected=False)
            if flight is not None and now >= kept.needed_at:
                await flight.waiting.wait()
            if self._failure is not None and self._now() >= self._kept.good_until:
                raise _again(self._failure)
            if self._kept is not _NOTHING:
                return self._kept.credentials

    def _is_pausing(self, kept: _Kept, now: float) -> bool:
        """Whether the last fetch is too recent for another; a clock that was set back makes none recent for longer."""
        if now >= kept.good_until:
            return self._flight is None and self._ended_at <= now < self._ended_at + _PAUSE_WITHOUT_KEYS
        return self._ended_at <= now < self._pause_until

    def _take_off(self, *, rejected: bool) -> _Flight:
        """The fetch that is under way, or a new one."""
        home = asyncio.get_running_loop() if self._source.needs_home else None
        with self._lock:
            if self._flight is not None and not self._flight.is_lost():
                return self._flight
            flight = self._flight = _Flight(rejected, home)
        try:
            flight.alive = self._launch(
                lambda: self._source.fetch(rejected=rejected, home=home), lambda outcome: self._land(flight, outcome)
            )
        except RuntimeError as error:  # there can be no more threads
            self._land(flight, error)
        return flight

    def _land(self, flight: _Flight, outcome: Credentials | Exception) -> None:
        complaint: str | None = None
        if isinstance(outcome, Exception):
            forget_locals(outcome)
        try:
            with self._lock:
                if self._flight is flight:  # and not given up for lost before
                    self._flight = None
                    complaint = self._take(flight, outcome)
        finally:
            flight.waiting.end()
        if complaint is not None:
            with contextlib.suppress(Exception):  # of the user's handlers: the keys are good
                _log.warning(
                    "the credentials from %s could not be renewed, and stay in use, %s: %s",
                    self.source,
                    _until(self._kept),
                    complaint,
                )

    def _take(self, flight: _Flight, outcome: Credentials | Exception) -> str | None:
        """Keep what came of a fetch; the answer is what to complain of."""
        if isinstance(outcome, HomeEndedError):
            return None  # whoever still waits asks again, on a loop that runs
        self._ended_at = self._now()
        return self._fail(flight, outcome) if isinstance(outcome, Exception) else self._keep(flight, outcome)

    def _keep(self, flight: _Flight, fetched: Credentials) -> str | None:
        now, had, self._failure = self._ended_at, self._kept, None
        same = had is not _NOTHING and _are_the_same(had.credentials, fetched)
        if same and flight.rejected:
            self._refusal_until = now + _ASK_AGAIN_AFTER_REFUSAL
        kept = _kept(fetched, now, self._jitter())
        if not same or kept.good_until > had.good_until + _NO_LONGER:
            self._failures, self._pause_until, self._kept = 0, -math.inf, kept
            return None
        self._pause(now)
        return self._complaint("the source still gives the same keys") if now >= had.good_until - _OLD else None

    def _fail(self, flight: _Flight, error: Exception) -> str | None:
        self._failure = flight.error = _as_configuration_error(self.source, error)
        self._pause(self._ended_at)
        if flight.rejected:
            self._refusal_until = self._ended_at + _PAUSE_WITHOUT_KEYS
        return self._complaint(str(self._failure))

    def _pause(self, now: float) -> None:
        self._failures += 1
        self._pause_until = now + min(_LONGEST_PAUSE, 2.0 ** min(self._failures - 1, 10)) * (1 + self._jitter()) / 2

    def _complaint(self, reason: str) -> str | None:
        """What to warn of, now and then; where there are no keys to fall back on, those who wait are told instead."""
        if self._ended_at >= self._kept.good_until or self._ended_at < self._warn_at:
            return None
        self._warn_at = self._ended_at + _WARN_EVERY
        return reason


def _are_the_same(one: Credentials, other: Credentials) -> bool:
    """Whether two are the same keys; their expiry may be known to the second only."""
    return (one.access_key_id, one.secret_access_key, one.session_token) == (
        other.access_key_id,
        other.secret_access_key,
        other.session_token,
    )


def _until(kept: _Kept) -> str:
    if kept is _NOTHING:
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


def _again(error: ConfigurationError) -> ConfigurationError:
    """The same for one of many: each call completes its own error."""
    same = ConfigurationError(*error.args)
    same.__cause__ = error.__cause__
    return same
