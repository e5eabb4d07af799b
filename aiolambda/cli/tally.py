"""What became of the items of a map: totals and causes, as lines of text, and the summary as JSON values.

Law: no text contains a payload, or the message of a function: both may hold secrets.

Must not know how the map works, or where the lines go.
"""

from collections.abc import Iterator
from typing import Any

import attrs

from ..errors import AiolambdaError, FunctionError, LambdaServiceException, NotSentError
from ..fanout.resumption import Resumption
from ..fanout.values import MapResult, MapStats
from ..types.values import Delivery
from .files import print_error
from .items import Line

__all__ = ["Tally", "cause_of", "summary_of", "tell_resumption"]

_MOST_CAUSES = 1000
"""Causes that are told apart: a function may invent a type for each error."""
_SHOWN = 10
_LONGEST_NAME = 100
_OTHERS = "other errors"


@attrs.define
class _Cause:
    first_line: int
    count: int = 0


class Tally:
    """Counts the failures of a map by their causes."""

    def __init__(self) -> None:
        self._causes: dict[tuple[str, bool], _Cause] = {}
        self.unknown = 0
        """Items that may have run."""

    def add(self, result: MapResult[Line]) -> None:
        """Count a result."""
        if result.error is None or isinstance(result.error, NotSentError):
            return
        is_unknown = result.delivery is Delivery.UNKNOWN
        self.unknown += is_unknown
        name = (cause_of(result.error), is_unknown)
        if name not in self._causes and len(self._causes) >= _MOST_CAUSES:
            name = (_OTHERS, is_unknown)
        cause = self._causes.setdefault(name, _Cause(result.item.number))
        cause.count += 1
        cause.first_line = min(cause.first_line, result.item.number)

    def causes(self) -> Iterator[str]:
        """One line for each of the most frequent causes."""
        causes = sorted(self._causes.items(), key=lambda entry: (-entry[1].count, entry[1].first_line))
        for (name, is_unknown), cause in causes[:_SHOWN]:
            where = f"line {cause.first_line:,}" if cause.count == 1 else f"first in line {cause.first_line:,}"
            yield f"{cause.count:,} {name} ({where}{'; may have run' if is_unknown else ''})"
        if rest := causes[_SHOWN:]:
            yield f"{sum(cause.count for _, cause in rest):,} with {len(rest):,} other causes"

    def totals(self, stats: MapStats, *, total: int | None, seconds: float) -> str:
        """The totals in one line."""
        failed = sum(stats.failed.values())
        done = stats.done - stats.unsent
        parts = [f"{done:,}{'' if total is None else f' of {total:,}'} done", f"{done - failed:,} ok"]
        counts = {
            "failed": failed - self.unknown,
            "may have run": self.unknown,
            "replayed from the journal": stats.replayed,
            "throttled requests": sum(stats.throttled.values()),
        }
        parts += [f"{count:,} {name}" for name, count in counts.items() if count > 0]
        return ", ".join([*parts, f"{(done - stats.replayed) / max(seconds, 0.001):,.0f}/s", f"{seconds:,.1f} s"])


def tell_resumption(resumption: Resumption | None) -> None:
    """Say at the start of a run what it finds in its journal."""
    if resumption is not None:
        print_error(
            f"aiolambda: resuming: of the items in the journal, {resumption.replayed:,} are replayed and "
            f"{resumption.sent_again:,} are sent again"
        )


def cause_of(error: AiolambdaError) -> str:
    """The type of a function's error, the code of a service error, or the class of any other."""
    name = type(error).__name__
    if isinstance(error, FunctionError):
        name = error.error_type or name
    elif isinstance(error, LambdaServiceException):
        name = error.code or name
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def summary_of(stats: MapStats, *, total: int | None, unsent: int, seconds: float, stopped_by: str | None) -> dict[str, Any]:
    """The totals as JSON values."""
    return {
        "total": total,
        "done": stats.done - stats.unsent,
        "ok": stats.done - stats.unsent - sum(stats.failed.values()),
        "replayed": stats.replayed,
        "unsent": unsent,
        "failed": {str(verdict): count for verdict, count in stats.failed.items()},
        "throttled": {str(reason or "without a reason"): count for reason, count in stats.throttled.items()},
        "seconds": round(seconds, 3),
        "percentiles_ms": {f"p{per_cent}": round(value * 1000, 1) for per_cent, value in stats.percentiles.items()},
        "billed_ms": stats.billed_ms,
        "cold_starts": stats.cold_starts,
        "stopped_by": stopped_by,
    }
