"""The events that were accepted: they run after their answer, one after another, in the order in which they were accepted.

Must not know what an event runs.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

__all__ = ["EventQueue"]

_GRACE = 5.0
"""Seconds that events get at the end, before they are cancelled: a failed test must not wait for an event without end."""


class EventQueue:
    """Runs events in a task of its own, which ends when there are no more. `owner` is part of the task's name."""

    def __init__(self, owner: str) -> None:
        self._name = f"events of {owner}"
        self._waiting: deque[Callable[[], Awaitable[object]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, run: Callable[[], Awaitable[object]]) -> None:
        """Run this once those before it have ended. It must not raise."""
        self._waiting.append(run)
        self._start()

    async def wait_idle(self) -> None:
        """Wait until all events have ended, with those that they send."""
        while (task := self._start()) is not None:
            await asyncio.wait({task})

    async def close(self) -> None:
        """Wait for the events, and cancel those that are left after a few seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self.wait_idle()
        await self.abort()

    async def abort(self) -> None:
        """Drop the events that wait, cancel the one that runs, and wait for its end."""
        if (cancelled := self.cancel()) is not None:
            await asyncio.wait({cancelled})

    def cancel(self) -> "asyncio.Task[None] | None":
        """Drop the events that wait, and cancel the one that runs: its task; `None` if none runs."""
        self._waiting.clear()
        task = self._task
        if task is None or task.done() or task.get_loop().is_closed():
            return None
        task.cancel()
        return task

    def drop(self) -> None:
        """Forget everything: the loop of the events is gone."""
        self._waiting.clear()
        self._task = None

    def _start(self) -> "asyncio.Task[None] | None":
        """The task that runs the events, a new one if there is none on this loop. `None` if there is nothing to run."""
        task = self._task
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            return task
        self._task = asyncio.create_task(self._run(), name=self._name) if self._waiting else None
        return self._task

    async def _run(self) -> None:
        while self._waiting:
            await self._waiting.popleft()()
