"""Ctrl-C and SIGTERM, which have the same effect on every command.

Laws: a signal that the program was started to ignore stays ignored. The previous handlers are restored at the end. After its
last message, the process dies of the signal: a loop of the shell goes on after any exit code.

Must not know which work is interrupted.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import closing, contextmanager
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from . import exit_codes

__all__ = ["InterruptedBeforeSending", "Interrupts", "Received", "die_of_signal", "run_in_loop", "sigterm_as_interrupt"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptedBeforeSending(KeyboardInterrupt):
    """A signal came while nothing had been sent."""


class Received(list[signal.Signals]):
    """The signals that came, in order."""

    @property
    def code(self) -> int:
        """The exit code. Ctrl-C decides, because it is meant for the whole loop of a shell."""
        return exit_codes.TERMINATED if self and signal.SIGINT not in self else exit_codes.INTERRUPTED


@contextmanager
def sigterm_as_interrupt() -> Generator[Received]:
    """Inside the block, SIGTERM raises `KeyboardInterrupt`, as Ctrl-C does, and is noted."""
    received = Received()

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    previous = _set_handler(signal.SIGTERM, interrupt)
    try:
        yield received
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def run_in_loop(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, but signals wait while the event loop is made: half a loop prints a traceback at its end."""
    with closing(main):  # if a signal comes before it begins
        runner = asyncio.Runner()  # which makes the loop below, unlike its `__enter__`
        try:
            with _signals_waiting():
                runner.get_loop()
            return runner.run(main)
        finally:
            runner.close()


class Interrupts:
    """Inside the block, the first signal calls the first function on the event loop, the second signal the second one.

    A further signal raises `KeyboardInterrupt` at once. `received` are the signals.
    """

    def __init__(self, *calls: Callable[[], object]) -> None:
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._previous: dict[signal.Signals, Any] = {}
        self.received = Received()

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            previous = _set_handler(number, self._receive)
            if previous is not None:
                self._previous[number] = previous
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received.append(signal.Signals(number))
        if len(self.received) > len(self._calls):
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._calls[len(self.received) - 1])


@contextmanager
def _signals_waiting() -> Generator[None]:
    if sys.platform == "win32":
        yield
        return
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def die_of_signal(code: int) -> None:
    """End this process by the signal of an exit code, if it has one. Returns if the signal is blocked, or has no effect here.

    A shell ends its loop if the program died of Ctrl-C. A process with the number 1, as in a container, cannot die of a signal.
    """
    if code in (exit_codes.INTERRUPTED, exit_codes.TERMINATED) and os.name == "posix":
        number = code - 128
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _set_handler(number: signal.Signals, handler: Callable[[int, FrameType | None], object]) -> Any:
    """Set a handler and return the previous one; `None` if the signal is ignored, or outside the main thread."""
    previous = signal.getsignal(number)
    if previous in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread():
        return None
    signal.signal(number, handler)
    return previous
