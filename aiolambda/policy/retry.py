"""When a failed call is tried again: back-off, the quota of retries, and the patience with throttles.

Laws: nothing is sent earlier than the service asked; a throttle costs time, not attempts, unless it is asked to count; no pause
is begun that the call's time does not hold.

Owns numbers and counters. Must not know what may be repeated, and never sleeps, reads a clock or draws a number.
Source: the retry specification of the AWS SDKs, version 2.1, but for the treatment of throttles in the mode `time`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigurationError
from ..errors.checks import check_seconds, check_whole
from ..types.interfaces import RetryStrategy
from ..types.values import RetryAction, shown

if TYPE_CHECKING:
    from .failure import Failure

__all__ = ["NoRetry", "StandardRetry", "announced_maximum", "backoff", "repeats_at_once"]

_BASE = 0.05
_THROTTLE_BASE = 1.0
_RETRY_COST = 14
_THROTTLE_COST = 5
_NO_RETRY_INCREMENT = 1
_HINT_ABOVE_PAUSE = 5.0
_MOST_DOUBLINGS = 30
_LEAST_LEFT = 0.05
"""Seconds that an attempt has at the least: with less, it would hardly be answered in time."""
_LONGEST_PAUSE = 1e9
"""Seconds; the loop of a call can wait for no more."""

_CORRECTIONS = frozenset({RetryAction.SET_CLOCK, RetryAction.RENEW_CREDENTIALS})


def backoff(failures: int, *, base: float, longest: float, jitter: float = 1.0, asked: float | None = None) -> float:
    """The seconds to pause after a failure that followed `failures` others: `base`, doubled for each of them.

    The pause grows up to `longest` seconds. `jitter` (0 to 1) is the share of it that is taken. `asked` is the time that the
    service asked for: the pause comes on top of it, so that a thousand callers do not come back at the same moment.
    """
    return (asked or 0.0) + jitter * min(base * 2.0 ** min(failures, _MOST_DOUBLINGS), longest)


class StandardRetry(RetryStrategy):
    """The standard mode of the AWS SDKs, except that a throttled call waits for as long as it has time.

    A failure is retried up to `max_attempts` requests, after `jitter * min(0.05 * 2**retries, max_backoff)` seconds, while the
    client has tokens left of its `quota`: a retry takes 14, and gives them back when its call succeeds. Clients that are given
    the same strategy share its tokens.

    With `throttling="time"` a throttled call is tried again until its deadline, or where it has none for `max_throttle_wait`
    seconds (`None`: without end), and spends neither attempts nor tokens. With `"attempts"` a throttle counts as the SDKs count
    it: among the attempts, at 5 tokens. Either way its pauses grow from 1 s. The two headers by which the service asks for a
    pause are obeyed.
    """

    def __init__(
        self,
        *,
        max_attempts: int = 3,
        max_throttle_wait: float | None = 60.0,
        throttling: Literal["time", "attempts"] = "time",
        max_backoff: float = 20.0,
        quota: int = 500,
    ) -> None:
        check_whole("max_attempts", max_attempts, least=1)
        check_whole("quota", quota, least=0)
        check_seconds("max_throttle_wait", max_throttle_wait)
        check_seconds("max_backoff", max_backoff, optional=False)
        if throttling not in ("time", "attempts"):
            raise ConfigurationError(f"throttling is 'time' or 'attempts'; got {shown(throttling)}")
        if not max_backoff:
            raise ConfigurationError("max_backoff is above 0: without a pause, retries would be a storm")
        self.max_attempts = max_attempts
        self.throttling = throttling
        self.quota = quota
        self.tokens = quota
        """What is left of the quota."""
        self._max_throttle_wait = max_throttle_wait
        self._max_backoff = max_backoff

    def pause(self, failure: "Failure", /) -> float | None:
        """The seconds before the next attempt; `None` where attempts, tokens or time are used up."""
        if failure.retry_action in _CORRECTIONS:
            return self._pause(failure, ceiling=0.0)
        counted = self._counts(failure)
        spent = failure.retries + (failure.throttles if self.throttling == "attempts" else 0)
        if counted and spent + 1 >= self.max_attempts:
            return None
        base = _THROTTLE_BASE if failure.retry_action is RetryAction.WAIT else _BASE
        before = spent if counted else failure.throttles
        pause = self._pause(failure, ceiling=backoff(before, base=base, longest=self._max_backoff))
        cost = self._cost(failure)
        if pause is None or cost > self.tokens:
            return None
        self.tokens -= cost
        return pause

    def succeeded(self, failures: "Sequence[Failure]", /) -> None:
        """Give back what the last retry of a call took, or one token for a call that needed none."""
        if failures or self.tokens < self.quota:
            costs = (self._cost(failure) for failure in reversed(failures))
            self.tokens = min(self.quota, self.tokens + next(filter(None, costs), _NO_RETRY_INCREMENT))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_attempts={self.max_attempts}, throttling={self.throttling!r})"

    def _counts(self, failure: "Failure") -> bool:
        return failure.retry_action is not RetryAction.WAIT or self.throttling == "attempts"

    def _cost(self, failure: "Failure") -> int:
        if failure.retry_action is RetryAction.WAIT:
            return _THROTTLE_COST if self.throttling == "attempts" else 0
        return _RETRY_COST if failure.retry_action is RetryAction.RETRY else 0

    def _pause(self, failure: "Failure", *, ceiling: float) -> float | None:
        """The pause, if the call has time for it, and for an attempt after it. A back-off that has less is drawn from that."""
        asked, left = failure.retry_after or 0.0, self._time_left(failure)
        if left is not None:
            room = left - asked - _LEAST_LEFT
            if room < (0.0 if asked else _LEAST_LEFT):
                return None
            ceiling = min(ceiling, room / 2 if asked else room)
        pause = failure.jitter * ceiling
        if failure.retry_hint is not None:
            pause = min(max(failure.retry_hint, pause), pause + _HINT_ABOVE_PAUSE)
        # On top of what the service asked for, so that a thousand callers do not come back in the same moment.
        pause += asked
        return None if pause >= (_LONGEST_PAUSE if left is None else left) else pause

    def _time_left(self, failure: "Failure") -> float | None:
        """The deadline's, or what is left of the patience with a service that asks for time."""
        if failure.time_left is not None:
            return failure.time_left
        if self._max_throttle_wait is None or (failure.retry_action is not RetryAction.WAIT and failure.retry_after is None):
            return None
        return self._max_throttle_wait - failure.throttled_for


class NoRetry(RetryStrategy):
    """One request for each call, whatever happens to it."""

    def pause(self, failure: "Failure", /) -> float | None:
        return None

    def succeeded(self, failures: "Sequence[Failure]", /) -> None:
        """There is nothing to keep."""

    def __repr__(self) -> str:
        return "NoRetry()"


def repeats_at_once(strategy: RetryStrategy, retry_action: RetryAction) -> bool:
    """Whether a failure, the loss of an idle connection, is mended without asking the strategy: it spends nothing."""
    return retry_action is RetryAction.REPEAT and not isinstance(strategy, NoRetry)


def announced_maximum(strategy: RetryStrategy) -> int | None:
    """The number of attempts that `amz-sdk-request` may announce; `None` where time decides, or the user's own strategy."""
    if isinstance(strategy, NoRetry):
        return 1
    if isinstance(strategy, StandardRetry) and strategy.throttling == "attempts":
        return strategy.max_attempts
    return None
