"""`aiolambda map`: one invocation for each line of a file, a line of results for each of them.

Owns the options, and what a line becomes. Must not know how the invocations are spread.
"""

import argparse
import asyncio
import base64
import json
import os
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..errors import AiolambdaError, ConfigurationError, FunctionError, LambdaServiceException, TooManyFailuresError
from ..fanout import MapRun
from ..map_values import MapResult
from . import exits
from .connection import add_connection_options, client_of, seconds
from .progress import Teller, line_of, progress, summary_of
from .streams import STDIO, let_go_of_stdout, opened

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "invoke a function for every line of a file"
DESCRIPTION = (
    "Invoke a function for every line: the line is the payload, byte for byte. Results go to stdout as they come, a line of "
    "JSON each; progress and a summary to stderr. The exit code is the gravest of all items."
)

_MOST = 1000
_READ_AHEAD = 1000
"""Lines of a pipe."""
_READ_AT_ONCE = 64 * 1024
"""Bytes of a pipe."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="name, name:qualifier, partial ARN or ARN")
    parser.add_argument("-f", "--file", required=True, metavar="FILE", help="the items, one a line; - is stdin")
    parser.add_argument("-o", "--output", metavar="FILE", default=STDIO, help="where results go; - is stdout, the default")
    parser.add_argument("--failed", metavar="FILE", help="where the lines of items that failed go, to be mapped again")
    parser.add_argument("--journal", metavar="FILE", help="goes on where a run with this journal ended")
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
    parser.add_argument("--summary-file", metavar="FILE", help="where the summary goes as JSON, too")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Map, and print what comes; the code is the gravest of the items'."""
    _check_files(options)
    with ExitStack() as files:
        lines = files.enter_context(_reading(options.file))
        is_file = options.file != STDIO and Path(options.file).is_file()
        output = files.enter_context(_writing(options.output))
        failed = None if options.failed is None else files.enter_context(_writing(options.failed))
        try:
            with progress(_count(Path(options.file)) if is_file else None) as tell:
                items = _lines_of(lines) if is_file else _lines_as_they_come(lines)
                return asyncio.run(_map(options, items, output, failed, tell))
        except BrokenPipeError:  # a reader who has gone wants no more of it
            let_go_of_stdout()
        except OSError as error:
            print(f"aiolambda: functions have run, and a result cannot be written: {error.strerror}", file=sys.stderr)
        return exits.MAY_HAVE_RUN


async def _map(
    options: argparse.Namespace,
    items: Iterator[bytes] | AsyncIterator[bytes],
    output: BinaryIO,
    failed: BinaryIO | None,
    tell: Teller,
) -> int:
    gravest, began = exits.DONE, time.perf_counter()
    async with client_of(options, max_concurrency=_room_for(options.concurrency)) as client:
        mapped = client.map(
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
            on_progress=tell,
        )
        try:
            async with mapped:
                _empty(output, failed)
                async for result in mapped:
                    gravest = max(gravest, _code_of(result))
                    _write(output, json.dumps(_told(result), separators=(",", ":")).encode())
                    if failed is not None and not result.ok:
                        _write(failed, result.item)
        except TooManyFailuresError as error:
            print(f"aiolambda: {error}", file=sys.stderr)
        finally:
            _summarize(mapped, time.perf_counter() - began, options.summary_file)
    return gravest


def _empty(*files: BinaryIO | None) -> None:
    """Forget the results of an earlier run, now that this one has begun: a journal that is refused costs nobody a file."""
    for file in files:
        if file is not None and stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file is not sys.stdout.buffer:
            file.truncate(0)


def _summarize(mapped: MapRun[bytes], took: float, path: str | None) -> None:
    stopped = "" if mapped.stopped_by is None else f"; stopped by {mapped.stopped_by}"
    print(f"{line_of(mapped.stats)}, {took:,.1f} s{stopped}", file=sys.stderr)
    if path is not None:
        summary = summary_of(mapped.stats, seconds=took, stopped_by=mapped.stopped_by) | {"next_index": mapped.next_index}
        Path(path).write_text(json.dumps(summary, indent=2) + "\n")


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
        return exits.DONE
    return exits.FUNCTION_ERROR if isinstance(result.error, FunctionError) else exits.code_of(result.error)


def _write(file: BinaryIO, line: bytes) -> None:
    file.write(line + b"\n")
    file.flush()


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    for line in file:
        if stripped := line.rstrip(b"\r\n"):
            yield stripped


async def _lines_as_they_come(file: BinaryIO) -> AsyncIterator[bytes]:
    """The lines of a pipe; who writes them may take its time, and that is neither the loop's nor the program's end's."""
    loop, lines, room = asyncio.get_running_loop(), asyncio.Queue[bytes | None](), threading.Semaphore(_READ_AHEAD)

    def hand_over(line: bytes | None) -> None:
        room.acquire()
        loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        with suppress(RuntimeError, OSError):  # the loop, or the file, is closed
            for line in _lines_from(descriptor):
                hand_over(line)
            hand_over(None)

    descriptor = file.fileno()
    threading.Thread(target=read, name="lines of a map", daemon=True).start()
    while (line := await lines.get()) is not None:
        room.release()
        yield line


def _lines_from(descriptor: int) -> Iterator[bytes]:
    """As `_lines_of`, past the buffer of the file: its lock, held by a reader that waits, would hold up who closes it."""
    begun = b""
    while chunk := os.read(descriptor, _READ_AT_ONCE):
        *ended, begun = (begun + chunk).split(b"\n")
        yield from filter(None, (line.rstrip(b"\r\n") for line in ended))
    if last := begun.rstrip(b"\r\n"):
        yield last


def _check_files(options: argparse.Namespace) -> None:
    """What is written must not be what is read, and there must be a place for the summary before anything is sent."""
    for option, path in (("-o", options.output), ("--failed", options.failed), ("--summary-file", options.summary_file)):
        if path not in (None, STDIO) and options.file != STDIO and Path(path).resolve() == Path(options.file).resolve():
            raise ConfigurationError(f"{option} names the file that the items are read from")
    if options.summary_file is not None and not Path(options.summary_file).absolute().parent.is_dir():
        raise ConfigurationError(f"there is no folder for the summary {options.summary_file!r}")


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in _lines_of(file))


def _concurrency(text: str) -> int | Literal["adaptive"]:
    if text == "adaptive":
        return "adaptive"
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is neither a number above 0 nor 'adaptive'")
    return int(text)


def _room_for(concurrency: int | str) -> int | None:
    """The client's own limit, where more is asked for than it has by default."""
    return concurrency if isinstance(concurrency, int) and concurrency > _MOST else None


def _reading(path: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STDIO else opened(path, "rb", "read the items from")


def _writing(path: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdout.buffer) if path == STDIO else opened(path, "ab", "write to")
