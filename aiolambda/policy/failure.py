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

    - `retry_action`: the change that could make another attempt succeed.
    - `delivery`: the verdict on all attempts so far.
    - `attempt`: the number of attempts so far.
    - `jitter`: a random number from 0 to 1.
    - `retries`, `throttles`: failures of this call, before this one, that were followed by another attempt.
    - `throttled_for`: time since the first throttle of this call.
    - `time_left`: the rest of the call's total limit; `None` if it has none.
    - `retry_after`: the `Retry-After` of the answer; nothing should be sent earlier.
    - `retry_hint`: the `x-amz-retry-after` of the answer.
    """

    error: AiolambdaError
    retry_action: RetryAction
    delivery: Delivery
    attempt: int
    jitter: float
    retries: int = 0
    throttles: int = 0
    throttled_for: float = 0.0
    time_left: float | None = None
    retry_after: float | None = None
    retry_hint: float | None = None
