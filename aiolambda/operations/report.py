"""The tail of a function's log, and its REPORT line in both forms that Lambda writes.

Owns the parsing of that line. Must not know the source of the log.
Source: "Using the Lambda runtime logs" and "platform.report" of the Telemetry API reference.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import attrs

__all__ = ["Report", "report_of", "tail_of"]

_TEXT = re.compile(
    r"(?:^END RequestId: (?P<ended>\S+)[^\n]*\n)?"
    r"^REPORT RequestId: (?P<id>\S+)[ \t](?P<fields>[^\n]*)"
    r"(?:\nXRAY TraceId: (?P<trace>\S+))?",
    re.MULTILINE,
)
_FIELD = re.compile(r"([A-Z][A-Za-z ]{0,40}): ([0-9]{1,15}(?:\.[0-9]{1,15})?) (?:ms|MB)")
_JSON = re.compile(r'^.*"platform\.report".*$', re.MULTILINE)
_ROOT = re.compile(r"Root=([^;]+)")


@attrs.frozen(kw_only=True)
class Report:
    """The REPORT line that Lambda writes at the end of an invocation. A missing figure is `None`.

    A function on Managed Instances has its duration only.

    Args:
        request_id: The request id of the invocation.
        duration_ms: Milliseconds that the handler ran.
        billed_duration_ms: Milliseconds that are billed. With SnapStart they include the billed restore.
        memory_size_mb: The configured memory, in MB.
        max_memory_used_mb: The most memory that was in use, in MB.
        init_duration_ms: Milliseconds of the init of a cold start; else `None`.
        restore_duration_ms: Milliseconds to restore a snapshot (SnapStart); else `None`.
        billed_restore_duration_ms: Milliseconds of the restore that are billed; else `None`.
        trace_id: The X-Ray trace id; `None` if the invocation was not traced.
    """

    request_id: str
    """The request id of the invocation."""
    duration_ms: float | None = None
    """Milliseconds that the handler ran."""
    billed_duration_ms: float | None = None
    """Milliseconds that are billed. With SnapStart they include the billed restore."""
    memory_size_mb: int | None = None
    """The configured memory, in MB."""
    max_memory_used_mb: int | None = None
    """The most memory that was in use, in MB."""
    init_duration_ms: float | None = None
    """Milliseconds of the init of a cold start; else `None`."""
    restore_duration_ms: float | None = None
    """Milliseconds to restore a snapshot (SnapStart); else `None`."""
    billed_restore_duration_ms: float | None = None
    """Milliseconds of the restore that are billed; else `None`."""
    trace_id: str | None = None
    """The X-Ray trace id; `None` if the invocation was not traced."""

    @property
    def is_cold_start(self) -> bool:
        """Whether Lambda started an environment, or restored a snapshot (SnapStart), for this invocation."""
        return self.init_duration_ms is not None or self.restore_duration_ms is not None


def tail_of(log_result: str | None) -> str | None:
    """The end of a log, decoded from base64. `None` if there is none, or it is not base64."""
    if log_result is None:
        return None
    try:
        return base64.b64decode(log_result).decode(errors="replace")
    except ValueError:
        return None


def report_of(log: str, *, request_id: str | None = None) -> Report | None:
    """The REPORT line that Lambda wrote into a log, in either form. `None` if a tail of 4 KB does not hold the whole line.

    A function can print such lines too. Lambda's own is chosen by these signs, in this order: it has the `request_id` of the
    invocation, it follows the END line, and it is the last.
    """
    found = [*_text_reports(log), *_json_reports(log)]
    best = max(found, key=lambda one: (one.report.request_id == request_id, one.at_end, one.place), default=None)
    return None if best is None else best.report


class _Found(NamedTuple):
    report: Report
    at_end: bool
    place: int


def _text_reports(log: str) -> Iterator[_Found]:
    for match in _TEXT.finditer(log):
        values = {name: float(value) for name, value in _FIELD.findall(match["fields"])}
        if values.keys() >= _IN_EVERY_TEXT:
            figures = {member: values[name] for member, (name, _) in _FIGURES.items() if name in values}
            yield _Found(_report(match["id"], figures, match["trace"]), match["ended"] == match["id"], match.start())


def _json_reports(log: str) -> Iterator[_Found]:
    for match in _JSON.finditer(log):
        event = _members(_json(match[0]))
        record = _members(event.get("record"))
        request_id, metrics = record.get("requestId"), _members(record.get("metrics"))
        values = {member: _figure(metrics.get(name)) for member, (_, name) in _FIGURES.items()}
        figures = {member: value for member, value in values.items() if value is not None}
        if event.get("type") == "platform.report" and isinstance(request_id, str) and figures:
            trace = _ROOT.search(str(_members(record.get("tracing")).get("value")))
            yield _Found(_report(request_id, figures, trace and trace[1]), at_end=True, place=match.start())


_FIGURES = {
    "duration_ms": ("Duration", "durationMs"),
    "billed_duration_ms": ("Billed Duration", "billedDurationMs"),
    "memory_size_mb": ("Memory Size", "memorySizeMB"),
    "max_memory_used_mb": ("Max Memory Used", "maxMemoryUsedMB"),
    "init_duration_ms": ("Init Duration", "initDurationMs"),
    "restore_duration_ms": ("Restore Duration", "restoreDurationMs"),
    "billed_restore_duration_ms": ("Billed Restore Duration", "billedRestoreDurationMs"),
}
"""The members of a report, with their names in the two forms."""
_IN_EVERY_TEXT = {"Duration", "Billed Duration", "Memory Size", "Max Memory Used"}


def _report(request_id: str, figures: Mapping[str, float], trace_id: str | None) -> Report:
    values: dict[str, Any] = {member: int(value) if member.endswith("_mb") else value for member, value in figures.items()}
    return Report(request_id=request_id, trace_id=trace_id, **values)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _members(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _figure(value: object) -> float | None:
    """A duration or a size. `None` for anything else: Python's JSON has NaN, infinities, and integers of any length."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LARGEST else None


_LARGEST = 1e15
"""Milliseconds of 30,000 years, or megabytes of a zettabyte: a larger figure is wrong."""
