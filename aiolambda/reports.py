"""The tail of a function's log, and its REPORT line in both forms that Lambda writes.

Owns the reading of that line. Must not know where the log came from.
Source: "Using the Lambda runtime logs" and "platform.report" of the Telemetry API reference.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import attrs

__all__ = ["Report", "report_of", "tail_of"]

_TEXT = re.compile(r"^REPORT RequestId: (?P<id>[^\s]+)\s(?P<fields>[^\n]*)(?:\nXRAY TraceId: (?P<trace>[^\s]+))?", re.MULTILINE)
_FIELD = re.compile(r"([A-Z][A-Za-z ]{0,40}): ([0-9]{1,15}(?:\.[0-9]{1,15})?) (?:ms|MB)")
_ROOT = re.compile(r"Root=([^;]+)")


@attrs.frozen(kw_only=True)
class Report:
    """The REPORT line that Lambda writes at the end of an invocation."""

    request_id: str
    duration_ms: float
    billed_duration_ms: float
    memory_size_mb: int
    max_memory_used_mb: int
    init_duration_ms: float | None = None
    trace_id: str | None = None


def tail_of(log_result: str | None) -> str | None:
    """The end of a log, out of the base64 in which it comes; `None` where there is none, or it cannot be read."""
    if log_result is None:
        return None
    try:
        return base64.b64decode(log_result).decode(errors="replace")
    except ValueError:
        return None


def report_of(log: str) -> Report | None:
    """The last REPORT in a log, or `None` where a tail of 4 KB no longer holds it whole."""
    return _text_report(log) or _json_report(log)


def _text_report(log: str) -> Report | None:
    report = None
    for match in _TEXT.finditer(log):
        fields = {name: float(value) for name, value in _FIELD.findall(match["fields"])}
        report = _report(match["id"], fields, match["trace"]) or report
    return report


def _json_report(log: str) -> Report | None:
    for line in reversed(log.splitlines()):
        if '"platform.report"' not in line:
            continue
        try:
            record = json.loads(line)["record"]
            metrics = cast("Mapping[str, Any]", record["metrics"])
            fields = {name: float(metrics[key]) for name, key in _METRICS.items() if key in metrics}
            trace = _ROOT.search(str(record.get("tracing", {}).get("value", "")))
            return _report(str(record["requestId"]), fields, trace and trace[1])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
    return None


_METRICS = {
    "Duration": "durationMs",
    "Billed Duration": "billedDurationMs",
    "Memory Size": "memorySizeMB",
    "Max Memory Used": "maxMemoryUsedMB",
    "Init Duration": "initDurationMs",
}


def _report(request_id: str, fields: Mapping[str, float], trace_id: str | None) -> Report | None:
    try:
        return Report(
            request_id=request_id,
            duration_ms=fields["Duration"],
            billed_duration_ms=fields["Billed Duration"],
            memory_size_mb=int(fields["Memory Size"]),
            max_memory_used_mb=int(fields["Max Memory Used"]),
            init_duration_ms=fields.get("Init Duration"),
            trace_id=trace_id,
        )
    except KeyError:
        return None
