"""The pipe for stdout and stderr of a runtime process.

Law: `drain` returns only after everything that was in the pipe has been handed on.

Both streams share one pipe, so their order is preserved. asyncio's subprocess streams would not do: only a plain read can
empty the pipe at once. When a response arrives, the output that precedes it is already in the kernel.

Owns the pipe. Must not know the format of the output.
"""

import asyncio
import os
from collections.abc import Callable

__all__ = ["OutputPipe"]

_CHUNK = 65_536
_DRAIN_LIMIT = 16 * _CHUNK
"""The capacity of a pipe (`fs.pipe-max-size`). A process that never stops writing must not block the event loop."""


class OutputPipe:
    """Give `write_end` to the process and close it here, then `follow` the output to its end."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._is_open = True

    def follow(self) -> None:
        """Hand on the output from now on, as it arrives. After `close` this has no effect."""
        if self._is_open:
            asyncio.get_running_loop().add_reader(self._read_end, self._read_some, _CHUNK)

    def close_write_end(self) -> None:
        os.close(self.write_end)

    def drain(self) -> None:
        """Hand on all output that is in the pipe now."""
        self._read_some(_DRAIN_LIMIT)

    def close(self) -> None:
        """Drain the pipe and stop reading. The output of a grandchild that still holds the pipe is lost."""
        if self._is_open:
            self.drain()
        if self._is_open:
            self._detach()

    def _read_some(self, limit: int) -> None:
        while self._is_open and limit > 0:
            try:
                data = os.read(self._read_end, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                self._detach()
                return
            limit -= len(data)
            self._on_output(data)

    def _detach(self) -> None:
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
