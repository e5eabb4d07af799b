"""A real exporter sends the tree of one throttled call, in OTLP over HTTP, to a receiver that decodes it with OTLP's own code."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from aiolambda import TooManyRequestsException
from aiolambda.testing import FakeTransport

from ..support.client_calls import echo
from ..support.telemetry import Sdk


class Receiver(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        message = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        self.server.spans += [span for of in message.resource_spans for scope in of.scope_spans for span in scope.spans]
        body = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attributes_of(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in span.attributes}


@pytest.mark.virtual_time
async def test_tree_of_a_throttled_call_arrives_over_otlp(sdk: Sdk, receiver: Receiver) -> None:
    exporter = OTLPSpanExporter(endpoint=receiver.url)
    sdk.tracers.add_span_processor(BatchSpanProcessor(exporter))
    fake = FakeTransport({"echo": echo})
    fake.fail("echo", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=2)
    async with sdk.client(fake, otel={"attempts": True}) as client:
        with sdk.tracer.start_as_current_span("handle order"):
            await client.invoke("echo", 1)
    assert sdk.tracers.force_flush()
    root, call, *attempts = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    assert [span.name for span in (root, call, *attempts)] == ["handle order", "Lambda.Invoke", "POST", "POST", "POST"]
    assert (root.parent_span_id, call.parent_span_id) == (b"", root.span_id)
    assert {span.parent_span_id for span in attempts} == {call.span_id}
    assert {span.trace_id for span in receiver.spans} == {root.trace_id}
    assert [attributes_of(span)["http.response.status_code"] for span in attempts] == [429, 429, 200]
    assert [span.status.code for span in attempts] == [2, 2, 0]
    assert attributes_of(call)["aiolambda.throttle.count"] == 2
    assert call.kind == Span.SPAN_KIND_CLIENT
