"""`FakeTransport`: its functions, records, events and logs, and every scripted failure as the client sees it."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Generator
from decimal import Decimal
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
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
    ResourceNotFoundException,
    StreamError,
    ThrottleReason,
    Timeouts,
    TooManyRequestsException,
)
from aiolambda.emulation.python_runtime import FaultException
from aiolambda.errors.service import EXCEPTIONS, ExpiredTokenException, InvalidRequestContentException
from aiolambda.testing import FakeTransport, FunctionFailure, RecordedCall

# ruff: noqa: T201 - handlers print


def echo(event: Any) -> Any:
    return event


def make(**options: Any) -> tuple[FakeTransport, LambdaClient]:
    fake = FakeTransport({"orders": echo})
    return fake, LambdaClient(transport=fake, **options)


# Functions


async def test_a_fake_may_be_empty_and_be_filled() -> None:
    fake = FakeTransport()
    async with LambdaClient(transport=fake) as client:
        with pytest.raises(ResourceNotFoundException, match=r"Function not found: arn:aws:lambda:us-east-1:0+:function:orders"):
            await client.invoke("orders")
        fake.add("orders", lambda _: "first")
        assert (await client.invoke("orders")).json() == "first"
        fake.add("orders", lambda _: "second")
        assert (await client.invoke("orders")).json() == "second"


async def test_a_handler_gets_the_context_of_its_call() -> None:
    seen: list[Any] = []

    def handler(event: object, context: Any) -> None:
        seen.append(context)

    fake = FakeTransport({"orders": handler})
    async with LambdaClient(transport=fake) as client:
        output = await client.invoke("orders", client_context={"custom": {"tea": "green"}}, tenant_id="blue")
    (context,) = seen
    assert context.aws_request_id == output.metadata.request_id == fake.calls[0].request_id
    assert (context.function_name, context.function_version, context.memory_limit_in_mb) == ("orders", "$LATEST", "128")
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:000000000000:function:orders"
    assert (context.client_context.custom, context.client_context.client) == ({"tea": "green"}, None)
    assert (context.tenant_id, context.identity.cognito_identity_id) == ("blue", None)
    assert 55_000 < context.get_remaining_time_in_millis() <= 60_000
    assert context.log_group_name == "/aws/lambda/orders"


async def test_the_context_counts_down_the_timeout() -> None:
    fake = FakeTransport()
    fake.add("orders", lambda _, context: context.get_remaining_time_in_millis(), timeout=3)
    async with LambdaClient(transport=fake) as client:
        assert 2000 < (await client.invoke("orders")).json() <= 3000


async def test_results_are_encoded_as_by_the_runtime() -> None:
    fake = FakeTransport({"price": lambda _: {"total": Decimal("12345678901234567.89")}})
    async with LambdaClient(transport=fake) as client:
        output = await client.invoke("price")
    assert output.payload == b'{"total": 12345678901234567.89}'


async def test_qualifiers_choose_handler_and_version() -> None:
    fake = FakeTransport()
    fake.add("orders", lambda _: "latest")
    fake.add("orders", lambda _, context: context.invoked_function_arn, qualifier="live", version="7")
    fake.add("orders:3", lambda _, context: context.function_version)
    fake.add("stock", lambda _: "any")
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    async with LambdaClient(transport=fake) as client:

        async def answer(name: str, qualifier: str | None = None) -> tuple[object, str | None]:
            output = await client.send(InvokeCommand(function_name=name, qualifier=qualifier))
            return output.json(), output.executed_version

        assert await answer("orders") == await answer("orders:$LATEST") == await answer(arn) == ("latest", "$LATEST")
        assert await answer("orders", "$LATEST") == ("latest", "$LATEST")
        assert await answer(f"{arn}:live") == (f"{arn}:live", "7")
        assert await answer("orders", "live") == ("arn:aws:lambda:us-east-1:000000000000:function:orders:live", "7")
        assert await answer("123456789012:function:orders:3") == ("3", "3")
        assert await answer("stock:blue") == ("any", "$LATEST")
        with pytest.raises(ResourceNotFoundException, match="function:orders:blue"):
            await answer("orders:blue")
    assert [call.qualifier for call in fake.calls_of("orders")][-3:] == ["live", "3", "blue"]
    assert [execution.version for execution in fake.executions_of("orders")] == ["$LATEST"] * 4 + ["7", "7", "3"]


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        (("orders", {"a": 1}), {}, "handler of 'orders' is a dict, not a function of the event"),
        ((7, echo), {}, "a function name must be a string; got an int"),
        (("orders:live", echo), {"qualifier": "blue"}, "'orders:live' names another qualifier than 'blue'"),
        (("orders", echo), {"timeout": "3"}, "timeout must be a number of seconds"),
    ],
)
def test_a_wrong_function_is_refused(arguments: Any, options: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        FakeTransport().add(*arguments, **options)


async def test_a_payload_that_is_not_json_is_refused() -> None:
    fake, client = make()
    async with client:
        for payload in (b"{", b"[NaN]", b'"\xff"'):
            with pytest.raises(InvalidRequestContentException, match="Could not parse request body into json"):
                await client.send(InvokeCommand(function_name="orders", payload=payload))
    assert (len(fake.calls), fake.executions) == (3, [])


async def test_failures_of_a_handler_are_in_the_answer() -> None:
    def quits(event: object) -> None:
        sys.exit(3)

    class NoText(Exception):
        def __str__(self) -> str:
            raise KeyError

    def fails(event: object) -> None:
        raise NoText

    fake = FakeTransport({"quits": quits, "fails": fails, "set": lambda _: {1}})
    async with LambdaClient(transport=fake) as client:
        for name, error_type in (
            ("quits", "Runtime.ExitError"),
            ("fails", "Runtime.ExitError"),
            ("set", "Runtime.MarshalError"),
        ):
            with pytest.raises(FunctionError) as raised:
                await client.invoke(name)
            assert raised.value.error_type == error_type
    assert [type(execution.error) for execution in fake.executions] == [SystemExit, NoText, FaultException]


# Records


async def test_a_call_records_everything_that_was_sent() -> None:
    fake, client = make()
    async with client:
        command = InvokeCommand(
            function_name="orders",
            qualifier="live",
            payload={"id": 7},
            log_type="Tail",
            client_context={"custom": {"a": 1}},
            tenant_id="blue",
            durable_execution_name="run-7",
        )
        output = await client.send(command)
        await client.invoke("orders")
        async with client.stream("orders", {}) as stream:
            await stream.read()
    first, second, third = fake.calls
    assert isinstance(first, RecordedCall)
    assert (first.function_name, first.qualifier, first.payload, first.json()) == ("orders", "live", b'{"id":7}', {"id": 7})
    assert (first.invocation_type, first.log_type, first.attempt, first.streamed) == ("RequestResponse", "Tail", 1, False)
    assert (first.client_context, first.tenant_id, first.durable_execution_name) == ({"custom": {"a": 1}}, "blue", "run-7")
    assert first.path == "/2015-03-31/functions/orders/invocations"
    assert first.url.endswith("?Qualifier=live")
    assert first.request_id == output.metadata.request_id
    assert "authorization" in first.headers
    assert first.time <= second.time <= third.time
    assert (second.qualifier, second.client_context, second.tenant_id, second.log_type) == (None, None, None, "None")
    assert (third.streamed, third.path) == (True, "/2021-11-15/functions/orders/response-streaming-invocations")
    assert [execution.request_id for execution in fake.executions] == [call.request_id for call in fake.calls]
    assert (fake.executions[0].event(), fake.executions[0].result()) == ({"id": 7}, {"id": 7})
    for text in (repr(first), repr(fake.executions[0])):
        assert "<8 bytes>" in text
        assert "blue" not in text


async def test_records_are_found_by_function_and_forgotten() -> None:
    fake, client = make()
    fake.add("stock", echo)
    async with client:
        await asyncio.gather(*(client.invoke(name) for name in ("orders", "stock", "orders:live")))
        assert [call.function_name for call in fake.calls_of("orders")] == ["orders", "orders:live"]
        assert len(fake.executions_of("stock")) == 1
        fake.fail("orders", ValueError)
        fake.reset()
        assert (fake.calls, fake.executions) == ([], [])
        await client.invoke("orders")


# The log


async def test_a_tail_has_the_lines_of_lambda_and_what_was_printed() -> None:
    both = asyncio.Barrier(2)

    async def prints(event: Any) -> None:
        print(f"order {event}")
        await both.wait()
        print("to stderr", file=sys.stderr)
        if event == 2:
            raise ValueError("no tea")

    fake = FakeTransport({"orders": prints})
    async with LambdaClient(transport=fake) as client:
        commands = [InvokeCommand(function_name="orders", payload=number, log_type="Tail") for number in (1, 2)]
        first, second = await asyncio.gather(*map(client.send, commands))
        assert first.log_tail is not None
        assert second.log_tail is not None
        lines = first.log_tail.splitlines()
        request_id = first.metadata.request_id
        assert lines[:3] == [f"START RequestId: {request_id} Version: $LATEST", "order 1", "to stderr"]
        assert lines[3] == f"END RequestId: {request_id}"
        assert lines[4].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
        assert first.report is not None
        assert first.report.memory_size_mb == 128
        assert "[ERROR] ValueError: no tea\nTraceback (most recent call last):\n" in second.log_tail
        assert "order 1" not in second.log_tail


async def test_a_streamed_answer_has_a_tail_too() -> None:
    def writes(event: object) -> Generator[str]:
        print("one")
        yield "a"
        print("two")

    fake = FakeTransport({"writer": writes})
    async with LambdaClient(transport=fake) as client:
        async with client.stream("writer", log_type="Tail") as stream:
            assert await stream.read() == b"a"
        assert stream.log_tail is not None
        assert stream.log_tail.splitlines()[1:3] == ["one", "two"]


# Events


async def test_an_event_runs_after_its_answer_in_order() -> None:
    go_on, ran = asyncio.Event(), list[int]()

    async def handler(event: int) -> None:
        await go_on.wait()
        ran.append(event)
        if event == 2:
            raise ValueError("no tea")

    fake = FakeTransport({"orders": handler})
    async with LambdaClient(transport=fake) as client:
        for number in (1, 2, 3):
            receipt = await client.invoke_event("orders", number)
            assert receipt.status_code == 202
        assert (ran, fake.executions) == ([], [])
        go_on.set()
        await fake.wait_idle()
        assert ran == [1, 2, 3]
    assert [execution.error_type for execution in fake.executions] == [None, "ValueError", None]
    assert str(fake.executions[1].error) == "no tea"
    assert [call.invocation_type for call in fake.calls] == ["Event"] * 3


async def test_idle_includes_the_events_of_events() -> None:
    fake = FakeTransport()

    async def sends(event: int) -> None:
        if event:
            await client.invoke_event("orders", event - 1)

    fake.add("orders", sends)
    async with LambdaClient(transport=fake) as client:
        await fake.wait_idle()
        await client.invoke_event("orders", 3)
        await fake.wait_idle()
    assert [execution.event() for execution in fake.executions] == [3, 2, 1, 0]


async def test_closing_waits_for_events() -> None:
    async def handler(event: object) -> None:
        await asyncio.sleep(0.01)

    fake = FakeTransport({"orders": handler})
    async with LambdaClient(transport=fake) as client:
        await client.invoke_event("orders")
        await client.invoke_event("orders")
    assert [execution.error_type for execution in fake.executions] == [None, None]


async def test_an_abort_ends_events() -> None:
    async def endless(event: object) -> None:
        await asyncio.Event().wait()

    fake = FakeTransport({"orders": endless})
    client = LambdaClient(transport=fake)
    for number in range(2):
        await client.invoke_event("orders", number)
    await asyncio.sleep(0)
    client.abort()
    await fake.wait_idle()
    assert [(one.event(), one.error_type) for one in fake.executions] == [(0, "CancelledError")]
    assert [call.json() for call in fake.events] == [0, 1]


@pytest.mark.virtual_time
async def test_aborting_cancels_the_events() -> None:
    begun, seen = asyncio.Event(), list[object]()

    async def slow(event: object) -> None:
        seen.append(event)
        begun.set()
        await asyncio.Event().wait()

    fake = FakeTransport({"audit": slow})
    client = LambdaClient(transport=fake)
    for number in range(2):
        await client.invoke_event("audit", number)
    await begun.wait()
    client.abort()
    await fake.wait_idle()
    assert (seen, [run.function_name for run in fake.executions]) == ([0], ["audit"])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_ends_an_event_that_hangs() -> None:
    async def hangs(event: object) -> None:
        await asyncio.Event().wait()

    fake = FakeTransport({"orders": hangs})
    async with LambdaClient(transport=fake) as client:
        await client.invoke_event("orders")
        await client.invoke_event("orders")
    assert [execution.error_type for execution in fake.executions] == ["CancelledError"]


def test_a_fake_moves_to_another_loop() -> None:
    fake, client = make()

    async def call() -> object:
        await client.invoke_event("orders", 1)
        await fake.wait_idle()
        return (await client.invoke("orders", 2)).json()

    assert [asyncio.run(call()) for _ in range(2)] == [2, 2]
    asyncio.run(client.close())
    assert len(fake.executions) == 4


def test_events_go_on_in_the_next_loop() -> None:
    """The first loop is left with an event that hangs, and one behind it."""
    hang = True

    async def handler(event: object) -> None:
        if hang:
            await asyncio.Event().wait()

    fake = FakeTransport({"orders": handler})

    async def send() -> None:
        async with asyncio.timeout(5):
            client = LambdaClient(transport=fake)
            await client.invoke_event("orders", 1)
            await client.invoke_event("orders", 2)
            await asyncio.sleep(0)

    async def wait() -> None:
        async with asyncio.timeout(5):
            await fake.wait_idle()

    asyncio.run(send())
    hang = False
    asyncio.run(wait())
    assert [(execution.event(), execution.error_type) for execution in fake.executions] == [(1, "CancelledError"), (2, None)]


async def test_a_dry_run_runs_nothing() -> None:
    fake, client = make()
    async with client:
        output = await client.send(InvokeCommand(function_name="orders", invocation_type="DryRun"))
        assert output.status_code == 204
        fake.fail("orders", EXCEPTIONS["AccessDeniedException"])
        with pytest.raises(EXCEPTIONS["AccessDeniedException"]):
            await client.send(InvokeCommand(function_name="orders", invocation_type="DryRun"))
    assert fake.executions == []


# Failures


async def error_of(call: Any) -> AiolambdaError:
    with pytest.raises(AiolambdaError) as raised:
        await call
    return raised.value


@pytest.mark.virtual_time
async def test_a_throttle_is_waited_for() -> None:
    fake, client = make()
    fake.fail("orders", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=2)
    async with client:
        output = await client.invoke("orders", {"id": 7})
        assert client.stats.throttled == {ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 2}
    assert output.metadata.attempts == 3
    first, second, third = fake.calls
    assert (first.attempt, second.attempt, third.attempt) == (1, 2, 3)
    assert second.time - first.time >= 2
    assert third.time - second.time >= 2
    assert len(fake.executions) == 1


@pytest.mark.parametrize("name", EXCEPTIONS)
async def test_each_error_of_the_service_is_raised(name: str) -> None:
    fake, client = make(retry=NoRetry())
    async with client:
        fake.fail("orders", EXCEPTIONS[name])
        error = await error_of(client.invoke("orders"))
        assert type(error) is EXCEPTIONS[name]
        assert error.function_name == "orders"
        assert error.request_id == fake.calls[0].request_id  # type: ignore[attr-defined]
        streamed = await error_of(stream_of(client, "orders"))
        assert (type(streamed), streamed.delivery) == (EXCEPTIONS[name], error.delivery)
    assert fake.executions == []


async def stream_of(client: LambdaClient, name: str, **options: Any) -> list[bytes]:
    async with client.stream(name, {}, **options) as stream:
        return [chunk async for chunk in stream]


FUNCTION_FAILURES = {
    "raised": (ValueError("no tea"), "ValueError", "no tea"),
    "timed out": (FunctionFailure.timed_out(after=3), "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
    "out of memory": (FunctionFailure.out_of_memory(), "Runtime.OutOfMemory", "signal: killed"),
    "exited": (FunctionFailure.exited(3), "Runtime.ExitError", "exit status 3"),
    "unserializable": (FunctionFailure.unserializable("set"), "Runtime.MarshalError", "type set is not JSON"),
    "as an error": (FunctionError(error_type="OrderError", error_message="no tea"), "OrderError", "no tea"),
}


@pytest.mark.parametrize("name", FUNCTION_FAILURES)
async def test_a_function_fails_in_each_way(name: str) -> None:
    failure, error_type, message = FUNCTION_FAILURES[name]
    fake, client = make()
    fake.fail("orders", failure)
    async with client:
        for call in (client.invoke("orders"), stream_of(client, "orders")):
            error = await error_of(call)
            assert isinstance(error, FunctionError)
            assert error.error_type == error_type
            assert message in str(error.error_message)
            assert error.delivery is Delivery.EXECUTED
        await client.invoke_event("orders")
        await fake.wait_idle()
    assert [execution.error_type for execution in fake.executions] == [error_type] * 3
    assert [execution.error for execution in fake.executions] == [None] * 3


@pytest.mark.parametrize("runs", [True, False])
async def test_a_lost_answer_may_mean_that_the_function_ran(runs: bool) -> None:
    fake, client = make(retry=NoRetry())
    fake.fail("orders", ConnectionLostError, runs=runs)
    async with client:
        for call in (client.invoke("orders"), stream_of(client, "orders"), client.invoke_event("orders")):
            error = await error_of(call)
            assert type(error) is ConnectionLostError
            assert (error.delivery, error.attempts) == (Delivery.UNKNOWN, 1)
        await fake.wait_idle()
    assert len(fake.executions) == (3 if runs else 0)


async def test_an_idempotent_call_runs_twice_after_a_lost_answer() -> None:
    fake, client = make()
    fake.fail("orders", ConnectionLostError, times=1)
    async with client:
        assert (await client.invoke("orders", {"id": 7}, idempotent=True)).json() == {"id": 7}
    assert len(fake.executions) == 2


async def test_a_refused_connection_runs_nothing() -> None:
    fake, client = make(retry=NoRetry())
    fake.fail("orders", ConnectError)
    async with client:
        error = await error_of(client.invoke("orders"))
    assert (type(error), error.delivery, fake.executions) == (ConnectError, Delivery.NOT_DELIVERED, [])


@pytest.mark.virtual_time
@pytest.mark.parametrize("runs", [True, False])
async def test_a_read_timeout_comes_at_once(runs: bool) -> None:
    fake, client = make(retry=NoRetry())
    fake.fail("orders", InvocationTimeoutError, runs=runs)
    async with client:
        started = asyncio.get_running_loop().time()
        error = await error_of(client.invoke("orders"))
        assert asyncio.get_running_loop().time() - started < 1
    assert isinstance(error, InvocationTimeoutError)
    assert (error.exceeded, error.stage, error.delivery) == ("read", "wait", Delivery.UNKNOWN)
    assert len(fake.executions) == runs


@pytest.mark.virtual_time
async def test_a_delay_lets_limits_expire() -> None:
    fake, client = make(retry=NoRetry())
    fake.delay("orders", 30)
    async with client:
        error = await error_of(client.invoke("orders", timeout=Timeouts(read=10)))
        assert isinstance(error, InvocationTimeoutError)
        assert (error.exceeded, error.delivery) == ("read", Delivery.UNKNOWN)
        error = await error_of(client.invoke("orders", timeout=5))
        assert isinstance(error, InvocationTimeoutError)
        assert error.exceeded == "total"
        started = asyncio.get_running_loop().time()
        await client.invoke("orders", timeout=60)
        assert asyncio.get_running_loop().time() - started == pytest.approx(30, abs=1)
        fake.fail("orders", TooManyRequestsException)
        error = await error_of(client.invoke("orders", timeout=Timeouts(read=10)))
        assert isinstance(error, InvocationTimeoutError)
    assert [execution.error_type for execution in fake.executions] == ["CancelledError", "CancelledError", None]


def writes(event: object) -> Generator[bytes]:
    yield from (b"a", b"b", b"c")


async def chunks_until(client: LambdaClient) -> tuple[list[bytes], AiolambdaError]:
    seen: list[bytes] = []
    with pytest.raises(AiolambdaError) as raised:
        async with client.stream("writer", {}) as stream:
            async for chunk in stream:
                seen.append(chunk)  # noqa: PERF401 - those before the error count
    return seen, raised.value


@pytest.mark.parametrize("chunks", [0, 1, 3, 5])
async def test_a_stream_is_cut_in_the_middle(chunks: int) -> None:
    fake = FakeTransport({"writer": writes})
    fake.fail("writer", StreamError, chunks=chunks)
    async with LambdaClient(transport=fake) as client:
        seen, error = await chunks_until(client)
        assert seen == [b"a", b"b", b"c"][:chunks]
        assert isinstance(error, StreamError)
        assert "the stream ended in the middle of an event" in str(error)
        assert error.received_chunks == len(seen)
        assert type(await error_of(client.invoke("writer"))) is StreamError


async def test_a_stream_loses_its_connection() -> None:
    fake = FakeTransport({"writer": writes})
    fake.fail("writer", ConnectionLostError, chunks=2)
    async with LambdaClient(transport=fake) as client:
        seen, error = await chunks_until(client)
    assert (seen, type(error)) == ([b"a", b"b"], StreamError)


async def test_a_stream_ends_with_an_error_event() -> None:
    fake = FakeTransport({"writer": writes})
    fake.fail("writer", FunctionFailure.timed_out(after=3), chunks=2)
    async with LambdaClient(transport=fake) as client:
        seen, error = await chunks_until(client)
    assert seen == [b"a", b"b"]
    assert isinstance(error, FunctionError)
    assert error.error_type == "Sandbox.Timedout"
    assert [execution.error_type for execution in fake.executions] == ["Sandbox.Timedout"]


async def test_keys_that_expire_are_renewed_once() -> None:
    class Provider:
        refreshed = 0

        async def get_credentials(self) -> Credentials:
            return Credentials(f"AKID{self.refreshed}", "secret")

        async def refresh(self, rejected: Credentials, /) -> Credentials:
            self.refreshed += 1
            return await self.get_credentials()

    provider = Provider()
    fake, client = make(credentials=provider, region="eu-west-1")
    fake.fail("orders", ExpiredTokenException, times=1)
    async with client:
        await client.invoke("orders")
    assert provider.refreshed == 1
    assert ["Credential=AKID0/" in call.headers["authorization"] for call in fake.calls] == [True, False]
    assert len(fake.executions) == 1


async def test_a_failure_of_an_unknown_function_is_a_mistake() -> None:
    fake, _ = make()
    with pytest.raises(ConfigurationError, match="no function 'ordres'; did you mean orders"):
        fake.fail("ordres", ValueError)
    with pytest.raises(ConfigurationError, match="no function 'stock'; add it first"):
        fake.delay("stock:live", 1)


async def test_a_map_meets_failures_for_some_payloads() -> None:
    fake, client = make(retry=NoRetry())
    fake.fail("orders", ValueError("no tea"), when=lambda item: item % 3 == 0)
    async with client, client.map("orders", range(9)) as run:
        failed = sorted([result.item async for result in run if not result.ok])
    assert failed == [0, 3, 6]


async def test_a_stream_handler_is_followed_to_its_end() -> None:
    closed: list[str] = []

    async def endless(event: object) -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"."
        finally:
            closed.append("closed")

    fake = FakeTransport({"writer": endless})
    async with LambdaClient(transport=fake) as client, client.stream("writer", {}) as stream:
        await anext(aiter(stream))
    assert closed == ["closed"]
    (execution,) = fake.executions
    assert (execution.error, execution.response[:1]) == (None, b".")


def test_a_fake_needs_no_region_or_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    fake, client = make()

    async def call() -> None:
        async with client:
            await client.invoke("orders")

    asyncio.run(call())
    assert len(fake.calls) == 1
