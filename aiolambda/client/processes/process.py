"""One worker process of a map, as the map sees it: how it starts, what it says, how it ends.

Laws: a worker is a fresh interpreter that imports no `__main__`; no secret is in its arguments, its environment or a file.
Whatever ends it, `lost` is called once, after all that it said, and after its end.

Owns the process and its pipes. Must not know a command.
"""

import asyncio
import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

from ...errors import ConfigurationError
from .frames import DamagedFrameError, FrameReader, Message, frame_of

__all__ = ["WorkerProcess"]

_PROGRAM = """\
import sys
if not sys.flags.safe_path: del sys.path[0]
import json, signal
for one in (signal.SIGINT, signal.SIGTERM): signal.signal(one, signal.SIG_IGN)
given = json.loads(open(0, "rb", buffering=0, closefd=False).readline())
sys.path[:] = given["path"]
from aiolambda.client.processes.worker import main
main(parent=given["parent"], uvloop=given["uvloop"])
"""
"""Until it has the path of the map's process, it imports nothing from the working directory."""
_SCARCE = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_START_LIMIT = 60.0
"""Seconds for a worker to start: it imports the modules of the user's middlewares."""
_CLOSE_LIMIT = 2.0
"""Seconds for a worker to end by itself. Then it is killed."""
_KILL_LIMIT = 5.0
"""Seconds for the kernel to end a killed process."""
_LONGEST_START = 65_536
"""Bytes that are kept of what a worker prints before it is ready."""
_LONGEST_LINE = 300


class WorkerProcess(asyncio.SubprocessProtocol):
    """A worker: `start` it, `write` messages to it, `close` it."""

    def __init__(self, *, hear: Callable[["WorkerProcess", Message], None], lost: Callable[["WorkerProcess"], None]) -> None:
        self._hear = hear
        self._lost = lost
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._reader = FrameReader()
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._exited: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self._silent: asyncio.Future[None] = loop.create_future()
        self._ending: asyncio.Task[None] | None = None
        self._stderr = b""
        self.is_ready = self.was_ready = False
        self.calls: dict[int, Any] = {}
        """The calls that were given to it, by id, and have no outcome yet."""
        self.sent = self.begun = 0
        """The numbers of the last partition that was written to it, and of the last one that it has begun."""

    @property
    def pid(self) -> int | None:
        """The id of the process; `None` before it has one."""
        return None if self._transport is None else self._transport.get_pid()

    @property
    def end_shown(self) -> str:
        """How the process ended, as text."""
        code = None if self._transport is None else self._transport.get_returncode()
        if code is None:
            return "without an exit code"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"by {signal.Signals(-code).name}"
        return f"with exit code {code}"

    async def start(self, setup: Message) -> None:
        """Start the process and wait until it is ready. `ConfigurationError` if it cannot be; it has ended then."""
        loop = asyncio.get_running_loop()
        flags = cast("list[str]", getattr(subprocess, "_args_from_interpreter_flags")())  # noqa: B009 - as multiprocessing does
        program = [sys.executable, *flags, "-c", _PROGRAM]
        spawning = asyncio.ensure_future(loop.subprocess_exec(lambda: self, *program))
        try:
            transport, _ = await asyncio.shield(spawning)
        except asyncio.CancelledError:  # cancelled itself, uvloop would leave the process behind
            await asyncio.wait([spawning])
            if not spawning.exception():
                await self.close()
            raise
        except OSError as error:
            reason = error.strerror or str(error)
            remedy = "lower processes" if error.errno in _SCARCE else f"its interpreter is sys.executable, {sys.executable!r}"
            raise ConfigurationError(f"a worker process of this map cannot start: {reason}; {remedy}") from error
        except RuntimeError as error:  # no thread can start, or the loop has no processes
            reason = str(error) or type(error).__name__
            raise ConfigurationError(f"a worker process of this map cannot start: {reason}") from error
        is_uvloop = type(loop).__module__.partition(".")[0] == "uvloop"
        given = {"path": list(map(str, sys.path)), "parent": os.getpid(), "uvloop": is_uvloop}
        stdin = self._stdin = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
        stdin.write(json.dumps(given).encode() + b"\n" + frame_of([setup]))
        try:
            async with asyncio.timeout(_START_LIMIT):
                await self._ready
        except TimeoutError:
            await self.close()
            raise ConfigurationError(f"a worker process of this map did not start within {_START_LIMIT:.0f} s") from None
        except BaseException:
            await asyncio.shield(self.close())
            raise

    def write(self, messages: list[Message]) -> None:
        """Write messages, unless the process has ended."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(frame_of(messages))

    def kill(self) -> None:
        """End the process now. `lost` follows."""
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()

    def detach(self, *, forked: bool) -> None:
        """Let go of a process whose loop is gone. In a fork, it is the parent's."""
        pid = self.pid
        if pid is not None and not forked and not self._exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def close(self) -> None:
        """Let the process end, or kill it, and free its pipes. Closing twice is fine."""
        transport = self._transport
        if transport is None:
            return
        if not self._exited.done():
            self.write([("close",)])
            await asyncio.wait([self._exited], timeout=_CLOSE_LIMIT)
        if not self._exited.done():
            self.kill()
            await asyncio.wait([self._exited], timeout=_KILL_LIMIT)
        transport.close()
        await asyncio.wait([self._gone], timeout=_KILL_LIMIT)
        if self._ending is not None:
            await asyncio.wait([self._ending])

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._pass_on(data)
            return
        try:
            for messages in self._reader.feed(data):
                for message in messages:
                    self._take(message)
        except DamagedFrameError:
            self.kill()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            _note(self._silent)
            self._begin_end()

    def process_exited(self) -> None:
        _note(self._exited)
        self._begin_end()

    def connection_lost(self, exc: Exception | None) -> None:
        _note(self._gone)

    def _take(self, message: Message) -> None:
        match message:
            case ("ready",):
                self.is_ready = self.was_ready = True
                self._pass_on(b"")
                if not self._ready.done():
                    self._ready.set_result(None)
            case ("begun", number):
                self.begun = number
            case _:
                self._hear(self, message)

    def fail(self, error: Exception) -> None:
        """The process has said why it cannot start."""
        if not self._ready.done():
            self._ready.set_exception(error)

    def _begin_end(self) -> None:
        self.is_ready = False
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end(), name="end of a worker process")

    async def _end(self) -> None:
        """Once the process has ended and all that it said is heard, nothing that it was given can begin any more."""
        await asyncio.wait([self._exited], timeout=_CLOSE_LIMIT)
        if not self._exited.done():
            self.kill()
            await asyncio.wait([self._exited], timeout=_KILL_LIMIT)
        await asyncio.wait([self._silent], timeout=_CLOSE_LIMIT)  # a fork of it may hold its pipe
        if not self._ready.done():
            lines = self._stderr.decode(errors="replace").strip().splitlines()
            said = lines[-1][:_LONGEST_LINE] if lines else f"it ended {self.end_shown}"
            self._ready.set_exception(ConfigurationError(f"a worker process of this map cannot start: {said}"))
            self._ready.exception()  # `start` may have been cancelled
        self._lost(self)
        if self._transport is not None:
            self._transport.close()

    def _pass_on(self, data: bytes) -> None:
        """Print here what the process prints. Until it is ready, keep it: its end is the text of an error."""
        self._stderr += data
        if not self.was_ready:
            self._stderr = self._stderr[-_LONGEST_START:]
        elif self._stderr:
            text, self._stderr = self._stderr.decode(errors="replace"), b""
            with contextlib.suppress(Exception):
                sys.stderr.write(text)
                sys.stderr.flush()


def _note(event: "asyncio.Future[None]") -> None:
    if not event.done():
        event.set_result(None)
