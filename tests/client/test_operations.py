"""Calls that manage functions, through the client: what is repeated, slots of their own, verdicts, errors, and observers."""

import asyncio
import json
import threading
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    Call,
    CallNext,
    ConnectionLostError,
    Credentials,
    Delivery,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    NoRetry,
    QueueTimeoutError,
    Request,
    Response,
    StandardRetry,
    Timeouts,
    TooManyRequestsException,
)
from aiolambda.operations import (
    CreateAliasCommand,
    GetAccountSettingsCommand,
    GetDurableExecutionCommand,
    GetFunctionCommand,
    GetFunctionCommandInput,
    GetFunctionCommandOutput,
    GetFunctionConfigurationCommand,
    InvokeAsyncCommand,
    PauseDurableExecutionCommand,
    PublishVersionCommand,
    UpdateFunctionCodeCommand,
)
from aiolambda.types.events import CallEnded, ClientObserver, Outcome

from ..support.api_values import Answering

pytestmark = pytest.mark.virtual_time

FIELDS = {"x-amzn-requestid": "id-1", "content-type": "application/json"}
FOUND = Response(200, FIELDS, b'{"FunctionName": "f", "State": "Active"}')
FAILED = Response(500, {**FIELDS, "x-amzn-errortype": "ServiceException"}, b'{"Message": "it failed"}')
CONFLICT = Response(409, {**FIELDS, "x-amzn-errortype": "ResourceConflictException"}, b'{"message": "busy"}')
RETRY = StandardRetry(max_backoff=0.1)


def client_with(transport: Any, **settings: Any) -> LambdaClient:
    given: dict[str, Any] = {"credentials": Credentials("AKIDEXAMPLE", "secret"), "region": "eu-west-1", "retry": RETRY}
    return LambdaClient(transport=transport, **{**given, **settings})


class Holding(Answering):
    """A transport that answers an operation, or an invocation, once it is told to."""

    def __init__(self) -> None:
        super().__init__(FOUND)
        self.released = asyncio.Event()

    async def send(self, request: Request, /) -> Response:
        response = await super().send(request)
        await self.released.wait()
        return response

    def count(self, part: str) -> int:
        return len([request for request in self.requests if part in request.url])


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


# The output


async def test_output_has_members_and_facts() -> None:
    transport = Answering(FOUND)
    async with client_with(transport) as client:
        output = await client.send(GetFunctionConfigurationCommand(function_name="f", qualifier="live"))
    assert (output.function_name, output.state, output.timeout) == ("f", "Active", None)
    assert (output.metadata.request_id, output.metadata.attempts, output.metadata.http_status_code) == ("id-1", 1, 200)
    (request,) = transport.requests
    assert request.url == "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/configuration?Qualifier=live"
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert (request.timeouts.read, "content-length" in request.headers) == (60.0, False)


async def test_a_middleware_of_one_command_sees_its_types() -> None:
    async def to_live(
        call: Call[GetFunctionCommandInput, GetFunctionCommandOutput],
        call_next: CallNext[GetFunctionCommandInput, GetFunctionCommandOutput],
    ) -> GetFunctionCommandOutput:
        call.input = call.input.evolve(qualifier="live")
        return await call_next(call)

    transport = Answering(FOUND)
    async with client_with(transport) as client:
        client.middleware_stack.add(to_live, only=GetFunctionCommand)
        await client.send(GetFunctionCommand(function_name="f"))
        await client.send(GetAccountSettingsCommand())
    assert [request.url.partition("?")[2] for request in transport.requests] == ["Qualifier=live", ""]


async def test_arn_decides_the_region_only_if_it_may() -> None:
    command = GetFunctionCommand(function_name="arn:aws:lambda:us-east-2:123456789012:function:f")
    async with client_with(Answering(FOUND)) as client:
        with pytest.raises(InvalidInputError, match="is an ARN in us-east-2, and the client's region is eu-west-1"):
            await client.send(command)
    transport = Answering(FOUND)
    async with client_with(transport, use_arn_region=True) as client:
        await client.send(command)
    assert transport.requests[0].url.startswith("https://lambda.us-east-2.amazonaws.com/")


@pytest.mark.parametrize("can_start", [True, False], ids=["thread", "no thread"])
async def test_code_of_a_function_is_encoded_beside_the_loop(can_start: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded_in: list[bool] = []
    operation = UpdateFunctionCodeCommand.operation
    request = operation.request

    def noting(*arguments: Any, **options: Any) -> Request:
        encoded_in.append(threading.current_thread() is threading.main_thread())
        return request(*arguments, **options)

    def cannot_start(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(operation, "request", noting)
    transport = Answering(FOUND)
    async with client_with(transport) as client:
        await client.send(READS)
        if not can_start:
            monkeypatch.setattr(threading.Thread, "start", cannot_start)
        for size in (1024 * 1024, 2 * 1024 * 1024):
            await client.send(UpdateFunctionCodeCommand(function_name="f", zip_file=b"x" * size))
    assert encoded_in == [True, not can_start]
    assert [len(json.loads(sent.body)["ZipFile"]) for sent in transport.requests[1:]] == [1_398_104, 2_796_204]


# Repeats

READS, IDEMPOTENT = GetFunctionCommand(function_name="f"), CreateAliasCommand(function_name="f", name="a", function_version="1")
ONCE = PublishVersionCommand(function_name="f")


@pytest.mark.parametrize(
    ("command", "client_says", "call_says", "attempts"),
    [
        (READS, None, None, 3),
        (READS, False, None, 3),
        (READS, None, False, 1),
        (IDEMPOTENT, None, None, 3),
        (ONCE, None, None, 1),
        (ONCE, True, None, 1),
        (ONCE, None, True, 3),
        (PublishVersionCommand(function_name="f", idempotent=True), False, None, 3),
    ],
    ids=["reads", "reads, client", "reads, call", "idempotent", "once", "once, client", "once, call", "once, command"],
)
async def test_a_call_that_may_have_been_carried_out_is_repeated_if_that_does_no_harm(
    command: Any, client_says: bool | None, call_says: bool | None, attempts: int
) -> None:
    for failure in (FAILED, ConnectionLostError("lost", delivery=Delivery.UNKNOWN)):
        transport = Answering(failure)
        async with client_with(transport, idempotent=client_says) as client:
            with pytest.raises((LambdaServiceException, ConnectionLostError)) as raised:
                await client.send(command, idempotent=call_says)
        assert (len(transport.requests), raised.value.delivery) == (attempts, Delivery.UNKNOWN)


async def test_throttled_call_waits() -> None:
    throttled = Response(429, {**FIELDS, "x-amzn-errortype": "TooManyRequestsException", "retry-after": "7"}, b"{}")
    async with client_with(Answering(throttled, throttled, FOUND)) as client:
        started = asyncio.get_running_loop().time()
        output = await client.send(ONCE)
        assert (output.metadata.attempts, asyncio.get_running_loop().time() - started >= 14) == (3, True)
        assert client.stats.throttled == {}


async def test_token_is_the_same_in_all_attempts() -> None:
    transport = Answering(FAILED, FOUND)
    async with client_with(transport) as client:
        await client.send(PauseDurableExecutionCommand(durable_execution_arn="a"))
    first, second = transport.requests
    assert (first.body, len(first.body)) == (second.body, len('{"ClientToken": "00000000-0000-4000-8000-000000000000"}'))


# Slots


async def test_operations_neither_wait_for_invocations_nor_keep_them_waiting() -> None:
    transport = Holding()
    async with client_with(transport, max_concurrency=1) as client:
        tasks = [asyncio.create_task(client.send(InvokeCommand(function_name="f"))) for _ in range(2)]
        tasks += [asyncio.create_task(client.send(READS)) for _ in range(12)]  # type: ignore[arg-type]
        await settled()
        assert (transport.count("/invocations"), transport.count("/functions/f")) == (1, 11)
        assert (client.stats.in_flight, client.stats.waiting) == (1, 1)
        transport.released.set()
        await asyncio.gather(*tasks)
        assert (transport.count("/invocations"), len(transport.requests)) == (2, 14)


async def test_waiting_for_a_slot_names_its_limit() -> None:
    transport = Holding()
    async with client_with(transport) as client:
        tasks = [asyncio.create_task(client.send(READS)) for _ in range(10)]
        await settled()
        with pytest.raises(QueueTimeoutError, match=r"\(the limit of calls that manage functions is 10\)") as raised:
            await client.send(READS, timeout=Timeouts(queue=3))
        assert "operation GetFunction, function 'f'" in str(raised.value)
        assert raised.value.delivery is Delivery.NOT_DELIVERED
        transport.released.set()
        await asyncio.gather(*tasks)


async def test_cancelled_call_gives_its_slot_back() -> None:
    transport = Holding()
    async with client_with(transport) as client:
        for _ in range(12):
            task = asyncio.create_task(client.send(READS))
            await settled()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert len(transport.requests) == 12
        transport.released.set()
        await client.send(READS)


# Verdicts and errors


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        (CONFLICT, Delivery.REFUSED),
        (Response(400, {**FIELDS, "x-amzn-errortype": "NewException"}, b"{}"), Delivery.REFUSED),
        (Response(412, {**FIELDS, "x-amzn-errortype": "PreconditionFailedException"}, b"{}"), Delivery.REFUSED),
        (Response(408, FIELDS, b""), Delivery.UNKNOWN),
        (Response(502, FIELDS, b"<html>"), Delivery.UNKNOWN),
        (FAILED, Delivery.UNKNOWN),
    ],
    ids=["conflict", "new", "precondition", "408", "502", "500"],
)
async def test_fault_of_the_caller_says_that_nothing_was_done(answer: Response, delivery: Delivery) -> None:
    async with client_with(Answering(answer), retry=NoRetry()) as client:
        with pytest.raises(LambdaServiceException) as raised:
            await client.send(ONCE)
    assert raised.value.delivery is delivery


@pytest.mark.parametrize(
    ("status", "fields", "body", "said"),
    [
        (200, FIELDS, b"[1]", "the answer to PublishVersion cannot be read: its body is not a JSON object"),
        (
            200,
            {**FIELDS, "content-type": "text/html"},
            b"<html>",
            "the answer to PublishVersion cannot be read: its body is not",
        ),
        (200, {**FIELDS, "content-encoding": "gzip"}, b"{}", "the answer is not Lambda's: its body is encoded"),
        (200, {}, b"{}", "the answer is not Lambda's: it has no x-amzn-requestid"),
        (206, FIELDS, b"{}", "the answer is not Lambda's: it is HTTP 206"),
    ],
    ids=["list", "page", "encoded", "no request id", "206"],
)
async def test_answer_of_somebody_else_leaves_open_what_was_done(
    status: int, fields: dict[str, str], body: bytes, said: str
) -> None:
    transport = Answering(Response(status, fields, body))
    async with client_with(transport) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.send(ONCE)
        with pytest.raises(ConnectionLostError):
            await client.send(READS)
    assert str(raised.value).startswith(said)
    assert (raised.value.delivery, len(transport.requests)) == (Delivery.UNKNOWN, 4)


async def test_error_names_operation_and_function() -> None:
    async with client_with(Answering(FAILED), retry=NoRetry()) as client:
        with pytest.raises(LambdaServiceException) as raised:
            await client.send(ONCE)
        assert str(raised.value) == (
            "it failed (ServiceException, HTTP 500, operation PublishVersion, function 'f', request id id-1, "
            "attempt 1, 0.00 s, it may have been carried out)"
        )
        with pytest.raises(LambdaServiceException) as raised:
            await client.send(GetAccountSettingsCommand())
        assert "HTTP 500, operation GetAccountSettings, request id id-1" in str(raised.value)
        assert raised.value.function_name is None


async def test_denied_operation_is_not_said_to_need_another_permission() -> None:
    said = "User: arn is not authorized to perform: lambda:GetFunction"
    body = json.dumps({"Message": said}).encode()
    async with client_with(Answering(Response(403, {**FIELDS, "x-amzn-errortype": "AccessDeniedException"}, body))) as client:
        with pytest.raises(AccessDeniedException) as raised:
            await client.send(READS)
    assert str(raised.value).startswith(f"{said} (AccessDeniedException, HTTP 403, operation GetFunction, function 'f'")
    assert "InvokeFunction" not in str(raised.value)


async def test_limit_says_whether_it_was_carried_out() -> None:
    async with client_with(Holding()) as client:
        with pytest.raises(
            InvocationTimeoutError, match="operation PublishVersion, function 'f'.*it may have been carried out"
        ):
            await client.send(ONCE, timeout=3)


# What others see


async def test_operations_are_not_counted_as_invocations() -> None:
    async with client_with(Answering(FAILED, FOUND)) as client:
        await client.send(READS)
        stats = client.stats
    assert (stats.executed, stats.retried, stats.unknown, stats.throttled) == (0, 0, 0, {})


async def test_durable_execution_that_is_described_was_not_started() -> None:
    body = b'{"DurableExecutionArn": "arn", "FunctionArn": "f"}'
    async with client_with(Answering(Response(200, FIELDS, body))) as client:
        output = await client.send(GetDurableExecutionCommand(durable_execution_arn="arn"))
        assert (output.durable_execution_arn, client._state.durable) == ("arn", set())


class Ends(ClientObserver):
    def __init__(self) -> None:
        self.ends: list[CallEnded] = []

    def call_ended(self, event: CallEnded, /) -> None:
        self.ends.append(event)


@pytest.mark.parametrize(
    ("answer", "command", "outcome"),
    [
        (FOUND, UpdateFunctionCodeCommand(function_name="f"), Outcome.EXECUTED),
        (Response(202, FIELDS, b""), InvokeAsyncCommand(function_name="f", invoke_args=b"{}"), Outcome.ACCEPTED),
        (CONFLICT, UpdateFunctionCodeCommand(function_name="f"), Outcome.REFUSED),
        (FAILED, UpdateFunctionCodeCommand(function_name="f"), Outcome.UNKNOWN),
    ],
    ids=["carried out", "queued", "refused", "unknown"],
)
async def test_observers_are_told_of_the_operation(answer: Response, command: Any, outcome: Outcome) -> None:
    observer = Ends()
    async with client_with(Answering(answer)) as client:
        client.observe(observer)
        await asyncio.gather(client.send(command), return_exceptions=True)
    (end,) = observer.ends
    assert (end.outcome, end.attempts, end.status_code) == (outcome, 1, answer.status)
    facts = end.call
    assert facts.operation == type(command).__name__.removesuffix("Command")
    assert (facts.function_name, facts.invocation_type, facts.qualifier) == ("f", "", None)


async def test_observers_see_the_throttles_of_an_operation() -> None:
    codes: list[str] = []

    class Throttles(ClientObserver):
        def throttled(self, event: Any, /) -> None:
            codes.append(event.code)

    throttled = Response(429, {**FIELDS, "x-amzn-errortype": "TooManyRequestsException"}, b"{}")
    async with client_with(Answering(throttled), retry=NoRetry()) as client:
        client.observe(Throttles())
        with pytest.raises(TooManyRequestsException):
            await client.send(READS)
    assert codes == ["TooManyRequestsException"]


def test_a_client_takes_its_slots_to_another_loop() -> None:
    client = client_with(Answering(FOUND))

    async def sends() -> None:
        await asyncio.gather(*(client.send(READS) for _ in range(12)))

    asyncio.run(sends())
    asyncio.run(sends())
    assert client._state.control_slots.in_flight == 0
    asyncio.run(client.close())
