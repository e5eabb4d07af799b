"""The client over a fake transport: sending, middlewares, limits, slots, closing. Whatever waits, waits in virtual time."""

import asyncio
import gc
import hashlib
import logging
import pickle
import threading
import traceback
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest

import aiolambda.client.startup as opening_module
from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Credentials,
    Delivery,
    FunctionError,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandInput,
    InvokeCommandOutput,
    JsonCodec,
    LambdaClient,
    LambdaClientConfig,
    Metadata,
    MiddlewareStackError,
    NoRetry,
    QueueTimeoutError,
    ResourceNotFoundException,
    Timeouts,
    TooManyRequestsException,
    TransportError,
)
from aiolambda.pipeline import Slots
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request, Response

from ..support import virtual

AnyCall = Call[Any, Any]
AnyNext = CallNext[Any, Any]


def echo(event: object) -> object:
    return event


async def sleep(event: Any) -> object:
    await asyncio.sleep(event["s"])
    return "slept"


def fake_client(**settings: Any) -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"echo": echo, "sleep": sleep}), **settings)


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """The test, run in virtual time."""

    def run() -> None:
        virtual.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def calls_of(client: LambdaClient) -> FakeTransport:
    transport = client.config.transport
    assert isinstance(transport, FakeTransport)
    return transport


# --- sending ---------------------------------------------------------------------------------------------------------


async def test_send_gives_the_typed_output_of_its_command() -> None:
    async with fake_client() as client:
        output = await client.send(InvokeCommand(function_name="echo", payload={"id": 7}))
    assert isinstance(output, InvokeCommandOutput)
    assert (output.status_code, output.payload, output.json(), output.text()) == (200, b'{"id":7}', {"id": 7}, '{"id":7}')
    assert output.metadata.attempts == 1
    assert [attempt.delivery for attempt in output.metadata.history] == [Delivery.EXECUTED]
    assert output.metadata.request_id


async def test_a_client_that_is_only_used_opens_itself() -> None:
    client = fake_client()
    assert (await client.invoke("echo", 1)).json() == 1
    await client.close()


async def test_a_client_can_be_built_without_a_running_loop() -> None:
    client = await asyncio.to_thread(fake_client)
    async with client:
        assert (await client.invoke("echo", [1])).json() == [1]


async def test_send_does_not_raise_on_a_function_error_and_invoke_does() -> None:
    def fails(event: object) -> object:
        raise ValueError("no such order")

    async with LambdaClient(transport=FakeTransport({"orders": fails})) as client:
        output = await client.send(InvokeCommand(function_name="orders"))
        assert output.function_error == "Unhandled"
        with pytest.raises(FunctionError, match=r"ValueError: no such order \(function 'orders', request id ") as raised:
            await client.invoke("orders")
    error = raised.value
    assert (error.kind, error.error_type, error.error_message) == ("Unhandled", "ValueError", "no such order")
    assert (error.delivery, error.may_have_run, error.function_name) == (Delivery.EXECUTED, True, "orders")
    assert any("raise ValueError" in line for line in error.stack_trace)
    assert "raise ValueError" in "".join(traceback.format_exception(error))
    assert error.output is not None
    assert error.output.payload == raised.value.output.payload


async def test_an_event_gives_a_receipt_without_a_payload() -> None:
    async with fake_client() as client:
        receipt = await client.invoke_event("echo", {"a": 1})
    assert receipt.status_code == 202
    assert receipt.metadata.history[0].delivery is Delivery.ACCEPTED
    assert not hasattr(receipt, "json")


async def test_an_output_without_a_payload_says_which_kind_of_invocation_it_answers() -> None:
    async with fake_client() as client:
        output = await client.send(InvokeCommand(function_name="echo", invocation_type="Event"))
    with pytest.raises(ValueError, match="Event invocation of 'echo'"):
        output.json()


async def test_a_dry_run_runs_nothing() -> None:
    ran: list[object] = []
    async with LambdaClient(transport=FakeTransport({"f": ran.append})) as client:
        metadata = await client.dry_run("f")
    assert metadata.http_status_code == 204
    assert not metadata.history[0].delivery.may_have_run
    assert ran == []


async def test_a_command_can_be_sent_many_times_and_at_once() -> None:
    command = InvokeCommand(function_name="echo", payload=[1])
    async with fake_client() as client:
        outputs = await asyncio.gather(*(client.send(command) for _ in range(50)))
    assert {output.payload for output in outputs} == {b"[1]"}
    assert len({call.headers["amz-sdk-invocation-id"] for call in calls_of(client).calls}) == 50


async def test_an_error_names_the_function_and_says_that_it_has_not_run() -> None:
    async with fake_client() as client:
        with pytest.raises(ResourceNotFoundException) as raised:
            await client.invoke("nobody")
    assert (raised.value.function_name, raised.value.delivery, raised.value.fault) == ("nobody", Delivery.REFUSED, "client")
    assert raised.value.metadata.attempts == 1


@pytest.mark.parametrize("text", ["hello", "", " ", "NaN", "nothing", "True", "'a'", "undefined"])
async def test_invoke_refuses_text_that_cannot_begin_json(text: str) -> None:
    async with fake_client() as client:
        for call in (client.invoke, client.invoke_event, client.dry_run):
            with pytest.raises(InvalidInputError, match=r"json\.dumps") as raised:
                await call("echo", text)
            assert raised.value.member == "payload"
        assert calls_of(client).calls == []


@pytest.mark.parametrize("text", ['{"a":1}', " [1]", "12", "-1", '"a"', "true", "null\n"])
async def test_invoke_sends_json_text_as_it_is(text: str) -> None:
    async with fake_client() as client:
        await client.invoke("echo", text)
    assert calls_of(client).calls[0].payload == text.encode()


async def test_a_value_that_has_no_json_form_names_the_payload_and_hides_it() -> None:
    async with fake_client() as client:
        with pytest.raises(InvalidInputError, match="payload cannot be encoded.*set") as raised:
            await client.invoke("echo", {"secret-value": {1, 2}})
    assert (raised.value.member, raised.value.delivery) == ("payload", Delivery.NOT_DELIVERED)
    assert "secret-value" not in str(raised.value)


async def test_the_output_is_decoded_through_the_codec_of_the_client() -> None:
    @attrs.frozen
    class Order:
        id: int

    async with fake_client() as client:
        output = await client.invoke("echo", Order(7))
    assert output.decode(Order) == Order(7)
    assert output.decode(dict) == {"id": 7}
    with pytest.raises(TypeError):
        output.decode(list)


async def test_a_config_object_is_taken_in_place_of_settings() -> None:
    config = LambdaClientConfig(transport=FakeTransport({"echo": echo}), region="eu-west-1")
    async with LambdaClient(config) as client:
        await client.invoke("echo")
        assert client.config.region == "eu-west-1"
        assert client.config.endpoint_url == "https://lambda.eu-west-1.amazonaws.com"
    with pytest.raises(TypeError, match="not both"):
        LambdaClient(config, region="x")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="regoin"):
        LambdaClient(regoin="x")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("client_says", "command_says", "call_says", "expected"),
    [
        (False, None, None, False),
        (True, None, None, True),
        (True, False, None, False),
        (False, True, None, True),
        (False, True, False, False),
        (True, False, True, True),
    ],
)
async def test_idempotent_is_decided_by_the_call_then_the_command_then_the_client(
    client_says: bool, command_says: bool | None, call_says: bool | None, expected: bool
) -> None:
    seen: list[bool] = []

    async def note(call: AnyCall, call_next: AnyNext) -> Any:
        seen.append(call.idempotent)
        return await call_next(call)

    async with fake_client(idempotent=client_says) as client:
        client.middleware_stack.add(note)
        await client.send(InvokeCommand(function_name="echo", idempotent=command_says), idempotent=call_says)
    assert seen == [expected]


async def test_a_dry_run_is_idempotent_unless_the_caller_says_otherwise() -> None:
    seen: list[bool] = []

    async def note(call: AnyCall, call_next: AnyNext) -> Any:
        seen.append(call.idempotent)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(note)
        await client.dry_run("echo")
        await client.send(InvokeCommand(function_name="echo", invocation_type="DryRun", idempotent=False))
    assert seen == [True, False]


# --- middlewares -----------------------------------------------------------------------------------------------------


async def test_a_middleware_can_answer_without_calling_on() -> None:
    kept: dict[Any, InvokeCommandOutput] = {}

    async def cache(call: AnyCall, call_next: AnyNext) -> Any:
        key = call.input
        if key not in kept:
            kept[key] = await call_next(call)
        return kept[key]

    async with fake_client() as client:
        client.middleware_stack.add(cache)
        first = await client.send(InvokeCommand(function_name="echo", payload=b"1"))
        second = await client.send(InvokeCommand(function_name="echo", payload=b"1"))
    assert first is second
    assert len(calls_of(client).calls) == 1


@pytest.mark.parametrize("step", ["initialize", "serialize", "build", "finalize", "deserialize"])
async def test_a_middleware_can_call_on_several_times_at_every_step(step: Any) -> None:
    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        await call_next(call)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(twice, step=step, name="twice")
        output = await client.invoke("echo", {"n": 1})
    assert output.json() == {"n": 1}
    assert output.metadata.attempts == 2
    first, second = calls_of(client).calls
    assert first.payload == second.payload
    assert second.headers["authorization"].count("Signature=") == 1


async def test_a_middleware_can_change_the_input() -> None:
    async def rename(call: Call[InvokeCommandInput, Any], call_next: CallNext[InvokeCommandInput, Any]) -> Any:
        call.input = attrs.evolve(call.input, function_name="echo", payload={"changed": True})
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(rename)
        assert (await client.invoke("other")).json() == {"changed": True}


async def test_an_input_that_a_middleware_changed_is_checked_again() -> None:
    async def spoil(call: Call[InvokeCommandInput, Any], call_next: CallNext[InvokeCommandInput, Any]) -> Any:
        call.input = attrs.evolve(call.input, function_name="../escape")
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(spoil)
        with pytest.raises(InvalidInputError):
            await client.invoke("echo")
        assert calls_of(client).calls == []


@pytest.mark.parametrize("step", ["serialize", "build", "finalize"])
async def test_a_header_that_a_middleware_sets_is_signed(step: Any) -> None:
    async def add_header(call: AnyCall, call_next: AnyNext) -> Any:
        call.request.headers["X-Team"] = "tea"
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(add_header, step=step, priority="low")
        await client.invoke("echo")
    headers = calls_of(client).calls[0].headers
    assert headers["x-team"] == "tea"
    assert "x-team" in headers["authorization"]


async def test_a_header_behind_the_signature_is_sent_unsigned() -> None:
    async def add_header(call: AnyCall, call_next: AnyNext) -> Any:
        call.request.headers["x-late"] = "yes"
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add_relative_to(add_header, relation="after", to_middleware="httpSigningMiddleware")
        await client.invoke("echo")
    headers = calls_of(client).calls[0].headers
    assert headers["x-late"] == "yes"
    assert "x-late" not in headers["authorization"]


async def test_length_and_hash_are_those_of_the_body_as_it_is_sent() -> None:
    async def rewrite(call: AnyCall, call_next: AnyNext) -> Any:
        call.request.body = b'{"rewritten":true}'
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(rewrite, step="finalize", priority="low")
        await client.invoke("echo", {"a": 1})
    sent = calls_of(client).calls[0]
    assert sent.payload == b'{"rewritten":true}'
    assert sent.headers["content-length"] == "18"
    assert sent.headers["x-amz-content-sha256"] == hashlib.sha256(sent.payload).hexdigest()


async def test_a_middleware_can_change_the_output() -> None:
    async def upper(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        return attrs.evolve(output, payload=output.payload.upper())

    async with fake_client() as client:
        client.middleware_stack.add(upper, step="deserialize")
        assert (await client.invoke("echo", ["tea"])).text() == '["TEA"]'


async def test_a_middleware_can_raise() -> None:
    class NotToday(Exception):
        pass

    async def refuse(call: AnyCall, call_next: AnyNext) -> Any:
        raise NotToday

    async with fake_client() as client:
        client.middleware_stack.add(refuse, step="finalize")
        with pytest.raises(NotToday):
            await client.invoke("echo")
        assert client.stats.in_flight == 0


@virtually
async def test_a_middleware_can_clean_up_when_its_call_is_cancelled() -> None:
    cleaned: list[str] = []

    async def watch(call: AnyCall, call_next: AnyNext) -> Any:
        try:
            return await call_next(call)
        finally:
            cleaned.append(call.command_name)

    async with fake_client() as client:
        client.middleware_stack.add(watch, step="finalize")
        task = asyncio.create_task(client.invoke("sleep", {"s": 60}))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.stats.in_flight == 0
    assert cleaned == ["InvokeCommand"]


async def test_a_middleware_sees_the_call_as_far_as_it_has_come() -> None:
    seen: dict[str, tuple[int, bool]] = {}

    def at(step: Any) -> Any:
        async def look(call: AnyCall, call_next: AnyNext) -> Any:
            try:
                has_request = bool(call.request)
            except ConfigurationError:
                has_request = False
            seen[step] = (call.attempt, has_request)
            call.state.setdefault("steps", []).append(step)
            output = await call_next(call)
            assert call.response is not None
            assert call.response.status == 200
            return output

        return look

    async with fake_client() as client:
        for step in ("initialize", "serialize", "build", "finalize", "deserialize"):
            client.middleware_stack.add(at(step), step=step)
        await client.invoke("echo")
    assert seen == {
        "initialize": (0, False),
        "serialize": (0, True),
        "build": (0, True),
        "finalize": (1, True),
        "deserialize": (1, True),
    }


async def test_nothing_that_an_attempt_sets_outlives_it() -> None:
    seen: list[Headers] = []

    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        await call_next(call)
        seen.append(call.request.headers)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(twice, step="build", priority="low")
        await client.invoke("echo")
    assert "authorization" not in seen[0]
    assert "amz-sdk-request" not in seen[0]
    assert [call.attempt for call in calls_of(client).calls] == [1, 2]


async def test_the_stack_of_a_command_joins_that_of_the_client_behind_it() -> None:
    order: list[str] = []

    def note(name: str) -> Any:
        async def middleware(call: AnyCall, call_next: AnyNext) -> Any:
            order.append(name)
            return await call_next(call)

        return middleware

    command = InvokeCommand(function_name="echo")
    command.middleware_stack.add(note("command"))
    async with fake_client() as client:
        client.middleware_stack.add(note("client"))
        await client.send(command)
        await client.invoke("echo")
        client.middleware_stack.add(note("later"))
        await client.send(command)
    assert order == ["client", "command", "client", "client", "later", "command"]


async def test_stacks_that_do_not_change_are_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def passing(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    command = InvokeCommand(function_name="echo")
    command.middleware_stack.add(passing, name="own")
    async with fake_client() as client:
        await client.send(command)
        await client.invoke("echo")
        alone, joined = client._chain(InvokeCommand(function_name="echo")), client._chain(command)
        assert client._chain(InvokeCommand(function_name="other")) is alone
        assert client._chain(command) is joined
        command.middleware_stack.remove("own")
        assert client._chain(command) is alone


@virtually
async def test_a_change_of_the_stack_does_not_reach_a_call_in_flight() -> None:
    ran: list[str] = []

    async def late(call: AnyCall, call_next: AnyNext) -> Any:
        ran.append("late")
        return await call_next(call)

    async def pause(call: AnyCall, call_next: AnyNext) -> Any:
        await asyncio.sleep(1)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(pause)
        call = asyncio.create_task(client.invoke("echo"))
        await asyncio.sleep(0.5)
        client.middleware_stack.add(late, step="deserialize")
        await call
        assert ran == []
        await client.invoke("echo")
        assert ran == ["late"]


async def test_a_missing_anchor_fails_the_call_and_names_both() -> None:
    async def lost(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add_relative_to(lost, relation="before", to_middleware="nowhere", name="lost")
        with pytest.raises(MiddlewareStackError, match="nowhere.*lost"):
            await client.invoke("echo")


async def test_a_traceback_shows_one_frame_for_each_middleware_that_waits_for_the_rest() -> None:
    """Those that only prepare the call are over by then; neighbours among them share the frame that goes on."""

    async def mine(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(mine, step="build")
        with pytest.raises(AiolambdaError) as raised:
            await client.send(InvokeCommand(function_name="nobody"))
        frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    prepared = "prepare_and_go_on"
    begin, end = frames.index(prepared), frames.index("deserialize")
    assert frames[begin : end + 1] == [
        *(prepared, "mine", prepared, "retry", "hold_slot", "sign", "deserialize"),
    ]


async def test_an_error_in_a_preparation_shows_where_it_was_raised() -> None:
    async with fake_client() as client:
        with pytest.raises(InvalidInputError) as raised:
            await client.send(InvokeCommand(function_name="a/b"))
        frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert "validate" in frames


@pytest.mark.parametrize(
    "name",
    [
        "loggerMiddleware",
        "validationMiddleware",
        "endpointV2Middleware",
        "contentLengthMiddleware",
        "getUserAgentMiddleware",
        "hostHeaderMiddleware",
        "recursionDetectionMiddleware",
        "retryMiddleware",
        "concurrencyMiddleware",
        "httpSigningMiddleware",
    ],
)
async def test_a_built_in_can_be_removed_and_the_call_still_goes_through(name: str) -> None:
    async with fake_client() as client:
        assert client.middleware_stack.remove(name)
        output = await client.invoke("echo", {"n": 1})
    assert output.json() == {"n": 1}


async def test_without_signing_no_credentials_are_needed() -> None:
    class Plain(FakeTransport):
        offline = False

    transport = Plain({"echo": echo})
    client = LambdaClient(transport=transport, region="us-east-1")
    client.middleware_stack.remove("awsAuthMiddleware")
    async with client:
        await client.invoke("echo")
    assert "authorization" not in transport.calls[0].headers


async def test_signing_can_be_replaced() -> None:
    async def token(call: AnyCall, call_next: AnyNext) -> Any:
        call.request.headers["authorization"] = "Bearer tea"
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(token, step="finalize", name="httpSigningMiddleware", override=True)
        await client.invoke("echo")
        order = client.middleware_stack.identify()
    assert calls_of(client).calls[0].headers["authorization"] == "Bearer tea"
    assert order.index("httpSigningMiddleware - finalize") > order.index("concurrencyMiddleware - finalize")


async def test_a_middleware_may_send_another_command_with_one_slot() -> None:
    async def nested(call: AnyCall, call_next: AnyNext) -> Any:
        if call.function_name == "echo":
            await client.invoke("sleep", {"s": 0})
        return await call_next(call)

    client = fake_client(max_concurrency=1)
    for step in ("initialize", "serialize", "build", "finalize"):
        client.middleware_stack.add(nested, step=step, priority="low")
    async with client, asyncio.timeout(5):
        await client.invoke("echo")
    assert len(calls_of(client).calls) == 5


# --- the verdict of a call ---------------------------------------------------------------------------------------------


class Failing(FakeTransport):
    """Plays outcomes, one a request: an error to raise, or `None` to answer."""

    def __init__(self, *outcomes: Exception | None) -> None:
        super().__init__({"f": echo})
        self.outcomes = list(outcomes)

    async def send(self, request: Request, /) -> Response:
        response = await super().send(request)
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return response


async def once_more(call: AnyCall, call_next: AnyNext) -> Any:
    try:
        return await call_next(call)
    except TransportError:
        return await call_next(call)


@pytest.mark.parametrize("step", ["initialize", "build", "finalize", "deserialize"])
@pytest.mark.parametrize("anchored", [False, True], ids=["in its step", "behind the deserializer"])
async def test_the_verdict_of_a_call_is_the_worst_of_its_attempts(step: Any, anchored: bool) -> None:
    transport = Failing(ConnectionLostError("lost"), ConnectError("refused"))
    async with LambdaClient(transport=transport, retry=NoRetry()) as client:
        if anchored:
            client.middleware_stack.add_relative_to(once_more, relation="after", to_middleware="deserializerMiddleware")
        else:
            client.middleware_stack.add(once_more, step=step)
        with pytest.raises(ConnectError, match="it may have run") as raised:
            await client.invoke("f")
        assert client.stats.unknown == 1
    assert (raised.value.delivery, raised.value.may_have_run, raised.value.attempts) == (Delivery.UNKNOWN, True, 2)


@virtually
async def test_a_retry_that_finds_no_slot_does_not_hide_that_the_first_attempt_may_have_run() -> None:
    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        try:
            return await call_next(call)
        except TransportError:
            await asyncio.sleep(1)
            return await call_next(call)

    transport = Failing(ConnectionLostError("lost"))
    transport._functions["sleep"] = sleep
    async with LambdaClient(transport=transport, max_concurrency=1) as client:
        client.middleware_stack.add(twice, step="finalize")
        call = asyncio.create_task(client.invoke("f", timeout=Timeouts(queue=5)))
        await asyncio.sleep(0.5)
        transport.outcomes.append(None)
        holder = asyncio.create_task(client.invoke("sleep", {"s": 60}))
        with pytest.raises(QueueTimeoutError) as raised:
            await call
        await holder
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.UNKNOWN, 1)


async def test_an_error_behind_an_answer_says_that_the_function_has_run() -> None:
    async def audit(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        if call.function_name == "echo":
            await client.invoke("nobody", "{}")
        return output

    async with fake_client() as client:
        client.middleware_stack.add(audit)
        with pytest.raises(ResourceNotFoundException) as raised:
            await client.invoke("echo")
    assert (raised.value.function_name, raised.value.delivery) == ("nobody", Delivery.EXECUTED)
    assert raised.value.__notes__ == ["It came out of a call of 'echo', which may have run."]


@pytest.mark.parametrize(
    "name", ["deserializerMiddleware", "retryMiddleware", "concurrencyMiddleware", "httpSigningMiddleware"]
)
@pytest.mark.parametrize("how", ["limit", "close"])
def test_a_request_that_was_sent_is_known_to_have_been_sent_whatever_is_removed(name: str, how: str) -> None:
    async def main() -> None:
        client = fake_client()
        client.middleware_stack.remove(name)
        call = asyncio.create_task(client.send(InvokeCommand(function_name="sleep", payload={"s": 60}), timeout=5))
        await asyncio.sleep(1)
        if how == "close":
            await client.close(grace=0)
        with pytest.raises((InvocationTimeoutError, ClientClosedError)) as raised:
            await call
        assert raised.value.delivery is Delivery.UNKNOWN
        await client.close()

    virtual.run(main())


async def test_an_attempt_does_not_see_the_answer_of_the_one_before() -> None:
    seen: list[object] = []

    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        await call_next(call)
        try:
            return await call_next(call)
        except ConnectionLostError:
            seen.append(call.response)
            raise

    async with LambdaClient(transport=Failing(None, ConnectionLostError("lost"))) as client:
        client.middleware_stack.add(twice, step="finalize")
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("f")
    assert seen == [None]
    assert raised.value.delivery is Delivery.EXECUTED


async def test_a_middleware_may_make_an_output_of_its_own() -> None:
    async def answer(call: AnyCall, call_next: AnyNext) -> Any:
        return InvokeCommandOutput(status_code=200, payload=b"[1]", metadata=Metadata(http_status_code=200))

    async with fake_client() as client:
        client.middleware_stack.add(answer)
        output = await client.invoke("echo")
    assert (output.json(), output.decode(list)) == ([1], [1])


async def test_a_function_error_can_be_pickled_whatever_the_codec() -> None:
    def fails(event: object) -> object:
        raise ValueError("no")

    class Local(JsonCodec):
        pass

    async with LambdaClient(transport=FakeTransport({"f": fails}), codec=Local()) as client:
        with pytest.raises(FunctionError) as raised:
            await client.invoke("f")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.__notes__, copy.output.payload) == (
        str(raised.value),
        raised.value.__notes__,
        raised.value.output.payload if raised.value.output else None,
    )


# --- limits ----------------------------------------------------------------------------------------------------------


@virtually
async def test_the_total_limit_ends_a_call_wherever_it_is() -> None:
    async with fake_client() as client:
        with pytest.raises(InvocationTimeoutError, match="'sleep'") as raised:
            await client.invoke("sleep", {"s": 60}, timeout=3)
        assert (raised.value.exceeded, raised.value.delivery, raised.value.elapsed) == ("total", Delivery.UNKNOWN, 3.0)
        assert isinstance(raised.value, TimeoutError)


@virtually
async def test_a_call_can_lift_the_limit_of_its_client() -> None:
    async with fake_client(timeout=3) as client:
        assert (await client.invoke("sleep", {"s": 60}, timeout=None)).json() == "slept"
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("sleep", {"s": 60})


@virtually
async def test_a_limit_from_outside_stays_that_of_its_owner() -> None:
    async with fake_client(timeout=100) as client:
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(2):
                await client.invoke("sleep", {"s": 60})
        assert not isinstance(raised.value, AiolambdaError)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.invoke("sleep", {"s": 60}), 2)


@virtually
async def test_the_total_limit_before_anything_is_sent_says_not_delivered() -> None:
    async def slow_credentials(call: AnyCall, call_next: AnyNext) -> Any:
        await asyncio.sleep(10)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(slow_credentials, step="finalize")
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("echo", timeout=1)
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_DELIVERED, 0)


@virtually
async def test_slots_are_given_in_the_order_of_asking() -> None:
    async with fake_client(max_concurrency=2) as client:
        tasks = [asyncio.create_task(client.invoke("sleep", {"s": 1, "number": number})) for number in range(6)]
        await asyncio.sleep(0.5)
        assert (client.stats.in_flight, client.stats.waiting) == (2, 4)
        await asyncio.gather(*tasks)
        assert (client.stats.in_flight, client.stats.waiting, client.stats.executed) == (0, 0, 6)
        assert [call.json()["number"] for call in calls_of(client).calls] == list(range(6))
    assert asyncio.get_running_loop().time() == 3.0


@virtually
async def test_the_queue_limit_ends_a_wait_for_a_slot() -> None:
    async with fake_client(max_concurrency=1) as client:
        holder = asyncio.create_task(client.invoke("sleep", {"s": 10}))
        await asyncio.sleep(1)
        with pytest.raises(QueueTimeoutError, match="no slot was free within 2 s") as raised:
            await client.invoke("echo", timeout=Timeouts(queue=2))
        assert (raised.value.exceeded, raised.value.stage, raised.value.delivery) == ("queue", "queue", Delivery.NOT_DELIVERED)
        assert client.stats.waiting == 0
        await holder


@virtually
async def test_a_waiter_that_is_cancelled_takes_no_slot_with_it() -> None:
    async with fake_client(max_concurrency=1) as client:
        holder = asyncio.create_task(client.invoke("sleep", {"s": 1}))
        await asyncio.sleep(0.1)
        waiters = [asyncio.create_task(client.invoke("echo")) for _ in range(2)]
        await asyncio.sleep(0.1)
        waiters[0].cancel()
        outcomes = await asyncio.gather(holder, *waiters, return_exceptions=True)
        assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [False, True, False]
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)


@virtually
async def test_a_slot_that_is_handed_to_a_waiter_as_it_is_cancelled_goes_to_the_next() -> None:
    slots = Slots(1, logger=logging.getLogger())
    await slots.take(None)
    first, second = (asyncio.create_task(slots.take(None)) for _ in range(2))
    await asyncio.sleep(0.1)
    slots.give_back()
    first.cancel()
    await asyncio.wait([first, second])
    assert (first.cancelled(), second.cancelled(), slots.in_flight) == (True, False, 1)
    slots.give_back()
    assert (slots.in_flight, slots.waiting) == (0, 0)


def test_more_concurrency_than_open_files_allow_is_an_error_that_says_both() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, hard))
    try:
        with pytest.raises(ConfigurationError, match=r"max_concurrency is 501, .* room for 500 connections"):
            LambdaClient(max_concurrency=501)
        assert LambdaClient(max_concurrency=500)._wiring.slots.limit == 500
        assert LambdaClient()._wiring.slots.limit == 500
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(5000, hard), hard))
        assert LambdaClient()._wiring.slots.limit == 1000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "10"])
def test_a_concurrency_that_is_no_positive_number_is_an_error(number: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        LambdaClient(max_concurrency=number)


@pytest.mark.parametrize("limit", [-1, "5", True])
def test_a_limit_that_is_no_number_of_seconds_is_an_error(limit: Any) -> None:
    with pytest.raises(ValueError, match="total"):
        LambdaClient(timeout=limit)


@pytest.mark.parametrize("limit", ["connect", "read", "idle"])
def test_a_limit_that_would_be_none_at_zero_is_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match=limit):
        Timeouts(**{limit: 0})
    assert Timeouts(total=0, queue=0).total == 0


@virtually
async def test_ten_thousand_waiters_can_give_up_at_once() -> None:
    """Each looks at nobody else: the sum of their work grows with their number, not with its square."""
    slots = Slots(1, logger=logging.getLogger())
    await slots.take(None)
    waits = [asyncio.create_task(slots.take(1)) for _ in range(10_000)]
    done, _ = await asyncio.wait(waits)
    assert all(isinstance(task.exception(), QueueTimeoutError) for task in done)
    assert (slots.waiting, slots.in_flight) == (0, 1)
    assert len(slots._waiters) <= 1001
    slots.give_back()
    await slots.take(0)


# --- closing ---------------------------------------------------------------------------------------------------------


@virtually
async def test_closing_lets_calls_end_within_the_grace() -> None:
    client = fake_client()
    call = asyncio.create_task(client.invoke("sleep", {"s": 5}))
    await asyncio.sleep(1)
    await client.close()
    assert (await call).json() == "slept"
    assert asyncio.get_running_loop().time() == 5.0


@virtually
async def test_closing_cuts_what_the_grace_does_not_suffice_for() -> None:
    client = fake_client()
    calls = [asyncio.create_task(client.invoke("sleep", {"s": seconds})) for seconds in (1, 60, 60)]
    await asyncio.sleep(0.5)
    await client.close(grace=2)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(outcomes[0], InvokeCommandOutput)
    assert [type(outcome) for outcome in outcomes[1:]] == [ClientClosedError, ClientClosedError]
    assert all(outcome.delivery is Delivery.UNKNOWN for outcome in outcomes[1:] if isinstance(outcome, AiolambdaError))
    assert asyncio.get_running_loop().time() == 2.5


@virtually
async def test_closing_without_a_limit_waits_for_all() -> None:
    client = fake_client()
    call = asyncio.create_task(client.invoke("sleep", {"s": 600}))
    await asyncio.sleep(0)
    await client.close(grace=None)
    assert call.done()


@virtually
async def test_a_call_that_waits_for_a_slot_is_cut_as_not_delivered() -> None:
    client = fake_client(max_concurrency=1)
    calls = [asyncio.create_task(client.invoke("sleep", {"s": 60})) for _ in range(2)]
    await asyncio.sleep(1)
    await client.close(grace=0)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    verdicts = [outcome.delivery for outcome in outcomes if isinstance(outcome, ClientClosedError)]
    assert verdicts == [Delivery.UNKNOWN, Delivery.NOT_DELIVERED]


@virtually
async def test_leaving_the_block_by_an_exception_cuts_at_once() -> None:
    call: asyncio.Task[InvokeCommandOutput] | None = None
    with pytest.raises(KeyError):
        async with fake_client() as client:
            call = asyncio.create_task(client.invoke("sleep", {"s": 60}))
            await asyncio.sleep(1)
            raise KeyError
    assert asyncio.get_running_loop().time() == 1.0
    assert call is not None
    assert isinstance(call.exception(), ClientClosedError)


@virtually
async def test_closing_twice_is_fine_and_a_closed_client_starts_nothing() -> None:
    client = fake_client()
    await client.open()
    await client.close()
    await client.close()
    with pytest.raises(ClientClosedError, match="closed") as raised:
        await client.invoke("echo")
    assert (raised.value.delivery, isinstance(raised.value, RuntimeError)) == (Delivery.NOT_DELIVERED, True)


@virtually
async def test_a_close_that_is_cancelled_still_cuts_the_calls() -> None:
    client = fake_client()
    call = asyncio.create_task(client.invoke("sleep", {"s": 60}))
    await asyncio.sleep(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await client.close(grace=30)
    await asyncio.wait([call])
    assert isinstance(call.exception(), ClientClosedError)


async def test_a_closed_client_cannot_be_opened_again() -> None:
    client = fake_client()
    await client.close()
    with pytest.raises(ClientClosedError):
        await client.open()


async def test_a_transport_is_closed_with_its_client_even_if_that_was_never_opened() -> None:
    class Closing(FakeTransport):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    transport = Closing({})
    await LambdaClient(transport=transport).close()
    assert transport.closed == 1


async def test_calls_that_wait_for_an_open_that_fails_all_have_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def failing(*arguments: object, **options: object) -> Any:
        opened.append(arguments)
        raise ConfigurationError("no credentials")

    client = LambdaClient(region="us-east-1")
    monkeypatch.setattr("aiolambda.client.startup.resolve", failing)
    outcomes = await asyncio.gather(*(client.invoke("f") for _ in range(50)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConfigurationError] * 50
    assert len(opened) == 1
    with pytest.raises(ConfigurationError):
        await client.open()
    assert len(opened) == 2
    await client.close()


async def test_a_first_call_that_is_cancelled_leaves_the_opening_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, release = opening_module.resolve, threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        release.wait(10)
        return resolve(*arguments, **options)

    monkeypatch.setattr("aiolambda.client.startup.needs_thread", lambda *_, **__: True)
    monkeypatch.setattr("aiolambda.client.startup.resolve", slow)
    async with asyncio.timeout(20):
        client = fake_client()
        first, second = (asyncio.create_task(client.invoke("echo", 1)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        release.set()
        assert (await second).json() == 1
        assert first.cancelled()
        await client.close()


async def test_closing_does_not_wait_for_an_open_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("aiolambda.client.startup.needs_thread", lambda *_, **__: True)
    monkeypatch.setattr("aiolambda.client.startup.resolve", lambda *_, **__: release.wait(10))
    try:
        async with asyncio.timeout(5):
            client = fake_client()
            opening, call = asyncio.create_task(client.open()), asyncio.create_task(client.invoke("echo"))
            await asyncio.sleep(0.01)
            await client.close(grace=0)
            outcomes = await asyncio.gather(opening, call, return_exceptions=True)
    finally:
        release.set()
    assert [type(outcome) for outcome in outcomes] == [ClientClosedError, ClientClosedError]
    assert all(isinstance(outcome, ClientClosedError) and not outcome.may_have_run for outcome in outcomes)


async def test_a_command_is_freed_with_the_middlewares_that_hold_it() -> None:
    class Counting(InvokeCommand):
        __slots__ = ("__weakref__",)

        async def count(self, call: AnyCall, call_next: AnyNext) -> Any:
            return await call_next(call)

    alive: list[weakref.ref[Counting]] = []
    async with fake_client() as client:
        for _ in range(20):
            command = Counting(function_name="echo")
            command.middleware_stack.add(command.count)
            await client.send(command)
            alive.append(weakref.ref(command))
        del command
        gc.collect()
        assert [reference for reference in alive if reference() is not None] == []


async def test_a_fake_takes_the_arn_of_any_region() -> None:
    async with fake_client() as client:
        output = await client.invoke("arn:aws:lambda:eu-west-1:123456789012:function:echo:live", 1)
    assert output.json() == 1


# --- what is said of a call ------------------------------------------------------------------------------------------


async def test_a_call_is_logged_without_its_payload(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="aiolambda"):
        async with fake_client() as client:
            await client.invoke("echo", {"password": "hunter2"}, client_context={"token": "hunter3"}, tenant_id="hunter4")
            with pytest.raises(ResourceNotFoundException):
                await client.invoke("nobody", {"password": "hunter2"})
    assert "LambdaClient InvokeCommand 'echo': done, request id" in caplog.text
    assert "'nobody': ResourceNotFoundException, refused" in caplog.text
    assert "hunter" not in caplog.text


async def test_no_repr_shows_payloads_contexts_tenants_or_keys() -> None:
    seen: list[str] = []

    async def look(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        seen.extend(map(repr, (call, call.input, call.command, call.request, call.request.headers, call.response, output)))
        return output

    credentials = Credentials("AKIDHUNTER00EXAMPLE", "hunter-secret", "hunter-token")
    async with fake_client(credentials=credentials) as client:
        client.middleware_stack.add(look, step="finalize", priority="low")
        await client.invoke("echo", {"password": "hunter2"}, client_context={"token": "hunter3"}, tenant_id="hunter4")
        seen += [repr(client), repr(client.config), repr(credentials), repr(calls_of(client).calls), repr(client._wiring)]
    assert "hunter" not in "".join(seen)
    assert "AKID...MPLE" in repr(credentials)


async def test_throttles_are_counted_by_reason() -> None:
    class Throttling(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            headers = Headers({"x-amzn-errortype": "TooManyRequestsException", "retry-after": "7"})
            return Response(429, headers, b'{"Reason":"CallerRateLimitExceeded","message":"Rate Exceeded."}')

    async with LambdaClient(transport=Throttling({}), retry=NoRetry()) as client:
        with pytest.raises(TooManyRequestsException, match="CallerRateLimitExceeded") as raised:
            await client.invoke("f")
        assert dict(client.stats.throttled) == {"CallerRateLimitExceeded": 1}
    assert (raised.value.retry_after, raised.value.scope, raised.value.delivery) == (7.0, "caller", Delivery.REFUSED)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.retry_after, copy.metadata) == (str(raised.value), 7.0, raised.value.metadata)


async def test_a_client_that_was_not_closed_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    client = fake_client()
    await client.invoke("echo")
    del client
    gc.collect()
    assert asyncio.all_tasks() == before
