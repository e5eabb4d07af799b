"""The log of a function: the lines of Lambda and of the runtime, as text and as JSON."""

import json
import re

import pytest

from aiolambda.emulation.function_log import FunctionLog, Usage
from aiolambda.operations.report import report_of

from ..support.local import AWS_RUNTIME, both_runtimes, function, needs_awslambdaric, serving

TAIL = {"X-Amz-Log-Type": "Tail"}


def events(log):
    """The lines of Lambda itself, by their type, without the time."""
    found = [json.loads(line) for line in log.splitlines() if '"type":"platform.' in line]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["time"]) for one in found)
    assert all(one.keys() == {"time", "type", "record"} for one in found)
    return {one["type"].removeprefix("platform."): one["record"] for one in found}


async def log_of(payload, *, cold=True, **settings):
    """The log of the first call, or of the second one, as Lambda returns it."""
    async with serving(function(log_format="JSON", **settings)) as invoke:
        for _ in range(1 if cold else 2):
            answer = await invoke(payload=payload, headers=TAIL)
    return answer.log


async def test_lines_in_json_have_the_members_of_lambda():
    async with serving(function(log_format="JSON", memory_size=256)) as invoke:
        answers = [await invoke(headers=TAIL) for _ in range(2)]
    cold, warm = (events(answer.log) for answer in answers)
    request_id = answers[0].headers["x-amzn-RequestId"]
    arn = "arn:aws:lambda:us-east-1:000000000000:function:app"
    assert cold["start"] == {"requestId": request_id, "functionArn": arn, "version": "$LATEST"}
    assert list(cold["report"]) == ["requestId", "metrics", "status"]
    assert (cold["report"]["requestId"], cold["report"]["status"]) == (request_id, "success")
    names = ["durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"]
    assert [list(one["report"]["metrics"]) for one in (cold, warm)] == [[*names, "initDurationMs"], names]
    assert cold["report"]["metrics"]["memorySizeMB"] == 256
    assert [list(one) for one in (cold, warm)] == [["start", "report"]] * 2


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
async def test_the_client_reads_the_report_of_both_formats(log_format):
    async with serving(function(log_format=log_format, memory_size=256)) as invoke:
        answer = await invoke(headers=TAIL)
    report = report_of(answer.log, request_id=answer.headers["x-amzn-RequestId"])
    assert report is not None
    assert (report.memory_size_mb, report.request_id) == (256, answer.headers["x-amzn-RequestId"])
    assert 0 < report.duration_ms < report.billed_duration_ms
    assert report.init_duration_ms > 0


def normalized(log):
    """Without the figures that differ between two calls."""
    log = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", log)
    log = re.sub(r'("time(stamp)?": ?")[^"]*', r"\1NOW", log)
    return re.sub(r'("metrics":)\{.*?\}', r"\1{}", log).splitlines()


@needs_awslambdaric
@pytest.mark.parametrize("log_level", [None, "TRACE", "ERROR"])
async def test_both_runtimes_write_the_same_lines(log_level):
    logs = [
        await log_of({"op": "log records", "text": "no tea"}, cold=False, runtime=runtime, log_level=log_level)
        for runtime in (None, AWS_RUNTIME)
    ]
    ours, theirs = (normalized(log) for log in logs)
    assert ours == theirs
    levels = [json.loads(line)["message"] for line in ours if '"level ' in line]
    assert len(levels) == {None: 3, "TRACE": 4, "ERROR": 1}[log_level]


@both_runtimes
async def test_what_a_function_prints_stays_as_it_is(runtime):
    log = await log_of({"op": "log"}, runtime=runtime)
    assert {"printed", "to stderr", "written", "by a child"} <= set(log.splitlines())
    record = next(json.loads(line) for line in log.splitlines() if '"logged"' in line)
    assert record["requestId"] == events(log)["start"]["requestId"]


@both_runtimes
async def test_a_log_level_holds_for_text_too(runtime):
    settings = {"runtime": runtime, "log_level": "ERROR"}
    async with serving(function(**settings)) as invoke:
        log = (await invoke(payload={"op": "log records"}, headers=TAIL)).log
    assert "level 40" in log
    assert "level 30" not in log


async def test_a_timeout_is_in_the_report():
    log = await log_of({"op": "sleep", "seconds": 60}, timeout=0.5)
    lines = events(log)
    assert list(lines) == ["start", "runtimeDone", "report"]
    assert [lines[name]["status"] for name in ("runtimeDone", "report")] == ["timeout"] * 2
    assert lines["report"]["metrics"]["durationMs"] == 500.0
    assert "errorType" not in lines["report"]
    assert "Task timed out" not in log


async def test_an_exit_is_in_the_report():
    log = await log_of({"op": "exit", "code": 3})
    lines = events(log)
    assert list(lines) == ["start", "runtimeDone", "report"]
    expected = {"status": "error", "errorType": "Runtime.ExitError"}
    assert [lines[name] | expected for name in ("runtimeDone", "report")] == [lines[name] for name in ("runtimeDone", "report")]
    assert "exit status" not in log


async def test_an_init_that_fails_is_in_the_log(tmp_path):
    (tmp_path / "module.py").write_text("raise SystemExit(7)")
    log = await log_of({}, handler="module.handler", root=tmp_path)
    lines = events(log)
    assert list(lines) == ["initRuntimeDone", "initReport", "start", "runtimeDone", "report"]
    expected = {"initializationType": "on-demand", "phase": "init", "status": "error", "errorType": "Runtime.ExitError"}
    assert lines["initRuntimeDone"] == expected
    assert lines["initReport"].keys() == {*expected, "metrics"}


async def test_an_error_of_the_function_is_one_line_of_json():
    log = await log_of({"op": "fail", "text": "é ☃"})
    (line,) = (json.loads(line) for line in log.splitlines() if '"ValueError"' in line)
    assert list(line) == ["timestamp", "level", "errorMessage", "errorType", "requestId", "stackTrace"]
    assert (line["level"], line["errorMessage"]) == ("ERROR", "é ☃")
    assert list(events(log)) == ["start", "report"]


async def test_an_import_that_fails_is_one_line_of_json(tmp_path):
    (tmp_path / "module.py").write_text("import nonesuch")
    log = await log_of({}, handler="module.handler", root=tmp_path)
    line = json.loads(log.splitlines()[0])
    assert (line["errorType"], line["requestId"]) == ("Runtime.ImportModuleError", "")


async def test_text_names_the_end_of_a_runtime(invoke):
    answer = await invoke(payload={"op": "exit", "code": 3}, headers=TAIL)
    request_id = answer.headers["x-amzn-RequestId"]
    said = f"RequestId: {request_id} Error: Runtime exited with error: exit status 3\nRuntime.ExitError\n"
    assert f"{said}END RequestId: {request_id}" in answer.log


async def test_text_names_an_init_that_fails(tmp_path):
    (tmp_path / "module.py").write_text("import time; time.sleep(60)")
    async with serving(function(handler="module.handler", root=tmp_path), init_limit=0.5) as invoke:
        answer = await invoke(headers=TAIL)
    first, second, *_ = answer.log.splitlines()
    assert re.fullmatch(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout", first)
    assert second.startswith("START ")


async def test_a_timeout_in_text_has_the_time_and_the_request():
    async with serving(function(timeout=0.5)) as invoke:
        answer = await invoke(payload={"op": "sleep", "seconds": 60}, headers=TAIL)
    request_id = answer.headers["x-amzn-RequestId"]
    pattern = rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {request_id} Task timed out after 0\.50 seconds"
    assert any(re.fullmatch(pattern, line) for line in answer.log.splitlines())
    assert f"REPORT RequestId: {request_id}\tDuration: 500.00 ms\t" in answer.log


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_output_without_line_end_stays_apart_from_the_lines(log_format):
    log = FunctionLog(log_format=log_format)
    log.write(b"init")
    log.start("1")
    log.write(b"handler")
    lines = log.end("1", Usage(duration=1, memory_size=128, max_memory_used=1)).decode().splitlines()
    assert (lines[0], lines[2]) == ("init", "handler")
