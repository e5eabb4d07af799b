"""Starts, stops, callbacks and polls on real sockets against a server that fails: nothing happens twice, polls repeat."""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import attrs
import pytest

from aiolambda import AiolambdaError, Credentials, Delivery, LambdaClient, Timeouts

from ...support import faults
from ...support.durable_service import ACCOUNT, STARTED, arn_of
from ...support.fault_table import open_files
from ...support.faults import Connection, FaultServer, Received

LIMITS = Timeouts(connect=20, read=0.3, total=3)
KEYS = Credentials("AKIDEXAMPLE", "secret")
Deed = Callable[[LambdaClient], Awaitable[Any]]

DEEDS: dict[str, Deed] = {
    "invocations": lambda client: client.start_durable("orders:live", {"id": 7}, name="order-7"),
    "stop": lambda client: client.durable_execution(arn_of("order-7")).stop(message="no tea"),
    "succeed": lambda client: client.callback("aWQ=").succeed({"tea": True}),
    "fail": lambda client: client.callback("aWQ=").fail(message="no tea"),
}
"""What must not happen twice, by the end of its path."""
REPEATED: dict[str, Deed] = {
    "heartbeat": lambda client: client.callback("aWQ=").heartbeat(),
    "get": lambda client: client.durable_execution(arn_of("order-7")).result(timeout=90),
    "history": lambda client: _last_of(client.durable_execution(arn_of("order-7")).history(follow=True)),
}
"""What may be repeated freely."""


async def _last_of(events: Any) -> Any:
    return [event async for event in events][-1]


@attrs.define(eq=False)
class Server:
    """Answers well, but for the first requests of one kind."""

    kind: str
    fault: faults.Script
    is_early: bool
    times: int
    done: Counter[str] = attrs.field(factory=Counter)
    """Requests that were read whole and not refused: the service has carried them out."""
    failed: int = 0

    async def script(self, connection: Connection) -> None:
        await connection.handshake()
        while True:
            if self.is_early and self.failed < self.times:
                self.failed += 1
                await self.fault(connection)
                return
            head = await connection.read_head()
            kind = _kind_of(head)
            is_struck = kind == self.kind and self.failed < self.times
            await connection.read(int(head.header("content-length") or 0))
            if is_struck and self.fault in REFUSALS.values():
                self.failed += 1
                await self.fault(connection)
                continue
            self.done[kind] += 1
            if is_struck:
                self.failed += 1
                await self.fault(connection)
                return
            await connection.write(self._answer(kind))

    def _answer(self, kind: str) -> bytes:
        own = "x-amzn-requestid: id\r\n"
        execution = {"DurableExecutionArn": arn_of("order-7"), "DurableExecutionName": "order-7", "StartTimestamp": STARTED}
        state = {**execution, "FunctionArn": f"{ACCOUNT}:7", "Status": "SUCCEEDED", "InputPayload": '{"id":7}', "Result": "7"}
        if kind == "invocations":
            return faults.answer("202 Accepted", headers=f"{own}x-amz-durable-execution-arn: {arn_of('order-7')}\r\n")
        members = {
            "durable-executions": {"DurableExecutions": [state] if self.done["invocations"] else []},
            "get": state,
            "history": {"Events": [{"EventType": "ExecutionSucceeded", "EventId": 1}]},
            "stop": {"StopTimestamp": STARTED},
        }
        return faults.answer("200 OK", json.dumps(members.get(kind, {})).encode(), own)


def _kind_of(head: Received) -> str:
    path = unquote(head.head.split(b" ")[1].decode().partition("?")[0])
    last = path.rpartition("/")[2]
    return "get" if "/durable-execution/" in path and last not in ("history", "stop") else last


def _writes(data: bytes, ending: faults.Script) -> faults.Script:
    async def script(connection: Connection) -> None:
        await connection.write(data)
        await ending(connection)

    return script


def _error(status: str, code: str) -> faults.Script:
    """An answer on a connection that goes on."""

    async def script(connection: Connection) -> None:
        headers = f"x-amzn-requestid: id\r\nx-amzn-errortype: {code}\r\n"
        await connection.write(faults.answer(status, b'{"message":"said"}', headers))

    return script


REFUSALS: dict[str, faults.Script] = {
    "a throttle": _error("429 Too Many Requests", "TooManyRequestsException"),
}
EARLY: dict[str, faults.Script] = {
    "fin at once": faults.fin,
    "rst at once": faults.rst,
}
LATE: dict[str, faults.Script] = {
    "read, then fin": faults.fin,
    "read, then rst": faults.rst,
    "read, then silence": faults.silence,
    "half a status line": _writes(b"HTTP/1.1 2", faults.fin),
    "half the headers": _writes(b"HTTP/1.1 200 OK\r\nx-amzn-re", faults.rst),
    "half the body": _writes(b"HTTP/1.1 200 OK\r\nx-amzn-requestid: id\r\nContent-Length: 90\r\n\r\n{", faults.fin),
    "half the body, then silence": _writes(
        b"HTTP/1.1 200 OK\r\nx-amzn-requestid: id\r\nContent-Length: 90\r\n\r\n{", faults.silence
    ),
    "no HTTP": _writes(b"SSH-2.0-OpenSSH\r\n", faults.fin),
    "a page of a proxy": _writes(faults.answer("200 OK", b"<html>", "content-type: text/html\r\n"), faults.fin),
    "a 502 of a proxy": _writes(faults.answer("502 Bad Gateway", b"<html>"), faults.fin),
    "a broken service": _error("500 Internal Server Error", "ServiceException"),
}
FAULTS = {**REFUSALS, **EARLY, **LATE}


@attrs.frozen
class Cell:
    """The outcome: what the service did, and what the caller was told."""

    done: int
    delivery: Delivery | None
    left: int


async def run_cell(server: FaultServer, kind: str, deed: Deed, fault: str, times: int) -> Cell:
    script = Server(kind, FAULTS[fault], fault in EARLY, times)
    play = await server.play(script.script)
    delivery = None
    async with LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url=play.url, timeout=LIMITS) as client:
        try:
            await deed(client)
        except AiolambdaError as error:
            delivery = error.delivery
        slots = client._state.control_slots.in_flight + client._state.slots.in_flight
    return Cell(script.done[kind], delivery, await server.ended(play) + slots)


async def run(deeds: dict[str, Deed], times: int) -> dict[tuple[str, str], Cell]:
    """All cells of some deeds at the same time. Nothing may be left of them."""
    cells = [(kind, fault) for kind in deeds for fault in FAULTS]
    before = open_files()
    with FaultServer() as server:
        async with asyncio.timeout(100):
            outcomes = await asyncio.gather(*(run_cell(server, kind, deeds[kind], fault, times) for kind, fault in cells))
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert len(open_files()) <= len(before) + 3
    return dict(zip(cells, outcomes, strict=True))


async def test_nothing_is_started_stopped_or_answered_twice() -> None:
    for (kind, fault), cell in (await run(DEEDS, times=1)).items():
        assert cell.done <= 1, (kind, fault)
        assert cell.left == 0, (kind, fault)
        if cell.delivery is None:
            assert cell.done == 1, (kind, fault)
        elif cell.done:
            assert cell.delivery is Delivery.UNKNOWN, (kind, fault)
        if fault in LATE:
            is_found_again = kind == "invocations"
            assert (cell.done, cell.delivery is None) == (1, is_found_again), (kind, fault)
        if fault in REFUSALS:
            assert (cell.done, cell.delivery) == (1, None), (kind, fault)


async def test_what_only_asks_is_repeated_until_it_succeeds() -> None:
    for (kind, fault), cell in (await run(REPEATED, times=2)).items():
        assert (cell.delivery, cell.left) == (None, 0), (kind, fault)
        assert cell.done >= 1, (kind, fault)


async def test_polls_survive_more_failures_than_a_call() -> None:
    polls = {kind: REPEATED[kind] for kind in ("get", "history")}
    for (kind, fault), cell in (await run(polls, times=5)).items():
        assert (cell.delivery, cell.left) == (None, 0), (kind, fault)


async def test_a_closed_port_starts_nothing() -> None:
    with FaultServer() as server:
        play = await server.play(None)
        async with LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url=play.url, timeout=LIMITS) as client:
            for deed in DEEDS.values():
                with pytest.raises(AiolambdaError) as raised:
                    await deed(client)
                assert raised.value.delivery is Delivery.NOT_DELIVERED
        await server.ended(play)
