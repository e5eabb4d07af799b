"""A map has one span for its run; its items have none, links to it, or become its children."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from aiolambda import AccessDeniedException, TooManyFailuresError
from aiolambda.testing import FakeTransport

from ..support.client_calls import calls_of, echo
from ..support.telemetry import Sdk, context_of, header_of, parts_of

pytestmark = pytest.mark.virtual_time


async def mapped(sdk: Sdk, items: Any = None) -> tuple[list[ReadableSpan], ReadableSpan, list[dict[str, str]]]:
    """The spans of the items, the span of the run, and the headers that were sent, of a map of three items."""
    settings = {} if items is None else {"map_items": items}
    async with sdk.client({"echo": echo}, otel=settings) as client:
        with sdk.tracer.start_as_current_span("parent") as parent:
            async with client.map("echo:live", range(3)) as run:
                assert [result.ok async for result in run] == [True] * 3
    (run_span,) = sdk.named("aiolambda.map")
    assert run_span.parent == parent.get_span_context()
    headers = [parts_of(call.headers["x-amzn-trace-id"]) for call in calls_of(client).calls]
    return sdk.named("Lambda.Invoke"), run_span, headers


async def test_run_has_one_span_with_its_totals(sdk: Sdk) -> None:
    items, run, headers = await mapped(sdk)
    assert items == []
    assert headers == [header_of(run)] * 3, "the functions continue the trace of the run"
    assert (run.kind, run.status.status_code) == (SpanKind.INTERNAL, StatusCode.UNSET)
    assert dict(run.attributes or {}) == {
        "faas.invoked_name": "echo",
        "faas.invoked_provider": "aws",
        "aiolambda.qualifier": "live",
        "aiolambda.map.done": 3,
        "aiolambda.map.failed": 0,
        "aiolambda.map.replayed": 0,
        "aiolambda.map.unsent": 0,
        "aiolambda.map.throttled": 0,
    }
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.count == 3


async def test_items_may_be_children_of_the_run(sdk: Sdk) -> None:
    items, run, headers = await mapped(sdk, "children")
    assert [span.parent for span in items] == [run.get_span_context()] * 3
    assert headers == [header_of(span) for span in items]


async def test_items_may_have_traces_of_their_own(sdk: Sdk) -> None:
    items, run, headers = await mapped(sdk, "links")
    assert [span.parent for span in items] == [None] * 3
    assert [[link.context for link in span.links] for span in items] == [[run.get_span_context()]] * 3
    assert len({context_of(span).trace_id for span in (*items, run)}) == 4
    assert headers == [header_of(span) for span in items]


async def test_failed_items_are_counted_and_a_failed_run_is_an_error(sdk: Sdk) -> None:
    fake = FakeTransport({"echo": echo})
    fake.fail("echo", AccessDeniedException("no"))
    async with sdk.client(fake) as client:
        with pytest.raises(TooManyFailuresError):
            async with client.map("echo", range(9), max_failures=1, concurrency=1) as run:
                async for _ in run:
                    pass
    (span,) = sdk.spans
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "TooManyFailuresError"
    assert (span.attributes or {})["aiolambda.map.failed"] == 2


async def test_map_that_is_left_early_is_no_error(sdk: Sdk) -> None:
    async with sdk.client({"echo": echo}) as client:
        async with client.map("echo", range(1000), concurrency=1) as run:
            async for _ in run:
                break
    assert sdk.span.status.status_code is StatusCode.UNSET
    assert "error.type" not in (sdk.span.attributes or {})


async def test_map_of_commands_has_no_name(sdk: Sdk) -> None:
    from aiolambda import InvokeCommand

    async with sdk.client({"echo": echo}) as client:
        async with client.map_commands([InvokeCommand(function_name="echo", payload=b"1")]) as run:
            assert [result.ok async for result in run] == [True]
    assert "faas.invoked_name" not in (sdk.span.attributes or {})


async def test_two_runs_at_a_time_keep_apart(sdk: Sdk) -> None:
    async with sdk.client({"echo": echo}, otel={"map_items": "children"}) as client:
        async with client.map("echo", [1] * 3) as one, client.map("echo", [2] * 5) as two:
            assert len([result async for result in one]) == 3
            assert len([result async for result in two]) == 5
    runs = [context_of(span).span_id for span in sdk.named("aiolambda.map")]
    parents = [span.parent.span_id for span in sdk.named("Lambda.Invoke") if span.parent is not None]
    assert sorted(parents.count(run) for run in runs) == [3, 5]
