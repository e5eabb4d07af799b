"""Callbacks: their answers and heartbeats, those that are open, and the requests that stop and rest an execution."""

import asyncio
import json
import traceback
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    DurableCallback,
    InvalidInputError,
    InvalidPayloadSizeError,
    LambdaServiceException,
    StandardRetry,
)
from aiolambda.errors.service import CallbackTimeoutException

from ...support.durable_service import DurableService, Fact, arn_of, client_of, event, now
from ...support.function_service import failure

pytestmark = pytest.mark.virtual_time

ARN, ID = arn_of("order-7"), "YWJj+/d="
OVER = failure("CallbackTimeoutException", 400, "the callback has expired")
BEAT, SUCCESS, FAIL = "callback heartbeat", "callback succeed", "callback fail"


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type] # it is never `None` here


# Answers


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (b"raw\x00", b"raw\x00"),
        (bytearray(b"raw"), b"raw"),
        (memoryview(b"raw"), b"raw"),
        ({"approved": True}, b'{"approved":true}'),
        ("approved", b'"approved"'),
        (7, b"7"),
        (False, b"false"),
        ([], b"[]"),
        (b"", b""),
        (None, b""),
    ],
    ids=["bytes", "bytearray", "view", "dict", "text", "number", "false", "list", "no bytes", "nothing"],
)
async def test_a_result_is_sent_as_it_is_or_through_the_codec(value: Any, body: bytes) -> None:
    service = DurableService()
    async with client_of(service) as client:
        await client.callback(ID).succeed(value)
    assert service.bodies == [(SUCCESS, body)]
    assert service.asked[0][2].endswith("/durable-execution-callbacks/YWJj%2B%2Fd%3D/succeed")


async def test_a_failure_is_an_error_object() -> None:
    service = DurableService()
    async with client_of(service) as client:
        await client.callback(ID).fail(error_type="Rejected", message="no", data="{}", stack_trace=["a", "b"])
        await client.callback(ID).fail()
    (_, body), (_, nothing) = service.bodies
    assert json.loads(body) == {"ErrorType": "Rejected", "ErrorMessage": "no", "ErrorData": "{}", "StackTrace": ["a", "b"]}
    assert nothing in (b"", b"{}")


async def test_what_is_too_large_is_refused_before_sending() -> None:
    service, megabyte = DurableService(), 1024 * 1024
    async with client_of(service) as client:
        callback = client.callback(ID)
        with pytest.raises(InvalidPayloadSizeError, match="has 1,048,577 bytes, and the limit is 1,048,576") as raised:
            await callback.succeed(b"x" * (megabyte + 1))
        assert (raised.value.size, raised.value.limit) == (megabyte + 1, megabyte)
        with pytest.raises(InvalidPayloadSizeError):
            await callback.succeed("x" * megabyte)
        with pytest.raises(InvalidPayloadSizeError):
            await callback.fail(message="x" * megabyte, data="y")
        with pytest.raises(InvalidPayloadSizeError):
            await client.durable_execution(ARN).stop(stack_trace=["x" * megabyte, "y"])
        assert service.asked == []
        assert not callback.is_answered
        await callback.succeed(b"x" * megabyte)
    assert len(service.asked) == 1


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan")], ids=["object", "set", "nan"])
async def test_a_value_that_cannot_be_encoded_is_refused(value: Any) -> None:
    service = DurableService()
    async with client_of(service) as client:
        with pytest.raises(InvalidInputError, match="cannot be encoded") as raised:
            await client.callback(ID).succeed(value)
    assert service.asked == []
    ours = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__) if frame.f_code.co_filename != __file__]
    assert ours
    assert [frame.f_code.co_name for frame in ours if any(local is value for local in frame.f_locals.values())] == []


async def test_wrong_arguments_are_named() -> None:
    async with client_of(DurableService()) as client:
        wrong: Any = client
        for id, text in ((7, "must be a string"), ("", "has 0 characters"), ("x" * 1025, "has 1,025 characters")):
            with pytest.raises(InvalidInputError, match=text):
                wrong.callback(id)
        with pytest.raises(InvalidInputError, match="message must be a string; got a dict"):
            await wrong.callback(ID).fail(message={})
        with pytest.raises(InvalidInputError, match="stack_trace must be a list of lines"):
            await wrong.callback(ID).fail(stack_trace="line")
        with pytest.raises(InvalidInputError, match="stack_trace must be a list of lines; got an int"):
            await wrong.callback(ID).fail(stack_trace=5)
        with pytest.raises(ConfigurationError, match="pause_timeout must be True or False"):
            await wrong.durable_execution(ARN).pause(pause_timeout=None)
        with pytest.raises(InvalidInputError, match="segment of dots"):
            await client.callback("..").succeed(1)


async def test_an_answer_of_unknown_outcome_is_not_sent_again() -> None:
    for kind in (SUCCESS, FAIL):
        service = DurableService(faults={kind: [ConnectionLostError("lost")]})
        async with client_of(service, retry=StandardRetry()) as client:
            callback = client.callback(ID)
            with pytest.raises(ConnectionLostError) as raised:
                await (callback.succeed(1) if kind == SUCCESS else callback.fail())
        assert raised.value.delivery is Delivery.UNKNOWN
        assert service.kinds() == [kind]
        assert callback.is_answered  # perhaps


async def test_an_answer_that_did_not_arrive_is_sent_again() -> None:
    service = DurableService(faults={SUCCESS: [ConnectError("refused"), failure("TooManyRequestsException", 429)]})
    async with client_of(service, retry=StandardRetry()) as client:
        await client.callback(ID).succeed(1)
    assert service.kinds() == [SUCCESS] * 3


async def test_a_heartbeat_is_repeated() -> None:
    service = DurableService(faults={BEAT: [ConnectionLostError("lost"), failure("ServiceException", 500)]})
    async with client_of(service, retry=StandardRetry()) as client:
        await client.callback(ID).heartbeat()
    assert service.kinds() == [BEAT] * 3


async def test_open_callbacks_are_those_of_the_history() -> None:
    events = [
        event(1, "CallbackStarted", "1", "approval", CallbackId="one"),
        event(2, "CallbackStarted", "2", "approval", CallbackId="two"),
        event(3, "CallbackStarted", "3", CallbackId="three"),
        event(4, "CallbackStarted", "4", "late", CallbackId="four"),
        event(5, "CallbackSucceeded", "1"),
        event(6, "CallbackTimedOut", "4"),
    ]
    service = DurableService().add(Fact("order-7", events=events))
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)
        assert [(one.id, one.name) for one in await execution.callbacks()] == [("two", "approval"), ("three", None)]
        events += [event(7, "CallbackFailed", "2"), event(8, "CallbackStarted", "8", CallbackId="eight")]
        assert [one.id for one in await execution.callbacks()] == ["three", "eight"]
        await (await execution.callbacks())[0].succeed(1)
        events.append(event(9, "ExecutionStopped"))
        assert await execution.callbacks() == []
    assert "IncludeExecutionData=false" in service.asked[0][2]
    assert "/durable-execution-callbacks/three/succeed" in service.asked[3][2]


def test_a_callback_shows_no_id() -> None:
    client = client_of(DurableService())
    assert repr(client.callback(ID)) == "<DurableCallback>"
    assert repr(DurableCallback(client, ID, name="approval")) == "<DurableCallback 'approval'>"


@pytest.mark.parametrize("details", [{}, {"CallbackId": ""}, {"CallbackId": 5}, None], ids=["no id", "empty", "number", "none"])
async def test_a_callback_without_an_id_hides_no_other(details: Any) -> None:
    begun = {**event(1, "CallbackStarted", "one"), "CallbackStartedDetails": details}
    service = DurableService().add(Fact("order-7", events=[begun, event(2, "CallbackStarted", "two", CallbackId="dHdv")]))
    async with client_of(service) as client:
        assert [one.id for one in await client.durable_execution(ARN).callbacks()] == ["dHdv"]


# Blocks with heartbeats


async def test_a_block_sends_heartbeats_until_it_ends() -> None:
    service = DurableService()
    async with client_of(service) as client:
        callback = client.callback(ID)
        async with callback.alive(every=10) as same:
            assert same is callback
            await asyncio.sleep(35)
        assert service.times(BEAT) == [0, 10, 20, 30]
        assert others() == set()
        await asyncio.sleep(100)
    assert len(service.asked) == 4


async def test_heartbeats_end_with_the_answer() -> None:
    service = DurableService(latency=1.0)
    service.faults[BEAT] = [None, OVER, OVER]
    async with client_of(service) as client:
        async with client.callback(ID).alive(every=10) as callback:
            await asyncio.sleep(10.5)  # a heartbeat is under way, which comes after the answer
            await callback.succeed(1)
            await asyncio.sleep(50)
    assert service.kinds() == [BEAT, BEAT, SUCCESS]


async def test_heartbeats_go_on_after_an_answer_that_did_not_arrive() -> None:
    service = DurableService(faults={SUCCESS: [ConnectError("refused")]})
    async with client_of(service) as client, client.callback(ID).alive(every=10) as callback:
        with pytest.raises(ConnectError):
            await callback.succeed(1)
        await asyncio.sleep(15)
        await callback.succeed(1)
    assert service.kinds() == [BEAT, SUCCESS, BEAT, SUCCESS] or service.kinds() == [SUCCESS, BEAT, BEAT, SUCCESS]


async def test_heartbeats_go_on_after_a_slow_answer_that_did_not_arrive() -> None:
    async def refuse(_: Any) -> Any:
        await asyncio.sleep(25)
        raise ConnectError("refused")

    service = DurableService(faults={SUCCESS: [refuse]})
    async with client_of(service) as client, client.callback(ID).alive(every=10) as callback:
        await asyncio.sleep(5)
        with pytest.raises(ConnectError):
            await callback.succeed(1)
        assert not callback.is_answered
        await asyncio.sleep(15)
    assert service.times(BEAT) == [0, 30, 40]


@pytest.mark.parametrize(
    "fault",
    [failure("TooManyRequestsException", 429), failure("ServiceException", 500), ConnectionLostError("lost")],
    ids=["throttle", "500", "lost"],
)
async def test_a_heartbeat_that_fails_for_a_while_is_made_up_for(fault: Any) -> None:
    service = DurableService(faults={BEAT: [fault, fault, None]})
    async with client_of(service) as client, client.callback(ID).alive(every=10):
        await asyncio.sleep(25)
    assert service.times() == [0, 10, 20]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (OVER, CallbackTimeoutException),
        (failure("AccessDeniedException", 403), AccessDeniedException),
        (failure("InvalidParameterValueException", 400), LambdaServiceException),
    ],
    ids=["expired", "403", "400"],
)
async def test_a_heartbeat_that_fails_for_good_ends_the_block(fault: Any, kind: type[Exception]) -> None:
    service, ended = DurableService(faults={BEAT: [None, fault]}), list[float]()
    async with client_of(service) as client:
        with pytest.raises(kind, match="SendDurableExecutionCallbackHeartbeat"):
            async with client.callback(ID).alive(every=10):
                try:
                    await asyncio.sleep(1000)
                finally:
                    ended.append(now())
        assert ended == [10]
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(1)  # nothing of the cancellation is left
        assert others() == set()


async def test_an_error_of_the_block_wins() -> None:
    service = DurableService(faults={BEAT: [None, OVER]})
    async with client_of(service) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.callback(ID).alive(every=10):
                raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError):
            async with client.callback(ID).alive(every=10):
                try:
                    await asyncio.sleep(1000)
                except asyncio.CancelledError:
                    raise ZeroDivisionError from None
        await asyncio.sleep(1)
    assert others() == set()


@pytest.mark.parametrize("latency", [0.0, 5.0], ids=["between heartbeats", "in a heartbeat"])
async def test_a_cancellation_from_outside_stays_one(latency: float) -> None:
    service = DurableService(latency=latency)
    async with client_of(service) as client:

        async def work() -> None:
            async with client.callback(ID).alive(every=10):
                await asyncio.sleep(1000)

        task = asyncio.create_task(work())
        await asyncio.sleep(12)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert others() == set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await work()
    assert service.in_flight == 0


async def test_a_cancellation_at_the_moment_of_the_failure_stays_one() -> None:
    async def over(_: Any) -> Any:
        task.cancel()
        return OVER

    service = DurableService(faults={BEAT: [over]})
    async with client_of(service) as client:

        async def work() -> None:
            async with client.callback(ID).alive(every=10):
                await asyncio.sleep(1000)

        task = asyncio.create_task(work())
        with pytest.raises(asyncio.CancelledError):
            await task
    assert others() == set()


async def test_a_block_that_ends_as_its_heartbeat_fails_raises_the_failure() -> None:
    reached = False

    async def work(client: Any) -> None:
        nonlocal reached
        ended = asyncio.get_running_loop().create_future()

        async def over(_: Any) -> Any:
            asyncio.get_running_loop().call_soon(ended.set_result, None)
            return OVER

        service.faults[BEAT] = [over]
        async with client.callback(ID).alive(every=10):
            await ended
            reached = True
        raise AssertionError("unreachable: the heartbeat had failed")

    for _ in range(3):
        service = DurableService()
        async with client_of(service) as client:
            with pytest.raises((CallbackTimeoutException, AssertionError)):
                await work(client)
            await asyncio.sleep(1)
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            assert others() == set()


async def test_the_end_of_the_client_ends_the_block() -> None:
    service = DurableService()
    client = client_of(service)
    await client.open()
    with pytest.raises(ClientClosedError):
        async with client.callback(ID).alive(every=10):
            await asyncio.sleep(5)
            await client.close()
            await asyncio.sleep(1000)
    assert now() == 10
    assert others() == set()


async def test_an_error_of_a_middleware_ends_the_block() -> None:
    async def broken(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        raise ZeroDivisionError

    async with client_of(DurableService()) as client:
        client.middleware_stack.add(broken)
        with pytest.raises(ZeroDivisionError):
            async with client.callback(ID).alive():
                await asyncio.sleep(1000)


async def test_a_heartbeat_takes_no_longer_than_the_pause_after_it() -> None:
    service = DurableService(latency=1000)
    async with client_of(service) as client, client.callback(ID).alive(every=4):
        await asyncio.sleep(20)
    assert service.times() == [0, 4, 8, 12, 16]


async def test_a_block_is_entered_once() -> None:
    async with client_of(DurableService()) as client:
        block = client.callback(ID).alive()
        async with block:
            pass
        with pytest.raises(RuntimeError, match="can be entered once"):
            await block.__aenter__()


@pytest.mark.parametrize("every", [0, -1, float("nan"), None, "60", True], ids=repr)
def test_a_wrong_pause_is_refused(every: Any) -> None:
    with pytest.raises(ConfigurationError, match="every must be"):
        client_of(DurableService()).callback(ID).alive(every=every)


# Stop, pause, resume, delete


async def test_stop_sends_its_error_and_returns_the_time() -> None:
    service = DurableService().add(Fact("order-7"))
    async with client_of(service) as client:
        execution = client.durable_execution(ARN)
        stopped = await execution.stop(error_type="Cancelled", message="by the customer", data="7")
        await execution.stop()
    assert stopped.timestamp() == 1_790_000_000
    (_, body), (_, nothing) = service.bodies
    assert json.loads(body) == {"ErrorType": "Cancelled", "ErrorMessage": "by the customer", "ErrorData": "7"}
    assert nothing in (b"", b"{}")


async def test_a_stop_of_unknown_outcome_is_not_sent_again() -> None:
    service = DurableService(faults={"stop": [ConnectionLostError("lost")]}).add(Fact("order-7"))
    async with client_of(service, retry=StandardRetry()) as client:
        with pytest.raises(ConnectionLostError, match="it may have been carried out") as raised:
            await client.durable_execution(ARN).stop()
    assert raised.value.delivery is Delivery.UNKNOWN
    assert service.kinds() == ["stop"]


@pytest.mark.parametrize("kind", ["pause", "resume"])
async def test_pause_and_resume_are_repeated_with_one_token(kind: str) -> None:
    service = DurableService(faults={kind: [ConnectionLostError("lost"), failure("ServiceException", 500)]}).add(
        Fact("order-7")
    )
    async with client_of(service, retry=StandardRetry()) as client:
        execution = client.durable_execution(ARN)
        await (execution.pause(reason="lunch", pause_timeout=True) if kind == "pause" else execution.resume(reason="lunch"))
        await (execution.pause() if kind == "pause" else execution.resume())
    first, second, third, other = (json.loads(body) for _, body in service.bodies)
    assert first == second == third
    assert first["Reason"] == "lunch"
    # The default of the service is true, so the client's own must be sent.
    timeouts = [body.get("ExecutionTimeoutPaused") for body in (first, other)]
    assert timeouts == ([True, False] if kind == "pause" else [None, None])
    assert len(first["ClientToken"]) <= 64
    assert other.keys() - {"ExecutionTimeoutPaused"} == {"ClientToken"}
    assert other["ClientToken"] != first["ClientToken"]


async def test_delete_says_that_the_execution_goes_on() -> None:
    service = DurableService(faults={"delete": [failure("ResourceConflictException", 409)]}).add(Fact("order-7"))
    async with client_of(service) as client:
        with pytest.raises(
            LambdaServiceException, match="ResourceConflictException, HTTP 409, operation DeleteDurableExecution"
        ):
            await client.durable_execution(ARN).delete()
        assert await client.durable_execution(ARN).delete() is None
    assert service.kinds() == ["delete", "delete"]
