"""A local endpoint on a thread with an event loop of its own, for tests without a loop, or with a loop for each test.

Must not know pytest.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from ..local import LocalEndpoint

__all__ = ["EndpointThread", "serve_in_thread"]

T = TypeVar("T")


class EndpointThread:
    """Call `start`, then `run`, and `close` at the end."""

    def __init__(self, endpoint: LocalEndpoint) -> None:
        self.endpoint = endpoint
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="LocalEndpoint", daemon=True)

    def start(self) -> None:
        """Start the thread and the endpoint. If the endpoint does not start, no thread is left."""
        self._thread.start()
        with contextlib.ExitStack() as started:
            started.callback(self._join)
            self.run(self.endpoint.start())
            started.pop_all()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop of the endpoint, and block until it has ended."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Close the endpoint, and end the thread."""
        try:
            self.run(self.endpoint.close())
        finally:
            self._join()

    def _join(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _serve(self) -> None:
        with self._runner:
            self._runner.run(self._wait())

    async def _wait(self) -> None:
        await self._ended.wait()


@contextlib.contextmanager
def serve_in_thread(endpoint: LocalEndpoint | None = None, /) -> Generator[LocalEndpoint]:
    """Serve a local endpoint while the block is open, on a thread with an event loop of its own.

    ::

        with serve_in_thread() as endpoint:
            endpoint.add("orders", lambda event: {"total": 3 * event["id"]})

    Tests that are functions of pytest have the fixture `aiolambda_local` for it. In `unittest`, call
    `self.enterContext(serve_in_thread())`. At the end, no thread, process or port is left.

    Args:
        endpoint: The endpoint to serve, not started. Default: a new one without functions.

    Raises:
        ConfigurationError: The endpoint cannot start.
    """
    serving = EndpointThread(LocalEndpoint() if endpoint is None else endpoint)
    serving.start()
    try:
        yield serving.endpoint
    finally:
        serving.close()
