"""A Lambda on loopback, in a process of its own, that counts what it executes: by item, and how many at a time.

An item is a JSON object with an `id`, and may say how it runs: `seconds`, and `raises` for a function error. Any other payload
comes back as it is.
"""

import asyncio
import contextlib
import json
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import attrs

_THROTTLE = b'{"Type":"User","Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}'


@attrs.define
class Counts:
    """What the server has counted. `peak` is the largest number of executions at a time."""

    executions: Counter[Any] = attrs.field(factory=Counter)
    peak: int = 0
    throttled: int = 0
    authorizations: set[str] = attrs.field(factory=set)


class _Service:
    def __init__(self, seconds: float, reserved: int | None) -> None:
        self.seconds = seconds
        self.reserved = reserved
        self.running = 0
        self.counts = Counts()


class _Connection(asyncio.Protocol):
    def __init__(self, service: _Service) -> None:
        self._service = service
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if len(self._buffer) >= end + 4 + length:
            payload = bytes(self._buffer[end + 4 : end + 4 + length])
            self._buffer.clear()
            self._invoked(head, payload)

    def _invoked(self, head: bytes, payload: bytes) -> None:
        service, counts = self._service, self._service.counts
        counts.authorizations.update(
            line.split(b"Credential=")[1].split(b"/")[0].decode() for line in head.split(b"\r\n") if b"Credential=" in line
        )
        if service.reserved is not None and service.running >= service.reserved:
            counts.throttled += 1
            self._write(b"429 Too Many Requests", b"x-amzn-ErrorType: TooManyRequestsException\r\n", _THROTTLE)
            return
        try:
            item = json.loads(payload)
            id, seconds, raises = item["id"], item.get("seconds", service.seconds), item.get("raises")
        except (ValueError, TypeError, KeyError):
            id, seconds, raises = hash(payload), service.seconds, None
        counts.executions[id] += 1
        service.running += 1
        counts.peak = max(counts.peak, service.running)
        asyncio.get_running_loop().call_later(seconds, self._finished, payload, raises)

    def _finished(self, payload: bytes, raises: str | None) -> None:
        self._service.running -= 1
        if raises is None:
            self._write(b"200 OK", b"", payload)
        else:
            body = json.dumps({"errorType": raises, "errorMessage": "no", "stackTrace": []}).encode()
            self._write(b"200 OK", b"X-Amz-Function-Error: Unhandled\r\n", body)

    def _write(self, status: bytes, more: bytes, body: bytes) -> None:
        head = b"x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\nX-Amz-Executed-Version: $LATEST\r\n" + more
        self._transport.write(b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n" % (status, head, len(body)) + body)


async def _serve(pipe: Connection, seconds: float, reserved: int | None) -> None:
    service = _Service(seconds, reserved)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(service), "127.0.0.1", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(pipe.recv) != "end":
        pipe.send(service.counts)
    server.close()


def _run(pipe: Connection, seconds: float, reserved: int | None) -> None:
    asyncio.run(_serve(pipe, seconds, reserved))


class CountingLambda:
    """The server, as the tests see it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.url = f"http://127.0.0.1:{pipe.recv()}"

    @property
    def counts(self) -> Counts:
        """What was counted so far."""
        self._pipe.send("counts")
        return self._pipe.recv()


@contextlib.contextmanager
def counting_lambda(*, seconds: float = 0.0, reserved: int | None = None) -> Iterator[CountingLambda]:
    """Start the server. An execution takes `seconds`; with `reserved`, it throttles beyond so many at a time."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, seconds, reserved), daemon=True)
    process.start()
    theirs.close()
    try:
        yield CountingLambda(ours)
        ours.send("end")
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()
        ours.close()
