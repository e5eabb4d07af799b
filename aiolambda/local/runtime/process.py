"""One runtime process: started, given one invocation at a time, ended.

Owns the life of the process and everything that comes with it: its Runtime API, its pipe, its log, its group. Must not know
how many others there are, or what an HTTP caller is told.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from ..functions import LocalFunction
from .environment import Surroundings, environment_of, runtime_command
from .invocations import TRUNCATED, Answer, Invocation, Outcome, exited, init_timed_out, not_started, timed_out
from .log import Echo, FunctionLog, Usage
from .output_pipe import OutputPipe
from .process_groups import ProcessGroups, RuntimeChild
from .runtime_api import RuntimeApi

__all__ = ["INIT_LIMIT", "InvocationNotTaken", "ProcessStopped", "RuntimeProcess"]

INIT_LIMIT = 10.0
"""Seconds that a runtime has to ask for its first invocation."""
_SEEN_TO_END = 0.5
"""Seconds in which a process that has let go of its connection is seen to have ended."""


class InvocationNotTaken(Exception):
    """The process ended before it was given the invocation: another may have it."""


class ProcessStopped(Exception):
    """The endpoint ended the process while it ran an invocation."""


async def _first_of(*futures: "asyncio.Future[Any]", timeout: float) -> None:
    """Return when one of them is done, or `timeout` seconds have passed; none of them is cancelled."""
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


def _max_memory_used(pid: int) -> int:
    """The most memory that a process has had, in MB; 0 where the system does not say (anything but Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return -(-int(peak.split()[1]) // 1024)


class RuntimeProcess:
    """`start`, then `invoke` as often as `usable` says; `stop` always."""

    def __init__(
        self,
        function: LocalFunction,
        surroundings: Surroundings,
        groups: ProcessGroups,
        *,
        echo: Echo | None = None,
        init_limit: float = INIT_LIMIT,
    ) -> None:
        self._function = function
        self._surroundings = surroundings
        self._groups = groups
        self._init_limit = init_limit
        self._log = FunctionLog(echo)
        self._api = RuntimeApi()
        self._pipe: OutputPipe | None = None
        self._process: RuntimeChild | None = None
        self._end: asyncio.Task[int] | None = None
        self._init_failure: Callable[[str], Answer] | None = None
        self._init_duration: float | None = None
        self._stopping = False
        self._max_memory_used = 0

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def usable(self) -> bool:
        """Whether the process is there for another invocation."""
        return self._end is not None and not self._end.done() and self._init_failure is None and not self._stopping

    async def start(self) -> None:
        """Start the process and await the end of its init. What goes wrong is the first invocation's answer, not raised."""
        started = time.perf_counter()
        address = await self._api.start()
        command = runtime_command(self._function)
        environment = environment_of(self._function, self._surroundings, address, dt.datetime.now(dt.UTC).date())
        pipe = self._pipe = OutputPipe(self._log.write)
        try:
            self._process = await self._groups.spawn(
                command, output=pipe.write_end, environment=environment, directory=self._function.root
            )
        except OSError as error:
            command_name, reason = command[0], (error.strerror or str(error)).lower()
            self._init_failure = lambda request_id: not_started(request_id, command_name, reason)
            return
        finally:
            pipe.close_write_end()
        pipe.follow()
        self._api.admit(self._process.pid)
        self._end = asyncio.create_task(self._await_end(self._process), name=f"end of runtime process {self._process.pid}")
        if self._stopping:
            self._kill()
        await self._await_init(self._end)
        self._init_duration = (time.perf_counter() - started) * 1000

    async def _await_end(self, process: RuntimeChild) -> int:
        return_code = await process.wait()
        if self._pipe is not None:
            self._pipe.close()
        return return_code

    async def _await_init(self, end: "asyncio.Task[int]") -> None:
        ready = self._api.ready
        await _first_of(ready, end, timeout=self._init_limit)
        if ready.done():
            failure = ready.result()
            if failure is not None:
                reported = attrs.evolve(failure, status="error")
                self._init_failure = lambda _: reported
        elif end.done():
            return_code = end.result()
            self._init_failure = lambda request_id: exited(request_id, return_code)
        else:
            self._init_failure = lambda request_id: init_timed_out(request_id, self._init_limit)
            self._kill()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run the invocation to its end, whatever that is.

        Raises `InvocationNotTaken` where the process ended while it was idle, `ProcessStopped` where `stop` ended it.
        """
        if self._stopping:
            raise ProcessStopped
        started = time.perf_counter()
        if self._init_failure is not None:
            self._log.start(invocation.request_id)
            answer = self._init_failure(invocation.request_id)
        elif self._end is None or self._end.done():
            raise InvocationNotTaken
        else:
            self._log.start(invocation.request_id)
            answer = await self._run(invocation, self._end)
        if self._pipe is not None:
            self._pipe.drain()
        usage = self._usage(answer, (time.perf_counter() - started) * 1000)
        return Outcome(answer=answer, log_tail=self._log.end(invocation.request_id, usage))

    async def _run(self, invocation: Invocation, end: "asyncio.Task[int]") -> Answer:
        timeout = self._function.timeout
        answer = self._api.dispatch(invocation, time.time() + timeout)
        await _first_of(answer, end, timeout=timeout)
        if answer.done() and answer.result().error_type == TRUNCATED:
            await _first_of(end, timeout=_SEEN_TO_END)  # most often it is the process that has ended, and says why
        if answer.done() and not (answer.result().error_type == TRUNCATED and end.done()):
            return answer.result()
        if self._stopping:
            raise ProcessStopped
        if not end.done():
            return await self._time_out(invocation, end)
        if not self._api.taken:
            raise InvocationNotTaken
        return exited(invocation.request_id, end.result())

    async def _time_out(self, invocation: Invocation, end: "asyncio.Task[int]") -> Answer:
        self._note_memory()
        self._kill()
        await asyncio.wait({end})
        timeout = self._function.timeout
        self._log.write(f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ} {invocation.request_id} ".encode())
        self._log.write(f"Task timed out after {timeout:.2f} seconds\n\n".encode())
        return timed_out(invocation.request_id, timeout)

    def _usage(self, answer: Answer, duration: float) -> Usage:
        self._note_memory()
        init_duration, self._init_duration = self._init_duration, None
        return Usage(
            duration=duration,
            memory_size=self._function.memory_size,
            max_memory_used=self._max_memory_used,
            init_duration=init_duration,
            status=answer.status,
            error_type=answer.error_type,
        )

    def _note_memory(self) -> None:
        if self._process is not None and self.usable:
            self._max_memory_used = max(self._max_memory_used, _max_memory_used(self._process.pid))

    def _kill(self) -> None:
        if self._process is not None and self._end is not None and not self._end.done():
            self._process.kill()

    async def stop(self) -> None:
        """End the process, if it has not ended, and let go of all that it had."""
        self._stopping = True
        self._kill()
        if self._end is not None:
            await asyncio.wait({self._end})
        if self._pipe is not None:
            self._pipe.close()
        await self._api.close()
