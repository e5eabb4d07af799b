"""The durable functions of a fake: their scripts, their handlers, and the answers to calls of them.

Must not know the operations on executions, or how a script goes on.
"""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Literal, cast

from ..emulation import api_errors
from ..emulation.control_plane.routes import Asked
from ..emulation.durable.answers import DurableAnswers
from ..emulation.durable.execution import ScriptedExecution
from ..emulation.durable.lifecycle import LONGEST_EXECUTION
from ..emulation.durable.operations import operations_of
from ..emulation.durable.recorded import RecordedCallback, RecordedDurableExecution
from ..emulation.durable.states import Error, Outcome
from ..emulation.durable.steps import Fail, Script
from ..emulation.durable.store import ENDED, STATUSES, DurableScript, DurableStore, handler_script
from ..emulation.durable.store import Request as DurableRequest
from ..emulation.emulated_lambda import EmulatedLambda
from ..emulation.event_queue import EventQueue
from ..emulation.failure_script import Decision
from ..emulation.function_failure import response_of
from ..emulation.handlers import Handler, HandlerFailed
from ..emulation.identifiers import LATEST
from ..emulation.in_process import FunctionTable, HandlerRun, InProcessFunction, function_of
from ..emulation.recorded_call import RecordedCall
from ..errors import ConfigurationError, InvalidInputError
from ..errors.checks import check_seconds, check_whole
from ..protocol import names
from ..types.http import Request, Response
from ..types.mistakes import nearest
from ..types.values import PayloadLimits, shown
from .exchanges import called_arn, response_to, within_limit
from .loop_clock import LoopClock

__all__ = ["DurableFake"]

_Status = Literal["RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING"]
_LIMITS = PayloadLimits()


class DurableFake(EmulatedLambda):
    """The part of a fake that knows durable functions."""

    def __init__(self) -> None:
        """Build one without functions."""
        super().__init__()
        self._functions = FunctionTable()
        self._clock = LoopClock()
        self._durable = DurableStore(epoch=self._clock.epoch)
        self._durable_answers = DurableAnswers(self._durable, self._functions)
        self._durable_runs: set[EventQueue] = set()

    def add_durable(
        self,
        function_name: str,
        script: Script | Handler,
        /,
        *,
        qualifier: str | None = None,
        version: str | None = None,
        timeout: float = 60.0,
        execution_timeout: float = LONGEST_EXECUTION,
        hidden_polls: int = 0,
        hidden_seconds: float = 0.0,
    ) -> None:
        """Add a durable function, or replace its script.

        ::

            fake.add_durable("orders", [durable.Step("charge", polls=2), durable.Succeed({"paid": True})])
            fake.add_durable("price", lambda event: {"total": 3 * event["amount"]}, qualifier="live")

        Each invocation begins an execution, unless its durable execution name has one with the same payload. A script goes on
        by the clock of the event loop, and by the answers of GetDurableExecution that its steps wait for. A synchronous call
        waits for the end, and for no polls. A handler runs once, in a task of its own, and its end is that of the execution.

        As on Lambda, a call needs a qualifier, which may be `"$LATEST"`. `fail` and `delay` apply to the calls of the function,
        and with `operation=` to requests about its executions.

        Args:
            function_name: The name of the function, also as `name:qualifier` or an ARN.
            script: The steps of `aiolambda.testing.durable` in their order and an end, or a handler as for `add`.
            qualifier: The version or alias that has this script. Default `None`: all of them.
            version: The version that runs, a number or `"$LATEST"`. Default as for `add`.
            timeout: The timeout of one invocation that the context of a handler counts down, in seconds. Default 60.
            execution_timeout: The seconds after which an execution ends as `TIMED_OUT`. Default 366 days, the longest.
            hidden_polls: The questions after an `Event` for which its execution is not found, or not listed. Default 0.
            hidden_seconds: The seconds after an `Event` for which its execution is not found. Default 0.

        Raises:
            ConfigurationError: The name is not a string, the script has something else than steps, or a value is out of range.
        """
        check_seconds("execution_timeout", execution_timeout, optional=False)
        if not 1 <= execution_timeout <= LONGEST_EXECUTION:
            raise ConfigurationError(f"execution_timeout must be 1 to {LONGEST_EXECUTION:,} seconds")
        check_whole("hidden_polls", hidden_polls, least=0)
        check_seconds("hidden_seconds", hidden_seconds, optional=False)
        durable = DurableScript(
            operations=handler_script() if callable(script) else operations_of(script),
            execution_timeout=execution_timeout,
            hidden_polls=hidden_polls,
            hidden_seconds=hidden_seconds,
        )
        handler = script if callable(script) else _not_run
        function = function_of(function_name, handler, qualifier=qualifier, version=version, timeout=timeout, durable=durable)
        if function.version != LATEST and not (function.version.isascii() and function.version.isdigit()):
            raise ConfigurationError(f"version must be a number or '$LATEST'; got {shown(version)}")
        self._functions.add(function)

    def set_durable_status(self, arn: str, status: _Status, /, *, times: int | None = None) -> None:
        """Let GetDurableExecution tell a status of an execution, for tests of code that follows it.

        ::

            fake.set_durable_status(arn, "PAUSED", times=2)

        Statuses apply in the order in which they were set, as with `set_state`. Afterwards the status is that of the script,
        which goes on meanwhile. An answer with a status that was set counts for no `polls`.

        `"SUCCEEDED"`, `"FAILED"`, `"TIMED_OUT"` and `"STOPPED"` without `times` end an execution that runs.

        Args:
            arn: The ARN of the execution.
            status: The status.
            times: The number of answers that tell it. Default `None`: all, until another status is set.

        Raises:
            ConfigurationError: The execution or the status is unknown.
        """
        if status not in STATUSES:
            meant = nearest(str(status), STATUSES)
            hint = f"did you mean {meant}?" if meant is not None else f"choose from {', '.join(STATUSES)}"
            raise ConfigurationError(f"there is no status {shown(status)}; {hint}")
        if times is not None:
            check_whole("times", times, least=1)
        now = self._clock.now()
        execution = self._durable.known(arn)
        if execution is None:
            raise ConfigurationError("there is no durable execution of this ARN; durable_executions has those that began")
        execution.advance(now)
        if times is not None or status not in ENDED:
            self._durable.show(arn, status, times)
        else:
            execution.force(now, status)

    @property
    def durable_executions(self) -> list[RecordedDurableExecution]:
        """Every durable execution as it is now, in the order of their starts. A repeated name is no new one."""
        self._durable.advance(self._clock.now())
        return self._durable.records()

    @property
    def callbacks(self) -> list[RecordedCallback]:
        """Every callback of a durable execution that has begun until now, in that order."""
        self._durable.advance(self._clock.now())
        return self._durable.callback_records()

    def reset(self) -> None:
        """Forget all failures, delays, states, calls and executions. The functions stay."""
        super().reset()
        self._durable_answers.clear(self._clock.now())

    def _answer_about_durable(self, asked: Asked, body: bytes, *, region: str) -> tuple[int, bytes]:
        """The status and the body of an answer about executions."""
        return self._durable_answers.answer(asked, body, now=self._clock.now(), region=region)

    def _begin_durable(
        self, function: InProcessFunction, call: RecordedCall, decision: Decision, run: HandlerRun
    ) -> ScriptedExecution:
        """The execution that a call asks for. `run` is what a handler does."""
        script = cast("DurableScript", function.durable)
        request = _checked_request(function, call)
        if script.runs_handler:
            execution, is_new = self._durable.begin(script, request, self._clock.now())
            if is_new:
                self._run_durable(execution, run)
            return execution
        failure = _failure_of(decision, call.request_id)
        execution, _ = self._durable.begin(script, request, self._clock.now(), failure=failure, delay=decision.delay)
        return execution

    async def _answer_durable(
        self, request: Request, call: RecordedCall, execution: ScriptedExecution, decision: Decision
    ) -> Response:
        """The answer to a call of a durable function: its acceptance, or the end of the execution."""
        headers = {"x-amz-durable-execution-arn": execution.start.arn}
        if call.invocation_type == "Event":
            if decision.loss is not None:
                raise decision.loss.transport_error()
            return response_to(call.request_id, call.headers, 202, headers=headers)
        outcome = await within_limit(request, self._durable_end(execution))
        if decision.loss is not None:
            raise decision.loss.transport_error()
        request.stage = "receive"
        headers |= {"content-type": "application/json", "x-amz-executed-version": execution.start.version}
        if outcome.error is None:
            body = (outcome.result or "").encode(errors="replace")
        else:
            body = _function_error(outcome.error)
            headers["x-amz-function-error"] = "Unhandled"
        return response_to(call.request_id, call.headers, 200, body, headers)

    async def _durable_end(self, execution: ScriptedExecution) -> Outcome:
        """Wait for the end of an execution, whatever polls its steps wait for."""
        changed = asyncio.Event()
        execution.watchers.add(changed.set)
        try:
            while True:
                now = self._clock.now()
                execution.advance(now, ignore_polls=True)
                if execution.outcome is not None:
                    return execution.outcome
                changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(execution.next_due() - now, 0)):
                        await changed.wait()
        finally:
            execution.watchers.discard(changed.set)

    def _run_durable(self, execution: ScriptedExecution, run: HandlerRun) -> None:
        queue = EventQueue("FakeTransport")

        async def finish() -> None:
            try:
                result = await run.whole()
            except HandlerFailed as failed:
                execution.advance(self._clock.now())
                execution.finish(self._clock.now(), error=_error_of(failed.response.payload))
            else:
                execution.advance(self._clock.now())
                execution.finish(self._clock.now(), result=result.decode(errors="replace"))
            finally:
                self._durable_runs.discard(queue)

        execution.on_cut = queue.cancel
        self._durable_runs.add(queue)
        queue.put(finish)

    async def _durable_runs_end(self, *, closing: bool = False) -> None:
        """Wait for the handlers of executions. If `closing`, those that still run after some seconds are cancelled."""
        while queues := tuple(self._durable_runs):
            await asyncio.gather(*(queue.close() if closing else queue.wait_idle() for queue in queues))
            self._durable_runs.difference_update(queues)

    def _abort_durable_runs(self) -> None:
        while self._durable_runs:
            self._durable_runs.pop().cancel()

    def _drop_durable_runs(self) -> None:
        while self._durable_runs:
            self._durable_runs.pop().drop()


def _not_run(event: object) -> object:
    """The handler of a function that has a script."""
    raise ConfigurationError("a durable function with a script runs no handler")


def _checked_request(function: InProcessFunction, call: RecordedCall) -> DurableRequest:
    """The parts of a call that an execution keeps. Raises the `ApiError` of a wrong name, or of a payload that is too large."""
    name, size = call.durable_execution_name, len(call.payload)
    if name is not None:
        try:
            names.check_pattern("durable_execution_name", name)
        except InvalidInputError:
            raise api_errors.invalid_value("durableExecutionName", "Member must satisfy its pattern and its length") from None
    limit = _LIMITS.event if call.invocation_type == "Event" else _LIMITS.request_response
    if size > limit:
        raise api_errors.payload_too_large(size, call.invocation_type, limit)
    qualifier = call.qualifier or LATEST
    return DurableRequest(
        function_name=function.name,
        function_arn=called_arn(call, qualifier).removesuffix(f":{qualifier}"),
        qualifier=qualifier,
        version=function.version,
        name=name,
        payload=call.payload,
        invocation_type=call.invocation_type,
        trace_id=call.headers.get("x-amzn-trace-id"),
    )


def _failure_of(decision: Decision, request_id: str) -> Fail | None:
    """The scripted failure of a function, as the end of its execution."""
    scenario = decision.scenario
    if scenario is None or scenario.function is None:
        return None
    error = _error_of(response_of(scenario.function, request_id).payload)
    trace = cast("Sequence[str]", error.get("StackTrace", ()))
    return Fail(str(error.get("ErrorType", "")), str(error.get("ErrorMessage", "")), stack_trace=trace)


_MEMBERS = {"errorType": "ErrorType", "errorMessage": "ErrorMessage", "errorData": "ErrorData", "stackTrace": "StackTrace"}


def _error_of(payload: bytes) -> Error:
    """The `ErrorObject` for the error response of a function."""
    content = json.loads(payload)
    return {member: content[name] for name, member in _MEMBERS.items() if content.get(name) is not None}


def _function_error(error: Error) -> bytes:
    """The error response of a function for an `ErrorObject`."""
    return json.dumps({name: error[member] for name, member in _MEMBERS.items() if member in error}).encode()
