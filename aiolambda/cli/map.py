"""`aiolambda map`: invoke a function for every line of a file, and write a line of JSON for every result.

Owns the options, and the format of items and results. Must not know how the invocations are scheduled.
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
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..errors import AiolambdaError, ConfigurationError, FunctionError, LambdaServiceException, TooManyFailuresError
from ..fanout import MapRun
from ..fanout.values import MapResult
from . import exit_codes
from .files import STDIO, check_is_open, open_file, open_output, print_error, standard_input, stop_writing, truncate
from .interrupts import Interrupts, run_in_loop
from .options import add_connect_timeout, add_connection_options, add_timeout, file_name, make_client, seconds
from .payloads import check_encoding, file_of, is_piped, tell_if_terminal
from .progress import ProgressListener, progress, status_line, summary_of
from .results import Form, NotJsonError, add_output_options, form_of
from .wording import in_options

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Invoke a function for every line of a file. The line is the payload, unchanged.
Write a line of JSON to stdout for every result, and progress and a summary to stderr.
The exit code is that of the most severe item outcome.
"""

_PURPOSE = "write to"
_GRACE = 30.0
"""Seconds to wait for items in flight after results can no longer be written."""
_DEFAULT_MAX_CONCURRENCY = 1000
"""The client's default."""
_READ_AHEAD = 1000
"""Lines to read ahead from a pipe."""
_READ_SIZE = 64 * 1024
"""Bytes."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="function name, name:qualifier, partial ARN or ARN")
    add_file = functools.partial(parser.add_argument, type=file_name, metavar="FILE")
    add_file("-f", "--file", help="file with one item per line; - reads stdin (default if it is a pipe)")
    add_file("--failed", help="file for the lines of the failed items, as input of another run")
    add_file("--journal", help="file that records the state; a run with the same journal continues where the last one ended")
    parser.add_argument(
        "--concurrency",
        type=_concurrency,
        default="adaptive",
        metavar="N",
        help="maximum number of invocations in flight, or 'adaptive' (default: %(default)s)",
    )
    parser.add_argument("--ordered", action="store_true", help="write the results in the order of the lines")
    parser.add_argument("--event", action="store_true", help="queue the items as events, without waiting for responses")
    parser.add_argument("--idempotent", action="store_true", help="retry items that may have run: running twice does no harm")
    parser.add_argument(
        "--retry-function-errors", type=int, default=0, metavar="N", help="retry an item up to N times if the function fails"
    )
    parser.add_argument("--max-failures", type=int, metavar="N", help="stop after more than N failures")
    parser.add_argument("--max-failure-ratio", type=float, metavar="RATIO", help="stop if more than this share of items failed")
    parser.add_argument("--deadline", type=seconds, metavar="SECONDS", help="send no more items after this time")
    add_timeout(parser, "time limit of each invocation (default: none)")
    add_connect_timeout(parser)
    parser.add_argument("--tail", action="store_true", help="request log tails, for billed time and cold starts in the summary")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    parser.add_argument("--tenant-id", metavar="ID", help="tenant, for functions with tenant isolation")
    add_file("--summary-file", help="file for the summary as JSON")
    add_output_options(parser, "each result")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Map the items and write the results. The exit code is that of the most severe item outcome."""
    options.file = _input_of(options.file)
    form = form_of(options)
    check_is_open(options.output)
    _check_files(options)
    with ExitStack() as files:
        is_stdin = options.file == STDIO
        if is_stdin:
            tell_if_terminal("items, one per line,")
        lines = files.enter_context(
            nullcontext(standard_input()) if is_stdin else open_file(options.file, "rb", "read the items from")
        )
        is_file = not is_stdin and Path(options.file).is_file()
        output = files.enter_context(open_output(options.output, _PURPOSE))
        failed = None if options.failed is None else files.enter_context(open_output(options.failed, _PURPOSE))
        with progress(_count_lines(Path(options.file)) if is_file else None) as on_progress:
            items = _lines_of(lines) if is_file else _lines_of_pipe(lines)
            return run_in_loop(_MapJob(options, form, output, failed).run(items, on_progress))


class _MapJob:
    """One run. After the first signal it waits for the items in flight; the second signal aborts them."""

    def __init__(self, options: argparse.Namespace, form: Form, output: BinaryIO, failed: BinaryIO | None) -> None:
        self._options = options
        self._form = form
        self._files: dict[str, BinaryIO] = {"output": output} | ({} if failed is None else {"failed": failed})
        self._mapped: MapRun[bytes] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._stopped_by: str | None = None
        self._exit_code = exit_codes.DONE
        self._has_reader = True

    async def run(self, items: Iterator[bytes] | AsyncIterator[bytes], on_progress: ProgressListener) -> int:
        self._task = asyncio.current_task()
        with Interrupts(self._stop, lambda: self._close(grace=0)) as interrupts:
            try:
                await self._map(items, on_progress)
            except asyncio.CancelledError:
                if not interrupts.received:
                    raise
                print_error("aiolambda: interrupted: nothing was sent")
        return interrupts.received.code if interrupts.received else self._exit_code

    async def _map(self, items: Iterator[bytes] | AsyncIterator[bytes], on_progress: ProgressListener) -> None:
        options, started = self._options, time.perf_counter()
        concurrency = options.concurrency
        needs_more = isinstance(concurrency, int) and concurrency > _DEFAULT_MAX_CONCURRENCY
        async with make_client(options, max_concurrency=concurrency if needs_more else None) as client:
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
                on_progress=on_progress,
            )
            async with mapped:
                if mapped.stopped_by is None:  # a run that cannot start must not delete the results of an earlier one
                    for file in self._files.values():
                        truncate(file)
                await self._write_results(mapped)
                self._summarize(mapped, time.perf_counter() - started)

    async def _write_results(self, mapped: MapRun[bytes]) -> None:
        """Write every result. An error that ends the run is handled here: functions have run, so it is not a usage error."""
        try:
            async for result in mapped:
                if not self._has_reader:
                    pass  # an item that is cut off or not sent for want of a reader is no failure
                elif isinstance(result.error, FunctionError):
                    self._update_exit_code(exit_codes.FUNCTION_ERROR)
                elif result.error is not None:
                    self._update_exit_code(exit_codes.code_of(result.error))
                self._write("output", self._line_of(result))
                if not result.ok:
                    self._write("failed", result.item + b"\n")
        except TooManyFailuresError as error:
            print_error(f"aiolambda: {error}", is_failure=True)
        except AiolambdaError as error:
            print_error(f"aiolambda: {in_options(str(error))}", is_failure=True)
            has_sent = mapped.stats.done > mapped.stats.replayed
            self._update_exit_code(exit_codes.MAY_HAVE_RUN if has_sent else exit_codes.code_of(error))

    def _line_of(self, result: MapResult[bytes]) -> bytes:
        """The record as a line of JSON, or in the form that was asked for."""
        record = _record_of(result)
        if not self._form.is_unchanged:
            try:
                return self._form.of_value(record, indent=False)
            except NotJsonError as error:
                text = f"aiolambda: --query fails on the result of item {result.index} ({error}); it is written whole"
                print_error(text, is_failure=True)
                self._update_exit_code(exit_codes.MAY_HAVE_RUN)
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"

    def _update_exit_code(self, code: int) -> None:
        """Keep the most severe code."""
        self._exit_code = max(self._exit_code, code)

    def _write(self, name: str, line: bytes) -> None:
        file = self._files.get(name)
        if file is None:
            return
        try:
            file.write(line)
            file.flush()
        except OSError as error:
            del self._files[name]
            stop_writing(file)
            if isinstance(error, BrokenPipeError):  # the reader has closed the pipe, which is not an error
                self._has_reader = False
            else:
                print_error(f"aiolambda: functions have run, but a result cannot be written: {error.strerror}")
                self._update_exit_code(exit_codes.MAY_HAVE_RUN)
            self._stopped_by = self._stopped_by or "output"
            # Without a place for results, stop. A journal still keeps the results of the items in flight: wait for them.
            self._close(grace=_GRACE if self._options.journal is None else None)

    def _stop(self) -> None:
        if self._mapped is None:
            if self._task is not None:
                self._task.cancel()
            return
        self._stopped_by = "signal"
        self._mapped.stop()
        waiting = f"waiting for {self._mapped.stats.in_flight:,} in flight"
        print_error(f"aiolambda: interrupted: sending no more items, {waiting} (a second signal aborts them)")

    def _close(self, *, grace: float | None) -> None:
        if self._mapped is not None:
            self._closing = asyncio.create_task(self._mapped.aclose(grace=grace))

    def _summarize(self, mapped: MapRun[bytes], elapsed: float) -> None:
        stopped_by, path = self._stopped_by or mapped.stopped_by, self._options.summary_file
        reason = "" if stopped_by is None else f"; stopped by {stopped_by}"
        print_error(f"{status_line(mapped.stats)}, {elapsed:,.1f} s{reason}")
        if path is None:
            return
        summary = summary_of(mapped.stats, seconds=elapsed, stopped_by=stopped_by) | {"next_index": mapped.next_index}
        try:
            Path(path).write_text(json.dumps(summary, indent=2) + "\n")
        except OSError as error:
            print_error(f"aiolambda: cannot write the summary to {path!r}: {error.strerror}")
            self._update_exit_code(exit_codes.MAY_HAVE_RUN)


def _record_of(result: MapResult[bytes]) -> dict[str, Any]:
    """The JSON object of a result."""
    record: dict[str, Any] = {
        "index": result.index,
        "key": result.key,
        "item": _json_value(result.item),
        "ok": result.ok,
        "delivery": str(result.delivery),
    }
    if result.error is None:
        record["payload"] = None if result.output is None else _json_value(result.output.payload)
    else:
        record["error"] = _error_record(result.error)
    return record | {"attempts": result.attempts, "duration_ms": round(result.duration * 1000, 3)}


def _json_value(data: bytes) -> Any:
    """Convert JSON to its value, other text to a string, other bytes to base64."""
    if not data:
        return None
    try:
        value = json.loads(data)
        json.dumps(value, allow_nan=False)  # a line with NaN would not be JSON
    except (ValueError, RecursionError):
        pass
    else:
        return value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _error_record(error: AiolambdaError) -> dict[str, Any]:
    record: dict[str, Any] = {"class": type(error).__name__, "message": in_options(str(error))}
    if isinstance(error, FunctionError):
        record |= {"type": error.error_type, "function_message": error.error_message}
    if isinstance(error, LambdaServiceException):
        record["code"] = error.code
    return record


def _input_of(given: str | None) -> str:
    """The file of `-f`, or standard input if it is a pipe."""
    if given is not None:
        return file_of(given)
    if not is_piped():
        raise ConfigurationError("no items: name their file with -f FILE, or pipe them to standard input")
    return STDIO


def _without_mark(start: bytes) -> bytes:
    """The first bytes of the input without a byte order mark."""
    check_encoding(start, "the file of items")
    return start.removeprefix(BOM_UTF8)


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    first = _without_mark(file.readline())
    for line in itertools.chain([first], file):
        if stripped := line.rstrip(b"\r\n"):
            yield stripped


async def _lines_of_pipe(file: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the lines of a pipe. A thread reads them, so a silent writer blocks neither the event loop nor the exit."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[bytes | OSError | ConfigurationError | None]()
    capacity = threading.Semaphore(_READ_AHEAD)

    def put(line: bytes | OSError | ConfigurationError | None) -> None:
        capacity.acquire()
        loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed
            try:
                for line in _lines_of_descriptor(descriptor):
                    put(line)
                put(None)
            except (OSError, ConfigurationError) as error:
                put(error)

    descriptor = file.fileno()
    threading.Thread(target=read, name="map input", daemon=True).start()
    while (line := await lines.get()) is not None:
        if isinstance(line, ConfigurationError):
            raise line
        if isinstance(line, OSError):
            raise ConfigurationError(f"cannot read the items: {line.strerror or type(line).__name__}")
        capacity.release()
        yield line


def _lines_of_descriptor(descriptor: int) -> Iterator[bytes]:
    """Like `_lines_of`, without the buffer of the file: a waiting reader would hold its lock and block `close`."""
    partial, is_start = b"", True
    while True:
        try:
            chunk = os.read(descriptor, _READ_SIZE)
        except BlockingIOError:  # another program may have made the pipe non-blocking
            select.select([descriptor], [], [])
            continue
        if not chunk:
            break
        partial += chunk
        if is_start and len(partial) >= len(BOM_UTF8):
            partial, is_start = _without_mark(partial), False
        *lines, partial = partial.split(b"\n")
        yield from filter(None, (line.rstrip(b"\r\n") for line in lines))
    if last := partial.rstrip(b"\r\n"):
        yield last


def _check_files(options: argparse.Namespace) -> None:
    """Check, before anything is sent, that all files are different, and that the folder of the summary exists."""
    written = {"-o": options.output, "--failed": options.failed, "--summary-file": options.summary_file}
    for option, path in {**written, "--journal": options.journal}.items():
        if _is_same_file(path, options.file):
            raise ConfigurationError(f"{option} names the same file as -f; choose another file")
        if option != "--journal" and _is_same_file(path, options.journal):
            raise ConfigurationError(f"{option} names the same file as --journal; choose another file")
    for (option, path), (other, other_path) in itertools.combinations(written.items(), 2):
        if _is_same_file(path, other_path):
            raise ConfigurationError(f"{option} and {other} name the same file; choose another file for one of them")
    summary = options.summary_file
    if summary is not None and not os.path.isdir(os.path.dirname(os.path.realpath(summary))):  # noqa: PTH112, PTH120 - as below
        raise ConfigurationError(f"the folder of --summary-file {summary!r} does not exist; create it first")


def _is_same_file(path: str | None, other: str | None) -> bool:
    """Whether two options name one file. `os.path` accepts every name; `Path` raises for some, such as a loop of links."""
    if path is None or other is None or STDIO in (path, other):
        return False
    return os.path.realpath(path) == os.path.realpath(other)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in _lines_of(file))


def _concurrency(text: str) -> int | Literal["adaptive"]:
    if text == "adaptive":
        return "adaptive"
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number above 0 nor 'adaptive'")
    return int(text)
