"""What must hold after a pass of the day's job: the files that it left, beside the counts of the server.

Which equality holds for the cost: a result and its cost are recorded in one transaction. So the recorded cost is exactly
that of the server, without the executions whose answers no run has recorded: those of the items that were reported unknown.
If such an item was sent again, its last execution is recorded. Lambda bills the others too, and no client can see it.

Owns the claims. Must not know how the job is run or ended.
"""

import csv
import functools
import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from aiolambda.cli import exit_codes

from .day_lambda import COLD, LOST, MEMORY_MB, Counts, answer, billed_ms, draw, fault

GB_SECOND, REQUEST = 0.0000166667, 0.0000002
MOST_BYTES = 400
"""Of the journal, for an item with a log tail of three lines."""


def order(number: int) -> dict[str, Any]:
    """The payload of an item."""
    return {"id": f"order-{number}", "count": number % 7 + 1, "price": (number % 1000) / 8}


@attrs.frozen(eq=False)
class Pass:
    """What a pass left behind: its results by item, its summary, its files, and what `aiolambda journal` says."""

    code: int
    results: list[dict[str, Any]]
    summary: dict[str, Any]
    given_back: dict[str, list[int]]
    """The items in the files of --failed and --unknown."""
    page: str
    shown: dict[str, Any]
    listed: list[dict[str, Any]]
    listed_code: int
    exported: list[dict[str, Any]]
    counts: Counts

    @functools.cached_property
    def by_item(self) -> dict[int, dict[str, Any]]:
        return {number_of(result["key"]): result for result in self.results}

    @functools.cached_property
    def unknown(self) -> set[int]:
        return {number for number, result in self.by_item.items() if result["delivery"] == "unknown"}

    @functools.cached_property
    def failed(self) -> set[int]:
        return {number for number, result in self.by_item.items() if not result["ok"]} - self.unknown


def number_of(key: str) -> int:
    return int(key.removeprefix("order-"))


def rows_of(path: Path) -> list[int]:
    """The numbers of the items in a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return [number_of(row["id"]) for row in csv.DictReader(file)]


def lines_of(path: Path) -> list[dict[str, Any]]:
    with path.open() as file:
        return [json.loads(line) for line in file]


def claims(this: Pass, *, items: int, unrecorded: set[int], is_first: bool) -> dict[str, bool]:
    """The claims of a pass. `unrecorded`: the items of which all executions but the last, or all of them, left no record."""
    executions = this.counts.executions
    answered = this.by_item.keys() - this.unknown
    return {
        "each item has one result": sorted(number_of(result["key"]) for result in this.results) == list(range(items)),
        "the server could read every request": this.counts.wrong == 0,
        "no item ran more than once, or twice if it is sent again": max(executions.values()) <= (1 if is_first else 2),
        "every item with an answer ran": all(executions[number] for number in answered),
        "each result is what the server answered": all(_is_true(this.by_item[n], n, executions[n]) for n in answered),
        **_agreement(this, items),
        **_cost(this, _recorded(this, unrecorded, is_first=is_first)),
        **_journal(this, items),
    }


def first_claims(this: Pass, in_flight_before: int) -> dict[str, bool]:
    """The claims of the pass without --retry-failed. `in_flight_before` is the number of items that cut runs left in flight."""
    lost = {number for number, count in this.counts.executions.items() if count and draw(number) in LOST}
    return {
        "every lost answer is unknown": lost <= this.unknown,
        "nothing else is unknown but what cut runs left in flight": len(this.unknown - lost) <= in_flight_before,
    }


def second_claims(this: Pass, first: Pass) -> dict[str, bool]:
    """The claims of the pass with --retry-failed."""
    twice = {number for number, count in this.counts.executions.items() if count > 1}
    return {
        "an item ran twice only if it had failed or was unknown": twice <= first.failed | first.unknown,
        "every failed item was sent again": first.failed <= twice,
        "no item is unknown at the end": not this.unknown,
        "all others are replayed": this.summary["replayed"] == len(first.results) - len(first.failed | first.unknown),
    }


def _is_true(result: dict[str, Any], number: int, execution: int) -> bool:
    kind = fault(number, execution)
    if kind is not None:
        return not result["ok"] and result["error"]["type"] == kind
    return result["ok"] and result["payload"] == answer(order(number))


def _cause_of(result: dict[str, Any]) -> tuple[str, str]:
    error = result["error"]
    return error.get("type") or error.get("code") or error["class"], result["delivery"]


def _caused(causes: Iterable[dict[str, Any]], name: str) -> Counter[tuple[str, str]]:
    return Counter({(cause[name], cause["delivery"]): cause["count"] for cause in causes})


def _agreement(this: Pass, items: int) -> dict[str, bool]:
    """The results, the summary, the files and the page agree."""
    summary, bad = this.summary, this.failed | this.unknown
    causes = Counter(_cause_of(result) for result in this.results if not result["ok"])
    failed = Counter(result["delivery"] for result in this.results if not result["ok"])
    worst = exit_codes.MAY_HAVE_RUN if this.unknown else exit_codes.FUNCTION_ERROR if bad else exit_codes.DONE
    cells = [
        f"{items:,} of {items:,}",
        f"{items - len(bad):,}",
        f"{summary['billed_invocations']:,}",
        *(name for name, _ in causes),
    ]
    return {
        "the summary counts the results": (summary["done"], summary["ok"], summary["unsent"]) == (items, items - len(bad), 0),
        "the summary counts failures by verdict": summary["failed"] == failed,
        "the summary counts causes": _caused(summary["causes"], "name") == causes,
        "throttles are those of the server": sum(summary["throttled"].values()) == this.counts.throttled,
        "the file of --failed has the failed items": sorted(this.given_back["failed"]) == sorted(this.failed),
        "the file of --unknown has the unknown items": sorted(this.given_back["unknown"]) == sorted(this.unknown),
        "the page has the totals and the causes": all(f">{cell}</" in this.page for cell in cells),
        "the exit code is that of the worst item": this.code == this.listed_code == worst,
        "the journal shows the same causes": _caused(this.shown["causes"], "cause") == causes,
    }


def _recorded(this: Pass, unrecorded: set[int], *, is_first: bool) -> list[tuple[int, int]]:
    """The executions, as numbers of item and execution, that left a record."""
    found: list[tuple[int, int]] = []
    for number, count in this.counts.executions.items():
        lacks = 0 if number not in unrecorded else count if is_first else count - 1
        found += [(number, execution) for execution in range(lacks + 1, count + 1)]
    return found


def _cost(this: Pass, recorded: list[tuple[int, int]]) -> dict[str, bool]:
    billed = sum(billed_ms(*execution) for execution in recorded)
    gb_seconds = billed / 1000 * MEMORY_MB / 1024
    cold = sum(draw(number) in COLD for number, _ in recorded)
    money = gb_seconds * GB_SECOND + len(recorded) * REQUEST
    summary, shown = this.summary, this.shown
    return {
        "billed invocations are the recorded executions": summary["billed_invocations"] == len(recorded),
        "billed time is that of the recorded executions": summary["billed_ms"] == shown["billed_ms"] == billed,
        "GB-seconds are those of the recorded executions": math.isclose(summary["gb_seconds"], gb_seconds, abs_tol=1e-6)
        and math.isclose(shown["gb_seconds"], gb_seconds, abs_tol=1e-6),
        "cold starts are those of the recorded executions": summary["cold_starts"] == shown["cold_starts"] == cold,
        "the money is that of the recorded executions": math.isclose(summary["price"], money, rel_tol=1e-9),
    }


def _journal(this: Pass, items: int) -> dict[str, bool]:
    states = Counter(this.shown["states"])
    unknown = states["may have run"] + states["in flight at the end"]
    members = ("key", "ok", "delivery", "payload", "error", "attempts", "duration_ms")
    mapped = {result["key"]: {name: result[name] for name in members if name in result} for result in this.results}
    return {
        "the journal shows the same states": (states["ok"], states["failed"], unknown)
        == (items - len(this.failed) - len(this.unknown), len(this.failed), len(this.unknown)),
        "the journal lists the failed and unknown items": sorted(number_of(item["key"]) for item in this.listed)
        == sorted(this.failed | this.unknown),
        "the journal exports the results": {result["key"]: result for result in this.exported} == mapped,
        f"an item takes at most {MOST_BYTES} bytes of the journal": this.shown["bytes"] <= MOST_BYTES * items,
    }
