"""`aiolambda map`: one result line for each input line, and exit codes for scripts."""

import argparse
import asyncio
import hashlib
import json
import os
import re
import resource
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from aiolambda import ConfigurationError, LambdaServiceException
from aiolambda.cli import main
from aiolambda.cli.items import Line
from aiolambda.cli.map_options import check_files
from aiolambda.cli.progress import progress
from aiolambda.cli.tally import Tally
from aiolambda.fanout import Journal
from aiolambda.fanout.values import MapResult, MapStats
from aiolambda.types.values import Delivery, Metadata, ThrottleReason

from ..support.cli import environment, environment_for, run, start
from ..support.local import becomes_true, serving
from ..support.servers import answer, raw_server

NOBODY = 65534


def told(text):
    return [json.loads(line) for line in text.splitlines()]


async def test_each_input_line_gives_one_result_line(endpoint, program, tmp_path):
    lines = [b'{"a":  1.0}', '"é"'.encode(), b"[1,2]", b'  {"b":null} ']
    (tmp_path / "items").write_bytes(b"\n".join(lines) + b"\r\n\n")
    env = environment_for(endpoint)
    ended = await program("map", "raw", "-f", str(tmp_path / "items"), "--ordered", env=env)
    piped = await run("map", "raw", "-f", "-", "-o", str(tmp_path / "out"), env=env, stdin=b"1\n2\n3")
    assert ended.code == 0, ended.stderr
    results = told(ended.stdout)
    assert [result["item"] for result in results] == [json.loads(line) for line in lines]
    assert [result["payload"] for result in results] == [json.loads(line) for line in lines]
    assert [result["line"] for result in results] == [1, 2, 3, 4]
    assert results[0].keys() == {"index", "line", "item", "ok", "delivery", "payload", "attempts", "duration_ms"}
    assert (results[2]["index"], results[2]["ok"], results[2]["delivery"], results[2]["attempts"]) == (2, True, "executed", 1)
    assert "aiolambda: 4 of 4 done, 4 ok, " in ended.stderr
    assert (piped.code, piped.stdout) == (0, b"")
    assert sorted(result["payload"] for result in told((tmp_path / "out").read_text())) == [1, 2, 3]


async def test_exit_code_is_that_of_the_most_severe_item(program, tmp_path):
    lines = ['{"op": "pid"}', '{"op": "fail", "text": "no tea"}', "no json"]
    (tmp_path / "items").write_text("\n".join(lines))
    async with serving(verify_signatures=True) as invoke:  # its first start is cold
        env = environment_for(invoke.endpoint)
        arguments = ("map", "app", "-f", str(tmp_path / "items"), "--ordered", "--tail")
        ended = await program(
            *arguments, "--failed", str(tmp_path / "failed"), "--summary-file", str(tmp_path / "summary"), env=env
        )
        (tmp_path / "items").write_text("\n".join(lines[:2]))
        milder = await program(*arguments, env=env)
    _, failed, refused = told(ended.stdout)
    assert (ended.code, milder.code) == (3, 1)
    assert (failed["error"]["class"], failed["error"]["type"], failed["delivery"]) == (
        "FunctionError",
        "ValueError",
        "executed",
    )
    assert (refused["error"]["code"], refused["delivery"]) == ("InvalidRequestContentException", "refused")
    assert (tmp_path / "failed").read_text().splitlines() == lines[1:]
    summary = json.loads((tmp_path / "summary").read_text())
    assert (summary["done"], summary["ok"], summary["failed"]) == (3, 1, {"executed": 1, "refused": 1})
    assert summary["billed_ms"] > 0
    assert summary["cold_starts"] >= 1
    assert summary["stopped_by"] is None


@pytest.mark.parametrize("others", [[], ["1"]], ids=["alone", "among others"])
async def test_an_item_that_the_client_refuses_is_not_a_usage_error(others, endpoint, program, tmp_path):
    (tmp_path / "items").write_text("\n".join([*others, "9" * (6 * 1024 * 1024 + 1)]))
    arguments = ("map", "raw", "-f", "items", "-o", "out", "--ordered")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    *_, refused = told((tmp_path / "out").read_text())
    assert (ended.code, refused["delivery"]) == (3, "not_delivered"), ended.stderr


async def test_max_failures_and_deadline_stop_the_map(endpoint, program, tmp_path):
    (tmp_path / "items").write_text('{"op": "fail"}\n' * 200)
    env = environment_for(endpoint)
    arguments = ("map", "app", "-f", str(tmp_path / "items"), "--concurrency", "2")
    failures = await program(*arguments, "--max-failures", "3", env=env)
    (tmp_path / "items").write_text('{"op": "sleep", "seconds": 0.05}\n' * 200)
    deadline = await program(*arguments, "--deadline", "0.4", env=env)
    assert (failures.code, deadline.code) == (3, 3)  # items were not sent
    assert "items have failed; this map has max_failures=3" in failures.stderr
    assert "stopped by failures" in failures.stderr
    assert len(told(failures.stdout)) < 20
    assert "stopped by deadline" in deadline.stderr


async def test_items_after_the_deadline_are_counted(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("\n" + '{"op": "sleep", "seconds": 0.05}\n' * 200)
    arguments = ("map", "app", "-f", "items", "--concurrency", "2", "--deadline", "0.4", "-o", "out")
    files = ("--summary-file", "summary", "--failed", "failed")
    ended = await program(*arguments, *files, env=environment_for(endpoint), cwd=tmp_path)
    summary = json.loads((tmp_path / "summary").read_text())
    lines = ended.stderr.splitlines()
    assert (ended.code, summary["stopped_by"], summary["total"]) == (3, "deadline", 200)
    assert summary["unsent"] == 200 - summary["done"] > 100
    assert (tmp_path / "failed").read_text() == '{"op": "sleep", "seconds": 0.05}\n' * summary["unsent"]
    assert lines[-2] == f"aiolambda: {summary['unsent']:,} items were not sent"
    assert lines[-1].startswith(f"aiolambda: {summary['done']} of 200 done, {summary['ok']} ok, ")
    (tmp_path / "items").write_text("1\n")
    ended = await program("map", "raw", "-f", "items", "--deadline", "30", env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, "not sent" in ended.stderr) == (0, False)


async def test_the_end_names_causes_and_lines_without_messages(endpoint, program, tmp_path):
    lines = ['{"op": "pid"}', "", *['{"op": "fail", "text": "a secret"}'] * 2, "no json"]
    (tmp_path / "items").write_text("\n".join(lines))
    ended = await program("map", "app", "-f", "items", "-o", "out", env=environment_for(endpoint), cwd=tmp_path)
    measures, *causes, totals = ended.stderr.splitlines()
    assert re.fullmatch(r"aiolambda: duration of an item: median .* s, p90 .* s, longest .* s", measures)
    assert [re.sub(r"[0-9a-f-]{36}", "ID", cause) for cause in causes] == [
        "aiolambda: 2 ValueError (first in line 3, such as request id ID)",
        "aiolambda: 1 InvalidRequestContentException (line 5, request id ID)",
    ]
    assert totals.startswith("aiolambda: 4 of 4 done, 1 ok, 3 failed, ")
    assert "a secret" not in ended.stderr


def test_causes_are_bounded():
    tally = Tally()
    for number in range(120):
        error = LambdaServiceException(
            "no", code=f"Code{number}" if number != 7 else "x" * 1000, metadata=Metadata(http_status_code=400)
        )
        tally.add(MapResult(index=number, key="k", item=Line(number + 1, b""), error=error, delivery=Delivery.REFUSED))
    shown = list(tally.causes())
    assert shown[0] == "20 other errors (first in line 101)"
    assert shown[8] == f"1 {'x' * 100}... (line 8)"
    assert shown[10:] == ["91 with 91 other causes"]


async def test_a_refusal_of_every_item_stops_the_map(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n" * 5000)
    arguments = ("map", "missing", "-f", "items", "-o", "out", "--concurrency", "5")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 3
    assert "aiolambda: the first 10 items all failed, and so would the others: " in ended.stderr
    assert "items were not sent\n" in ended.stderr
    assert ended.stderr.endswith("; stopped by refusals\n")
    assert 10 <= len((tmp_path / "out").read_text().splitlines()) < 30


async def test_errors_of_single_items_do_not_stop_the_map(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("no json\n" * 30)
    arguments = ("map", "app", "-f", "items", "-o", "out", "--format", "jsonl")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, "30 InvalidRequestContentException (first in line 1, such as" in ended.stderr) == (3, True)


async def interrupted_journal(path, function, payload):
    """A journal in which an item with this payload was in flight."""
    identity = {"function": function, "qualifier": None, "type": "RequestResponse", "tenant": None}
    journal = Journal(path, identity)
    await journal.open()
    try:
        entry = await journal.claim(None, hashlib.sha256(payload).hexdigest())
        await journal.mark_started(entry.row)
    finally:
        await journal.close()


async def test_unknown_items_are_not_in_the_file_to_map_again(endpoint, program, tmp_path):
    (tmp_path / "items").write_text('{"op": "pid"}\n{"op": "fail"}\nno json\n')
    env = environment_for(endpoint)
    await interrupted_journal(tmp_path / "run.db", "app", b'{"op": "pid"}')
    arguments = ("map", "app", "-f", "items", "-o", "out", "--failed", "failed", "--journal", "run.db")
    told_where = await program(*arguments, env=env, cwd=tmp_path)
    ended = await program(*arguments, "--unknown", "unknown", env=env, cwd=tmp_path)
    again = await program(*arguments, "--unknown", "unknown", "--idempotent", env=env, cwd=tmp_path)
    assert (told_where.code, ended.code, again.code) == (4, 4, 3)
    assert "1 UnknownOutcomeError (line 1; may have run)\n" in ended.stderr
    assert "1 item may have run: --idempotent sends them again; they are not in the file of --failed" in told_where.stderr
    assert "1 item may have run: --idempotent sends them again; they are in 'unknown'\n" in ended.stderr
    assert ", 2 failed, 1 may have run, 3 replayed from the journal, " not in told_where.stderr
    assert "may have run" not in again.stderr
    assert ((tmp_path / "failed").read_text(), (tmp_path / "unknown").read_text()) == ('{"op": "fail"}\nno json\n', "")


async def test_a_refusal_does_not_hide_that_an_earlier_run_sent_the_item(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("no json\n")
    await interrupted_journal(tmp_path / "run.db", "app", b"no json")
    arguments = ("map", "app", "-f", "items", "-o", "out", "--journal", "run.db", "--idempotent", "--format", "jsonl")
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    (result,) = told((tmp_path / "out").read_text())
    assert (result["error"]["code"], result["delivery"]) == ("InvalidRequestContentException", "unknown")
    assert ended.code == 4, ended.stderr


async def test_files_of_an_earlier_run_are_replaced_with_the_first_result(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n")
    for name in ("out", "failed"):
        (tmp_path / name).write_text("of an earlier run\n")
    env = environment_for(endpoint)
    arguments = ("map", "raw", "-f", "items", "-o", "out", "--failed", "failed", "--unknown", "unknown")
    refused = await program(*arguments, "--journal", "missing/run.db", env=env, cwd=tmp_path)
    assert (refused.code, sorted(path.name for path in tmp_path.iterdir())) == (2, ["failed", "items", "out"])
    assert (tmp_path / "failed").read_text() == "of an earlier run\n"
    ended = await program(*arguments, env=env, cwd=tmp_path)
    assert (ended.code, (tmp_path / "failed").read_text(), (tmp_path / "unknown").read_text()) == (0, "", "")
    assert "aiolambda: replacing 'out', which had 18 bytes\n" in ended.stderr
    (tmp_path / "items").write_text("\n\n")
    ended = await program(*arguments, env=env, cwd=tmp_path)
    assert (ended.code, (tmp_path / "out").read_text()) == (0, "")
    assert "aiolambda: no items: items has none\n" in ended.stderr


async def test_results_may_leave_the_item_out(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("\n7\n")
    ended = await program("map", "raw", "-f", "items", "--no-item", env=environment_for(endpoint), cwd=tmp_path)
    (result,) = told(ended.stdout)
    assert ("item" in result, result["line"], result["payload"]) == (False, 2, 7)


@pytest.mark.parametrize("concurrency", ["adaptive", "limits"])
async def test_max_concurrency_bounds_an_adaptive_map(concurrency, endpoint, program, tmp_path):
    (tmp_path / "items").write_text('{"op": "sleep", "seconds": 0.05}\n' * 12)
    arguments = ("map", "app", "-f", "items", "-o", "out", "--max-concurrency", "2", "--concurrency", concurrency)
    ended = await program(*arguments, env=environment_for(endpoint), cwd=tmp_path)
    begun = [json.loads(line)["duration_ms"] for line in (tmp_path / "out").read_text().splitlines()]
    (seconds,) = re.findall(r"([\d.]+) s\n$", ended.stderr)
    assert (ended.code, len(begun)) == (0, 12)
    assert float(seconds) > sum(begun) / 1000 / 2 - 0.1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-f", "items", "-o", "text"], "-o text writes columns without names: choose them with --query"),
        (["-f", "items", "--concurrency", "5", "--max-concurrency", "5"], "--concurrency N is a bound itself"),
        (["-f", "items", "--max-failure-ratio", "2"], "argument --max-failure-ratio: 2 is not a share from 0 to 1"),
        (["-f", "missing"], "cannot read the items"),
        (["-f", "items", "-o", "missing/out"], "cannot write to"),
        (["-f", "items", "--concurrency", "0"], "neither a whole number"),
        (["-f", "items", "--journal", "missing/run.db"], "cannot be used"),
        ([], "no items: name their file with -f FILE"),
    ],
)
async def test_usage_error_is_exit_code_2(arguments, text, endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n")
    ended = await program("map", "app", *arguments, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 2
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_failed_start_keeps_the_previous_results(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("1\n")
    (tmp_path / "out").write_text("results of before\n")
    env = environment_for(endpoint)
    arguments = ("map", "raw", "-f", "items", "-o", "out")
    refused = await program(*arguments, "--journal", "missing/run.db", env=env, cwd=tmp_path)
    assert (refused.code, (tmp_path / "out").read_text()) == (2, "results of before\n")
    ended = await program(*arguments, "--journal", "run.db", env=env, cwd=tmp_path)
    assert {"index", "line", "key"} < told((tmp_path / "out").read_text())[0].keys()
    assert (ended.code, [result["payload"] for result in told((tmp_path / "out").read_text())]) == (0, [1])


@pytest.mark.parametrize("is_named", [False, True], ids=["stdin", "fifo"])
async def test_silent_input_pipe_does_not_delay_the_end(is_named, endpoint, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader, writer = os.open(path, os.O_RDONLY | os.O_NONBLOCK), os.open(path, os.O_WRONLY)
    os.set_blocking(reader, True)
    try:
        os.write(writer, b"1\r\n\n2\n3")
        arguments = ("map", "raw", "-f", str(path) if is_named else "-", "--deadline", "1", "--ordered")
        process = await start(*arguments, env=environment_for(endpoint), stdin=reader)
        stdout, stderr = await asyncio.wait_for(process.communicate(), 30)
    finally:
        os.close(reader)
        os.close(writer)
    assert (process.returncode, [result["payload"] for result in told(stdout)]) == (3, [1, 2]), stderr
    assert [result["line"] for result in told(stdout)] == [1, 3]
    assert b"aiolambda: the rest of the input was not read\naiolambda: 2 done, 2 ok, " in stderr
    assert stderr.endswith(b"stopped by deadline\n")


def test_output_never_overwrites_the_input(tmp_path, monkeypatch, capsys):
    (tmp_path / "items").write_text("1\n")
    monkeypatch.chdir(tmp_path)
    for option in ("-o", "--failed", "--summary-file", "--journal"):
        assert main(["map", "app", "-f", "items", option, "./items"]) == 2
        assert f"{option} names the same file as -f" in capsys.readouterr().err
    for option in ("-o", "--failed", "--summary-file"):
        assert main(["map", "app", "-f", "items", "--journal", "run.db", option, "./run.db"]) == 2
        assert f"{option} names the same file as --journal" in capsys.readouterr().err
    assert main(["map", "app", "-f", "items", "-o", "out", "--summary-file", "./out"]) == 2
    assert "-o and --summary-file name the same file" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"items": "1\n"}


async def test_output_never_overwrites_the_input_under_another_name(tmp_path):
    items = tmp_path / "items"
    items.write_text("1\n")
    (tmp_path / "link").hardlink_to(items)
    linked = await run("map", "app", "-f", "items", "-o", "link", cwd=tmp_path)
    shell = ("sh", "-c", 'exec "$@" <items', "sh")
    opened = await run("map", "app", "-f", "-", "--failed", "items", cwd=tmp_path, within=shell)
    assert (linked.code, opened.code, items.read_text()) == (2, 2, "1\n")
    assert "-o names the same file as -f" in linked.stderr
    assert "--failed names the file that standard input reads" in opened.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--journal", "run.db", "-o", "run.db-wal"), "-o names a file that belongs to the journal"),
        (("--journal", "run.db", "--failed", "./run.db-shm"), "--failed names a file that belongs to the journal"),
        (("--template", "@used", "--unknown", "used"), "--unknown names the file of --template"),
        (("--price", "used", "--report", "used"), "--report names the file of --price"),
    ],
    ids=["log", "index", "template", "prices"],
)
async def test_no_file_that_is_in_use_is_overwritten(options, said, endpoint, tmp_path):
    (tmp_path / "items").write_text("1\n")
    (tmp_path / "used").write_text("{}")
    ended = await run("map", "app", "-f", "items", *options, env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, ended.stdout, (tmp_path / "used").read_text()) == (2, b"", "{}")
    assert f"{said}; choose another file" in ended.stderr


@pytest.mark.parametrize("option", ["--summary-file", "--report"])
async def test_a_folder_in_place_of_a_last_file_is_refused(option, endpoint, tmp_path):
    (tmp_path / "items").write_text("1\n")
    (tmp_path / "a folder").mkdir()
    for name, said in (("a folder", "is a folder; name a file in it"), ("none/x", "does not exist; create it first")):
        ended = await run("map", "app", "-f", "items", option, name, env=environment_for(endpoint), cwd=tmp_path)
        assert (ended.code, ended.stdout) == (2, b"")
        assert f"{option} {name!r} {said}" in ended.stderr or f"the folder of {option} {name!r} {said}" in ended.stderr


@pytest.mark.parametrize("option", ["summary_file", "report"])
def test_a_last_file_that_may_not_be_written_is_refused(option):
    user = os.geteuid()
    names = ("output", "failed", "unknown", "summary_file", "report", "journal", "template", "price")
    with tempfile.TemporaryDirectory() as folder:
        options = argparse.Namespace(file="items", **dict.fromkeys(names) | {option: f"{folder}/x"})
        check_files(options)
        Path(folder).chmod(0o500)
        os.seteuid(NOBODY if user == 0 else user)  # root may write everywhere
        try:
            with pytest.raises(ConfigurationError, match="cannot be written: this user may not write there"):
                check_files(options)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("option", ["-f", "-o", "--failed", "--summary-file", "--journal"])
def test_symlink_loop_is_a_usage_error(option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, value in {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "items").touch()
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    code = main(["map", "app", *(["-f", "items"] if option != "-f" else []), option, "a"])
    assert (code, "Traceback" in capsys.readouterr().err) == (4 if option == "--summary-file" else 2, False)


@pytest.mark.parametrize("arguments", [["--journal", "missing/run.db"], ["--concurrency", "2000000"], ["--region", "nowhere!"]])
def test_failed_start_prints_no_summary(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, value in {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "items").write_text("1\n")
    assert main(["map", "app", "-f", "items", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "done" not in line


async def test_journal_failure_is_not_a_usage_error(endpoint, tmp_path):
    """Functions have run: a script must not take it for a run that never began."""
    (tmp_path / "items").write_text("".join(f"{number}\n" for number in range(2000)))
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))}  # the file can grow no more
    arguments = ("map", "raw", "-f", "items", "--journal", "run.db", "--concurrency", "4")
    ended = await run(*arguments, env=environment_for(endpoint), cwd=tmp_path, **limit)
    assert 0 < len(told(ended.stdout)) < 2000
    assert ended.code == 4, ended.stderr
    assert "aiolambda: the journal 'run.db' cannot be used" in ended.stderr
    assert "stopped by error" in ended.stderr


@pytest.mark.parametrize("failing", [False, True])
async def test_reader_that_closes_the_pipe_early_is_no_error(failing, endpoint, tmp_path):
    """Like `| head -1`. Only results that had a reader count."""
    (tmp_path / "items").write_text('{"op": "fail"}\n' * failing + '{"op": "echo"}\n' * 2000)
    reader, writer = os.pipe()
    try:
        arguments = ("map", "app", "-f", str(tmp_path / "items"), "--concurrency", "2", "--ordered")
        process = await start(*arguments, env=environment_for(endpoint), stdout=writer)
    finally:
        os.close(writer)
    first = await asyncio.to_thread(os.read, reader, 1)
    os.close(reader)
    _, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, first) == (int(failing), b"{"), stderr
    assert b"stopped by output" in stderr


async def test_a_result_that_no_reader_takes_does_not_count(tmp_path):
    (tmp_path / "items").write_text("1\n2\n3\n")
    is_closed = asyncio.Event()

    async def fail_after_the_first(connection):
        while True:
            _, body = await connection.read_request()
            if body == b"1":
                await connection.write(answer())
            else:
                await is_closed.wait()
                await connection.write(answer(headers="X-Amz-Function-Error: Unhandled\r\n"))

    reader, writer = os.pipe()
    async with raw_server(fail_after_the_first) as server:
        keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
        env = environment(AWS_ENDPOINT_URL_LAMBDA=server.url, AWS_REGION="us-east-1", **keys)
        try:
            process = await start("map", "f", "-f", "items", "--concurrency", "1", env=env, cwd=tmp_path, stdout=writer)
        finally:
            os.close(writer)
        await asyncio.to_thread(os.read, reader, 1)
        os.close(reader)
        is_closed.set()
        _, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, stderr


async def test_interrupted_map_dies_of_the_signal(endpoint, tmp_path):
    (tmp_path / "items").write_text('{"op": "sleep", "seconds": 0.2}\n' * 1000)
    arguments = ("map", "app", "-f", str(tmp_path / "items"), "--concurrency", "2")
    process = await start(*arguments, env=environment_for(endpoint))
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == -signal.SIGINT, stderr
    assert b"interrupted" in stderr


async def test_killed_map_resumes_without_repeats(endpoint, tmp_path):
    """4 kills of a run of 100 items, each after some more have run; tests/soak/map_kills.py does it with 5,000."""
    items, diary = 100, tmp_path / "diary"
    lines = [json.dumps({"op": "diary", "file": str(diary), "item": number, "seconds": 0.01}) for number in range(items)]
    (tmp_path / "items").write_text("\n".join(lines))
    diary.touch()
    env = environment_for(endpoint)
    arguments = ("map", "app", "-f", "items", "-o", "out", "--journal", "run.db", "--concurrency", "4")
    for executed in (1, 19, 42, 70):
        process = await start(*arguments, env=env, cwd=tmp_path)
        await becomes_true(lambda executed=executed: diary.read_text().count("\n") >= executed, limit=30)
        process.kill()
        await process.communicate()
    ended = await run(*arguments, env=env, cwd=tmp_path)
    results = told((tmp_path / "out").read_text())
    executed = Counter(diary.read_text().split())
    assert sorted(result["index"] for result in results) == list(range(items))
    assert set(executed.values()) == {1}
    unknown = [result for result in results if not result["ok"]]
    assert {result["error"]["class"] for result in unknown} <= {"UnknownOutcomeError"}
    assert ended.code == (4 if unknown else 0)
    assert len(executed) >= items - len(unknown)


def test_progress_is_a_display_only_on_a_terminal(monkeypatch, capsys):
    stats = MapStats(
        done=1234,
        in_flight=3,
        window=5,
        rate=12.0,
        failed={Delivery.UNKNOWN: 2},
        throttled={ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 7},
    )
    line = "1,234 of 2,000 done (62%), 2 failed, 7 throttled (caller rate), 12/s, 1:04 left, 3 of 5 in flight"
    for isatty, has_display in ((False, True), (True, False)):
        monkeypatch.setattr(sys.stderr, "isatty", lambda isatty=isatty: isatty)
        with progress(2000, line_interval=0.0, has_display=has_display) as tell:
            tell(stats)
        assert capsys.readouterr().err == f"aiolambda: {line}\n"
    with progress(None, line_interval=0.0, has_display=False) as tell:
        tell(stats)
    assert capsys.readouterr().err.startswith(
        "aiolambda: 1,234 done, 2 failed, 7 throttled (caller rate), 12/s, 3 of 5 in flight"
    )
    for columns, shown in ((120, [line]), (80, [line[: line.index(" 1:04")], line[line.index("1:04") :]])):
        monkeypatch.setenv("COLUMNS", str(columns))
        with progress(2000, line_interval=0.0) as tell:
            tell(stats)
        display = capsys.readouterr().err
        assert all(part in display for part in shown)
        assert all(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", row)) <= columns for row in display.splitlines())
        assert display.endswith("\x1b[2K")  # nothing of it stays under the summary
