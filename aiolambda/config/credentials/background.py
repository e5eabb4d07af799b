"""A thread with an event loop of its own, for what may take its time; and threads without one, for what blocks.

Laws: whatever happens in the thread, who waits hears of an end, on the loop where it waits; nothing here belongs to that loop,
so it can end, be closed or be replaced by another at any moment. The threads are daemons: no program waits for one to exit.

Owns the threads. Must not know what is done in them.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from ...errors import ConfigurationError
from ...threads import Threads

__all__ = ["BLOCKING", "HomeEndedError", "Launch", "Waiting", "at_home", "in_thread", "run"]

T = TypeVar("T")

BLOCKING = Threads("credentials, blocking", most=64)
"""For what would block the event loop of a fetch. That loop is nobody else's, but a program may forbid blocking calls in every
thread that has one."""


class HomeEndedError(Exception):
    """The loop of a caller ended in the middle: nobody's fault, and nothing that another loop should hear of."""


class Launch(Protocol):
    """Begins a piece of work, and tells `done` of its end; gives a way to ask whether it is still under way."""

    def __call__(
        self, work: Callable[[], Coroutine[Any, Any, T]], done: Callable[[T | Exception], None], /
    ) -> Callable[[], bool]: ...


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do it here and now, on a loop that is made for it. Not to be called where a loop runs."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop, debug=False) as runner:
        runner.get_loop()  # first: where no loop can be made, there is no coroutine that nobody awaits
        return runner.run(work())


def in_thread(work: Callable[[], Coroutine[Any, Any, T]], done: Callable[[T | Exception], None], /) -> Callable[[], bool]:
    """Do it in a thread of its own. After a fork the thread is missing in the child, and no longer alive there."""

    def body() -> None:
        outcome: T | Exception = ConfigurationError("the thread that fetched credentials was broken off")
        try:
            outcome = run(work)
        except asyncio.CancelledError:  # a library has given up by itself; nobody else can cancel what runs here
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
            outcome = error
        finally:
            done(outcome)

    thread = threading.Thread(target=body, name="aiolambda credentials", daemon=True)
    thread.start()
    return thread.is_alive


async def at_home(home: asyncio.AbstractEventLoop | None, ask: Callable[[], Awaitable[T]]) -> T:
    """What a caller's own object answers, on the caller's loop, where its sessions and locks live; here, if that is `None`.

    The loop may end first: that is a `HomeEndedError`.
    """
    if home is None:
        return await ask()

    async def asked() -> T:
        return await ask()

    work = asked()
    try:
        waiting = asyncio.run_coroutine_threadsafe(work, home)
    except RuntimeError:
        work.close()
        raise HomeEndedError("the event loop that asked for credentials was closed before their source was asked") from None
    try:
        return await asyncio.wrap_future(waiting)
    except asyncio.CancelledError:
        raise HomeEndedError("the event loop that asked for credentials ended before their source had answered") from None


class Waiting:
    """Those who wait for an end, each on its own loop; one that is cancelled disturbs no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._events: dict[asyncio.AbstractEventLoop, asyncio.Event] = {}

    async def wait(self) -> None:
        with self._lock:
            if self._ended:
                return
            event = self._events.setdefault(asyncio.get_running_loop(), asyncio.Event())
        await event.wait()

    def end(self) -> None:
        """Wake them all; a loop that was closed meanwhile has nobody left to wake."""
        with self._lock:
            self._ended, events = True, self._events
            self._events = {}
        for loop, event in events.items():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)
