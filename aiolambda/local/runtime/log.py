"""The log of one runtime process: the lines that Lambda puts around an invocation, and the tail that a caller may ask for.

Owns START, END and REPORT, and how much is kept. Must not know where the function's own output comes from.
Source: "Working with Lambda function logs" of the developer guide; `LogResult` of the API reference of Invoke.
"""

import math
from collections.abc import Callable

import attrs

__all__ = ["TAIL_SIZE", "Echo", "FunctionLog", "Usage"]

TAIL_SIZE = 4096
"""Bytes of log that `LogType=Tail` gives."""

Echo = Callable[[bytes], None]
"""Somebody who is given the whole log as it comes."""


@attrs.frozen(kw_only=True)
class Usage:
    """What an invocation took: milliseconds and megabytes. `init_duration` is that of the process's first one."""

    duration: float
    memory_size: int
    max_memory_used: int
    init_duration: float | None = None
    status: str | None = None
    error_type: str | None = None


def report_line(request_id: str, usage: Usage) -> str:
    """The REPORT line, in its text form."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {usage.duration:.2f} ms",
        f"Billed Duration: {math.ceil(usage.duration + (usage.init_duration or 0))} ms",
        f"Memory Size: {usage.memory_size} MB",
        f"Max Memory Used: {usage.max_memory_used} MB",
    ]
    if usage.init_duration is not None:
        fields.append(f"Init Duration: {usage.init_duration:.2f} ms")
    if usage.status is not None:
        fields.append(f"Status: {usage.status}")
    if usage.status == "error" and usage.error_type is not None:
        fields.append(f"Error Type: {usage.error_type}")
    return "\t".join([*fields, ""]) + "\n"


class FunctionLog:
    """Keeps the last 4 KB of what was written since the invocation before ended; what init wrote counts to the first."""

    def __init__(self, echo: Echo | None = None) -> None:
        self._echo = echo
        self._kept = bytearray()

    def write(self, data: bytes) -> None:
        if self._echo is not None:
            self._echo(data)
        self._kept += data
        if len(self._kept) > 2 * TAIL_SIZE:
            del self._kept[:-TAIL_SIZE]

    def start(self, request_id: str) -> None:
        self.write(f"START RequestId: {request_id} Version: $LATEST\n".encode())

    def end(self, request_id: str, usage: Usage) -> bytes:
        """Write the last two lines and give the tail."""
        self._end_line()
        self.write(f"END RequestId: {request_id}\n{report_line(request_id, usage)}".encode())
        tail = bytes(self._kept[-TAIL_SIZE:])
        self._kept.clear()
        return tail

    def _end_line(self) -> None:
        """What the function wrote last may lack its newline: END stands on a line of its own all the same."""
        if self._kept and not self._kept.endswith(b"\n"):
            self.write(b"\n")
