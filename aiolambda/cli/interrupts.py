"""Ctrl-C and SIGTERM, which are the same to a command.

Laws: a signal that the program was started to ignore stays ignored; each signal is handed on as it was found.

Owns the handlers. Must not know what ends when one comes.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupts", "terminated_as_interrupted"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def terminated_as_interrupted() -> Generator[None]:
    """For as long as the block lasts, SIGTERM raises `KeyboardInterrupt`, as Ctrl-C does."""
    before = _replace(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


class Interrupts:
    """For as long as the block lasts, the first signal calls the first function on the loop, the second the second, and so on.

    One more raises `KeyboardInterrupt`, wherever the program is. `received` counts them.
    """

    def __init__(self, *calls: Callable[[], object]) -> None:
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._before: dict[signal.Signals, Any] = {}
        self.received = 0

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            before = _replace(number, self._receive)
            if before is not None:
                self._before[number] = before
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received += 1
        if self.received > len(self._calls):
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._calls[self.received - 1])


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _replace(number: signal.Signals, handler: Callable[[int, FrameType | None], object]) -> Any:
    """Set a handler; what there was before, or `None` if nothing was set."""
    before = signal.getsignal(number)
    if before in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread():
        return None
    signal.signal(number, handler)
    return before
