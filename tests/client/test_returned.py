"""Middlewares that return something else than an output: the call says so, and whether the function has run."""

import asyncio
import functools
import gc
import re
import warnings
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    Credentials,
    Delivery,
    InvokeCommand,
    InvokeCommandInput,
    InvokeCommandOutput,
    LambdaClient,
    MiddlewareStack,
)
from aiolambda.operations.invoke import InvokeOperation
from aiolambda.testing import FakeTransport

from ..support.client_calls import AnyCall, AnyNext, calls_of, fake_client

FORM = "`return await call_next(call)`"
CURRIED = f"a function, and not an output: a middleware is not curried here, it must {FORM} itself"
RESPONSE = "a Response, and not an output: only a middleware behind deserializerMiddleware may return one"


async def forgets(call: AnyCall, call_next: AnyNext) -> Any:
    await call_next(call)


async def does_not_wait(call: AnyCall, call_next: AnyNext) -> Any:
    return call_next(call)


async def returns_a_dict(call: AnyCall, call_next: AnyNext) -> Any:
    return {"output": await call_next(call)}


async def is_curried(proceed: Any, context: Any) -> Any:
    async def inner(args: Any) -> Any:
        return await proceed(args)

    return inner


async def returns_call_next(call: AnyCall, call_next: AnyNext) -> Any:
    return call_next


async def returns_the_value(call: AnyCall, call_next: AnyNext) -> Any:
    return (await call_next(call)).json()  # type: ignore[attr-defined]


async def returns_the_response(call: AnyCall, call_next: AnyNext) -> Any:
    await call_next(call)
    return call.response


class WithCall:
    async def __call__(self, call: AnyCall, call_next: AnyNext) -> Any:
        await call_next(call)


async def of_three(note: str, call: AnyCall, call_next: AnyNext) -> Any:
    await call_next(call)


CASES: list[tuple[Any, str, Delivery]] = [
    (forgets, f"forgets (PLACE) returned None, and not an output: it must {FORM}", Delivery.EXECUTED),
    (
        does_not_wait,
        f"does_not_wait (PLACE) returned a coroutine that was not awaited, and not an output: it must {FORM}",
        Delivery.NOT_DELIVERED,
    ),
    (
        returns_a_dict,
        f"returns_a_dict (PLACE) returned a dict, and not an output: it must {FORM}, which gives the output itself",
        Delivery.EXECUTED,
    ),
    (
        is_curried,
        f"is_curried (PLACE) returned {CURRIED}",
        Delivery.NOT_DELIVERED,
    ),
    (
        returns_call_next,
        f"returns_call_next (PLACE) returned {CURRIED}",
        Delivery.NOT_DELIVERED,
    ),
    (returns_the_value, f"returns_the_value (PLACE) returned an int, and not an output: it must {FORM}", Delivery.EXECUTED),
    (
        returns_the_response,
        f"returns_the_response (PLACE) returned {RESPONSE}",
        Delivery.EXECUTED,
    ),
    (WithCall(), f"WithCall.__call__ (PLACE) returned None, and not an output: it must {FORM}", Delivery.EXECUTED),
    (
        functools.partial(of_three, "x"),
        f"of_three (PLACE) returned None, and not an output: it must {FORM}",
        Delivery.EXECUTED,
    ),
]
OUTCOME = {Delivery.EXECUTED: "the function has run", Delivery.NOT_DELIVERED: "the function has not run"}


def placed(error: BaseException) -> str:
    return re.sub(rf"{re.escape(__file__)}:\d+", "PLACE", str(error))


@pytest.mark.parametrize("step", ["initialize", "finalize"])
@pytest.mark.parametrize(("middleware", "text", "verdict"), CASES, ids=[case[1].split()[0] for case in CASES])
async def test_lost_output_names_the_middleware(middleware: Any, text: str, verdict: Delivery, step: Any) -> None:
    async with fake_client() as client:
        client.middleware_stack.add(middleware, step=step)
        with pytest.raises(AiolambdaError) as raised, warnings.catch_warnings():
            warnings.simplefilter("error")
            await client.send(InvokeCommand(function_name="echo", payload=b"1"))
        gc.collect()
        assert placed(raised.value) == f"the middleware {text}; {OUTCOME[verdict]} (function 'echo')"
        assert raised.value.delivery is verdict
        assert len(calls_of(client).calls) == (verdict is Delivery.EXECUTED)
        assert client.stats.in_flight == 0


@pytest.mark.parametrize(
    ("middleware", "said"),
    [(forgets, "the operation has been carried out"), (does_not_wait, "the operation has not been carried out")],
    ids=["carried out", "not carried out"],
)
async def test_lost_output_of_an_operation_speaks_of_it(middleware: Any, said: str) -> None:
    async with fake_client() as client:
        client.middleware_stack.add(middleware, step="initialize")
        with pytest.raises(AiolambdaError) as raised:
            await client.describe("echo")
    assert str(raised.value).endswith(f"; {said} (operation GetFunction, function 'echo')")


async def test_call_that_has_not_run_does_not_run_later() -> None:
    """The error says that the function has not run. The task that the middleware left must not send it afterwards."""
    tasks: list[asyncio.Future[Any]] = []

    async def leaves_a_task(call: AnyCall, call_next: AnyNext) -> Any:
        tasks.append(asyncio.ensure_future(call_next(call)))
        return tasks[0]

    async with fake_client() as client:
        client.middleware_stack.add(leaves_a_task)
        with pytest.raises(AiolambdaError, match="a Task that was not awaited.*; the function has not run") as raised:
            await client.invoke("echo", 1)
        assert raised.value.delivery is Delivery.NOT_DELIVERED
        with pytest.raises(AiolambdaError, match="this call has ended: a middleware must await call_next"):
            await tasks[0]
        assert calls_of(client).calls == []
        assert client.stats.in_flight == 0


async def test_large_request_is_not_sent_after_its_call_has_failed() -> None:
    """The task that the middleware left has its slot, and hashes the payload in several turns of the loop."""
    tasks: list[asyncio.Future[Any]] = []

    async def leaves_a_task(call: AnyCall, call_next: AnyNext) -> Any:
        tasks.append(asyncio.ensure_future(call_next(call)))
        while not client.stats.in_flight:
            await asyncio.sleep(0)
        raise AiolambdaError("mine")

    keys = Credentials("AKIDEXAMPLE", "secret")
    async with fake_client(region="eu-west-1", credentials=keys) as client:
        client.middleware_stack.add(leaves_a_task)
        with pytest.raises(AiolambdaError, match="mine") as raised:
            await client.invoke("echo", b'"' + bytes(4_000_000) + b'"')
        assert raised.value.delivery is Delivery.NOT_DELIVERED
        with pytest.raises(AiolambdaError, match="this call has ended"):
            await tasks[0]
        assert calls_of(client).calls == []


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
async def test_request_left_in_flight_may_have_run(fails: bool) -> None:
    started, goes_on = asyncio.Event(), asyncio.Event()
    tasks: list[asyncio.Future[Any]] = []

    async def handler(event: object) -> object:
        started.set()
        await goes_on.wait()
        return event

    async def leaves_a_task(call: AnyCall, call_next: AnyNext) -> Any:
        tasks.append(asyncio.ensure_future(call_next(call)))
        await started.wait()
        if fails:
            raise AiolambdaError("mine")
        return None

    async with LambdaClient(transport=FakeTransport({"f": handler})) as client:
        client.middleware_stack.add(leaves_a_task)
        with pytest.raises(AiolambdaError) as raised:
            await client.invoke("f", 1)
        assert raised.value.delivery is Delivery.UNKNOWN
        assert fails or "; the function may have run" in str(raised.value)
        goes_on.set()
        assert (await tasks[0]).json() == 1


async def test_each_kind_of_call_names_the_middleware() -> None:
    async with fake_client() as client:
        client.middleware_stack.add(forgets, name="audit")
        calls: list[Any] = [
            lambda: client.invoke("echo", 1),
            lambda: client.invoke_event("echo", 1),
            lambda: client.dry_run("echo", 1),
            lambda: client.stream("echo", 1).__aenter__(),
        ]
        for call, verdict in zip(calls, ("executed", "accepted", "not_delivered", "executed"), strict=True):
            with pytest.raises(AiolambdaError, match=r"^the middleware 'audit', forgets \(.*\) returned None") as raised:
                await call()
            assert raised.value.delivery == verdict


async def test_all_middlewares_that_could_be_it_are_named() -> None:
    async def other(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    command = InvokeCommand(function_name="echo", payload=b"1")
    command.middleware_stack.add(forgets)
    async with fake_client() as client:
        client.middleware_stack.add(other, name="other", step="build")
        with pytest.raises(AiolambdaError, match=r"^one of the middlewares forgets \(.*\), 'other', .*other \(.*\) returned"):
            await client.send(command)


async def test_object_of_another_class_is_an_output() -> None:
    class Own:
        status_code = 200

    async def own(call: AnyCall, call_next: AnyNext) -> Any:
        return Own()

    async with fake_client() as client:
        client.middleware_stack.add(own)
        output: object = await client.send(InvokeCommand(function_name="echo"))
    assert isinstance(output, Own)


async def test_command_of_ones_own_may_have_any_output() -> None:
    class Operation(InvokeOperation):
        def output_of(self, input: Any, response: Any, /, **_: Any) -> Any:
            return {"status": response.status}

    class Own:
        input = InvokeCommandInput(function_name="echo")
        operation = Operation()
        idempotent = None
        middleware_stack: MiddlewareStack[Any, Any] = MiddlewareStack()

    async def passes_on(call: AnyCall, call_next: AnyNext) -> Any:
        return await call_next(call)

    async with fake_client() as client:
        client.middleware_stack.add(passes_on)
        output: object = await client.send(Own())
        assert output == {"status": 200}
        client.middleware_stack.add(does_not_wait)
        with pytest.raises(AiolambdaError, match="a coroutine that was not awaited"):
            await client.send(Own())


async def test_output_passed_on_is_the_same() -> None:
    outputs: list[InvokeCommandOutput] = []

    async def keeps(call: AnyCall, call_next: AnyNext) -> Any:
        outputs.append(await call_next(call))  # type: ignore[arg-type]
        return outputs[-1]

    async with LambdaClient(transport=FakeTransport({"echo": lambda event: event})) as client:
        client.middleware_stack.add(keeps)
        assert await client.invoke("echo", 1) is outputs[0]
