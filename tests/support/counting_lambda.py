"""A Lambda on loopback that counts its executions by payload, and the workers of a map that call it."""

import asyncio
import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import attrs

from aiolambda import Credentials, Delivery, LambdaClient, MapResult

from .servers import Connection, answer, raw_server

__all__ = ["CountingLambda", "calling", "kill_worker", "verdicts_against", "wait_for_end_of", "workers_of"]

_KEY = re.compile(rb"Credential=([^/]+)/")
THROTTLE = b'{"Type":"User","Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}'


@attrs.define(eq=False)
class CountingLambda:
    """Executes each request in `seconds`, from `held_from` on after `released` only. More than `reserved` are throttled."""

    seconds: float = 0.0
    held_from: float = float("inf")
    reserved: float = float("inf")
    failing: frozenset[bytes] = frozenset()
    rejected_keys: set[str] = attrs.field(factory=set[str])
    executed: Counter[bytes] = attrs.field(factory=Counter[bytes])
    keys: Counter[str] = attrs.field(factory=Counter[str])
    throttled: int = 0
    running: int = 0
    most_running: int = 0
    released: asyncio.Event = attrs.field(factory=asyncio.Event)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def __call__(self, connection: Connection) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, body = await connection.read_request()
                await connection.write(await self._answer(head, body))

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        found = _KEY.search(head)
        key = "" if found is None else found[1].decode()
        self.keys[key] += 1
        if key in self.rejected_keys:
            refusal = b'{"message": "The security token included in the request is expired"}'
            return _answer("403 Forbidden", refusal, "x-amzn-errortype: ExpiredTokenException")
        if self.running >= self.reserved:
            self.throttled += 1
            return _answer("429 Too Many Requests", THROTTLE, "x-amzn-errortype: TooManyRequestsException")
        self.executed[body] += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.changed.set()
        try:
            if self.executed.total() > self.held_from:
                await self.released.wait()
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        if body in self.failing:
            return _answer("200 OK", b'{"errorType": "Broken"}', "x-amz-function-error: Unhandled")
        return _answer("200 OK", body, "x-amz-executed-version: $LATEST")

    async def until(self, executions: int) -> None:
        """Wait for so many executions."""
        async with asyncio.timeout(60):
            while self.executed.total() < executions:
                self.changed.clear()
                await self.changed.wait()


def _answer(status: str, body: bytes, field: str) -> bytes:
    return answer(status, f"x-amzn-requestid: an-id\r\n{field}\r\n", body)


@contextlib.asynccontextmanager
async def calling(service: CountingLambda, **settings: Any) -> AsyncGenerator[LambdaClient]:
    """A client of the service."""
    given = {"region": "eu-west-1", "credentials": Credentials("AKIDEXAMPLE", "secret"), **settings}
    async with raw_server(service) as listening, LambdaClient(endpoint_url=listening.url, **given) as client:
        yield client


def workers_of(client: LambdaClient) -> Any:
    """The workers of the one map that runs."""
    [workers] = client._maps.workers.working  # pyright: ignore[reportPrivateUsage] - tests alone look at processes
    return workers


def kill_worker(client: LambdaClient, number: int = 0) -> int:
    """Kill a worker, as the kernel does if memory is short."""
    pid: int = workers_of(client).pids[number]
    os.kill(pid, signal.SIGKILL)
    return pid


def verdicts_against(results: list[MapResult[Any]], service: CountingLambda, *, idempotent: bool = False) -> Counter[str]:
    """The number of results by verdict. `AssertionError` if one contradicts the executions that the service counted."""
    counted = Counter[str]()
    assert len({result.index for result in results}) == len(results)
    for result in results:
        executions = service.executed[str(result.item).encode()]
        counted["ok" if result.ok else result.delivery.value] += 1
        if result.ok or result.delivery is Delivery.EXECUTED:
            assert executions >= 1 if idempotent else executions == 1, (result, executions)
        elif result.delivery is Delivery.UNKNOWN:
            assert idempotent or executions <= 1, (result, executions)
        else:
            assert executions == 0, (result, executions)
    return counted


async def wait_for_end_of(pid: int) -> None:
    """Wait until there is no such process: it has ended, and its parent has waited for it."""
    async with asyncio.timeout(20):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.02)
