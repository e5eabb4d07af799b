"""A failed attempt, as a retry strategy sees it.

Owns these facts. Must not judge them. A module of its own, because only a failure loads it.
"""

import attrs

from ..errors import AiolambdaError
from ..types.values import Delivery, RetryAction

__all__ = ["Failure"]


@attrs.frozen(kw_only=True)
class Failure:
    """A failed attempt that may be repeated without harm. Times are in seconds.

    Args:
        error: The error that will be raised if nothing is repeated.
        retry_action: The change that could make another attempt succeed.
        delivery: The verdict on all attempts so far.
        attempt: The number of attempts so far.
        jitter: A random number from 0 to 1.
        retries: Failures of this call, before this one, that were followed by another attempt.
        throttles: Throttles of this call, before this one, that were followed by another attempt.
        throttled_for: Seconds since the first throttle of this call.
        time_left: Seconds until the call's total limit; `None` if it has none.
        retry_after: The `Retry-After` of the answer, in seconds; nothing should be sent earlier.
        retry_hint: The `x-amz-retry-after` of the answer, in seconds.
    """

    error: AiolambdaError
    """The error that will be raised if nothing is repeated."""
    retry_action: RetryAction
    """The change that could make another attempt succeed."""
    delivery: Delivery
    """The verdict on all attempts so far."""
    attempt: int
    """The number of attempts so far."""
    jitter: float
    """A random number from 0 to 1."""
    retries: int = 0
    """Failures of this call, before this one, that were followed by another attempt."""
    throttles: int = 0
    """Throttles of this call, before this one, that were followed by another attempt."""
    throttled_for: float = 0.0
    """Seconds since the first throttle of this call."""
    time_left: float | None = None
    """Seconds until the call's total limit; `None` if it has none."""
    retry_after: float | None = None
    """The `Retry-After` of the answer, in seconds; nothing should be sent earlier."""
    retry_hint: float | None = None
    """The `x-amz-retry-after` of the answer, in seconds."""
