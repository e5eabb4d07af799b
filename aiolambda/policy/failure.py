"""A failed attempt, as a retry strategy is told of it.

Owns these facts. Must not judge them. It is loaded by the first failure.
"""

import attrs

from ..errors import AiolambdaError
from ..types.values import Delivery, RetryAction

__all__ = ["Failure"]


@attrs.frozen(kw_only=True)
class Failure:
    """A failed attempt that may be repeated without harm. Times are in seconds.

    `delivery` is the verdict on all attempts so far, `attempt` their number, `retries` and `throttles` how many failures of
    this call were tried again before this one, `throttled_for` the time since its first throttle, `time_left` what remains of
    its total limit. Of the answer, `retry_after` is its `Retry-After`, before which nothing should be sent, and `retry_hint`
    its `x-amz-retry-after`. `jitter` is a random number from 0 to 1.
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
