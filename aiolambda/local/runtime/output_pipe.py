"""The pipe that a runtime process writes its stdout and stderr into.

Owns the pipe, the reading of it, and that nothing written before a moment is missing after it. Must not know what is
written, or by whom.

One pipe takes both streams, so their order is the process's own. It is read here and not by asyncio's subprocess streams,
because only a plain read can empty it on the spot: whatever a process wrote before it sent its answer is in the kernel by
the time the answer arrives.
"""

import asyncio
import os
from collections.abc import Callable

__all__ = ["OutputPipe"]

_CHUNK = 65_536
_MOST_AT_ONCE = 16 * _CHUNK
"""A process that never stops writing must not hold the event loop; a pipe holds no more than this (`fs.pipe-max-size`)."""


class OutputPipe:
    """Opened for one process; `write_end` is given to it and closed on this side, then `follow` reads to the end."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._open = True

    def follow(self) -> None:
        """From now on, hand on what comes, as it comes."""
        asyncio.get_running_loop().add_reader(self._read_end, self._read_some, _CHUNK)

    def close_write_end(self) -> None:
        os.close(self.write_end)

    def drain(self) -> None:
        """Hand on everything that is in the pipe now."""
        self._read_some(_MOST_AT_ONCE)

    def close(self) -> None:
        """Hand on what is left and stop reading. A grandchild that still holds the pipe writes into nothing."""
        if self._open:
            self.drain()
            self._end()

    def _read_some(self, most: int) -> None:
        while self._open and most > 0:
            try:
                data = os.read(self._read_end, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                self._end()
                return
            most -= len(data)
            self._sink(data)

    def _end(self) -> None:
        self._open = False
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
