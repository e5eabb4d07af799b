"""How the tasks of the workers of a map end. Must not know what they do."""

import asyncio
import contextlib
from typing import Any

__all__ = ["cancel_once", "note_error", "wait_through_cancellations"]


def cancel_once(task: "asyncio.Task[None]") -> None:
    """A second cancellation would interrupt the end of a process that was starting."""
    if not task.cancelling():
        task.cancel()


def note_error(task: "asyncio.Task[None]") -> None:
    """`ready` raises the error; asyncio must not log it as unretrieved."""
    if not task.cancelled():
        task.exception()


async def wait_through_cancellations(future: "asyncio.Future[Any]", limit: float) -> None:
    """Wait so many seconds at most, although a run cancels the task of an item again every second."""
    loop = future.get_loop()
    until = loop.time() + limit
    while not future.done() and loop.time() < until:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future], timeout=until - loop.time())
