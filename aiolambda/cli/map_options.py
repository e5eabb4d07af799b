"""The options of `aiolambda map`, and what must hold between them before anything is sent.

Must not know how the items are mapped.
"""

import argparse
import functools
import itertools
import os
import stat
from contextlib import suppress
from typing import Literal

from ..errors import ConfigurationError
from .ending import add_ending_options
from .files import STDIO
from .input_options import SCHEMES, add_input_options, check_input_options
from .options import (
    add_connect_timeout,
    add_connection_options,
    add_timeout,
    check_hedge,
    file_name,
    hedge_time,
    seconds,
    whole_above_zero,
)
from .payloads import file_of, is_piped
from .results import add_output_options

__all__ = ["add_options", "check_files", "check_options", "input_of", "max_concurrency"]

_DEFAULT_MAX_CONCURRENCY = 1000
"""The client's default."""
_LOGS = ("-wal", "-shm", "-journal")
"""SQLite names the files beside a journal so."""
_STDIN = 0
"""The file descriptor."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="function name, name:qualifier, partial ARN or ARN")
    add_file = functools.partial(parser.add_argument, type=file_name, metavar="FILE")
    add_file("-f", "--file", help="file of items; - reads stdin (default if it is a pipe)")
    add_input_options(parser)
    add_file("--failed", help="file for the items that failed or were not sent, as input of another run")
    add_file("--unknown", help="file for the items that may have run: look what they did before you map them again")
    add_file("--journal", help="file that records the state; a run with the same journal continues where the last one ended")
    parser.add_argument(
        "--journal-results",
        choices=("all", "outcome"),
        default="all",
        help="what the journal keeps of a result: all of it, or its outcome without payload and log (default: all)",
    )
    parser.add_argument(
        "--retry-failed",
        action="store_true",
        help="with a --journal: send items again that failed in an earlier run, those that ran only with --idempotent",
    )
    parser.add_argument(
        "--concurrency",
        type=_concurrency,
        default="adaptive",
        metavar="N",
        help="maximum number of invocations in flight, 'adaptive', or 'limits' to start at the function's concurrency "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--max-concurrency",
        type=whole_above_zero,
        metavar="N",
        help=f"bound of the adaptive concurrency (default: {_DEFAULT_MAX_CONCURRENCY:,})",
    )
    parser.add_argument(
        "--processes",
        type=whole_above_zero,
        default=1,
        metavar="N",
        help="number of processes that make the calls, to use more cores (default: %(default)s)",
    )
    parser.add_argument("--ordered", action="store_true", help="write the results in the order of the lines")
    parser.add_argument("--event", action="store_true", help="queue the items as events, without waiting for responses")
    parser.add_argument(
        "--idempotent",
        action="store_true",
        help="send items that may have run again, also those of earlier runs: running twice does no harm",
    )
    parser.add_argument(
        "--hedge-after",
        type=hedge_time,
        metavar="p99|SECONDS",
        help="with --idempotent: send an item a second time if it has no answer after this time, or after that in which 90, 95 "
        "or 99 percent of the answers came (p90, p95, p99); the first answer wins",
    )
    parser.add_argument(
        "--retry-function-errors", type=int, default=0, metavar="N", help="retry an item up to N times if the function fails"
    )
    parser.add_argument("--max-failures", type=int, metavar="N", help="stop after more than N failures")
    parser.add_argument(
        "--max-failure-ratio", type=_share, metavar="RATIO", help="stop if more than this share of items failed"
    )
    parser.add_argument("--deadline", type=seconds, metavar="SECONDS", help="send no more items after this time")
    add_timeout(parser, "time limit of each invocation (default: none)")
    add_connect_timeout(parser)
    parser.add_argument("--tail", action="store_true", help="request log tails, for billed time and cold starts in the summary")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    parser.add_argument("--tenant-id", metavar="ID", help="tenant, for functions with tenant isolation")
    add_file("--summary-file", help="file for the summary as JSON")
    parser.add_argument("--no-item", action="store_true", help="leave the item out of each result; its line number stays")
    add_ending_options(parser)
    add_output_options(parser, "each result")
    add_connection_options(parser)


def input_of(given: str | None) -> str:
    """The file of `-f`, or standard input if it is a pipe."""
    if given is not None:
        return file_of(given)
    if not is_piped():
        raise ConfigurationError("no items: name their file with -f FILE, or pipe them to standard input")
    return STDIO


def max_concurrency(options: argparse.Namespace) -> int | None:
    """The client's bound: as asked for, or large enough for a fixed concurrency."""
    concurrency: int | Literal["adaptive", "limits"] = options.concurrency
    bound: int | None = options.max_concurrency
    return concurrency if isinstance(concurrency, int) and concurrency > _DEFAULT_MAX_CONCURRENCY else bound


def check_options(options: argparse.Namespace) -> None:
    check_hedge(options, without_answer="--event" if options.event else None)
    if options.journal is None and (options.retry_failed or options.journal_results != "all"):
        name = "--retry-failed" if options.retry_failed else "--journal-results"
        raise ConfigurationError(f"{name} needs the journal of the map: name it with --journal FILE")
    if options.batch is not None and options.journal_results != "all":
        raise ConfigurationError(
            "--journal-results outcome keeps no answers, from which --batch makes the results of items: leave one of them out"
        )
    check_input_options(options)
    if options.max_concurrency is not None and isinstance(options.concurrency, int):
        raise ConfigurationError("--concurrency N is a bound itself: give it, or --max-concurrency for an adaptive one")
    if options.format == "text" and options.query is None:
        raise ConfigurationError(
            "-o text writes columns without names: choose them with --query, such as --query '[line, payload]'"
        )


def check_files(options: argparse.Namespace) -> None:
    """Check, before anything is sent, that all files are different, and that those of the end can be written."""
    written = {
        "-o": options.output,
        "--failed": options.failed,
        "--unknown": options.unknown,
        "--summary-file": options.summary_file,
        "--report": options.report,
    }
    for option, path in {**written, "--journal": options.journal}.items():
        if _is_same_file(path, options.file):
            raise ConfigurationError(f"{option} names the same file as -f; choose another file")
        if options.file == STDIO and path not in (None, STDIO) and _is_one_file(path, _STDIN):
            raise ConfigurationError(f"{option} names the file that standard input reads; choose another file")
        if option != "--journal" and _is_same_file(path, options.journal):
            raise ConfigurationError(f"{option} names the same file as --journal; choose another file")
    _check_not_overwritten(written, options)
    for (option, path), (other, other_path) in itertools.combinations(written.items(), 2):
        if _is_same_file(path, other_path):
            raise ConfigurationError(f"{option} and {other} name the same file; choose another file for one of them")
    _check_written_last({"--summary-file": options.summary_file, "--report": options.report})


def _check_not_overwritten(written: dict[str, str | None], options: argparse.Namespace) -> None:
    """Check that no result goes into a file that belongs to the journal, or that is read beside the items."""
    journal = options.journal
    others = [] if journal is None else [("a file that belongs to the journal", f"{journal}{name}") for name in _LOGS]
    if options.template is not None and options.template.startswith(SCHEMES):
        others.append(("the file of --template", file_of(options.template)))
    if options.price is not None:
        others.append(("the file of --price", options.price))
    for (option, path), (other, other_path) in itertools.product(written.items(), others):
        if _is_same_file(path, other_path):
            raise ConfigurationError(f"{option} names {other}; choose another file")


def _check_written_last(files: dict[str, str | None]) -> None:
    """Check that the files that are written at the end can be made."""
    for option, path in files.items():
        if path is None:
            continue
        target = os.path.realpath(path)
        folder = os.path.dirname(target)  # noqa: PTH120 - as below
        if not os.path.isdir(folder):  # noqa: PTH112 - as below
            raise ConfigurationError(f"the folder of {option} {path!r} does not exist; create it first")
        if os.path.isdir(target):  # noqa: PTH112 - as below
            raise ConfigurationError(f"{option} {path!r} is a folder; name a file in it")
        place = target if os.path.exists(target) else folder  # noqa: PTH110 - as below
        if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise ConfigurationError(f"{option} {path!r} cannot be written: this user may not write there; name another file")


def _is_same_file(path: str | None, other: str | None) -> bool:
    """Whether two options name one file. `os.path` accepts every name; `Path` raises for some, such as a loop of links."""
    if path is None or other is None or STDIO in (path, other):
        return False
    return os.path.realpath(path) == os.path.realpath(other) or _is_one_file(path, other)


def _is_one_file(path: str, other: str | int) -> bool:
    """Whether both are one regular file: hard links, names in another case, or a file that a shell has opened."""
    with suppress(OSError, ValueError):
        status = os.stat(path)  # noqa: PTH116 - as below
        return stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.stat(other))  # noqa: PTH116 - as below
    return False


def _concurrency(text: str) -> int | Literal["adaptive", "limits"]:
    words: dict[str, Literal["adaptive", "limits"]] = {"adaptive": "adaptive", "limits": "limits"}
    if text in words:
        return words[text]
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number above 0, nor 'adaptive' or 'limits'")
    return int(text)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to 1")
    return share
