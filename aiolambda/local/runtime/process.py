"""One runtime process: its command, its start and init, one invocation at a time, its end.

Owns the life of the process and its parts: the Runtime API server, the output pipe, the log, the supervisor. Must not know
other processes, or HTTP.
"""

import asyncio
import datetime as dt
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from ...emulation.function_log import FunctionLog, LogListener, Usage
from ...emulation.function_responses import TRUNCATED, FunctionResponse, exited, not_started, timed_out
from ..functions import LocalFunction
from ..routing import LATEST
from .debugging import DEBUG_TIMEOUT, Debugger, options_of_debugpy
from .environment import SharedEnvironment, environment_of
from .invocations import Invocation, InvocationResult
from .layers import python_folders
from .output_pipe import OutputPipe
from .peak_memory import PeakMemory
from .process_groups import ProcessGroups, SupervisedProcess
from .runtime_api import RuntimeApiServer

__all__ = ["INIT_LIMIT", "EndpointClosed", "InvocationNotDelivered", "RuntimeProcess", "runtime_command"]

INIT_LIMIT = 10.0
"""Seconds. The maximum duration of init, which ends when the runtime polls for its first invocation."""
_EXIT_GRACE = 0.5
"""Seconds to wait for the exit code of a process that has closed its connection."""

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))


class InvocationNotDelivered(Exception):
    """The process ended before it received the invocation, so another process may run it."""


class EndpointClosed(Exception):
    """The endpoint was closed while the invocation ran, or before."""


def runtime_command(function: LocalFunction, debugpy_port: int | None = None) -> tuple[str, ...]:
    """The command that starts a runtime process of the function. Only the built-in runtime can run under debugpy."""
    if function.runtime is not None:
        return tuple(word.replace("{handler}", function.handler) for word in function.runtime)
    debugging = () if debugpy_port is None else options_of_debugpy(debugpy_port)
    # -u: output is written at once. -P: the handler cannot import the modules beside the bootstrap by accident.
    return (sys.executable, "-u", "-P", "-X", "utf8", *debugging, _BOOTSTRAP, *python_folders(function.layers))


async def _wait_for_first(*futures: "asyncio.Future[Any]", timeout: float | None) -> None:
    """Return when one of them is done, or after `timeout` seconds. Cancels none of them."""
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


class RuntimeProcess:
    """Call `start`, then `invoke` while `is_usable`, and `close` in any case. Under a debugger, no time limit applies."""

    def __init__(
        self,
        function: LocalFunction,
        shared: SharedEnvironment,
        groups: ProcessGroups,
        *,
        version: str = LATEST,
        on_log: LogListener | None = None,
        init_limit: float = INIT_LIMIT,
        debugger: Debugger | None = None,
    ) -> None:
        self._function = function
        self._version = version
        self._debugger = debugger
        self._debugpy_port: int | None = None
        self._shared = shared
        self._groups = groups
        self._init_limit = init_limit if debugger is None else None
        self._timeout = function.timeout if debugger is None else None
        self._log = FunctionLog(on_log, function.log_format)
        self._api = RuntimeApiServer()
        self._pipe: OutputPipe | None = None
        self._process: SupervisedProcess | None = None
        self._exit: asyncio.Task[int] | None = None
        self._init_failure: Callable[[str], FunctionResponse] | None = None
        self._init_duration: float | None = None
        self._is_closing = False
        self._memory: PeakMemory | None = None
        self._max_memory_used = 0

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether the process can run another invocation."""
        return self._exit is not None and not self._exit.done() and self._init_failure is None and not self._is_closing

    @property
    def init_failure(self) -> FunctionResponse | None:
        """The error of an init that failed, without the request id of an invocation."""
        if self._init_failure is None:
            return None
        failure = self._init_failure("")
        return attrs.evolve(failure, payload=failure.payload.replace(b"RequestId:  Error: ", b"", 1))

    @property
    def init_traceback(self) -> str:
        """Where the module of the handler failed, if the built-in runtime told it. Lambda's own error does not say it."""
        return self._api.init_traceback

    async def start(self) -> None:
        """Start the process and wait for the end of init. A failure is not raised: the first invocation reports it.

        An init that takes too long goes on in the time of the first invocation. Lambda starts it again then.
        """
        started = time.perf_counter()
        try:
            process = self._process = await self._spawn()
        except OSError as error:
            program, reason = runtime_command(self._function)[0], (error.strerror or str(error)).lower()
            self._init_failure = lambda request_id: not_started(request_id, program, reason)
            return
        # Before anything that can be cancelled: `close` kills only a process whose exit is awaited.
        self._exit = asyncio.create_task(self._wait_for_exit(process), name=f"exit of runtime {process.pid}")
        self._exit.add_done_callback(lambda _: self._api.give_up())
        self._memory = PeakMemory(process.pid)
        await self._api.admit(process.pid)
        if self._is_closing:
            self._kill()
        await self._wait_for_init(self._exit, self._init_limit)
        self._init_duration = (time.perf_counter() - started) * 1000

    async def _spawn(self) -> SupervisedProcess:
        """Start the process with its Runtime API and its pipe. Raises `OSError`, such as that of too many open files."""
        address = self._api.start()
        debugger = self._debugger
        if debugger is not None and self._function.runtime is None:
            self._take_debugpy_port(debugger)
        today = dt.datetime.now(dt.UTC).date()
        pipe = self._pipe = OutputPipe(self._log.write)
        try:
            process = await self._groups.spawn(
                runtime_command(self._function, self._debugpy_port),
                stdin=None if debugger is None else debugger.stdin,
                output=pipe.write_end,
                environment=environment_of(self._function, self._shared, address, today, self._version),
                directory=self._function.folder_of(self._version),
            )
        finally:
            pipe.close_write_end()
        pipe.follow()
        return process

    def _take_debugpy_port(self, debugger: Debugger) -> None:
        port = self._debugpy_port = debugger.take_port()
        if port is not None:
            self._log.write(f"Waiting for a debugger of the function {self._function.name} at 127.0.0.1:{port}\n".encode())

    async def _wait_for_exit(self, process: SupervisedProcess) -> int:
        return_code = await process.wait()
        self._api.dismiss()
        if self._pipe is not None:
            self._pipe.close()
        return return_code

    async def _wait_for_init(self, exit_code: "asyncio.Task[int]", timeout: float | None) -> None:
        ready = self._api.ready
        await _wait_for_first(ready, exit_code, timeout=timeout)
        if ready.done():
            failure = ready.result()
            if failure is not None:
                reported = attrs.evolve(failure, status="error")
                self._init_failure = lambda _: reported
        elif exit_code.done():
            return_code = exit_code.result()
            self._init_failure = lambda request_id: exited(request_id, return_code)

    async def invoke(self, invocation: Invocation, *, is_own: bool = False) -> InvocationResult:
        """Run the invocation to its end, whatever the result.

        Raises `InvocationNotDelivered` if the process ended before it received the invocation, `EndpointClosed` if `close`
        ended it. If the process was started for this invocation, `is_own`, its end is the result.
        """
        if self._is_closing:
            raise EndpointClosed
        started = time.perf_counter()
        failure = None if self._init_failure is None else self._init_failure(invocation.request_id)
        if failure is not None:
            response = failure
            self._begin_log(invocation, failure)
        elif self._exit is None or (self._exit.done() and not is_own):
            raise InvocationNotDelivered
        else:
            self._begin_log(invocation)
            if self._exit.done():
                response = exited(invocation.request_id, self._exit.result())
            else:
                response = await self._run(invocation, self._exit, is_own=is_own)
        return self._end(invocation, response, (time.perf_counter() - started) * 1000)

    def _begin_log(self, invocation: Invocation, failure: FunctionResponse | None = None) -> None:
        """Write how init ended, if it did not succeed in time, and that the invocation starts."""
        if failure is not None:
            self._log.init_failed(self._init_duration or 0.0, "error", failure.error_type)
        elif not self._api.ready.done():
            self._log.init_failed(self._init_duration or 0.0, "timeout", None)
            self._init_duration = None
        self._log.start(invocation.request_id, self._version, invocation.function_arn)

    def _end(self, invocation: Invocation, response: FunctionResponse, duration: float) -> InvocationResult:
        """Write the end of the log, and make the result."""
        if self._pipe is not None:
            self._pipe.drain()
        if response.message is not None:
            self._log.failed(response.message, str(response.error_type))
        self._measure_memory()
        init_duration, self._init_duration = self._init_duration, None
        usage = Usage(
            duration=min(duration, self._function.timeout * 1000) if response.status == "timeout" else duration,
            memory_size=self._function.memory_size,
            max_memory_used=self._max_memory_used,
            init_duration=init_duration,
            status=response.status,
            error_type=response.error_type,
        )
        return InvocationResult(response=response, log_tail=self._log.end(invocation.request_id, usage))

    async def _run(self, invocation: Invocation, exit_code: "asyncio.Task[int]", *, is_own: bool) -> FunctionResponse:
        timeout, started = self._timeout, time.monotonic()
        dispatched = self._api.dispatch(invocation, time.time() + (DEBUG_TIMEOUT if timeout is None else timeout))
        if not self._api.ready.done():
            await self._wait_for_init(exit_code, timeout)
            if self._init_failure is not None and not self._is_closing:
                return self._init_failure(invocation.request_id)
            timeout = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
        response = await self._response_within(timeout, dispatched)
        if response is not None and response.error_type == TRUNCATED:
            # A truncated response usually means that the process has ended; its exit code is the better explanation.
            await _wait_for_first(exit_code, timeout=_EXIT_GRACE)
        if response is not None and not (response.error_type == TRUNCATED and exit_code.done()):
            return response
        if self._is_closing:
            raise EndpointClosed
        if not exit_code.done():
            return await self._time_out(invocation, exit_code)
        if not (is_own or self._api.is_delivered):
            raise InvocationNotDelivered
        return exited(invocation.request_id, exit_code.result())

    async def _response_within(
        self, timeout: float | None, response: "asyncio.Future[FunctionResponse | None]"
    ) -> FunctionResponse | None:
        """Wait for the response. `None` if the process ended, or if the time is over."""
        if timeout is None:
            return await response
        timer = asyncio.get_running_loop().call_later(timeout, self._api.give_up)
        try:
            return await response
        finally:
            timer.cancel()

    async def _time_out(self, invocation: Invocation, exit_code: "asyncio.Task[int]") -> FunctionResponse:
        self._measure_memory()
        self._kill()
        await asyncio.wait({exit_code})
        self._log.timed_out(invocation.request_id, self._function.timeout)
        return timed_out(invocation.request_id, self._function.timeout)

    def _measure_memory(self) -> None:
        if self._memory is not None:
            self._max_memory_used = max(self._max_memory_used, self._memory.read())

    def _kill(self) -> None:
        if self._process is not None and self._exit is not None and not self._exit.done():
            self._process.kill()

    async def close(self) -> None:
        """Kill the process, if it still runs, and release its pipe and port."""
        self._is_closing = True
        self._kill()
        if self._exit is not None:
            await asyncio.wait({self._exit})
        if self._pipe is not None:
            self._pipe.close()
        if self._debugger is not None:
            self._debugger.release_port(self._debugpy_port)
        if self._memory is not None:
            self._memory.close()
        await self._api.close()
