"""A Lambda on loopback with a changing limit. It takes its time for each invocation, and throttles beyond the limit.

Owns the server, which runs in a process of its own and is asked over a pipe. Must not know the callers.
"""

import asyncio
import json
import multiprocessing
from collections import Counter
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

THROTTLE = b"HTTP/1.1 429 Too Many Requests\r\nx-amzn-ErrorType: TooManyRequestsException\r\nContent-Length: %d\r\n\r\n%b"
BODY = b'{"Type":"User","Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Amz-Executed-Version: 1\r\n\r\n%b"


class Simulated:
    """The state of all functions."""

    def __init__(self) -> None:
        self.reset(seconds=0.0, limits={})

    def reset(self, *, seconds: float, limits: dict[str, list[tuple[float, int]]], counts: bool = True) -> None:
        """`limits` by function: from so many seconds after the first request on, so many at a time."""
        self.seconds, self.limits, self.counts = seconds, limits, counts
        self.running: Counter[str] = Counter()
        self.executed: Counter[bytes] = Counter()
        self.ended: list[tuple[str, float]] = []
        self.requests = self.throttled = 0
        self.began: float | None = None

    def limit(self, name: str, now: float) -> float:
        since = now - (self.began or now)
        found = [limit for start, limit in self.limits.get(name, []) if start <= since]
        return found[-1] if found else float("inf")


class Answering(asyncio.Protocol):
    def __init__(self, simulated: Simulated) -> None:
        self.simulated = simulated
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if end and len(rest) >= length:
            self.buffer = rest[length:]
            self.invoked(head.split(b"/", 4)[3].decode(), rest[:length])

    def invoked(self, name: str, payload: bytes) -> None:
        simulated, loop = self.simulated, asyncio.get_running_loop()
        now = loop.time()
        simulated.began = simulated.began or now
        simulated.requests += 1
        if simulated.running[name] >= simulated.limit(name, now):
            simulated.throttled += 1
            self.transport.write(THROTTLE % (len(BODY), BODY))
        elif not simulated.seconds:
            self.transport.write(OK % (len(name) + 2, b'"%b"' % name.encode()))
        else:
            simulated.running[name] += 1
            if simulated.counts:
                simulated.executed[payload] += 1
            loop.call_later(simulated.seconds, self.finished, name)

    def finished(self, name: str) -> None:
        simulated = self.simulated
        simulated.running[name] -= 1
        simulated.ended.append((name, asyncio.get_running_loop().time() - (simulated.began or 0.0)))
        self.transport.write(OK % (len(name) + 2, b'"%b"' % name.encode()))


def _run(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    simulated = Simulated()
    server = await asyncio.get_running_loop().create_server(lambda: Answering(simulated), "127.0.0.1", 0, backlog=4096)
    pipe.send(server.sockets[0].getsockname()[1])
    while (order := await asyncio.to_thread(pipe.recv)) is not None:
        if order == "?":
            most = max(simulated.executed.values(), default=0)
            pipe.send((simulated.requests, simulated.throttled, simulated.ended, most, len(simulated.executed)))
        else:
            simulated.reset(**json.loads(order))
            pipe.send(None)


class Handle:
    """The server, as the process that measures sees it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.url = f"http://127.0.0.1:{pipe.recv()}"

    def reset(self, **settings: Any) -> None:
        self._pipe.send(json.dumps(settings))
        self._pipe.recv()

    def asked(self) -> tuple[int, int, list[tuple[str, float]], int, int]:
        """Requests, throttles, ends (function and second), the most executions of one payload, payloads."""
        self._pipe.send("?")
        return self._pipe.recv()


@contextmanager
def simulated_lambda() -> Any:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Handle(ours)
    finally:
        ours.send(None)
        process.join(5)
