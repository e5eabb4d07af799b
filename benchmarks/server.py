"""A server that answers every request at once with as many bytes as came: one protocol, no framework, in a process of its own.

`python benchmarks/server.py CERTIFICATE` says its two ports in its first line, and takes orders on standard input: `cpu` (its
seconds of CPU so far), `held` (how many requests of the function `hold` wait), `release` (answer those). A body is counted and
not kept: a client that sends other bytes than it says is not found out.
"""

import asyncio
import functools
import json
import ssl
import sys
import time
from typing import Any

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"x-amzn-RequestId: 11111111-2222-3333-4444-555555555555\r\nX-Amz-Executed-Version: $LATEST\r\n\r\n"
)
SPACE = memoryview(bytearray(1024 * 1024))
"""The buffer of all connections: each read is handled before the next begins."""


@functools.lru_cache(maxsize=16)
def answer(size: int) -> bytes:
    """A whole answer with a JSON text of this size."""
    body = b'"%b"' % (b"x" * (size - 2)) if size >= 2 else b"1" * size
    return HEAD % size + body


def declared_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    if b"transfer-encoding" in head.lower():
        raise ValueError("a chunked request is not understood here")
    return 0


class Answering(asyncio.BufferedProtocol):
    """Counts the bytes of each request, and answers when it has come whole."""

    held: "list[tuple[Answering, int]]" = []  # noqa: RUF012 - of all connections: there is one server in a process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.head = b""
        self.size = self.missing = 0
        self.holds = False

    def get_buffer(self, sizehint: int) -> memoryview:
        return SPACE

    def buffer_updated(self, nbytes: int) -> None:
        if nbytes < self.missing:
            self.missing -= nbytes
            return
        data = bytes(SPACE[self.missing : nbytes])
        if self.missing:
            self.missing = 0
            self.came()
        self.head += data
        while self.head and not self.missing:
            head, end, rest = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.size, self.holds = declared_length(head), b"/hold/" in head[:100]
            self.missing = max(0, self.size - len(rest))
            self.head = rest[self.size :]
            if not self.missing:
                self.came()

    def came(self) -> None:
        if self.holds:
            self.held.append((self, self.size))
        else:
            self.transport.write(answer(self.size))

    @classmethod
    def release(cls) -> None:
        for connection, size in cls.held:
            connection.transport.write(answer(size))
        cls.held.clear()


ORDERS = {"cpu": time.process_time, "held": lambda: len(Answering.held), "release": Answering.release}


async def main(certificate: str) -> None:
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    plain = await loop.create_server(Answering, "127.0.0.1", 0, backlog=4096)
    secure = await loop.create_server(Answering, "127.0.0.1", 0, backlog=4096, ssl=context, ssl_handshake_timeout=120)
    ports = [server.sockets[0].getsockname()[1] for server in (plain, secure)]
    print(json.dumps(dict(zip(("http", "https"), ports, strict=True))), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):  # until the parent is gone
        print(json.dumps(ORDERS[json.loads(line)["order"]]()), flush=True)


if __name__ == "__main__":
    try:
        from uvloop import new_event_loop
    except ImportError:
        from asyncio import new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
