"""The trace reaches the function, and its payload stays as it is: in tasks, threads, maps, streams, and inside Lambda."""

import asyncio
import base64
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from aiolambda import Credentials, InvokeCommand, LambdaClient, PayloadLimits
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.telemetry import instrument
from aiolambda.testing import FakeTransport

from ..support.client_calls import AnyCall, AnyNext, calls_of, echo
from ..support.loops import LoopFactory
from ..support.telemetry import Sdk, context_of, header_of, parts_of

SUPPORT = Path(__file__).parents[1] / "support"
LINEAGE = "Root=1-0-0;Parent=0;Sampled=0;Lineage=1:a87bd80c:0"
EVERYTHING = {"attempts": True, "w3c_in_client_context": True, "baggage_entries": ["tenant"], "map_items": "children"}


async def pieces(event: object) -> Any:
    yield json.dumps(event)


def header_of_call(client: LambdaClient, index: int = -1) -> dict[str, str]:
    return parts_of(calls_of(client).calls[index].headers.get("x-amzn-trace-id"))


def custom_of(client: LambdaClient, index: int = -1) -> Any:
    """The `custom` of the client context of a call; `None` without a context."""
    text = calls_of(client).calls[index].headers.get("x-amz-client-context")
    return None if text is None else json.loads(base64.b64decode(text))["custom"]


# The payload


@pytest.mark.parametrize("settings", [None, {}, EVERYTHING], ids=["off", "on", "everything"])
@pytest.mark.parametrize(
    "payload", [b'{"id":  7}', b'[1, "\xc3\xa4"]', b'"text"', b"7", b""], ids=["object", "list", "text", "number", "none"]
)
async def test_payload_is_the_same_byte_for_byte(sdk: Sdk, settings: dict[str, Any] | None, payload: bytes) -> None:
    client = LambdaClient(region="eu-west-1", transport=FakeTransport({"echo": echo, "pieces": pieces}))
    if settings is not None:
        sdk.instrument(client, **settings)
    async with client:
        for kind in ("RequestResponse", "Event", "DryRun"):
            await client.send(InvokeCommand(function_name="echo", payload=payload, invocation_type=kind))  # type: ignore[arg-type]
        async with client.stream("pieces", payload) as stream:
            await anext(aiter(stream))
        async with client.map("echo", [payload]) as run:
            async for _ in run:
                pass
    assert [call.payload for call in calls_of(client).calls] == [payload] * 5


# X-Amzn-Trace-Id


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
async def test_request_carries_the_span_of_its_call(sdk: Sdk, kind: Any) -> None:
    async with sdk.client({"echo": echo}) as client:
        for _ in range(3):
            await client.send(InvokeCommand(function_name="echo", invocation_type=kind))
    for index, span in enumerate(sdk.spans):
        assert header_of_call(client, index) == header_of(span)
        assert header_of(span)["Sampled"] == "1"


async def test_stream_carries_the_span_of_its_call(sdk: Sdk) -> None:
    async with sdk.client({"pieces": pieces}) as client:
        async with client.stream("pieces", 1) as stream:
            assert [chunk async for chunk in stream] == [b"1"]
    assert header_of_call(client) == header_of(sdk.span)


async def test_unsampled_trace_is_sent_as_such() -> None:
    """So the function does not decide on its own."""
    sdk = Sdk(sampler=ALWAYS_OFF)
    async with sdk.client({"echo": echo}) as client:
        await client.invoke("echo", 1)
    assert header_of_call(client)["Sampled"] == "0"
    sdk.close()


async def test_header_of_a_middleware_stays(sdk: Sdk) -> None:
    async def sets(call: AnyCall, call_next: AnyNext) -> Any:
        call.request.headers["X-Amzn-Trace-Id"] = "Root=of-the-user"
        return await call_next(call)

    async with sdk.client({"echo": echo}) as client:
        client.middleware_stack.add(sets, step="build")
        await client.invoke("echo", 1)
    assert header_of_call(client) == {"Root": "of-the-user"}


async def test_other_fields_of_the_trace_stay_inside_lambda(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "caller")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", LINEAGE)
    async with sdk.client({"echo": echo}) as client:
        await client.invoke("echo", 1)
    assert header_of_call(client) == header_of(sdk.span) | {"Lineage": "1:a87bd80c:0"}


async def test_without_an_sdk_the_trace_of_the_caller_goes_on() -> None:
    """The API alone makes no spans, but a framework may have set the trace of the request that it handles."""
    client = LambdaClient(region="eu-west-1", transport=FakeTransport({"echo": echo}))
    parent = SpanContext(0x1234, 0x56, is_remote=True, trace_flags=TraceFlags(1))
    async with client:
        with instrument(client):
            await client.invoke("echo", 1)
            token = context.attach(set_span_in_context(NonRecordingSpan(parent)))
            await client.invoke("echo", 1)
            context.detach(token)
    assert [call.headers.get("x-amzn-trace-id") for call in calls_of(client).calls] == [
        None,
        "Root=1-00000000-000000000000000000001234;Parent=0000000000000056;Sampled=1",
    ]


async def test_without_an_sdk_the_trace_of_the_function_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "caller")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", LINEAGE)
    client = LambdaClient(region="eu-west-1", transport=FakeTransport({"echo": echo}))
    async with client:
        with instrument(client):
            await client.invoke("echo", 1)
    assert calls_of(client).calls[0].headers["x-amzn-trace-id"] == LINEAGE


async def test_function_on_the_local_endpoint_sees_the_trace_of_its_caller(sdk: Sdk) -> None:
    function = LocalFunction(name="app", handler="local_handlers.all_variables", root=SUPPORT)
    keys = Credentials("AKIDEXAMPLE", "secret")
    async with (
        LocalEndpoint([function], credentials=keys) as endpoint,
        LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=keys) as client,
    ):
        sdk.instrument(client, **EVERYTHING)
        with sdk.tracer.start_as_current_span("parent") as parent:
            seen = (await client.invoke("app", 1)).json()["_X_AMZN_TRACE_ID"]
    (call,) = sdk.named("Lambda.Invoke")
    assert call.parent == parent.get_span_context()
    assert parts_of(seen).items() >= header_of(call).items()
    assert parts_of(seen)["Root"].replace("-", "")[1:] == f"{parent.get_span_context().trace_id:032x}"


# Many at a time


async def test_five_hundred_calls_have_each_their_own_parent(sdk: Sdk) -> None:
    chance = random.Random(7)  # noqa: S311 - an order, and no secret

    async def late(event: object) -> object:
        await asyncio.sleep(chance.random() / 100)
        return event

    async def call(client: LambdaClient, number: int) -> None:
        with sdk.tracer.start_as_current_span(f"parent {number}"):
            await asyncio.sleep(chance.random() / 100)
            if number % 5 == 0:
                async with client.stream("pieces", number) as stream:
                    assert [chunk async for chunk in stream] == [str(number).encode()]
            else:
                assert (await client.invoke("late", number)).json() == number

    async with sdk.client({"late": late, "pieces": pieces}, max_concurrency=100) as client:
        await asyncio.gather(*(call(client, number) for number in range(500)))
    parents = {context_of(span).span_id: int(span.name.split()[1]) for span in sdk.spans if span.name[0] == "p"}
    calls = {header_of(span)["Parent"]: span for span in sdk.spans if span.name[0] == "L"}
    assert (len(parents), len(calls)) == (500, 500)
    for sent in calls_of(client).calls:
        span = calls[parts_of(sent.headers["x-amzn-trace-id"])["Parent"]]
        assert span.parent is not None
        assert parents[span.parent.span_id] == json.loads(sent.payload), "the call of a number is the child of its parent"


def test_threads_have_each_their_own_parent(sdk: Sdk, new_loop: LoopFactory) -> None:
    clients: list[LambdaClient] = []

    async def main(number: int) -> None:
        async with sdk.client({"echo": echo}) as client:
            clients.append(client)
            with sdk.tracer.start_as_current_span(f"parent {number}"):
                await asyncio.gather(*(client.invoke("echo", number) for _ in range(20)))

    def run(number: int) -> None:
        loop = new_loop()
        loop.run_until_complete(main(number))
        loop.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parents = {int(span.name.split()[1]): context_of(span).span_id for span in sdk.spans if span.name[0] == "p"}
    calls = {header_of(span)["Parent"]: span for span in sdk.named("Lambda.Invoke")}
    assert len(calls) == 100
    for client in clients:
        for sent in calls_of(client).calls:
            span = calls[parts_of(sent.headers["x-amzn-trace-id"])["Parent"]]
            assert span.parent is not None
            assert span.parent.span_id == parents[json.loads(sent.payload)]


# The client context


async def test_client_context_is_left_alone_by_default(sdk: Sdk) -> None:
    async with sdk.client({"echo": echo}) as client:
        await client.invoke("echo", 1)
        await client.invoke("echo", 1, client_context={"custom": {"a": "b"}})
    assert [custom_of(client, index) for index in (0, 1)] == [None, {"a": "b"}]


def encoded(members: object) -> str:
    return base64.b64encode(json.dumps(members).encode()).decode()


@pytest.mark.parametrize(
    "given",
    [None, {"custom": {"a": "b"}, "env": {"x": 1}}, encoded({"custom": {"a": "b"}}), {"custom": None}, {"client": {}}],
    ids=["none", "mapping", "base64", "null", "without custom"],
)
async def test_fields_are_merged_into_the_client_context(sdk: Sdk, given: Any) -> None:
    async with sdk.client({"echo": echo, "pieces": pieces}, otel={"w3c_in_client_context": True}) as client:
        await client.invoke("echo", 1, client_context=given)
        async with client.stream("pieces", 1, client_context=given) as stream:
            await anext(aiter(stream))
    for index, span in enumerate(sdk.spans):
        custom = custom_of(client, index)
        parent = TraceContextTextMapPropagator().extract(custom)
        found = trace.get_current_span(parent).get_span_context()
        assert (found.trace_id, found.span_id) == (context_of(span).trace_id, context_of(span).span_id)
        assert {"a": "b"}.items() <= custom.items() or "b" not in str(given)
        assert set(custom) <= {"a", "traceparent"}


async def test_state_and_named_baggage_go_along(sdk: Sdk) -> None:
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "x")]))
    here = baggage.set_baggage(
        "tenant", "blue tea", baggage.set_baggage("secret", "s", set_span_in_context(NonRecordingSpan(remote)))
    )
    settings = {"w3c_in_client_context": True, "baggage_entries": ["tenant", "missing"]}
    async with sdk.client({"echo": echo}, otel=settings) as client:
        token = context.attach(here)
        await client.invoke("echo", 1)
        context.detach(token)
    custom = custom_of(client)
    assert custom.pop("traceparent").startswith("00-00000000000000000000000000000001-")
    assert custom == {"tracestate": "vendor=x", "baggage": "tenant=blue%20tea"}


async def test_baggage_that_is_no_text_changes_nothing(sdk: Sdk) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no text today")

    settings = {"w3c_in_client_context": True, "baggage_entries": ["tenant"]}
    async with sdk.client({"echo": echo}, otel=settings) as client:
        token = context.attach(baggage.set_baggage("tenant", Odd()))
        assert (await client.invoke("echo", 1)).json() == 1
        context.detach(token)
    assert header_of_call(client) == header_of(sdk.span)
    assert custom_of(client) is None


@pytest.mark.parametrize(
    "given",
    [{"custom": {"traceparent": "mine"}}, {"custom": {"a": "x" * 2600}}, {"custom": ["a"]}],
    ids=["has one", "too long", "no mapping"],
)
async def test_context_that_cannot_take_the_fields_stays(sdk: Sdk, given: Any) -> None:
    async with sdk.client({"echo": echo}, otel={"w3c_in_client_context": True}) as client:
        await client.invoke("echo", 1, client_context=given)
    assert custom_of(client) == given["custom"]


async def test_limit_of_the_client_holds(sdk: Sdk) -> None:
    settings = {"w3c_in_client_context": True}
    async with sdk.client({"echo": echo}, otel=settings, limits=PayloadLimits(client_context=40)) as client:
        await client.invoke("echo", 1)
    assert custom_of(client) is None


@pytest.mark.parametrize("kind", ["Event", "DryRun"])
async def test_only_synchronous_calls_get_a_client_context(sdk: Sdk, kind: Any) -> None:
    async with sdk.client({"echo": echo}, otel={"w3c_in_client_context": True}) as client:
        await client.send(InvokeCommand(function_name="echo", invocation_type=kind))
    assert custom_of(client) is None
