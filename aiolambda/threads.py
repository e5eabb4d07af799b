"""Threads for blocking work: file access, name look-ups, hashing.

Why not the default executor: all its threads may be busy, and the interpreter waits for them at exit.

Laws: threads are daemons, so they do not delay the exit. A thread ends as soon as there is no work, so a closed client leaves
none behind. If a wait is cancelled, it ends at once, even if the work goes on.

Owns the threads and their number. Must not know the work.
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
    """A piece of work and the future for its result. Its repr shows nothing of the work, which may hold secrets."""

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
        except BaseException as error:  # noqa: BLE001 - every exception is raised where the work is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed, so no task waits for the result
            self._loop.call_soon_threadsafe(self._settle, result, failure)
        del failure  # its traceback refers to this frame

    def _settle(self, result: Any, failure: BaseException | None) -> None:
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(result)
        elif isinstance(failure, StopIteration):  # a future does not accept it
            self.done.set_exception(RuntimeError("the work in a thread raised StopIteration, which a future cannot hold"))
        else:
            self.done.set_exception(failure)


class Threads:
    """Up to `most` threads for one kind of work. Further work waits for a free thread.

    Work that may hang for minutes, such as a name look-up, needs its own instance, so that it cannot delay other work.
    """

    def __init__(self, name: str, *, most: int) -> None:
        self._name = name
        self._most = most
        self.reset()
        _instances.add(self)

    def reset(self) -> None:
        """Forget all threads and all work. A child process needs this after a fork, which copies no threads."""
        self._lock = threading.Lock()
        self._jobs: deque[_Job[Any]] = deque()
        self._running = 0

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Run the work in a thread: `await threads.run(lambda: ...)`. Raises `OSError` if no thread can be started.

        The work takes no arguments, because a traceback would show them. Pass values in its closure.
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
            if self._running:  # a running thread will do the work
                return
            self._jobs.pop()
            raise OSError(errno.EAGAIN, f"no thread can be started for {self._name}: raise the limit (ulimit -u)") from None
        self._running += 1

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job.run()
            del job  # releases the closure of the work

    def _next(self) -> _Job[Any] | None:
        """Return the oldest work; `None` if there is none. The thread must end then, and is no longer counted."""
        with self._lock:
            while self._jobs:
                job = self._jobs.popleft()
                if not job.done.cancelled():
                    return job
            self._running -= 1
        return None


_instances: WeakSet[Threads] = WeakSet()

FILES = Threads("files", most=32)
"""For reading and writing files."""


def _reset_all() -> None:
    for threads in list(_instances):
        threads.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
