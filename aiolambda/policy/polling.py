"""Polling decisions: the pause before the next question, which failures a poll survives, and the pace of all questions.

Laws of the pace: between two requests there is at least an interval, also after a long silence or a stalled loop; of those that
have left, only a few are unanswered. So a server never sees more than 100 arrive in a second, however late some of them are.

Never sleeps, reads a clock or draws a random number.
"""

from ..errors import AiolambdaError, InvocationTimeoutError
from ..types.values import RetryAction
from . import classification

__all__ = ["GRACE", "LONGEST_OUTAGE", "Pacer", "passes", "poll_pause"]

GRACE = 30.0
"""Seconds after its start in which an execution may not be visible yet."""
LONGEST_OUTAGE = 3600.0
"""Seconds for which polls may fail, one after another, before the wait fails too."""

_FIRST, _GROWTH, _LONGEST, _PAUSED = 0.5, 1.5, 10.0, 30.0
_MOST_STEPS = 20
_STEADY = 0.75
"""The share of a pause that jitter does not change."""
_PASSING = frozenset({RetryAction.WAIT, RetryAction.RETRY, RetryAction.REPEAT})

_RATE = 90.0
"""Requests a second. With those that are unanswered, they stay below 100 in each second."""
_MOST_IN_FLIGHT = 8
"""Requests without an answer. They leave the other calls that manage functions two of their ten slots."""
_TOLERANCE = 1e-6
"""Seconds that a timer may come too early."""


def poll_pause(polls: int, *, jitter: float, is_paused: bool = False) -> float:
    """Seconds until the next question, after so many that brought nothing new. `jitter` is a random number, 0 to 1.

    It grows from 0.5 by a half each time to 10; it is 30 while the execution is paused. Jitter takes off up to a quarter.
    """
    whole = _PAUSED if is_paused else min(_FIRST * _GROWTH ** min(polls, _MOST_STEPS), _LONGEST)
    return whole * (_STEADY + (1 - _STEADY) * jitter)


def passes(error: AiolambdaError) -> bool:
    """Whether a later question may succeed where this one failed. A poll reads only, so it is repeated freely."""
    if isinstance(error, InvocationTimeoutError):
        return True
    return (error.retry_action or classification.retry_action_of(error)) in _PASSING


class Pacer:
    """The pace of the requests of one client."""

    def __init__(self, *, rate: float = _RATE, most_in_flight: int = _MOST_IN_FLIGHT) -> None:
        self._interval = 1 / rate
        self._most_in_flight = most_in_flight
        self._next_at = float("-inf")
        self.in_flight = 0
        """Requests that have begun and not ended."""

    def wait(self, now: float) -> float | None:
        """Seconds until a request may begin, 0 for at once; `None` if another one must end first."""
        if self.in_flight >= self._most_in_flight:
            return None
        left = self._next_at - now
        return left if left > _TOLERANCE else 0.0

    def begin(self, now: float) -> None:
        """A request begins at this moment."""
        self.in_flight += 1
        self._next_at = now + self._interval

    def end(self) -> None:
        """A request has its answer, or has failed."""
        self.in_flight -= 1
