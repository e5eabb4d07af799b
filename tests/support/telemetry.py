"""An SDK of OpenTelemetry for one test: its spans and metrics, and clients that report to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from aiolambda import LambdaClient
from aiolambda.telemetry import Instrumentation, instrument
from aiolambda.testing import FakeTransport

__all__ = ["Sdk", "context_of", "header_of", "parts_of", "sdk"]


class Sdk:
    """Providers whose spans and metrics stay in memory."""

    def __init__(self, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(**settings)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.tracer = self.tracers.get_tracer("test")

    def instrument(self, client: LambdaClient, **settings: Any) -> Instrumentation:
        return instrument(client, **{"tracer_provider": self.tracers, "meter_provider": self.meters} | settings)

    def client(self, functions: Mapping[str, Any] | FakeTransport, **settings: Any) -> LambdaClient:
        """An instrumented client of these functions. `otel` has settings of the instrumentation."""
        otel = settings.pop("otel", {})
        fake = functions if isinstance(functions, FakeTransport) else FakeTransport(functions)
        client = LambdaClient(**{"region": "eu-west-1", "transport": fake} | settings)
        self.instrument(client, **otel)
        return client

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in the order of their ends."""
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    @property
    def span(self) -> ReadableSpan:
        """The one span that has ended."""
        (span,) = self.spans
        return span

    def points(self, name: str) -> list[Any]:
        """The data points of a metric. Empty if there is no such metric."""
        data = self.reader.get_metrics_data()
        metrics = (
            [metric for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics] if data else []
        )
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]

    def metrics(self) -> dict[str, str]:
        """The names of the metrics that have points, with their units."""
        data = self.reader.get_metrics_data()
        found = (
            [metric for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics] if data else []
        )
        return {metric.name: metric.unit for metric in found}

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    made = Sdk()
    yield made
    made.close()


def context_of(span: ReadableSpan) -> SpanContext:
    """The context of a span, which every span that was started has."""
    context = span.get_span_context()
    assert context is not None
    return context


def parts_of(header: str | None) -> dict[str, str]:
    """The fields of a value of `X-Amzn-Trace-Id`."""
    assert header is not None
    return dict(field.split("=", 1) for field in header.split(";"))


def header_of(span: ReadableSpan) -> dict[str, str]:
    """The fields that the header of a request has whose parent is this span."""
    context = context_of(span)
    trace_id = f"{context.trace_id:032x}"
    root = f"1-{trace_id[:8]}-{trace_id[8:]}"
    return {"Root": root, "Parent": f"{context.span_id:016x}", "Sampled": str(int(context.trace_flags.sampled))}
