"""The question whether an execution has ended, asked again and again while somebody waits for the answer.

Owns when the polling of one execution ends. Must not know who waits, or what an end is worth to them.
"""

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Callable

import attrs

from ...errors import AiolambdaError, ConnectionLostError, LambdaServiceException
from ...operations.api.commands import GetDurableExecutionCommand, GetDurableExecutionCommandOutput
from ...operations.durable import has_ended, is_paused
from ...policy import polling
from ..sending import Sending

__all__ = ["Asking", "Ending", "Poller", "is_missing"]

_POLL_LIMIT = 30.0
"""Seconds for a question without data, with its repeats."""
_DATA_LIMIT = 300.0
"""Seconds for the last question: input and result may have six megabytes each."""
_MOST_FAILED_FETCHES = 5
"""Failures of the last question, while others succeed: an answer that is too large to be read comes again each time."""


@attrs.frozen(eq=False)
class Ending:
    """How the polling of an execution ended: with its last answer, its deletion (neither), or an error."""

    answer: GetDurableExecutionCommandOutput | None = None
    error: Exception | None = None


class Asking(Sending):
    """A client whose `send` keeps the pace, as far as a poller and a history know it."""

    @abstractmethod
    def jitter(self) -> float:
        """A random number, 0 to 1."""

    @abstractmethod
    async def pause(self, seconds: float) -> None:
        """Sleep. `ClientClosedError` if the client closes meanwhile."""


class Poller:
    """The polling of one execution, in a task of its own."""

    def __init__(self, client: Asking, arn: str, *, has_ended: bool) -> None:
        self.arn = arn
        self.waiters = 0
        self.visible_at = float("-inf")
        """The time of the loop until which a missing execution is no error."""
        self.status: str | None = None
        """The last status that was seen."""
        self.failure: AiolambdaError | None = None
        """The error of the last question; `None` if it was answered."""
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self._client = client
        self._asks_for_data = self._was_seen = has_ended
        self._polls = 0
        self._failing_since: float | None = None
        self._failed_fetches = 0

    def start(self, *, on_end: "Callable[[Poller], None]") -> None:
        """Begin to poll. `on_end` is called at the end of the last poll."""
        self.task = asyncio.create_task(self._run(on_end), name=f"poll the durable execution {self.arn}")

    def abort(self, error: Exception) -> None:
        """End the polling with this error, and its task when the loop runs on."""
        if not self.ended.done():
            self.ended.set_result(Ending(error=error))
        if self.task is not None and self.task is not _current_task():
            self.task.cancel()

    async def stop(self) -> None:
        """End the polling: no task waits for it any more."""
        if self.task is not None:
            self.task.cancel()
            await self.finished()

    async def finished(self) -> None:
        """Wait until the task has ended."""
        if self.task is not None:
            await asyncio.wait({self.task})

    async def _run(self, on_end: "Callable[[Poller], None]") -> None:
        ending = None
        try:
            with contextlib.suppress(asyncio.CancelledError):  # of `abort` and `stop`, or of the end of the program
                ending = await self._ending()
        finally:
            on_end(self)
            if not self.ended.done() and ending is not None:
                self.ended.set_result(ending)
            self.ended.cancel()  # no effect, unless the program ends

    async def _ending(self) -> Ending:
        try:
            while True:
                answer = await self._ask()
                if isinstance(answer, Ending):
                    return answer
                if answer is not None:
                    status = getattr(answer, "status", None) or ""
                    self.status = status
                    if has_ended(status, answer.end_timestamp):
                        if self._asks_for_data or status == "DELETING":
                            return Ending(answer=answer)
                        self._asks_for_data = True
                        continue
                    await self._client.pause(self._pause())
        except Exception as error:  # noqa: BLE001 - also one of a user's middleware: those who wait raise it
            return Ending(error=error)

    async def _ask(self) -> GetDurableExecutionCommandOutput | Ending | None:
        """The answer to the next question; `None` after a failure that may pass, and a pause."""
        command = GetDurableExecutionCommand(durable_execution_arn=self.arn, include_execution_data=self._asks_for_data)
        try:
            answer = await self._client.send(command, timeout=_DATA_LIMIT if self._asks_for_data else _POLL_LIMIT)
            _check(answer)
        except AiolambdaError as error:
            now = asyncio.get_running_loop().time()
            if is_missing(error) and self._was_seen:
                return Ending()
            is_early = is_missing(error) and now < self.visible_at
            if not (is_early or polling.passes(error)) or self._is_hopeless(now):
                return Ending(error=error)
            asked = error.retry_after if isinstance(error, LambdaServiceException) else None
            pause = max(self._pause(), asked or 0.0)
            self.failure = error
        else:
            self._failing_since, self.failure, self._was_seen = None, None, True
            return answer
        await self._client.pause(pause)
        return None

    def _is_hopeless(self, now: float) -> bool:
        """Whether the questions have failed for so long that the wait ends."""
        if self._failing_since is None:
            self._failing_since = now
        self._failed_fetches += self._asks_for_data
        self._asks_for_data = False  # if the service can be asked again, only the data is the problem
        return now - self._failing_since > polling.LONGEST_OUTAGE or self._failed_fetches >= _MOST_FAILED_FETCHES

    def _pause(self) -> float:
        self._polls += 1
        return polling.poll_pause(self._polls - 1, jitter=self._client.jitter(), is_paused=is_paused(self.status))


def _check(answer: object) -> None:
    """`ConnectionLostError` for an answer that makes no sense: it is asked for again."""
    if not isinstance(getattr(answer, "status", None), str):
        raise ConnectionLostError("the answer to GetDurableExecution has no status")
    if not isinstance(getattr(answer, "result", None), str | None):
        raise ConnectionLostError("the result in the answer to GetDurableExecution is not a string")


def is_missing(error: AiolambdaError) -> bool:
    """Whether the service does not know the execution."""
    return isinstance(error, LambdaServiceException) and error.code in ("ResourceNotFoundException", "ResourceNotFound")


def _current_task() -> "asyncio.Task[object] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None
