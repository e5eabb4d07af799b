"""Middlewares of the client and of a command."""

import asyncio
import hashlib
import traceback
from typing import Any

import attrs
import pytest

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConfigurationError,
    InvalidInputError,
    InvokeCommand,
    InvokeCommandInput,
    InvokeCommandOutput,
    LambdaClient,
    MiddlewareStackError,
)
from aiolambda.pipeline.command import parts_of
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers

from ..support.client_calls import AnyCall, AnyNext, calls_of, echo, fake_client


async def test_middleware_can_answer_without_call_next() -> None:
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
async def test_middleware_can_call_next_twice_at_any_step(step: Any) -> None:
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


async def test_changed_input_is_validated_again() -> None:
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


async def test_header_set_after_signing_is_unsigned() -> None:
    async def add_header(call: AnyCall, call_next: AnyNext) -> Any:
        call.request.headers["x-late"] = "yes"
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add_relative_to(add_header, relation="after", to_middleware="httpSigningMiddleware")
        await client.invoke("echo")
    headers = calls_of(client).calls[0].headers
    assert headers["x-late"] == "yes"
    assert "x-late" not in headers["authorization"]


async def test_length_and_hash_match_the_changed_body() -> None:
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


@pytest.mark.virtual_time
async def test_middleware_can_clean_up_on_cancellation() -> None:
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


async def test_stack_that_makes_no_request_says_so() -> None:
    async with fake_client() as client:
        client.middleware_stack.remove("endpointV2Middleware")
        client.middleware_stack.remove("serializerMiddleware")
        with pytest.raises(ConfigurationError, match=r"call\.request does not exist yet"):
            await client.invoke("echo")


async def test_property_of_a_command_class_is_asked() -> None:
    class Renamed(InvokeCommand):
        @property
        def input(self) -> InvokeCommandInput:
            return attrs.evolve(super().input, function_name="echo")

    async with fake_client() as client:
        await client.send(Renamed(function_name="other"))
    assert [call.function_name for call in calls_of(client).calls] == ["echo"]


async def test_call_gains_request_and_attempt_by_step() -> None:
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


async def test_attempt_state_does_not_reach_the_retry() -> None:
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


async def test_command_middlewares_run_after_the_clients() -> None:
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


async def test_unchanged_stacks_are_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def passing(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    command = InvokeCommand(function_name="echo")
    command.middleware_stack.add(passing, name="own")
    async with fake_client() as client:
        await client.send(command)
        await client.invoke("echo")

        def chain(command: InvokeCommand) -> object:
            return client._stack.fold_for(type(command), parts_of(command)[2], client._dispatch).chain

        alone, joined = chain(InvokeCommand(function_name="echo")), chain(command)
        assert chain(InvokeCommand(function_name="other")) is alone
        assert chain(command) is joined
        command.middleware_stack.remove("own")
        assert chain(command) is alone


@pytest.mark.virtual_time
async def test_stack_change_spares_calls_in_flight() -> None:
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


async def test_missing_anchor_fails_the_call() -> None:
    async def lost(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add_relative_to(lost, relation="before", to_middleware="nowhere", name="lost")
        with pytest.raises(MiddlewareStackError, match="nowhere.*lost"):
            await client.invoke("echo")


async def test_traceback_has_one_frame_for_each_middleware() -> None:
    """Built-ins share frames with their neighbours, and those that only prepare the call are over by then."""

    async def mine(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(mine, step="build")
        with pytest.raises(AiolambdaError) as raised:
            await client.send(InvokeCommand(function_name="nobody"))
        frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert frames[frames.index("run") + 1 :] == ["prepare_and_go_on", "mine", "retry", "attempt", "_output"]


async def test_traceback_without_fusing_names_each_built_in() -> None:
    async with fake_client() as client:
        client._stack._fuses = False
        with pytest.raises(AiolambdaError) as raised:
            await client.send(InvokeCommand(function_name="nobody"))
        frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    prepared = ["prepare_and_go_on"] * 7
    assert frames[frames.index("run") + 1 :] == [*prepared, "retry", "hold_slot", "prepare_and_go_on", "__call__", "_output"]


async def test_traceback_shows_the_failed_preparation() -> None:
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
async def test_built_in_middleware_can_be_removed(name: str) -> None:
    async with fake_client() as client:
        assert client.middleware_stack.remove(name)
        output = await client.invoke("echo", {"n": 1})
    assert output.json() == {"n": 1}


async def test_unsigned_client_needs_no_credentials() -> None:
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


async def test_middleware_may_send_with_a_single_slot() -> None:
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
