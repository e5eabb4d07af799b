"""`aiolambda journal`, and the options of `aiolambda map` for a journal."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import attrs
import pytest

from ..support.cli import environment, environment_for, run, start
from .test_map import interrupted_journal, told

FORMAT_4 = Path(__file__).parents[1] / "fanout" / "journals" / "format-4.sql"
LINES = ['{"op": "pid"}', '{"op": "fail", "text": "hunter2"}', "no json"]
MAP = ("map", "app", "-f", "items", "-o", "out", "--journal", "run.db")


async def look(program, folder, *arguments):
    """The end of `aiolambda journal`, with its output as text."""
    ended = await program("journal", *arguments, env=environment(), cwd=folder)
    return attrs.evolve(ended, stdout=ended.stdout.decode())


@pytest.fixture
async def journal(endpoint, program, tmp_path):
    """A folder with a journal of three items: one is done, one failed, one was refused."""
    (tmp_path / "items").write_text("\n".join(LINES))
    ended = await program(*MAP, "--tail", env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, "resuming" in ended.stderr) == (3, False)
    return tmp_path


async def test_show_counts_items_and_cost(journal, program):
    shown = json.loads((await look(program, journal, "show", "run.db", "-o", "json")).stdout)
    assert shown["states"] == {"ok": 1, "failed": 1, "not run": 1}
    causes = {cause["cause"]: (cause["delivery"], cause["count"]) for cause in shown["causes"]}
    assert causes == {"InvalidRequestContentException": ("refused", 1), "ValueError": ("executed", 1)}
    assert (shown["format"], shown["runs"], shown["items"]) == ("5", 1, 3)
    assert shown["map"] == {"function": "app", "type": "RequestResponse"}
    assert shown["billed_ms"] > 0
    assert shown["bytes"] == (journal / "run.db").stat().st_size
    table = await look(program, journal, "show", "run.db")
    assert (table.code, table.stderr) == (0, "")
    assert "map                                       function app, type RequestResponse\n" in table.stdout
    assert "ValueError (executed)                     1\n" in table.stdout


async def test_failed_names_key_cause_and_request(journal, program):
    ended = await look(program, journal, "failed", "run.db", "-o", "json")
    failed = {item["cause"]: item for item in json.loads(ended.stdout)}
    assert (ended.code, set(failed)) == (3, {"InvalidRequestContentException", "ValueError"})
    item = failed["ValueError"]
    results = {result["line"]: result for result in told((journal / "out").read_text())}
    assert (item["key"], item["delivery"], item["run"]) == (results[2]["key"], "executed", 1)
    assert len(item["request_id"]) == 36
    keys = await look(program, journal, "failed", "run.db", "--query", "[].[cause]", "-o", "text")
    assert sorted(keys.stdout.split()) == ["InvalidRequestContentException", "ValueError"]
    assert "hunter2" not in (await look(program, journal, "failed", "run.db")).stdout


@pytest.mark.parametrize(("lines", "code"), [(LINES[:1], 0), (LINES[:2], 1), (LINES, 3)], ids=["ok", "failed", "refused"])
async def test_failed_ends_with_the_most_severe_code(lines, code, endpoint, program, tmp_path):
    (tmp_path / "items").write_text("\n".join(lines))
    await program(*MAP, env=environment_for(endpoint), cwd=tmp_path)
    assert (await look(program, tmp_path, "failed", "run.db")).code == code
    await interrupted_journal(tmp_path / "run.db", "app", b"7")
    assert (await look(program, tmp_path, "failed", "run.db")).code == 4


async def test_export_writes_results_as_the_map_does(journal, program):
    ended = await look(program, journal, "export", "run.db")
    exported = {result["key"]: result for result in told(ended.stdout)}
    for result in told((journal / "out").read_text()):
        del result["index"], result["line"], result["item"]
        assert exported.pop(result["key"]) == result
    assert (ended.code, exported) == (0, {})
    await look(program, journal, "export", "run.db", "-o", "again.jsonl")
    assert (journal / "again.jsonl").read_text() == ended.stdout
    text = await look(program, journal, "export", "run.db", "--query", "[ok]", "-o", "text")
    assert sorted(text.stdout.split()) == ["False", "False", "True"]


async def test_a_reader_that_closes_the_pipe_ends_the_export(journal, program, tmp_path):
    process = await start("journal", "export", "run.db", cwd=journal, env=environment())
    assert process.stdout is not None
    process.stdout._transport.close()
    assert (await process.wait(), await process.stderr.read()) == (0, b"")


async def test_the_journal_is_not_overwritten_by_its_results(journal, program):
    before = (journal / "run.db").read_bytes()
    for action in ("show", "failed", "export"):
        ended = await look(program, journal, action, "run.db", "-o", "./run.db")
        assert (ended.code, "-o names the journal itself" in ended.stderr) == (2, True)
    assert (journal / "run.db").read_bytes() == before


async def test_compact_converts_and_shrinks_a_journal(program, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.executescript(FORMAT_4.read_text())
    before = (tmp_path / "old.db").stat().st_size
    first = await look(program, tmp_path, "export", "old.db")
    ended = await look(program, tmp_path, "compact", "old.db")
    after = (tmp_path / "old.db").stat().st_size
    assert (ended.code, ended.stdout) == (0, "")
    assert ended.stderr == f"aiolambda: 'old.db' had {before:,} bytes, and has {after:,} now\n"
    assert after < before
    again = await look(program, tmp_path, "export", "old.db")
    key = json.loads(first.stdout.splitlines()[0])["key"]
    assert key in again.stdout
    assert sorted(again.stdout.splitlines()) == sorted(first.stdout.splitlines())


@pytest.mark.parametrize("action", ["show", "failed", "export", "compact"])
async def test_a_missing_or_other_file_is_a_usage_error(action, program, tmp_path):
    missing = await look(program, tmp_path, action, "run.db")
    assert (missing.code, missing.stdout, "there is no such file" in missing.stderr) == (2, "", True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "notes").write_text("tea\n" * 1000)
    other = await look(program, tmp_path, action, "notes")
    assert (other.code, other.stdout, "the journal 'notes' cannot be used" in other.stderr) == (2, "", True)
    assert (tmp_path / "notes").read_text() == "tea\n" * 1000


@pytest.mark.parametrize("name", ["a b", "..", "é☃.db", "-", "x" * 300, "a\nb.db", "run.db/x"])
async def test_any_file_name_is_an_error_without_traceback(name, program, tmp_path):
    ended = await look(program, tmp_path, "show", "--", name)
    assert ended.code == 2
    assert "Traceback" not in ended.stderr


async def test_a_journal_in_use_is_an_error(endpoint, journal, program):
    (journal / "items").write_text('{"op": "sleep", "seconds": 30}\n')
    process = await start(*MAP, cwd=journal, env=environment_for(endpoint))
    try:
        while not (journal / "run.db-wal").exists():
            assert process.returncode is None
            await asyncio.sleep(0.02)
        for action in ("show", "failed", "export", "compact"):
            ended = await look(program, journal, action, "run.db")
            assert (ended.code, ended.stdout) == (2, "")
            assert "another run uses it; wait for the end of that run" in ended.stderr
    finally:
        process.kill()
        await process.wait()
    assert (await look(program, journal, "show", "run.db")).code == 0


async def test_a_resume_says_what_it_does_once(endpoint, journal, program):
    env = environment_for(endpoint)
    again = await program(*MAP, env=env, cwd=journal)
    said = "aiolambda: resuming: of the items in the journal, 2 are replayed and 1 are sent again\n"
    assert again.stderr.count(said) == again.stderr.count("resuming") == 1
    retried = await program(*MAP, "--retry-failed", "--idempotent", env=env, cwd=journal)
    assert "1 are replayed and 2 are sent again\n" in retried.stderr
    assert "1 replayed from the journal" in retried.stderr


async def test_an_outcome_is_replayed_without_payload(endpoint, program, tmp_path):
    (tmp_path / "items").write_text("\n".join(LINES[:2]))
    env = environment_for(endpoint)
    first = await program(*MAP, "--journal-results", "outcome", "--ordered", env=env, cwd=tmp_path)
    assert (first.code, "payload" in told((tmp_path / "out").read_text())[0]) == (1, True)
    assert (await program(*MAP, "--ordered", env=env, cwd=tmp_path)).code == 1
    done, failed = told((tmp_path / "out").read_text())
    assert (done["ok"], "payload" in done) == (True, False)
    assert (failed["error"]["type"], failed["error"]["function_message"]) == ("ValueError", None)
    assert "hunter2" not in json.dumps(failed["error"])


@pytest.mark.parametrize("option", [["--retry-failed"], ["--journal-results", "outcome"]], ids=["retry", "results"])
async def test_an_option_of_the_journal_needs_one(option, endpoint, tmp_path):
    (tmp_path / "items").write_text("1\n")
    ended = await run("map", "app", "-f", "items", *option, env=environment_for(endpoint), cwd=tmp_path)
    assert (ended.code, ended.stdout) == (2, b"")
    assert f"{option[0]} needs the journal of the map: name it with --journal FILE" in ended.stderr
