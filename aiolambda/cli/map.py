"""`aiolambda map`: one invocation for each line of a file, a line of results for each of them.

Owns the options, and what a line becomes. Must not know how the invocations are spread.
"""

import argparse
import asyncio
import base64
import functools
import itertools
import json
import os
import select
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..errors import AiolambdaError, ConfigurationError, FunctionError, LambdaServiceException, TooManyFailuresError
from ..fanout import MapRun
from ..fanout.values import MapResult
from . import exit_codes
from .files import STDIO, destination, empty, give_up, opened, standard_input, tell
from .interrupts import Interrupts
from .options import add_connection_options, client_of, file_name, seconds
from .progress import Teller, line_of, progress, summary_of

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "invoke a function for every line of a file"
DESCRIPTION = (
    "Invoke a function for every line: the line is the payload, byte for byte. Results go to stdout as they come, a line of "
    "JSON each; progress and a summary to stderr. The exit code is the gravest of all items."
)

_PURPOSE = "write to"
_GRACE = 30.0
"""Seconds for what is in flight when there is no place for results any more."""
_MOST = 1000
_READ_AHEAD = 1000
"""Lines of a pipe."""
_READ_AT_ONCE = 64 * 1024
"""Bytes of a pipe."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="name, name:qualifier, partial ARN or ARN")
    add_file = functools.partial(parser.add_argument, type=file_name, metavar="FILE")
    add_file("-f", "--file", required=True, help="the items, one a line; - is stdin")
    add_file("-o", "--output", default=STDIO, help="where results go; - is stdout, the default")
    add_file("--failed", help="where the lines of items that failed go, to be mapped again")
    add_file("--journal", help="goes on where a run with this journal ended")
    parser.add_argument("--concurrency", type=_concurrency, default="adaptive", metavar="N", help="or 'adaptive', the default")
    parser.add_argument("--ordered", action="store_true", help="results in the order of the lines")
    parser.add_argument("--event", action="store_true", help="queue events, and wait for no answer")
    parser.add_argument("--idempotent", action="store_true", help="running the function twice for a line does no harm")
    parser.add_argument("--retry-function-errors", type=int, default=0, metavar="N", help="try an item that failed again")
    parser.add_argument("--max-failures", type=int, metavar="N", help="stop once more have failed")
    parser.add_argument("--max-failure-ratio", type=float, metavar="SHARE", help="stop once a larger share has failed")
    parser.add_argument("--deadline", type=seconds, metavar="SECONDS", help="submit nothing more after so long")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="limit of each invocation; none by default")
    parser.add_argument("--tail", action="store_true", help="ask for log tails: the summary has billed time and cold starts")
    parser.add_argument("--qualifier", metavar="VERSION", help="a version or an alias")
    parser.add_argument("--tenant-id", metavar="ID")
    add_file("--summary-file", help="where the summary goes as JSON, too")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Map, and print what comes; the code is the gravest of the items'."""
    _check_files(options)
    with ExitStack() as files:
        lines = files.enter_context(_reading(options.file))
        is_file = options.file != STDIO and Path(options.file).is_file()
        output = files.enter_context(destination(options.output, _PURPOSE))
        failed = None if options.failed is None else files.enter_context(destination(options.failed, _PURPOSE))
        with progress(_count(Path(options.file)) if is_file else None) as display:
            items = _lines_of(lines) if is_file else _lines_as_they_come(lines)
            return asyncio.run(_map(options, items, output, failed, display))


async def _map(
    options: argparse.Namespace,
    items: Iterator[bytes] | AsyncIterator[bytes],
    output: BinaryIO,
    failed: BinaryIO | None,
    display: Teller,
) -> int:
    job = _Job(options, output, failed)
    return await job.run(items, display)


class _Job:
    """One map on its way. The first signal lets what is in flight end, the second cuts it."""

    def __init__(self, options: argparse.Namespace, output: BinaryIO, failed: BinaryIO | None) -> None:
        self._options = options
        self._files: dict[str, BinaryIO] = {"output": output} | ({} if failed is None else {"failed": failed})
        self._mapped: MapRun[bytes] | None = None
        self._task = asyncio.current_task()
        self._ending: asyncio.Task[None] | None = None
        self._ended_by: str | None = None
        self._gravest = exit_codes.DONE

    async def run(self, items: Iterator[bytes] | AsyncIterator[bytes], display: Teller) -> int:
        with Interrupts(self._stop, self._cut) as interrupts:
            try:
                await self._map(items, display)
            except asyncio.CancelledError:
                if not interrupts.received:
                    raise
                tell("aiolambda: interrupted; nothing was sent")
        return exit_codes.INTERRUPTED if interrupts.received else self._gravest

    async def _map(self, items: Iterator[bytes] | AsyncIterator[bytes], display: Teller) -> None:
        options, began = self._options, time.perf_counter()
        async with client_of(options, max_concurrency=_room_for(options.concurrency)) as client:
            self._mapped = mapped = client.map(
                options.function_name,
                items,
                concurrency=options.concurrency,
                ordered=options.ordered,
                invocation_type="Event" if options.event else "RequestResponse",
                qualifier=options.qualifier,
                tenant_id=options.tenant_id,
                log_type="Tail" if options.tail else None,
                idempotent=options.idempotent or None,
                retry_function_errors=options.retry_function_errors,
                max_failures=options.max_failures,
                max_failure_ratio=options.max_failure_ratio,
                deadline=options.deadline,
                journal=options.journal,
                on_progress=display,
            )
            async with mapped:
                if mapped.stopped_by is None:  # no run that did not begin costs the results of an earlier one
                    for file in self._files.values():
                        empty(file)
                await self._write_all(mapped)
                self._summarize(mapped, time.perf_counter() - began)

    async def _write_all(self, mapped: MapRun[bytes]) -> None:
        """Write every result. What ends the run too early is told here, because functions have run."""
        try:
            async for result in mapped:
                self._gravest = max(self._gravest, _code_of(result))
                self._write("output", json.dumps(_told(result), separators=(",", ":")).encode())
                if not result.ok:
                    self._write("failed", result.item)
        except TooManyFailuresError as error:
            tell(f"aiolambda: {error}")
        except AiolambdaError as error:
            tell(f"aiolambda: {error}")
            has_sent = mapped.stats.done > mapped.stats.replayed
            self._gravest = max(self._gravest, exit_codes.MAY_HAVE_RUN if has_sent else exit_codes.code_of(error))

    def _write(self, name: str, line: bytes) -> None:
        file = self._files.get(name)
        if file is None:
            return
        try:
            file.write(line + b"\n")
            file.flush()
        except OSError as error:
            del self._files[name]
            give_up(file)
            self._end_unwritten(error)

    def _end_unwritten(self, error: OSError) -> None:
        """Send nothing more: there is no place for results. With a journal, all that is in flight is still worth its time."""
        if not isinstance(error, BrokenPipeError):  # a reader who has gone wants no more of it
            tell(f"aiolambda: functions have run, and a result cannot be written: {error.strerror}")
        self._gravest, self._ended_by = max(self._gravest, exit_codes.MAY_HAVE_RUN), self._ended_by or "output"
        self._end_within(_GRACE if self._options.journal is None else None)

    def _stop(self) -> None:
        if self._mapped is None:
            if self._task is not None:
                self._task.cancel()
            return
        self._ended_by = "signal"
        self._mapped.stop()
        in_flight = self._mapped.stats.in_flight
        tell(f"aiolambda: interrupted; nothing more is sent, {in_flight:,} in flight are awaited (a second signal cuts them)")

    def _cut(self) -> None:
        self._end_within(0)

    def _end_within(self, grace: float | None) -> None:
        if self._mapped is not None:
            self._ending = asyncio.create_task(self._mapped.aclose(grace=grace))

    def _summarize(self, mapped: MapRun[bytes], took: float) -> None:
        ended_by, path = self._ended_by or mapped.stopped_by, self._options.summary_file
        tell(f"{line_of(mapped.stats)}, {took:,.1f} s{'' if ended_by is None else f'; stopped by {ended_by}'}")
        if path is None:
            return
        summary = summary_of(mapped.stats, seconds=took, stopped_by=ended_by) | {"next_index": mapped.next_index}
        try:
            Path(path).write_text(json.dumps(summary, indent=2) + "\n")
        except OSError as error:
            tell(f"aiolambda: cannot write the summary to {path!r}: {error.strerror}")
            self._gravest = max(self._gravest, exit_codes.MAY_HAVE_RUN)


def _told(result: MapResult[bytes]) -> dict[str, Any]:
    """A result as its line has it."""
    told: dict[str, Any] = {
        "index": result.index,
        "key": result.key,
        "item": _value_of(result.item),
        "ok": result.ok,
        "delivery": str(result.delivery),
    }
    if result.error is None:
        told["payload"] = None if result.output is None else _value_of(result.output.payload)
    else:
        told["error"] = _error_of(result.error)
    return told | {"attempts": result.attempts, "duration_ms": round(result.duration * 1000, 3)}


def _value_of(data: bytes) -> Any:
    """JSON as such, text as a string, anything else in base64."""
    if not data:
        return None
    try:
        value = json.loads(data)
        json.dumps(value, allow_nan=False)  # or the line of results would be no JSON
    except (ValueError, RecursionError):
        pass
    else:
        return value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _error_of(error: AiolambdaError) -> dict[str, Any]:
    told: dict[str, Any] = {"class": type(error).__name__, "message": str(error)}
    if isinstance(error, FunctionError):
        told |= {"type": error.error_type, "function_message": error.error_message}
    if isinstance(error, LambdaServiceException):
        told["code"] = error.code
    return told


def _code_of(result: MapResult[bytes]) -> int:
    if result.error is None:
        return exit_codes.DONE
    return exit_codes.FUNCTION_ERROR if isinstance(result.error, FunctionError) else exit_codes.code_of(result.error)


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    for line in file:
        if stripped := line.rstrip(b"\r\n"):
            yield stripped


async def _lines_as_they_come(file: BinaryIO) -> AsyncIterator[bytes]:
    """The lines of a pipe; who writes them may take its time, and that is neither the loop's nor the program's end's."""
    loop, lines, room = asyncio.get_running_loop(), asyncio.Queue[bytes | OSError | None](), threading.Semaphore(_READ_AHEAD)

    def hand_over(line: bytes | OSError | None) -> None:
        room.acquire()
        loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed
            try:
                for line in _lines_from(descriptor):
                    hand_over(line)
                hand_over(None)
            except OSError as error:
                hand_over(error)

    descriptor = file.fileno()
    threading.Thread(target=read, name="lines of a map", daemon=True).start()
    while (line := await lines.get()) is not None:
        if isinstance(line, OSError):
            raise ConfigurationError(f"the items cannot be read: {line.strerror or type(line).__name__}")
        room.release()
        yield line


def _read_some(descriptor: int) -> bytes:
    """What has come, at the end nothing. Another program may have made the pipe one that does not wait."""
    while True:
        try:
            return os.read(descriptor, _READ_AT_ONCE)
        except BlockingIOError:
            select.select([descriptor], [], [])


def _lines_from(descriptor: int) -> Iterator[bytes]:
    """As `_lines_of`, past the buffer of the file: its lock, held by a reader that waits, would hold up who closes it."""
    begun = b""
    while chunk := _read_some(descriptor):
        *ended, begun = (begun + chunk).split(b"\n")
        yield from filter(None, (line.rstrip(b"\r\n") for line in ended))
    if last := begun.rstrip(b"\r\n"):
        yield last


def _check_files(options: argparse.Namespace) -> None:
    """What is written must not be what is read, and there must be a place for the summary before anything is sent."""
    written = {"-o": options.output, "--failed": options.failed, "--summary-file": options.summary_file}
    for option, path in {**written, "--journal": options.journal}.items():
        if _are_one(path, options.file):
            raise ConfigurationError(f"{option} names the file that the items are read from")
        if option != "--journal" and _are_one(path, options.journal):
            raise ConfigurationError(f"{option} names the file that is the journal")
    for (option, path), (other, same) in itertools.combinations(written.items(), 2):
        if _are_one(path, same):
            raise ConfigurationError(f"{option} and {other} name one file")
    summary = options.summary_file
    if summary is not None and not os.path.isdir(os.path.dirname(os.path.realpath(summary))):  # noqa: PTH112, PTH120 - as below
        raise ConfigurationError(f"there is no folder for the summary {summary!r}")


def _are_one(path: str | None, other: str | None) -> bool:
    """Whether two options name one file. `os.path` takes every name; `Path` raises for some, such as a loop of links."""
    if path is None or other is None or STDIO in (path, other):
        return False
    return os.path.realpath(path) == os.path.realpath(other)


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in _lines_of(file))


def _concurrency(text: str) -> int | Literal["adaptive"]:
    if text == "adaptive":
        return "adaptive"
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor 'adaptive'")
    return int(text)


def _room_for(concurrency: int | str) -> int | None:
    """The client's own limit, where more is asked for than it has by default."""
    return concurrency if isinstance(concurrency, int) and concurrency > _MOST else None


def _reading(path: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(standard_input()) if path == STDIO else opened(path, "rb", "read the items from")
