"""Ctrl-C and SIGTERM, which have the same effect on every command.

Laws: a signal that the program was started to ignore stays ignored. The previous handlers are restored at the end.

Must not know which work is interrupted.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import closing, contextmanager
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

__all__ = ["Interrupts", "run_in_loop", "sigterm_as_interrupt"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def sigterm_as_interrupt() -> Generator[None]:
    """Inside the block, SIGTERM raises `KeyboardInterrupt`, as Ctrl-C does."""
    previous = _set_handler(signal.SIGTERM, _interrupt)
    try:
        yield
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

    A further signal raises `KeyboardInterrupt` at once. `received` is the number of signals.
    """

    def __init__(self, *calls: Callable[[], object]) -> None:
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._previous: dict[signal.Signals, Any] = {}
        self.received = 0

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
        self.received += 1
        if self.received > len(self._calls):
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._calls[self.received - 1])


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


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _set_handler(number: signal.Signals, handler: Callable[[int, FrameType | None], object]) -> Any:
    """Set a handler and return the previous one; `None` if the signal is ignored, or outside the main thread."""
    previous = signal.getsignal(number)
    if previous in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread():
        return None
    signal.signal(number, handler)
    return previous
