"""The log lines of a call."""

import asyncio
import gc
import logging
import pickle
import re
import subprocess
import sys
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ClientClosedError,
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
    StandardRetry,
    TooManyRequestsException,
)
from aiolambda.errors.service import ENILimitReachedException, ResourceNotReadyException
from aiolambda.operations import DeleteFunctionCommand, ListFunctionsCommand, PublishVersionCommand
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request, Response

from ..support.client_calls import AnyCall, AnyNext, calls_of, fake_client


async def until_sent(client: LambdaClient, calls: int) -> None:
    while len(calls_of(client).calls) < calls:
        await asyncio.sleep(0)


def story(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The records, without the digits of their call, and without request ids."""
    return [re.sub(r" \[[0-9a-f]{6}\]|[,;]? request id [0-9a-f-]+", "", record.getMessage()) for record in caplog.records]


def keys_of(record: logging.LogRecord) -> dict[str, Any]:
    """What the client added to a record."""
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    return {name: value for name, value in vars(record).items() if name not in usual}


def fails(event: object) -> object:
    raise LookupError("hunter2")


@pytest.mark.virtual_time
async def test_the_log_tells_the_story_of_a_call(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"orders": fails})
    fake.fail("orders", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=2)
    fake.fail("orders", ConnectionLostError("the server closed the connection"), times=1)
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with LambdaClient(transport=fake, idempotent=True) as client:
        client._state.jitter = lambda: 0.0
        with pytest.raises(FunctionError):
            await client.invoke("orders", {"password": "hunter2"}, qualifier="live")
    throttled = "was throttled (CallerRateLimitExceeded; Lambda asks to wait 2 s)"
    title, safe = "Invoke 'orders:live': ", "Sending again is safe, because the function did not run; next attempt in 2.000 s"
    lost = "attempt 3 failed (ConnectionLostError: the server closed the connection). "
    totals = "4 attempts, 2 of them throttled, 4.000 s of pauses"
    assert story(caplog) == [
        f"{title}attempt 1: status 429 after 0.000 s: refused, the function did not run",
        f"{title}attempt 1 {throttled}. {safe}",
        f"{title}attempt 2: status 429 after 0.000 s: refused, the function did not run",
        f"{title}attempt 2 {throttled}. {safe}",
        f"{title}attempt 3: no answer (ConnectionLostError) after 0.000 s: unknown, the function may have run",
        f"{title}{lost}The function may have run; sending again is safe, because the call is idempotent; next attempt at once",
        f"{title}attempt 4: status 200 after 0.000 s: executed, the function ran",
        f"{title}ended after 4.000 s: the function failed (LookupError); {totals}",
    ]
    names = ["aiolambda", "aiolambda.retry"] * 3 + ["aiolambda"] * 2
    levels = ["DEBUG", "INFO"] * 3 + ["DEBUG"] * 2
    assert [(record.name, record.levelname) for record in caplog.records] == list(zip(names, levels, strict=True))
    assert "hunter" not in caplog.text


@pytest.mark.virtual_time
async def test_the_records_have_flat_keys(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"orders": fails})
    fake.fail("orders", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2), times=1)
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        client._state.jitter = lambda: 0.0
        output = await client.send(InvokeCommand(function_name="orders", qualifier="live"))
    attempt, retry, _, end = (keys_of(record) for record in caplog.records)
    call_id = retry["invocation_id"]
    assert len(call_id) == 36
    assert all(f"[{call_id[-6:]}]" in record.getMessage() for record in caplog.records)
    of_call = {
        "operation": "Invoke",
        "function_name": "orders",
        "qualifier": "live",
        "invocation_type": "RequestResponse",
        "invocation_id": call_id,
    }
    assert attempt == of_call | {
        "attempt": 1,
        "delivery": "refused",
        "status_code": 429,
        "aws_request_id": retry["aws_request_id"],
        "elapsed_ms": 0,
        "error_type": None,
    }
    assert retry == of_call | {
        "attempt": 1,
        "delivery": "refused",
        "retry_action": "wait",
        "throttle_reason": "CallerRateLimitExceeded",
        "retry_after": 2,
        "pause_ms": 2000,
        "status_code": 429,
        "aws_request_id": attempt["aws_request_id"],
        "error_type": "TooManyRequestsException",
    }
    assert end == of_call | {
        "outcome": "function_error",
        "delivery": "executed",
        "error_type": "LookupError",
        "status_code": 200,
        "aws_request_id": output.metadata.request_id,
        "attempts": 2,
        "throttles": 1,
        "elapsed_ms": 2000,
        "queued_ms": 0,
        "pause_ms": 2000,
    }
    for keys in (attempt, retry, end):
        assert all(value is None or type(value) in (str, int, float) for value in keys.values()), (
            "plain values, for any formatter"
        )
        assert not keys.keys() & {"name", "msg", "args", "message", "asctime"}


async def test_a_call_is_logged_without_its_payload(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="aiolambda"):
        async with fake_client() as client:
            await client.invoke("echo", {"password": "hunter2"}, client_context={"token": "hunter3"}, tenant_id="hunter4")
            with pytest.raises(ResourceNotFoundException):
                await client.invoke("nobody", {"password": "hunter2"})
    assert "Invoke 'echo'" in caplog.text
    assert ": refused, the function did not run (ResourceNotFoundException); 1 attempt" in caplog.text
    assert "hunter" not in caplog.text + "".join(str(keys_of(record)) for record in caplog.records)


async def test_a_payload_in_a_wrong_place_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with fake_client() as client:
        for wrong in (
            {"function_name": {"password": "hunter2"}},
            {"function_name": "echo", "qualifier": {"password": "hunter2"}},
        ):
            with pytest.raises(AiolambdaError):
                await client.send(InvokeCommand(**wrong))  # type: ignore[arg-type] # the mistake
    ends = [record for record in caplog.records if "not delivered" in record.getMessage()]
    assert len(ends) == 2
    assert "hunter" not in caplog.text + "".join(str(keys_of(record)) for record in caplog.records)


@pytest.mark.virtual_time
async def test_a_call_that_is_cut_off_is_logged_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    """The client cancels such a call, and the record must not look like a cancellation by the caller."""
    with caplog.at_level(logging.DEBUG, logger="aiolambda"):
        async with fake_client() as client:
            with pytest.raises(InvocationTimeoutError) as late:
                await client.invoke("sleep", {"s": 60}, timeout=1)
            cancelled = asyncio.create_task(client.invoke("sleep", {"s": 60}))
            await until_sent(client, 2)
            cancelled.cancel()
            await asyncio.wait({cancelled})
            cut = asyncio.create_task(client.invoke("sleep", {"s": 60}))
            await until_sent(client, 3)
            await client.close(grace=0)
            with pytest.raises(ClientClosedError):
                await cut
    assert late.value.delivery is Delivery.UNKNOWN
    assert story(caplog)[1::2] == [
        "Invoke 'sleep': ended after 1.000 s: failed, and the function may have run (InvocationTimeoutError); 1 attempt",
        "Invoke 'sleep': ended after 0.000 s: cancelled by the caller, the function may have run; 1 attempt",
        "Invoke 'sleep': ended after 0.000 s: failed, and the function may have run (ClientClosedError); 1 attempt",
    ]


@pytest.mark.virtual_time
async def test_the_log_has_the_verdict_on_all_attempts(caplog: pytest.LogCaptureFixture) -> None:
    class LostThenUnreachable(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            raise (
                ConnectionLostError("lost")
                if request.headers["amz-sdk-request"].startswith("attempt=1")
                else ConnectError("no")
            )

    async with LambdaClient(transport=LostThenUnreachable({}), idempotent=True, retry=StandardRetry(max_attempts=3)) as client:
        with caplog.at_level(logging.DEBUG, logger="aiolambda"), pytest.raises(ConnectError) as raised:
            await client.invoke("f")
    assert raised.value.delivery is Delivery.UNKNOWN
    told = story(caplog)
    assert (
        told[2]
        == "Invoke 'f': attempt 2: no answer (ConnectError) after 0.000 s: not_delivered, the request did not reach Lambda"
    )
    assert "attempt 2 failed (ConnectError: no). The function may have run; sending again is safe, because the call" in told[3]
    assert ": failed, and the function may have run (ConnectError); 3 attempts" in told[-1]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            ConnectError("no"),
            "failed (ConnectError: no). Sending again is safe, because the request did not reach Lambda",
        ),
        (
            ConnectionLostError("gone", delivery=Delivery.NOT_DELIVERED, stale_connection=True),
            "because the server had closed the connection before the request reached it; next attempt at once",
        ),
        (TooManyRequestsException("hunter2"), "was throttled (TooManyRequestsException). Sending again is safe, because the"),
        (ENILimitReachedException("hunter2"), None),
        (ResourceNotReadyException("hunter2"), "failed (ResourceNotReadyException). Sending again is safe, because the"),
    ],
    ids=["unreachable", "stale", "throttled", "final", "passing"],
)
async def test_a_retry_says_why_it_is_safe(failure: AiolambdaError, said: str | None, caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"f": lambda event: event})
    fake.fail("f", failure, times=1)
    caplog.set_level(logging.INFO, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        await asyncio.gather(client.invoke("f", 1), return_exceptions=True)
    assert [said in text for text in story(caplog) if said is not None] == ([] if said is None else [True])
    assert {record.name for record in caplog.records} == (set() if said is None else {"aiolambda.retry"})
    assert "hunter" not in caplog.text


@pytest.mark.virtual_time
async def test_a_call_that_manages_functions_runs_none_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"orders": fails})
    fake.fail("*", TooManyRequestsException("busy", retry_after=2), times=1, operation="ListFunctions")
    fake.fail("*", ConnectionLostError("gone"), times=1, operation="ListFunctions")
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        client._state.jitter = lambda: 0.0
        await client.send(ListFunctionsCommand())
    assert story(caplog) == [
        "ListFunctions: attempt 1: status 429 after 0.000 s: refused, nothing was carried out",
        (
            "ListFunctions: attempt 1 was throttled (TooManyRequestsException; Lambda asks to wait 2 s). Sending again is "
            "safe, because nothing was carried out; next attempt in 2.000 s"
        ),
        "ListFunctions: attempt 2: no answer (ConnectionLostError) after 0.000 s: unknown, it may have been carried out",
        (
            "ListFunctions: attempt 2 failed (ConnectionLostError: gone). It may have been carried out; sending again is safe, "
            "because the operation is idempotent; next attempt at once"
        ),
        "ListFunctions: attempt 3: status 200 after 0.000 s: executed, it was carried out",
        "ListFunctions: ended after 2.000 s: done; 3 attempts, 1 of them throttled, 2.000 s of pauses",
    ]
    keys = keys_of(caplog.records[-1])
    assert (keys["operation"], keys["function_name"], keys["invocation_type"]) == ("ListFunctions", None, None)


async def test_an_operation_that_is_not_repeated_says_how_far_it_got(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"orders": fails})
    fake.fail("orders", ConnectionLostError("gone"), times=1, operation="PublishVersion")
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        with pytest.raises(ConnectionLostError):
            await client.send(PublishVersionCommand(function_name="orders"))
    assert story(caplog)[-1].endswith("failed, and it may have been carried out (ConnectionLostError); 1 attempt")
    assert "function" not in caplog.text.replace("PublishVersion", "")


async def test_an_operation_without_an_answer_was_carried_out(caplog: pytest.LogCaptureFixture) -> None:
    class NoContent(FakeTransport):
        async def send(self, request: Request) -> Response:
            request.stage = "receive"
            return Response(204, Headers({"x-amzn-requestid": "1"}), b"")

    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with LambdaClient(transport=NoContent({"orders": fails})) as client:
        await client.send(DeleteFunctionCommand(function_name="orders"))
    assert "attempt 1: status 204" in caplog.text
    assert "executed, it was carried out" in caplog.text


@pytest.mark.virtual_time
async def test_an_operation_throttled_for_a_minute_names_no_limit(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"orders": fails})
    fake.fail("orders", TooManyRequestsException("busy", retry_after=10), operation="GetFunction")
    caplog.set_level(logging.WARNING, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        with pytest.raises(AiolambdaError):
            await client.describe("orders", timeout=100)
    assert [record.name for record in caplog.records] == ["aiolambda.retry"]
    assert caplog.text.rstrip().endswith("s so far: make fewer of these calls")


@pytest.mark.virtual_time
async def test_a_wait_tells_nothing_at_info_until_it_is_throttled(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"orders": fails})
    fake.set_state("orders", "Pending", times=3)
    caplog.set_level(logging.INFO, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        await client.wait_until("orders", "active")
        assert story(caplog) == []
        fake.fail("orders", TooManyRequestsException("busy"), times=1, operation="GetFunction")
        await client.wait_until("orders", "active")
    assert [record.name for record in caplog.records] == ["aiolambda.retry"]


@pytest.mark.virtual_time
async def test_a_call_that_is_throttled_for_a_minute_warns_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"f": lambda event: event})
    fake.fail("f", TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=10))
    caplog.set_level(logging.WARNING, logger="aiolambda")
    async with LambdaClient(transport=fake) as client:
        client._state.jitter = lambda: 0.0
        await asyncio.gather(*(client.invoke("f", 1, timeout=150) for _ in range(3)), return_exceptions=True)
    assert [record.name for record in caplog.records] == ["aiolambda.retry"] * 2
    assert "(CallerRateLimitExceeded; Lambda asks to wait 10 s)" in caplog.text
    assert "s so far: raise that limit, or send less" in caplog.text


@pytest.mark.virtual_time
async def test_the_end_tells_the_wait_for_a_slot(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with fake_client(max_concurrency=1) as client:
        await asyncio.gather(*(client.invoke("sleep", {"s": 2}) for _ in range(2)))
    ends = [record for record in caplog.records if hasattr(record, "outcome")]
    assert [vars(record)["queued_ms"] for record in ends] == [0, 2000]
    assert [text for text in story(caplog) if "done" in text] == [
        "Invoke 'sleep': ended after 2.000 s: done; 1 attempt",
        "Invoke 'sleep': ended after 4.000 s: done; 1 attempt, 2.000 s in the queue",
    ]


@pytest.mark.virtual_time
async def test_events_and_dry_runs_say_what_they_are(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with fake_client() as client:
        await client.invoke_event("echo", 1)
        await client.dry_run("echo")
    assert story(caplog) == [
        "Invoke 'echo': attempt 1: status 202 after 0.000 s: accepted, Lambda queued the event",
        "Invoke 'echo': ended after 0.000 s: the event is queued; 1 attempt",
        "Invoke 'echo': attempt 1: status 204 after 0.000 s: not_delivered, nothing was to run",
        "Invoke 'echo': ended after 0.000 s: done without running the function; 1 attempt",
    ]


async def test_a_stream_is_logged_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    async def pieces(event: object) -> Any:
        yield b"hunter2"

    caplog.set_level(logging.DEBUG, logger="aiolambda")
    async with LambdaClient(transport=FakeTransport({"writer": pieces})) as client:
        async with client.stream("writer", 1) as stream:
            assert len(caplog.records) == 1
            await stream.read()
    attempt, end = story(caplog)
    assert attempt.startswith("InvokeWithResponseStream 'writer': attempt 1: status 200 after ")
    assert end.endswith(" s: done; 1 attempt")
    assert "hunter" not in caplog.text


@pytest.mark.parametrize(
    ("level", "names"),
    [(logging.WARNING, []), (logging.INFO, ["orders.retry"]), (logging.DEBUG, ["orders", "orders.retry", "orders", "orders"])],
    ids=["warning", "info", "debug"],
)
@pytest.mark.virtual_time
async def test_a_logger_of_the_user_has_children(level: int, names: list[str], caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"f": lambda event: event})
    fake.fail("f", ConnectError("no"), times=1)
    with caplog.at_level(level, logger="orders"):
        async with LambdaClient(transport=fake, logger=logging.getLogger("orders")) as client:
            await client.invoke("f", 1)
    assert [record.name for record in caplog.records] == names


@pytest.mark.virtual_time
async def test_an_adapter_keeps_its_keys_and_ours(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeTransport({"f": lambda event: event})
    fake.fail("f", ConnectError("no"), times=1)
    adapter = logging.LoggerAdapter(logging.getLogger("orders"), {"team": "tea"})
    with caplog.at_level(logging.DEBUG, logger="orders"):
        async with LambdaClient(transport=fake, logger=adapter) as client:  # type: ignore[arg-type] # works, too
            await client.invoke("f", 1)
    assert [record.name for record in caplog.records] == ["orders", "orders.retry", "orders", "orders"]
    assert [(keys["team"], keys["function_name"]) for keys in map(keys_of, caplog.records)] == [("tea", "f")] * 4


@pytest.mark.virtual_time
async def test_a_handler_that_raises_changes_nothing() -> None:
    class Raising(logging.Handler):
        def __init__(self) -> None:
            super().__init__()
            self.asked = 0

        def handle(self, record: logging.LogRecord) -> bool:
            self.asked += 1
            raise ZeroDivisionError

    fake = FakeTransport({"f": lambda event: event})
    fake.fail("f", TooManyRequestsException("busy", retry_after=1), times=1)
    logger, handler = logging.getLogger("raising"), Raising()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        async with LambdaClient(transport=fake, logger=logger) as client:
            assert (await client.invoke("f", 1)).json() == 1
            await client.send(InvokeCommand(function_name="f", invocation_type="Event", client_context={"a": "warns"}))
            async with client.map("f", [1, 2]) as run:
                assert [result.ok async for result in run] == [True, True]
    finally:
        logger.removeHandler(handler)
    assert handler.asked > 8


def test_the_package_is_quiet_until_the_program_configures_logging() -> None:
    script = """if True:
        import asyncio, logging
        from aiolambda import InvokeCommand, LambdaClient
        from aiolambda.testing import FakeTransport

        async def main():
            async with LambdaClient(transport=FakeTransport({"f": lambda event: event})) as client:
                await client.send(InvokeCommand(function_name="f", invocation_type="Event", client_context={"a": "warns"}))

        asyncio.run(main())
        print([type(handler).__name__ for handler in logging.getLogger("aiolambda").handlers])
        """
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (ended.stdout.strip(), ended.stderr) == ("['NullHandler']", "")


async def test_reprs_show_no_payload_or_secret() -> None:
    seen: list[str] = []

    async def look(call: AnyCall, call_next: AnyNext) -> Any:
        output = await call_next(call)
        seen.extend(map(repr, (call, call.input, call.command, call.request, call.request.headers, call.response, output)))
        return output

    credentials = Credentials("AKIDHUNTER00EXAMPLE", "hunter-secret", "hunter-token")
    async with fake_client(credentials=credentials) as client:
        client.middleware_stack.add(look, step="finalize", priority="low")
        await client.invoke("echo", {"password": "hunter2"}, client_context={"token": "hunter3"}, tenant_id="hunter4")
        seen += [repr(client), repr(client.config), repr(credentials), repr(calls_of(client).calls), repr(client._state)]
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


async def test_unclosed_client_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    client = fake_client()
    await client.invoke("echo")
    del client
    gc.collect()
    assert asyncio.all_tasks() == before
