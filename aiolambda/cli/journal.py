"""`aiolambda journal`: the map, the failures and the results in the journal of a map, and its compaction.

Must not know the format of the file.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, FunctionError
from ..fanout.causes import cause_of, request_id_of
from ..fanout.cost import NO_COST
from ..fanout.journal import Journal
from ..fanout.journal_reader import JournalReader, StoredItem
from ..fanout.journal_rows import ItemState
from . import exit_codes
from .files import STDIO, check_is_open, open_output, print_error, stop_writing, truncate, write_whole
from .interrupts import run_in_loop
from .options import file_name
from .records import outcome_record
from .results import Form, NotJsonError, add_answer_options, form_of, is_terminal

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Look at the file of 'aiolambda map --journal FILE', or of journal= in Python, once no run uses it.

  show      the map, its items by state and cause, its cost
  failed    the items that failed or may have run
  export    the results as lines of JSON
  compact   write the file anew, without free space

All but compact change nothing in the file. An export has no items: the journal does not know them.
"""
_PURPOSE = "write to"
_WORDS = {
    ItemState.OK: "ok",
    ItemState.RAN: "failed",
    ItemState.NOT_RUN: "not run",
    ItemState.UNKNOWN: "may have run",
    ItemState.STARTED: "in flight at the end",
    ItemState.CLAIMED: "not sent",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="ACTION", choices=tuple(_ACTIONS), help="show, failed, export or compact")
    parser.add_argument("file", metavar="FILE", type=file_name, help="the journal of a map")
    add_answer_options(parser, "table; export: lines of JSON")


def run(options: argparse.Namespace) -> int:
    """Do one of the actions."""
    file, output = Path(options.file), Path(options.output)
    if options.output != STDIO and output.exists() and file.exists() and output.samefile(file):
        raise ConfigurationError("-o names the journal itself; choose another file")
    return _ACTIONS[options.action](options)


def _show(options: argparse.Namespace) -> int:
    with JournalReader(options.file) as journal:
        states: Counter[ItemState] = Counter()
        causes: Counter[tuple[str, str]] = Counter()
        cost = NO_COST
        for item in journal.items():
            states[item.state] += 1
            cost += item.cost
            if item.result is not None and item.result.error is not None:
                causes[cause_of(item.result.error), str(item.result.delivery)] += 1
        total = states.total()
        shown: dict[str, Any] = {
            "file": str(options.file),
            "format": journal.format,
            "map": {name: value for name, value in journal.map.items() if value is not None},
            "runs": journal.runs,
            "items": total,
            "states": {word: states[state] for state, word in _WORDS.items() if states[state]},
            "causes": [{"cause": name, "delivery": how, "count": count} for (name, how), count in causes.most_common()],
            "bytes": journal.size,
            "bytes_per_item": round(journal.size / total) if total else None,
            "billed_ms": cost.billed_ms,
            "gb_seconds": cost.gb_seconds,
            "cold_starts": cost.cold_starts,
        }
    return _write(options, shown, _as_rows)


def _as_rows(shown: dict[str, Any]) -> dict[str, Any]:
    """The same for people: a row for each state and each cause."""
    parts = {
        "map": ", ".join(f"{name} {value}" for name, value in shown["map"].items()),
        **shown["states"],
        **{f"{cause['cause']} ({cause['delivery']})": cause["count"] for cause in shown["causes"]},
    }
    rest = {name: value for name, value in shown.items() if name not in ("map", "states", "causes")}
    order = ("file", "format", "map", "runs", "items", *shown["states"], *parts)
    both = rest | parts
    return {name: both[name] for name in dict.fromkeys((*order, *rest)) if name in both}


def _failed(options: argparse.Namespace) -> int:
    code = exit_codes.DONE
    with JournalReader(options.file) as journal:
        failed: list[dict[str, Any]] = []
        for item in journal.items():
            if item.result is None or item.result.error is None:
                continue
            failed.append(_failure(item))
            code = max(code, _code_of(item))
    written = _write(options, failed)
    return written if written != exit_codes.DONE else code


def _failure(item: StoredItem) -> dict[str, Any]:
    assert item.result is not None  # noqa: S101 - the caller has looked
    assert item.result.error is not None  # noqa: S101 - as above
    error, output = item.result.error, item.result.output
    return {
        "key": item.key,
        "cause": cause_of(error),
        "delivery": str(item.result.delivery),
        "request_id": request_id_of(output, error),
        "attempts": item.result.attempts,
        "run": item.run,
    }


def _code_of(item: StoredItem) -> int:
    assert item.result is not None  # noqa: S101 - the caller has looked
    if isinstance(item.result.error, FunctionError):
        return exit_codes.FUNCTION_ERROR
    return exit_codes.MAY_HAVE_RUN if item.result.delivery.may_have_run else exit_codes.NOT_RUN


def _export(options: argparse.Namespace) -> int:
    form = form_of(options)
    if form.format in ("text", "table") and form.select is None:
        raise ConfigurationError("export writes lines of JSON: choose columns for -o text with --query '[key, payload]'")
    if form.format == "table":
        raise ConfigurationError("export writes each result by itself: use -o json or -o text")
    check_is_open(options.output)
    with JournalReader(options.file) as journal, open_output(options.output, _PURPOSE) as file:
        truncate(file)
        try:
            file.writelines(_lines(journal, form))
            file.flush()
        except BrokenPipeError:  # the reader has read enough
            stop_writing(file)
        except OSError as error:
            stop_writing(file)
            print_error(f"aiolambda: the results cannot be written: {error.strerror}", is_failure=True)
            return exit_codes.USAGE
    return exit_codes.DONE


def _lines(journal: JournalReader, form: Form) -> Iterator[bytes]:
    for item in journal.items():
        if item.result is None:
            continue
        record: dict[str, Any] = {"key": item.key, **outcome_record(item.result)}
        if form.is_unchanged:
            yield json.dumps(record, separators=(",", ":")).encode() + b"\n"
            continue
        try:
            yield form.of_value(record, indent=False)
        except NotJsonError as error:
            raise ConfigurationError(f"--query fails on the result of the item {item.key!r} ({error})") from None


def _compact(options: argparse.Namespace) -> int:
    path = Path(options.file)
    if not path.is_file():
        raise ConfigurationError(f"the journal {options.file!r} cannot be compacted: there is no such file")
    before = path.stat().st_size
    run_in_loop(_compacted(path))
    after = path.stat().st_size
    print_error(f"aiolambda: {options.file!r} had {before:,} bytes, and has {after:,} now")
    return exit_codes.DONE


async def _compacted(path: Path) -> None:
    journal = Journal(path, {})
    await journal.open()
    try:
        await journal.compact()
    finally:
        await journal.close()


def _write(options: argparse.Namespace, value: Any, summary: Callable[[Any], Any] | None = None) -> int:
    """Write an answer in the form that was asked for, a table by default."""
    form = form_of(options)
    form = Form(form.format or ("json" if form.select is not None else "table"), form.select)
    check_is_open(options.output)
    with open_output(options.output, _PURPOSE) as file:
        truncate(file)
        if form.select is None and form.format != "json" and summary is not None:
            value = summary(value)
        try:
            shown = form.of_value(value, indent=is_terminal(file))
        except NotJsonError as error:
            raise ConfigurationError(f"--query fails on this answer ({error})") from None
        return exit_codes.DONE if write_whole(shown, file, "the answer cannot be written") else exit_codes.USAGE


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "show": _show,
    "failed": _failed,
    "export": _export,
    "compact": _compact,
}
