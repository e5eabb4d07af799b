"""The span of a call: its attributes, its outcome, its limits in time, and its attempts."""

import asyncio
import contextvars
import logging
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, StatusCode

from aiolambda import (
    AccessDeniedException,
    ConfigurationError,
    ConnectionLostError,
    FunctionError,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandOutput,
    InvokeWithResponseStreamCommand,
    LambdaClient,
    Metadata,
    Request,
    Response,
    StreamError,
    TooManyRequestsException,
)
from aiolambda.operations import GetFunctionConfigurationCommand
from aiolambda.telemetry import instrument
from aiolambda.testing import FakeTransport

from ..support.client_calls import AnyCall, AnyNext, echo, sleep
from ..support.telemetry import Sdk, context_of

virtual_time = pytest.mark.virtual_time
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:orders"


def fails(event: object) -> object:
    raise LookupError("no such order")


async def three(event: object) -> Any:
    for piece in (b"a", b"b", b"c"):
        yield piece


async def breaks(event: object) -> Any:
    yield b"a"
    raise ValueError("no tea")


HANDLERS = {"echo": echo, "sleep": sleep, "fails": fails, "three": three, "breaks": breaks, "orders": echo}


async def test_call_that_manages_functions_invokes_none(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        await client.send(GetFunctionConfigurationCommand(function_name="orders"))
    (span,) = sdk.spans
    assert span.name == "Lambda.GetFunctionConfiguration"
    assert span.attributes is not None
    assert span.attributes["rpc.method"] == "GetFunctionConfiguration"
    assert [name for name in span.attributes if name.startswith(("faas.", "aiolambda.invocation_type"))] == []


async def test_request_that_reads_has_the_method_get(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS, otel={"attempts": True}) as client:
        await client.describe("orders")
    attempt, _ = sdk.spans
    assert (attempt.name, (attempt.attributes or {})["http.request.method"]) == ("GET", "GET")
    (active,), (duration,) = sdk.points("http.client.active_requests"), sdk.points("http.client.request.duration")
    assert (active.attributes["http.request.method"], active.value) == ("GET", 0)
    assert duration.attributes["http.request.method"] == "GET"


async def test_span_has_the_attributes_of_the_conventions(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        with sdk.tracer.start_as_current_span("parent"):
            output = await client.invoke("echo:live", 1)
    span, parent = sdk.spans
    assert (span.name, span.kind, span.status.status_code) == ("Lambda.Invoke", SpanKind.CLIENT, StatusCode.UNSET)
    assert span.parent == parent.get_span_context()
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "aiolambda"
    assert dict(span.attributes or {}) == {
        "rpc.system": "aws-api",
        "rpc.system.name": "aws-api",
        "rpc.service": "Lambda",
        "rpc.method": "Invoke",
        "cloud.region": "eu-west-1",
        "server.address": "lambda.eu-west-1.amazonaws.com",
        "server.port": 443,
        "faas.invoked_name": "echo",
        "faas.invoked_provider": "aws",
        "faas.invoked_region": "eu-west-1",
        "aws.request_id": output.metadata.request_id,
        "aiolambda.qualifier": "live",
        "aiolambda.invocation_type": "RequestResponse",
        "aiolambda.delivery": "executed",
        "aiolambda.attempts": 1,
    }


@pytest.mark.parametrize(
    ("settings", "name", "region", "server"),
    [
        ({}, ARN.replace("central", "west"), "eu-west-1", ("lambda.eu-west-1.amazonaws.com", 443)),
        ({"use_arn_region": True}, ARN, "eu-central-1", ("lambda.eu-central-1.amazonaws.com", 443)),
        ({"endpoint_url": "http://localhost:9000/base"}, "orders", "eu-west-1", ("localhost", 9000)),
        ({"endpoint_url": "http://[::1]"}, "orders", "eu-west-1", ("::1", 80)),
    ],
    ids=["ARN", "ARN of another region", "endpoint with a port", "endpoint without"],
)
@pytest.mark.parametrize("attempts", [False, True], ids=["calls", "attempts"])
async def test_span_names_region_and_server(
    sdk: Sdk, settings: dict[str, Any], name: str, region: str, server: tuple[str, int], attempts: bool
) -> None:
    async with sdk.client(HANDLERS, otel={"attempts": attempts}, **settings) as client:
        for _ in range(2):
            await client.invoke(name, 1)
    for span in sdk.named("Lambda.Invoke"):
        found = span.attributes or {}
        assert (found["faas.invoked_name"], found["faas.invoked_region"], found["cloud.region"]) == ("orders", region, region)
        assert (found["server.address"], found["server.port"]) == server
    (point,) = sdk.points("rpc.client.call.duration")
    assert (point.attributes["server.address"], point.attributes["server.port"]) == server


async def test_extended_request_id_is_told_if_there_is_one(sdk: Sdk) -> None:
    class Extended(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            response = await super().send(request)
            response.headers["x-amz-id-2"] = "an extended id"
            return response

    fake = Extended(HANDLERS)
    fake.fail("fails", AccessDeniedException("no"))
    async with sdk.client(fake) as client:
        await client.invoke("echo", 1)
        with pytest.raises(AccessDeniedException):
            await client.invoke("fails", 1)
    assert [(span.attributes or {})["aws.extended_request_id"] for span in sdk.spans] == ["an extended id"] * 2


async def test_report_becomes_attributes(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        report = (await client.invoke("echo", 1, log_type="Tail")).report
        await client.invoke("echo", 1)
    assert report is not None
    assert report.billed_duration_ms is not None
    assert report.max_memory_used_mb is not None
    found, without = [dict(span.attributes or {}) for span in sdk.spans]
    assert found["aiolambda.function.billed_duration"] == report.billed_duration_ms / 1000
    assert found["aiolambda.function.max_memory_used"] == report.max_memory_used_mb * 1024 * 1024
    assert found["aiolambda.function.cold_start"] is (report.init_duration_ms is not None)
    assert not any(name.startswith("aiolambda.function") for name in without)


async def test_function_error_is_an_error_of_the_type_that_the_function_named(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        with pytest.raises(FunctionError):
            await client.invoke("fails", 1)
    assert sdk.span.status.status_code is StatusCode.ERROR
    assert sdk.span.status.description == "the function failed: LookupError"
    assert (sdk.span.attributes or {})["error.type"] == "LookupError"
    assert (sdk.span.attributes or {})["aiolambda.delivery"] == "executed"
    assert "no such order" not in sdk.span.to_json()


@pytest.mark.parametrize(
    ("failure", "error_type", "delivery"),
    [
        (AccessDeniedException("no"), "AccessDeniedException", "refused"),
        (ConnectionLostError("lost"), "ConnectionLostError", "unknown"),
    ],
    ids=["of the service", "of the connection"],
)
async def test_error_is_told_with_its_text(sdk: Sdk, failure: Exception, error_type: str, delivery: str) -> None:
    fake = FakeTransport(HANDLERS)
    fake.fail("echo", failure)
    async with sdk.client(fake) as client:
        with pytest.raises(type(failure)) as raised:
            await client.invoke("echo", 1)
    found = sdk.span.attributes or {}
    assert (found["error.type"], found["aiolambda.delivery"]) == (error_type, delivery)
    assert sdk.span.status.status_code is StatusCode.ERROR
    assert sdk.span.status.description == str(raised.value)


async def test_text_of_a_foreign_error_is_not_told(sdk: Sdk) -> None:
    async def raises(call: AnyCall, call_next: AnyNext) -> Any:
        raise KeyError("a payload")

    async with sdk.client(HANDLERS) as client:
        client.middleware_stack.add(raises)
        with pytest.raises(KeyError):
            await client.invoke("echo", 1)
    assert (sdk.span.status.status_code, sdk.span.status.description) == (StatusCode.ERROR, "KeyError")
    assert (sdk.span.attributes or {})["aiolambda.attempts"] == 0


async def test_refused_input_has_a_span(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        for name in ("not a name", {"a": "secret"}):
            with pytest.raises(InvalidInputError):
                await client.send(InvokeCommand(function_name=name))  # type: ignore[arg-type]
    assert [(span.attributes or {})["error.type"] for span in sdk.spans] == ["InvalidInputError"] * 2
    assert "secret" not in sdk.spans[1].to_json()


@virtual_time
async def test_cancelled_call_is_no_error_of_the_service(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        task = asyncio.create_task(client.invoke("sleep", {"s": 60}))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (sdk.span.attributes or {})["error.type"] == "CancelledError"
    assert sdk.span.status.status_code is StatusCode.UNSET


@virtual_time
async def test_call_that_is_cut_at_its_limit_is_a_timeout(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("sleep", {"s": 60}, timeout=3)
    assert (sdk.span.attributes or {})["error.type"] == "InvocationTimeoutError"
    assert sdk.span.status.status_code is StatusCode.ERROR
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.sum == pytest.approx(3)


@virtual_time
async def test_attempts_are_children_of_their_call(sdk: Sdk) -> None:
    fake = FakeTransport(HANDLERS)
    fake.fail("echo", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=2)
    fake.fail("echo", ConnectionLostError("lost"), times=1)
    async with sdk.client(fake, otel={"attempts": True}) as client:
        output = await client.invoke("echo", 1, idempotent=True)
    *attempts, call = sdk.spans
    assert [span.name for span in attempts] == ["POST"] * 4
    assert [span.parent for span in attempts] == [call.get_span_context()] * 4
    assert {span.kind for span in attempts} == {SpanKind.CLIENT}
    found = [dict(span.attributes or {}) for span in attempts]
    assert [one.get("http.response.status_code") for one in found] == [429, 429, None, 200]
    assert [one.get("http.request.resend_count") for one in found] == [None, 1, 2, 3]
    assert [one.get("error.type") for one in found] == ["429", "429", "ConnectionLostError", None]
    assert {(one["http.request.method"], one["server.address"], one["server.port"]) for one in found} == {
        ("POST", "lambda.eu-west-1.amazonaws.com", 443)
    }
    assert {one["url.full"] for one in found} == {
        "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/echo/invocations"
    }
    assert [span.status.status_code.name for span in attempts] == ["ERROR", "ERROR", "ERROR", "UNSET"]
    of_call = call.attributes or {}
    assert call.status.status_code is StatusCode.UNSET, "errors that were retried are not those of the call"
    assert (of_call["aiolambda.attempts"], of_call["aiolambda.throttle.count"]) == (4, 2)
    assert of_call["aws.request_id"] == found[-1]["aws.request_id"] == output.metadata.request_id


@virtual_time
async def test_wait_for_a_slot_is_told(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS, max_concurrency=1) as client:
        await asyncio.gather(client.invoke("sleep", {"s": 3}), client.invoke("sleep", {"s": 3}))
    assert [(span.attributes or {}).get("aiolambda.queue_wait") for span in sdk.spans] == [None, pytest.approx(3)]


@virtual_time
async def test_stream_has_one_span_until_it_is_closed(sdk: Sdk) -> None:
    async def slow(event: object) -> Any:
        for piece in (b"a", b"b"):
            await asyncio.sleep(2)
            yield piece

    async with sdk.client({"slow": slow}) as client:
        output = await client.send(InvokeWithResponseStreamCommand(function_name="slow"))
        assert sdk.spans == ()
        assert trace.get_current_span() is trace.INVALID_SPAN
        async with output.event_stream as stream:
            assert b"".join([chunk async for chunk in stream]) == b"ab"
    assert (sdk.span.name, sdk.span.status.status_code) == ("Lambda.InvokeWithResponseStream", StatusCode.UNSET)
    assert (sdk.span.attributes or {})["rpc.method"] == "InvokeWithResponseStream"
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.sum == pytest.approx(4)


async def test_stream_of_a_function_that_fails_on_the_way_is_an_error(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        with pytest.raises(FunctionError):
            async with client.stream("breaks") as stream:
                async for _ in stream:
                    pass
    assert (sdk.span.attributes or {})["error.type"] == "ValueError"
    assert sdk.span.status.status_code is StatusCode.ERROR
    assert "no tea" not in sdk.span.to_json()


async def test_stream_that_is_cut_is_an_error(sdk: Sdk) -> None:
    fake = FakeTransport(HANDLERS)
    fake.fail("three", ConnectionLostError("lost"), times=1)
    async with sdk.client(fake) as client:
        with pytest.raises((StreamError, ConnectionLostError)):
            async with client.stream("three") as stream:
                async for _ in stream:
                    pass
    assert sdk.span.status.status_code is StatusCode.ERROR


async def test_stream_that_is_closed_early_is_no_error(sdk: Sdk) -> None:
    async with sdk.client(HANDLERS) as client:
        async with client.stream("three") as stream:
            await anext(aiter(stream))
    assert sdk.span.status.status_code is StatusCode.UNSET


async def test_stream_may_outlive_the_block_and_the_task_of_its_call(sdk: Sdk, caplog: pytest.LogCaptureFixture) -> None:
    async with sdk.client(HANDLERS) as client:

        async def opened() -> Any:
            with sdk.tracer.start_as_current_span("parent"):
                return await client.send(InvokeWithResponseStreamCommand(function_name="three"))

        output = await asyncio.create_task(opened())
        with sdk.tracer.start_as_current_span("other"):
            async with output.event_stream as stream:
                assert [chunk async for chunk in stream] == [b"a", b"b", b"c"]
    parent, call, other = sdk.spans
    assert [span.name for span in sdk.spans] == ["parent", "Lambda.InvokeWithResponseStream", "other"]
    assert call.parent == parent.get_span_context()
    assert other.parent is None
    assert caplog.records == [], "no context was left to another task"


async def test_span_is_current_for_the_rest_of_the_stack(sdk: Sdk) -> None:
    seen: list[Any] = []

    async def looks(call: AnyCall, call_next: AnyNext) -> Any:
        with sdk.tracer.start_as_current_span("of a middleware"):
            seen.append(trace.get_current_span())
            return await call_next(call)

    async with sdk.client(HANDLERS) as client:
        client.middleware_stack.add(looks, step="finalize")
        await client.invoke("echo", 1)
        assert trace.get_current_span() is trace.INVALID_SPAN
    inner, call = sdk.spans
    assert inner.parent == call.get_span_context()


async def test_abandoned_call_leaves_no_noise(sdk: Sdk, caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine whose loop is gone is collected in another context than the one that it ran in."""

    class Hanging(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            return await asyncio.get_running_loop().create_future()

    async def abandons(call: AnyCall, call_next: AnyNext) -> Any:
        coroutine: Any = call_next(call)
        contextvars.copy_context().run(coroutine.send, None)
        coroutine.close()
        return InvokeCommandOutput(status_code=200, metadata=Metadata(http_status_code=200))

    async with sdk.client(Hanging(HANDLERS)) as client:
        client.middleware_stack.add_relative_to(abandons, relation="before", to_middleware="openTelemetryMiddleware")
        await client.invoke("echo", 1)
    assert caplog.records == []


# Who is instrumented


async def test_removed_instrumentation_leaves_the_stack_as_it_was(sdk: Sdk) -> None:
    client = LambdaClient(region="eu-west-1", transport=FakeTransport(HANDLERS))
    before, frames = str(client.middleware_stack), client._state.observers.all
    async with client:
        instrumentation = sdk.instrument(client)
        assert str(client.middleware_stack) != before
        assert "removed" not in repr(instrumentation)
        instrumentation.remove()
        instrumentation.remove()
        assert "removed" in repr(instrumentation)
        await client.invoke("echo", 1)
        assert (str(client.middleware_stack), client._state.observers.all) == (before, frames)
        with sdk.instrument(client):
            await client.invoke("echo", 1)
        await client.invoke("echo", 1)
    assert len(sdk.spans) == 1


async def test_call_in_flight_keeps_its_span(sdk: Sdk) -> None:
    started = asyncio.Event()

    async def waits(event: object) -> object:
        started.set()
        await asyncio.sleep(0.01)
        return event

    client = LambdaClient(transport=FakeTransport({"waits": waits}))
    async with client:
        instrumentation = sdk.instrument(client)
        task = asyncio.create_task(client.invoke("waits", 1))
        await started.wait()
        instrumentation.remove()
        await task
    assert sdk.span.name == "Lambda.Invoke"


def test_client_is_instrumented_once(sdk: Sdk) -> None:
    client = sdk.client(HANDLERS)
    with pytest.raises(ConfigurationError, match="instrumented already"):
        sdk.instrument(client)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"attempts": "yes"}, "attempts must be True or False"),
        ({"function_names": None}, "function_names must be True or False"),
        ({"map_items": "link"}, "did you mean 'links'"),
        ({"w3c_in_client_context": 1}, "w3c_in_client_context must be True or False"),
        ({"w3c_in_client_context": True, "baggage_entries": "tenant"}, "names of baggage entries"),
        ({"w3c_in_client_context": True, "baggage_entries": ["a b"]}, "names of baggage entries"),
        ({"baggage_entries": ["tenant"]}, "baggage_entries needs w3c_in_client_context=True"),
    ],
    ids=["attempts", "function_names", "map_items", "w3c", "one text", "no token", "baggage alone"],
)
def test_wrong_argument_is_refused(sdk: Sdk, settings: dict[str, Any], problem: str) -> None:
    client = LambdaClient(transport=FakeTransport())
    with pytest.raises(ConfigurationError, match=problem):
        sdk.instrument(client, **settings)
    assert "openTelemetryMiddleware" not in client.middleware_stack


def test_misspelt_setting_is_named() -> None:
    misspelt: dict[str, Any] = {"atempts": True}
    with pytest.raises(TypeError, match="instrument.* has no argument 'atempts'; did you mean attempts"):
        instrument(LambdaClient(transport=FakeTransport({})), **misspelt)


def test_something_else_than_a_client_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="instrument takes a LambdaClient; got the class LambdaClient"):
        instrument(LambdaClient)  # type: ignore[arg-type]


# Faults of others


class BrokenSampler(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        raise RuntimeError("no sampling today")

    def get_description(self) -> str:
        return "broken"


class BrokenProcessor(SpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("no export today")


async def test_sampler_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    sdk = Sdk(sampler=BrokenSampler())
    async with sdk.client(HANDLERS) as client:
        for _ in range(3):
            assert (await client.invoke("echo", 1)).json() == 1
        async with client.map("echo", range(3)) as run:
            assert [result.ok async for result in run] == [True] * 3
    assert [record.levelname for record in caplog.records if "call goes on" in record.getMessage()] == ["ERROR"] * 2
    sdk.close()


async def test_context_that_raises_changes_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*args: object) -> Any:
        raise RuntimeError("no context today")

    async with LambdaClient(transport=FakeTransport(HANDLERS)) as client:
        with instrument(client):
            monkeypatch.setattr(trace, "get_current_span", broken)
            for _ in range(2):
                assert (await client.invoke("echo", 1)).json() == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_exporter_that_raises_changes_nothing(sdk: Sdk, caplog: pytest.LogCaptureFixture) -> None:
    sdk.tracers.add_span_processor(BrokenProcessor())
    async with sdk.client(HANDLERS, otel={"attempts": True}) as client:
        for _ in range(3):
            assert (await client.invoke("echo", 1)).json() == 1
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.count == 3, "the metrics are independent of the spans"
    assert all(record.levelno >= logging.ERROR for record in caplog.records)


async def test_metrics_that_raise_change_nothing(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.metrics import Histogram

    def record(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no metrics today")

    monkeypatch.setattr(Histogram, "record", record)
    async with sdk.client(HANDLERS) as client:
        assert (await client.invoke("echo", 1)).json() == 1
    assert sdk.span.name == "Lambda.Invoke"


async def test_unsampled_call_has_no_attributes_and_no_child() -> None:
    sdk = Sdk(sampler=ALWAYS_OFF)
    async with sdk.client(HANDLERS, otel={"attempts": True}) as client:
        await client.invoke("echo", 1)
    assert sdk.spans == ()
    assert len(sdk.points("rpc.client.call.duration")) == 1
    sdk.close()


def test_context_of_a_span_is_there(sdk: Sdk) -> None:
    with sdk.tracer.start_as_current_span("one"):
        pass
    assert context_of(sdk.span).is_valid


@virtual_time
async def test_hedge_has_a_span_of_its_own(sdk: Sdk) -> None:
    runs: list[int] = []

    async def slow_at_first(event: object) -> str:
        runs.append(1)
        await asyncio.sleep(60 if len(runs) == 1 else 0.1)
        return "tea"

    async with sdk.client({"f": slow_at_first}) as client:
        with sdk.tracers.get_tracer("test").start_as_current_span("request"):
            await client.invoke("f", idempotent=True, hedge_after=0.5)
    hedge, cut, request = sdk.spans
    assert (hedge.attributes or {})["aiolambda.hedge"] is True
    assert "aiolambda.hedge" not in (cut.attributes or {})
    assert (cut.attributes or {})["error.type"] == "CancelledError"
    assert [context_of(span).trace_id for span in (hedge, cut)] == [context_of(request).trace_id] * 2
    assert [span.parent and span.parent.span_id for span in (hedge, cut)] == [context_of(request).span_id] * 2
