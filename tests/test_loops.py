"""One client in any asyncio program: loop after loop, two loops at once, and a process that forks."""

import asyncio
import concurrent.futures
import contextlib
import gc
import os
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from aiolambda import ClientClosedError, ConfigurationError, Credentials, LambdaClient
from aiolambda.testing import FakeTransport

from .support.loops import LoopFactory, chosen_loop, ended
from .support.servers import Connection, RawServer, always, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "secret")
OF_ANOTHER_LOOP = "this client is bound to another running event loop"

# asyncio, uvloop and aiofastnet say so themselves of a loop that was closed over its open connections.
closed_by_hand = pytest.mark.filterwarnings(
    "ignore:unclosed transport:ResourceWarning",
    "ignore:unclosed resource:ResourceWarning",
    "ignore:unclosed SelectorSocketTransport:ResourceWarning",
    "ignore:deleting unclosed SSLTransport:ResourceWarning",
)
# So do coroutines that were never ended, when they are collected.
left_behind = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@contextlib.contextmanager
def in_thread(start: Callable[[], contextlib.AbstractAsyncContextManager[Any]]) -> Iterator[Any]:
    """The value of this context manager, open on a loop in a thread, so that the test may start and close loops itself."""
    opened, ends = concurrent.futures.Future[Any](), asyncio.Event()

    async def keep_open() -> None:
        async with start() as value:
            opened.set_result((asyncio.get_running_loop(), value))
            await ends.wait()

    thread = threading.Thread(target=lambda: asyncio.run(keep_open()))
    thread.start()
    loop, value = opened.result(10)
    try:
        yield value
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(10)


@contextlib.contextmanager
def serving(script: Any = None, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    with in_thread(lambda: raw_server(script or always(answer()), tls=tls)) as server:
        yield server


def client_for(server: RawServer, **settings: Any) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)


def sockets_to(server: RawServer) -> int:
    """How many connections to the server this process has. A connection may have several descriptors."""
    inodes: set[int] = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            if str(path.readlink()).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(path.name))) as sock:
                    if sock.family == socket.AF_INET and sock.getpeername()[1] == server.port:
                        inodes.add(os.fstat(sock.fileno()).st_ino)
        except OSError:  # it listens, has ended, or was that of this very listing
            pass
    return len(inodes)


async def five_calls(client: LambdaClient) -> None:
    outputs = await asyncio.gather(*(client.invoke("f", number) for number in range(5)))
    assert len(outputs) == 5


def hold(connection_count: int) -> tuple[Any, threading.Semaphore]:
    """A script that answers nothing on its first connections; the semaphore says that a request has come."""
    came = threading.Semaphore(0)

    async def script(connection: Connection) -> None:
        if connection.number > connection_count:
            await always(answer())(connection)
        await connection.read_request()
        came.release()
        await connection.until_client_closes()

    return script, came


# --- loop after loop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closes", ["on the last loop", "on a loop of its own", "never"])
async def test_client_serves_one_asyncio_run_after_another(closes: str) -> None:
    """As in a warm Lambda function, or a test suite with a loop for each test. Nothing stays open, nothing warns."""
    program = f"""
import asyncio, gc, os, sys
from aiolambda import Credentials, LambdaClient
from tests.support.loops import chosen_loop
client = LambdaClient(region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "s"), endpoint_url=sys.argv[1])
def sockets():
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{{name}}").startswith("socket:")
        except FileNotFoundError:  # the descriptor of the listing
            pass
    return count
before = sockets()
async def main(last):
    outputs = await asyncio.gather(*(client.invoke("f", 1) for _ in range(5)))
    async with client.map("f", range(3)) as run:
        results = [result async for result in run]
    print(len(outputs), len(results))
    if last:
        await client.close()
for number in range(3):
    with asyncio.Runner(loop_factory=chosen_loop()) as runner:
        runner.run(main(number == 2 and {closes == "on the last loop"}))
    gc.collect()
    print(sockets() - before)
if {closes == "on a loop of its own"}:
    with asyncio.Runner(loop_factory=chosen_loop()) as runner:
        runner.run(client.close())
"""
    async with raw_server(always(answer())) as server:
        assert await ended(program, server.url) == (b"5 3\n0\n" * 3, b"", 0)


@closed_by_hand
@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
def test_sockets_of_a_closed_loop_close_at_the_next_use(
    encrypted: bool, new_loop: LoopFactory, authority: trustme.CA, tmp_path: Path
) -> None:
    tls, bundle = None, None
    if encrypted:
        tls, bundle = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "authority.pem"
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
        authority.cert_pem.write_to_path(str(bundle))
    with serving(tls=tls) as server:
        client = client_for(server, ca_bundle=bundle)
        for _ in range(3):
            loop = new_loop()
            loop.run_until_complete(five_calls(client))
            assert sockets_to(server) == 5
            loop.close()
        last = new_loop()
        last.run_until_complete(client.close())
        assert sockets_to(server) == 0
        last.close()
        gc.collect()
        assert server.connections == 15


@closed_by_hand
@left_behind
def test_calls_of_a_closed_loop_keep_no_slot(new_loop: LoopFactory) -> None:
    script, came = hold(2)
    with serving(script) as server:
        client = client_for(server, max_concurrency=2)
        loop = new_loop()
        loop.set_exception_handler(lambda *_: None)  # which would tell of the tasks that this test leaves behind
        tasks = [loop.create_task(client.invoke("f")) for _ in range(5)]
        for _ in range(2):
            run_until(loop, lambda: came.acquire(blocking=False))
        assert client.stats.waiting == 3
        loop.close()

        other = new_loop()
        other.run_until_complete(five_calls(client))
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)
        tasks.clear()
        gc.collect()  # which ends the coroutines that were left in their middle
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)
        other.run_until_complete(five_calls(client))
        other.run_until_complete(client.close())
        other.close()
        assert sockets_to(server) == 0


def run_until(loop: asyncio.AbstractEventLoop, condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    loop.run_until_complete(wait())


@closed_by_hand
@left_behind
def test_map_of_a_closed_loop_frees_its_journal_and_window(new_loop: LoopFactory, tmp_path: Path) -> None:
    script, came = hold(4)
    with serving(script) as server:
        client = client_for(server, max_concurrency=4)
        loop = new_loop()
        loop.set_exception_handler(lambda *_: None)
        left = client.map("f", range(20), journal=tmp_path / "run.db")
        begun_later = client.map("f", range(20))

        async def begin() -> None:
            async with left:
                await asyncio.Event().wait()

        task = loop.create_task(begin())
        for _ in range(4):
            run_until(loop, lambda: came.acquire(blocking=False))
        loop.close()

        async def read(run: Any) -> int:
            async with run:
                return len([result async for result in run])

        other = new_loop()
        assert other.run_until_complete(read(begun_later)) == 20
        threads = [thread for thread in threading.enumerate() if thread.name == "journal of a map"]
        for thread in threads:
            thread.join(10)
        assert other.run_until_complete(read(client.map("f", range(20), journal=tmp_path / "run.db"))) == 20
        with pytest.raises(ConfigurationError, match="this map began on another event loop"):
            other.run_until_complete(read(left))
        other.run_until_complete(client.close())
        other.close()
        del task
        gc.collect()


@left_behind
def test_opening_of_a_closed_loop_starts_again(new_loop: LoopFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def slow(*_: Any, **__: Any) -> None:
        release.wait(10)
        raise ConfigurationError("of the loop that is gone")

    client = LambdaClient(region="us-east-1", credentials=KEYS)
    loop = new_loop()
    loop.set_exception_handler(lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr("aiolambda.client.startup.find_settings", slow)
        task = loop.create_task(client.open())
        run_until(loop, lambda: client._startup.is_running)
    loop.close()
    other = new_loop()
    assert other.run_until_complete(asyncio.wait_for(client.open(), 10)).region == "us-east-1"
    other.run_until_complete(client.close())
    other.close()
    release.set()
    del task, loop
    gc.collect()


# --- close ------------------------------------------------------------------------------------------------------------


def test_close_on_another_loop_closes_for_all(new_loop: LoopFactory) -> None:
    with serving() as server:
        client = client_for(server)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(five_calls(client))
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(client.close())
        for use in (client.invoke("f"), client.open()):
            with asyncio.Runner(loop_factory=new_loop) as runner, pytest.raises(ClientClosedError):
                runner.run(use)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(client.close())


async def test_closed_client_says_so_while_its_loop_runs() -> None:
    client = LambdaClient(transport=FakeTransport({"f": lambda event: event}))
    await client.invoke("f", 1)
    await client.close()
    for use in (client.invoke("f"), client.open()):
        with pytest.raises(ClientClosedError):
            await elsewhere(lambda use=use: use)
    await elsewhere(client.close)


# --- two loops at once ------------------------------------------------------------------------------------------------


async def elsewhere(use: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """On a loop of its own, in another thread, while this one runs."""

    def run() -> Any:
        with asyncio.Runner(loop_factory=chosen_loop()) as runner:
            return runner.run(asyncio.wait_for(use(), 10))

    return await asyncio.to_thread(run)


async def stream(client: LambdaClient) -> None:
    async with client.stream("f", 1) as chunks:
        await chunks.read()


async def map_(client: LambdaClient) -> None:
    async with client.map("f", [1]) as run:
        async for _ in run:
            pass


async def map_without_a_block(client: LambdaClient) -> None:
    async for _ in client.map("f", [1]):
        pass


USES: dict[str, Callable[[LambdaClient], Coroutine[Any, Any, Any]]] = {
    "invoke": lambda client: client.invoke("f", 1),
    "invoke_event": lambda client: client.invoke_event("f", 1),
    "dry_run": lambda client: client.dry_run("f"),
    "stream": stream,
    "map": map_,
    "map without a block": map_without_a_block,
    "open": lambda client: client.open(),
    "close": lambda client: client.close(),
    "the block": lambda client: client.__aenter__(),
}


@contextlib.asynccontextmanager
async def used_client(fake: bool) -> AsyncIterator[LambdaClient]:
    """A client that has been used on this loop, over a transport that others wrote, or over ours."""
    if fake:
        async with LambdaClient(transport=FakeTransport({"f": lambda event: event})) as client:
            await client.invoke("f", 1)
            yield client
    else:
        async with raw_server(always(answer())) as server, client_for(server) as client:
            await client.invoke("f", 1)
            yield client


@pytest.mark.parametrize("fake", [True, False], ids=["custom transport", "aiohttp"])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_use_on_a_second_running_loop_is_a_clear_error(
    use: Callable[[LambdaClient], Coroutine[Any, Any, Any]], fake: bool
) -> None:
    async with used_client(fake) as client:
        with pytest.raises(ConfigurationError, match=OF_ANOTHER_LOOP):
            await elsewhere(lambda: use(client))
        await client.invoke("f", 1)  # on the first it goes on
        assert (client.stats.in_flight, client.stats.waiting) == (0, 0)


async def test_map_is_bound_to_its_loop() -> None:
    async with used_client(fake=True) as client, client.map("f", [1, 2, 3]) as run:

        async def read() -> None:
            async for _ in run:
                pass

        for use in (read, run.aclose):
            with pytest.raises(ConfigurationError, match="this map began on another event loop"):
                await elsewhere(use)
        assert len([result async for result in run]) == 3


async def test_one_of_many_loops_gets_the_client() -> None:
    client = LambdaClient(transport=FakeTransport({"f": lambda event: event}))
    together = threading.Barrier(8)

    async def use() -> str:
        together.wait(10)
        try:
            await client.invoke("f", 1)
        except ConfigurationError as error:
            outcome = str(error)
        else:
            outcome = "answered"
        await asyncio.to_thread(together.wait, 10)
        return outcome

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        loop = asyncio.get_running_loop()
        outcomes = await asyncio.gather(*(loop.run_in_executor(threads, asyncio.run, use()) for _ in range(8)))
    assert outcomes.count("answered") == 1
    assert sum(OF_ANOTHER_LOOP in outcome for outcome in outcomes) == 7
    await client.close()


# --- a loop that stands still -----------------------------------------------------------------------------------------


def test_client_moves_from_a_stopped_loop(new_loop: LoopFactory) -> None:
    with serving() as server:
        client = client_for(server)
        with asyncio.Runner(loop_factory=new_loop) as first, asyncio.Runner(loop_factory=new_loop) as second:
            for _ in range(2):
                first.run(five_calls(client))
                second.run(five_calls(client))
            run_until(first.get_loop(), lambda: sockets_to(server) == 5)
            second.run(client.close())
            assert sockets_to(server) == 0


def test_client_does_not_leave_calls_in_flight_on_a_stopped_loop(new_loop: LoopFactory) -> None:
    script, came = hold(1)
    with serving(script) as server:
        client = client_for(server)
        first, second = new_loop(), new_loop()
        call = first.create_task(client.invoke("f"))
        run_until(first, lambda: came.acquire(blocking=False))
        with pytest.raises(ConfigurationError, match="calls in flight on another event loop, which is stopped"):
            second.run_until_complete(client.invoke("f"))
        first.run_until_complete(client.close(grace=0))
        assert isinstance(call.exception(), ClientClosedError)
        for loop in (first, second):
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


# --- a process that forks ---------------------------------------------------------------------------------------------

FORK = """
import asyncio, os, sys
from aiolambda import Credentials, LambdaClient
from tests.support.loops import chosen_loop
keys, bundle = Credentials("AKIDEXAMPLE", "s"), sys.argv[2] or None
client = LambdaClient(region="us-east-1", credentials=keys, endpoint_url=sys.argv[1], ca_bundle=bundle)
new_loop = chosen_loop()
def child():
    with asyncio.Runner(loop_factory=new_loop) as runner:
        for _ in range(2):
            assert runner.run(client.invoke("child")).json() == {}
        runner.run(client.close())
def fork_and_wait():
    pid = os.fork()
    if not pid:
        code = 1
        try:
            child()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitpid(pid, 0)[1]
async def two():
    await asyncio.gather(client.invoke("parent"), client.invoke("parent"))
"""
WHILE_IT_RUNS = """
async def main():
    await two()
    print(fork_and_wait())
    await two()
    print(fork_and_wait())
    await two()
    await client.close()
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""
BETWEEN_TWO_RUNS = """
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(two())
    print(fork_and_wait())
    runner.run(two())
    print(fork_and_wait())
    runner.run(two())
    runner.run(client.close())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("program", [WHILE_IT_RUNS, BETWEEN_TWO_RUNS], ids=["while it runs", "between two runs"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
async def test_child_process_shares_no_connection_with_its_parent(
    program: str, encrypted: bool, authority: trustme.CA, tmp_path: Path
) -> None:
    tls, bundle = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "authority.pem"
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(bundle))
    users: dict[int, set[str]] = {}

    async def script(connection: Connection) -> None:
        while True:
            head, _ = await connection.read_request()
            users.setdefault(connection.number, set()).add("child" if b"/child/" in head else "parent")
            await connection.write(answer())

    async with raw_server(script, tls=tls if encrypted else None) as server:
        forks = ("-W", "ignore:This process:DeprecationWarning")  # CPython 3.12 warns of a fork with threads
        assert await ended(FORK + program, server.url, str(bundle), warnings=forks) == (b"0\n0\n", b"", 0)
    assert sorted(map(sorted, users.values())) == [["child"], ["child"], ["parent"], ["parent"]]
    assert len(server.requests) == 10


async def test_inherited_descriptors_end_in_the_child(tmp_path: Path) -> None:
    """A connection that the parent closes is closed: no child keeps it open."""
    program = """
async def main():
    await two()
    ends, tells = os.pipe()
    if not os.fork():
        child()
        os.write(tells, b"x")
        import time
        time.sleep(600)
    os.read(ends, 1)
    await client.close()
    print("closed", flush=True)
    sys.stdin.read()
    os.killpg(0, 9)
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""
    async with raw_server(always(answer())) as server:
        command = [sys.executable, "-c", FORK + program, server.url, ""]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        running = await asyncio.create_subprocess_exec(*command, env=environment, stdin=-1, stdout=-1, start_new_session=True)
        assert running.stdout is not None
        assert running.stdin is not None
        try:
            assert await asyncio.wait_for(running.stdout.readline(), 30) == b"closed\n"
            async with asyncio.timeout(10):
                while server.closed < 3:
                    await asyncio.sleep(0.01)
        finally:
            running.stdin.close()
            await running.communicate()  # to the end of its output: the loop of the test ends next
