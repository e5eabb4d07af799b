"""Limits that follow from the settings of a function: read once, shared, kept for a while, and never in the way."""

import asyncio
import logging
from typing import Any

import pytest

from aiolambda import (
    Call,
    CallNext,
    ClientClosedError,
    ConnectError,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    StandardRetry,
    Timeouts,
)
from aiolambda.operations import GetFunctionCommand

from ..support.function_service import FunctionService, client_of, failure, found

pytestmark = pytest.mark.virtual_time

BY_FUNCTION = Timeouts(read="function")
DONE = found(answer=1)
DENIED = failure("AccessDeniedException", 403, "not authorized to perform: lambda:GetFunction")


def function(timeout: int | None = 100, **members: Any) -> Any:
    return found(Configuration={"FunctionName": "f", "Timeout": timeout, **members})


def read_limits(service: FunctionService) -> list[object]:
    """The read limits of the invocations."""
    named = zip(service.names(), service.requests, strict=True)
    return [request.timeouts.read for name, request in named if name == "invocations"]


def now() -> float:
    return asyncio.get_running_loop().time()


def serving(**answers: Any) -> FunctionService:
    return FunctionService(**{"invocations": DONE, "function": function(), **answers})


# What is asked


async def test_the_read_limit_is_that_of_the_function_and_more() -> None:
    service = serving()
    async with client_of(service, timeout=BY_FUNCTION) as client:
        await client.invoke("f", {})
        await client.invoke("f", {}, qualifier="live")
        await client.invoke("f", {}, timeout=5)
        await client.invoke("f", {}, timeout=Timeouts(read=7))
    assert read_limits(service) == [130, 130, 130, 7]
    assert service.names().count("function") == 2
    assert service.queries()[:4] == ["", "", "Qualifier=live", "Qualifier=live"]


async def test_the_limit_can_be_that_of_one_call() -> None:
    service = serving()
    async with client_of(service) as client:
        await client.invoke("f", {}, timeout=BY_FUNCTION)
        await client.invoke("f", {})
    assert read_limits(service) == [130, 1860]


async def test_calls_that_wait_for_no_function_ask_nothing() -> None:
    accepted, dry = found(202), found(204)
    service = serving(invocations=[accepted, dry], versions=found(Versions=[]))
    async with client_of(service, timeout=BY_FUNCTION) as client:
        await client.invoke_event("f", {})
        await client.dry_run("f")
        assert [version async for version in client.versions("f")] == []
    assert service.names() == ["invocations", "invocations", "versions"]
    assert [request.timeouts.read for request in service.requests] == [60, 60, 60]


async def test_a_durable_function_has_the_time_of_its_execution() -> None:
    functions = [
        function(10, DurableConfig={"ExecutionTimeout": 600}),
        function(10, DurableConfig={"ExecutionTimeout": 86_400}),
        function(10, DurableConfig={"ExecutionTimeout": 5}),
    ]
    service = serving(function=functions)
    async with client_of(service, timeout=BY_FUNCTION) as client:
        for name in "abc":
            await client.invoke(name, {})
    assert read_limits(service) == [630, 1860, 40]


@pytest.mark.parametrize(
    "arguments",
    [("../x",), (["f"],), ("arn:aws:lambda:us-east-2:123456789012:function:f",), ("f", "a b"), ("f", ["x"])],
    ids=["name", "type of name", "region", "qualifier", "type of qualifier"],
)
async def test_a_wrong_name_is_refused_as_ever(arguments: Any, caplog: pytest.LogCaptureFixture) -> None:
    service = serving()
    name, qualifier = (*arguments, None)[:2]
    async with client_of(service, timeout=BY_FUNCTION) as client:
        with pytest.raises(InvalidInputError):
            await client.invoke(name, {}, qualifier=qualifier)
    assert set(service.names()) <= ({"function"} if qualifier == "a b" else set())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_stream_waits_for_its_head_so_long() -> None:
    class Streaming(FunctionService):
        def stream(self, request: Any, /) -> Any:
            self.requests.append(request)
            raise ConnectError("no")

    service = Streaming(function=function())
    async with client_of(service, timeout=BY_FUNCTION) as client:
        with pytest.raises(ConnectError):
            async with client.stream("f", {}, qualifier="live"):
                pass
    assert service.queries() == ["Qualifier=live", "Qualifier=live"]
    assert service.requests[1].timeouts == Timeouts(read=130)


async def test_a_silent_function_ends_at_its_limit() -> None:
    async def never(request: Any) -> Any:
        limit = request.timeouts.read
        await asyncio.sleep(limit)
        raise InvocationTimeoutError(f"nothing within {limit}", exceeded="read")

    async with client_of(serving(invocations=never), timeout=BY_FUNCTION) as client:
        with pytest.raises(InvocationTimeoutError, match="nothing within 130"):
            await client.invoke("f", {})
    assert now() == 130


async def test_a_request_of_a_middleware_has_the_limit_of_its_call() -> None:
    async def own(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.timeouts = BY_FUNCTION
        return await call_next(call)

    service = serving()
    async with client_of(service) as client:
        client.middleware_stack.add(own, step="build", only=InvokeCommand)
        await client.invoke("f", {})
    assert read_limits(service) == [1860]


# How often


async def test_facts_are_kept_for_five_minutes() -> None:
    service = serving(function=[function(100), function(200)])
    async with client_of(service, timeout=BY_FUNCTION) as client:
        await client.invoke("f", {})
        await asyncio.sleep(299)
        await client.invoke("f", {})
        await asyncio.sleep(1)
        await client.invoke("f", {})
    assert read_limits(service) == [130, 130, 230]


async def slowly(request: Any) -> Any:
    await asyncio.sleep(2)
    return function()


async def test_calls_at_the_same_time_share_one_request() -> None:
    service = serving(function=slowly)
    async with client_of(service, timeout=BY_FUNCTION) as client:
        await asyncio.gather(*(client.invoke("f", {}) for _ in range(50)))
    assert service.names().count("function") == 1
    assert read_limits(service) == [130] * 50
    assert now() == 2


async def test_a_cancelled_call_leaves_the_request_to_the_next() -> None:
    service = serving(function=slowly)
    async with client_of(service, timeout=BY_FUNCTION) as client:
        first = asyncio.create_task(client.invoke("f", {}))
        others = [asyncio.create_task(client.invoke("f", {})) for _ in range(3)]
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        await asyncio.gather(*others)
    assert service.names().count("function") == 2
    assert read_limits(service) == [130] * 3


async def test_a_call_whose_time_is_over_leaves_the_request_to_the_next() -> None:
    service = serving(function=slowly)
    async with client_of(service, timeout=BY_FUNCTION) as client:
        hurried = asyncio.create_task(client.invoke("f", {}, timeout=1))
        patient = asyncio.create_task(client.invoke("f", {}))
        with pytest.raises(InvocationTimeoutError, match="did not end within 1 s") as raised:
            await hurried
        await patient
    assert not raised.value.may_have_run
    assert (service.names().count("function"), read_limits(service)) == (2, [130])


# Without an answer


@pytest.mark.parametrize(
    ("answer", "asked_after"),
    [(DENIED, 300), (failure("ResourceNotFoundException", 404), 30), (found(Configuration=[]), 30)],
    ids=["permission", "not found", "unreadable"],
)
async def test_the_default_holds_with_one_warning(answer: Any, asked_after: float, caplog: pytest.LogCaptureFixture) -> None:
    service = serving(function=answer)
    async with client_of(service, timeout=BY_FUNCTION) as client:
        for name in ("f", "g", "f"):
            await client.invoke(name, {})
        assert service.names().count("function") == 2
        await asyncio.sleep(asked_after - 1)
        await client.invoke("f", {})
        assert service.names().count("function") == 2
        await asyncio.sleep(1)
        await client.invoke("f", {})
        assert service.names().count("function") == 3
    assert read_limits(service) == [1860] * 5
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage().startswith("defaults hold in place of the settings of a function, which cannot be read: ")


@pytest.mark.parametrize("timeout", [None, "soon", -1, True], ids=["none", "text", "negative", "flag"])
async def test_a_function_that_has_no_timeout_has_the_default(timeout: Any) -> None:
    service = serving(function=function(timeout))
    async with client_of(service, timeout=BY_FUNCTION) as client:
        await client.invoke("f", {})
    assert read_limits(service) == [1860]


async def test_an_invocation_waits_ten_seconds_for_its_limit_at_most() -> None:
    async def never(request: Any) -> Any:
        await asyncio.Event().wait()

    service = serving(function=never)
    async with client_of(service, timeout=BY_FUNCTION) as client:
        await client.invoke("f", {})
        assert now() == 10
        await client.invoke("f", {})
        assert now() == 10
    assert read_limits(service) == [1860, 1860]


async def test_a_middleware_that_raises_for_the_question_does_not_fail_the_invocation() -> None:
    async def raises(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        raise RuntimeError("not for functions")

    service = serving()
    async with client_of(service, timeout=BY_FUNCTION) as client:
        client.middleware_stack.add(raises, only=GetFunctionCommand)
        await client.invoke("f", {})
    assert read_limits(service) == [1860]


async def test_a_closed_client_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    service = serving(function=slowly)
    client = client_of(service, timeout=BY_FUNCTION)
    await client.open()
    call = asyncio.create_task(client.invoke("f", {}))
    await asyncio.sleep(1)
    await client.close(grace=0)
    with pytest.raises(ClientClosedError):
        await call
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert read_limits(service) == []


def test_another_loop_asks_again() -> None:
    service = serving()
    client = client_of(service, timeout=BY_FUNCTION)

    async def invokes(last: bool) -> None:
        await client.invoke("f", {})
        if last:
            await client.close()

    asyncio.run(invokes(last=False))
    asyncio.run(invokes(last=True))
    assert service.names() == ["function", "invocations"] * 2


# Maps


async def first_sent(client: LambdaClient, service: FunctionService) -> int:
    """The invocations that a map of 400 items sends at once."""
    first = 0

    async def takes_a_second(request: Any) -> Any:
        nonlocal first
        first += now() == 0
        await asyncio.sleep(1)
        return DONE

    service.answers["invocations"] = [takes_a_second]
    async with client.map("f", range(400), concurrency="limits") as run:
        assert len([result async for result in run]) == 400
    return first


def limits(unreserved: int | None) -> Any:
    return found(AccountLimit={"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": unreserved})


@pytest.mark.parametrize(
    ("reserved", "unreserved", "most"),
    [(50, None, 50), (None, 200, 200), (None, 5000, 300)],
    ids=["reserved", "unreserved", "more than the client"],
)
async def test_a_map_starts_at_the_limit_of_its_function(reserved: Any, unreserved: Any, most: int) -> None:
    answer = found(Configuration={}, Concurrency=None if reserved is None else {"ReservedConcurrentExecutions": reserved})
    service = serving(function=answer, account_settings=limits(unreserved))
    async with client_of(service, max_concurrency=300) as client:
        assert await first_sent(client, service) == most
    asked = [name for name in service.names() if name != "invocations"]
    assert asked == (["function"] if reserved else ["function", "account_settings"])


async def test_a_map_starts_as_ever_without_the_permission(caplog: pytest.LogCaptureFixture) -> None:
    service = serving(function=DENIED, account_settings=DENIED)
    async with client_of(service) as client:
        assert await first_sent(client, service) == 16
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_a_function_without_concurrency_is_told(caplog: pytest.LogCaptureFixture) -> None:
    answer = found(Configuration={}, Concurrency={"ReservedConcurrentExecutions": 0})
    throttled = failure("TooManyRequestsException", 429)
    service = serving(function=answer, invocations=[throttled, throttled, DONE])
    async with client_of(service) as client, client.map("f", [1], concurrency="limits") as run:
        assert [result.ok async for result in run] == [True]
    assert "no invocation of 'f' can run: its reserved concurrency is 0" in caplog.messages


async def test_a_map_that_is_cancelled_while_it_asks_was_stopped_by_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aiolambda.map")
    service = serving(function=slowly)
    async with client_of(service) as client:
        run = client.map("f", [1], concurrency="limits")
        reader = asyncio.ensure_future(anext(aiter(run)))
        await asyncio.sleep(1)
        reader.cancel()
        await asyncio.wait({reader})
        await run.aclose()
    assert (reader.cancelled(), run.stopped_by) == (True, "caller")
    assert caplog.messages[-1] == "map of 'f' ended after 1.000 s, stopped by caller: 0 done, 0 ok"


async def test_a_map_asks_until_its_deadline() -> None:
    service = serving(function=slowly)
    async with client_of(service) as client, client.map("f", [1], concurrency="limits", deadline=1) as run:
        results = [result async for result in run]
    assert (run.stopped_by, now(), results) == ("deadline", 1, [])
    assert "invocations" not in service.names()


async def test_a_map_that_closes_while_it_asks_sends_nothing() -> None:
    service = serving(function=slowly)
    client = client_of(service)
    await client.open()
    run = client.map("f", [1, 2], concurrency="limits")
    reading = asyncio.create_task(anext(aiter(run)))
    await asyncio.sleep(1)
    await client.close(grace=0)
    await asyncio.wait([reading])
    assert isinstance(reading.exception(), StopAsyncIteration | ClientClosedError)
    assert service.names() == ["function"]


async def test_a_map_and_its_calls_share_what_was_asked() -> None:
    service = serving(account_settings=limits(100))
    async with client_of(service, timeout=BY_FUNCTION, retry=StandardRetry()) as client:
        async with client.map("f", range(20), concurrency="limits") as run:
            assert len([result async for result in run]) == 20
    assert [name for name in service.names() if name != "invocations"] == ["function", "account_settings"]
    assert read_limits(service) == [130] * 20
