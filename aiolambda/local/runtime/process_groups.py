"""Start and kill runtime processes together with all their descendants, even if this process is killed.

Owns the connection to the reaper, the child process that starts them. Must not know which programs run in them.
"""

import asyncio
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

__all__ = ["ProcessGroups", "SupervisedProcess"]

_REAPER = (sys.executable, "-I", "-S", "-X", "utf8", str(Path(__file__).with_name("reaper.py")))
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""The variables that Python itself may need. The reaper has no others: a handler could read them from its parents."""


class SupervisedProcess:
    """The leader of a session, with a supervisor that kills it together with its descendants."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer

    def kill(self) -> None:
        """Kill the process and its descendants. Does nothing if it has ended."""
        with suppress(OSError):
            self._writer.write_eof()

    async def wait(self) -> int:
        """Wait until no descendant is left, and return the exit code. A negative code is the signal that ended the process."""
        try:
            line = await self._reader.readline()
        except OSError:
            line = b""
        self._writer.close()
        if not line:  # the supervisor was killed
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            return -signal.SIGKILL
        return int(line.removeprefix(b"ended "))


class ProcessGroups:
    """Starts processes through the reaper, which `start` or the first `spawn` starts. Call `close` after the last process."""

    def __init__(self) -> None:
        self._reaper: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._spawning = asyncio.Lock()

    async def start(self) -> None:
        ours, theirs = _socket_pair()
        with theirs, ExitStack() as unless_started:
            unless_started.callback(ours.close)
            self._reaper = await asyncio.create_subprocess_exec(
                *_REAPER,
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in _LIBRARY_PATHS if name in os.environ},
                start_new_session=True,
            )
            unless_started.pop_all()
        self._socket = ours

    async def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # the reaper has ended
                # Not only `close`: a fork of this process may hold a copy of the socket.
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        if self._reaper is not None:
            await self._reaper.wait()
            self._reaper = None

    async def spawn(
        self,
        command: Sequence[str],
        *,
        output: int,
        environment: Mapping[str, str],
        directory: Path,
        stdin: int | None = None,
    ) -> SupervisedProcess:
        """Start a process that writes stdout and stderr to the file descriptor `output`, and reads nothing or `stdin`.

        Raises `OSError` on failure.
        """
        ours, theirs = _socket_pair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            try:
                async with self._spawning:
                    if self._socket is None:
                        await self.start()
                    descriptors = [output, theirs.fileno(), *([] if stdin is None else [stdin])]
                    await self._request([list(command), dict(environment), str(directory)], descriptors)
                    theirs.close()
                    pid = _started_pid(await reader.readline())
            except BaseException:
                writer.close()
                raise
        return SupervisedProcess(pid, reader, writer)

    async def _request(self, content: object, descriptors: list[int]) -> None:
        if self._socket is None:
            raise BrokenPipeError
        message = json.dumps(content).encode()
        socket.send_fds(self._socket, [len(message).to_bytes(4)], descriptors)
        await asyncio.get_running_loop().sock_sendall(self._socket, message)


def _started_pid(line: bytes) -> int:
    """Parse `started PID`. Raises `OSError` for `failed ERRNO`, or if the reaper has ended and the line is empty."""
    status, _, number = line.partition(b" ")
    if status != b"started":
        code = int(number or errno.EPIPE)
        raise OSError(code, os.strerror(code))
    return int(number)


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """Our end, for the event loop, and their end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - socket takes no keywords
    return ours, theirs
