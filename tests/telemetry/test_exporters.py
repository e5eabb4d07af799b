"""A real exporter sends the tree of one throttled call, in OTLP over HTTP, to a receiver that decodes it with OTLP's code."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ..support.trace_tree import attributes_of, lines_of, receiving, sent_tree


@pytest.mark.virtual_time
async def test_tree_of_a_throttled_call_arrives_over_otlp() -> None:
    with receiving() as receiver:
        root, call, *attempts = spans = await sent_tree(receiver, retry_after=2)
    assert [span.name for span in spans] == ["handle order", "Lambda.Invoke", "POST", "POST", "POST"]
    assert (root.parent_span_id, call.parent_span_id) == (b"", root.span_id)
    assert {span.parent_span_id for span in attempts} == {call.span_id}
    assert {span.trace_id for span in spans} == {root.trace_id}
    assert [attributes_of(span)["http.response.status_code"] for span in attempts] == [429, 429, 200]
    assert [span.status.code for span in attempts] == [2, 2, 0]
    assert attributes_of(call)["aiolambda.throttle.count"] == 2
    assert call.kind == Span.SPAN_KIND_CLIENT
    assert [line.split()[0] for line in lines_of(spans) if "|" not in line] == ["handle", "Lambda.Invoke", *["POST"] * 3]
