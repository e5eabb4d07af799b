"""The log of a function: its output, Lambda's START, END and REPORT lines, and the tail for `LogType=Tail`.

Must not know where the output of the function comes from.
Source: "Working with Lambda function logs" of the developer guide; `LogResult` of the API reference of Invoke.
"""

import math
from collections.abc import Callable

import attrs

__all__ = ["TAIL_SIZE", "FunctionLog", "LogListener", "Usage"]

TAIL_SIZE = 4096
"""Bytes of log in a response with `LogType=Tail`."""

LogListener = Callable[[bytes], None]
"""Called with each part of the log, as it is written."""


@attrs.frozen(kw_only=True)
class Usage:
    """The usage of one invocation, in milliseconds and MB. Only the first one of a process has an `init_duration`."""

    duration: float
    memory_size: int
    max_memory_used: int
    init_duration: float | None = None
    status: str | None = None
    error_type: str | None = None


def report_line(request_id: str, usage: Usage) -> str:
    """Format the REPORT line as text."""
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
    """Keeps the last 4 KB of the current invocation. The output of init belongs to the first invocation."""

    def __init__(self, on_log: LogListener | None = None) -> None:
        self._on_log = on_log
        self._kept = bytearray()

    def write(self, data: bytes) -> None:
        if self._on_log is not None:
            self._on_log(data)
        self._kept += data
        if len(self._kept) > 2 * TAIL_SIZE:
            del self._kept[:-TAIL_SIZE]

    def start(self, request_id: str, version: str = "$LATEST") -> None:
        self.write(f"START RequestId: {request_id} Version: {version}\n".encode())

    def end(self, request_id: str, usage: Usage) -> bytes:
        """Write END and REPORT, and return the tail."""
        if self._kept and not self._kept.endswith(b"\n"):
            self.write(b"\n")
        self.write(f"END RequestId: {request_id}\n{report_line(request_id, usage)}".encode())
        tail = bytes(self._kept[-TAIL_SIZE:])
        self._kept.clear()
        return tail
