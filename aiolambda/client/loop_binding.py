"""The event loop that a client is bound to: one at a time. It moves to another loop once that one is closed or stopped.

Laws: of two running loops, only the first can use the client. Connections of a loop that is gone, or of the process that this
one was forked from, are never used again.

Owns the check, and the moment at which a client moves. Must not know what belongs to a loop: `detach` is handed in.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

from ..errors import ConfigurationError

__all__ = ["LoopBinding", "running_loop"]


def running_loop() -> asyncio.AbstractEventLoop:
    """The running event loop. `ConfigurationError` if there is none, as under another framework than asyncio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "LambdaClient must be used inside an asyncio task, and no asyncio loop is running here: use asyncio.run(main())"
        ) from None


def _loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Detach(Protocol):
    """Drops everything that belongs to the old loop. If `forked`, that loop belongs to the parent process."""

    def __call__(self, *, forked: bool) -> None: ...


class LoopBinding:
    """The binding of one client. `loop` is the loop it is bound to, `None` if none."""

    def __init__(self, *, detach: Detach, is_busy: Callable[[], bool]) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._detach = detach
        self._is_busy = is_busy
        self._lock = threading.Lock()
        self.is_inherited = False
        """Whether this process was forked from that of the loop, and has not used the client since."""
        _bindings.add(self)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind the client to this loop. `ConfigurationError` if it is in use on another. Fast path: compare `loop` first."""
        with self._lock:
            if self.is_inherited:
                self.is_inherited = False
                self._detach(forked=True)
            elif self.loop is not None and self.loop is not loop:
                self._check_unused(self.loop)
                self._detach(forked=False)
            self.loop = loop

    def leave(self) -> asyncio.AbstractEventLoop | None:
        """Forget the loop at once. Returns it, unless it is closed, or that of the parent process.

        `ConfigurationError` if the loop runs in another thread.
        """
        with self._lock:
            loop, forked = self.loop, self.is_inherited
            if loop is not None and loop.is_running() and loop is not _loop_of_this_thread():
                raise ConfigurationError(
                    "the event loop of this client runs in another thread: loop.call_soon_threadsafe(client.abort)"
                )
            self.loop, self.is_inherited = None, False
            if forked or (loop is not None and loop.is_closed()):
                self._detach(forked=forked)
                return None
            return loop

    def unbind(self) -> None:
        """Forget the loop: nothing of the client belongs to it any more."""
        with self._lock:
            self.loop = None

    def note_fork(self) -> None:
        """Called in a forked child: the loop belongs to the parent, even if the child goes on with a copy of it."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self.is_inherited = self.is_inherited or self.loop is not None
        self.loop = None

    def _check_unused(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop.is_closed():
            return
        if loop.is_running():
            raise ConfigurationError(
                "this client is bound to another running event loop; create one client per loop, and so per thread: "
                "async with LambdaClient(...) as client inside of it"
            )
        if self._is_busy():
            raise ConfigurationError(
                "this client has calls in flight on another event loop, which is stopped: let them finish there, or close "
                "that loop"
            )


_bindings: WeakSet[LoopBinding] = WeakSet()


def _note_fork() -> None:
    for binding in list(_bindings):
        binding.note_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
