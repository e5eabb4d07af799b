"""The end of `aiolambda map`: grace, resume, cost, formats and the report."""

import csv
import importlib
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, Delivery, FunctionError, MapCause, MapResult, MapStats
from aiolambda.cli.items import Line
from aiolambda.cli.price import Price, price_table
from aiolambda.cli.result_rows import row_format_of
from aiolambda.cli.resume import command_line
from aiolambda.cli.tally import measures
from aiolambda.local import LocalEndpoint
from aiolambda.types.values import ThrottleReason

from ..support.cli import Program, environment_for, run, start
from .test_signals import Server, ended, journalled, mapping, said

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
COSTLY = MapStats(gb_seconds=1000, billed_invocations=10, billed_ms=2_000_000, cold_starts=1)


# --- start ------------------------------------------------------------------------------------------------------------


def test_a_map_loads_what_it_is_asked_for() -> None:
    program = "import sys, aiolambda.cli.map; print(*sys.modules, sep='\\n')"
    loaded = set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split())
    assert "aiolambda.cli.map" in loaded
    asked = {"aiolambda.cli.report.recorder", "aiolambda.cli.report.page", "aiolambda.cli.inputs.parquet", "pyarrow", "sqlite3"}
    assert loaded.isdisjoint(asked)


# --- signals ---------------------------------------------------------------------------------------------------------


async def test_grace_cuts_calls_that_do_not_end(tmp_path: Path) -> None:
    server = Server(prompt=3)
    async with mapping(tmp_path, server, "-f", "items", "--grace", "0.2", "--report", "run.html") as process:
        await server.until(8)
        process.send_signal(signal.SIGTERM)
        await said(process, b"waiting for at most 0.2 s for 5 in flight")
        code, lines, stderr = await ended(process)
    verdicts = Counter(line["delivery"] for line in lines)
    assert (code, verdicts["executed"], verdicts["unknown"]) == (-signal.SIGTERM, 3, 5)
    assert journalled(tmp_path)["done"] == 3
    resume = "resume: aiolambda map f --journal run.db --concurrency 5 -f items --grace 0.2 --report run.html\n"
    assert resume in stderr
    assert "The run was stopped by signal." in (tmp_path / "run.html").read_text()


async def test_calls_that_end_within_the_grace_are_written(tmp_path: Path) -> None:
    server = Server(prompt=3)
    async with mapping(tmp_path, server, "-f", "items", "--grace", "20") as process:
        await server.until(8)
        process.send_signal(signal.SIGTERM)
        await said(process, b"at most 20 s")
        server.released.set()
        code, lines, _ = await ended(process)
    verdicts = Counter(line["delivery"] for line in lines)
    assert (code, verdicts["executed"], verdicts["unknown"]) == (-signal.SIGTERM, 8, 0)


async def test_interrupted_map_without_a_journal_says_so(endpoint: LocalEndpoint, tmp_path: Path) -> None:
    (tmp_path / "items").write_text('{"op": "sleep", "seconds": 0.1}\n' * 500)
    arguments = ("map", "app", "-f", "items", "--concurrency", "2")
    process = await start(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    code, _, stderr = await ended(process)
    assert code == -signal.SIGTERM
    assert "without --journal, a later run does not know what this one has done" in stderr


def test_resume_line_repeats_no_secret() -> None:
    given = ["map", "f", "-f", "a b.jsonl", "--tenant-id", "secret", "--proxy=http://u:secret@h:1", "--journal", "run.db"]
    line = command_line(given)
    assert line == "aiolambda map f -f 'a b.jsonl' --tenant-id ... --proxy=... --journal run.db"


# --- formats ---------------------------------------------------------------------------------------------------------

LINES = ['{"op": "echo", "say": "a,\\"b\\""}', '{"op": "fail", "text": "no tea"}', "no json"]


async def test_csv_has_a_row_for_each_result(endpoint: LocalEndpoint, program: Program, tmp_path: Path) -> None:
    (tmp_path / "items").write_text("\n".join(LINES))
    env = environment_for(endpoint)
    by_name = await program("map", "app", "-f", "items", "-o", "out.CSV", "--ordered", env=env, cwd=tmp_path)
    piped = await program(
        "map", "app", "-f", "items", "--results-format", "csv", "--ordered", "--no-item", env=env, cwd=tmp_path
    )
    assert (by_name.code, piped.code) == (3, 3), by_name.stderr
    first, failed, refused = csv.DictReader(io.StringIO((tmp_path / "out.CSV").read_bytes().decode(), newline=""))
    assert (first["index"], first["line"], first["ok"], first["outcome"], first["item"]) == ("0", "1", "true", "ok", LINES[0])
    assert json.loads(first["value"])["say"] == 'a,"b"'
    assert (failed["error_type"], failed["error_message"], failed["value"]) == ("ValueError", "no tea", "")
    assert (refused["outcome"], refused["request_id"] != "") == ("refused", True)
    rows = list(csv.reader(io.StringIO(piped.stdout.decode(), newline="")))
    assert len(rows) == 4
    assert rows[0] == [name for name in first if name != "item"]


async def test_csv_of_no_items_has_its_header(endpoint: LocalEndpoint, program: Program, tmp_path: Path) -> None:
    (tmp_path / "items").write_text("")
    out = await program("map", "app", "-f", "items", "-o", "out.csv", env=environment_for(endpoint), cwd=tmp_path)
    assert out.code == 0
    assert (tmp_path / "out.csv").read_text().startswith("index,line,key,item,ok,value,outcome,")


@pytest.mark.skipif(not HAS_ARROW, reason="pyarrow is not installed")
async def test_parquet_has_typed_columns(endpoint: LocalEndpoint, program: Program, tmp_path: Path) -> None:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    (tmp_path / "items").write_text("\n".join(LINES))
    arguments = ("map", "app", "-f", "items", "-o", "out.parquet", "--ordered", "--tail")
    out = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert out.code == 3, out.stderr
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["ok"] for row in rows] == [True, False, False]
    assert [row["line"] for row in rows] == [1, 2, 3]
    assert rows[0]["item"] == LINES[0]
    assert rows[0]["billed_ms"] > 0
    assert rows[2]["billed_ms"] is None


def test_parquet_without_pyarrow_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match="Parquet needs pyarrow: install"):
        row_format_of(options(output="out.parquet"))


def options(**members: Any) -> Any:
    import argparse

    defaults = {"results_format": None, "format": None, "query": None, "no_item": False, "output": "-"}
    return argparse.Namespace(**defaults | members)


def test_format_follows_the_option_then_the_name() -> None:
    assert row_format_of(options()) is None
    assert row_format_of(options(output="out.jsonl")) is None
    assert row_format_of(options(output="out.csv", results_format="jsonl")) is None
    assert row_format_of(options(output="out.csv", query="line")) is None
    assert row_format_of(options(output="out", results_format="csv")) is not None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"results_format": "csv", "query": "line"}, "has fixed columns"),
        ({"results_format": "csv", "format": "text"}, "has fixed columns"),
        ({"results_format": "parquet"}, "name a file with -o FILE"),
    ],
    ids=["query", "text", "stdout"],
)
def test_formats_that_exclude_each_other_are_an_error(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        row_format_of(options(**given))


def test_csv_takes_any_text() -> None:
    rows = row_format_of(options(results_format="csv"))
    assert rows is not None
    error = FunctionError("said", error_message="a\ud800\r\nb,\x00", error_type="T")
    item = Line(1, b'\xff"\r\n')
    data = rows.begin() + rows.row(MapResult(index=0, key="🙂/..", item=item, error=error, delivery=Delivery.EXECUTED))
    (row,) = csv.DictReader(io.StringIO((data + rows.end()).decode(), newline=""))
    assert (row["key"], row["item"], row["error_message"]) == ("🙂/..", '\\xff"\r\n', "a\\ud800\r\nb,\x00")


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_head_ends_a_map_quietly(form: str, endpoint: LocalEndpoint, tmp_path: Path) -> None:
    (tmp_path / "items").write_text('{"op": "echo"}\n' * 2000)
    reader, writer = os.pipe()
    try:
        arguments = ("map", "app", "-f", "items", "--concurrency", "2", "--results-format", form)
        process = await start(*arguments, env=environment_for(endpoint), cwd=tmp_path, stdout=writer)
    finally:
        os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    code, _, stderr = await ended(process)
    assert code == 0, stderr
    assert "stopped by output" in stderr
    assert "Broken pipe" not in stderr


# --- cost ------------------------------------------------------------------------------------------------------------


async def test_price_is_told_and_survives_a_resume(program: Program, endpoint: LocalEndpoint, tmp_path: Path) -> None:
    env = environment_for(endpoint)
    summaries = []
    for count in (2, 5):
        (tmp_path / "items").write_text('{"op": "pid"}\n' * count)
        arguments = ("map", "app", "-f", "items", "-o", "out", "--journal", "run.db", "--summary-file", "summary")
        out = await program(*arguments, "--price", "0.5,1000", env=env, cwd=tmp_path)
        assert out.code == 0, out.stderr
        assert re.search(
            rf"aiolambda: billed: .* s, .* GB-seconds, {count} invocations, \d+ cold starts?: {count},000\.", out.stderr
        )
        summaries.append(json.loads((tmp_path / "summary").read_text()))
    first, second = summaries
    assert (first["billed_invocations"], second["billed_invocations"], second["replayed"]) == (2, 5, 2)
    assert second["gb_seconds"] > first["gb_seconds"] > 0
    assert second["price"] == pytest.approx(second["gb_seconds"] * 0.5 + 5000, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", '{"currency": "USD", "eu-west-1": {"gb_second": 0.5, "request": 1}}'),
        ("p.TOML", 'currency = "USD"\n[eu-west-1]\ngb_second = 0.5\nrequest = 1\n'),
    ],
    ids=["json", "toml"],
)
def test_prices_come_from_a_file(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    table = price_table(str(tmp_path / name))
    assert table.of_region("eu-west-1").text(COSTLY) == "510.00 USD"
    with pytest.raises(ConfigurationError, match="no price for the region us-east-1; it has eu-west-1"):
        table.of_region("us-east-1")


@pytest.mark.parametrize(
    ("price", "text"), [((1.66667e-5, 2e-7), "0.01667"), ((0, 0), "0.00"), ((1e9, 1e9), "1,010,000,000,000.00")], ids=str
)
def test_small_amounts_keep_their_digits(price: tuple[float, float], text: str) -> None:
    assert Price(gb_second=price[0], request=price[1]).text(COSTLY) == text


WRONG_PRICES = {
    "missing": None,
    "empty": "",
    "list": "[]",
    "half": "{",
    "deep": "[" * 100_000,
    "number": '{"eu": 1}',
    "nan": '{"eu": {"gb_second": NaN, "request": 1}}',
    "negative": '{"eu": {"gb_second": -1, "request": 1}}',
    "flag": '{"eu": {"gb_second": true, "request": 1}}',
    "text": '{"eu": {"gb_second": "1", "request": 1}}',
    "currency": '{"currency": 1}',
    "not UTF-8": "\udcff",
    "huge": "9" * 2_000_000,
}


@pytest.mark.parametrize("content", WRONG_PRICES.values(), ids=WRONG_PRICES)
def test_wrong_prices_are_an_error(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    if content is not None:
        path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError):
        price_table(str(path))


@pytest.mark.parametrize("given", ["-1,2", "nan,1", "1,inf", "1", "1,2,3", "\x00"], ids=ascii)
def test_wrong_price_numbers_are_an_error(given: str) -> None:
    with pytest.raises(ConfigurationError):
        price_table(given)


async def test_price_of_events_is_refused(endpoint: LocalEndpoint, tmp_path: Path) -> None:
    (tmp_path / "items").write_text("1\n")
    arguments = ("map", "app", "-f", "items", "--event", "--price", "1,1")
    out = await run(*arguments, env=environment_for(endpoint), cwd=str(tmp_path))
    assert (out.code, "Lambda does not tell what an event costs" in out.stderr) == (2, True)


def test_measures_say_only_what_there_is() -> None:
    assert list(measures(MapStats(), None)) == []
    slow = MapStats(percentiles={50: 0.5, 90: 1.0, 99: 2.0, 100: 3.0}, rate=7, elapsed=6)
    told = "duration of an item: median 0.500 s, p90 1.000 s, p99 2.000 s, longest 3.000 s"
    assert list(measures(slow, None)) == [f"{told}; 7/s in the last 5 s"]
    throttled = {ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 1234, None: 1}
    assert list(measures(MapStats(throttled=throttled), None)) == [
        "throttled requests: 1,234 CallerRateLimitExceeded, 1 without a reason"
    ]
    assert list(measures(COSTLY, None)) == ["billed: 2,000.0 s, 1,000.00 GB-seconds, 10 invocations, 1 cold start"]
    assert MapCause(name="a", delivery=Delivery.UNKNOWN, count=1, first_index=0).request_id is None


# --- the report ------------------------------------------------------------------------------------------------------


async def test_report_tells_of_the_run(endpoint: LocalEndpoint, program: Program, tmp_path: Path) -> None:
    (tmp_path / "items").write_text("\n".join([*LINES, *['{"op": "pid"}'] * 20]))
    arguments = ("map", "app", "-f", "items", "-o", "out", "--report", "run.html", "--price", "1,1")
    out = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    page = (tmp_path / "run.html").read_text()
    assert out.code == 3, out.stderr
    for text in ("Map of app", "23 of 23", "ValueError", "InvalidRequestContentException", "GB-seconds", "median", "price"):
        assert text in page
    assert "no tea" not in page


async def test_report_that_cannot_be_written_is_told(endpoint: LocalEndpoint, program: Program, tmp_path: Path) -> None:
    (tmp_path / "items").write_text("1\n")
    env = environment_for(endpoint)
    full = await program("map", "raw", "-f", "items", "-o", "out", "--report", "/dev/full", env=env, cwd=tmp_path)
    missing = await program("map", "raw", "-f", "items", "-o", "out", "--report", "none/run.html", env=env, cwd=tmp_path)
    same = await program("map", "raw", "-f", "items", "-o", "out", "--report", "out", env=env, cwd=tmp_path)
    assert (full.code, missing.code, same.code) == (4, 2, 2)
    assert "cannot write the report to '/dev/full': No space left on device" in full.stderr
    assert "the folder of --report 'none/run.html' does not exist" in missing.stderr
    assert "name the same file" in same.stderr
