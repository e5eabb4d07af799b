"""The spans of maps: one for each run, and the parents or links of its items.

Owns the span of a run. Must not know how an item is traced.
"""

from typing import Literal
from weakref import WeakKeyDictionary

import attrs
from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanContext, Status, StatusCode, Tracer
from opentelemetry.trace.propagation import set_span_in_context

from ..protocol import names
from ..types.events import ClientObserver, MapEnded, MapFacts, MapStarted
from . import conventions as c
from .outcome import error_text, is_failure
from .targets import Value

__all__ = ["MapItems", "MapSpans", "RunSpan"]

MapItems = Literal["none", "links", "children"]
"""Spans for the items of maps: none; each in a trace of its own, with a link to the run; or as children of the run."""


@attrs.frozen(eq=False)
class RunSpan:
    """The span of a run, with the context of its items."""

    span: Span
    span_context: SpanContext
    context: Context
    """It has the span of the run."""

    def of_own_trace(self) -> tuple[Context, list[Link]]:
        """The context and the links of an item whose trace is its own."""
        return set_span_in_context(INVALID_SPAN, self.context), [Link(self.span_context)]


class MapSpans(ClientObserver):
    """Makes the span of each run of a client's maps."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._runs: WeakKeyDictionary[MapFacts, RunSpan] = WeakKeyDictionary()

    def of(self, facts: MapFacts) -> RunSpan | None:
        """The span of a run; `None` if it began without one."""
        return self._runs.get(facts)

    def map_started(self, event: MapStarted, /) -> None:
        """Start the span of a run, as a child of the current span."""
        name, current = event.map.function_name, contexts.get_current()
        attributes: dict[str, Value] = {}
        if name is not None:
            attributes = {c.FAAS_INVOKED_NAME: names.plain_name_of(name), c.FAAS_INVOKED_PROVIDER: "aws"}
            qualifier = names.qualifier_of(name)
            if qualifier is not None:
                attributes[c.QUALIFIER] = qualifier
        span = self._tracer.start_span(c.MAP_SPAN, current, attributes=attributes)
        span_context = span.get_span_context()
        if span_context.is_valid:
            self._runs[event.map] = RunSpan(span, span_context, set_span_in_context(span, current))

    def map_ended(self, event: MapEnded, /) -> None:
        """End it, with the totals of the run."""
        run = self._runs.pop(event.map, None)
        if run is None or not run.span.is_recording():
            return
        span, stats, error = run.span, event.stats, event.error
        span.set_attributes(
            {
                c.MAP_DONE: stats.done,
                c.MAP_FAILED: sum(stats.failed.values()),
                c.MAP_REPLAYED: stats.replayed,
                c.MAP_UNSENT: stats.unsent,
                c.MAP_THROTTLED: sum(stats.throttled.values()),
            }
        )
        if stats.hedged:
            span.set_attribute(c.MAP_HEDGED, stats.hedged)
        if error is not None:
            span.set_attribute(c.ERROR_TYPE, type(error).__name__)
            if is_failure(error):
                span.set_status(Status(StatusCode.ERROR, error_text(error)))
        span.end()
