"""The number of invocations to have in flight if the limit is unknown: a window that finds the limit, and follows it.

Laws: a throttle lowers the window to the number that was running when it came; near that limit the window tries one more only
now and then; a size that was tried and not throttled counts as allowed, and the window grows from there in growing steps; it
never grows faster than Lambda scales a function; while everything is throttled, one request at a time probes.

Owns the size of the window. Must not know the requests. Never reads a clock: times are seconds of any monotonic clock.
Source: "Lambda function scaling" of the developer guide, for how fast Lambda scales.
"""

import math
from typing import ClassVar, Literal, Protocol

import attrs

from .retry import backoff

__all__ = ["AdaptiveAdmission", "Admission", "FixedAdmission", "Scope", "Window"]

Scope = Literal["account", "function", "caller"]
"""Whose limit a throttle names."""

_FIRST = 16.0
"""The size of a new window."""
_SCALES_BY = 1000.0
_SCALES_IN = 10.0
"""Lambda adds at most 1,000 environments to a function in 10 seconds."""
_SHORTEST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0
"""Seconds without a request after a throttle; doubled while every request is throttled."""
_TRIED_AFTER = 100
"""Invocations that must end before one more is tried beyond the last limit: if each try is throttled, 1 % are."""
_MIN_SILENCE = 0.05
_SILENCE_PER_LATENCY = 2.5
"""A request counts as accepted if no throttle came for so long, in seconds and in latencies of throttles."""
_CLOCK_MARGIN = 0.001
"""Seconds added to a moment, so that it has passed for a less exact clock, too."""
_SILENCES_BETWEEN_TRIES = 4
"""Late throttles of one try must not count as a lower limit."""
_FIRST_LATENCY = 0.1
"""The latency of throttles, in seconds, before the first one."""
_MAX_STEP = 0.15
"""The largest step beyond the last limit, as a share of the window."""


@attrs.define(kw_only=True, eq=False)
class Window:
    """The window of one limit: ask `room` before sending, and report with `sent`, `ended` and `throttled`. `most` bounds it."""

    most: int
    size: float = attrs.field(default=_FIRST)
    throttles: int = 0
    _limit: float = attrs.field(default=math.inf, init=False)  # the last limit that was met or passed
    _step: float = attrs.field(default=1.0, init=False)
    _tries: float = attrs.field(default=0.0, init=False)
    _latency: float = attrs.field(default=_FIRST_LATENCY, init=False)
    _in_a_row: int = attrs.field(default=0, init=False)  # throttles without an accepted request between them
    _lowered_at: float = attrs.field(default=-math.inf, init=False)
    _silent_until: float = attrs.field(default=-math.inf, init=False)
    _probed_at: float | None = attrs.field(default=None, init=False)
    _full_since: float | None = attrs.field(default=None, init=False)
    _open_since: float | None = attrs.field(default=None, init=False)
    _scale: float = attrs.field(default=_SCALES_BY, init=False)
    _scaled_at: float = attrs.field(default=-math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        self.size = min(self.size, float(self.most))

    def start_at(self, limit: int) -> None:
        """Start at a known limit, as far as Lambda scales at once. A window that was throttled stays: it knows better."""
        if self.throttles:
            return
        self._limit = float(max(1, limit))
        self.size = min(self._limit, float(self.most), max(self.size, _SCALES_BY))
        self._scale = max(0.0, _SCALES_BY - self.size)

    def room(self, in_flight: int, now: float) -> int:
        """How many more requests may be sent while `in_flight` are."""
        if now < self._silent_until:
            return 0
        if self._in_a_row > 1 and not self._is_accepted(in_flight, now):
            return int(self._probed_at is None)
        self._note_use(in_flight, now)
        self._grow(now)
        return max(0, int(self.size) - in_flight)

    def opens_at(self, now: float) -> float | None:
        """The time when there may be room without any request ending; `None` if there is none."""
        moments = [self._silent_until]
        if self._in_a_row > 1 and self._probed_at is not None:
            moments.append(self._probed_at + self._silence)
        if self._full_since is not None:
            moments.append(self._full_since + self._silence)
        return min((moment + _CLOCK_MARGIN for moment in moments if moment + _CLOCK_MARGIN > now), default=None)

    def sent(self, in_flight: int, now: float) -> None:
        """Report a request that was sent. `in_flight` counts it."""
        if self._probed_at is None:
            self._probed_at = now
        self._note_use(in_flight, now)

    def ended(self, *, sent_at: float) -> None:
        """Report the end of a request that was not throttled."""
        if self._tries < 1.0:
            self._tries += 1 / _TRIED_AFTER
        if sent_at >= self._lowered_at and self._in_a_row == 1:
            self._in_a_row = 0

    def throttled(self, in_flight: int, now: float, *, sent_at: float) -> None:
        """Report a request that was throttled. `in_flight` does not count it."""
        self.throttles += 1
        self._latency += (now - sent_at - self._latency) * (0.2 if self.throttles > 1 else 1.0)
        self.size = max(1.0, min(self.size, float(in_flight)))
        self._tries, self._step, self._full_since = 0.0, 1.0, None
        if sent_at < self._lowered_at:  # another one sent before the window was lowered
            self._note_limit(in_flight)
            return
        if self._probed_at is not None and sent_at - self._probed_at > self._silence:
            self._in_a_row = 0  # other requests were accepted before it
        self._in_a_row += 1
        self._lowered_at, self._probed_at = now, None
        self._note_limit(in_flight)
        if self._in_a_row > 1:
            self._silent_until = now + backoff(self._in_a_row - 2, base=_SHORTEST_PAUSE, longest=_LONGEST_PAUSE)

    def _note_limit(self, in_flight: int) -> None:
        """The running requests are the limit. If none is running, or all are throttled, the limit is unknown."""
        if self._in_a_row <= 1:
            self._limit = self.size if in_flight else math.inf

    @property
    def _silence(self) -> float:
        return max(_MIN_SILENCE, _SILENCE_PER_LATENCY * self._latency)

    def _is_accepted(self, in_flight: int, now: float) -> bool:
        """Whether the probe was accepted after everything was throttled. The window then starts from the running requests."""
        if self._probed_at is None or now - self._probed_at < self._silence:
            return False
        self._in_a_row = 0
        self.size = max(1.0, float(in_flight))
        return True

    def _note_use(self, in_flight: int, now: float) -> None:
        """Note since when the window is full. A window that stays open says nothing about the limit."""
        if in_flight >= int(self.size):
            self._open_since = None
            self._full_since = now if self._full_since is None else self._full_since
        elif self._open_since is None:
            self._open_since = now
        elif now - self._open_since > self._silence:
            self._full_since = None

    def _grow(self, now: float) -> None:
        """Grow a window that was full for long enough without a throttle: its size counts as allowed."""
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
        self._limit = self.size  # the try was allowed
        self._step = max(1.0, min(2 * self._step, _MAX_STEP * self.size))
        return self.size + self._step

    def _scaled(self, now: float) -> float:
        """The environments that Lambda may have added since the last call."""
        if self._scaled_at > -math.inf:
            self._scale = min(_SCALES_BY, self._scale + (now - self._scaled_at) * _SCALES_BY / _SCALES_IN)
        self._scaled_at = now
        return self._scale


class Admission(Protocol):
    """How many invocations may be in flight: `AdaptiveAdmission`, or a `FixedAdmission`.

    Ask `room` before sending, report with `sent`, and then with `ended` or `throttled`. `is_shared` says that several runs of
    maps may use it, so that the end of an invocation in one of them makes room for another.
    """

    is_shared: ClassVar[bool]

    def room(self, function: str, now: float) -> int:
        """How many more invocations of this function may be sent."""
        ...

    def opens_at(self, function: str, now: float) -> float | None:
        """The time when there may be room without any invocation ending; `None` if there is none."""
        ...

    def sent(self, function: str, now: float) -> None:
        """Report an invocation that was sent."""
        ...

    def ended(self, function: str, *, sent_at: float) -> None:
        """Report the end of an invocation that was not throttled."""
        ...

    def throttled(self, function: str, now: float, *, sent_at: float, scope: Scope | None) -> None:
        """Report an invocation that was throttled, by the limit of its function or of the account."""
        ...

    def window(self, function: str) -> int:
        """How many invocations of this function may be in flight now."""
        ...


class FixedAdmission(Admission):
    """A constant number of invocations for one run. A throttled item is tried again later, and the number stays."""

    is_shared = False

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_flight = 0

    def room(self, function: str, now: float) -> int:
        return self._most - self._in_flight

    def opens_at(self, function: str, now: float) -> float | None:
        return None

    def sent(self, function: str, now: float) -> None:
        self._in_flight += 1

    def ended(self, function: str, *, sent_at: float) -> None:
        self._in_flight -= 1

    def throttled(self, function: str, now: float, *, sent_at: float, scope: Scope | None) -> None:
        self._in_flight -= 1

    def window(self, function: str) -> int:
        return self._most


@attrs.define(eq=False)
class _Counted:
    bound: Window
    in_flight: int = 0


class AdaptiveAdmission(Admission):
    """The windows of one account: one for each function, and one for all together. A throttle names the window it concerns."""

    is_shared = True

    def __init__(self, most: int) -> None:
        self._most = most
        self._account = _Counted(Window(most=most, size=float(most)))
        self._functions: dict[str, _Counted] = {}

    def room(self, function: str, now: float) -> int:
        counted = self._of(function)
        account = self._account.bound.room(self._account.in_flight, now)
        return min(account, counted.bound.room(counted.in_flight, now)) if account else 0

    def opens_at(self, function: str, now: float) -> float | None:
        moments = (self._account.bound.opens_at(now), self._of(function).bound.opens_at(now))
        return min((moment for moment in moments if moment is not None), default=None)

    def sent(self, function: str, now: float) -> None:
        for counted in (self._account, self._of(function)):
            counted.in_flight += 1
            counted.bound.sent(counted.in_flight, now)

    def ended(self, function: str, *, sent_at: float) -> None:
        for counted in (self._account, self._of(function)):
            counted.in_flight -= 1
            counted.bound.ended(sent_at=sent_at)

    def throttled(self, function: str, now: float, *, sent_at: float, scope: Scope | None) -> None:
        refusing, other = self._of(function), self._account
        if scope in ("account", "caller"):
            refusing, other = other, refusing
        for counted in (refusing, other):
            counted.in_flight -= 1
        refusing.bound.throttled(refusing.in_flight, now, sent_at=sent_at)

    def window(self, function: str) -> int:
        return int(min(self._account.bound.size, self._of(function).bound.size))

    def start_at(self, function: str, limit: int) -> None:
        """Start the window of a function at its limit. See `Window.start_at`."""
        self._of(function).bound.start_at(limit)

    def forget_flights(self) -> None:
        """Count nothing as in flight: the ends will not be reported. The windows keep their sizes."""
        for counted in (self._account, *self._functions.values()):
            counted.in_flight = 0

    def _of(self, function: str) -> _Counted:
        counted = self._functions.get(function)
        if counted is None:
            counted = self._functions[function] = _Counted(Window(most=self._most))
        return counted
