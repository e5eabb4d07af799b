"""A raw server that misbehaves: it plays a script on every connection, at the level of bytes, and counts executions.

Owns the scripts and the server. The server runs on a loop in a thread of its own, so it can act between any two steps of the
client. Must not know the right outcome of a script: see `fault_table`.
"""

import asyncio
import contextlib
import json
import random
import select
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
import trustme

T = TypeVar("T")
Script = Callable[["Connection"], Awaitable[None]]

INTRUDER = "x-amzn-requestid: nobody-asked\r\n"
"""Stands in every answer that belongs to no request: a client that reports it has mixed up two calls."""
_LEAVING = (OSError, EOFError, ssl.SSLError)
"""The exceptions that a script sees if the client leaves."""


@attrs.frozen
class Received:
    """A request. The function that it invokes says which call it is: `call-1`."""

    head: bytes
    body: bytes = b""

    def header(self, name: str) -> str:
        for line in self.head.decode().split("\r\n"):
            field, _, value = line.partition(":")
            if field.lower() == name:
                return value.strip()
        return ""

    @property
    def invocation_type(self) -> str:
        return self.header("x-amz-invocation-type") or "RequestResponse"

    @property
    def is_invocation(self) -> bool:
        return b"/invocations" in self.head

    @property
    def call(self) -> str:
        return self.head.decode().split("/")[3]


def answer(status: str, body: bytes = b"", headers: str = "", *, length: int | None = None) -> bytes:
    """An HTTP answer. Its length may be wrong."""
    said = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {said}\r\n{headers}\r\n".encode() + body


def own_id(request: Received) -> str:
    return f"x-amzn-requestid: {request.call}\r\n"


def normal_answer(request: Received) -> bytes:
    """The answer of Lambda if all is well. Its request id is the name of the call."""
    own = own_id(request)
    if request.invocation_type == "Event":
        return answer("202 Accepted", headers=own)
    if request.invocation_type == "DryRun":
        return f"HTTP/1.1 204 No Content\r\n{own}\r\n".encode()
    content = request.call if request.is_invocation else {"FunctionName": request.call}
    return answer("200 OK", json.dumps(content).encode(), own)


def intruder(request: Received) -> bytes:
    """An unsolicited answer, of the kind that the client waits for."""
    return normal_answer(request).replace(own_id(request).encode(), INTRUDER.encode())


def half_an_intruder(end: int) -> Callable[[Received], bytes]:
    """The beginning of such an answer, up to this byte of it."""
    return lambda request: intruder(request)[:end]


class Play:
    """A script at a port: the requests it read, its connections, and its signals to and from the client."""

    def __init__(self, script: Script | None, *, faulty: int | None, tls: ssl.SSLContext | None, buffer: int | None) -> None:
        self.script = script
        self.faulty = faulty  # so many connections get the script, the others are served well; None for all
        self.tls = tls
        self.executions: Counter[str] = Counter()  # requests that were read whole and not refused, by call
        self.heads = 0  # requests that a script counted, over all connections
        self.opened = 0
        self.closed = 0
        self.deed: Future[None] = Future()  # done once a script has acted on an idle connection
        self.released = asyncio.Event()  # the client closes: scripts that keep a connection now wait for its end
        self.struck = threading.Event()
        self.strike = asyncio.Event()  # now is the moment to close
        self.changed = asyncio.Condition()
        self.tasks: set[asyncio.Task[None]] = set()
        self.listener = socket.socket()
        if buffer is not None:  # before it listens: a connection inherits it
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address = self.listener.getsockname()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.address[1]}"

    def done(self) -> None:
        if not self.deed.done():
            self.deed.set_result(None)

    async def accept(self) -> None:
        """Serve connections until this is cancelled. Without a script the port is reserved, but does not listen."""
        if self.script is None:
            return
        self.listener.listen(100)
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.listener)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.opened += 1
            script = self.script if self.faulty is None or self.opened <= self.faulty else well
            task = asyncio.create_task(self._serve(script, Connection(self, sock)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _serve(self, script: Script, connection: "Connection") -> None:
        try:
            with contextlib.suppress(*_LEAVING):
                await script(connection)
        finally:
            connection.sock.close()
            self.closed += 1
            async with self.changed:
                self.changed.notify_all()

    async def ended(self, limit: float) -> int:
        """How many connections are still open, so many seconds after the client's own end."""
        self.released.set()
        self.strike.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit), self.changed:
                await self.changed.wait_for(lambda: self.opened == self.closed)
        return self.opened - self.closed


class Connection:
    """One accepted connection, over TCP or TLS; TLS by hand, so that it can break off anywhere."""

    def __init__(self, play: Play, sock: socket.socket) -> None:
        self.play = play
        self.sock = sock
        self._loop = asyncio.get_running_loop()
        self._read = bytearray()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = None if play.tls is None else play.tls.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def client_hello(self) -> None:
        """Read the first record of the client; it is small enough to come in one piece."""
        await self._receive()

    def flight(self) -> bytes:
        """The next bytes of the server's handshake."""
        assert self._tls is not None
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    async def handshake(self, then: bytes = b"") -> None:
        """The whole of it; nothing over plain TCP. `then` goes out in one piece with its end."""
        while self._tls is not None:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive()
            else:
                break
        if then:
            await self.write(then)
        await self._flush()

    async def raw(self, data: bytes) -> None:
        """Bytes as they are, beside TLS."""
        await self._loop.sock_sendall(self.sock, data)

    async def write(self, data: bytes) -> None:
        if self._tls is None:
            await self.raw(data)
        else:
            self._tls.write(data)
            await self._flush()

    async def read(self, count: int) -> bytes:
        """Exactly so many bytes. Over plain TCP the kernel keeps the others."""
        while len(self._read) < count:
            await self._fill(count - len(self._read))
        data = bytes(self._read[:count])
        del self._read[:count]
        return data

    def unread(self, data: bytes) -> None:
        self._read[:0] = data

    async def read_head(self) -> Received:
        while b"\r\n\r\n" not in self._read:
            await self._fill()
        return Received(await self.read(self._read.index(b"\r\n\r\n") + 4))

    async def read_request(self, head: Received | None = None, *, executes: bool = True) -> Received:
        """One whole request, which is an execution unless the script is going to refuse it."""
        head = head or await self.read_head()
        request = attrs.evolve(head, body=await self.read(int(head.header("content-length"))))
        if executes:
            self.play.executions[request.call] += 1
        return request

    async def fin(self, *, notify: bool = True) -> None:
        """End our side; over TLS with a close_notify before it."""
        if notify:
            await self.close_notify()
        self.sock.shutdown(socket.SHUT_WR)

    async def close_notify(self) -> None:
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            await self._flush()

    def reset(self) -> None:
        """RST, with nothing before it."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def stay(self) -> None:
        """Read no more until the client has had its outcome; then wait until it closes."""
        await self.play.released.wait()
        while await self._loop.sock_recv(self.sock, 65536):
            pass

    def anything_came(self) -> bool:
        return bool(select.select([self.sock], [], [], 0)[0])

    async def _fill(self, limit: int = 65536) -> None:
        """More bytes of the client. `EOFError` at its end."""
        if not self._decrypt():
            await self._receive(limit)
            self._decrypt()

    async def _receive(self, limit: int = 65536) -> None:
        data = await self._loop.sock_recv(self.sock, 65536 if self._tls else max(1, limit))
        if not data:
            raise EOFError
        if self._tls is None:
            self._read += data
        else:
            self._incoming.write(data)

    def _decrypt(self) -> bool:
        """Whether the received bytes gave plain text. Raises `EOFError` at a close_notify."""
        before, ended = len(self._read), False
        try:
            while self._tls is not None and not ended:
                chunk = self._tls.read(65536)
                self._read += chunk
                ended = not chunk
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        if ended and len(self._read) == before:
            raise EOFError
        return len(self._read) > before

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self.raw(self._outgoing.read())


class FaultServer:
    """Plays, each at a port of its own, on asyncio's loop in a thread; a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault server", daemon=True)
        self._plays: dict[Play, asyncio.Task[None]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._call(self._end_all()).result(10)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    async def play(
        self, script: Script | None, *, faulty: int | None = None, tls: ssl.SSLContext | None = None, buffer: int | None = None
    ) -> Play:
        """Begin to play a script at a new port; `None` leaves it closed."""
        return await asyncio.wrap_future(self._call(self._begin(script, faulty, tls, buffer)))

    async def ended(self, play: Play, *, limit: float = 2) -> int:
        """How many connections outlive the client, which is closed now. The play is over with it."""
        left = await asyncio.wrap_future(self._call(play.ended(limit)))
        await asyncio.wrap_future(self._call(self._end(play)))
        return left

    def strike(self, play: Play, *, wait: bool = False) -> None:
        """Tell the script to act now. With `wait`, return when it has acted."""
        play.struck.clear()
        self._loop.call_soon_threadsafe(play.strike.set)
        if wait and not play.struck.wait(10):
            raise RuntimeError("no script was waiting for the strike")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _begin(self, script: Script | None, faulty: int | None, tls: ssl.SSLContext | None, buffer: int | None) -> Play:
        play = Play(script, faulty=faulty, tls=tls, buffer=buffer)
        self._plays[play] = asyncio.create_task(play.accept())
        await asyncio.sleep(0)  # it listens now
        return play

    async def _end(self, play: Play) -> None:
        accepting = self._plays.pop(play)
        accepting.cancel()
        tasks = [accepting, *play.tasks]
        for task in play.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        play.listener.close()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome  # a script with a mistake in it

    async def _end_all(self) -> None:
        for play in list(self._plays):
            await self._end(play)


@attrs.frozen
class Certificates:
    """The contexts of servers, and the file of the authority that a client trusts."""

    bundle: str
    trusted: ssl.SSLContext
    older: ssl.SSLContext
    untrusted: ssl.SSLContext
    elsewhere: ssl.SSLContext


@contextlib.contextmanager
def certificates() -> Iterator[Certificates]:
    """`older` speaks TLS 1.2 at most; `elsewhere` has the name of another host."""

    def context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    authority = trustme.CA()
    older = context(authority, "127.0.0.1")
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(bundle))
        yield Certificates(
            bundle=str(bundle),
            trusted=context(authority, "127.0.0.1"),
            older=older,
            untrusted=context(trustme.CA(), "127.0.0.1"),
            elsewhere=context(authority, "elsewhere.example"),
        )


async def well(connection: Connection) -> None:
    """No fault: every request gets its answer."""
    await connection.handshake()
    while True:
        await connection.write(normal_answer(await connection.read_request()))


# How a script ends.


async def fin(connection: Connection) -> None:
    await connection.fin()
    await connection.stay()


async def fin_without_notice(connection: Connection) -> None:
    await connection.fin(notify=False)
    await connection.stay()


async def rst(connection: Connection) -> None:
    connection.reset()


async def silence(connection: Connection) -> None:
    await connection.stay()


# Faults of a connection before, during and after the request.


def at_once(ending: Script) -> Script:
    """Ends without a look at the request."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        await ending(connection)

    return script


def after_bytes(count: int, ending: Script) -> Script:
    """Reads the beginning of the request, and ends."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        await connection.read(count)
        await ending(connection)

    return script


def reply(what: Callable[[Received], bytes], ending: Script, *, executes: bool = True) -> Script:
    """Reads the request whole, writes, and ends."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        await connection.write(what(await connection.read_request(executes=executes)))
        await ending(connection)

    return script


async def bad_chunk_later(connection: "Connection") -> None:
    """Writes on once the client reads the answer: a size that is none. Then it stays silent."""
    await asyncio.sleep(0.05)
    await connection.write(b"zz\r\n")
    await silence(connection)


def always(what: Callable[[Received], bytes], *, executes: bool = True, first: int | None = None) -> Script:
    """Gives every request the same answer, or only the `first` so many of the play, over all connections."""

    async def script(connection: Connection) -> None:
        play = connection.play
        count = play.faulty if first is None else first
        await connection.handshake()
        while True:
            head = await connection.read_head()
            play.heads += 1
            at_fault = count is None or play.heads <= count
            request = await connection.read_request(head, executes=executes or not at_fault)
            await connection.write(what(request) if at_fault else normal_answer(request))

    return script


def half_closed_in_the_request(ending: Script) -> Script:
    """Ends its own side while the request is on its way, and reads it whole all the same."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        first = await connection.read(1)
        await connection.fin()
        connection.unread(first)
        await connection.read_request()
        await ending(connection)

    return script


async def twice(connection: Connection) -> None:
    """Two answers to each request, in one piece."""
    await connection.handshake()
    while True:
        request = await connection.read_request()
        await connection.write(normal_answer(request) + intruder(request))
        connection.play.done()


async def answer_before_the_body(connection: Connection) -> None:
    """Answers once the head is there, and reads the body then."""
    await connection.handshake()
    head = await connection.read_head()
    await connection.write(normal_answer(head))
    await connection.read_request(head)
    await connection.stay()


async def answer_before_anything(connection: Connection) -> None:
    """Answers when nothing was asked, and reads the request then."""
    await connection.handshake()
    await connection.write(answer("200 OK", b"{}", INTRUDER))
    await connection.read_request()
    await connection.stay()


def slowly(pause: float) -> Script:
    """One byte of the answer at a time."""

    async def script(connection: Connection) -> None:
        await connection.handshake()
        for byte in normal_answer(await connection.read_request()):
            await connection.write(bytes([byte]))
            await asyncio.sleep(pause)
        await connection.stay()

    return script


# Answers that are cut, or make no sense. A DryRun's own answer has no body that could be wrong.


def status_of(request: Received) -> str:
    return "202 Accepted" if request.invocation_type == "Event" else "200 OK"


def half_a_status_line(request: Received) -> bytes:
    return f"HTTP/1.1 {status_of(request)}".encode()[:11]


def half_the_headers(request: Received) -> bytes:
    return f"HTTP/1.1 {status_of(request)}\r\nContent-Le".encode()


def half_the_body(request: Received) -> bytes:
    return answer(status_of(request), b'{"half', length=12)


def nothing(request: Received) -> bytes:
    return b""


def bad_chunk(request: Received) -> bytes:
    return f"HTTP/1.1 {status_of(request)}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n".encode()


def first_chunk(request: Received) -> bytes:
    return f"HTTP/1.1 {status_of(request)}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".encode()


def longer_body(request: Received) -> bytes:
    return normal_answer(request) + b"and more than was said"


def after_a_100(request: Received) -> bytes:
    return b"HTTP/1.1 100 Continue\r\n\r\n" + normal_answer(request)


def service_error(status: str, code: str | None, headers: str = "", **members: str) -> Callable[[Received], bytes]:
    """An error answer of the service: JSON with a code, or the page of something in front of it."""

    def error(request: Received) -> bytes:
        own = own_id(request) + headers
        if code is None:
            return answer(status, b"<html>it broke</html>", f"Content-Type: text/html\r\n{own}")
        body = json.dumps({"message": "it broke", **members}).encode()
        return answer(status, body, f"Content-Type: application/json\r\nx-amzn-errortype: {code}\r\n{own}")

    return error


def good(status: str, headers: str = "") -> Callable[[Received], bytes]:
    """An answer with a success status, not necessarily from Lambda."""
    return lambda request: answer(status, b"{}", own_id(request) + headers)


def function_error(request: Received) -> bytes:
    own = f"{own_id(request)}X-Amz-Function-Error: Unhandled\r\n"
    return answer("200 OK", b'{"errorType":"ValueError","errorMessage":"it broke"}', own)


# Faults of an idle connection: the first request is answered well, then comes the deed.


def idle(deed: Callable[[Connection, Received], Awaitable[None]], then: Script = silence) -> Script:
    async def script(connection: Connection) -> None:
        await connection.handshake()
        request = await connection.read_request()
        await connection.write(normal_answer(request))
        try:
            await deed(connection, request)
        finally:  # the client may have left in the middle of it, and be right
            connection.play.done()
        await then(connection)

    return script


async def serve_on(connection: Connection) -> None:
    """Executes each request on this connection, so a client that still uses it is caught."""
    while True:
        await connection.write(normal_answer(await connection.read_request()))


async def read_and_stay(connection: Connection) -> None:
    """The request that comes is read, and gets no answer: our side has ended."""
    await connection.read_request()
    await connection.stay()


async def read_and_reset(connection: Connection) -> None:
    await connection.read_request()
    connection.reset()


async def read_and_close(connection: Connection) -> None:
    await connection.read_request()


async def ends(connection: Connection, request: Received) -> None:
    await connection.fin()


async def ends_without_notice(connection: Connection, request: Received) -> None:
    await connection.fin(notify=False)


async def ends_tls_only(connection: Connection, request: Received) -> None:
    await connection.close_notify()


async def closes(connection: Connection, request: Received) -> None:
    await connection.close_notify()
    connection.sock.close()


async def resets(connection: Connection, request: Received) -> None:
    connection.reset()


async def answers_again_late(connection: Connection, request: Received) -> None:
    await asyncio.sleep(0.05)
    await connection.write(intruder(request))


async def says_408(connection: Connection, request: Received) -> None:
    await connection.write(answer("408 Request Timeout", headers=f"Connection: close\r\n{INTRUDER}"))


async def says_408_and_ends(connection: Connection, request: Received) -> None:
    await says_408(connection, request)
    await connection.fin()


# TLS that fails on the way.


def on_client_hello(ending: Script, say: bytes = b"") -> Script:
    async def script(connection: Connection) -> None:
        await connection.client_hello()
        await connection.raw(say)
        await ending(connection)

    return script


def in_the_flight(share: float, ending: Script) -> Script:
    """Sends a part of the bytes after the ClientHello: ServerHello, certificate, and so on."""

    async def script(connection: Connection) -> None:
        await connection.client_hello()
        flight = connection.flight()
        await connection.raw(flight[: int(len(flight) * share)])
        await ending(connection)

    return script


async def stalls(connection: Connection) -> None:
    """Takes the connection, and never says a word of TLS."""
    await connection.stay()


async def hangs_up(connection: Connection) -> None:
    """Closes at once, and leaves received bytes unread."""


async def fin_at_once(connection: Connection) -> None:
    await connection.fin(notify=False)
    await connection.stay()


# The idle connection that ends exactly when the next request starts.


def on_strike(ending: Script, *, pause: Callable[[], float] = lambda: 0.0) -> Script:
    """Serves well, and ends each connection in this way after the client's next strike, if nothing has come by then."""

    async def script(connection: Connection) -> None:
        play = connection.play
        await connection.handshake()
        while True:
            await connection.write(normal_answer(await connection.read_request()))
            play.strike.clear()
            play.done()
            await play.strike.wait()
            if play.released.is_set():
                return await connection.stay()
            # In this thread, which plays nothing else then: a loop's timers are too coarse for a part of a millisecond.
            time.sleep(pause())
            if not connection.anything_came():
                return await ending(connection)

    return script


def within_a_millisecond() -> float:
    return random.random() / 1000  # noqa: S311 - chance is wanted here


async def close_with_notice(connection: Connection) -> None:
    await connection.close_notify()
    await close_without_notice(connection)


async def close_without_notice(connection: Connection) -> None:
    connection.sock.close()
    connection.play.struck.set()


def half_close_and(then: Script) -> Script:
    """Ends our side, and still reads."""

    async def ending(connection: Connection) -> None:
        await connection.fin()
        connection.play.struck.set()
        await then(connection)

    return ending
