"""The worker processes of the maps of one client: which of them work now, and how they end with the client.

Owns their register. Must not know what a worker does: `processes` has that, and is loaded by the first map that needs it.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..types.values import Timeouts, Unset

if TYPE_CHECKING:
    from .processes.workers import Workers

__all__ = ["MapWorkers"]


class MapWorkers:
    """The workers that a map has begun, until it ends."""

    def __init__(self, make: "Callable[[int, float | Timeouts | Unset | None, bool | None, str | None], Workers]") -> None:
        self._make = make
        self.working: set[Workers] = set()

    def made(
        self, processes: int, timeout: float | Timeouts | Unset | None, idempotent: bool | None, function_name: str | None
    ) -> "Workers | None":
        """The workers of a map, which have not begun. `None` for one process, which is this one."""
        if type(processes) is int and processes == 1:
            return None
        return self._make(processes, timeout, idempotent, function_name)

    def begin(self, workers: "Workers", enter: Callable[[], None]) -> None:
        """Start the processes of a map that begins; `enter` binds the client to the loop."""
        enter()
        self.working.add(workers)
        workers.begin()

    async def end(self, workers: "Workers") -> None:
        """End the processes of a map that has ended."""
        try:
            await workers.close()
        finally:
            self.working.discard(workers)

    async def end_calls(self, grace: float | None) -> None:
        """The client closes: wait so many seconds for the calls of workers, `None` without a limit; then end them."""
        if self.working:
            await asyncio.wait([asyncio.ensure_future(workers.end_calls(grace)) for workers in self.working])

    def kill(self) -> None:
        """End all processes at once. Needs no running loop."""
        for workers in self.working:
            workers.kill()

    def abort(self) -> None:
        """End all processes, and their calls."""
        for workers in self.working:
            workers.abort()

    def detach(self, *, forked: bool) -> None:
        """Forget the processes: their loop is closed, or is that of another process, which they belong to."""
        for workers in self.working:
            workers.detach(forked=forked)
        self.working.clear()
