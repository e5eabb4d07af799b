"""`aiolambda map` with every form of input: from a file, a pipe and compressed, and what it says of a wrong one."""

import asyncio
import datetime as dt
import decimal
import gc
import gzip
import json
import os
import re
import threading
import tracemalloc
from pathlib import Path

import pytest

from aiolambda import Delivery, InvokeCommandOutput, MapResult, MapStats, Metadata
from aiolambda.cli.batched import BatchedRun
from aiolambda.cli.inputs.batches import Batch
from aiolambda.cli.inputs.reading import Recipe
from aiolambda.cli.items import InputError, Items, Line
from aiolambda.cli.progress import progress
from aiolambda.cli.records import record_of
from aiolambda.fanout.journal_outputs import OutcomeOutput

from ..support.cli import environment_for, run, start
from ..support.compressed import zstd_compress
from ..support.servers import always, answer, raw_server

ROWS = [{"id": "1", "text": "a\nb"}, {"id": "2", "text": 'say "tea"'}, {"id": "3", "text": "é"}]
CSV = 'id,text\n1,"a\nb"\n2,"say ""tea"""\n3,é\n'
TEXTS = {
    "jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "json": json.dumps(ROWS, indent=2),
    "csv": CSV,
    "tsv": CSV.replace(",", "\t"),
    "lines": "x\n\ny\r\n",
    "nul": "x\ny\0z",
}
ITEMS = {"lines": ["x", "y"], "nul": ["x\ny", "z"]}
LINES = {"jsonl": [1, 2, 3], "json": [2, 6, 10], "csv": [2, 4, 5], "tsv": [2, 4, 5], "lines": [1, 3], "nul": [1, 2]}
COMPRESS = {"": bytes, ".gz": gzip.compress, ".zst": zstd_compress}


def told(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("compression", COMPRESS, ids=["plain", "gz", "zst"])
@pytest.mark.parametrize("form", TEXTS)
async def test_each_form_is_read_from_a_file(form, compression, endpoint, program, tmp_path):
    path = tmp_path / f"items.{form}{compression}"
    path.write_bytes(COMPRESS[compression](TEXTS[form].encode()))
    known = ("--format", form) if form in ("lines", "nul") else ()
    ended = await program("map", "raw", "-f", str(path), "--ordered", *known, env=environment_for(endpoint))
    results, items = told(ended.stdout), ITEMS.get(form, ROWS)
    assert ended.code == 0, ended.stderr
    assert [result["payload"] for result in results] == [result["item"] for result in results] == items
    assert [(result["index"], result["line"]) for result in results] == list(enumerate(LINES[form]))
    assert f"aiolambda: {len(items)} of {len(items)} done, {len(items)} ok, " in ended.stderr


@pytest.mark.parametrize("form", TEXTS)
async def test_each_form_is_read_from_a_pipe(form, endpoint):
    known = ("--format", form) if form not in ("json", "jsonl") else ()
    ended = await run("map", "raw", "--ordered", *known, env=environment_for(endpoint), stdin=TEXTS[form].encode())
    assert ended.code == 0, ended.stderr
    assert [result["payload"] for result in told(ended.stdout)] == ITEMS.get(form, ROWS)


async def test_parquet_gives_rows(endpoint, program, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    rows = [
        {"id": number, "day": dt.date(2026, 1, number), "price": decimal.Decimal("1.50"), "raw": b"\0"} for number in (1, 2)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "items.parquet")
    env = environment_for(endpoint)
    arguments = ("map", "raw", "-f", "items.parquet", "--ordered", "--failed", "failed.jsonl", "--key", "id")
    ended = await program(*arguments, env=env, cwd=tmp_path)
    results = told(ended.stdout)
    assert ended.code == 0, ended.stderr
    assert results[1]["payload"] == {"id": 2, "day": "2026-01-02", "price": "1.50", "raw": "AA=="}
    assert [(result["line"], result["key"]) for result in results] == [(1, "1"), (2, "2")]
    (tmp_path / "items.parquet").write_bytes((tmp_path / "items.parquet").read_bytes()[:-20])
    ended = await program(*arguments, env=env, cwd=tmp_path)
    assert (ended.code, "expected a Parquet file" in ended.stderr, ended.stdout) == (2, True, b"")
    piped = await run("map", "raw", "--format", "parquet", env=env, stdin=b"PAR1")
    assert (piped.code, "a Parquet file is read from its end" in piped.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "text", "arguments", "said"),
    [
        ("items.csv", "a,b\n1,2\nhunter2\n", (), "line 3: expected 2 fields, as in the header; found 1"),
        ("items", "a,b\nhunter2,2\n", (), "line 1: expected JSON, a value in each line or an array; --format csv"),
        ("items.json", '[1, {"hunter2": ]', (), "line 1: expected"),
        ("items.csv", "a\nhunter2\n", ("--template", '"{b}"'), "expected a column 'b' in the header, for --template"),
        ("items.csv", "a\nhunter2\nhunter2\n", ("--key", "a"), "line 3: expected a key of its own in 'a', for --key; line 2"),
        ("items.csv.gz", "hunter2", (), "the input is not gzip"),
        ("items.jsonl", "hunter2\n", (), "line 1: expected JSON"),
        ("items.jsonl", "1\nhunter2\n", ("--batch", "2"), "line 2: expected JSON, one value in each line"),
        ("items", "\xff\xfea", ("--format", "csv"), "is UTF-16"),
    ],
)
async def test_a_wrong_file_is_told_before_anything_is_sent(name, text, arguments, said, endpoint, program, tmp_path):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    (tmp_path / "out").write_text("of before")
    arguments = ("map", "raw", "-f", name, "-o", "out", *arguments)
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 2
    (line,) = ended.stderr.splitlines()
    assert said in line
    assert "hunter2" not in line
    assert (tmp_path / "out").read_text() == "of before"


async def test_a_wrong_line_of_a_pipe_ends_the_map_in_order(endpoint):
    rows = "".join(f"{number}\n" for number in range(50))
    arguments = ("map", "raw", "--format", "csv", "--concurrency", "2", "--ordered")
    ended = await run(*arguments, env=environment_for(endpoint), stdin=f"id\n{rows}hunter2,2\n".encode())
    assert ended.code == 3, ended.stderr
    done = [result["item"]["id"] for result in told(ended.stdout) if result["ok"]]
    assert done == [str(number) for number in range(len(done))]
    assert len(told(ended.stdout)) == 50
    assert "aiolambda: line 52: expected 1 field, as in the header; found 2\n" in ended.stderr
    assert "hunter2" not in ended.stderr
    assert "the rest of the input was not read" in ended.stderr
    assert ended.stderr.endswith("; stopped by error\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--types", "a=int"), "--types is for columns of csv and tsv"),
        (("--batch-bytes", "10"), "--batch-bytes bounds the batches of --batch N"),
        (("--batch", "0"), "'0' is not a whole number above 0"),
        (("--batch", "2", "--batch-bytes", "7MB"), "--batch-bytes is at most 6,291,456"),
        (("--batch", "2", "--event", "--batch-bytes", "2MB"), "--batch-bytes is at most 1,048,576"),
        (("--batch", "2", "--batch-bytes", "many"), "'many' is not a size above 0"),
        (("--format", "yaml"), "invalid choice"),
        (("--template", "{"), "--template is not JSON"),
        (("--template", "@missing"), "cannot read the template from 'missing': No such file"),
        (("--failed", "failed.csv"), "--failed 'failed.csv' gets items in the form of the input, jsonl or json"),
        (("--unknown", "unknown.jsonl.gz"), "--unknown writes no compressed file"),
        (("-f", "."), "cannot read the items from '.': Is a directory"),
    ],
)
async def test_options_that_do_not_fit_are_usage_errors(arguments, said, endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n")
    ended = await program("map", "raw", "-f", "items", *arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, ended.stdout) == (2, b"")
    assert said in ended.stderr


async def test_a_template_of_a_file_makes_payloads(endpoint, program, tmp_path):
    (tmp_path / "items.csv").write_text("id,name\n1,tea\n")
    (tmp_path / "template.json").write_text('{"order": "{id}", "text": "a {name}"}')
    arguments = ("map", "raw", "-f", "items.csv", "--types", "id=int", "--template", "@template.json")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    (result,) = told(ended.stdout)
    assert result["payload"] == result["item"] == {"order": 1, "text": "a tea"}


@pytest.mark.parametrize("form", TEXTS)
async def test_failed_items_are_read_again_by_the_same_options(form, endpoint, program, tmp_path):
    texts = TEXTS | {"lines": 'x\n{"a": 1}\n', "nul": "x\ny\0z\0"}
    name = f"items.{form}"
    (tmp_path / name).write_text(texts[form])
    known = ("--format", form) if form in ("lines", "nul") else ()
    env = environment_for(endpoint)
    template = ("--template", '{"op": "fail", "item": "{}"}')
    failed = await program("map", "app", "-f", name, "--failed", f"failed.{form}", *known, *template, env=env, cwd=tmp_path)
    again = await program("map", "raw", "-f", f"failed.{form}", "--ordered", *known, env=env, cwd=tmp_path)
    whole = await program("map", "raw", "-f", name, "--ordered", *known, env=env, cwd=tmp_path)
    assert (failed.code, again.code) == (1, 0), failed.stderr + again.stderr
    by_text = sorted(json.dumps(result["payload"]) for result in told(again.stdout))
    assert by_text == sorted(json.dumps(result["payload"]) for result in told(whole.stdout))


async def test_unread_items_of_a_table_are_in_the_failed_file(endpoint, program, tmp_path):
    (tmp_path / "items.csv").write_text("op\n" + "fail\n" * 3000)
    arguments = (
        "map",
        "app",
        "-f",
        "items.csv",
        "-o",
        "out",
        "--failed",
        "failed.csv",
        "--max-failures",
        "3",
        "--concurrency",
        "2",
    )
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 3
    assert (tmp_path / "failed.csv").read_text() == "op\n" + "fail\n" * 3000
    assert "2,9" in ended.stderr


async def test_keys_name_items_in_the_journal(endpoint, program, tmp_path):
    (tmp_path / "items.csv").write_text("id,op\na,pid\nb,pid\n")
    arguments = ("map", "app", "-f", "items.csv", "--key", "id", "--journal", "run.db", "--ordered")
    first = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    (tmp_path / "items.csv").write_text("id,op\nc,pid\nb,pid\na,pid\n")
    second = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert [result["key"] for result in told(first.stdout)] == ["a", "b"]
    assert [result["key"] for result in told(second.stdout)] == ["c", "b", "a"]
    assert "2 replayed from the journal" in second.stderr


# --- batches ----------------------------------------------------------------------------------------------------------


async def test_batches_give_a_result_for_each_item(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("".join(f'{{"n": {number}}}\n' for number in range(25)))
    env = environment_for(endpoint)
    arguments = ("map", "raw", "-f", "items", "--batch", "10", "--ordered", "--journal", "run.db", "--summary-file", "summary")
    first = await program(*arguments, env=env, cwd=tmp_path)
    again = await program(*arguments, env=env, cwd=tmp_path)
    results = told(first.stdout)
    assert (first.code, again.code) == (0, 0), first.stderr
    assert [(result["index"], result["line"]) for result in results] == [(number, number + 1) for number in range(25)]
    assert all(result["payload"] == result["item"] == {"n": result["index"]} for result in results)
    assert len({result["key"] for result in results}) == 3
    assert "aiolambda: 25 of 25 done, 25 ok, " in first.stderr
    assert "25 replayed from the journal" in again.stderr
    assert "resuming: of the batches in the journal, 3 are replayed and 0 are sent again" in again.stderr
    summary = json.loads((tmp_path / "summary").read_text())
    assert (summary["total"], summary["done"], summary["ok"], summary["next_index"]) == (25, 25, 25, 25)


async def test_another_answer_fails_all_items_of_a_batch(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n2\n3\n4\n5\n")
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    async with raw_server(always(answer(body=b'"ok"'))) as server:
        env = keys | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        arguments = ("map", "f", "-f", "items", "--batch", "2", "-o", "out", "--failed", "failed", "--concurrency", "1")
        ended = await program(*arguments, env=env, cwd=tmp_path)
        stopped = await program(*arguments, "--max-failures", "1", env=env, cwd=tmp_path)
    results = told((tmp_path / "out").read_text())
    assert (ended.code, stopped.code) == (1, 3), ended.stderr + stopped.stderr
    assert "5 BatchAnswerError (first in line 1)" in ended.stderr
    assert "2 of 2 items have failed; this map has max_failures=1" in stopped.stderr
    assert "stopped by failures" in stopped.stderr
    assert "3 items were not sent" in stopped.stderr
    assert results[0]["error"]["class"] == "BatchAnswerError"
    assert results[0]["delivery"] == "executed"
    assert (tmp_path / "failed").read_text() == "1\n2\n3\n4\n5\n"


async def test_events_are_sent_in_batches(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n2\n3\n")
    arguments = ("map", "app", "-f", "items", "--batch", "2", "--event", "--ordered")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    assert [(result["delivery"], result["payload"]) for result in told(ended.stdout)] == [("accepted", None)] * 3


async def test_batches_that_are_done_are_not_sent_again(endpoint, program, tmp_path):
    (tmp_path / "items").write_text('{"n": 1}\n' * 5 + '{"n": 2}\n' * 5)
    arguments = ("map", "raw", "-f", "items", "-o", "out", "--batch", "5", "--journal", "run.db")
    first = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    with (tmp_path / "items").open("a") as file:
        file.write('{"n": 3}\n')
    second = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert (first.code, second.code) == (0, 0), second.stderr
    assert "11 of 11 done, 11 ok, 10 replayed from the journal" in second.stderr
    assert [result["line"] for result in told((tmp_path / "out").read_text())] == list(range(1, 12))


async def test_totals_of_batches_count_items(program, tmp_path):
    (tmp_path / "items").write_text("1\n" * 40)
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    failing = answer(headers="X-Amz-Function-Error: Unhandled\r\n", body=b'{"errorType": "Bad"}')
    arguments = ("map", "f", "-f", "items", "--batch", "10", "--summary-file", "summary", "--journal", "run.db")
    async with raw_server(always(failing)) as server:
        for replayed in (0, 40):
            env = keys | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
            ended = await program(*arguments, env=env, cwd=tmp_path)
            summary = json.loads((tmp_path / "summary").read_text())
            (cause,) = summary["causes"]
            assert (ended.code, summary["replayed"], sum(summary["failed"].values())) == (1, replayed, 40), ended.stderr
            assert (cause["name"], cause["count"], cause["first_index"]) == ("Bad", 40, 0)


async def test_other_batches_than_those_of_the_journal_are_told(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("".join(f"{number}\n" for number in range(12)))
    arguments = ("map", "raw", "-f", "items", "-o", "out", "--journal", "run.db", "--batch")
    said = "aiolambda: the journal has {} batches that this input does not have: resume with the same input"
    for size, unused in (("5", None), ("5", None), ("4", 3)):
        ended = await program(*arguments, size, env=environment_for(endpoint), cwd=tmp_path)
        assert (ended.code, said.format(unused) in ended.stderr) == (0, unused is not None), ended.stderr


def batch(index, answer, **members):
    """The result of a batch of two items."""
    answered = InvokeCommandOutput(status_code=200, payload=answer, metadata=Metadata(http_status_code=200))
    members = {"output": answered, "delivery": Delivery.EXECUTED} | members
    item = Batch(2 * index, [Line(2 * index + 1, b"1"), Line(2 * index + 2, b"2")])
    return MapResult(index=index, key=str(index), item=item, **members)


class FinishedRun:
    """A run of batches that has ended."""

    stopped_by = None

    def __init__(self, *batches):
        self.batches = batches
        self.stats = MapStats(done=len(batches), rate=10, average_rate=5, causes=())

    async def __aiter__(self):
        for result in self.batches:
            yield result


async def test_rates_and_causes_of_batches_are_those_of_items():
    batched = BatchedRun(print, max_failures=None, max_failure_ratio=None)
    batched.run = FinishedRun(batch(0, b"[1, 2]", replayed=True), batch(1, b"[1, 2]"), batch(2, b"[1]"))
    assert [result.ok async for result in batched] == [True, True, True, True, False, False]
    stats = batched.stats
    assert (stats.done, stats.replayed, stats.rate, stats.average_rate) == (6, 2, 20, 10)
    assert [(cause.name, cause.count, cause.first_index) for cause in stats.causes] == [("BatchAnswerError", 2, 4)]


async def test_a_batch_without_its_payload_has_no_wrong_answer():
    batched = BatchedRun(print, max_failures=None, max_failure_ratio=None)
    kept = OutcomeOutput(status_code=200, payload=b"", metadata=Metadata(http_status_code=200))
    batched.run = FinishedRun(batch(0, b"", replayed=True, output=kept))
    records = [record_of(result, has_key=True, has_item=False) async for result in batched]
    assert [(record["ok"], "payload" in record) for record in records] == [(True, False)] * 2


async def test_batches_need_whole_results_in_the_journal(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n")
    arguments = ("map", "raw", "-f", "items", "--batch", "5", "--journal", "run.db", "--journal-results", "outcome")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, ended.stdout, (tmp_path / "run.db").exists()) == (2, b"", False)
    assert "leave one of them out" in ended.stderr


async def test_a_limit_of_failures_replaces_both_rules_for_batches(program, tmp_path):
    (tmp_path / "items").write_text("1\n" * 260)
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    refusal = answer("400 Bad Request", "x-amzn-errortype: InvalidRequestContentException\r\n")
    async with raw_server(always(refusal)) as server:
        env = keys | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        arguments = ("map", "f", "-f", "items", "--batch", "2", "-o", "out")
        stopped = await program(*arguments, env=env, cwd=tmp_path)
        ended = await program(*arguments, "--max-failures", "1000", env=env, cwd=tmp_path)
    assert "the first 100 items all failed with the same refusal" in stopped.stderr
    assert "260 of 260 done, 0 ok, 260 failed" in ended.stderr


async def test_one_refused_batch_does_not_stop_the_map(program, tmp_path):
    (tmp_path / "items").write_text("1\n" * 600)
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    refusal = answer("403 Forbidden", "x-amzn-errortype: AccessDeniedException\r\n")
    async with raw_server(always(refusal)) as server:
        env = keys | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        arguments = ("map", "f", "-f", "items", "--batch", "20", "-o", "out", "--concurrency", "1")
        ended = await program(*arguments, env=env, cwd=tmp_path)
    assert "the first 10 batches all failed, and so would the others: " in ended.stderr
    assert re.search(r"2[0-9]0 of 600 done, 0 ok, 2[0-9]0 failed", ended.stderr)


# --- files that change -----------------------------------------------------------------------------------------------


def changing(change):
    """A script that changes the file at the first request."""
    changes = [change]

    async def script(connection):
        while True:
            await connection.read_request()
            if changes:
                changes.pop()()
            await connection.write(answer())

    return script


async def mapped_while_it_changes(program, tmp_path, *, lines, change):
    items = tmp_path / "items"
    items.write_text(f"{1:0100}\n".replace("0", "1") * lines)
    keys = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    async with raw_server(changing(lambda: change(items))) as server:
        env = keys | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        return await program("map", "f", "-f", "items", "--concurrency", "1", "-o", "out", env=env, cwd=tmp_path)


async def test_a_file_that_grows_is_read_to_its_end(program, tmp_path):
    def grow(path):
        with path.open("a") as file:
            file.write("1\n" * 10)

    ended = await mapped_while_it_changes(program, tmp_path, lines=20, change=grow)
    assert (ended.code, "aiolambda: 30 of 30 done, 30 ok, " in ended.stderr) == (0, True), ended.stderr


async def test_a_file_that_shrinks_is_an_error(program, tmp_path):
    ended = await mapped_while_it_changes(program, tmp_path, lines=3000, change=lambda path: os.truncate(path, 0))
    assert ended.code == 3, ended.stderr
    assert "the input has become shorter while it was read: 2," in ended.stderr
    assert "that it had at the start could not be read" in ended.stderr


@pytest.mark.parametrize(("done", "text"), [(5, "5 of 10 done (50%), "), (12, "12 done, ")], ids=["as counted", "grown"])
def test_progress_of_a_file_that_has_grown_has_no_share(done, text, capsys):
    with progress(10, line_interval=0, has_display=False) as listener:
        listener(MapStats(done=done))
    assert capsys.readouterr().err.startswith(f"aiolambda: {text}")


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "lines"])
async def test_an_item_that_is_too_large_fails_alone(form, endpoint, program, tmp_path):
    long = "x" * 7_000_000
    texts = {"jsonl": f'1\n"{long}"\n2\n', "json": f'[1,"{long}",2]', "csv": f"a\n1\n{long}\n2\n", "lines": f"1\n{long}\n2\n"}
    (tmp_path / f"items.{form}").write_text(texts[form])
    arguments = ("map", "raw", "-f", f"items.{form}", "--format", form, "--ordered", "--no-item", "--failed", f"failed.{form}")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 3, ended.stderr
    assert [result["delivery"] for result in told(ended.stdout)] == ["executed", "not_delivered", "executed"]
    assert 7_000_000 < (tmp_path / f"failed.{form}").stat().st_size < 7_000_010


@pytest.mark.parametrize(
    ("form", "data", "code"),
    [
        ("csv", b"", 0),
        ("csv", b"id\n", 0),
        ("json", b"", 0),
        ("json", b"[]", 0),
        ("lines", b"\n\r\n", 0),
        ("nul", b"\0\0", 0),
        ("csv", b"id\n\x00\n", 0),
        ("jsonl", b'"a\x00"\n', 3),
    ],
)
async def test_empty_inputs_and_nul_bytes(form, data, code, endpoint, program, tmp_path):
    (tmp_path / "items").write_bytes(data)
    ended = await program("map", "raw", "-f", "items", "--format", form, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == code, ended.stderr
    is_empty = b"\x00" not in data.strip(b"\0")
    assert ("aiolambda: no items: items has none" in ended.stderr) == is_empty
    assert bool(ended.stdout) != is_empty


async def test_a_named_pipe_that_ends_early_is_told(endpoint, tmp_path):
    os.mkfifo(tmp_path / "items.csv.gz")
    arguments = ("map", "raw", "-f", "items.csv.gz", "--ordered")
    process = await start(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    data = gzip.compress(b"id\n1\n2\n")
    await asyncio.to_thread((tmp_path / "items.csv.gz").write_bytes, data[:-4])
    stdout, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert b"the input is incomplete: its gzip data end before their end mark" in stderr
    assert process.returncode == (3 if stdout else 2)


# --- the thread and the memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_a_slow_pipe_gives_items_at_once(form, endpoint, tmp_path):
    reader, writer = os.pipe()
    process = await start("map", "raw", "--format", form, env=environment_for(endpoint), stdin=reader)
    os.close(reader)
    try:
        os.write(writer, b"[1," if form == "json" else b"id\n1\n")
        assert process.stdout is not None
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        os.write(writer, b"2")
    finally:
        os.close(writer)
    stdout, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert first["index"] == 0
    if form == "json":
        assert (process.returncode, stdout) == (3, b"")
        assert b"line 1: expected , or ] after the last element, and the input ends" in stderr
    else:
        assert (process.returncode, len(stdout.splitlines())) == (0, 1)


@pytest.mark.parametrize("form", ["json", "csv", "jsonl.gz"])
async def test_memory_does_not_grow_with_the_items(form, tmp_path):
    """A fiftieth of 1,000,000 items, from a file that is far larger than what is allowed here."""
    count, text = 20_000, "x" * 500
    item = json.dumps({"text": text})
    path = tmp_path / f"items.{form}"
    whole = {"json": f"[{','.join([item] * count)}]", "csv": "text\n" + f"{text}\n" * count, "jsonl.gz": f"{item}\n" * count}[
        form
    ]
    path.write_bytes(gzip.compress(whole.encode(), 1) if form.endswith("gz") else whole.encode())
    del whole
    recipe = Recipe(format=form.partition(".")[0], compression="gz" if form.endswith("gz") else None)
    gc.collect()
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            items = Items(file, path, recipe)
            number = 0
            async for line in items.lines:
                number += 1
                assert len(line.content) > 500
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        items.close()
    assert (number, items.total, items.has_ended) == (count, count, True)
    assert peak < 4 * 1024 * 1024  # of 10 MB


async def test_the_loop_turns_while_a_long_element_is_read(tmp_path):
    """Its brackets take some tenths of a second to scan."""
    path = tmp_path / "items.json"
    path.write_text(json.dumps([[[0]] * 300_000]))
    with path.open("rb") as file:
        items = Items(file, path, Recipe(format="json"))
        reading = asyncio.create_task(anext(items.lines))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0.001)
            turns += 1
    items.close()
    assert len((await reading).content) == path.stat().st_size - 2
    assert turns > 5


async def test_a_closed_feed_ends_its_thread(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("id\n" + "1\n" * 100_000)
    before = set(threading.enumerate())
    with path.open("rb") as file:
        items = Items(file, path, Recipe(format="csv"))
        await anext(items.lines)
        (thread,) = set(threading.enumerate()) - before
        items.close()
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


def test_items_that_are_never_read_leave_nothing_open(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("id\n1\n")
    before = len(list(Path("/dev/fd").iterdir()))
    with path.open("rb") as file:
        Items(file, path, Recipe(format="csv")).close()
    assert len(list(Path("/dev/fd").iterdir())) == before


async def test_a_cancelled_wait_loses_no_item(tmp_path):
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        items = Items(file, None, Recipe(format="jsonl"))
        taking = asyncio.create_task(anext(items.lines))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait({taking})
        os.write(writer, b"1\n2\n")
        os.close(writer)
        assert [line.content async for line in items.lines] == [b"1", b"2"]
    items.close()


async def test_an_error_of_reading_is_given_once(tmp_path):
    reader, writer = os.pipe()
    os.write(writer, b"a\n1\n2,3\n")
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        items = Items(file, None, Recipe(format="csv"))
        assert (await anext(items.lines)).content == b'{"a":"1"}'
        with pytest.raises(InputError, match="line 3: expected 1 field"):
            await anext(items.lines)
        with pytest.raises(StopAsyncIteration):
            await anext(items.lines)
    assert not items.has_ended
    items.close()
