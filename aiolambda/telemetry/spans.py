"""The middleware that traces calls: a span over the whole call, the trace that its requests carry, and the metrics of its end.

Laws: a span is current only while the rest of the stack runs, so a stream that outlives its block leaves nothing behind. The
span ends with the call, as `call_ended` tells it. What a tracer or a sampler raises is logged once, and changes nothing for a
call.

Owns the span of a call. Must not know which attributes follow from an input, or from the end of a call.
"""

import contextlib
import logging
from collections.abc import Awaitable
from typing import Any, Protocol, runtime_checkable

import attrs
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind, Tracer, TracerProvider
from opentelemetry.trace.propagation import set_span_in_context

from ..operations.invoke import InvokeOperation
from ..operations.invoke_types import InvokeCommandInput
from ..operations.stream import InvokeWithResponseStreamCommandInput, InvokeWithResponseStreamOperation
from ..pipeline.call import Call, CallNext
from ..pipeline.operation import HttpOperation
from ..pipeline.preparation import unwrapped
from ..pipeline.stack import FusibleMiddleware
from ..protocol.urls import url_shown
from ..types.events import CallFacts
from ..types.loggers import PACKAGE, log_quietly
from ..version import __version__
from . import conventions as c
from .instruments import Instruments
from .maps import MapItems, MapSpans, RunSpan
from .observed import ObservedAttempts, ObservedCall, ObservedServer
from .propagation import ContextFields, TraceHeader, merged
from .readers import Reader
from .targets import Target, Targets

__all__ = ["Tracing", "TracingMiddleware"]

_LOOKED_EVERY = 0.01
"""Seconds between two looks for a provider that the program may have set since, which take longer than the rest."""
_OPERATIONS = InvokeOperation, InvokeWithResponseStreamOperation
_WITH_CONTEXT = InvokeCommandInput, InvokeWithResponseStreamCommandInput


_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
"""The methods that the conventions name by themselves."""


@runtime_checkable
class _Fetched(Protocol):
    """What a span needs of the input of a fetch."""

    @property
    def url(self) -> object: ...
    @property
    def method(self) -> object: ...


class Tracing:
    """The tracer of one provider, and whether somebody reads its spans."""

    def __init__(self, provider: TracerProvider, *, is_default: bool) -> None:
        self._reader = Reader(provider, trace.get_tracer_provider if is_default else None)
        self.tracer: Tracer = provider.get_tracer(c.SCOPE, __version__)

    @property
    def records(self) -> bool:
        """Whether the tracer may record: that of the API alone never does."""
        return self._reader.exists


class TracingMiddleware(FusibleMiddleware):
    """Traces the calls of one client. Without a provider it passes them on, with the trace that they belong to."""

    def __init__(
        self,
        tracing: Tracing,
        instruments: Instruments,
        targets: Targets,
        maps: MapSpans,
        *,
        attempts: bool,
        map_items: MapItems,
        context_fields: ContextFields | None,
        context_limit: int,
    ) -> None:
        self._tracing, self._instruments, self._targets, self._maps = tracing, instruments, targets, maps
        self._observed: type[ObservedCall] = ObservedAttempts if attempts else ObservedCall
        self._observed_server: type[ObservedCall] = ObservedAttempts if attempts else ObservedServer
        self._map_items: MapItems = map_items
        self._header = TraceHeader()
        self._context_fields, self._context_limit = context_fields, context_limit
        self._has_failed = False
        self._records = False
        self._looked_at = float("-inf")

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return self._traced(call, call_next)

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """Without somebody who reads spans or metrics, a call has no coroutine more."""
        walk = unwrapped(call_next)

        def trace_call(call: Call[Any, Any], /) -> Awaitable[Any]:
            return self._traced(call, walk)

        return trace_call

    def _traced(self, call: Call[Any, Any], walk: CallNext[Any, Any]) -> Awaitable[Any]:
        if self._records:
            return self._observed_call(call, walk)
        try:
            if abs(call.started - self._looked_at) > _LOOKED_EVERY and self._look(call.started):
                return self._observed_call(call, walk)
            if call.watch is not None:
                context = contexts.get_current()
                parent = trace.get_current_span(context).get_span_context()  # of a caller, which came with its request
                if parent.is_valid:
                    self._propagate(call, parent, context, call.watch.facts_of(call))
        except Exception:  # noqa: BLE001 - as in `_observed_call`
            self._log_once()
        return walk(call)

    def _look(self, now: float) -> bool:
        """Look whether somebody reads spans or metrics."""
        self._looked_at = now
        self._records = self._tracing.records or self._instruments.records
        return self._records

    async def _observed_call(self, call: Call[Any, Any], walk: CallNext[Any, Any]) -> Any:
        try:
            context, span = self._begin(call)
        except Exception:  # noqa: BLE001 - the call goes on without a span, whatever a tracer or a sampler raises
            self._log_once()
            return await walk(call)
        if context is None:
            return await walk(call)
        token = contexts.attach(context)
        try:
            output = await walk(call)
        except BaseException:
            # Another one is current if the loop of the call is gone: its coroutine is collected in a context of others.
            if contexts.get_current() is context:
                contexts.detach(token)
            raise
        finally:
            if span is not None and call.response is not None and "x-amz-id-2" in call.response.fields:
                with contextlib.suppress(Exception):
                    span.set_attribute(c.AWS_EXTENDED_REQUEST_ID, call.response.fields["x-amz-id-2"])
        contexts.detach(token)
        return output

    def _begin(self, call: Call[Any, Any]) -> tuple[Context | None, Span | None]:
        """Start the span of a call, and let it be observed. Returns the context of the call, and the span if it records."""
        watch = call.watch
        if watch is None:  # the stack was copied to a client that is not instrumented
            return None, None
        facts = watch.facts_of(call)
        url, method = _request_of(call)
        target = self._targets.of(_operation_of(call), facts, method=method)
        run = None if facts.map is None else self._maps.of(facts.map)
        span, span_context, context = self._span(target, run, is_item=facts.map is not None)
        if url is not None and span is not None:
            span.set_attribute(c.URL_FULL, url)
        if facts.hedge and span is not None:
            span.set_attributes({c.HEDGE: True})
        instruments = self._instruments if self._instruments.records else None
        if span is not None or instruments is not None:  # first of all, so that the span ends, whatever happens next
            observed = self._observed if target.server else self._observed_server
            call.observe(observed(span, context, target, instruments, self._tracing.tracer))
        if span_context.is_valid:
            self._propagate(call, span_context, context, facts)
        return context, span

    def _span(self, target: Target, run: RunSpan | None, *, is_item: bool) -> tuple[Span | None, SpanContext, Context]:
        """The span of a call, if it has one that records; the parent of its requests; and the context of both."""
        context, links = contexts.get_current(), None
        if is_item and self._map_items == "none":
            if run is not None:
                return None, run.span_context, run.context
            return None, trace.get_current_span(context).get_span_context(), context
        if run is not None:
            context, links = run.of_own_trace() if self._map_items == "links" else (run.context, None)
        span = self._tracing.tracer.start_span(target.span_name, context, SpanKind.CLIENT, target.attributes, links)
        span_context = span.get_span_context()
        if span_context.is_valid:
            context = set_span_in_context(span, context)
        return span if span.is_recording() else None, span_context, context

    def _propagate(self, call: Call[Any, Any], parent: SpanContext, context: Context, facts: CallFacts) -> None:
        """Let the requests of the call carry the trace. A value that a middleware has set stays."""
        if call.trace_id is None:
            call.trace_id = self._header.value(parent)
        if self._context_fields is not None and facts.invocation_type == "RequestResponse":
            input = call.input
            if isinstance(input, _WITH_CONTEXT):
                fields = self._context_fields.of(parent, context)
                client_context = merged(input.client_context, fields, self._context_limit)
                if client_context is not None:
                    call.input = attrs.evolve(input, client_context=client_context)

    def _log_once(self) -> None:
        """Log the exception that is being handled: a tracer that fails fails at every call."""
        if not self._has_failed:
            self._has_failed = True
            said = "OpenTelemetry raised; the call goes on without a span. Further errors are not logged"
            log_quietly(PACKAGE, logging.ERROR, said, exc_info=True)


def _request_of(call: Call[Any, Any]) -> tuple[str | None, str | None]:
    """The URL, without its query, and the method of a fetch; `None` for another call, and for an input that is refused."""
    input = call.input
    if not isinstance(call.command.operation, HttpOperation) or not isinstance(input, _Fetched):
        return None, None
    url, method = input.url, input.method
    if not isinstance(url, str) or not isinstance(method, str):  # callers need not be typed
        return None, None
    return url_shown(url), method.upper() if method.upper() in _METHODS else c.OTHER


def _operation_of(call: Call[Any, Any]) -> str | None:
    """The name of the operation in the API; `None` for one of the user's own."""
    operation = call.command.operation
    return operation.name if isinstance(operation, _OPERATIONS) else None
