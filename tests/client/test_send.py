"""`client.send` and `client.invoke`: inputs, outputs, settings of one call."""

import asyncio
import traceback
from typing import Any

import attrs
import pytest

from aiolambda import (
    Delivery,
    FunctionError,
    InvalidInputError,
    InvokeCommand,
    InvokeCommandOutput,
    LambdaClient,
    LambdaClientConfig,
    ResourceNotFoundException,
)
from aiolambda.testing import FakeTransport

from ..support.client_calls import AnyCall, AnyNext, calls_of, echo, fake_client


async def test_send_returns_the_output_of_its_command() -> None:
    async with fake_client() as client:
        output = await client.send(InvokeCommand(function_name="echo", payload={"id": 7}))
    assert isinstance(output, InvokeCommandOutput)
    assert (output.status_code, output.payload, output.json(), output.text()) == (200, b'{"id": 7}', {"id": 7}, '{"id": 7}')
    assert output.metadata.attempts == 1
    assert [attempt.delivery for attempt in output.metadata.history] == [Delivery.EXECUTED]
    assert output.metadata.request_id


async def test_unopened_client_opens_at_its_first_call() -> None:
    client = fake_client()
    assert (await client.invoke("echo", 1)).json() == 1
    await client.close()


async def test_client_can_be_built_without_a_running_loop() -> None:
    client = await asyncio.to_thread(fake_client)
    async with client:
        assert (await client.invoke("echo", [1])).json() == [1]


async def test_only_invoke_raises_on_a_function_error() -> None:
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


async def test_invoke_event_returns_a_receipt() -> None:
    async with fake_client() as client:
        receipt = await client.invoke_event("echo", {"a": 1})
    assert receipt.status_code == 202
    assert receipt.metadata.history[0].delivery is Delivery.ACCEPTED
    assert not hasattr(receipt, "json")


async def test_output_without_payload_names_the_type() -> None:
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


async def test_command_can_be_sent_concurrently() -> None:
    command = InvokeCommand(function_name="echo", payload=[1])
    async with fake_client() as client:
        outputs = await asyncio.gather(*(client.send(command) for _ in range(50)))
    assert {output.payload for output in outputs} == {b"[1]"}
    assert len({call.headers["amz-sdk-invocation-id"] for call in calls_of(client).calls}) == 50


async def test_refused_call_names_its_function() -> None:
    async with fake_client() as client:
        with pytest.raises(ResourceNotFoundException) as raised:
            await client.invoke("nobody")
    assert (raised.value.function_name, raised.value.delivery, raised.value.fault) == ("nobody", Delivery.REFUSED, "client")
    assert raised.value.metadata.attempts == 1


@pytest.mark.parametrize("text", ["hello", "", " ", "NaN", "nothing", "True", "'a'", "undefined"])
async def test_invoke_refuses_text_that_is_not_json(text: str) -> None:
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


async def test_encoding_error_hides_the_payload() -> None:
    async with fake_client() as client:
        with pytest.raises(InvalidInputError, match="payload cannot be encoded.*set") as raised:
            await client.invoke("echo", {"secret-value": {1, 2}})
    assert (raised.value.member, raised.value.delivery) == ("payload", Delivery.NOT_DELIVERED)
    assert "secret-value" not in str(raised.value)


async def test_output_is_decoded_by_the_clients_codec() -> None:
    @attrs.frozen
    class Order:
        id: int

    async with fake_client() as client:
        output = await client.invoke("echo", Order(7))
    assert output.decode(Order) == Order(7)
    assert output.decode(dict) == {"id": 7}
    with pytest.raises(TypeError):
        output.decode(list)


async def test_config_object_replaces_settings() -> None:
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
async def test_idempotent_of_the_call_overrides_command(
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


async def test_dry_run_is_idempotent_by_default() -> None:
    seen: list[bool] = []

    async def note(call: AnyCall, call_next: AnyNext) -> Any:
        seen.append(call.idempotent)
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(note)
        await client.dry_run("echo")
        await client.send(InvokeCommand(function_name="echo", invocation_type="DryRun", idempotent=False))
    assert seen == [True, False]
