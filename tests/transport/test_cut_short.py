"""A call that is cut at any moment: it is cancelled, or its client is closed. Nothing is left, on each loop, over TCP and TLS.

The moments are turns of the loop, from before the first step of the call to after its end. The server has a loop of its own.
"""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda import ClientClosedError, InvokeCommand, LambdaClient, NoRetry, StreamError, Timeouts

from ..support import THOROUGH, faults
from ..support.fault_table import client_of, open_files
from ..support.faults import Certificates, FaultServer, Play, Script
from ..support.loops import INSTALLED, LoopName, loop_factory
from ..support.streaming import HEAD, chunk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts the files in /proc")
MOMENTS = [*range(24), *range(24, 200, 20), *range(200, 2000, 300)] if THOROUGH else [*range(0, 24, 4), 40, 120, 400]
COMPLAINTS = [
    ("aiofastnet", "SSL handshake failed"),  # of each handshake that the peer ends
    ("uvloop", "unable to perform operation on <TCPTransport closed=True"),  # of one that is cancelled at its end
]
"""Of the loops themselves, to their exception handler: the same without this package."""
UPLOAD = b'"' + b"x" * 4_000_000 + b'"'


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with faults.certificates() as found:
        yield found


async def answers(connection: faults.Connection) -> None:
    """A request that names a stream gets chunks until the client leaves; any other its answer."""
    await connection.handshake()
    while True:
        request = await connection.read_request()
        if b"response-streaming" not in request.head:
            await connection.write(faults.normal_answer(request))
            continue
        await connection.write(HEAD)
        while True:
            await connection.write(chunk(b"x" * 5000))


async def invoke(client: LambdaClient) -> None:
    await client.send(InvokeCommand(function_name="call-1"))


async def upload(client: LambdaClient) -> None:
    await client.send(InvokeCommand(function_name="call-1", payload=UPLOAD))


async def stream(client: LambdaClient) -> None:
    async with client.stream("call-1") as chunks:
        received = 0
        async for piece in chunks:
            received += len(piece)
            if received > 2_000_000:
                break


KINDS = [invoke, upload, stream]
Work = Callable[[LambdaClient], Awaitable[None]]


@attrs.define
class Place:
    """A server, and the complaints of the client's loop."""

    play: Play
    certificates: Certificates
    complaints: list[str] = attrs.field(factory=list)

    @contextlib.asynccontextmanager
    async def client(self, *, warm: bool, **settings: Any) -> AsyncIterator[LambdaClient]:
        """A client that has no open socket and no call in flight afterwards."""
        limits = Timeouts(connect=20, read=20)
        async with client_of(self.play, self.certificates, timeout=limits, **settings) as client:
            if warm:
                await asyncio.gather(invoke(client), invoke(client))
            yield client
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)
        for _ in range(3):
            await asyncio.sleep(0)
        assert sockets_to(self.play) == 0


def sockets_to(play: Play) -> int:
    """How many sockets of this process are connected to the server."""
    count = 0
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # it listens, has ended, or was that of this very listing
            if str(path.readlink()).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(path.name))) as sock:
                    count += sock.family == socket.AF_INET and sock.getpeername() == play.address
    return count


def in_a_place(loop: LoopName, script: Script, certificates: Certificates, *, tls: bool, main: Callable[[Place], Any]) -> None:
    """Run this with a server. Afterwards no file is open, and nobody has complained."""

    async def run() -> list[str]:
        with FaultServer() as server:  # a loop opens some files when it is first used: before they are counted
            first = Place(await server.play(faults.well, tls=certificates.trusted if tls else None), certificates)
            async with first.client(warm=True):
                pass
            await server.ended(first.play)
        before = open_files()
        with FaultServer() as server:
            place = Place(await server.play(script, tls=certificates.trusted if tls else None), certificates)
            asyncio.get_running_loop().set_exception_handler(lambda _, context: place.complaints.append(str(context)))
            await main(place)
            assert not await server.ended(place.play)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()
        assert open_files() <= before  # what an earlier test has left may be collected meanwhile
        return place.complaints

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        complaints = runner.run(run())
    assert [text for text in complaints if not any(name in loop and known in text for name, known in COMPLAINTS)] == []


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


on_each_loop = pytest.mark.parametrize("loop", INSTALLED)
over_both = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@on_each_loop
@over_both
@pytest.mark.parametrize("work", KINDS)
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_cancelled_call_leaves_nothing(loop: LoopName, tls: bool, work: Work, warm: bool, certificates: Certificates) -> None:
    async def main(place: Place) -> None:
        for moment in MOMENTS:
            async with place.client(warm=warm) as client:
                task = asyncio.ensure_future(work(client))
                await turns(moment)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert client.stats.in_flight == 0
                await invoke(client)  # it goes on

    in_a_place(loop, answers, certificates, tls=tls, main=main)


@on_each_loop
@over_both
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_closed_client_leaves_nothing(loop: LoopName, tls: bool, warm: bool, certificates: Certificates) -> None:
    """While connections are opened, in an upload, and in a stream; at once, and not after a limit."""

    async def main(place: Place) -> None:
        for moment in MOMENTS:
            async with asyncio.timeout(10):
                async with place.client(warm=warm) as client:
                    tasks = [asyncio.ensure_future(work(client)) for work in KINDS * 2]
                    await turns(moment)
                    await client.close(grace=0)
                    ended = await asyncio.gather(*tasks, return_exceptions=True)
                    assert all(error is None or isinstance(error, ClientClosedError | StreamError) for error in ended), ended

    in_a_place(loop, answers, certificates, tls=tls, main=main)


@on_each_loop
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_client_closed_in_a_handshake_leaves_nothing(loop: LoopName, share: float, certificates: Certificates) -> None:
    """The server sends a part of its handshake, and stalls."""
    script = faults.in_the_flight(share, faults.stalls)

    async def main(place: Place) -> None:
        for moment in MOMENTS[::4]:
            async with asyncio.timeout(10):
                async with place.client(warm=False) as client:
                    tasks = [asyncio.ensure_future(work(client)) for work in KINDS]
                    await turns(moment)
                    await client.close(grace=0)
                    ended = await asyncio.gather(*tasks, return_exceptions=True)
                    assert all(isinstance(error, ClientClosedError) for error in ended), ended

    in_a_place(loop, script, certificates, tls=True, main=main)


@on_each_loop
@over_both
@pytest.mark.parametrize("ending", [faults.hangs_up, faults.rst, faults.fin_at_once])
def test_refused_connection_leaves_nothing(loop: LoopName, tls: bool, ending: Script, certificates: Certificates) -> None:
    """The server ends each connection before, or while, it is opened."""

    async def main(place: Place) -> None:
        for _ in range(5):
            async with place.client(warm=False, retry=NoRetry()) as client:
                ended = await asyncio.gather(*(invoke(client) for _ in range(4)), return_exceptions=True)
                assert all(isinstance(error, ConnectionError) for error in ended), ended

    in_a_place(loop, ending, certificates, tls=tls, main=main)


# aiofastnet has a TLS of its own, so a run with it uses asyncio's: an empty list would be a skip
@pytest.mark.parametrize("loop", [name for name in INSTALLED if "aiofastnet" not in name] or ["asyncio"])
def test_call_cancelled_at_the_end_of_its_handshake_disturbs_no_other(
    loop: LoopName, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop would wait for a goodbye of the peer, and have the descriptor in use so long."""
    tasks: list[asyncio.Future[None]] = []
    shake_hands = ssl.SSLObject.do_handshake

    def cancel_when_done(encrypted: ssl.SSLObject) -> None:
        shake_hands(encrypted)
        if tasks and not encrypted.server_side:
            tasks.pop().cancel()

    async def script(connection: faults.Connection) -> None:
        if connection.play.opened == 1:
            await connection.handshake()
            await faults.stalls(connection)
        await faults.well(connection)

    async def main(place: Place) -> None:
        monkeypatch.setattr(ssl.SSLObject, "do_handshake", cancel_when_done)
        async with place.client(warm=False) as client:
            task = asyncio.ensure_future(invoke(client))
            tasks.append(task)
            with pytest.raises(asyncio.CancelledError):
                await task
            await turns(20)
            assert sockets_to(place.play) == 0
            async with asyncio.timeout(10):
                await asyncio.gather(*(invoke(client) for _ in range(10)))

    in_a_place(loop, script, certificates, tls=True, main=main)
