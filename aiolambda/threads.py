"""Threads of this package for work that blocks: file reads, name look-ups, hashing.

The program's default executor is not used: its threads may all be busy, and the interpreter waits for them when it exits.

Laws: a thread is a daemon, so no program waits for one to end; a thread ends as soon as no work is left, so a closed client
leaves none behind; a wait that is cancelled ends at once, whatever the thread is doing.

Owns the threads and their number. Must not know what is done in them.
"""

import asyncio
import contextlib
import contextvars
import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

__all__ = ["FILES", "Threads"]

T = TypeVar("T")


class _Job(Generic[T]):
    """A piece of work, and the future that is told of its end. It prints nothing of what it works on."""

    def __init__(self, work: Callable[[], T], done: "asyncio.Future[T]") -> None:
        self._work = work
        self.done = done
        self._loop = done.get_loop()
        self._context = contextvars.copy_context()

    def run(self) -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = self._context.run(self._work)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the work is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nothing waits on it
            self._loop.call_soon_threadsafe(self._settle, result, failure)
        del failure  # its traceback holds this frame

    def _settle(self, result: Any, failure: BaseException | None) -> None:
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(result)
        elif isinstance(failure, StopIteration):  # a future cannot hold one
            self.done.set_exception(RuntimeError("the work in a thread raised StopIteration"))
        else:
            self.done.set_exception(failure)


class Threads:
    """At most `most` threads at a time for one kind of work; further work waits for one of them.

    Work that may hang for minutes, such as a name look-up, has a group of its own: it must not hold up another kind.
    """

    def __init__(self, name: str, *, most: int) -> None:
        self._name = name
        self._most = most
        self.begin_anew()
        _groups.add(self)

    def begin_anew(self) -> None:
        """Forget all threads and all work: after a fork, the child has neither."""
        self._lock = threading.Lock()
        self._jobs: deque[_Job[Any]] = deque()
        self._running = 0

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Do the work in a thread: `await threads.run(lambda: ...)`. `OSError` if no thread can be started.

        The work takes no arguments, because a traceback would show them: what it needs is in its closure.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(work, done)
        with self._lock:
            self._jobs.append(job)
            if self._running < self._most:
                self._start()
        return done

    def _start(self) -> None:
        try:
            threading.Thread(target=self._serve, name=f"aiolambda {self._name}", daemon=True).start()
        except RuntimeError:
            if self._running:  # those that run take the new work, too
                return
            self._jobs.pop()
            raise OSError(errno.EAGAIN, f"no thread can be started for {self._name}") from None
        self._running += 1

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job.run()
            del job  # with what it works on

    def _next(self) -> _Job[Any] | None:
        """The work that has waited longest; `None` if there is none, and the thread is no longer counted."""
        with self._lock:
            while self._jobs:
                job = self._jobs.popleft()
                if not job.done.cancelled():
                    return job
            self._running -= 1
        return None


_groups: WeakSet[Threads] = WeakSet()

FILES = Threads("files", most=32)
"""For reading and writing files."""


def _begin_anew() -> None:
    for group in list(_groups):
        group.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
