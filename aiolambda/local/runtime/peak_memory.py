"""The peak memory of another process.

Must not know what the process is. The system must be Linux; on others the peak is 0.
Source: the man page proc_pid_status(5).
"""

import os
import re

__all__ = ["PeakMemory"]

_PEAK = re.compile(rb"^VmHWM:\s*([0-9]+) kB", re.MULTILINE)
_SIZE = 4096
"""Bytes; the file has about 1,500."""


class PeakMemory:
    """Keeps the status of a process open: opening it takes as long as reading it. Call `close`."""

    def __init__(self, pid: int) -> None:
        try:
            self._status: int | None = os.open(f"/proc/{pid}/status", os.O_RDONLY)
        except OSError:
            self._status = None

    def read(self) -> int:
        """The peak in MB, rounded up; 0 if the process has ended."""
        if self._status is None:
            return 0
        try:
            peak = _PEAK.search(os.pread(self._status, _SIZE, 0))
        except OSError:
            return 0
        return 0 if peak is None else -(-int(peak[1]) // 1024)

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        status, self._status = self._status, None
        if status is not None:
            os.close(status)
