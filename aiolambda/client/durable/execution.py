"""A durable execution, as its caller sees it: its result, its state, its history, and the requests that end or rest it.

Owns their signatures and errors. Must not know when a question is sent.
"""

import asyncio
import copy
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from ...errors import InvalidInputError
from ...errors.checks import check_choice, problem_of_timeout
from ...errors.durable import ResultTimeoutError
from ...operations.api.commands import (
    DeleteDurableExecutionCommand,
    GetDurableExecutionCommand,
    GetDurableExecutionCommandOutput,
    PauseDurableExecutionCommand,
    ResumeDurableExecutionCommand,
    StopDurableExecutionCommand,
)
from ...operations.durable import (
    DurableExecutionDescription,
    DurableExecutionOutput,
    deleted_error,
    description_of,
    output_of,
)
from ...operations.durable_events import DurableEvent
from ...policy.polling import GRACE
from ...protocol.durable_arn import durable_arn_of
from ...types.values import UNSET, Timeouts, Unset
from ..sending import Sending
from .callbacks import DurableCallback, error_object, open_callbacks
from .history import History
from .poller import Poller

if TYPE_CHECKING:
    from .questions import Questions

__all__ = ["DurableExecution"]


class DurableExecution:
    """A durable execution of a function. `client.start_durable` and `client.durable_execution` make one.

    It holds no connection and needs no closing: the execution goes on in Lambda, whether a program waits for it or not.

    ::

        execution = await client.start_durable("orders:live", {"id": 7}, name="order-7")
        output = await execution.result(timeout=600)
        print(output.json())
    """

    def __init__(
        self,
        client: Sending,
        questions: "Callable[[], Questions]",
        arn: str,
        *,
        function_name: str | None = None,
        started_at: float | None = None,
    ) -> None:
        """Made by `client.start_durable` and `client.durable_execution`.

        Args:
            client: Sends the requests that change the execution.
            questions: Returns the part of the client that asks about executions, on the running event loop.
            arn: The ARN of the execution.
            function_name: The name that errors show. Default: that in the ARN.
            started_at: The time of the event loop at which this client started the execution. Default: another one did.
        """
        parts = durable_arn_of(arn)
        self._client, self._questions = client, questions
        self._arn, self._name, self._function_name = arn, parts.name, function_name or parts.function_name
        self._started: tuple[asyncio.AbstractEventLoop, float] | None = None
        if started_at is not None:
            self._started = asyncio.get_running_loop(), started_at
        self._has_ended = False

    @property
    def arn(self) -> str:
        """The ARN of the execution. With it, another process can follow the execution: `client.durable_execution(arn)`."""
        return self._arn

    @property
    def name(self) -> str:
        """The name of the execution."""
        return self._name

    @property
    def function_name(self) -> str:
        """The name of the function: as given at the start, or else that in the ARN."""
        return self._function_name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._arn}>"

    async def result(self, *, timeout: float | None = None) -> DurableExecutionOutput:
        """Wait until the execution has ended, and return its output.

        It asks for the status after pauses that grow from 0.5 to 10 seconds (30 while the execution is paused), and at the end
        once for the output. All executions of a client together send fewer than 100 requests a second. Throttles, errors of
        the service and lost connections do not end the wait, unless they last for an hour. Several tasks may await the same
        execution: they share the requests. Cancelling the wait stops nothing.

        The output is not kept: awaiting the result once more asks the service again, as long as it keeps the execution.

        It needs the permission `lambda:GetDurableExecution`.

        Args:
            timeout: Seconds for the wait. Default: no limit. The limits of the client do not apply to it.

        Raises:
            DurableExecutionError: The execution failed, timed out, was stopped, or is deleted.
                Its subclasses `DurableExecutionFailedError`, `DurableExecutionTimedOutError` and
                `DurableExecutionStoppedError` say which.
            ResultTimeoutError: It has not ended in time. It is a `TimeoutError`.
            ResourceNotFoundException: There is no such execution. It is no error in the 30 seconds after its start.
            ClientClosedError: The client is closed, or was closed during the wait.
            AiolambdaError: Any other error of `send` that waiting does not change.
        """
        problem = problem_of_timeout("timeout", timeout, other="")
        if problem is not None:
            raise InvalidInputError(problem, member="timeout")
        ending = await self._questions().ending(
            self._arn, limit=timeout, visible_at=self._visible_at(), has_ended=self._has_ended
        )
        if isinstance(ending, Poller):
            status, failure = ending.status, ending.failure
            seen = "its status is not known yet" if status is None else f"its status is {status}"
            reason = failure.args[0] if failure is not None and failure.args else type(failure).__name__
            failed = "" if failure is None else f"; the last question failed: {reason}"
            raise ResultTimeoutError(
                f"the durable execution has not ended after {timeout:g} s: {seen}{failed}",
                arn=self._arn,
                status=status,
                function_name=self._function_name,
            )
        if ending.error is not None:
            raise _own(ending.error)
        if ending.answer is None:
            raise deleted_error(arn=self._arn, function_name=self._function_name)
        self._has_ended = True
        codec = self._client.config.codec
        return output_of(ending.answer, arn=self._arn, codec=codec, function_name=self._function_name)

    async def describe(self, *, timeout: float | Timeouts | Unset | None = UNSET) -> DurableExecutionDescription:
        """Ask for the state: status, times, and the pause if there is one.

        Of a paused execution it asks twice: the service gives the reason of a pause only together with the input.

        It needs the permission `lambda:GetDurableExecution`.

        Args:
            timeout: Seconds for each question, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            ResourceNotFoundException: There is no such execution. Just after its start, it may not be visible yet.
            AiolambdaError: Any other error of `send`.
        """
        answer = await self._state(timeout, include_data=False)
        if answer.pause_details is not None and answer.pause_details.reason is None:
            answer = await self._state(timeout, include_data=True)
        return description_of(answer)

    async def _state(self, timeout: float | Timeouts | Unset | None, *, include_data: bool) -> GetDurableExecutionCommandOutput:
        command = GetDurableExecutionCommand(durable_execution_arn=self._arn, include_execution_data=include_data)
        return await self._questions().send(command, timeout=timeout)

    def history(
        self,
        *,
        follow: bool = False,
        include_data: bool = True,
        newest_first: bool = False,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> AsyncIterator[DurableEvent]:
        """Yield the events of the execution. They are asked for page by page, when they are needed.

        ::

            async for event in execution.history(follow=True, include_data=False):
                print(event.timestamp, event.type, event.name)

        A step that fails or is cancelled leaves the iterator where it was, so `async for` can go on with it. An event is never
        yielded twice.

        It needs the permission `lambda:GetDurableExecutionHistory`.

        Args:
            follow: `True` waits for new events until the execution has ended. Default `False`: those that are there now.
            include_data: `False` leaves out inputs, results and errors, which may be large. Default `True`.
            newest_first: `True` begins with the last event. Default `False`.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            InvalidInputError: `follow` and `newest_first` contradict each other.
            AiolambdaError: An error of `send`. While it follows, errors that pass with time are not raised.
        """
        return History(
            self._questions,
            self._arn,
            follow=follow,
            include_data=include_data,
            newest_first=newest_first,
            timeout=timeout,
            visible_at=self._visible_at,
        )

    async def callbacks(self, *, timeout: float | Timeouts | Unset | None = UNSET) -> list[DurableCallback]:
        """The callbacks that the execution waits for now, oldest first, with their names and ids.

        ::

            for callback in await execution.callbacks():
                if callback.name == "approval":
                    await callback.succeed({"approved": True})

        It reads the whole history, without data, and needs the permission `lambda:GetDurableExecutionHistory`.

        Args:
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        return await open_callbacks(self._client, self.history(include_data=False, timeout=timeout))

    async def stop(
        self,
        *,
        error_type: str | None = None,
        message: str | None = None,
        data: str | None = None,
        stack_trace: Sequence[str] | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> dt.datetime:
        """Stop the execution for good, and return the time of the stop. Its status is then `STOPPED`.

        The request is sent at most once, unless it certainly did not arrive. It needs the permission
        `lambda:StopDurableExecution`.

        Args:
            error_type: The type of the error that the execution ends with. Default: none.
            message: The text of that error. Default: none.
            data: Its data, as JSON text for example. Default: none.
            stack_trace: Lines that say where it came from. Default: none.
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`; its `may_have_run` says whether the execution may have been stopped.
        """
        error = error_object(error_type, message, data, stack_trace)
        del error_type, message, data, stack_trace  # a traceback that is printed with locals would show them
        command = StopDurableExecutionCommand(durable_execution_arn=self._arn, error=error)
        return (await self._client.send(command, timeout=timeout)).stop_timestamp

    async def pause(
        self,
        *,
        reason: str | None = None,
        pause_timeout: bool = False,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> None:
        """Pause the execution. What runs now goes on; nothing new begins until somebody resumes it.

        The request has a token, so a repeat pauses nothing twice. It needs the permission `lambda:PauseDurableExecution`.

        Args:
            reason: Why, at most 1,024 characters. Default: none.
            pause_timeout: `True` lets the execution timeout stand still meanwhile. Default `False`.
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        check_choice("pause_timeout", pause_timeout)
        command = PauseDurableExecutionCommand(
            durable_execution_arn=self._arn,
            reason=reason,
            execution_timeout_paused=pause_timeout,  # always: the service's own default is `True`
        )
        await self._client.send(command, timeout=timeout)

    async def resume(self, *, reason: str | None = None, timeout: float | Timeouts | Unset | None = UNSET) -> None:
        """Let a paused execution go on.

        The request has a token, so a repeat resumes nothing twice. It needs the permission `lambda:ResumeDurableExecution`.

        Args:
            reason: Why, at most 1,024 characters. Default: none.
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        await self._client.send(ResumeDurableExecutionCommand(durable_execution_arn=self._arn, reason=reason), timeout=timeout)

    async def delete(self, *, timeout: float | Timeouts | Unset | None = UNSET) -> None:
        """Delete an execution that has ended, with its history and its result.

        It needs the permission `lambda:DeleteDurableExecution`.

        Args:
            timeout: Seconds for the call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            ResourceConflictException: The execution has not ended.
            AiolambdaError: Any other error of `send`.
        """
        await self._client.send(DeleteDurableExecutionCommand(durable_execution_arn=self._arn), timeout=timeout)

    def _visible_at(self) -> float | None:
        """The time of the loop from which on the execution must be visible; `None` if this client has not just started it."""
        if self._started is None or self._started[0] is not asyncio.get_running_loop():
            return None
        return self._started[1] + GRACE


def _own(error: Exception) -> Exception:
    """An error for one of several that wait: each traceback is its own."""
    try:
        own = copy.copy(error)
    except Exception:  # noqa: BLE001 - one of a user's middleware need not be copied
        return error
    if notes := getattr(own, "__notes__", None):
        own.__notes__ = list(notes)
    own.__cause__ = error.__cause__
    return own.with_traceback(error.__traceback__)
