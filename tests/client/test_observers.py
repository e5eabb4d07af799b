"""What a client tells its observers: each event of a call and of a map, and nothing that an observer raises."""

import asyncio
import datetime as dt
import logging
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Credentials,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    NoRetry,
    QueueTimeoutError,
    StandardRetry,
    StreamError,
    Timeouts,
    TooManyFailuresError,
    TooManyRequestsException,
)
from aiolambda.policy.failure import Failure
from aiolambda.testing import FakeTransport
from aiolambda.types.events import METHODS, CallEnded, ClientObserver, Outcome

from ..support.client_calls import AnyCall, AnyNext, calls_of, echo, sleep

pytestmark = pytest.mark.virtual_time


class Recorder(ClientObserver):
    """Keeps every event, with the name of its method."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def of(self, name: str) -> list[Any]:
        return [event for told, event in self.events if told == name]

    @property
    def end(self) -> CallEnded:
        (event,) = self.of("call_ended")
        return event


def _keeping(name: str) -> Any:
    def keep(self: Recorder, event: Any, /) -> None:
        self.events.append((name, event))

    return keep


class Everything(Recorder):
    locals().update({name: _keeping(name) for name in METHODS})


async def stream_of_three(event: object) -> Any:
    for piece in (b"a", b"b", b"c"):
        yield piece


async def failing_stream(event: object) -> Any:
    yield b"a"
    raise ValueError("no tea")


def fails(event: object) -> object:
    raise LookupError("no such order")


def observed(**settings: Any) -> tuple[LambdaClient, FakeTransport, Everything]:
    handlers = {"echo": echo, "sleep": sleep, "fails": fails, "three": stream_of_three, "breaks": failing_stream}
    fake = FakeTransport(handlers)
    client, recorder = LambdaClient(transport=fake, **settings), Everything()
    client.observe(recorder)
    return client, fake, recorder


async def test_a_call_tells_its_life() -> None:
    client, _, told = observed()
    async with client:
        output = await client.invoke("echo:live", 1, log_type="Tail")
    assert told.names == ["call_started", "attempt_sent", "attempt_ended", "call_ended"]
    call = told.end.call
    assert {event.call for _, event in told.events} == {call}
    assert (call.client_name, call.operation, call.function_name) == ("LambdaClient", "Invoke", "echo:live")
    assert (call.qualifier, call.invocation_type, call.map) == (None, "RequestResponse", None)
    attempt, end = told.of("attempt_ended")[0], told.end
    assert (attempt.attempt, attempt.delivery, attempt.status_code, attempt.error) == (1, Delivery.EXECUTED, 200, None)
    assert attempt.request_id == end.request_id == output.metadata.request_id
    assert (end.outcome, end.delivery, end.error, end.error_type) == (Outcome.EXECUTED, Delivery.EXECUTED, None, None)
    assert (end.attempts, end.throttles, end.queued, end.total_retry_delay, end.status_code) == (1, 0, 0, 0, 200)
    assert end.report == output.report
    assert end.report is not None


async def test_throttles_and_retries_are_told() -> None:
    client, fake, told = observed()
    fake.fail("echo", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=2)
    fake.fail("echo", ConnectError("nobody listens"), times=1)
    async with client:
        await client.invoke("echo", 1)
    one_attempt = ["attempt_sent", "attempt_ended"]
    assert told.names == [
        "call_started",
        *[*one_attempt, "throttled", "retried"] * 2,
        *[*one_attempt, "retried"],
        *one_attempt,
        "call_ended",
    ]
    throttle, first, _, third = told.of("throttled")[0], *told.of("retried")
    assert (throttle.code, throttle.reason, throttle.retry_after) == ("TooManyRequestsException", "CallerRateLimitExceeded", 2)
    assert (first.attempt, first.delivery, isinstance(first.error, TooManyRequestsException)) == (1, Delivery.REFUSED, True)
    assert first.pause >= 2
    assert (third.attempt, third.delivery, type(third.error)) == (3, Delivery.REFUSED, ConnectError)
    end = told.end
    assert (end.outcome, end.attempts, end.throttles) == (Outcome.EXECUTED, 4, 2)
    assert end.total_retry_delay == pytest.approx(sum(event.pause for event in told.of("retried")))
    assert end.duration == pytest.approx(end.total_retry_delay)
    assert isinstance(told.of("attempt_ended")[2].error, ConnectError)


OUTCOMES: dict[str, tuple[Any, Outcome, Delivery, str | None]] = {
    "function error": ("fails", Outcome.FUNCTION_ERROR, Delivery.EXECUTED, "LookupError"),
    "refused": (AccessDeniedException("no"), Outcome.REFUSED, Delivery.REFUSED, "AccessDeniedException"),
    "throttled": (TooManyRequestsException("busy"), Outcome.THROTTLED, Delivery.REFUSED, "TooManyRequestsException"),
    "not delivered": (ConnectError("no"), Outcome.NOT_DELIVERED, Delivery.NOT_DELIVERED, "ConnectError"),
    "unknown": (ConnectionLostError("lost"), Outcome.UNKNOWN, Delivery.UNKNOWN, "ConnectionLostError"),
}


@pytest.mark.parametrize("case", OUTCOMES)
async def test_the_end_has_one_outcome(case: str) -> None:
    failure, outcome, delivery, error_type = OUTCOMES[case]
    client, fake, told = observed(retry=NoRetry())
    name = failure if isinstance(failure, str) else "echo"
    if name == "echo":
        fake.fail("echo", failure)
    async with client:
        (raised,) = await asyncio.gather(
            client.send(InvokeCommand(function_name=name, payload={"id": 1})), return_exceptions=True
        )
    end = told.end
    assert end.error is (raised if isinstance(raised, BaseException) else None)
    assert (end.outcome, end.delivery, end.error_type) == (outcome, delivery, error_type)
    assert "'id'" not in repr([event for _, event in told.events])


async def test_events_and_dry_runs_have_their_outcomes() -> None:
    client, fake, told = observed()
    async with client:
        await client.invoke_event("echo", 1)
        await client.dry_run("echo")
        await fake.wait_idle()
    assert [(end.call.invocation_type, end.outcome, end.error) for end in told.of("call_ended")] == [
        ("Event", Outcome.ACCEPTED, None),
        ("DryRun", Outcome.NOT_RUN, None),
    ]


async def test_a_throttled_call_whose_time_is_up_was_throttled() -> None:
    class Slowly(StandardRetry):
        def pause(self, failure: Failure, /) -> float:
            return 60

    client, fake, told = observed(retry=Slowly())
    fake.fail("echo", TooManyRequestsException("busy"))
    async with client:
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("echo", 1, timeout=5)
    assert (told.end.outcome, told.end.error_type) == (Outcome.THROTTLED, "InvocationTimeoutError")


async def test_calls_that_are_cut_off_tell_their_own_error() -> None:
    client, _, told = observed()
    async with client:
        with pytest.raises(InvocationTimeoutError) as late:
            await client.invoke("sleep", {"s": 60}, timeout=1)
        cancelled = asyncio.create_task(client.invoke("sleep", {"s": 60}))
        await asyncio.sleep(1)
        cancelled.cancel()
        await asyncio.wait({cancelled})
        cut = asyncio.create_task(client.invoke("sleep", {"s": 60}))
        await asyncio.sleep(1)
        await client.close(grace=0)
        with pytest.raises(ClientClosedError):
            await cut
    ends = told.of("call_ended")
    assert ends[0].error is late.value
    assert [(end.outcome, end.error_type, end.delivery) for end in ends] == [
        (Outcome.UNKNOWN, "InvocationTimeoutError", Delivery.UNKNOWN),
        (Outcome.CANCELLED, "CancelledError", Delivery.UNKNOWN),
        (Outcome.UNKNOWN, "ClientClosedError", Delivery.UNKNOWN),
    ]
    assert [end.duration for end in ends] == pytest.approx([1, 1, 1])
    assert [type(event.error) for event in told.of("attempt_ended")] == [asyncio.CancelledError] * 3


async def test_the_wait_for_a_slot_is_told() -> None:
    client, _, told = observed(max_concurrency=1)
    async with client:
        first = asyncio.create_task(client.invoke("sleep", {"s": 5}))
        await asyncio.sleep(1)
        await client.invoke("echo", 1)
        second = asyncio.create_task(client.invoke("sleep", {"s": 5}))
        await asyncio.sleep(1)
        with pytest.raises(QueueTimeoutError):
            await client.invoke("echo", 1, timeout=Timeouts(queue=2))
        await asyncio.gather(first, second)
    assert [(event.waited, event.gave_up) for event in told.of("call_slotted")] == [(4, False), (2, True)]
    assert len(told.of("call_queued")) == 2
    waited, refused = [end for end in told.of("call_ended") if end.queued]
    assert (waited.outcome, waited.queued, waited.duration) == (Outcome.EXECUTED, 4, 4)
    assert (refused.outcome, refused.queued, refused.attempts) == (Outcome.NOT_DELIVERED, 2, 0)


async def test_a_stream_ends_when_it_is_closed() -> None:
    client, _, told = observed()
    async with client:
        async with client.stream("three", 1) as stream:
            assert [chunk async for chunk in stream] == [b"a", b"b", b"c"]
            await asyncio.sleep(1)
        async with client.stream("three", 1) as stream:
            await anext(aiter(stream))
            await asyncio.sleep(7)
            assert len(told.of("call_ended")) == 1
    whole, left = told.of("call_ended")
    assert (whole.call.operation, whole.outcome, whole.error) == ("InvokeWithResponseStream", Outcome.EXECUTED, None)
    assert (left.outcome, left.error, left.error_type, left.duration) == (Outcome.INCOMPLETE, None, None, 7)


async def test_a_stream_that_fails_tells_why() -> None:
    client, fake, told = observed()
    async with client:
        with pytest.raises(FunctionError):
            async with client.stream("breaks", 1) as stream:
                await stream.read()
        fake.fail("three", StreamError("cut"))
        with pytest.raises(StreamError):
            async with client.stream("three", 1) as stream:
                await stream.read()
        fake.add("slow", failing_stream)
        fake.delay("slow", 60)
    failed, cut = told.of("call_ended")
    assert (failed.outcome, failed.error_type) == (Outcome.FUNCTION_ERROR, "ValueError")
    assert (cut.outcome, cut.error_type, cut.delivery) == (Outcome.INCOMPLETE, "StreamError", Delivery.EXECUTED)


async def test_a_stream_past_its_time_tells_the_limit() -> None:
    client, _, told = observed()
    async with client, client.stream("three", 1, timeout=5) as stream:
        await anext(aiter(stream))
        await asyncio.sleep(9)
    assert (told.end.outcome, told.end.error_type, told.end.duration) == (Outcome.INCOMPLETE, "InvocationTimeoutError", 5)


async def test_new_keys_are_told_once() -> None:
    keys = [
        Credentials("AKIDEXAMPLE", "one"),
        Credentials("AKIDEXAMPLE", "two", expires_at=dt.datetime(2099, 1, 1, tzinfo=dt.UTC)),
    ]

    class Provider:
        async def get_credentials(self) -> Credentials:
            return keys[0]

    client, _, told = observed(credentials=Provider(), region="eu-west-1")
    async with client:
        for _ in range(2):
            await client.invoke("echo", 1)
        keys.pop(0)
        for _ in range(2):
            await client.invoke("echo", 1)
    assert [event.expires_at for event in told.of("credentials_refreshed")] == [keys[0].expires_at]
    assert "two" not in repr(told.events)


async def test_a_map_tells_its_run() -> None:
    client, _, told = observed()
    async with client:
        async with client.map("echo", range(3), max_failures=0) as run:
            assert [result.ok async for result in run] == [True] * 3
        with pytest.raises(TooManyFailuresError):
            async with client.map("fails", range(3), max_failures=0) as run:
                assert [result.ok async for result in run]
        async with client.map_commands([InvokeCommand(function_name="echo")]) as run:
            assert [result.ok async for result in run] == [True]
    started, ended = told.of("map_started"), told.of("map_ended")
    assert [event.map for event in started] == [event.map for event in ended]
    assert [event.map.function_name for event in ended] == ["echo", "fails", None]
    assert [type(event.error) for event in ended] == [type(None), TooManyFailuresError, type(None)]
    assert [event.stats.done for event in ended][::2] == [3, 1]
    calls = [end.call.map for end in told.of("call_ended")]
    assert calls[:3] == [started[0].map] * 3
    assert set(calls) == {event.map for event in started}


async def test_a_middleware_observes_one_call() -> None:
    client, _, told = observed()
    mine = Everything()

    async def watch(call: AnyCall, call_next: AnyNext) -> Any:
        if call.input.payload == b"1":
            call.observe(mine)
        return await call_next(call)

    client.middleware_stack.add(watch, step="initialize", priority="high")
    async with client:
        await client.invoke("echo", b"0")
        await client.invoke("echo", b"1")
    assert mine.names == ["attempt_sent", "attempt_ended", "call_ended"]
    assert mine.end.call is told.of("call_ended")[1].call


async def test_removal_ends_the_telling() -> None:
    fake, told = FakeTransport({"echo": echo}), Everything()
    async with LambdaClient(transport=fake) as client:
        with client.observe(told) as observation:
            await client.invoke("echo", 1)
        assert "Everything" in repr(observation)
        observation.remove()
        count = len(told.events)
        await client.invoke("echo", 1)
    assert len(told.events) == count > 0


async def test_an_observer_that_raises_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ClientObserver):
        def _raise(self, event: object, /) -> None:
            raise ZeroDivisionError

        call_started = attempt_sent = attempt_ended = call_ended = throttled = retried = _raise
        credentials_refreshed = map_started = map_ended = call_queued = call_slotted = _raise

    client, fake, told = observed(max_concurrency=1)
    client.observe(Broken())
    client.observe(later := Everything())
    fake.fail("echo", TooManyRequestsException("busy", retry_after=1), times=1)
    with caplog.at_level(logging.ERROR, logger="aiolambda"):
        async with client:
            outputs = await asyncio.gather(*(client.invoke("echo", 1) for _ in range(3)))
            async with client.map("echo", [1]) as run:
                assert [result.ok async for result in run] == [True]
    assert [output.json() for output in outputs] == [1, 1, 1]
    assert later.names == told.names
    assert calls_of(client).calls
    errors = [record.getMessage() for record in caplog.records]
    assert sum("Broken.call_started() raised; the call goes on" in text for text in errors) == 1
    assert len(errors) == len(set(errors)) >= 9


def test_an_observer_has_plain_methods() -> None:
    with pytest.raises(TypeError, match=r"Slow\.call_ended must be a plain function"):

        class Slow(ClientObserver):
            async def call_ended(self, event: object, /) -> None: ...  # type: ignore[override] # the mistake


@pytest.mark.parametrize("wrong", [Everything, print, None], ids=["class", "function", "nothing"])
def test_something_else_is_no_observer(wrong: Any) -> None:
    client = LambdaClient(transport=FakeTransport({}))
    with pytest.raises(ConfigurationError, match="derived from ClientObserver"):
        client.observe(wrong)


async def test_an_unwatched_call_makes_no_watch() -> None:
    seen: list[object] = []

    async def look(call: AnyCall, call_next: AnyNext) -> Any:
        seen.append(call.watch)
        return await call_next(call)

    async with LambdaClient(transport=FakeTransport({"echo": echo})) as client:
        client.middleware_stack.add(look)
        await client.invoke("echo", 1)
    assert seen == [None]
