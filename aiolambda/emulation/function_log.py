"""The log of a function: its output, the lines of Lambda as text or JSON, and the tail for `LogType=Tail`.

Must not know where the output of the function comes from.
Source: "Working with Lambda function logs" of the developer guide; "Telemetry API Event schema reference"; `LogResult` of the
API reference of Invoke. The lines in JSON are those of the system log level INFO, which is the default.
"""

import datetime as dt
import json
import math
from collections.abc import Callable
from typing import Protocol

import attrs

from .identifiers import LATEST

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
    """`timeout` or `error`, if Lambda ended the invocation."""
    error_type: str | None = None

    @property
    def billed_duration(self) -> int:
        return math.ceil(self.duration + (self.init_duration or 0))

    @property
    def reported_error(self) -> str | None:
        """The error that the report names."""
        return self.error_type if self.status == "error" else None


class PlatformLines(Protocol):
    """The lines that Lambda itself writes."""

    def start(self, request_id: str, version: str, function_arn: str) -> str: ...
    def init_failure(self, duration: float, status: str, error_type: str | None) -> str: ...
    def failure(self, message: str, error_type: str) -> str: ...
    def timeout(self, request_id: str, timeout: float) -> str: ...
    def end(self, request_id: str, usage: Usage) -> str: ...


class TextLines(PlatformLines):
    """The lines of the log format `Text`."""

    def start(self, request_id: str, version: str, function_arn: str) -> str:
        return f"START RequestId: {request_id} Version: {version}\n"

    def init_failure(self, duration: float, status: str, error_type: str | None) -> str:
        fields = [f"INIT_REPORT Init Duration: {duration:.2f} ms", "Phase: init", f"Status: {status}"]
        return "\t".join(fields if error_type is None else [*fields, f"Error Type: {error_type}"]) + "\n"

    def failure(self, message: str, error_type: str) -> str:
        return f"{message}\n{error_type}\n"

    def timeout(self, request_id: str, timeout: float) -> str:
        return f"{_now()} {request_id} Task timed out after {timeout:.2f} seconds\n\n"

    def end(self, request_id: str, usage: Usage) -> str:
        return f"END RequestId: {request_id}\n{report_line(request_id, usage)}"


def report_line(request_id: str, usage: Usage) -> str:
    """Format the REPORT line as text."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {usage.duration:.2f} ms",
        f"Billed Duration: {usage.billed_duration} ms",
        f"Memory Size: {usage.memory_size} MB",
        f"Max Memory Used: {usage.max_memory_used} MB",
    ]
    if usage.init_duration is not None:
        fields.append(f"Init Duration: {usage.init_duration:.2f} ms")
    if usage.status is not None:
        fields.append(f"Status: {usage.status}")
    if usage.reported_error is not None:
        fields.append(f"Error Type: {usage.reported_error}")
    return "\t".join([*fields, ""]) + "\n"


class JsonLines(PlatformLines):
    """The lines of the log format `JSON`. Instead of an END line and texts of failures, there is `platform.runtimeDone`."""

    def start(self, request_id: str, version: str, function_arn: str) -> str:
        return _event("platform.start", {"requestId": request_id, "functionArn": function_arn, "version": version})

    def init_failure(self, duration: float, status: str, error_type: str | None) -> str:
        phase = {"initializationType": "on-demand", "phase": "init", "status": status}
        failed = _event("platform.initRuntimeDone", phase | _present(errorType=error_type))
        metrics = {"metrics": {"durationMs": round(duration, 3)}}
        return failed + _event("platform.initReport", phase | _present(errorType=error_type) | metrics)

    def failure(self, message: str, error_type: str) -> str:
        return ""

    def timeout(self, request_id: str, timeout: float) -> str:
        return ""

    def end(self, request_id: str, usage: Usage) -> str:
        status = {"status": usage.status or "success", **_present(errorType=usage.reported_error)}
        metrics: dict[str, object] = {"durationMs": round(usage.duration, 3), "producedBytes": 0}
        done = _event("platform.runtimeDone", {"requestId": request_id, **status, "metrics": metrics})
        metrics = {
            "durationMs": round(usage.duration, 3),
            "billedDurationMs": usage.billed_duration,
            "memorySizeMB": usage.memory_size,
            "maxMemoryUsedMB": usage.max_memory_used,
            **_present(initDurationMs=usage.init_duration and round(usage.init_duration, 3)),
        }
        report = _event("platform.report", {"requestId": request_id, "metrics": metrics, **status})
        return report if usage.status is None else done + report


def _event(kind: str, record: dict[str, object]) -> str:
    return json.dumps({"time": _now(), "type": kind, "record": record}, separators=(",", ":")) + "\n"


def _present(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


LINES: dict[str, PlatformLines] = {"Text": TextLines(), "JSON": JsonLines()}


class FunctionLog:
    """Keeps the last 4 KB of the current invocation. The output of init belongs to the first invocation."""

    def __init__(self, on_log: LogListener | None = None, log_format: str = "Text") -> None:
        self._on_log = on_log
        self._lines = LINES[log_format]
        self._kept = bytearray()

    def write(self, data: bytes) -> None:
        if self._on_log is not None:
            self._on_log(data)
        self._kept += data
        if len(self._kept) > 2 * TAIL_SIZE:
            del self._kept[:-TAIL_SIZE]

    def start(self, request_id: str, version: str = LATEST, function_arn: str = "") -> None:
        """Write that an invocation starts."""
        self._write_line(self._lines.start(request_id, version, function_arn))

    def init_failed(self, duration: float, status: str, error_type: str | None) -> None:
        """Write that the runtime did not start, after so many milliseconds."""
        self._write_line(self._lines.init_failure(duration, status, error_type))

    def failed(self, message: str, error_type: str) -> None:
        """Write that the runtime ended."""
        self._write_line(self._lines.failure(message, error_type))

    def timed_out(self, request_id: str, timeout: float) -> None:
        """Write that the invocation took longer than the timeout, in seconds."""
        self._write_line(self._lines.timeout(request_id, timeout))

    def end(self, request_id: str, usage: Usage) -> bytes:
        """Write the end of the invocation and its report, and return the tail."""
        self._write_line(self._lines.end(request_id, usage))
        tail = bytes(self._kept[-TAIL_SIZE:])
        self._kept.clear()
        return tail

    def _write_line(self, line: str) -> None:
        """Write whole lines. The output before them may end without a line end."""
        if self._kept and not self._kept.endswith(b"\n"):
            self.write(b"\n")
        if line:
            self.write(line.encode())
