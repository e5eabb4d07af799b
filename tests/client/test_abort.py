"""Aborting a client: at once, without waiting, with or without a running event loop, and nothing is left."""

import asyncio
import contextlib
import gc
import os
import ssl
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

import aiolambda.client.startup as opening_module
from aiolambda import (
    ClientClosedError,
    ConfigurationError,
    Credentials,
    Delivery,
    InvokeCommandOutput,
    LambdaClient,
    Request,
    Response,
    SessionTransport,
)
from aiolambda.testing import FakeTransport
from aiolambda.types.interfaces import StreamedResponse

from ..support.client_calls import AnyCall, AnyNext, fake_client
from ..support.loops import LoopFactory, ended
from ..support.servers import Connection, RawServer, always, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "secret")


def client_for(server: RawServer, **settings: Any) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)


async def holds(connection: Connection) -> None:
    """Answers nothing."""
    await connection.read_request()
    await connection.until_client_closes()


async def until(server: RawServer, *, requests: int) -> None:
    async with asyncio.timeout(30):
        while len(server.requests) < requests:
            await asyncio.sleep(0.001)


# --- programs: nothing is left, and nothing warns ---------------------------------------------------------------------

HEAD = """
import asyncio, collections, gc, logging, os, socket, sys
from aiolambda import ClientClosedError, Credentials, LambdaClient
from tests.support.loops import CHOSEN, chosen_loop
def is_of_the_loop(record):
    ended = record.exc_info is not None and isinstance(record.exc_info[1], ConnectionResetError)
    return "SSL protocol" in record.getMessage() or (ended and "never retrieved" in record.getMessage())
if CHOSEN.startswith("uvloop"):  # it complains of handshakes that are cancelled in their last step, by `close`, too
    logging.getLogger("asyncio").addFilter(lambda record: not is_of_the_loop(record))
client = LambdaClient(
    region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "s"), endpoint_url=sys.argv[1], ca_bundle=sys.argv[2] or None,
    max_concurrency=60,
)
def sockets():
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:  # the descriptor of the listing
            pass
    return count
def run(main):
    with asyncio.Runner(loop_factory=chosen_loop()) as runner:
        return runner.run(main)
async def outcome(call):
    try:
        await call
    except ClientClosedError as error:
        return error.may_have_run
    return "answered"
async def in_flight(number):
    while client.stats.in_flight < number:
        await asyncio.sleep(0.001)
before = sockets()
"""
TAIL = """
client.abort()
gc.collect()
print(sockets() - before, run(outcome(client.invoke("f", 1))))
"""
NEVER_OPENED = """
client.abort()
"""
AFTER_A_RUN = """
async def main():
    print(collections.Counter(await asyncio.gather(*(outcome(client.invoke("f", 1)) for _ in range(5)))))
run(main())
client.abort()
"""
BETWEEN_TWO_RUNS_OF_A_LOOP = """
async def main():
    print(collections.Counter(await asyncio.gather(*(outcome(client.invoke("f", 1)) for _ in range(5)))))
with asyncio.Runner(loop_factory=chosen_loop()) as runner:
    runner.run(main())
    client.abort()
"""
BEFORE_ANY_REQUEST_CAME = """
async def main():
    calls = [asyncio.create_task(outcome(client.invoke("f", 1))) for _ in range(100)]
    for _ in range(int(sys.argv[3])):
        await asyncio.sleep(0)
    client.abort()
    print(len(await asyncio.gather(*calls)))
run(main())
"""
AT_THE_END_OF_THE_PROGRAM = """
async def main():
    calls = [asyncio.create_task(outcome(client.invoke("f", 1))) for _ in range(100)]
    await in_flight(60)
    await asyncio.sleep(int(sys.argv[3]) / 1000)
    client.abort()
run(main())
"""
WITHIN_THE_BLOCK = """
async def main():
    async with client:
        assert await outcome(client.invoke("f", 1)) == "answered"
        client.abort()
        print(await outcome(client.invoke("f", 1)))
run(main())
"""
STREAM_AND_MAP = """
async def read():
    async with client.stream("f", 1) as stream:
        async for _ in stream:
            pass
async def map_():
    async with client.map("f", range(50), concurrency=20) as run:
        return [result async for result in run]
async def main():
    reading, mapping = asyncio.create_task(outcome(read())), asyncio.create_task(map_())
    await in_flight(21)
    await asyncio.sleep(int(sys.argv[3]) / 1000)
    client.abort()
    results = await mapping
    assert len(results) <= 50 and not any(result.ok for result in results)
    assert await reading in (True, False)
run(main())
"""


@pytest.fixture(params=["tcp", "tls"])
def tls(request: pytest.FixtureRequest, authority: trustme.CA, tmp_path: Path) -> tuple[ssl.SSLContext | None, str]:
    """The TLS of a server, and the file of its authority."""
    if request.param == "tcp":
        return None, ""
    context, bundle = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "authority.pem"
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(bundle))
    return context, str(bundle)


@pytest.mark.parametrize(
    ("program", "script", "printed", "milliseconds"),
    [
        (NEVER_OPENED, always(answer()), b"", 0),
        (AFTER_A_RUN, always(answer()), b"Counter({'answered': 5})\n", 0),
        (BETWEEN_TWO_RUNS_OF_A_LOOP, always(answer()), b"Counter({'answered': 5})\n", 0),
        (WITHIN_THE_BLOCK, always(answer()), b"False\n", 0),
        (AT_THE_END_OF_THE_PROGRAM, holds, b"", 0),
        (AT_THE_END_OF_THE_PROGRAM, holds, b"", 50),
        (STREAM_AND_MAP, holds, b"", 0),
        (STREAM_AND_MAP, holds, b"", 50),
    ],
    ids=["never opened", "after a run", "between runs", "in the block", "at the end", "later", "stream and map", "later map"],
)
async def test_nothing_is_left(
    program: str, script: Any, printed: bytes, milliseconds: int, tls: tuple[ssl.SSLContext | None, str]
) -> None:
    async with raw_server(script, tls=tls[0]) as server:
        done = await ended(HEAD + program + TAIL, server.url, tls[1], str(milliseconds))
    assert done == (printed + b"0 False\n", b"", 0)


@pytest.mark.parametrize("turns", [1, 3, 8, 30])
async def test_nothing_is_left_of_connections_that_open(turns: int, tls: tuple[ssl.SSLContext | None, str]) -> None:
    async with raw_server(holds, tls=tls[0]) as server:
        printed = await ended(HEAD + BEFORE_ANY_REQUEST_CAME + TAIL, server.url, tls[1], str(turns))
    assert printed == (b"100\n0 False\n", b"", 0)


FORK = """
from aiolambda.testing import FakeTransport
class OfTheUser(FakeTransport):
    def abort(self):
        print("it may end connections of the parent")
other = LambdaClient(transport=OfTheUser({"f": lambda event: event}))
async def main():
    await asyncio.gather(client.invoke("f", 1), other.invoke("f", 1))
    pid = os.fork()
    if not pid:
        for one in (client, client, other):
            one.abort()
        gc.collect()
        print("sockets to the server:", sum(is_to_the_server(number) for number in range(3, 100)))
        sys.stdout.flush()
        os._exit(0)
    print(os.waitpid(pid, 0)[1])
    await client.invoke("f", 1)
    await client.close()
    await other.close()
def is_to_the_server(number):
    try:
        with socket.socket(fileno=os.dup(number)) as sock:
            return sock.family == socket.AF_INET and sock.getpeername()[1] == int(sys.argv[1].rpartition(":")[2])
    except OSError:
        return False
run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
async def test_abort_in_a_forked_child_leaves_the_connections_of_the_parent(tls: tuple[ssl.SSLContext | None, str]) -> None:
    async with raw_server(always(answer()), tls=tls[0]) as server:
        forks = ("-W", "ignore:This process:DeprecationWarning")  # CPython 3.12 warns of a fork with threads
        printed = await ended(HEAD + FORK + TAIL, server.url, tls[1], warnings=forks)
        assert printed == (b"sockets to the server: 0\n0\n0 False\n", b"", 0)
        assert (server.connections, len(server.requests)) == (1, 2)


# --- calls in flight --------------------------------------------------------------------------------------------------


async def test_calls_fail_and_say_whether_they_may_have_run() -> None:
    """60 of 100 have a slot, and their requests have arrived."""
    async with raw_server(holds) as server:
        client = client_for(server, max_concurrency=60)
        calls = [asyncio.create_task(client.invoke("f", number)) for number in range(100)]
        await until(server, requests=60)
        client.abort()
        client.abort()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        errors = [outcome for outcome in outcomes if isinstance(outcome, ClientClosedError)]
        assert [error.delivery for error in errors] == [Delivery.UNKNOWN] * 60 + [Delivery.NOT_DELIVERED] * 40
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)
        for use in (client.invoke("f"), client.open()):
            with pytest.raises(ClientClosedError, match="this client is closed"):
                await use
        async with asyncio.timeout(30):
            while server.closed < 60:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize("turns", [0, 1, 2, 4, 8, 16, 32, 64])
async def test_a_request_that_arrives_was_never_said_not_to_run(turns: int) -> None:
    async with raw_server(holds) as server:
        client = client_for(server)
        calls = [asyncio.create_task(client.invoke("f", number)) for number in range(30)]
        for _ in range(turns):
            await asyncio.sleep(0)
        client.abort()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.05)  # for requests that are on their way; the test also holds if they come later
        may = {number for number, error in enumerate(outcomes) if isinstance(error, ClientClosedError) and error.may_have_run}
        assert {type(outcome) for outcome in outcomes} == {ClientClosedError}
        assert {int(body) for _, body in server.requests} <= may


async def test_abort_of_an_idle_client_starts_no_task() -> None:
    async with raw_server(always(answer())) as server:
        client = client_for(server)
        await client.invoke("f")
        before = asyncio.all_tasks()
        client.abort()
        for _ in range(5):
            gc.collect()
            await asyncio.sleep(0)
            assert asyncio.all_tasks() <= before


async def test_stopped_loop_ends_its_calls_when_it_runs_again(new_loop: LoopFactory) -> None:
    def in_a_thread(url: str, arrived: threading.Event, may_run_on: threading.Event) -> ClientClosedError:
        client = LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=url)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            loop = runner.get_loop()
            call = loop.create_task(client.invoke("f"))
            while not arrived.is_set():
                loop.run_until_complete(asyncio.sleep(0.001))
            client.abort()
            assert may_run_on.wait(30)
            (outcome,) = loop.run_until_complete(asyncio.wait_for(asyncio.gather(call, return_exceptions=True), 10))
            loop.run_until_complete(client.close())
        assert isinstance(outcome, ClientClosedError)
        return outcome

    arrived, may_run_on = threading.Event(), threading.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        arrived.set()
        await connection.until_client_closes()
        may_run_on.set()  # so the server saw the end while the loop stood still

    async with raw_server(script) as server:
        error = await asyncio.to_thread(in_a_thread, server.url, arrived, may_run_on)
    assert error.may_have_run


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_loop_that_was_closed_over_open_connections(new_loop: LoopFactory) -> None:
    """asyncio and uvloop warn of such a loop themselves. The connections end."""

    def in_a_thread(url: str) -> None:
        client, loop = LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=url), new_loop()
        loop.run_until_complete(client.invoke("f"))
        loop.close()
        client.abort()
        del loop
        gc.collect()

    async with raw_server(always(answer())) as server:
        await asyncio.to_thread(in_a_thread, server.url)
        async with asyncio.timeout(30):
            while not server.closed:
                await asyncio.sleep(0.001)


@pytest.mark.virtual_time
async def test_abort_ends_a_close_that_waits() -> None:
    client = fake_client()
    call = asyncio.create_task(client.invoke("sleep", {"s": 60}))
    await asyncio.sleep(1)
    closing = asyncio.create_task(client.close(grace=30))
    await asyncio.sleep(1)
    client.abort()
    await closing
    assert isinstance(call.exception(), ClientClosedError)
    assert asyncio.get_running_loop().time() == 2.0


async def test_middleware_aborts_and_its_own_call_cannot_send() -> None:
    async def abort(call: AnyCall, call_next: AnyNext) -> Any:
        client.abort()
        return await call_next(call)

    client = fake_client()
    client.middleware_stack.add(abort, step="build")
    with pytest.raises(ClientClosedError, match="this client is closed") as raised:
        await client.invoke("echo", 1)
    assert not raised.value.may_have_run
    await client.close()


async def test_abort_ends_an_opening_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("aiolambda.client.startup.needs_thread", lambda *_, **__: True)
    monkeypatch.setattr(opening_module, "find_settings", lambda *_, **__: release.wait(10))
    try:
        client = fake_client()
        calls = [asyncio.create_task(client.invoke("echo")), asyncio.create_task(client.open())]
        await asyncio.sleep(0.01)
        client.abort()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
    finally:
        release.set()
    assert [type(outcome) for outcome in outcomes] == [ClientClosedError, ClientClosedError]


async def test_abort_from_another_thread_is_refused_while_the_loop_runs() -> None:
    client = fake_client()
    assert (await client.invoke("echo", 1)).json() == 1
    with pytest.raises(ConfigurationError, match=r"runs in another thread: loop\.call_soon_threadsafe\(client\.abort\)"):
        await asyncio.to_thread(client.abort)
    assert (await client.invoke("echo", 2)).json() == 2
    await asyncio.to_thread(asyncio.get_running_loop().call_soon_threadsafe, client.abort)
    await asyncio.sleep(0)
    with pytest.raises(ClientClosedError):
        await client.invoke("echo", 3)


async def test_map_with_a_journal_ends_and_can_go_on(tmp_path: Path) -> None:
    async with raw_server(holds) as server:
        client = client_for(server)
        run = client.map("f", range(10), concurrency=3, journal=tmp_path / "run.db")

        async def read() -> list[Any]:
            async with run:
                return [result async for result in run]

        reading = asyncio.create_task(read())
        await until(server, requests=3)
        client.abort()
        results = await asyncio.wait_for(reading, 10)
    sent = [result for result in results if result.delivery is Delivery.UNKNOWN]
    assert (len(sent), {type(result.error) for result in sent}) == (3, {ClientClosedError})
    assert {result.delivery for result in results} <= {Delivery.UNKNOWN, Delivery.NOT_DELIVERED}
    async with raw_server(always(answer())) as server, client_for(server) as other:
        async with other.map("f", range(10), journal=tmp_path / "run.db") as again:
            outcomes = [result.delivery async for result in again]
    assert sorted(outcomes) == sorted([Delivery.UNKNOWN] * 3 + [Delivery.EXECUTED] * 7)


# --- transports of users ----------------------------------------------------------------------------------------------


async def test_session_goes_on_after_the_abort_of_its_client() -> None:
    async def script(connection: Connection) -> None:
        head, _ = await connection.read_request()
        if b"/invocations" in head:
            await connection.until_client_closes()
        else:
            await asyncio.sleep(0.05)
            await connection.write(answer(body=b"of the user"))
            await always(answer())(connection)

    async with raw_server(script) as server, aiohttp.ClientSession() as session:
        client = client_for(server, transport=SessionTransport(session))
        call = asyncio.create_task(client.invoke("f"))
        await until(server, requests=1)

        async def own() -> bytes:
            async with session.get(server.url) as got:
                return await got.read()

        reading = asyncio.create_task(own())
        await until(server, requests=2)
        client.abort()
        with pytest.raises(ClientClosedError) as raised:
            await call
        assert raised.value.may_have_run
        assert await reading == b"of the user"
        assert not session.closed
        async with asyncio.timeout(30):
            while not server.closed:
                await asyncio.sleep(0.001)


class Plain:
    """A transport with the methods that it must have."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def send(self, request: Request, /) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[StreamedResponse]:
        raise AssertionError
        yield

    async def close(self) -> None:
        self.ended.append("close begins")
        await asyncio.sleep(0)
        self.ended.append("closed")


class Abortable(Plain):
    def abort(self) -> None:
        self.ended.append("abort")


class Detachable(Plain):
    def detach(self, *, forked: bool = False) -> None:
        self.ended.append("detach")


def settings(transport: Plain) -> dict[str, Any]:
    return {"region": "us-east-1", "credentials": KEYS, "transport": transport}


async def test_transport_with_abort_is_aborted() -> None:
    transport = Abortable()
    client = LambdaClient(**settings(transport))
    call = asyncio.create_task(client.invoke("f"))
    await asyncio.sleep(0.01)
    client.abort()
    assert transport.ended == ["abort"]
    with pytest.raises(ClientClosedError):
        await call


async def test_transport_without_abort_is_closed_by_a_task() -> None:
    transport = Plain()
    client = LambdaClient(**settings(transport))
    call = asyncio.create_task(client.invoke("f"))
    await asyncio.sleep(0.01)
    client.abort()
    with pytest.raises(ClientClosedError):
        await call
    await client.close()
    assert transport.ended[:2] == ["close begins", "closed"]


def test_transport_without_abort_is_detached_if_its_loop_is_gone(new_loop: LoopFactory) -> None:
    transport = Detachable()
    client = LambdaClient(**settings(transport))
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(client.open())
    client.abort()
    assert transport.ended == ["detach"]


async def test_transport_whose_abort_fails_leaves_no_call_behind() -> None:
    class Failing(Plain):
        def abort(self) -> None:
            raise KeyError("of the transport")

    client = LambdaClient(**settings(Failing()))
    call = asyncio.create_task(client.invoke("f"))
    await asyncio.sleep(0.01)
    with pytest.raises(KeyError, match="of the transport"):
        client.abort()
    with pytest.raises(ClientClosedError):
        await call


async def test_fake_transport_cancels_its_handlers() -> None:
    ended = asyncio.Event()

    async def handler(event: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def pieces(event: object) -> AsyncGenerator[str]:
        yield "first"
        await asyncio.Event().wait()

    client = LambdaClient(transport=FakeTransport({"f": handler, "g": pieces}))

    async def read() -> None:
        async with client.stream("g") as stream:
            async for _ in stream:
                reading.set()

    reading = asyncio.Event()
    calls: list[asyncio.Task[InvokeCommandOutput] | asyncio.Task[None]] = [
        asyncio.create_task(client.invoke("f")),
        asyncio.create_task(read()),
    ]
    await reading.wait()
    client.abort()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert ([type(outcome) for outcome in outcomes], ended.is_set()) == ([ClientClosedError] * 2, True)
    await client.close()
