"""The metrics: the conventions' histograms, and our own for waiting, throttles, retries, billed time and cold starts.

Laws: the attributes of a metric have few values.

Owns the instruments. Must not know spans.
"""

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, Meter, MeterProvider

from ..types.events import AttemptEnded, AttemptSent, CallEnded, CallSlotted, Retried, Throttled
from ..version import __version__
from . import conventions as c
from .readers import Reader
from .targets import Target, Value

__all__ = ["Instruments"]

_MOST_ERROR_TYPES = 100
"""Error types that metrics keep apart. A function may report any."""


class Instruments:
    """The instruments of one provider."""

    def __init__(self, provider: MeterProvider, *, is_default: bool) -> None:
        self._reader = Reader(provider, metrics.get_meter_provider if is_default else None)
        self._error_types: set[str] = set()
        meter = provider.get_meter(c.SCOPE, __version__)
        self._calls = _seconds(meter, c.RPC_CLIENT_CALL_DURATION, "Duration of a call, with all its attempts and pauses.")
        self._requests = _seconds(meter, c.HTTP_CLIENT_REQUEST_DURATION, "Duration of HTTP client requests.")
        self._queue = _seconds(
            meter, c.QUEUE_DURATION, "Duration of a wait for a slot. Calls that do not wait are not counted."
        )
        self._billed = _seconds(meter, c.BILLED_DURATION, "Billed duration of an invocation whose log was asked for.")
        self._throttles = meter.create_counter(c.THROTTLES, unit="{throttle}", description="Requests that Lambda throttled.")
        self._retries = meter.create_counter(c.RETRIES, unit="{retry}", description="Attempts that were followed by another.")
        self._cold_starts = meter.create_counter(
            c.COLD_STARTS, unit="{start}", description="Cold starts among the invocations whose log was asked for."
        )
        self._waiting = meter.create_up_down_counter(c.WAITING, unit="{call}", description="Calls that wait for a slot now.")
        self._active = meter.create_up_down_counter(
            c.HTTP_CLIENT_ACTIVE_REQUESTS, unit="{request}", description="Number of active HTTP requests."
        )

    @property
    def records(self) -> bool:
        """Whether somebody reads these metrics: the API alone drops them."""
        return self._reader.exists

    def call_ended(self, event: CallEnded, target: Target, context: Context | None) -> None:
        """Record the end of a call. `context` has its span, which becomes the exemplar of a failure."""
        if event.error_type is None:  # an exemplar for each would cost a tenth of all
            self._calls.record(event.duration, target.measured)
        else:
            attributes = {**target.measured, c.ERROR_TYPE: self._known(event.error_type)}
            self._calls.record(event.duration, attributes, context)
        report = event.report
        if report is not None:
            if report.billed_duration_ms is not None:
                self._billed.record(report.billed_duration_ms / 1000, target.measured, context)
            if report.is_cold_start:
                self._cold_starts.add(1, target.measured)

    def attempt_ended(
        self, event: AttemptEnded, method: str, target: Target, error_type: str | None, context: Context | None
    ) -> None:
        """Record a request and its answer."""
        attributes: dict[str, Value] = {c.HTTP_REQUEST_METHOD: method, **target.server}
        self._active.add(-1, attributes)
        if event.status_code is not None:
            attributes[c.HTTP_RESPONSE_STATUS_CODE] = event.status_code
        if error_type is not None:
            attributes[c.ERROR_TYPE] = error_type
        self._requests.record(event.duration, attributes, context)

    def attempt_sent(self, event: AttemptSent, target: Target) -> None:
        """Count a request that begins."""
        self._active.add(1, {c.HTTP_REQUEST_METHOD: event.method, **target.server})

    def queued(self, target: Target) -> None:
        """Count a wait for a slot that begins."""
        self._waiting.add(1, target.measured)

    def slotted(self, event: CallSlotted, target: Target) -> None:
        """Record a wait for a slot that has ended."""
        self._waiting.add(-1, target.measured)
        self._queue.record(event.waited, target.measured)

    def throttled(self, event: Throttled, target: Target) -> None:
        """Count a throttled request."""
        self._throttles.add(1, {**target.measured, c.THROTTLE_REASON: event.reason or "unknown"})

    def retried(self, event: Retried, target: Target) -> None:
        """Count a repeat."""
        self._retries.add(1, {**target.measured, c.DELIVERY: event.delivery.value})

    def _known(self, error_type: str) -> str:
        known = self._error_types
        if error_type not in known:
            if len(known) >= _MOST_ERROR_TYPES:
                return c.OTHER
            known.add(error_type)
        return error_type


def _seconds(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(name, unit="s", description=description, explicit_bucket_boundaries_advisory=c.BOUNDARIES)
