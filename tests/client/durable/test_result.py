"""Waiting for the result of a durable execution: when it asks, what it returns, and what ends it."""

import asyncio
import itertools
import pickle
from typing import Any

import attrs
import pytest

from aiolambda import (
    AccessDeniedException,
    Call,
    CallNext,
    ConnectError,
    ConnectionLostError,
    DecodeError,
    DurableExecutionError,
    DurableExecutionFailedError,
    DurableExecutionOutput,
    DurableExecutionStoppedError,
    DurableExecutionTimedOutError,
    InvalidInputError,
    InvocationTimeoutError,
    ResourceNotFoundException,
    Response,
    ResultTimeoutError,
    StandardRetry,
    Timeouts,
)

from ...support.durable_service import MISSING, DurableService, Fact, arn_of, client_of, now
from ...support.function_service import failure, found

pytestmark = pytest.mark.virtual_time

ARN = arn_of("order-7")


def ending(status: str = "SUCCEEDED", at: float = 20.0, **members: Any) -> DurableService:
    given = {"result": '{"id":7}'} if status == "SUCCEEDED" else {}
    return DurableService().add(Fact("order-7", [(0.0, "RUNNING"), (at, status)], **given, **members))


# When it asks


async def test_polls_have_no_data_and_the_last_question_has() -> None:
    service = ending(at=3.0)
    async with client_of(service) as client:
        output = await client.durable_execution(ARN).result()
    assert output.json() == {"id": 7}
    assert service.count() == {"get": len(service.asked) - 1, "data": 1}
    assert service.kinds()[-1] == "data"


async def test_pauses_grow_and_stay_within_ten_seconds() -> None:
    service = ending(at=100.0)
    async with client_of(service) as client:
        await client.durable_execution(ARN).result()
    times = service.times("get")
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    wholes = [min(0.5 * 1.5**step, 10) for step in range(len(pauses))]
    assert all(0.75 * whole <= pause <= whole for pause, whole in zip(pauses, wholes, strict=True))
    assert len(set(pauses[-5:])) == 5  # with jitter, no two are the same
    assert 100 <= now() <= 110.1


@pytest.mark.parametrize("status", ["PAUSED", "PAUSING"])
async def test_a_paused_execution_is_asked_for_less_often(status: str) -> None:
    service = DurableService().add(Fact("order-7", [(0.0, status), (300.0, "SUCCEEDED")], result="1"))
    async with client_of(service) as client:
        await client.durable_execution(ARN).result()
    assert 300 / 30 <= service.count()["get"] <= 300 / 22.5 + 2


async def test_an_execution_that_has_ended_costs_two_questions_and_once_more_one() -> None:
    service = ending(at=0.0)
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)
        first, second = await execution.result(), await execution.result()
    assert service.kinds() == ["get", "data", "data"]
    assert first == second


async def test_retry_after_of_a_throttle_is_obeyed() -> None:
    service = ending(at=0.0)
    throttle = failure("TooManyRequestsException", 429)
    service.faults["get"] = [Response(429, {**throttle.headers, "retry-after": "47"}, throttle.body)]
    async with client_of(service) as client:
        await client.durable_execution(ARN).result()
    assert service.times("get")[1] >= 47


async def test_repeats_of_the_engine_have_their_turns_too() -> None:
    """A throttle that the call itself repeats, with a pause of nothing, would be a burst."""
    service = ending(at=0.0)
    service.faults["get"] = [ConnectError("refused")] * 5
    async with client_of(service, retry=StandardRetry(max_attempts=6, max_backoff=1e-9)) as client:
        await client.durable_execution(ARN).result()
    times = service.times()
    assert len(times) == 7
    assert all(later - earlier >= 0.011 for earlier, later in itertools.pairwise(times))


# What it returns


@attrs.frozen
class Order:
    id: int


class _Codec:
    def encode(self, value: object, /) -> bytes:
        raise NotImplementedError

    def decode(self, data: bytes, type: Any, /) -> Any:
        assert data == b'{"id":7}'
        return type(7)


async def test_the_output_has_the_facts_of_the_execution() -> None:
    service = ending(at=0.0, members={"TraceHeader": {"XAmznTraceId": "Root=1"}})
    async with client_of(service, codec=_Codec()) as client:
        output = await client.durable_execution(ARN).result()
    assert (output.arn, output.name, output.version, output.status) == (ARN, "order-7", "7", "SUCCEEDED")
    assert output.function_arn.endswith("function:orders:7")
    assert output.started is not None
    assert output.ended is not None
    assert (output.trace_id, output.metadata.request_id) == ("Root=1", "id")
    assert (output.text(), output.payload) == ('{"id":7}', b'{"id":7}')
    assert output.decode(Order) == Order(7)
    assert '"id"' not in repr(output)
    again = pickle.loads(pickle.dumps(output))
    assert (again, again.json()) == (output, {"id": 7})


@pytest.mark.parametrize("result", [None, ""])
async def test_a_result_of_nothing_is_no_json(result: str | None) -> None:
    service = DurableService().add(Fact("order-7", [(0.0, "SUCCEEDED")], result=result))
    async with client_of(service) as client:
        output = await client.durable_execution(ARN).result()
    assert (output.payload, output.text()) == (b"", "")
    with pytest.raises(DecodeError, match="there is no payload to decode") as raised:
        output.json()
    assert raised.value.output is not None
    assert raised.value.output.durable_execution_arn == ARN


async def test_a_result_that_does_not_fit_says_so_and_does_not_quote_it() -> None:
    output = DurableExecutionOutput(arn=ARN, payload=b"secret", function_name="orders")
    with pytest.raises(DecodeError, match="cannot be decoded as JSON") as raised:
        output.json()
    assert "secret" not in str(raised.value)
    with pytest.raises(TypeError, match="not a dictionary"):
        output["payload"]  # type: ignore[index] # which is the mistake


# How it ends otherwise


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("FAILED", DurableExecutionFailedError),
        ("TIMED_OUT", DurableExecutionTimedOutError),
        ("STOPPED", DurableExecutionStoppedError),
        ("ABORTED", DurableExecutionError),
    ],
)
async def test_an_execution_without_a_result_raises(status: str, kind: type[DurableExecutionError]) -> None:
    error = {"ErrorType": "NoTea", "ErrorMessage": "the pot is empty", "ErrorData": "{}", "StackTrace": ["a", "b"]}
    async with client_of(ending(status, error=error)) as client:
        with pytest.raises(DurableExecutionError) as raised:
            await client.durable_execution(ARN).result()
    found = raised.value
    assert type(found) is kind
    assert (found.status, found.arn, found.function_name) == (status, ARN, "orders")
    assert (found.error_type, found.error_message, found.error_data) == ("NoTea", "the pot is empty", "{}")
    assert found.stack_trace == ("a", "b")
    assert "with NoTea: the pot is empty" in str(found)


async def test_an_execution_that_failed_without_a_word_raises_too() -> None:
    async with client_of(ending("STOPPED", error=None)) as client:
        with pytest.raises(DurableExecutionStoppedError, match="^the durable execution was stopped \\(function") as raised:
            await client.durable_execution(ARN).result()
    assert (raised.value.error_type, raised.value.stack_trace) == (None, ())


async def test_a_long_message_is_cut_in_the_text_alone() -> None:
    async with client_of(ending("FAILED", error={"ErrorMessage": "x" * 5000 + "\ud800"})) as client:
        with pytest.raises(DurableExecutionFailedError) as raised:
            await client.durable_execution(ARN).result()
    assert len(str(raised.value)) < 1300
    assert raised.value.error_message == "x" * 5000 + "?"
    str(raised.value).encode()


async def test_an_execution_that_is_being_deleted_has_no_result() -> None:
    service = ending("DELETING")
    async with client_of(service) as client:
        with pytest.raises(DurableExecutionError, match="is deleted, and its result with it") as raised:
            await client.durable_execution(ARN).result()
    assert raised.value.status == "DELETING"
    assert service.count()["data"] == 0


@pytest.mark.parametrize("kind", ["get", "data"])
async def test_an_execution_that_goes_away_meanwhile_is_deleted(kind: str) -> None:
    service = ending(at=1.0)
    service.faults[kind] = [None, MISSING] if kind == "get" else [MISSING]
    async with client_of(service) as client:
        with pytest.raises(DurableExecutionError, match="is deleted"):
            await client.durable_execution(ARN).result()


# Failures of polls


PASSING: dict[str, Any] = {
    "a throttle": failure("TooManyRequestsException", 429),
    "a broken service": failure("ServiceException", 500),
    "a gateway": Response(503, {}, b"<html>"),
    "a lost connection": ConnectionLostError("lost"),
    "no connection": ConnectError("refused"),
    "the read limit": InvocationTimeoutError("late", exceeded="read"),
    "an answer of nonsense": Response(200, {}, b"<html>"),
    "an answer of another form": found(Status=7),
    "an empty answer": found(),
}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("kind", ["get", "data"])
async def test_a_failure_that_passes_does_not_end_the_wait(kind: str, fault: str) -> None:
    service = ending(at=3.0)
    service.faults[kind] = [PASSING[fault]] * (12 if kind == "get" else 3)
    async with client_of(service) as client:
        assert (await client.durable_execution(ARN).result()).json() == {"id": 7}
    times = service.times()
    assert all(later - earlier > 0.01 for earlier, later in itertools.pairwise(times))


async def test_an_outage_of_more_than_an_hour_ends_the_wait() -> None:
    service = ending(at=3.0)
    service.faults["get"] = [ConnectError("refused")] * 10_000
    async with client_of(service) as client:
        with pytest.raises(ConnectError):
            await client.durable_execution(ARN).result()
    assert 3600 < now() < 3620


async def test_data_that_can_never_be_read_ends_the_wait() -> None:
    service = ending(at=0.0)
    service.faults["data"] = [ConnectionLostError("the answer has a body of more than 16 bytes")] * 100
    async with client_of(service) as client:
        with pytest.raises(ConnectionLostError, match="more than 16 bytes"):
            await client.durable_execution(ARN).result()
    assert service.count()["data"] == 5
    assert now() < 60


FINAL: dict[str, Any] = {
    "no permission": (failure("AccessDeniedException", 403), AccessDeniedException),
    "not found": (MISSING, ResourceNotFoundException),
}


@pytest.mark.parametrize("fault", FINAL)
async def test_an_error_of_the_caller_ends_the_wait(fault: str) -> None:
    answer, kind = FINAL[fault]
    service = ending()
    service.faults["get"] = [answer] * 3
    async with client_of(service) as client:
        with pytest.raises(kind, match="GetDurableExecution"):
            await client.durable_execution(ARN).result()
    assert len(service.asked) == 1


async def test_an_error_of_a_middleware_ends_the_wait() -> None:
    async def broken(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        raise ZeroDivisionError

    async with client_of(ending()) as client:
        client.middleware_stack.add(broken)
        execution = client.durable_execution(ARN)
        outcomes = await asyncio.gather(execution.result(), execution.result(), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 2


async def test_an_execution_just_started_may_be_missing_for_half_a_minute() -> None:
    service = DurableService()
    async with client_of(service) as client:
        execution = await client.start_durable("orders:live", name="order-7")
        service.facts["order-7"].visible_at = 25.0
        service.facts["order-7"].statuses = [(0.0, "SUCCEEDED")]
        await execution.result()
        assert now() >= 25
        service.facts["order-7"].visible_at = 1000.0
        with pytest.raises(DurableExecutionError, match="is deleted"):  # the handle has seen it
            await execution.result()


async def test_an_execution_that_is_never_visible_is_not_found() -> None:
    service = DurableService()
    async with client_of(service) as client:
        execution = await client.start_durable("orders:live", name="order-7")
        service.facts.clear()
        with pytest.raises(ResourceNotFoundException):
            await execution.result()
    assert 30 <= now() <= 41


# The limit of the wait


async def test_a_wait_that_is_over_says_the_last_status() -> None:
    service = ending(at=100.0)
    async with client_of(service, timeout=Timeouts(total=1)) as client:
        execution = client.durable_execution(ARN)
        with pytest.raises(ResultTimeoutError, match="has not ended after 7.5 s: its status is RUNNING") as raised:
            await execution.result(timeout=7.5)
        assert now() == 7.5
        assert (raised.value.arn, raised.value.status, raised.value.function_name) == (ARN, "RUNNING", "orders")
        assert (await execution.result()).json() == {"id": 7}


async def test_a_wait_without_an_answer_knows_no_status() -> None:
    service = DurableService(latency=50).add(Fact("order-7"))
    async with client_of(service) as client:
        with pytest.raises(ResultTimeoutError, match="its status is not known yet"):
            await client.durable_execution(ARN).result(timeout=2)
    assert service.in_flight == 0


async def test_a_wait_that_is_over_says_why_its_questions_failed() -> None:
    faults = [None, *[failure("ServiceException", 500, "out of order")] * 99]
    service = DurableService(faults={"get": faults}).add(Fact("order-7"))
    async with client_of(service) as client:
        with pytest.raises(ResultTimeoutError) as raised:
            await client.durable_execution(ARN).result(timeout=5)
    assert "its status is RUNNING; the last question failed: out of order (func" in str(raised.value)


async def test_a_wait_that_is_over_tells_no_failure_that_has_passed() -> None:
    service = DurableService(faults={"get": [failure("ServiceException", 500, "out of order")]}).add(Fact("order-7"))
    async with client_of(service) as client:
        with pytest.raises(ResultTimeoutError) as raised:
            await client.durable_execution(ARN).result(timeout=5)
    assert "failed" not in str(raised.value)


async def test_a_result_that_is_no_string_is_asked_for_again() -> None:
    service = ending()
    service.faults["data"] = [found(Status="SUCCEEDED", Result={"total": 3})]
    async with client_of(service) as client:
        output = await client.durable_execution(ARN).result()
    assert output.json() == {"id": 7}
    assert service.count()["data"] == 2


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "5", Timeouts(total=5)], ids=repr)
async def test_a_wrong_limit_is_refused(timeout: Any) -> None:
    service = ending()
    async with client_of(service) as client:
        with pytest.raises(InvalidInputError, match="timeout must be a number of seconds"):
            await client.durable_execution(ARN).result(timeout=timeout)
    assert service.asked == []


async def test_describe_asks_again_for_the_reason_of_a_pause() -> None:
    pause = {"PauseRequestTimestamp": 1_790_000_001, "ExecutionTimeoutPaused": True}
    service = DurableService().add(Fact("order-7", [(0.0, "PAUSED")], members={"PauseDetails": pause}))
    service.faults["data"] = [found(**service.facts["order-7"].summary(), PauseDetails={**pause, "Reason": "a secret"})]
    async with client_of(service) as client:
        state = await client.durable_execution(ARN).describe()
        service.facts["order-7"].statuses, service.facts["order-7"].members = [(0.0, "FAILED")], {}
        ended = await client.durable_execution(ARN).describe()
    assert (state.status, state.has_ended, state.is_timeout_paused) == ("PAUSED", False, True)
    assert state.pause_reason == "a secret"
    assert state.paused is not None
    assert "secret" not in repr(state)
    assert (ended.status, ended.has_ended, ended.paused) == ("FAILED", True, None)
    assert service.kinds() == ["get", "data", "get"]
