"""Streams of the fake transport."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from aiolambda import (
    FunctionError,
    LambdaClient,
    ResourceNotFoundException,
)
from aiolambda.testing import FakeTransport

from ..support.streaming import leaves_the_block, read


def counting(event: Any) -> Any:
    yield b"a"
    yield "é"
    if event.get("fail"):
        raise ValueError("broken")


async def counting_too(event: Any) -> AsyncGenerator[Any]:
    for piece in counting(event):
        yield piece


@pytest.mark.parametrize("handler", [counting, counting_too])
async def test_a_generator_streams_or_is_joined_for_an_invoke(handler: Any) -> None:
    transport = FakeTransport({"writer": handler})
    async with LambdaClient(transport=transport) as client:
        async with client.stream("writer", {}) as stream:
            assert await read(stream) == [b"a", "é".encode()]
            assert stream.content_type is None
        assert (await client.invoke("writer", {})).text() == "aé"
        for use in (client.invoke("writer", {"fail": 1}), read_all(client, {"fail": 1})):
            with pytest.raises(FunctionError, match="ValueError: broken") as raised:
                await use
            assert "counting" in "".join(raised.value.stack_trace)
        with pytest.raises(ResourceNotFoundException):
            await read_all(client, {}, "nobody")
    assert [call.json() for call in transport.calls] == [{}, {}, {"fail": 1}, {"fail": 1}, {}]


async def read_all(client: LambdaClient, payload: object, name: str = "writer") -> bytes:
    async with client.stream(name, payload) as stream:
        return await stream.read()


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
async def test_a_handlers_stop_iteration_is_in_its_answer(kind: type[Exception]) -> None:
    def stops(event: object) -> None:
        raise kind("over")

    async with LambdaClient(transport=FakeTransport({"stops": stops})) as client:
        for use in (client.invoke("stops"), read_all(client, {}, "stops")):
            with pytest.raises(FunctionError) as raised:
                await use
            assert (raised.value.error_type, raised.value.error_message) == (kind.__name__, "over")


async def test_a_wrong_value_of_a_generator_is_a_function_error() -> None:
    async with LambdaClient(transport=FakeTransport({"writer": lambda _: (piece for piece in [{"a": 1}])})) as client:
        with pytest.raises(FunctionError, match="bytes or str, not dict") as raised:
            await read_all(client, {})
    assert raised.value.error_type == "Runtime.MarshalError"


async def test_leaving_a_fake_stream_ends_its_handler() -> None:
    ended = asyncio.Event()

    async def write(event: object) -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"."
        finally:
            ended.set()

    async with LambdaClient(transport=FakeTransport({"writer": write})) as client:
        await leaves_the_block(client)
        assert (ended.is_set(), client.stats.in_flight) == (True, 0)
