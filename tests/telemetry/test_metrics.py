"""The metrics of calls, waits, throttles, retries and billed time."""

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider

from aiolambda import ConnectionLostError, FunctionError, NoRetry, TooManyRequestsException
from aiolambda.telemetry import conventions
from aiolambda.testing import FakeTransport, FunctionFailure

from ..support.client_calls import echo, sleep
from ..support.telemetry import Sdk, context_of

virtual_time = pytest.mark.virtual_time
COMMON = {
    "rpc.system.name": "aws-api",
    "rpc.method": "Invoke",
    "server.address": "lambda.eu-west-1.amazonaws.com",
    "server.port": 443,
    "faas.invoked_name": "echo",
}


@virtual_time
async def test_call_is_a_duration_in_seconds(sdk: Sdk) -> None:
    async with sdk.client({"sleep": sleep}) as client:
        await client.invoke("sleep:live", {"s": 1200})
    (point,) = sdk.points("rpc.client.call.duration")
    assert dict(point.attributes) == COMMON | {"faas.invoked_name": "sleep"}
    assert (point.count, point.sum) == (1, pytest.approx(1200))
    assert tuple(point.explicit_bounds) == conventions.BOUNDARIES
    assert list(point.bucket_counts)[-2:] == [1, 0], "below the last bound, 1,800 s"
    assert sdk.metrics() == {"rpc.client.call.duration": "s"}


async def test_function_names_may_be_left_out(sdk: Sdk) -> None:
    async with sdk.client({"echo": echo, "other": echo}, otel={"function_names": False}) as client:
        await client.invoke("echo", 1)
        await client.invoke("other", 1)
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.count == 2
    assert "faas.invoked_name" not in point.attributes
    assert [(span.attributes or {})["faas.invoked_name"] for span in sdk.spans] == ["echo", "other"], "spans keep the name"


async def test_failed_call_has_an_error_type_and_an_exemplar(sdk: Sdk) -> None:
    fake = FakeTransport({"echo": echo})
    fake.fail("echo", FunctionFailure("KeyError", "gone"), times=1)
    async with sdk.client(fake) as client:
        with pytest.raises(FunctionError):
            await client.invoke("echo", 1)
    (point,) = sdk.points("rpc.client.call.duration")
    assert dict(point.attributes) == COMMON | {"error.type": "KeyError"}
    (exemplar,) = point.exemplars
    assert exemplar.span_id == context_of(sdk.span).span_id


async def test_error_types_of_functions_are_bounded(sdk: Sdk) -> None:
    fake = FakeTransport({"echo": echo})
    async with sdk.client(fake) as client:
        for number in range(150):
            fake.fail("echo", FunctionFailure(f"Error{number}", "gone"), times=1)
            with pytest.raises(FunctionError):
                await client.invoke("echo", 1)
    points = sdk.points("rpc.client.call.duration")
    assert len(points) == 101
    (rest,) = [point for point in points if point.attributes["error.type"] == "_OTHER"]
    assert rest.count == 50


@virtual_time
async def test_throttles_and_retries_are_counted(sdk: Sdk) -> None:
    fake = FakeTransport({"echo": echo})
    fake.fail("echo", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=2)
    fake.fail("echo", ConnectionLostError("lost"), times=1)
    async with sdk.client(fake) as client:
        await client.invoke("echo", 1, idempotent=True)
    assert [(dict(point.attributes), point.value) for point in sdk.points("aiolambda.client.throttles")] == [
        (COMMON | {"aiolambda.throttle.reason": "CallerRateLimitExceeded"}, 2)
    ]
    retries = {point.attributes["aiolambda.delivery"]: point.value for point in sdk.points("aiolambda.client.retries")}
    assert retries == {"refused": 2, "unknown": 1}


async def test_throttle_without_a_reason_is_counted(sdk: Sdk) -> None:
    fake = FakeTransport({"echo": echo})
    fake.fail("echo", TooManyRequestsException("busy"), times=1)
    async with sdk.client(fake, retry=NoRetry()) as client:
        with pytest.raises(TooManyRequestsException):
            await client.invoke("echo", 1)
    (point,) = sdk.points("aiolambda.client.throttles")
    assert point.attributes["aiolambda.throttle.reason"] == "unknown"


@virtual_time
async def test_waits_are_measured(sdk: Sdk) -> None:
    waiting: list[Any] = []
    async with sdk.client({"sleep": sleep}, max_concurrency=1) as client:
        calls = [asyncio.create_task(client.invoke("sleep", {"s": 2})) for _ in range(3)]
        await asyncio.sleep(1)
        waiting += sdk.points("aiolambda.client.waiting")
        await asyncio.gather(*calls)
    assert [point.value for point in waiting] == [2]
    assert [point.value for point in sdk.points("aiolambda.client.waiting")] == [0]
    (point,) = sdk.points("aiolambda.client.queue.duration")
    assert (point.count, point.sum) == (2, pytest.approx(2 + 4))


async def test_report_is_measured(sdk: Sdk) -> None:
    async with sdk.client({"echo": echo}) as client:
        reports = [(await client.invoke("echo", 1, log_type="Tail")).report for _ in range(3)]
    billed = [report.billed_duration_ms for report in reports if report is not None]
    cold = sum(report.init_duration_ms is not None for report in reports if report is not None)
    (point,) = sdk.points("aiolambda.client.function.billed_duration")
    assert (point.count, point.sum) == (3, pytest.approx(sum(filter(None, billed)) / 1000))
    assert sum(point.value for point in sdk.points("aiolambda.client.function.cold_starts")) == cold


@virtual_time
async def test_attempts_are_measured_on_request(sdk: Sdk) -> None:
    fake = FakeTransport({"echo": echo, "sleep": sleep})
    fake.fail("echo", TooManyRequestsException("busy"), times=1)
    async with sdk.client(fake, otel={"attempts": True}) as client:
        await client.invoke("echo", 1)
        call = asyncio.create_task(client.invoke("sleep", {"s": 5}))
        await asyncio.sleep(1)
        (active,) = sdk.points("http.client.active_requests")
        await call
    http = {"http.request.method": "POST", "server.address": "lambda.eu-west-1.amazonaws.com", "server.port": 443}
    assert (dict(active.attributes), active.value) == (http, 1)
    assert [point.value for point in sdk.points("http.client.active_requests")] == [0]
    found = {point.attributes["http.response.status_code"]: point for point in sdk.points("http.client.request.duration")}
    assert {status: (point.count, point.sum) for status, point in found.items()} == {
        429: (1, 0),
        200: (2, pytest.approx(5)),
    }
    assert dict(found[429].attributes) == http | {"http.response.status_code": 429, "error.type": "429"}


@pytest.mark.parametrize("tracers", [NoOpTracerProvider(), None], ids=["no tracer", "unsampled"])
async def test_metrics_need_no_span(tracers: Any) -> None:
    sdk = Sdk(sampler=ALWAYS_OFF)
    async with sdk.client({"echo": echo}, otel={"tracer_provider": tracers or sdk.tracers}) as client:
        await client.invoke("echo", 1)
        async with client.map("echo", range(3)) as run:
            assert [result.ok async for result in run] == [True] * 3
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.count == 4
    sdk.close()


async def test_two_clients_share_the_instruments(sdk: Sdk, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        async with sdk.client({"echo": echo}) as client:
            await client.invoke("echo", 1)
    (point,) = sdk.points("rpc.client.call.duration")
    assert point.count == 2
    assert caplog.records == [], "the SDK does not complain of instruments that are made twice"
