"""The report as a page: one file of HTML that loads nothing, runs no script, and works offline.

Laws: no payload and no message of a function is in it; every text is escaped; its size does not grow with the run.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape

import attrs

from ...fanout.values import MapStats
from ..price import Price
from .charts import Series, bars, lines
from .style import STYLE
from .timeline import Durations, Timeline

__all__ = ["RunFacts", "page"]

_SHOWN_CAUSES = 50
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@attrs.frozen(kw_only=True)
class RunFacts:
    """What the report says of the run beside its totals. `began` is a date and a time; `seconds` is how long it took."""

    function_name: str
    began: str
    seconds: float
    total: int | None
    unsent: int
    stopped_by: str | None
    version: str


def page(facts: RunFacts, stats: MapStats, timeline: Timeline, durations: Durations, price: Price | None) -> str:
    """The whole page."""
    title = f"Map of {facts.function_name}"
    sections = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=soft>{escape(f'{facts.began}, {_time(facts.seconds)}, aiolambda {facts.version}')}</p>",
        _ending(facts),
        _tiles(facts, stats),
        _over_time(timeline),
        _latency(stats, durations),
        _causes(stats),
        _throttles(stats),
        _cost(stats, price),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _ending(facts: RunFacts) -> str:
    if facts.stopped_by is None:
        return ""
    unsent = f" {facts.unsent:,} items were not sent." if facts.unsent else ""
    return f"<p><strong>{escape(f'The run was stopped by {facts.stopped_by}.{unsent}')}</strong></p>"


def _tiles(facts: RunFacts, stats: MapStats) -> str:
    failed = sum(stats.failed.values())
    done = stats.done - stats.unsent
    tiles = [
        ("done", f"{done:,}" if facts.total is None else f"{done:,} of {facts.total:,}"),
        ("ok", f"{done - failed:,}"),
        *((f"failed: {verdict.value.replace('_', ' ')}", f"{count:,}") for verdict, count in stats.failed.items()),
        ("not sent", f"{facts.unsent:,}"),
        ("replayed", f"{stats.replayed:,}"),
        ("average rate", f"{stats.average_rate:,.1f}/s"),
        ("requests", f"{stats.attempts:,}"),
        ("retries", f"{stats.retries:,}"),
        *([("hedged", f"{stats.hedged:,}")] if stats.hedged else []),
    ]
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in tiles)
    return f"<dl class=tiles>{cells}</dl>"


def _over_time(timeline: Timeline) -> str:
    spans, width = timeline.spans, timeline.width
    if not spans:
        return ""
    end = len(spans) * width
    labels = ["0 s", _time(end / 2), _time(end)]
    outcomes = [
        Series("ok", "ok", [span.ok / width for span in spans]),
        Series("failed", "failed", [span.failed / width for span in spans]),
        Series("may have run", "unknown", [span.unknown / width for span in spans]),
    ]
    flight = [
        Series("window", "window", [span.window for span in spans]),
        Series("in flight", "flight", [span.in_flight for span in spans]),  # above the window, with which it often coincides
    ]
    charts = [
        bars("Results per second", outcomes, labels=labels, unit="results/s"),
        lines("Concurrency", flight, labels=labels, unit="invocations"),
    ]
    if any(span.throttled for span in spans):
        throttled = [Series("throttled requests", "unknown", [span.throttled / width for span in spans])]
        charts.append(bars("Throttles per second", throttled, labels=labels, unit="requests/s"))
    return f"<h2>Over time</h2>{''.join(charts)}"


def _latency(stats: MapStats, durations: Durations) -> str:
    shown = durations.bars()
    if not shown:
        return ""
    shortest, longest = shown[0][0], shown[-1][1]
    labels = [_time(shortest), _time(math.sqrt(shortest * longest)), _time(longest)]  # the scale is logarithmic
    chart = bars(
        "Items by duration of their last invocation (logarithmic)",
        [Series("items", "flight", [count for _, _, count in shown])],
        labels=labels,
        unit="items",
    )
    names = {50: "median", 100: "longest"}
    rows = [(names.get(per_cent, f"p{per_cent}"), _time(seconds)) for per_cent, seconds in stats.percentiles.items()]
    return f"<h2>Latency</h2>{chart}{_table(('percentile', 'duration'), rows)}"


def _causes(stats: MapStats) -> str:
    if not stats.causes:
        return ""
    rows = [
        (f"{cause.count:,}", cause.name, cause.delivery.value, f"{cause.first_index:,}", cause.request_id or "-")
        for cause in stats.causes[:_SHOWN_CAUSES]
    ]
    if rest := stats.causes[_SHOWN_CAUSES:]:
        rows.append((f"{sum(cause.count for cause in rest):,}", f"{len(rest):,} other causes", "", "", ""))
    return f"<h2>Causes of failures</h2>{_table(('items', 'cause', 'verdict', 'first index', 'example request id'), rows)}"


def _throttles(stats: MapStats) -> str:
    if not stats.throttled:
        return ""
    rows = [(str(reason or "without a reason"), f"{count:,}") for reason, count in stats.throttled.items()]
    return f"<h2>Throttled requests</h2>{_table(('reason', 'requests'), rows)}"


def _cost(stats: MapStats, price: Price | None) -> str:
    if not stats.billed_invocations:
        return ""
    rows = [
        ("invocations", f"{stats.billed_invocations:,}"),
        ("billed", f"{stats.billed_seconds:,.1f} s"),
        ("GB-seconds", f"{stats.gb_seconds:,.2f}"),
        ("cold starts", f"{stats.cold_starts:,}"),
    ]
    if price is not None:
        rows.append(("price", price.text(stats)))
    note = "<p class=soft>Of the invocations whose REPORT line came back, those of earlier runs included.</p>"
    return f"<h2>Cost</h2>{_table(('figure', 'value'), rows)}{note}"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(
        "<tr>"
        + "".join(f'<td data-name="{escape(name)}">{escape(cell)}</td>' for name, cell in zip(names, row, strict=True))
        + "</tr>"
        for row in rows
    )
    form = " class=many" if len(names) > 2 else ""  # on a narrow screen, its rows become lists
    return f"<div class=wide><table{form}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _time(seconds: float) -> str:
    """A time in the unit that fits."""
    if seconds < 1:
        return f"{seconds * 1000:,.3g} ms"
    if seconds < 120:
        return f"{seconds:,.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"
