"""One call that is traced or measured: its events become the end of its span, the spans of its attempts, and metrics.

Owns the observers of a call. Must not know how its span began. The call itself is not kept: it holds the payload, and a stream
may take half an hour.
"""

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from ..types.events import AttemptEnded, AttemptSent, CallEnded, CallQueued, CallSlotted, ClientObserver, Retried, Throttled
from . import conventions as c
from .instruments import Instruments
from .outcome import end_attributes, failure_text, is_failure
from .targets import Target, Value

__all__ = ["ObservedAttempts", "ObservedCall", "ObservedServer"]


class ObservedCall(ClientObserver):
    """Ends the span of a call, if it has one that records, and records the metrics, if somebody reads them."""

    def __init__(
        self, span: Span | None, context: Context | None, target: Target, instruments: Instruments | None, tracer: Tracer
    ) -> None:
        self._span, self._context, self._target, self._instruments = span, context, target, instruments
        self._tracer = tracer

    def call_ended(self, event: CallEnded, /) -> None:
        try:
            if self._instruments is not None:
                self._instruments.call_ended(event, self._target, self._context)
        finally:
            if self._span is not None:
                _end(self._span, event, self._target)

    def call_queued(self, event: CallQueued, /) -> None:
        if self._instruments is not None:
            self._instruments.queued(self._target)

    def call_slotted(self, event: CallSlotted, /) -> None:
        if self._instruments is not None:
            self._instruments.slotted(event, self._target)

    def throttled(self, event: Throttled, /) -> None:
        if self._instruments is not None:
            self._instruments.throttled(event, self._target)

    def retried(self, event: Retried, /) -> None:
        if self._instruments is not None:
            self._instruments.retried(event, self._target)


def _end(span: Span, event: CallEnded, target: Target) -> None:
    try:
        span.set_attributes(end_attributes(event))
        if target.is_http and event.status_code is not None:
            _end_http(span, event.status_code)
        text = failure_text(event)
        if text is not None:
            span.set_status(Status(StatusCode.ERROR, text))
    finally:
        span.end()


def _end_http(span: Span, status: int) -> None:
    """Note the status of a fetch. One of 400 and above is an error of the span, also if the function meant it."""
    span.set_attribute(c.HTTP_RESPONSE_STATUS_CODE, status)
    if status >= 400:
        span.set_attribute(c.ERROR_TYPE, str(status))
        span.set_status(Status(StatusCode.ERROR))


class ObservedServer(ObservedCall):
    """The same, for a call whose server is not known before its first request."""

    def attempt_sent(self, event: AttemptSent, /) -> None:
        if not self._target.server:
            self._target.learn_server(event.url)
            if self._span is not None:
                self._span.set_attributes(self._target.server)


class ObservedAttempts(ObservedServer):
    """The same, with a span and a metric for each attempt."""

    _attempt: Span | None = None
    _method = ""

    def attempt_sent(self, event: AttemptSent, /) -> None:
        super().attempt_sent(event)
        self._method = event.method
        if self._instruments is not None:
            self._instruments.attempt_sent(event, self._target)
        if self._span is None:
            return
        attributes: dict[str, Value] = {c.HTTP_REQUEST_METHOD: event.method, c.URL_FULL: event.url, **self._target.server}
        if event.attempt > 1:
            attributes[c.HTTP_REQUEST_RESEND_COUNT] = event.attempt - 1
        self._attempt = self._tracer.start_span(event.method, self._context, SpanKind.CLIENT, attributes)

    def attempt_ended(self, event: AttemptEnded, /) -> None:
        status = event.status_code
        error_type = str(status) if status is not None and status >= 400 else None
        if event.error is not None:
            error_type = type(event.error).__name__
        try:
            if self._instruments is not None:
                self._instruments.attempt_ended(event, self._method, self._target, error_type, self._context)
        finally:
            span, self._attempt = self._attempt, None
            if span is not None:
                _end_attempt(span, event, error_type)


def _end_attempt(span: Span, event: AttemptEnded, error_type: str | None) -> None:
    try:
        if event.status_code is not None:
            span.set_attribute(c.HTTP_RESPONSE_STATUS_CODE, event.status_code)
        if event.request_id is not None:
            span.set_attribute(c.AWS_REQUEST_ID, event.request_id)
        if error_type is not None:
            span.set_attribute(c.ERROR_TYPE, error_type)
            if event.error is None or is_failure(event.error):
                span.set_status(Status(StatusCode.ERROR))
    finally:
        span.end()
