"""A worker, without its process: what it does while its pipe is full."""

import asyncio
import contextlib
import os
from typing import Any

import pytest

from aiolambda import Delivery, InvokeCommand
from aiolambda.client.processes.frames import FrameReader, Message
from aiolambda.client.processes.worker import _Worker  # pyright: ignore[reportPrivateUsage] - nothing else fills its pipe
from aiolambda.codecs import JsonCodec
from aiolambda.fanout.parcels import outcome_of, packed_command

pytestmark = pytest.mark.asyncio


async def test_command_that_is_cancelled_before_its_note_is_written_is_not_sent() -> None:
    sent: list[Any] = []

    async def send(command: Any, run_ended: Any) -> None:
        sent.append(command.input.payload)

    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    try:
        worker = _Worker(0, writing, os.getppid())
        worker._send = send
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled += os.write(writing, bytes(4096))
        commands = [(id, packed_command(InvokeCommand(function_name="f", payload=id), JsonCodec())) for id in (7, 8)]
        worker._on_run(1, commands)
        worker._on_cancel([7])
        assert len(os.read(reading, filled)) == filled
        messages = await messages_of(reading, 3)
    finally:
        os.close(reading)
        os.close(writing)
    assert sent == [b"8"]
    assert messages[0] == ("begun", 1)
    [cancelled] = [message for message in messages if message[:2] == ("done", 7)]
    _, error = outcome_of(cancelled[2], JsonCodec())
    assert error is not None
    assert error.delivery is Delivery.NOT_DELIVERED


async def messages_of(reading: int, count: int) -> list[Message]:
    """The messages that the worker writes, at least so many."""
    reader, found = FrameReader(), list[Message]()
    async with asyncio.timeout(20):
        while len(found) < count:
            await asyncio.sleep(0)
            with contextlib.suppress(BlockingIOError):
                for messages in reader.feed(os.read(reading, 1 << 20)):
                    found.extend(messages)
    return found
