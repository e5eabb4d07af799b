"""The durable executions of a stand-in for Lambda: by ARN, by name, and by the ids of their callbacks.

Owns which executions exist, and which of them the API tells of. Must not know requests or answers.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

import attrs

from .. import api_errors
from ..durable_names import DurableExecution, DurableNames
from ..function_states import Script
from .execution import ScriptedExecution
from .operations import Operation, RunHandler
from .recorded import RecordedCallback, RecordedDurableExecution, recorded_callback, recorded_execution
from .states import CallbackState, Start
from .steps import Fail

__all__ = ["ENDED", "STATUSES", "DurableScript", "DurableStore", "Request", "handler_script"]

STATUSES = ("RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING")
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")
"""The statuses in which an execution stays, unless it is deleted."""

_ARN = (
    r"arn:([a-zA-Z0-9-]+):lambda:([a-zA-Z0-9-]+):(\d{12}):function:([a-zA-Z0-9_-]+):(\$LATEST(?:\.PUBLISHED)?|[0-9]+)"
    r"/durable-execution/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)"
)
_CALLBACK_ID = r"[A-Za-z0-9+/]+={0,2}"
_LONGEST_ID = 1024


@attrs.frozen(kw_only=True)
class DurableScript:
    """What the executions of a function do. `hidden_seconds` and `hidden_polls`: how long one is not found after an `Event`."""

    operations: Sequence[Operation]
    execution_timeout: float
    hidden_seconds: float = 0.0
    hidden_polls: int = 0

    @property
    def runs_handler(self) -> bool:
        """Whether the function's handler runs."""
        return any(isinstance(operation.item, RunHandler) for operation in self.operations)


def handler_script() -> Sequence[Operation]:
    """The operations of a function without a script."""
    return [Operation(item=RunHandler(), id="1")]


@attrs.frozen(kw_only=True)
class Request:
    """The invocation that asks for an execution. `function_arn` has no qualifier."""

    function_name: str
    function_arn: str
    qualifier: str
    version: str
    name: str | None
    payload: bytes = attrs.field(repr=False)
    invocation_type: str
    trace_id: str | None = None


class DurableStore:
    """The executions. Times are seconds of the clock that was 0 at the Unix time `epoch`."""

    def __init__(self, *, epoch: float) -> None:
        self.epoch = epoch
        self._names = DurableNames()
        self._named: dict[str, DurableExecution] = {}
        self._executions: dict[str, ScriptedExecution] = {}
        self._numbers = itertools.count(1)
        self._callbacks: dict[str, tuple[ScriptedExecution, CallbackState]] = {}
        self._shown: Script[str] = Script()

    def begin(
        self, script: DurableScript, request: Request, now: float, *, failure: Fail | None = None, delay: float = 0.0
    ) -> tuple[ScriptedExecution, bool]:
        """The execution that an invocation asks for, and whether it is new. A `failure` takes the place of the script.

        Raises the `ApiError` for a name that another payload has.
        """
        named, is_new = self._names.begin(request.function_arn, request.version, request.name, request.payload)
        if not is_new:
            execution = self._executions[named.arn]
            execution.requests += 1
            execution.advance(now)
            return execution, False
        start = Start(
            number=next(self._numbers),
            arn=named.arn,
            name=named.arn.split("/")[-2],
            function_name=request.function_name,
            function_arn=f"{request.function_arn}:{request.qualifier}",
            qualifier=request.qualifier,
            version=request.version,
            payload=request.payload,
            invocation_type=request.invocation_type,
            execution_timeout=script.execution_timeout,
            trace_id=request.trace_id,
            started=now,
            delay=delay,
        )
        operations = script.operations if failure is None else [Operation(item=failure, id="1")]
        execution = ScriptedExecution(start, operations, epoch=self.epoch)
        execution.on_callback = lambda callback: self._add_callback(execution, callback)
        if request.invocation_type == "Event":
            execution.hidden_until, execution.hidden_polls = now + script.hidden_seconds, script.hidden_polls
        self._named[named.arn], self._executions[named.arn] = named, execution
        execution.advance(now)
        return execution, True

    def find(self, arn: str, now: float) -> ScriptedExecution:
        """The execution of an ARN, with everything that has happened. Raises the `ApiError` of one that is not found."""
        if len(arn) > _LONGEST_ID or re.fullmatch(_ARN, arn) is None:
            raise _no_match("durableExecutionArn", arn, _ARN)
        execution = self._executions.get(arn)
        if execution is None or not self.is_visible(execution, now):
            raise api_errors.not_found(f"Durable execution not found: {arn}")
        execution.advance(now)
        return execution

    def with_callback(self, callback_id: str) -> ScriptedExecution | None:
        """The execution that has a callback, open or not."""
        found = self._callbacks.get(callback_id)
        return None if found is None else found[0]

    def find_callback(self, callback_id: str, now: float) -> tuple[ScriptedExecution, CallbackState]:
        """A callback that is open, and its execution. Raises the `ApiError` of another."""
        if len(callback_id) > _LONGEST_ID or re.fullmatch(_CALLBACK_ID, callback_id) is None:
            raise _no_match("callbackId", callback_id, _CALLBACK_ID)
        found = self._callbacks.get(callback_id)
        if found is None:
            raise api_errors.not_found("The callback does not exist.")
        execution, callback = found
        execution.advance(now)
        if not callback.is_open:
            raise api_errors.callback_closed()
        return found

    def of_function(self, function_arn: str, qualifier: str | None, now: float) -> Iterator[ScriptedExecution]:
        """The executions of a function, in the order of their starts; with a qualifier, those of that version or alias."""
        for arn, execution in self._executions.items():
            if arn.startswith(f"{function_arn}:") and qualifier in (None, execution.start.qualifier, execution.start.version):
                execution.advance(now)
                yield execution

    def is_visible(self, execution: ScriptedExecution, now: float) -> bool:
        """Whether the API tells of it. Counts the question."""
        if execution.hidden_polls:
            execution.hidden_polls -= 1
            return False
        return now >= execution.hidden_until

    def status_of(self, execution: ScriptedExecution, *, counts: bool) -> tuple[str, bool]:
        """The status to tell, and whether a test has set it."""
        shown = self._shown.tell(execution.start.arn, None, counts=counts)
        return (execution.status, False) if shown is None else (shown, True)

    def show(self, arn: str, status: str, times: int | None) -> None:
        """Tell this status of an execution, so many times or from now on."""
        self._shown.set(arn, None, status, times)

    def known(self, arn: str) -> ScriptedExecution | None:
        """The execution of an ARN, also one that is not visible yet."""
        return self._executions.get(arn)

    def forget(self, execution: ScriptedExecution) -> None:
        """The deletion is done. The name is free."""
        arn = execution.start.arn
        del self._executions[arn]
        self._names.forget(self._named.pop(arn))
        for callback in execution.callbacks:
            self._callbacks.pop(callback.id, None)

    def clear(self, now: float) -> None:
        """Stop all executions, and forget them."""
        for execution in self._executions.values():
            if execution.outcome is None:
                execution.stop(now, {"ErrorMessage": "The stand-in for Lambda was reset."})
        for kept in (self._names, self._named, self._executions, self._callbacks, self._shown):
            kept.clear()

    def advance(self, now: float) -> None:
        """Let everything happen that is due."""
        for execution in self._executions.values():
            execution.advance(now)

    def records(self) -> list[RecordedDurableExecution]:
        """All executions, in the order of their starts."""
        return [
            recorded_execution(
                execution.start,
                status=self.status_of(execution, counts=False)[0],
                result=None if execution.outcome is None else execution.outcome.result,
                error=None if execution.outcome is None else execution.outcome.error,
                requests=execution.requests,
            )
            for execution in self._executions.values()
        ]

    def callback_records(self) -> list[RecordedCallback]:
        """All callbacks, in the order of their starts."""
        return [recorded_callback(execution.start.arn, callback) for execution, callback in self._callbacks.values()]

    def _add_callback(self, execution: ScriptedExecution, callback: CallbackState) -> None:
        self._callbacks[callback.id] = execution, callback


def _no_match(member: str, value: str, pattern: str) -> api_errors.ApiError:
    is_long = len(value) > _LONGEST_ID
    limit = f"have length less than or equal to {_LONGEST_ID}" if is_long else f"satisfy regular expression pattern: {pattern}"
    return api_errors.invalid_value(member, f"Member must {limit}")
