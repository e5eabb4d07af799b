"""The totals of a map as HTML, for notebooks.

Laws: no script, no style from elsewhere, and every text is escaped.

Must not know which notebook shows it.
"""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .causes import MapCause
    from .values import MapStats

__all__ = ["html_of_stats"]

_SHOWN_CAUSES = 10


def html_of_stats(stats: "MapStats") -> str:
    """A table of the totals, and one of the most frequent causes if items failed."""
    failed = sum(stats.failed.values())
    rows = [
        ("done", f"{stats.done:,}"),
        ("ok", f"{stats.done - stats.unsent - failed:,}"),
        ("failed", f"{failed:,}"),
        ("not sent", f"{stats.unsent:,}"),
        ("replayed", f"{stats.replayed:,}"),
        ("in flight", f"{stats.in_flight:,} of {stats.window:,}"),
        ("requests", f"{stats.attempts:,}, of which {stats.retries:,} were retries"),
        ("throttled", _counts((reason or "without a reason", count) for reason, count in stats.throttled.items()) or "0"),
        ("rate", f"{stats.average_rate:,.1f}/s on average, {stats.rate:,.1f}/s in the last 5 s"),
        ("duration", ", ".join(f"p{per_cent}: {seconds:,.3f} s" for per_cent, seconds in stats.percentiles.items())),
    ]
    if stats.hedged:
        rows.append(("hedged", f"{stats.hedged:,} were sent a second time, {stats.hedges_won:,} of these won"))
    if stats.billed_invocations:
        rows.append(("billed", f"{stats.billed_seconds:,.1f} s, {stats.gb_seconds:,.1f} GB-seconds"))
        rows.append(("cold starts", f"{stats.cold_starts:,}"))
    tables = [_table("map", rows)]
    if causes := stats.causes[:_SHOWN_CAUSES]:
        tables.append(_table("causes of failures", [(cause.name, _told(cause)) for cause in causes]))
    return "".join(tables)


def _told(cause: "MapCause") -> str:
    first = f"first at index {cause.first_index:,}"
    return f"{cause.count:,}, {cause.delivery.value}, {first}, request id {cause.request_id or '-'}"


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts)


def _table(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>' for name, text in rows)
    return f"<table><caption>{escape(caption)}</caption><tbody>{cells}</tbody></table>"
