"""Closing a client, with calls in flight or without."""

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

import aiolambda.client.startup as opening_module
from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConfigurationError,
    Delivery,
    InvokeCommand,
    InvokeCommandOutput,
    LambdaClient,
)
from aiolambda.testing import FakeTransport

from ..support.client_calls import AnyCall, AnyNext, fake_client


@pytest.mark.virtual_time
async def test_closing_lets_calls_end_within_the_grace() -> None:
    client = fake_client()
    call = asyncio.create_task(client.invoke("sleep", {"s": 5}))
    await asyncio.sleep(1)
    await client.close()
    assert (await call).json() == "slept"
    assert asyncio.get_running_loop().time() == 5.0


@pytest.mark.virtual_time
async def test_close_cuts_calls_after_the_grace() -> None:
    client = fake_client()
    calls = [asyncio.create_task(client.invoke("sleep", {"s": seconds})) for seconds in (1, 60, 60)]
    await asyncio.sleep(0.5)
    await client.close(grace=2)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(outcomes[0], InvokeCommandOutput)
    assert [type(outcome) for outcome in outcomes[1:]] == [ClientClosedError, ClientClosedError]
    assert all(outcome.delivery is Delivery.UNKNOWN for outcome in outcomes[1:] if isinstance(outcome, AiolambdaError))
    assert asyncio.get_running_loop().time() == 2.5


@pytest.mark.virtual_time
async def test_closing_without_a_limit_waits_for_all() -> None:
    client = fake_client()
    call = asyncio.create_task(client.invoke("sleep", {"s": 600}))
    await asyncio.sleep(0)
    await client.close(grace=None)
    assert call.done()


@pytest.mark.virtual_time
async def test_close_cuts_a_waiting_call_as_not_delivered() -> None:
    client = fake_client(max_concurrency=1)
    calls = [asyncio.create_task(client.invoke("sleep", {"s": 60})) for _ in range(2)]
    await asyncio.sleep(1)
    await client.close(grace=0)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    verdicts = [outcome.delivery for outcome in outcomes if isinstance(outcome, ClientClosedError)]
    assert verdicts == [Delivery.UNKNOWN, Delivery.NOT_DELIVERED]


@pytest.mark.virtual_time
async def test_exception_in_the_block_cuts_calls_at_once() -> None:
    call: asyncio.Task[InvokeCommandOutput] | None = None
    with pytest.raises(KeyError):
        async with fake_client() as client:
            call = asyncio.create_task(client.invoke("sleep", {"s": 60}))
            await asyncio.sleep(1)
            raise KeyError
    assert asyncio.get_running_loop().time() == 1.0
    assert call is not None
    assert isinstance(call.exception(), ClientClosedError)


@pytest.mark.virtual_time
async def test_closing_twice_is_allowed() -> None:
    client = fake_client()
    await client.open()
    await client.close()
    await client.close()
    with pytest.raises(ClientClosedError, match="closed") as raised:
        await client.invoke("echo")
    assert (raised.value.delivery, isinstance(raised.value, RuntimeError)) == (Delivery.NOT_DELIVERED, True)


@pytest.mark.virtual_time
async def test_cancelled_close_still_cuts_calls() -> None:
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


async def test_unopened_client_closes_its_transport() -> None:
    class Closing(FakeTransport):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    transport = Closing({})
    await LambdaClient(transport=transport).close()
    assert transport.closed == 1


async def test_failed_open_fails_all_waiting_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def failing(*arguments: object, **options: object) -> Any:
        opened.append(arguments)
        raise ConfigurationError("no credentials")

    client = LambdaClient(region="us-east-1")
    monkeypatch.setattr("aiolambda.client.startup.find_settings", failing)
    outcomes = await asyncio.gather(*(client.invoke("f") for _ in range(50)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConfigurationError] * 50
    assert len(opened) == 1
    with pytest.raises(ConfigurationError):
        await client.open()
    assert len(opened) == 2
    await client.close()


async def test_cancelled_first_call_does_not_stop_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, release = opening_module.find_settings, threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        release.wait(10)
        return resolve(*arguments, **options)

    monkeypatch.setattr("aiolambda.client.startup.needs_thread", lambda *_, **__: True)
    monkeypatch.setattr("aiolambda.client.startup.find_settings", slow)
    async with asyncio.timeout(20):
        client = fake_client()
        first, second = (asyncio.create_task(client.invoke("echo", 1)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        release.set()
        assert (await second).json() == 1
        assert first.cancelled()
        await client.close()


async def test_close_does_not_wait_for_a_hanging_open(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("aiolambda.client.startup.needs_thread", lambda *_, **__: True)
    monkeypatch.setattr("aiolambda.client.startup.find_settings", lambda *_, **__: release.wait(10))
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


async def test_all_tasks_cancelled_while_it_opens_end_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("aiolambda.client.startup.needs_thread", lambda *_, **__: True)
    monkeypatch.setattr("aiolambda.client.startup.find_settings", lambda *_, **__: release.wait(10))
    try:
        async with asyncio.timeout(5):
            client, others = fake_client(), asyncio.all_tasks()
            call = asyncio.create_task(client.invoke("echo"))
            await asyncio.sleep(0.01)
            for task in asyncio.all_tasks() - others:  # as asyncio.run does at the end of a program
                task.cancel()
            await asyncio.wait([call])
            await client.close(grace=0)
    finally:
        release.set()
    assert call.cancelled()


async def test_command_is_freed_with_its_middlewares() -> None:
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
