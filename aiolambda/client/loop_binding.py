"""The event loop that a client is on: one at a time, and another as soon as that one is closed, or stands still.

Laws: of two loops that run, only the first has the client, whatever is asked of it; what belonged to a loop that is gone, or to
the process that this one was forked from, is never used again.

Owns the check, and the moment in which a client moves. Must not know what belongs to a loop: whoever made this does.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

from ..errors import ConfigurationError

__all__ = ["LoopBinding"]


class Leave(Protocol):
    """Lets go of what belongs to a loop; after a fork, to one of the parent process."""

    def __call__(self, *, forked: bool) -> None: ...


class LoopBinding:
    """`loop` is the one that the client is on. `leave` lets go of what belongs to it."""

    def __init__(self, *, leave: Leave, is_busy: Callable[[], bool]) -> None:
        self.loop: object = None
        self._was_on: asyncio.AbstractEventLoop | None = None
        self._leave = leave
        self._is_busy = is_busy
        self._lock = threading.Lock()
        self._is_inherited = False
        _homes.add(self)

    def enter(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the client on this loop. `ConfigurationError` while it is in use on another.

        Whoever is in a hurry compares `loop` first.
        """
        with self._lock:
            if self._is_inherited:
                self._is_inherited = False
                self._leave(forked=True)
            elif self._was_on is not None and self._was_on is not loop:
                self._check_left(self._was_on)
                self._leave(forked=False)
            self.loop = self._was_on = loop

    def release(self) -> None:
        """Nothing of the client belongs to a loop any more."""
        with self._lock:
            self.loop = self._was_on = None

    def note_fork(self) -> None:
        """Learn that this process is the child: the loop is its parent's, even where it goes on with a copy of it."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._is_inherited = self._is_inherited or self._was_on is not None
        self.loop = self._was_on = None

    def _check_left(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop.is_closed():
            return
        if loop.is_running():
            raise ConfigurationError(
                "this client is in use on another event loop that runs, and a client belongs to one at a time: "
                "make a client for each loop"
            )
        if self._is_busy():
            raise ConfigurationError(
                "this client has calls in flight on another event loop, which stands still: let them end there, or close it"
            )


_homes: WeakSet[LoopBinding] = WeakSet()


def _note_fork() -> None:
    for home in list(_homes):
        home.note_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
