"""What became of the items of a map: totals and causes, as lines of text, and the summary as JSON values.

Law: no text contains a payload, or the message of a function: both may hold secrets.

Must not know how the map works, or where the lines go.
"""

from collections.abc import Iterator
from typing import Any

from ..errors import NotSentError
from ..fanout import MapRun
from ..fanout.causes import CauseCounter, request_id_of
from ..fanout.resumption import Resumption
from ..fanout.values import MapCause, MapResult, MapStats
from ..types.values import Delivery
from .files import print_error
from .items import Line
from .price import Price

__all__ = ["Tally", "measures", "summary_of", "tell_resumption", "tell_unused"]

_SHOWN = 10
_LAST = 5.0
"""Seconds: the rate of a shorter run is its average."""


class Tally:
    """Counts the failures of a map by their causes, with the lines in place of the indexes."""

    def __init__(self) -> None:
        self._causes = CauseCounter()
        self.unknown = 0
        """Items that may have run."""

    def add(self, result: MapResult[Line]) -> None:
        """Count a result."""
        if result.error is None or isinstance(result.error, NotSentError):
            return
        self.unknown += result.delivery is Delivery.UNKNOWN
        request_id = request_id_of(result.output, result.error)
        self._causes.add(result.error, result.delivery, result.item.number, request_id)

    def causes(self) -> Iterator[str]:
        """One line for each of the most frequent causes."""
        causes = self._causes.causes()
        for cause in causes[:_SHOWN]:
            unknown = "; may have run" if cause.delivery is Delivery.UNKNOWN else ""
            yield f"{cause.count:,} {cause.name} ({', '.join(_details(cause))}{unknown})"
        if rest := causes[_SHOWN:]:
            yield f"{sum(cause.count for cause in rest):,} with {len(rest):,} other causes"

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


def tell_resumption(resumption: Resumption | None, noun: str) -> None:
    """Say at the start of a run what it finds in its journal, which has items or batches."""
    if resumption is not None:
        print_error(
            f"aiolambda: resuming: of the {noun} in the journal, {resumption.replayed:,} are replayed and "
            f"{resumption.sent_again:,} are sent again"
        )


def tell_unused(run: MapRun[Any], noun: str) -> None:
    """Say at the end of a run that it found no use for results of its journal: its items, or its batches, are others."""
    unused = 0 if run.resumption is None else run.resumption.replayed - run.stats.replayed
    if unused > 0:
        print_error(
            f"aiolambda: the journal has {unused:,} {noun} that this input does not have: resume with the same input and the "
            "same options, else items are sent again"
        )


def _details(cause: MapCause) -> Iterator[str]:
    yield f"line {cause.first_index:,}" if cause.count == 1 else f"first in line {cause.first_index:,}"
    if cause.request_id is not None:
        yield f"request id {cause.request_id}" if cause.count == 1 else f"such as request id {cause.request_id}"


def measures(stats: MapStats, price: Price | None) -> Iterator[str]:
    """Lines on the time that items took, on throttles by reason, and on the cost. Nothing of which there is nothing to say."""
    if stats.percentiles:
        names = {50: "median", 100: "longest"}
        parts = [f"{names.get(per_cent, f'p{per_cent}')} {value:.3f} s" for per_cent, value in stats.percentiles.items()]
        last = f"; {stats.rate:,.0f}/s in the last 5 s" if stats.elapsed > _LAST else ""
        yield f"duration of an item: {', '.join(parts)}{last}"
    if stats.hedged:
        yield f"hedged invocations: {stats.hedged:,}, of which {stats.hedges_won:,} were answered by the second request"
    if stats.throttled:
        reasons = ", ".join(f"{count:,} {reason or 'without a reason'}" for reason, count in stats.throttled.items())
        yield f"throttled requests: {reasons}"
    if stats.billed_invocations:
        counts = {"invocation": stats.billed_invocations, "cold start": stats.cold_starts}
        parts = [f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
        money = "" if price is None else f": {price.text(stats)}"
        yield f"billed: {stats.billed_seconds:,.1f} s, {stats.gb_seconds:,.2f} GB-seconds, {', '.join(parts)}{money}"


def summary_of(
    stats: MapStats, *, total: int | None, unsent: int, seconds: float, stopped_by: str | None, price: Price | None = None
) -> dict[str, Any]:
    """The totals as JSON values."""
    summary: dict[str, Any] = {
        "total": total,
        "done": stats.done - stats.unsent,
        "ok": stats.done - stats.unsent - sum(stats.failed.values()),
        "replayed": stats.replayed,
        "unsent": unsent,
        "failed": {str(verdict): count for verdict, count in stats.failed.items()},
        "causes": [
            {
                "name": cause.name,
                "delivery": str(cause.delivery),
                "count": cause.count,
                "first_index": cause.first_index,
                "request_id": cause.request_id,
            }
            for cause in stats.causes
        ],
        "throttled": {str(reason or "without a reason"): count for reason, count in stats.throttled.items()},
        "attempts": stats.attempts,
        "retries": stats.retries,
        "hedged": stats.hedged,
        "hedges_won": stats.hedges_won,
        "seconds": round(seconds, 3),
        "average_rate": round(stats.average_rate, 3),
        "rate": round(stats.rate, 3),
        "percentiles_ms": {f"p{per_cent}": round(value * 1000, 1) for per_cent, value in stats.percentiles.items()},
        "billed_ms": stats.billed_ms,
        "gb_seconds": round(stats.gb_seconds, 6),
        "billed_invocations": stats.billed_invocations,
        "cold_starts": stats.cold_starts,
        "stopped_by": stopped_by,
    }
    if price is not None:
        summary |= {"price": price.amount(stats), "currency": price.currency or None}
    return summary
