"""A worker process: reads commands from its pipe, sends them with a client of its own, and writes their outcomes.

Laws: before a command is sent, the kernel has a note that it is about to be; so whatever ends this process, the map knows the
commands that were never begun. The process ends at once when the pipe closes without a word, or the process of its map ends.
Signals that reach the whole group of processes are ignored: the map decides. What user code prints goes to stderr.

Owns the loop of the process. Must not know which command goes to which worker, or what becomes of an outcome.
"""

import asyncio
import contextlib
import functools
import logging
import os
import pickle
from collections.abc import Callable
from typing import Any

from ...codecs import JsonCodec
from ...config import LambdaClientConfig
from ...errors import AiolambdaError, ClientClosedError, ConfigurationError
from ...fanout.parcels import command_of, outcome_of, packed_outcome
from ...types.events import MapFacts
from ...types.loggers import PACKAGE
from ...types.values import Delivery
from ..client import LambdaClient
from .frames import FULL_FRAME, DamagedFrameError, FrameReader, Message, frame_of
from .questions import AskingProvider, credentials_in
from .setup import WorkerSetup

__all__ = ["main"]

_READ_SIZE = 1 << 20
_LOOK_INTERVAL = 0.5
"""Seconds after which a worker looks whether its map is there: a fork of that process may hold the pipe open."""


class _Writer:
    """Writes frames to the pipe without blocking the loop."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = bytearray()
        self._is_waiting = False
        """Whether the pipe is full."""
        self._when_clear: list[Callable[[], object]] = []

    def write(self, messages: list[Message]) -> None:
        """Write a frame, after those that wait."""
        self._rest += frame_of(messages)
        if not self._is_waiting:
            self._push()

    def when_written(self, callback: Callable[[], object]) -> None:
        """Call back once the kernel has all that was written so far: now, if it has."""
        if self._rest:
            self._when_clear.append(callback)
        else:
            callback()

    def _push(self) -> None:
        try:
            while self._rest:
                del self._rest[: os.write(self._fd, self._rest)]
        except BlockingIOError:
            if not self._is_waiting:
                self._is_waiting = True
                asyncio.get_running_loop().add_writer(self._fd, self._push)
            return
        except OSError:  # the pipe has no reader: the map is gone
            os._exit(1)
        if self._is_waiting:
            self._is_waiting = False
            asyncio.get_running_loop().remove_writer(self._fd)
        callbacks, self._when_clear = self._when_clear, []
        for callback in callbacks:
            callback()


class _Forwarding(logging.Handler):
    """Passes warnings and errors on to the logger of the map's client."""

    def __init__(self, worker: "_Worker") -> None:
        super().__init__(logging.WARNING)
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        name = record.__dict__.get("function_name")
        self._worker.tell(("log", record.name, record.levelno, record.getMessage(), name if isinstance(name, str) else None))


class _Worker:
    """The commands of one map that this process sends."""

    def __init__(self, fd_in: int, fd_out: int, parent: int) -> None:
        self._fd_in = fd_in
        self._parent = parent
        self._writer = _Writer(fd_out)
        self._reader = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._closed = self._loop.create_future()
        self._run_ended = self._loop.create_future()
        self._messages: list[Message] = []
        """The messages that go out at the end of this turn of the loop."""
        self._flushing = False
        self._size = 0
        self._client: LambdaClient | None = None
        self._send: Any = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._waiting: set[int] = set()
        """The commands whose note the kernel does not have yet."""
        self._begun: set[int] = set()
        """The commands whose tasks have taken their first step."""
        self._provider = AskingProvider(self.tell, self._loop)
        self._opening: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work until the map says that it needs no more."""
        handler = _Forwarding(self)
        PACKAGE.addHandler(handler)
        self._loop.add_reader(self._fd_in, self._read)
        self._look_for_parent()
        try:
            await self._closed
        finally:
            self._loop.remove_reader(self._fd_in)
            PACKAGE.removeHandler(handler)
            for task in list(self._tasks.values()):
                task.cancel()
            if self._client is not None:
                await self._client.close(grace=0)

    def _look_for_parent(self) -> None:
        if os.getppid() != self._parent:
            os._exit(1)
        self._loop.call_later(_LOOK_INTERVAL, self._look_for_parent)

    def tell(self, message: Message) -> None:
        """Write a message at the end of this turn of the loop."""
        self._messages.append(message)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing, self._size = False, 0
        messages, self._messages = self._messages, []
        if not messages:
            return
        try:
            self._writer.write(messages)
        except Exception:  # noqa: BLE001 - an output of a middleware holds what has no pickle
            for message in messages:
                self._write_alone(message)

    def _write_alone(self, message: Message) -> None:
        """Write one message, or an error in place of an outcome that cannot be written."""
        try:
            self._writer.write([message])
        except Exception as error:  # noqa: BLE001 - as above
            if message[0] == "done":
                self._writer.write([("done", message[1], _unpassed(error))])

    def _read(self) -> None:
        try:
            data = os.read(self._fd_in, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:  # the map is gone
            os._exit(1)
        try:
            for messages in self._reader.feed(data):
                for kind, *rest in messages:
                    getattr(self, f"_on_{kind}")(*rest)
        except DamagedFrameError:
            os._exit(1)

    # Messages of the map, by kind

    def _on_setup(self, content: bytes) -> None:
        self._opening = self._loop.create_task(self._open(content), name="open the client of a worker")

    def _on_run(self, number: int, commands: list[tuple[int, Message]]) -> None:
        self._waiting.update(id for id, _ in commands)
        self._writer.write([("begun", number)])
        self._writer.when_written(lambda: self._begin(commands))

    def _on_cancel(self, ids: list[int]) -> None:
        for id in self._waiting.intersection(ids):
            self._waiting.discard(id)
            self.tell(("done", id, packed_outcome(None, ClientClosedError("the call was cancelled"))))
        tasks = {self._tasks[id] for id in ids if id in self._tasks}
        client: Any = self._client
        if client is not None:
            for task in tasks - client._in_flight.expire(tasks):  # these have not begun their call
                task.cancel()

    def _on_end(self) -> None:
        if not self._run_ended.done():
            self._run_ended.set_result(None)

    def _on_credentials(self, number: int, credentials: Any, error: Message | None) -> None:
        keys = None if credentials is None else credentials_in(credentials)
        self._provider.answer(number, keys, None if error is None else outcome_of(error, JsonCodec())[1])

    def _on_close(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    async def _open(self, content: bytes) -> None:
        try:
            setup: WorkerSetup = pickle.loads(content)  # noqa: S301 - of the process that started this one
            settings = dict(setup.settings)
            if setup.codec is not None:
                settings["codec"] = pickle.loads(setup.codec)  # noqa: S301 - as above
            client: Any = LambdaClient(LambdaClientConfig(**settings, credentials=self._provider))
            self._client = client
            client._stack.rebuild(pickle.loads(setup.entries))  # noqa: S301 - as above
            self._send = client._map_sender(setup.timeout, setup.idempotent, MapFacts(setup.map_function))
            await client.open()
        except AiolambdaError as error:
            self.tell(("failed", packed_outcome(None, error)))
        except Exception as error:  # noqa: BLE001 - a module of the user's may raise anything as it is imported
            said = f"a worker process of this map cannot load what the client has: {type(error).__name__}: {error}"
            self.tell(("failed", packed_outcome(None, ConfigurationError(said))))
        else:
            self.tell(("ready",))

    def _begin(self, commands: list[tuple[int, Message]]) -> None:
        for id, packed in commands:
            if id not in self._waiting:  # it was cancelled
                continue
            self._waiting.discard(id)
            task = self._tasks[id] = self._loop.create_task(self._call(id, packed))
            task.add_done_callback(functools.partial(self._on_end_of, id))

    async def _call(self, id: int, packed: Message) -> None:
        output, error, verdict = None, None, Delivery.NOT_DELIVERED
        self._begun.add(id)
        try:
            command = command_of(packed)
            verdict = Delivery.UNKNOWN
            output = await self._send(command, self._run_ended)
        except AiolambdaError as raised:
            error = raised.with_traceback(None)
        except Exception as raised:  # noqa: BLE001 - a command class of the user's may raise anything as it is loaded
            error = AiolambdaError(f"a worker process cannot make this call: {type(raised).__name__}", delivery=verdict)
        self.tell(("done", id, packed_outcome(output, error)))
        self._size += len(getattr(output, "payload", b"")) + len(getattr(output, "content", b""))
        if self._size > FULL_FRAME:
            self._flush()

    def _on_end_of(self, id: int, task: asyncio.Task[None]) -> None:
        del self._tasks[id]
        is_begun = id in self._begun
        self._begun.discard(id)
        if self._closed.done():
            return
        if task.cancelled():
            verdict = Delivery.UNKNOWN if is_begun else Delivery.NOT_DELIVERED
            self.tell(("done", id, packed_outcome(None, ClientClosedError("the call was cancelled", delivery=verdict))))
        elif (error := task.exception()) is not None:  # of an output of a middleware
            self.tell(("done", id, _unpassed(error)))


def _unpassed(error: BaseException) -> Message:
    said = f"the outcome of this call cannot be passed from one process to another: {type(error).__name__}"
    return packed_outcome(None, AiolambdaError(said, delivery=Delivery.UNKNOWN))


def main(*, parent: int, uvloop: bool) -> None:
    """Run a worker whose pipes are stdin and stdout, for the map in the process `parent`."""
    fd_in, fd_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # user code reads nothing there
    os.close(nothing)
    os.dup2(2, 1)  # and what it prints does not damage the pipe
    os.set_blocking(fd_out, False)
    os.set_blocking(fd_in, False)
    factory = None
    if uvloop:
        import uvloop as library  # noqa: PLC0415 - as the loop of the map is one of it

        factory = library.new_event_loop

    async def work() -> None:
        await _Worker(fd_in, fd_out, parent).run()

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work())
