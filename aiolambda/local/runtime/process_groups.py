"""The starting and ending of runtime processes, each with everything that it started, also if this process is killed.

Owns the reaper, a child that starts them, and what it is told. Must not know what runs in them.
"""

import asyncio
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["ProcessGroups", "RuntimeChild"]

_REAPER = (sys.executable, "-I", "-S", "-X", "utf8", str(Path(__file__).with_name("reaper.py")))


class RuntimeChild:
    """A process that leads a session of its own, under a supervisor that ends it with its descendants."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer

    def kill(self) -> None:
        """End it at once, with its descendants; a process that has ended already is fine."""
        with suppress(OSError):
            self._writer.write_eof()

    async def wait(self) -> int:
        """The return code, once nothing is left; a negative one is the signal that ended the process."""
        try:
            ended = await self._reader.readline()
        except OSError:
            ended = b""
        self._writer.close()
        if not ended:  # the supervisor was killed
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            return -signal.SIGKILL
        return int(ended.removeprefix(b"ended "))


class ProcessGroups:
    """Started before its first process, stopped after its last."""

    def __init__(self) -> None:
        self._reaper: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._spawning = asyncio.Lock()

    async def start(self) -> None:
        self._socket, theirs = _socket_pair()
        with theirs:
            self._reaper = await asyncio.create_subprocess_exec(
                *_REAPER, stdin=theirs.fileno(), stdout=asyncio.subprocess.DEVNULL, start_new_session=True
            )

    async def stop(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # the reaper has ended
                self._socket.shutdown(socket.SHUT_RDWR)  # which is the end, also if a fork of this process has a copy
            self._socket.close()
            self._socket = None
        if self._reaper is not None:
            await self._reaper.wait()
            self._reaper = None

    async def spawn(
        self, command: Sequence[str], *, output: int, environment: Mapping[str, str], directory: Path
    ) -> RuntimeChild:
        """A process that writes stdout and stderr to `output`; `OSError` if it cannot start."""
        ours, theirs = _socket_pair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            try:
                async with self._spawning:
                    await self._ask([list(command), dict(environment), str(directory)], [output, theirs.fileno()])
                    theirs.close()
                    pid = _started(await reader.readline())
            except BaseException:
                writer.close()
                raise
        return RuntimeChild(pid, reader, writer)

    async def _ask(self, content: object, descriptors: list[int]) -> None:
        if self._socket is None:
            raise BrokenPipeError
        message = json.dumps(content).encode()
        socket.send_fds(self._socket, [len(message).to_bytes(4)], descriptors)
        await asyncio.get_running_loop().sock_sendall(self._socket, message)


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """Ours, for the event loop, and theirs."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - socket takes no keywords
    return ours, theirs


def _started(line: bytes) -> int:
    """The process that the reaper says it started; `OSError` if it did not, or ended before it said anything."""
    said, _, number = line.partition(b" ")
    if said != b"started":
        code = int(number or errno.EPIPE)
        raise OSError(code, os.strerror(code))
    return int(number)
