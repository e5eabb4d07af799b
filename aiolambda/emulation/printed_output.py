"""What a handler prints, while others run beside it: the part of stdout and stderr that one task or thread writes.

Laws: everything that is printed still goes to where it would have gone. Nothing is replaced while no handler is followed.

A child process, a thread that the handler starts by itself, and a logging handler that keeps its stream are not followed.

Must not know what is done with the text.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextvars import ContextVar
from typing import Any, TextIO

__all__ = ["following_output"]

_listener: ContextVar[Callable[[str], object] | None] = ContextVar("listener", default=None)
_lock = threading.Lock()
_followed = 0


class _Tee:
    """Forwards everything to the stream that it stands in for, and text to the listener of the current task."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        listener = _listener.get()
        if listener is not None:
            listener(text)
        return self.stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def following_output(listener: Callable[[str], object]) -> Generator[None]:
    """Call the listener with everything that the current task, or thread, prints in this block."""
    _change_count(1)
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
        _change_count(-1)


def _change_count(by: int) -> None:
    global _followed  # noqa: PLW0603 - stdout is global too
    with _lock:
        _followed += by
        for name in ("stdout", "stderr"):
            stream: Any = getattr(sys, name)
            if isinstance(stream, _Tee):
                if not _followed:
                    setattr(sys, name, stream.stream)
            elif _followed and stream is not None:
                setattr(sys, name, _Tee(stream))
