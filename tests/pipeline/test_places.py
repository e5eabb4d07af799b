"""What a call holds comes back whatever ends it: its slot, its place with the transport, its connection, its tasks.

A call is disturbed at each of its awaits in turn, over real connections.
"""

import asyncio
import functools
import gc
import itertools
import ssl
import time
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from aiolambda import AiolambdaError, InvokeWithResponseStreamCommand, LambdaClient, Timeouts
from aiolambda.transport import AiohttpTransport

from ..support import THOROUGH, faults
from ..support.fault_table import KEYS, Certificates, open_files
from ..support.faults import Connection, FaultServer, Play, Script
from ..support.loops import LoopFactory
from ..support.streaming import streamed
from ..support.transports import transport_with

EXPIRES = 0.02
LARGE = b"1" * 1_500_000
Work = Callable[[LambdaClient], Coroutine[Any, Any, Any]]


# --- what must have come back -----------------------------------------------------------------------------------------


def places(client: LambdaClient) -> tuple[int, ...]:
    """Slots, waiters, turns and promises that are not given back."""
    stats, transport = client.stats, client._state.transport
    pool = transport._pool if isinstance(transport, AiohttpTransport) else None
    kept = () if pool is None else (pool.turns.in_use, *(route.shelf.promised for route in pool._routes))
    return stats.in_flight, stats.waiting, *kept


async def at_rest(client: LambdaClient) -> None:
    """What the call kept is given back; what ends in the background may take a turn of the loop or two."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(places(client)), places(client)


async def alone() -> None:
    """No task is left beside this one."""
    async with asyncio.timeout(5):
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=0.1)


# --- a call that is disturbed at its n-th await -----------------------------------------------------------------------


class Disturbance:
    """Does something once a coroutine waits for the n-th time."""

    def __init__(self, number: int, act: Callable[[], None], *, soon: bool) -> None:
        self.number = number
        self.act = act
        self.soon = soon
        self.waits = 0

    @property
    def happened(self) -> bool:
        return self.waits >= self.number

    async def during(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await self._steps(work)

    @types.coroutine
    def _steps(self, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = functools.partial(work.send, None)
        while True:
            try:
                waited_for = step()
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self.number:
                if self.soon:  # when what is waited for may have come in the same turn
                    asyncio.get_running_loop().call_soon(self.act)
                else:
                    self.act()
            try:
                step = functools.partial(work.send, (yield waited_for))
            except BaseException as error:
                step = functools.partial(work.throw, error)


@attrs.frozen
class Case:
    """A client, the task of the call that is disturbed, and what else was begun."""

    client: LambdaClient
    task: "asyncio.Task[Any]"
    begun: list["asyncio.Task[Any]"]
    deadline: float

    def cancel(self) -> None:
        self.task.cancel()

    def cancel_twice(self) -> None:
        self.task.cancel()
        asyncio.get_running_loop().call_soon(self.task.cancel)

    def cancel_again_later(self) -> None:
        """In the turn after that in which the first arrives."""
        loop = asyncio.get_running_loop()
        self.task.cancel()
        loop.call_soon(loop.call_soon, loop.call_soon, self.task.cancel)

    def close(self) -> None:
        self.begun.append(asyncio.create_task(self.client.close(grace=0)))

    def close_and_cancel(self) -> None:
        self.close()
        asyncio.get_running_loop().call_soon(self.task.cancel)

    def expire(self) -> None:
        time.sleep(max(0.0, self.deadline - time.monotonic()))

    def expire_and_close(self) -> None:
        self.close()
        self.expire()

    def expire_and_cancel(self) -> None:
        self.expire()
        asyncio.get_running_loop().call_soon(self.task.cancel)


ACTS: dict[str, Callable[[Case], None]] = {
    "cancel": Case.cancel,
    "cancel twice": Case.cancel_twice,
    "cancel again later": Case.cancel_again_later,
    "close": Case.close,
    "close and cancel": Case.close_and_cancel,
    "expire": Case.expire,
    "expire and close": Case.expire_and_close,
    "expire and cancel": Case.expire_and_cancel,
}


async def answers_early(connection: Connection) -> None:
    """Answers once the head is read, and reads the body then."""
    await connection.handshake()
    while True:
        head = await connection.read_head()
        await connection.write(faults.normal_answer(head))
        await connection.read_request(head)


async def streams(connection: Connection) -> None:
    await connection.handshake()
    while True:
        request = await connection.read_request()
        streaming = b"response-streaming" in request.head
        await connection.write(streamed(b"one", b"two") if streaming else faults.normal_answer(request))


async def invoke(client: LambdaClient) -> None:
    await client.invoke("call-1", {})


async def upload(client: LambdaClient) -> None:
    await client.invoke("call-1", LARGE)


async def stream(client: LambdaClient) -> None:
    async with client.stream("call-1", {}) as chunks:
        async for _ in chunks:
            pass


async def in_turn(client: LambdaClient) -> None:
    """Behind another call that has the only slot, and then the only connection."""
    await client.open()
    other = asyncio.create_task(client.invoke("call-0", {}))
    try:
        await asyncio.sleep(0)
        await client.invoke("call-1", {})
    finally:
        other.cancel()
        await asyncio.wait([other])
        other.cancelled() or other.exception()


async def closing(client: LambdaClient) -> None:
    """The end of a client with a call in flight, one that waits for a slot, and a stream that nobody reads."""
    open_stream = await client.send(InvokeWithResponseStreamCommand(function_name="call-0", payload={}))
    calls = [asyncio.create_task(client.invoke(name, {})) for name in ("call-1", "call-2")]
    try:
        await asyncio.sleep(0)
        await client.close(grace=0.001)
    finally:
        await open_stream.event_stream.aclose()  # first: it has the slot that they wait for
        await asyncio.gather(*calls, return_exceptions=True)


@attrs.frozen
class Scene:
    """What a call does, over which server; `warm` on a connection that was used before, `closes` its client."""

    work: Work
    script: Script
    warm: bool = False
    slots: int = 2
    closes: bool = False
    fuses: bool = True


SCENES = {
    "cold": Scene(invoke, faults.well),
    "warm": Scene(invoke, faults.well, warm=True),
    "upload": Scene(upload, answers_early),
    "stream": Scene(stream, streams),
    "warm stream": Scene(stream, streams, warm=True),
    "in turn": Scene(in_turn, faults.well, slots=1),
    "closing": Scene(closing, streams, warm=True, slots=1, closes=True),
    "warm, not fused": Scene(invoke, faults.well, warm=True, fuses=False),
    "warm stream, not fused": Scene(stream, streams, warm=True, fuses=False),
    "in turn, not fused": Scene(in_turn, faults.well, slots=1, fuses=False),
}


@asynccontextmanager
async def client_of(play: Play, certificates: Certificates, **settings: Any) -> AsyncIterator[LambdaClient]:
    trusting = ssl.create_default_context(cafile=certificates.bundle)
    transport = transport_with(tls=trusting, max_connecting=1)
    client = LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=play.url, transport=transport, **settings)
    try:
        yield client
    finally:
        await client.close(grace=0)


async def disturb(client: LambdaClient, work: Work, number: int, name: str, *, soon: bool) -> bool:
    """Disturb the call at its n-th await; whether it had so many."""
    begun: list[asyncio.Task[Any]] = []
    disturbance = Disturbance(number, lambda: ACTS[name](case), soon=soon)
    task = asyncio.create_task(disturbance.during(work(client)))
    case = Case(client, task, begun, time.monotonic() + EXPIRES)
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert outcome is None or isinstance(outcome, AiolambdaError | asyncio.CancelledError), repr(outcome)
    if "cancel" not in name:
        assert not isinstance(outcome, asyncio.CancelledError)
        assert task.cancelling() == 0
    await asyncio.gather(*begun)
    return disturbance.happened


async def play_scene(server: FaultServer, certificates: Certificates, scene: Scene, name: str, *, tls: bool, soon: bool) -> int:
    """The call, disturbed at each of its awaits; how many those were."""
    limits = Timeouts(total=EXPIRES if "expire" in name else 20, connect=20)
    for number in itertools.count(1):
        play = await server.play(scene.script, tls=certificates.trusted if tls else None)
        async with client_of(play, certificates, timeout=limits, max_concurrency=scene.slots) as client:
            client._stack._fuses = scene.fuses
            if scene.warm:
                await client.invoke("call-0", {}, timeout=20)
            happened = await disturb(client, scene.work, number, name, soon=soon)
            if not scene.closes:
                await at_rest(client)
            if not scene.closes and ("close" not in name or not happened):  # all that it needs is there
                await client.invoke("call-2", {}, timeout=Timeouts(total=20, queue=10))
                await at_rest(client)
        await at_rest(client)
        await alone()
        assert not await server.ended(play)
        assert play.executions["call-1"] <= 1
        if not happened:
            return number - 1
    raise AssertionError


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with faults.certificates() as made:
        yield made


_OVER_TLS = SCENES if THOROUGH else ("cold", "closing")
"""The scenes that also run over TLS: all, or the two in which a connection is opened and ended."""


@pytest.mark.parametrize(
    ("scene", "tls"),
    [pytest.param(scene, False, id=f"tcp-{name}") for name, scene in SCENES.items()]
    + [pytest.param(SCENES[name], True, id=f"tls-{name}") for name in _OVER_TLS],
)
def test_interrupted_call_releases_all_resources(
    new_loop: LoopFactory, tls: bool, scene: Scene, certificates: Certificates
) -> None:
    async def undisturbed() -> None:
        with FaultServer() as server:
            play = await server.play(scene.script, tls=certificates.trusted if tls else None)
            async with client_of(play, certificates) as client:
                await scene.work(client)
            await server.ended(play)

    async def every_act() -> None:
        with FaultServer() as server:
            for name, soon in itertools.product(ACTS, (False, True)):
                try:
                    waits = await play_scene(server, certificates, scene, name, tls=tls, soon=soon)
                except BaseException as error:
                    error.add_note(f"{name}, {'in the turn after' if soon else 'as it waits'}")
                    raise
                assert waits >= 1

    complaints: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
        runner.run(undisturbed())  # what a loop opens when it is first used is there before it is counted
        before = open_files()
        runner.run(every_act())
        gc.collect()
        assert not open_files() - before
    # uvloop says so itself of a handshake that is cancelled, whoever cancels it.
    assert not [context for context in complaints if context["message"] != "Fatal error on SSL protocol"]
