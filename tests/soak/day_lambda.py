"""A Lambda on loopback that counts what it executes, by item. Some items fail, some are throttled, some lose their answer.

Owns these rules, which depend on the number of an item alone, and the server, in a process of its own. Must not know the
client.
"""

import asyncio
import base64
import contextlib
import json
import multiprocessing
import zlib
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Literal

import attrs

MEMORY_MB = 512
FAULTS = {"BadAddress": range(20), "OutOfStock": range(20, 30)}
"""Types of function errors, with the items of a thousand that fail so. A later execution of an `OutOfStock` succeeds."""
LOST = range(30, 33)
"""Of a thousand: their first execution ends the connection without an answer."""
THROTTLED = range(100, 115)
"""Of a thousand: the first request of a phase is throttled."""
COLD = range(200, 203)
"""Of a thousand: cold starts."""

_THROTTLE = b'{"Type":"User","Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}'


def draw(number: int) -> int:
    """The place of an item among a thousand."""
    return zlib.crc32(b"%d" % number) % 1000


def fault(number: int, execution: int) -> str | None:
    """The type of the function's error in the n-th execution of an item, from 1 on."""
    found = next((name for name, some in FAULTS.items() if draw(number) in some), None)
    return None if found == "OutOfStock" and execution > 1 else found


def billed_ms(number: int, execution: int) -> int:
    """Whole milliseconds, so that sums are exact."""
    return 1 + zlib.crc32(b"%d %d" % (number, execution)) % 400


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """What the function returns for an order: it fails for another type of a member."""
    assert type(order["count"]) is int
    assert type(order["price"]) is float
    return {"id": order["id"], "total": round(order["count"] * order["price"], 2)}


@attrs.frozen
class Counts:
    """What the server has counted. `executions` is by the number of an item."""

    executions: Counter[int]
    throttled: int
    wrong: int
    """Requests that no order could be read from."""


class _Service:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.executions: Counter[int] = Counter()
        self.was_throttled: set[int] = set()
        self.throttled = self.wrong = 0

    def begin_phase(self) -> None:
        self.was_throttled.clear()
        self.throttled = 0


class _Answering(asyncio.Protocol):
    def __init__(self, service: _Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if end and len(rest) >= length:
            self._buffer = rest[length:]
            self._invoked(rest[:length])

    def _invoked(self, payload: bytes) -> None:
        service = self._service
        try:
            order = json.loads(payload)
            number, returned = int(order["id"].removeprefix("order-")), answer(order)
        except (ValueError, KeyError, TypeError, AssertionError, AttributeError):
            service.wrong += 1
            self._transport.abort()
            return
        if draw(number) in THROTTLED and number not in service.was_throttled:
            service.was_throttled.add(number)
            service.throttled += 1
            self._write("429 Too Many Requests", {"x-amzn-ErrorType": "TooManyRequestsException"}, _THROTTLE)
            return
        service.executions[number] += 1
        asyncio.get_running_loop().call_later(service.seconds, self._finished, number, service.executions[number], returned)

    def _finished(self, number: int, execution: int, returned: dict[str, Any]) -> None:
        if draw(number) in LOST and execution == 1:
            self._transport.abort()
            return
        id = f"00000000-0000-4000-8000-{execution:02}{number:010}"
        headers = {"x-amzn-RequestId": id, "X-Amz-Executed-Version": "$LATEST", "Content-Type": "application/json"}
        headers["X-Amz-Log-Result"] = base64.b64encode(_log(id, number, execution).encode()).decode()
        body: dict[str, Any] = returned
        if (kind := fault(number, execution)) is not None:
            headers["X-Amz-Function-Error"] = "Unhandled"
            body = {"errorType": kind, "errorMessage": f"order {number}", "stackTrace": []}
        self._write("200 OK", headers, json.dumps(body).encode())

    def _write(self, status: str, headers: dict[str, str], body: bytes) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._transport.write(f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _log(id: str, number: int, execution: int) -> str:
    billed = billed_ms(number, execution)
    init = "Init Duration: 151.20 ms\t" if draw(number) in COLD else ""
    return (
        f"START RequestId: {id} Version: $LATEST\nEND RequestId: {id}\n"
        f"REPORT RequestId: {id}\tDuration: {billed - 0.5:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {MEMORY_MB} MB\tMax Memory Used: 71 MB\t{init}\n"
    )


async def _serve(pipe: Connection, seconds: float) -> None:
    service = _Service(seconds)
    server = await asyncio.get_running_loop().create_server(lambda: _Answering(service), "127.0.0.1", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])
    while (order := await asyncio.to_thread(pipe.recv)) != "end":
        if order == "phase":
            service.begin_phase()
        whole = None if order == "sum" else Counts(service.executions, service.throttled, service.wrong)
        pipe.send(service.executions.total() if whole is None else whole)
    server.close()


def _run(pipe: Connection, seconds: float) -> None:
    asyncio.run(_serve(pipe, seconds))


class DayLambda:
    """The server, as the process that runs the job sees it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.url = f"http://127.0.0.1:{pipe.recv()}"

    def _ask(self, order: Literal["sum", "counts", "phase"]) -> Any:
        self._pipe.send(order)
        return self._pipe.recv()

    def executed(self) -> int:
        """The executions so far."""
        total: int = self._ask("sum")
        return total

    def counts(self) -> Counts:
        """All counts so far."""
        found: Counts = self._ask("counts")
        return found

    def begin_phase(self) -> None:
        """From now on items are throttled once more, and throttles are counted from 0."""
        self._ask("phase")


@contextlib.contextmanager
def day_lambda(*, seconds: float) -> Iterator[DayLambda]:
    """A server whose executions take so many seconds."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs, seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        yield DayLambda(ours)
    finally:
        ours.send("end")
        process.join(5)
        ours.close()
