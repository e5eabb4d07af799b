"""A pooled connection that ends in the moment of the next request: what the kernel tells, and what may be concluded.

The check before the request is switched off where a test wants the race that it leaves.
"""

import asyncio
import gc
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda import (
    ConnectionLostError,
    Credentials,
    Delivery,
    InvokeCommandOutput,
    LambdaClient,
    NoRetry,
    PayloadTooLargeError,
)
from aiolambda.policy import delivery
from aiolambda.transport import exchange, tcp_info
from aiolambda.transport.connection import Connection
from aiolambda.transport.sockets import socket_factory
from aiolambda.types.http import Loss

from ..support.loops import LoopName, loop_factory

TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nx-amzn-errortype: RequestTooLargeException\r\n\r\n{}"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")


def read_request(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.recv(65536) or b"\r\n\r\n"
    return data


def open_files() -> int:
    """How many descriptors this process has; 0 where the system does not show them."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@attrs.define(eq=False)
class Server:
    """Answers the first request of its first connection, then does with it what a test says; the others it answers always."""

    then: Callable[[socket.socket], None]
    executed: int = 0
    idle: threading.Event = attrs.field(factory=threading.Event)
    acted: threading.Event = attrs.field(factory=threading.Event)
    listener: socket.socket = attrs.field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    threads: list[threading.Thread] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def start(self) -> None:
        self._spawn(self._accept)

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        self.threads.append(threading.Thread(target=target, args=args))
        self.threads[-1].start()

    def _accept(self) -> None:
        first = True
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.settimeout(5)
            self._spawn(self._first if first else self._other, peer)
            first = False

    def _first(self, peer: socket.socket) -> None:
        self._answer(peer)
        assert self.idle.wait(5)
        self.then(peer)
        self.acted.set()

    def _other(self, peer: socket.socket) -> None:
        with peer:
            self._answer(peer)
            peer.recv(1)

    def _answer(self, peer: socket.socket) -> None:
        assert len(read_request(peer)) > 4
        self.executed += 1
        peer.sendall(ANSWER)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    servers: list[Server] = []

    def start(then: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(then))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer ends the connection after the check: as if it had found nothing."""

    def clean(self: Connection) -> bool:
        self.snapshot = None if self.kernel is None else tcp_info.snapshot(self.kernel)
        return True

    monkeypatch.setattr(Connection, "is_clean", clean)


def client_of(server: Server, **settings: Any) -> LambdaClient:
    keys = Credentials("AKIDEXAMPLE", "secret")
    return LambdaClient(region="us-east-1", credentials=keys, endpoint_url=server.url, **settings)


async def second_call(server: Server, **settings: Any) -> tuple[InvokeCommandOutput | ConnectionLostError, int]:
    """The outcome of the call that follows what the server did to the idle connection, and how often it was executed.

    The loop does not turn in between, so it has not heard of that yet.
    """
    async with client_of(server, **settings) as client:
        await client.invoke("f")
        before = open_files()
        server.idle.set()
        assert server.acted.wait(5)
        time.sleep(0.02)
        try:
            outcome: InvokeCommandOutput | ConnectionLostError = await client.invoke("f", b"{}")
        except ConnectionLostError as error:
            outcome = error
        assert open_files() <= before + 2  # the server's end, and a new one
        assert client.stats.in_flight == 0
    gc.collect()
    return outcome, server.executed - 1


Serve = Callable[[Callable[[socket.socket], None]], Server]


@ON_LINUX
async def test_closed_idle_connection_is_not_used(serve: Serve) -> None:
    outcome, executions = await second_call(serve(socket.socket.close))
    assert isinstance(outcome, InvokeCommandOutput)
    assert (outcome.metadata.attempts, executions) == (1, 1)


@ON_LINUX
async def test_reset_idle_connection_is_not_used(serve: Serve) -> None:
    outcome, executions = await second_call(serve(reset))
    assert isinstance(outcome, InvokeCommandOutput)
    assert (outcome.metadata.attempts, executions) == (1, 1)


@ON_LINUX
@pytest.mark.usefixtures("unchecked")
async def test_request_on_a_closed_connection_is_retried(serve: Serve) -> None:
    outcome, executions = await second_call(serve(socket.socket.close))
    assert isinstance(outcome, InvokeCommandOutput)
    assert (outcome.metadata.attempts, executions) == (2, 1)
    assert outcome.metadata.history[0].delivery is Delivery.NOT_DELIVERED
    assert outcome.metadata.total_retry_delay == 0


@ON_LINUX
@pytest.mark.usefixtures("unchecked")
async def test_no_retry_raises_a_stale_connection_error(serve: Serve) -> None:
    outcome, executions = await second_call(serve(socket.socket.close), retry=NoRetry())
    assert isinstance(outcome, ConnectionLostError)
    assert (outcome.stale_connection, outcome.delivery, outcome.attempts, executions) == (True, Delivery.NOT_DELIVERED, 1, 0)


@pytest.mark.usefixtures("unchecked")
async def test_stale_connection_retries_can_be_disabled(serve: Serve) -> None:
    outcome, executions = await second_call(serve(socket.socket.close), retry_stale_connections=False)
    assert isinstance(outcome, ConnectionLostError)
    assert (outcome.stale_connection, outcome.delivery, outcome.attempts, executions) == (False, Delivery.UNKNOWN, 1, 0)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("ending", ["stays", "closes"])
async def test_request_read_after_a_half_close_is_unknown(serve: Serve, ending: str) -> None:
    """A server that ends its side and then reads: its acknowledgement may be late, so that alone must prove nothing."""
    read: list[int] = []

    def read_on(peer: socket.socket) -> None:
        peer.shutdown(socket.SHUT_WR)

        def wait_and_read() -> None:
            read.append(len(read_request(peer)))
            if ending == "stays":
                time.sleep(0.1)
            peer.close()

        thread = threading.Thread(target=wait_and_read)
        thread.start()
        waiting.append(thread)

    waiting: list[threading.Thread] = []
    outcome, _ = await second_call(serve(read_on))
    waiting[0].join(5)
    assert read[0] > 100
    assert isinstance(outcome, ConnectionLostError)
    assert (outcome.stale_connection, outcome.delivery, outcome.attempts) == (False, Delivery.UNKNOWN, 1)


async def test_reset_without_fin_is_unknown(serve: Serve) -> None:
    """So ends one whose server has read the request and died, acknowledged or not."""

    def read_and_reset(peer: socket.socket) -> None:
        def wait_and_reset() -> None:
            read_request(peer)
            reset(peer)

        waiting.append(threading.Thread(target=wait_and_reset))
        waiting[0].start()

    waiting: list[threading.Thread] = []
    outcome, _ = await second_call(serve(read_and_reset))
    waiting[0].join(5)
    assert isinstance(outcome, ConnectionLostError)
    assert (outcome.stale_connection, outcome.delivery, outcome.attempts) == (False, Delivery.UNKNOWN, 1)


@pytest.mark.usefixtures("unchecked")
async def test_write_that_took_no_byte_was_not_delivered(serve: Serve) -> None:
    outcome, executions = await second_call(serve(reset))
    assert isinstance(outcome, InvokeCommandOutput)
    assert (outcome.metadata.attempts, executions) == (2, 1)
    assert outcome.metadata.history[0].delivery is Delivery.NOT_DELIVERED


@ON_LINUX
@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", ["asyncio+aiofastnet", "uvloop+aiofastnet"])
@pytest.mark.parametrize("ending", [reset, socket.socket.close], ids=["reset", "closed"])
def test_kernel_counts_whatever_the_loop_is(serve: Serve, name: LoopName, ending: Callable[[socket.socket], None]) -> None:
    pytest.importorskip(name.partition("+")[0])
    with asyncio.Runner(loop_factory=loop_factory(name)) as runner:
        outcome, executions = runner.run(second_call(serve(ending)))
    assert isinstance(outcome, InvokeCommandOutput)
    assert (outcome.metadata.attempts, executions) == (2, 1)
    assert outcome.metadata.history[0].delivery is Delivery.NOT_DELIVERED


@ON_LINUX
@pytest.mark.usefixtures("unchecked")
async def test_inconsistent_counters_prove_nothing(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a sandbox that answers zeros."""
    monkeypatch.setattr(tcp_info, "tcp_info", lambda _: tcp_info.TcpInfo(tcp_info.CLOSED, 0, 0, 0, 0, 0, 0))
    outcome, _ = await second_call(serve(socket.socket.close))
    assert isinstance(outcome, ConnectionLostError)
    assert (outcome.stale_connection, outcome.delivery) == (False, Delivery.UNKNOWN)


@ON_LINUX
@pytest.mark.usefixtures("unchecked")
async def test_cancelled_kernel_check_leaks_no_descriptor(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = asyncio.Event()
    sleep = asyncio.sleep

    async def for_ever(seconds: float) -> None:
        if seconds:  # 0 only gives others a turn
            watching.set()
        await sleep(3600 * seconds)

    def half_close(peer: socket.socket) -> None:
        peer.shutdown(socket.SHUT_WR)
        kept.append(peer)

    def not_acknowledged(sock: socket.socket) -> tcp_info.TcpInfo | None:
        """The acknowledgement is late."""
        info = ask(sock)
        frozen.append(info.acknowledged if info is not None else 0)
        return None if info is None else info._replace(acknowledged=frozen[0])

    kept: list[socket.socket] = []
    frozen: list[int] = []
    ask = tcp_info.tcp_info
    monkeypatch.setattr(exchange.asyncio, "sleep", for_ever)
    server = serve(half_close)
    this = asyncio.current_task()
    assert this is not None

    async def cancel_the_call() -> None:
        await watching.wait()
        this.cancel()

    canceller = asyncio.create_task(cancel_the_call())
    async with client_of(server) as client:
        await client.invoke("f")
        server.idle.set()
        assert server.acted.wait(5)
        before = open_files()
        monkeypatch.setattr(tcp_info, "tcp_info", not_acknowledged)
        with pytest.raises(asyncio.CancelledError):  # the loop does not turn before the call begins
            await client.invoke("f")
        await canceller
        this.uncancel()
        assert client.stats.in_flight == 0
        assert open_files() < before
    kept[0].close()


@ON_LINUX
def test_tcp_info_reports_the_connection_state() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket_factory(None)((socket.AF_INET, socket.SOCK_STREAM, 0, "", ())) as sock:
            assert tcp_info.tcp_info(sock) is not None
            sock.connect(listener.getsockname())
            peer, _ = listener.accept()
            with peer:
                sock.send(b"four")
                assert peer.recv(10) == b"four"
                peer.sendall(b"seven!!")
                assert tcp_info.has_news(sock)
                assert sock.recv(100) == b"seven!!"
                info = tcp_info.tcp_info(sock)
                assert info is not None
                assert (info.state, info.acknowledged, info.received) == (tcp_info.ESTABLISHED, 1 + 4, 7)
                assert (info.taken, tcp_info.has_news(sock)) == (4, False)
            assert tcp_info.has_news(sock)
            ended = tcp_info.tcp_info(sock)
            assert ended is not None
            assert (ended.state, ended.received) == (tcp_info.CLOSE_WAIT, 7 + 1)


PROVEN = Loss(reused=True, taken=300, ended=True, acknowledged=0, reset=True)


@pytest.mark.parametrize(
    ("loss", "stale_connection", "verdict"),
    [
        (PROVEN, True, Delivery.NOT_DELIVERED),
        (PROVEN._replace(reused=False), False, Delivery.UNKNOWN),
        (PROVEN._replace(ended=False), False, Delivery.UNKNOWN),
        (PROVEN._replace(acknowledged=1), False, Delivery.UNKNOWN),
        (PROVEN._replace(acknowledged=None), False, Delivery.UNKNOWN),
        (PROVEN._replace(reset=False), False, Delivery.UNKNOWN),
        (Loss(), False, Delivery.UNKNOWN),
        (Loss(reused=True), False, Delivery.UNKNOWN),
        (Loss(reused=True, taken=0), True, Delivery.NOT_DELIVERED),
        (Loss(reused=False, taken=0), False, Delivery.NOT_DELIVERED),
        (Loss(reused=False, taken=1), False, Delivery.UNKNOWN),
    ],
)
def test_stale_connection_needs_all_conditions(loss: Loss, stale_connection: bool, verdict: Delivery) -> None:
    assert (delivery.stale_connection(loss), delivery.verdict_of_loss(loss)) == (stale_connection, verdict)


async def test_early_response_to_an_upload_is_read(serve: Serve) -> None:
    """What the client keeps back from then on is lost for nobody."""

    def refuse(peer: socket.socket) -> None:
        def answer_early() -> None:
            with peer:
                peer.recv(65536)
                peer.sendall(TOO_LARGE)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(1 << 20):
                    pass

        uploads.append(threading.Thread(target=answer_early))
        uploads[0].start()

    uploads: list[threading.Thread] = []
    server = serve(refuse)
    async with client_of(server) as client:
        await client.invoke("f")
        server.idle.set()
        assert server.acted.wait(5)
        with pytest.raises(PayloadTooLargeError) as raised:
            await client.invoke("f", b" " * 5_000_000, timeout=10)
        assert raised.value.delivery is Delivery.REFUSED
    uploads[0].join(5)
    assert not uploads[0].is_alive()
