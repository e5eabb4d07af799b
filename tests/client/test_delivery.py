"""The verdict of a call: could the function have run?"""

import asyncio
import pickle
from typing import Any

import pytest

from aiolambda import (
    ClientClosedError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    Failure,
    FunctionError,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandOutput,
    JsonCodec,
    LambdaClient,
    Metadata,
    NoRetry,
    QueueTimeoutError,
    ResourceNotFoundException,
    Timeouts,
    TransportError,
)
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Request, Response

from ..support.client_calls import AnyCall, AnyNext, echo, fake_client, sleep


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
async def test_delivery_is_the_worst_of_all_attempts(step: Any, anchored: bool) -> None:
    transport = Failing(ConnectionLostError("lost"), ConnectError("refused"))
    async with LambdaClient(transport=transport, retry=NoRetry()) as client:
        if anchored:
            client.middleware_stack.add_relative_to(once_more, relation="after", to_middleware="deserializerMiddleware")
        else:
            client.middleware_stack.add(once_more, step=step)
        with pytest.raises(ConnectError, match="it may have run") as raised:
            await client.invoke("f")
        assert client.stats.failed == {Delivery.UNKNOWN: 1}
    assert (raised.value.delivery, raised.value.may_have_run, raised.value.attempts) == (Delivery.UNKNOWN, True, 2)


@pytest.mark.virtual_time
async def test_retry_without_slot_keeps_unknown_delivery() -> None:
    async def twice(call: AnyCall, call_next: AnyNext) -> Any:
        try:
            return await call_next(call)
        except TransportError:
            await asyncio.sleep(1)
            return await call_next(call)

    transport = Failing(ConnectionLostError("lost"))
    transport.add("sleep", sleep)
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


async def test_lost_dry_run_has_not_run(caplog: pytest.LogCaptureFixture) -> None:
    """It asks Lambda to run nothing. `idempotent=False` still sends it once only, as the caller asked."""
    outcomes = (ConnectionLostError("lost"), InvocationTimeoutError("late", exceeded="read", stage="wait"))
    async with LambdaClient(transport=Failing(*outcomes), idempotent=False) as client:
        for outcome in outcomes:
            with caplog.at_level("DEBUG"), pytest.raises(type(outcome), match="it has not run") as raised:
                await client.dry_run("f")
            assert (raised.value.delivery, raised.value.may_have_run) == (Delivery.NOT_DELIVERED, False)
            assert f"not delivered, the function did not run ({type(outcome).__name__})" in caplog.text
        assert client.stats.retries == 0


async def test_error_after_a_response_is_delivery_executed() -> None:
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
    assert raised.value.__notes__ == ["Raised inside a call of 'echo', which may have run."]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "name", ["deserializerMiddleware", "retryMiddleware", "concurrencyMiddleware", "httpSigningMiddleware"]
)
@pytest.mark.parametrize("how", ["limit", "close"])
async def test_sent_request_is_unknown_without_middlewares(name: str, how: str) -> None:
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


async def test_attempt_does_not_see_the_previous_response() -> None:
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


async def test_function_error_pickles_with_any_codec() -> None:
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


@pytest.mark.virtual_time
async def test_stage_of_another_transport_is_no_error() -> None:
    """A transport of one's own may name stages that this client does not know."""

    class OfItsOwn(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            request.stage = "handshake"  # type: ignore[assignment]
            await asyncio.sleep(60)
            return await super().send(request)

    async with LambdaClient(transport=OfItsOwn({"f": echo})) as client:
        with pytest.raises(InvocationTimeoutError, match="did not end within 0.01 s: it was in flight") as raised:
            await client.invoke("f", 1, timeout=0.01)
        assert raised.value.delivery is Delivery.UNKNOWN


@pytest.mark.virtual_time
async def test_item_that_was_sent_is_not_called_unsent() -> None:
    """The run ends while an item waits for the slot of its second attempt: its error is that of the first."""
    transport = Failing(ConnectionLostError("lost"), None)
    others: list[asyncio.Task[Any]] = []

    class TakesTheSlot(NoRetry):
        def pause(self, failure: Failure) -> float | None:
            others.append(asyncio.create_task(client.invoke("other", {"s": 0.2})))
            return 0.01

    transport.add("other", sleep)
    async with LambdaClient(transport=transport, max_concurrency=1, idempotent=True, retry=TakesTheSlot()) as client:
        async with client.map("f", [1], concurrency=1, deadline=0.1) as run:
            (result,) = [result async for result in run]
        assert isinstance(result.error, ConnectionLostError)
        assert result.error.delivery is Delivery.UNKNOWN
        assert [call.function_name for call in transport.calls] == ["f", "other"]
        await asyncio.gather(*others)
