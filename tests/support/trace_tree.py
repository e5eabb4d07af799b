"""The tree of one throttled call, as OTLP sends it. `python -m tests.support.trace_tree` prints it for the manual."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from aiolambda import LambdaClient, TooManyRequestsException
from aiolambda.telemetry import instrument
from aiolambda.testing import FakeTransport

__all__ = ["Receiver", "attributes_of", "lines_of", "receiving", "sent_tree"]


class Receiver(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":  # not metrics
            message = ExportTraceServiceRequest.FromString(sent)
            self.server.spans += [span for of in message.resource_spans for scope in of.scope_spans for span in scope.spans]
        body = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


async def sent_tree(receiver: Receiver, *, retry_after: float) -> Sequence[Span]:
    """The spans that a receiver gets of a call that is throttled twice, by their start."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{receiver.url}/v1/traces")))
    fake = FakeTransport({"orders": lambda event: event})
    busy = TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=retry_after)
    fake.fail("orders", busy, times=2)
    async with LambdaClient(region="eu-west-1", transport=fake) as client:
        with instrument(client, tracer_provider=provider, attempts=True):
            with provider.get_tracer("shop").start_as_current_span("handle order"):
                await client.invoke("orders:live", {"id": 7})
    provider.shutdown()
    return sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)


def attributes_of(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "") for one in span.attributes}


def lines_of(spans: Sequence[Span], parent: bytes = b"", indent: str = "") -> Iterator[str]:
    """A line for each span below a parent, with its seconds and status, and one for each attribute."""
    for span in spans:
        if span.parent_span_id != parent:
            continue
        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        status = Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_")
        kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
        yield f"{indent}{span.name}   {kind}, {seconds:.3f} s, status {status}"
        for name, value in sorted(attributes_of(span).items()):
            yield f"{indent}  | {name} = {value}"
        yield from lines_of(spans, span.span_id, f"{indent}    ")


async def main() -> None:
    with receiving() as receiver:
        print("\n".join(lines_of(await sent_tree(receiver, retry_after=1))))  # noqa: T201 - it prints


if __name__ == "__main__":
    asyncio.run(main())
