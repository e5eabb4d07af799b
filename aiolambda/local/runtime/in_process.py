"""One invocation of a function of this process: on a thread, with its log and its stream.

Must not know HTTP, or the choice of the function.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

from ...emulation import function_responses
from ...emulation.function_log import FunctionLog, LogListener
from ...emulation.function_responses import FunctionResponse
from ...emulation.handlers import HandlerFailed
from ...emulation.in_process import HandlerInvocation, HandlerRun, InProcessFunction
from ..jobs import Job
from .handler_threads import HandlerThreads
from .invocations import Invocation, InvocationResult, ResponseWriter

__all__ = ["InProcessRuntime"]


class InProcessRuntime:
    """Runs functions on threads. `on_log` is called on them, too."""

    def __init__(self, on_log: LogListener | None) -> None:
        self._on_log = on_log
        self._threads = HandlerThreads()

    async def invoke(self, function: InProcessFunction, job: Job) -> InvocationResult:
        """Run the invocation to its end, whatever the result. Raises `EndpointClosed` if `close` ended it."""
        invocation = job.invocation
        log = FunctionLog(self._on_log) if invocation.wants_log or self._on_log is not None else None
        run = HandlerRun(function, _handler_invocation(invocation), job.decision, on_end=job.on_end, log=log)
        loop = asyncio.get_running_loop()

        async def work() -> tuple[FunctionResponse, str]:
            try:
                if invocation.writer is None:
                    return FunctionResponse(await run.whole()), "Unhandled"
                await _write(run.pieces(), invocation.writer, loop)
            except HandlerFailed as failed:
                return failed.response, failed.kind
            except asyncio.CancelledError:
                raise
            except BaseException:  # noqa: BLE001 - pytest.fail() in a handler must not end the server
                return function_responses.exited(invocation.request_id, 1), "Unhandled"
            return FunctionResponse(b""), "Unhandled"

        response, kind = await self._threads.run(work)
        return InvocationResult(response=response, log_tail=run.log_tail, kind=kind)

    async def clear(self) -> None:
        """End all handlers, with the tasks that they have left behind."""
        await self._threads.clear()

    async def close(self) -> None:
        """End all handlers and threads. The runtime can be used again."""
        await self._threads.close()


def _handler_invocation(invocation: Invocation) -> HandlerInvocation:
    return HandlerInvocation(
        request_id=invocation.request_id,
        invocation_type=invocation.invocation_type,
        payload=invocation.payload,
        function_arn=invocation.function_arn,
        client_context=None if invocation.client_context is None else json.loads(invocation.client_context),
        tenant_id=invocation.tenant_id,
    )


async def _write(pieces: AsyncGenerator[bytes], writer: ResponseWriter, loop: asyncio.AbstractEventLoop) -> None:
    """Write each piece on the loop of the writer, before the handler goes on."""
    is_first = True
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            if is_first:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(writer.begin(None), loop))
                is_first = False
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(writer.write(piece), loop))
