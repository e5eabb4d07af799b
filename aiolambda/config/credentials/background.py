"""Threads for fetching credentials: with an event loop of their own, or without one for code that blocks.

Laws: a caller that waits is woken on its own loop, even if the work fails; nothing here belongs to that loop, so it can end, be
closed or be replaced at any moment. The threads are daemons, so no program waits for one when it exits.

Must not know what work the threads do.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from ...errors import ConfigurationError
from ...threads import Threads

__all__ = ["BLOCKING", "CallerLoopEndedError", "Completion", "Start", "in_thread", "on_caller_loop", "run"]

T = TypeVar("T")

BLOCKING = Threads("credentials, blocking", most=64)
"""For code that would block the event loop of a fetch. No caller uses that loop, but a program may forbid blocking calls in
every thread that has a loop."""


class CallerLoopEndedError(Exception):
    """The loop of a caller ended during a fetch. It is not a failure of the source, so callers on other loops do not see it."""


class Start(Protocol):
    """Starts work and passes its outcome to `done`. Returns a function that says whether the work can still end."""

    def __call__(
        self, work: Callable[[], Coroutine[Any, Any, T]], done: Callable[[T | Exception], None], /
    ) -> Callable[[], bool]: ...


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the work here, on a new loop. Must not be called in a thread with a running loop."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop, debug=False) as runner:
        runner.get_loop()  # first: if no loop can be made, there must be no coroutine that is never awaited
        return runner.run(work())


def in_thread(work: Callable[[], Coroutine[Any, Any, T]], done: Callable[[T | Exception], None], /) -> Callable[[], bool]:
    """Run the work in a thread of its own. After a fork, the thread is missing in the child, and counts as not alive there."""

    def body() -> None:
        outcome: T | Exception = ConfigurationError("the thread that fetched credentials was stopped: try again")
        try:
            outcome = run(work)
        except asyncio.CancelledError:  # a library cancelled itself; nothing else can cancel this work
            pass
        except Exception as error:  # noqa: BLE001 - every error is passed to the callers that wait
            outcome = error
        finally:
            done(outcome)

    thread = threading.Thread(target=body, name="aiolambda credentials", daemon=True)
    thread.start()
    return thread.is_alive


async def on_caller_loop(caller_loop: asyncio.AbstractEventLoop | None, ask: Callable[[], Awaitable[T]]) -> T:
    """Await `ask()` on the caller's loop, which owns the sessions and locks of the caller's objects; here, if that is `None`.

    `CallerLoopEndedError` if the loop ends first.
    """
    if caller_loop is None:
        return await ask()

    async def asked() -> T:
        return await ask()

    work = asked()
    try:
        waiting = asyncio.run_coroutine_threadsafe(work, caller_loop)
    except RuntimeError:
        work.close()
        raise CallerLoopEndedError(
            "the event loop that asked for credentials was closed before it asked their source"
        ) from None
    try:
        return await asyncio.wrap_future(waiting)
    except asyncio.CancelledError:
        raise CallerLoopEndedError("the event loop that asked for credentials ended before their source answered") from None


class Completion:
    """An event that tasks on several loops can wait for. Cancelling one of them does not disturb the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._events: dict[asyncio.AbstractEventLoop, asyncio.Event] = {}

    async def wait(self) -> None:
        with self._lock:
            if self._is_set:
                return
            event = self._events.setdefault(asyncio.get_running_loop(), asyncio.Event())
        await event.wait()

    def set(self) -> None:
        """Wake all tasks that wait. A loop that was closed meanwhile has none."""
        with self._lock:
            self._is_set, events = True, self._events
            self._events = {}
        for loop, event in events.items():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)
