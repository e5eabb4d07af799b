"""The parts of an execution: its start and its end, and those that change, the operation in progress, a pause, a callback.

Laws: an operation with `polls` waits for so many answers, and then also for its time. Times are seconds of one clock.

Must not know the execution that they belong to.
"""

import base64
import os
from collections.abc import Mapping

import attrs

from .operations import Operation

__all__ = ["Active", "CallbackState", "Error", "Outcome", "Pause", "Start"]

Error = Mapping[str, object]
"""An `ErrorObject` of the API."""


@attrs.frozen(kw_only=True)
class Start:
    """How an execution began.

    `number` counts executions. `function_arn` has the qualifier that was invoked. `delay` holds up the first operation.
    """

    number: int
    arn: str
    name: str
    function_name: str
    function_arn: str
    qualifier: str | None
    version: str
    payload: bytes = attrs.field(repr=False)
    invocation_type: str
    execution_timeout: float
    trace_id: str | None
    started: float
    delay: float = 0.0


@attrs.frozen(kw_only=True)
class Outcome:
    """The end of an execution."""

    status: str
    time: float
    result: str | None = attrs.field(default=None, repr=False)
    error: Error | None = attrs.field(default=None, repr=False)


@attrs.define(kw_only=True)
class _Timed:
    """Something that lasts for its seconds and its polls; without `seconds`, until somebody ends it."""

    began: float
    seconds: float | None
    polls: int = 0
    _not_before: float = 0.0

    def due(self, *, ignore_polls: bool) -> float | None:
        """When it ends by itself; `None` if that is not known."""
        if self.seconds is None or (self.polls and not ignore_polls):
            return None
        return max(self.began + self.seconds, self._not_before)

    def poll(self, now: float) -> None:
        """Count an answer."""
        if self.polls:
            self.polls -= 1
            self._not_before = now


@attrs.define(kw_only=True)
class Active(_Timed):
    """The operation in progress. `is_retry` says that a step waits for its next attempt."""

    operation: Operation
    attempt: int = 1
    is_retry: bool = False


@attrs.define(kw_only=True)
class Pause(_Timed):
    """A pause. Until it has begun, it is only asked for, and the status is `PAUSING`."""

    requested: float
    reason: str | None = attrs.field(repr=False)
    stops_timeout: bool
    is_begun: bool = False

    def due(self, *, ignore_polls: bool) -> float | None:
        """When it ends by itself; `None` if that is not known."""
        return super().due(ignore_polls=ignore_polls) if self.is_begun else None

    def begin(self, at: float) -> None:
        """The execution is paused from now on."""
        self.is_begun, self.began = True, at


def _new_callback_id() -> str:
    """A random id that has each of the characters that a path must encode: `+`, `/` and `=`."""
    return base64.b64encode(b"\xfb\xff\xbf" + os.urandom(58)).decode()


@attrs.define(kw_only=True, eq=False)
class CallbackState:
    """A callback: open until its success, its failure, its timeout or the end of its execution."""

    name: str
    began: float
    timeout: float | None
    heartbeat_timeout: float | None
    id: str = attrs.field(factory=_new_callback_id)
    is_open: bool = True
    heartbeats: int = 0
    _last_beat: float = attrs.field(default=attrs.Factory(lambda self: self.began, takes_self=True))

    def beat(self, now: float) -> None:
        """Count a heartbeat."""
        self.heartbeats += 1
        self._last_beat = now

    def due(self) -> tuple[float, str] | None:
        """When it times out, and the reason; `None` if it never does."""
        ends: list[tuple[float, str]] = []
        if self.timeout is not None:
            ends.append((self.began + self.timeout, "The callback timed out."))
        if self.heartbeat_timeout is not None:
            ends.append((self._last_beat + self.heartbeat_timeout, "The callback timed out: no heartbeat came."))
        return min(ends, default=None)
