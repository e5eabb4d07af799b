"""Which attempts are sent again."""

import asyncio
from typing import Any

import attrs
import pytest

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConnectError,
    ConnectionLostError,
    Delivery,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaServiceException,
    QueueTimeoutError,
    StandardRetry,
    TooManyRequestsException,
    TransportError,
)
from aiolambda.types.http import Request, Response

from ..support.retrying import Outcome, Scripted, answer, client_of, now, throttle


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "fault", [ConnectError("refused"), answer(502, "ResourceNotReadyException")], ids=["connect", "passes"]
)
async def test_undelivered_call_is_tried_three_times(fault: Outcome) -> None:
    transport = Scripted(fault)
    async with client_of(transport) as client:
        with pytest.raises(AiolambdaError) as raised:
            await client.invoke("orders")
        assert client.stats.retries == 2
    assert transport.times == pytest.approx([0, 0.05, 0.15])
    assert raised.value.may_have_run is False


UNKNOWN = [
    ConnectionLostError("lost"),
    InvocationTimeoutError("silence", exceeded="read", stage="wait"),
    answer(500),
    answer(503),
]


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", UNKNOWN, ids=["lost", "silent", "500", "503"])
@pytest.mark.parametrize(
    ("client_says", "command_says", "call_says", "attempts"),
    [
        (None, None, None, 1),
        (True, None, None, 3),
        (None, True, None, 3),
        (None, None, True, 3),
        (True, False, None, 1),
        (True, None, False, 1),
        (False, True, None, 3),
        (False, False, True, 3),
        (True, True, False, 1),
    ],
)
async def test_unknown_call_is_retried_only_if_idempotent(
    fault: Outcome, client_says: bool | None, command_says: bool | None, call_says: bool | None, attempts: int
) -> None:
    transport = Scripted(fault)
    async with client_of(transport, idempotent=client_says) as client:
        with pytest.raises(AiolambdaError) as raised:
            await client.send(InvokeCommand(function_name="orders", idempotent=command_says), idempotent=call_says)
        assert (client.stats.failed, client.stats.attempts) == ({Delivery.UNKNOWN: 1}, attempts)
    assert len(transport.times) == attempts
    assert raised.value.delivery is Delivery.UNKNOWN


@pytest.mark.virtual_time
async def test_dry_run_retry_can_be_disabled() -> None:
    attempts: list[int] = []
    for client_says, command_says, call_says in [
        (None, None, None),
        (False, None, None),
        (None, False, None),
        (None, None, False),
    ]:
        transport = Scripted(answer(500))
        async with client_of(transport, idempotent=client_says) as client:
            command = InvokeCommand(function_name="orders", invocation_type="DryRun", idempotent=command_says)
            with pytest.raises(LambdaServiceException):
                await client.send(command, idempotent=call_says)
        attempts.append(len(transport.times))
    assert attempts == [3, 1, 1, 1]


@pytest.mark.virtual_time
async def test_dry_run_made_real_is_not_idempotent() -> None:
    async def for_real(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.input = attrs.evolve(call.input, invocation_type="RequestResponse")
        return await call_next(call)

    transport = Scripted(answer(500))
    async with client_of(transport) as client:
        client.middleware_stack.add(for_real)
        with pytest.raises(LambdaServiceException):
            await client.dry_run("orders")
    assert len(transport.times) == 1


@pytest.mark.virtual_time
async def test_durable_name_retries_on_durable_functions() -> None:
    transport = Scripted(answer(500), answer(x_amz_durable_execution_arn="arn:aws:lambda:durable"), answer(500), answer())
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders", {"id": 7}, durable_execution_name="order-7")
        await client.invoke("orders", {"id": 7}, durable_execution_name="order-7")
        await client.invoke("orders", {"id": 7}, durable_execution_name="order-8")
        assert [request.headers["x-amz-durable-execution-name"] for request in transport.requests] == [
            "order-7",
            "order-7",
            "order-8",
            "order-8",
        ]
        assert {request.body for request in transport.requests} == {b'{"id":7}'}
        transport.outcomes = [answer(500), answer()]
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders", {"id": 7})  # without a name it runs anew each time
        with pytest.raises(LambdaServiceException):
            transport.outcomes = [answer(500), answer()]
            await client.invoke("stock", {"id": 7}, durable_execution_name="order-9")


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "KMSDisabledException",
        "RuntimeAliasDeletedException",
        "RuntimeVersionDeletedException",
        "SomethingNew",
    ],
)
@pytest.mark.parametrize("idempotent", [None, True])
async def test_permanent_errors_are_not_retried(code: str, idempotent: bool | None) -> None:
    transport = Scripted(answer(502 if code.startswith("KMS") else 403, code))
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders", idempotent=idempotent)
    assert transport.times == [0]


@pytest.mark.virtual_time
async def test_function_response_is_never_retried() -> None:
    transport = Scripted(answer(x_amz_function_error="Unhandled", body=b'{"errorMessage":"no"}'))
    async with client_of(transport, idempotent=True) as client:
        output = await client.send(InvokeCommand(function_name="orders"))
        assert output.function_error == "Unhandled"
    assert len(transport.times) == 1


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "fault", [ConnectError("certificate", transient=False), QueueTimeoutError("full")], ids=["not transient", "queue"]
)
async def test_permanent_transport_errors_are_not_retried(fault: Outcome) -> None:
    transport = Scripted(fault)
    async with client_of(transport, idempotent=True) as client:
        with pytest.raises(TransportError):
            await client.invoke("orders")
    assert transport.times == [0]


@pytest.mark.virtual_time
async def test_middleware_errors_are_not_retried() -> None:
    async def audit(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "audited":
            await client.invoke("auditor")
        return await call_next(call)

    async def translate(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except ConnectError as error:
            raise TransportError("translated", delivery=Delivery.NOT_DELIVERED) from error

    transport = Scripted(ConnectError("refused"))
    async with client_of(transport) as client:
        client.middleware_stack.add(audit, step="finalize", name="audit")
        with pytest.raises(ConnectError):
            await client.invoke("audited")
        assert len(transport.times) == 3  # those of the auditor: the audited call was never sent
        client.middleware_stack.remove("audit")
        client.middleware_stack.add(translate, step="finalize")
        with pytest.raises(TransportError, match="translated"):
            await client.invoke("orders")
        assert len(transport.times) == 4


@pytest.mark.virtual_time
async def test_resent_request_has_the_worst_delivery() -> None:
    async def once_more(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except ConnectionLostError:
            return await call_next(call)

    transport = Scripted(ConnectionLostError("lost"), throttle(), answer())
    async with client_of(transport) as client:
        client.middleware_stack.add(once_more, step="finalize")
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders")
    assert (len(transport.times), raised.value.delivery) == (2, Delivery.UNKNOWN)


@pytest.mark.virtual_time
async def test_hedged_requests_have_separate_verdicts() -> None:
    """The second is still connecting when the first one, which was read, is lost."""

    class Hedged(Scripted):
        async def send(self, request: Request, /) -> Response:
            self.requests.append(request)
            if len(self.requests) > 1:
                request.stage = "connect"
                await asyncio.sleep(100)
            request.stage = "wait"
            await asyncio.sleep(2)
            return answer()

    async def hedge(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        first = asyncio.ensure_future(call_next(call))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(call_next(call))
        await asyncio.sleep(0.5)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        raise ConnectError("both were given up")

    async with client_of(Hedged(answer())) as client:
        client.middleware_stack.add(hedge, step="finalize")
        with pytest.raises(ConnectError) as raised:
            await client.invoke("orders")
    assert sorted(attempt.delivery for attempt in raised.value.history) == [Delivery.NOT_DELIVERED, Delivery.UNKNOWN]
    assert raised.value.may_have_run


@pytest.mark.virtual_time
async def test_nested_error_keeps_its_own_attempts() -> None:
    async def check_first(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if "nested" not in client.middleware_stack.identify():
            return await call_next(call)
        client.middleware_stack.remove("nested")
        return await client.invoke(call.function_name)

    async with client_of(Scripted(lambda _: ConnectError("refused"))) as client:
        client.middleware_stack.add(check_first)
        client.middleware_stack.add(check_first, name="nested", step="build")
        with pytest.raises(ConnectError) as raised:
            await client.invoke("orders")
    assert raised.value.attempts == 3


@pytest.mark.virtual_time
async def test_stale_connection_is_retried_at_once() -> None:
    lost = ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    transport = Scripted(*[lost] * 9, ConnectError("refused"), ConnectError("refused"), answer())
    strategy = StandardRetry()
    async with client_of(transport, retry=strategy) as client:
        output = await client.invoke("orders")
        assert strategy.tokens == 500 - 14
    assert transport.times == pytest.approx([0] * 10 + [0.05, 0.15])
    assert output.metadata.attempts == 12
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == [f"attempt={n}" for n in range(1, 13)]


@pytest.mark.virtual_time
async def test_ten_stale_connections_in_a_row_end_the_call() -> None:
    transport = Scripted(ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True))
    async with client_of(transport) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("orders")
    assert (raised.value.attempts, raised.value.delivery, now()) == (11, Delivery.NOT_DELIVERED, 0)
