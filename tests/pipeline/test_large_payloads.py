"""The hash of a payload above 1 MiB, which takes a few milliseconds: no turn of the loop waits for all of it."""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aiolambda import Call, CallNext, LambdaClient
from aiolambda.protocol import sigv4

from ..support.servers import RawServer, always, answer, raw_server
from ..support.transports import client_for

LARGE = b'"' + b"x" * 6_000_000 + b'"'


@pytest.fixture
def hashed_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that hashed a payload as a whole."""
    threads, payload_hash = list[str](), sigv4.payload_hash

    def noted(body: bytes) -> str:
        threads.append(threading.current_thread().name)
        return payload_hash(body)

    monkeypatch.setattr(sigv4, "payload_hash", noted)
    return threads


def hashes_of(server: RawServer) -> set[bytes]:
    """The payload hashes that were signed."""
    lines = [line for head, _ in server.requests for line in head.split(b"\r\n")]
    return {line.partition(b": ")[2] for line in lines if line.startswith(b"x-amz-content-sha256")}


def counting_turns(client: LambdaClient, turns: list[int]) -> Callable[[], object]:
    """Counts the turns of the loop between the slot of a call and its transport."""
    loop = asyncio.get_running_loop()
    count, ends = 0, False

    def tick() -> None:
        nonlocal count
        count += 1
        if not ends:
            loop.call_soon(tick)

    async def begin(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.state["began"] = count
        return await call_next(call)

    async def end(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        turns.append(count - call.state["began"])
        return await call_next(call)

    def stop() -> None:
        nonlocal ends
        ends = True

    client.middleware_stack.add(begin, step="finalize", priority="low")
    client.middleware_stack.add(end, step="deserialize")
    tick()
    return stop


async def test_lone_large_payload_is_hashed_in_turns_of_the_loop(hashed_in: list[str]) -> None:
    turns = list[int]()
    async with raw_server(always(answer())) as server, client_for(server) as client:
        await client.invoke("f")
        hashed_in.clear()
        stop = counting_turns(client, turns)
        await client.invoke("f", LARGE)
        stop()
    assert hashed_in == []
    assert turns[0] >= 5
    assert hashlib.sha256(LARGE).hexdigest().encode() in hashes_of(server)


async def test_large_payloads_side_by_side_are_hashed_in_threads(hashed_in: list[str]) -> None:
    payloads = [LARGE, LARGE.replace(b"x", b"y")]
    async with raw_server(always(answer())) as server, client_for(server) as client:
        await asyncio.gather(*(client.invoke("f", payload) for payload in payloads))
    assert "aiolambda hashing" in hashed_in
    assert hashes_of(server) == {hashlib.sha256(payload).hexdigest().encode() for payload in payloads}
