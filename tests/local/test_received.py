"""The bytes of a connection: taken in any pieces, and no more read than may wait."""

import asyncio

import pytest

from aiolambda.local.runtime.received import ConnectionEnded, Received


class Transport:
    def __init__(self):
        self.is_reading = True

    def pause_reading(self):
        assert self.is_reading
        self.is_reading = False

    def resume_reading(self):
        assert not self.is_reading
        self.is_reading = True


def test_reading_pauses_while_too_much_waits():
    transport = Transport()
    received = Received(transport, 10)
    received.add(b"x" * 10)
    assert transport.is_reading
    received.add(b"x")
    received.add(b"x")
    assert not transport.is_reading
    received.take(1)
    assert not transport.is_reading
    received.take(1)
    assert transport.is_reading


async def test_bytes_are_taken_as_they_arrive():
    received = Received(Transport(), 100)
    taking = asyncio.create_task(received.take_until(b"\n", 50))
    for piece in (b"one", b"\ntwo"):
        await asyncio.sleep(0)
        received.add(piece)
    assert await taking == b"one\n"
    assert await received.take_some(2) == b"tw"
    assert await received.take_some(9) == b"o"


async def test_line_over_the_limit_is_taken_without_its_end():
    received = Received(Transport(), 100)
    received.add(b"x" * 11)
    assert await received.take_until(b"\n", 10) == b"x" * 11


async def test_end_is_told_to_whoever_waits():
    received = Received(Transport(), 100)
    received.add(b"half")
    taking = asyncio.create_task(received.take_until(b"\n", 50))
    await asyncio.sleep(0)
    received.end()
    with pytest.raises(ConnectionEnded):
        await taking
    assert await received.take_some(9) == b"half"
    with pytest.raises(ConnectionEnded):
        await received.take_some(9)
