"""How the tasks of the workers of a map end. Must not know what they do."""

import asyncio

__all__ = ["cancel_once", "note_error"]


def cancel_once(task: "asyncio.Task[None]") -> None:
    """A second cancellation would interrupt the end of a process that was starting."""
    if not task.cancelling():
        task.cancel()


def note_error(task: "asyncio.Task[None]") -> None:
    """`ready` raises the error; asyncio must not log it as unretrieved."""
    if not task.cancelled():
        task.exception()
