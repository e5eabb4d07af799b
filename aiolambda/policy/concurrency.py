"""How many invocations to have in flight, where nobody tells the limit: a window that finds it, and follows it.

Laws: a throttle brings the window down to what was running when it came; near that limit the window tries one more only now and
then; what is tried and not refused is taken as allowed, and tried on from there faster and faster; the window never grows
faster than Lambda scales a function; while everything is refused, one request at a time asks whether that is still so.

Owns the size of the window. Must not know what is sent, and never reads a clock: times are seconds of any clock that goes on.
Source: "Lambda function scaling" of the developer guide, for how fast Lambda scales.
"""

import math
from typing import Literal, Protocol

import attrs

from .retry import backoff

__all__ = ["Admission", "Fixed", "Window"]

_FIRST = 16.0
"""What is sent before anything is known."""
_SCALES_BY = 1000.0
_SCALES_IN = 10.0
"""Lambda adds at most so many environments to a function in so many seconds."""
_SHORTEST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0
"""Seconds in which nothing is sent after a throttle; doubled while all that is sent is throttled."""
_TRIED_AFTER = 100
"""Invocations that end for each one that may be tried beyond the last limit: with a throttle each, 1 %."""
_LEAST_SILENCE = 0.05
_SILENCE_PER_LATENCY = 2.5
"""A request that was not throttled for so long, in seconds and in latencies of throttles, has been let in."""
_AFTER = 0.001
"""Seconds behind a moment, so that it is past for a clock that is not as exact."""
_SILENCES_BETWEEN_TRIES = 4
"""So that what is refused of one try is not taken for a limit that has fallen."""
_FIRST_LATENCY = 0.1
"""Seconds that a throttle is taken to need, until one has shown it."""
_LARGEST_STEP = 0.15
"""Of the window, in one step beyond the last limit."""


@attrs.define(kw_only=True, eq=False)
class Window:
    """`room` says how many more may be sent; `sent`, `ended` and `throttled` say what happened. `most` bounds it."""

    most: int
    size: float = attrs.field(default=_FIRST)
    throttles: int = 0
    _limit: float = attrs.field(default=math.inf, init=False)  # the last one that was met, or passed
    _step: float = attrs.field(default=1.0, init=False)
    _tries: float = attrs.field(default=0.0, init=False)
    _latency: float = attrs.field(default=_FIRST_LATENCY, init=False)
    _in_a_row: int = attrs.field(default=0, init=False)  # throttles without anything let in between them
    _lowered_at: float = attrs.field(default=-math.inf, init=False)
    _silent_until: float = attrs.field(default=-math.inf, init=False)
    _probed_at: float | None = attrs.field(default=None, init=False)
    _full_since: float | None = attrs.field(default=None, init=False)
    _open_since: float | None = attrs.field(default=None, init=False)
    _scale: float = attrs.field(default=_SCALES_BY, init=False)
    _scaled_at: float = attrs.field(default=-math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        self.size = min(self.size, float(self.most))

    def room(self, in_flight: int, now: float) -> int:
        """How many more may be sent while so many are in flight."""
        if now < self._silent_until:
            return 0
        if self._in_a_row > 1 and not self._is_let_in(in_flight, now):
            return int(self._probed_at is None)
        self._note_use(in_flight, now)
        self._grow(now)
        return max(0, int(self.size) - in_flight)

    def opens_at(self, now: float) -> float | None:
        """When there may be room by the passing of time alone; `None` where only an end makes some."""
        moments = [self._silent_until]
        if self._in_a_row > 1 and self._probed_at is not None:
            moments.append(self._probed_at + self._silence)
        if self._full_since is not None:
            moments.append(self._full_since + self._silence)
        return min((moment + _AFTER for moment in moments if moment + _AFTER > now), default=None)

    def sent(self, in_flight: int, now: float) -> None:
        """One was sent; so many are in flight with it."""
        if self._probed_at is None:
            self._probed_at = now
        self._note_use(in_flight, now)

    def ended(self, *, sent_at: float) -> None:
        """One that was sent then has ended, and had not been throttled."""
        self._tries = min(self._tries + 1 / _TRIED_AFTER, 1.0)
        if sent_at >= self._lowered_at and self._in_a_row == 1:
            self._in_a_row = 0

    def throttled(self, in_flight: int, now: float, *, sent_at: float) -> None:
        """One that was sent then was throttled; so many are in flight without it."""
        self.throttles += 1
        self._latency += (now - sent_at - self._latency) * (0.2 if self.throttles > 1 else 1.0)
        self.size = max(1.0, min(self.size, float(in_flight)))
        self._tries, self._step, self._full_since = 0.0, 1.0, None
        if sent_at < self._lowered_at:  # one of several that were too many together
            self._note_limit(in_flight)
            return
        if self._probed_at is not None and sent_at - self._probed_at > self._silence:
            self._in_a_row = 0  # others were let in before it
        self._in_a_row += 1
        self._lowered_at, self._probed_at = now, None
        self._note_limit(in_flight)
        if self._in_a_row > 1:
            self._silent_until = now + backoff(self._in_a_row - 2, base=_SHORTEST_PAUSE, longest=_LONGEST_PAUSE)

    def _note_limit(self, in_flight: int) -> None:
        """What was running is the limit; where nothing was, or nothing is let in any more, it says nothing about that."""
        if self._in_a_row <= 1:
            self._limit = self.size if in_flight else math.inf

    @property
    def _silence(self) -> float:
        return max(_LEAST_SILENCE, _SILENCE_PER_LATENCY * self._latency)

    def _is_let_in(self, in_flight: int, now: float) -> bool:
        """Whether the one that asked, after everything was refused, was not; the window begins again with what is running."""
        if self._probed_at is None or now - self._probed_at < self._silence:
            return False
        self._in_a_row = 0
        self.size = max(1.0, float(in_flight))
        return True

    def _note_use(self, in_flight: int, now: float) -> None:
        """A window that stays open has little to do, and says nothing about the limit."""
        if in_flight >= int(self.size):
            self._open_since = None
            self._full_since = now if self._full_since is None else self._full_since
        elif self._open_since is None:
            self._open_since = now
        elif now - self._open_since > self._silence:
            self._full_since = None

    def _grow(self, now: float) -> None:
        """Take a window that was full for long enough as allowed, and go on from there."""
        if self._full_since is None or now - self._full_since < self._silence:
            return
        grown = min(self._next_size(now), float(self.most), self.size + self._scaled(now))
        self._scale -= grown - self.size
        if grown > self.size:
            self.size, self._full_since = grown, None

    def _next_size(self, now: float) -> float:
        if self._limit == math.inf or self.size * 2 <= self._limit:
            return self.size * 2
        if self.size < self._limit:
            return self._limit
        if self.size == self._limit:
            if self._tries < 1.0 or now - self._lowered_at < _SILENCES_BETWEEN_TRIES * self._silence:
                return self.size
            self._tries = 0.0
            return self.size + 1
        self._limit = self.size  # what was tried is allowed
        self._step = max(1.0, min(2 * self._step, _LARGEST_STEP * self.size))
        return self.size + self._step

    def _scaled(self, now: float) -> float:
        """By how much Lambda may have scaled since."""
        if self._scaled_at > -math.inf:
            self._scale = min(_SCALES_BY, self._scale + (now - self._scaled_at) * _SCALES_BY / _SCALES_IN)
        self._scaled_at = now
        return self._scale


class Bound(Protocol):
    """What says how many may be in flight: `Window`, or a number that is `Fixed`."""

    size: float

    def room(self, in_flight: int, now: float) -> int: ...
    def opens_at(self, now: float) -> float | None: ...
    def sent(self, in_flight: int, now: float) -> None: ...
    def ended(self, *, sent_at: float) -> None: ...
    def throttled(self, in_flight: int, now: float, *, sent_at: float) -> None: ...


@attrs.define(eq=False)
class Fixed(Bound):
    """As many as was asked for, whatever happens."""

    size: float

    def room(self, in_flight: int, now: float) -> int:
        return max(0, int(self.size) - in_flight)

    def opens_at(self, now: float) -> float | None:
        return None

    def sent(self, in_flight: int, now: float) -> None:
        """Nothing follows from it."""

    def ended(self, *, sent_at: float) -> None:
        """Nothing follows from it."""

    def throttled(self, in_flight: int, now: float, *, sent_at: float) -> None:
        """Nothing follows from it: the throttled item rests, and that is all."""


@attrs.define(eq=False)
class _Counted:
    bound: Bound
    in_flight: int = 0


class Admission:
    """Windows of one account: one for each function, and one for all of them; a throttle names the one that it is for."""

    def __init__(self, most: int, *, fixed: int | None = None) -> None:
        self._most = most
        self._fixed = fixed
        self._account = _Counted(Fixed(most) if fixed is not None else Window(most=most, size=float(most)))
        self._functions: dict[str, _Counted] = {}

    def room(self, function: str, now: float) -> int:
        """How many more invocations of this function may be sent."""
        counted = self._of(function)
        account = self._account.bound.room(self._account.in_flight, now)
        return min(account, counted.bound.room(counted.in_flight, now)) if account else 0

    def opens_at(self, function: str, now: float) -> float | None:
        """When there may be room by the passing of time alone."""
        moments = (self._account.bound.opens_at(now), self._of(function).bound.opens_at(now))
        return min((moment for moment in moments if moment is not None), default=None)

    def sent(self, function: str, now: float) -> None:
        """One was sent."""
        for counted in (self._account, self._of(function)):
            counted.in_flight += 1
            counted.bound.sent(counted.in_flight, now)

    def ended(self, function: str, *, sent_at: float) -> None:
        """One that was sent then has ended, whatever came of it, but for a throttle."""
        for counted in (self._account, self._of(function)):
            counted.in_flight -= 1
            counted.bound.ended(sent_at=sent_at)

    def throttled(
        self, function: str, now: float, *, sent_at: float, scope: Literal["account", "function", "caller"] | None
    ) -> None:
        """One that was sent then was throttled, by the limit of its function or by one of the whole account."""
        refusing, other = self._of(function), self._account
        if scope in ("account", "caller"):
            refusing, other = other, refusing
        for counted in (refusing, other):
            counted.in_flight -= 1
        refusing.bound.throttled(refusing.in_flight, now, sent_at=sent_at)

    def forget_flights(self) -> None:
        """Nothing is in flight any more, and nobody will tell of its end; what the windows have found stays."""
        for counted in (self._account, *self._functions.values()):
            counted.in_flight = 0

    def window(self, function: str) -> int:
        """How many invocations of this function may be in flight now."""
        return int(min(self._account.bound.size, self._of(function).bound.size))

    def _of(self, function: str) -> _Counted:
        counted = self._functions.get(function)
        if counted is None:
            bound = Window(most=self._most) if self._fixed is None else Fixed(self._fixed)
            counted = self._functions[function] = _Counted(bound)
        return counted
