"""An event that was accepted: its runs so far, and what follows the next failure.

Must not know queues or destinations, or how an event runs. Time is an argument, in seconds of the loop's clock.
"""

import attrs

from ..event_config import EventInvokeConfig
from ..jobs import Job
from ..runtime.invocations import InvocationResult
from .record import Condition

__all__ = ["QueuedEvent"]


@attrs.define(kw_only=True, eq=False)
class QueuedEvent:
    """An event, and its progress. Nothing follows the run of one that was dropped."""

    job: Job
    config: EventInvokeConfig
    number: int
    """Events are numbered in the order of their acceptance."""
    accepted: float
    is_decided: bool = True
    """Whether the script of failures was asked for the next run."""
    runs: int = 0
    result: InvocationResult | None = None
    """The result of the last run."""
    order: int = 0
    """The place in the queue."""
    is_dropped: bool = False

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.job.selection.function.name

    @property
    def expires_at(self) -> float:
        """When the event reaches its age limit."""
        return self.accepted + self.config.maximum_event_age

    @property
    def pause(self) -> float:
        """Seconds before the next retry, after a run that failed: each pause is twice as long as the one before."""
        return self.config.retry_delay * 2.0 ** (self.runs - 1)

    def end(self, now: float) -> Condition | None:
        """Why the event has ended with its last run; `None` if it is to run again.

        As on Lambda, an event is given up at once if the next retry would exceed its age limit.
        """
        if self.result is not None and self.result.response.error_type is None:
            return Condition.SUCCESS
        if self.runs > self.config.maximum_retry_attempts:
            return Condition.RETRIES_EXHAUSTED
        return Condition.EVENT_AGE_EXCEEDED if now + self.pause >= self.expires_at else None
