"""The time of the next attempt: back-off, the quota of retries, and the time limit of throttled calls.

Laws: nothing is sent earlier than the service asked; a throttle costs time, not attempts, unless the strategy counts it; no
pause begins that the call has no time for.

Owns numbers and counters. Must not know which attempts may be repeated. Never sleeps, reads a clock or draws a random number.
Source: the retry specification of the AWS SDKs, version 2.1, except for throttles in the mode `time`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigurationError
from ..errors.checks import check_seconds, check_whole
from ..types.interfaces import RetryStrategy
from ..types.mistakes import explains_arguments
from ..types.values import UNSET, RetryAction, Unset, shown

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
_MIN_TIME = 0.05
"""Seconds that an attempt must have left: with less, it would hardly be answered in time."""
_THROTTLE_WAIT = 60.0
"""Seconds for which a throttled call without a deadline tries, unless the user says otherwise."""
_LONGEST_PAUSE = 1e9
"""Seconds; event loops can wait for no more."""

_CORRECTIONS = frozenset({RetryAction.SET_CLOCK, RetryAction.RENEW_CREDENTIALS})


def backoff(failures: int, *, base: float, longest: float, jitter: float = 1.0, asked: float | None = None) -> float:
    """The pause, in seconds, after a failure that followed `failures` others: `base`, doubled for each of them.

    It grows up to `longest` seconds. `jitter` (0 to 1) is the share of it that is taken. `asked` is the time that the service
    asked for. The pause comes on top of it, so that a thousand callers do not come back at the same moment.
    """
    return (asked or 0.0) + jitter * min(base * 2.0 ** min(failures, _MOST_DOUBLINGS), longest)


@explains_arguments
class StandardRetry(RetryStrategy):
    """The standard mode of the AWS SDKs, except that a throttled call waits for as long as it has time.

    ::

        client = LambdaClient(retry=StandardRetry(max_attempts=5))

    Before a retry, a call pauses `jitter * min(0.05 * 2**retries, max_backoff)` seconds. A retry takes 14 tokens of the
    `quota`, and returns them if its call succeeds. If too few are left, the call fails. Clients with the same strategy object
    share its tokens.

    The pauses of a throttled call grow from 1 s. A pause that the service asks for, in `Retry-After` or `x-amz-retry-after`, is
    obeyed.
    """

    def __init__(
        self,
        *,
        max_attempts: int = 3,
        max_throttle_wait: float | Unset | None = UNSET,
        throttling: Literal["time", "attempts"] = "time",
        max_backoff: float = 20.0,
        quota: int = 500,
    ) -> None:
        """Build a strategy. Give one object to several clients to let them share its tokens.

        Args:
            max_attempts: The most requests of a call, the first one included. Default 3.
            max_throttle_wait: Seconds for which a throttled call tries. Default: until its deadline, or 60 without one.
                They count from the first throttle, and a call gives up at its deadline, too. A limit below the deadline leaves
                the function the rest of the time to answer. `None` is no limit but the deadline.
            throttling: `"time"`: a throttle costs neither attempts nor tokens, but time. `"attempts"`: as in the SDKs.
                With `"time"` (the default) a throttled call is tried again until its deadline. With `"attempts"` a throttle
                counts as an attempt, for 5 tokens.
            max_backoff: The longest pause in seconds, without the time that the service asks for. Default 20.
            quota: The tokens that all calls share. Default 500.

        Raises:
            ConfigurationError: A value is out of its range.
        """
        check_whole("max_attempts", max_attempts, least=1)
        check_whole("quota", quota, least=0)
        check_seconds("max_throttle_wait", None if max_throttle_wait is UNSET else max_throttle_wait)
        check_seconds("max_backoff", max_backoff, optional=False)
        if throttling not in ("time", "attempts"):
            raise ConfigurationError(f"throttling must be 'time' or 'attempts'; got {shown(throttling)}")
        if not max_backoff:
            raise ConfigurationError("max_backoff must be above 0; without a pause, retries overload the service")
        self.max_attempts = max_attempts
        """The most requests of a call, the first one included."""
        self.throttling = throttling
        """Whether a throttle costs time or attempts."""
        self.quota = quota
        """The tokens to begin with, and the most that there can be."""
        self.tokens = quota
        """The rest of the quota."""
        self._max_throttle_wait = max_throttle_wait
        self._max_backoff = max_backoff

    def pause(self, failure: "Failure", /) -> float | None:
        """Seconds before the next attempt; `None` if attempts, tokens or time are used up.

        Args:
            failure: The failed attempt, and the facts of its call.
        """
        if failure.retry_action in _CORRECTIONS:
            return self._pause(failure, ceiling=0.0)
        counted = failure.retry_action is not RetryAction.WAIT or self.throttling == "attempts"
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
        """Return the tokens of the call's last retry, or one token for a call without retries.

        Args:
            failures: The failed attempts of the call, in order.
        """
        if failures or self.tokens < self.quota:
            costs = (self._cost(failure) for failure in reversed(failures))
            self.tokens = min(self.quota, self.tokens + next(filter(None, costs), _NO_RETRY_INCREMENT))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_attempts={self.max_attempts}, throttling={self.throttling!r})"

    def _cost(self, failure: "Failure") -> int:
        if failure.retry_action is RetryAction.WAIT:
            return _THROTTLE_COST if self.throttling == "attempts" else 0
        return _RETRY_COST if failure.retry_action is RetryAction.RETRY else 0

    def _pause(self, failure: "Failure", *, ceiling: float) -> float | None:
        """The pause; `None` if the call has no time for it and for an attempt after it. Little time left lowers the ceiling."""
        asked, left = failure.retry_after or 0.0, self._time_left(failure)
        if left is not None:
            room = left - asked - _MIN_TIME
            if room < (0.0 if asked else _MIN_TIME):
                return None
            ceiling = min(ceiling, room / 2 if asked else room)
        pause = failure.jitter * ceiling
        if failure.retry_hint is not None:
            pause = min(max(failure.retry_hint, pause), pause + _HINT_ABOVE_PAUSE)
        # On top of the time that the service asked for, as in `backoff`.
        pause += asked
        return None if pause >= (_LONGEST_PAUSE if left is None else left) else pause

    def _time_left(self, failure: "Failure") -> float | None:
        """Seconds until the deadline, or until `max_throttle_wait` ends if the service asks for time; `None` for no limit."""
        left, wait = failure.time_left, self._max_throttle_wait
        if wait is UNSET:
            wait = _THROTTLE_WAIT if left is None else None
        if wait is None or (failure.retry_action is not RetryAction.WAIT and failure.retry_after is None):
            return left
        rest = wait - failure.throttled_for
        return rest if left is None else min(left, rest)


@explains_arguments
class NoRetry(RetryStrategy):
    """One request for each call: a failure is never retried."""

    def __init__(self) -> None:
        pass  # without it, the class would have the one of `Protocol`, and its texts

    def pause(self, failure: "Failure", /) -> float | None:
        """`None`: give up.

        Args:
            failure: The failed attempt.
        """
        return None

    def succeeded(self, failures: "Sequence[Failure]", /) -> None:
        """Do nothing: there is no state.

        Args:
            failures: The failed attempts of the call: none.
        """

    def __repr__(self) -> str:
        return "NoRetry()"


def repeats_at_once(strategy: RetryStrategy, retry_action: RetryAction) -> bool:
    """Whether to send again at once, without asking the strategy: a stale connection costs no attempt and no token."""
    return retry_action is RetryAction.REPEAT and not isinstance(strategy, NoRetry)


def announced_maximum(strategy: RetryStrategy) -> int | None:
    """The maximum for the header `amz-sdk-request`; `None` if time decides, or a strategy of the user."""
    if isinstance(strategy, NoRetry):
        return 1
    if isinstance(strategy, StandardRetry) and strategy.throttling == "attempts":
        return strategy.max_attempts
    return None
