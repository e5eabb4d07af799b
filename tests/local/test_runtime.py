"""Handlers: their event, context, environment, log and result, in the built-in runtime and in AWS's own."""

import asyncio
import contextvars
import json
import os
import sys
import threading

import pytest

from aiolambda import Credentials
from aiolambda.operations.report import report_of

from ..support.local import (
    HERE,
    PACKAGE_DIRECTORY,
    both_runtimes,
    function,
    in_both_runtimes,
    invocation,
    needs_awslambdaric,
    running_process,
    serving,
)

TAIL = {"X-Amz-Log-Type": "Tail"}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the files and variables of a process")


@in_both_runtimes
async def test_events_and_results_cross_both_runtimes(invoke, app):
    event = {"op": "echo", "text": "h\u00e9llo \u2603", "numbers": [1, 2.5, 10**20], "nothing": None}
    assert (await invoke(app, payload=event)).json() == event
    assert (await invoke(app, payload={"op": "nothing"})).body == b"null"


@in_both_runtimes
async def test_traceback_shows_only_the_handler(invoke, app):
    answer = await invoke(app, payload={"op": "fail", "text": "no tea"}, headers=TAIL)
    error = answer.json()
    assert answer.error == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no tea")
    assert error["requestId"] == answer.headers["x-amzn-RequestId"]
    assert [line.split(", ")[2].splitlines()[0] for line in error["stackTrace"]] == ["in handler", "in fail"]
    assert all(f'  File "{HERE / "local_handlers.py"}", line ' in line for line in error["stackTrace"])
    assert "[ERROR] ValueError: no tea" in answer.log


@both_runtimes
async def test_log_tail_holds_all_output_of_the_call(runtime):
    async with serving(function(runtime=runtime)) as invoke:
        first, second = [await invoke(payload={"op": "log"}, headers=TAIL) for _ in range(2)]
    request_id = second.headers["x-amzn-RequestId"]
    lines = second.log.splitlines()
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert lines[1:3] == ["printed", "to stderr"]
    assert lines[3].startswith("[WARNING]\t")
    assert lines[3].endswith(f"Z\t{request_id}\tlogged")
    assert lines[4:7] == ["written", "by a child", f"END RequestId: {request_id}"]
    assert lines[7].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert len(lines) == 8
    assert first.log.startswith("loading the module\nSTART RequestId: ")


@in_both_runtimes
async def test_output_is_in_the_log_of_its_own_call(invoke, app):
    for _ in range(50):
        answer = await invoke(app, payload={"op": "chatter", "size": 1500}, headers=TAIL)
        request_id = answer.headers["x-amzn-RequestId"]
        assert f"\n{'x' * 1500}\nEND RequestId: {request_id}\n" in answer.log


async def test_report_line_is_parsed():
    async with serving(function(memory_size=256)) as invoke:
        cold, warm = [report_of((await invoke(headers=TAIL)).log) for _ in range(2)]
    assert cold is not None
    assert warm is not None
    assert cold.init_duration_ms > 0
    assert warm.init_duration_ms is None
    assert warm.memory_size_mb == 256
    assert 0 < warm.duration_ms <= warm.billed_duration_ms
    assert sys.platform != "linux" or 1 < warm.max_memory_used_mb < 200


async def test_log_tail_is_the_last_four_kilobytes(invoke):
    answer = await invoke(payload={"op": "chatter", "size": 300_000}, headers=TAIL)
    assert len(answer.log) == 4096
    assert answer.log.startswith("xxxx")
    assert report_of(answer.log) is not None


async def test_log_is_returned_only_on_request(invoke):
    assert "X-Amz-Log-Result" not in (await invoke(payload={"op": "log"})).headers


async def test_on_log_receives_the_whole_log():
    heard = bytearray()
    async with serving(on_log=heard.extend) as invoke:
        answer = await invoke(payload={"op": "log"}, headers=TAIL)
    assert heard.decode() == answer.log


async def test_on_log_that_raises_changes_nothing(caplog):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))

    def raise_error(data: bytes) -> None:
        raise LookupError(data)

    async with serving(on_log=raise_error) as invoke:
        invoke.endpoint.add("here", write_printed)
        invoke.endpoint.add("thread", write_printed_in_a_thread)
        for _ in range(2):
            answer = await invoke(payload={"op": "log"}, headers=TAIL)
            assert (answer.status, answer.error) == (200, None)
            assert "printed" in answer.log
        assert set(told) == {"on_log of the local endpoint raised an exception"}
        for name in ("here", "thread"):
            answer = await invoke(name, headers=TAIL)
            assert (answer.status, answer.json()) == (200, "done")
            assert "printed" in answer.log
    assert "on_log of the local endpoint raised an exception" in caplog.text


def write_printed(_: object) -> str:
    sys.stdout.write("printed")
    return "done"


def write_printed_in_a_thread(event: object) -> str:
    """The thread has no event loop, and is followed as a part of the handler."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(write_printed, event))
    thread.start()
    thread.join()
    return "done"


@in_both_runtimes
async def test_non_json_result_is_a_marshal_error(invoke, app):
    answer = await invoke(app, payload={"op": "unserializable"})
    assert (answer.error, answer.json()["errorType"]) == ("Unhandled", "Runtime.MarshalError")
    assert answer.json()["errorMessage"].startswith(
        "Unable to marshal response: Object of type object is not JSON serializable"
    )


async def test_async_handler_fails_as_on_lambda(invoke):
    answer = await invoke(payload={"op": "coroutine"}, headers=TAIL)
    assert answer.json()["errorType"] == "Runtime.MarshalError"
    assert "Object of type coroutine is not JSON serializable" in answer.json()["errorMessage"]
    assert "never awaited" not in answer.log


@in_both_runtimes
async def test_decimals_and_bytes_are_encoded(invoke, app):
    assert (await invoke(app, payload={"op": "decimal"})).json() == {"price": 1.5, "count": 3, "name": "tea"}


@both_runtimes
async def test_function_environment_matches_lambda(runtime):
    async with serving(function(runtime=runtime), region="eu-west-1") as invoke:
        seen = (await invoke(payload={"op": "describe"})).json()
        url, credentials = invoke.endpoint.url, invoke.endpoint.credentials
    expected = {
        "_HANDLER": "local_handlers.handler",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "app",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_STREAM_NAME": seen["log_stream_name"],
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_ENDPOINT_URL_LAMBDA": url,
        "LAMBDA_TASK_ROOT": str(HERE),
    }
    assert seen["environment"] | expected == seen["environment"]
    assert seen["directory"] == str(HERE)


@both_runtimes
async def test_a_process_of_a_version_runs_its_folder(tmp_path, runtime):
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "app.py").write_text("from local_handlers import describe as handler")
    environment = {"PYTHONPATH": os.pathsep.join([PACKAGE_DIRECTORY, str(HERE)])}
    made = function(handler="app.handler", root=tmp_path, versions={"1": folder}, runtime=runtime, environment=environment)
    async with running_process(made, version="1") as process:
        result = await process.invoke(invocation())
    seen = json.loads(result.response.payload)
    assert (seen["directory"], seen["environment"]["LAMBDA_TASK_ROOT"]) == (str(folder), str(folder))
    assert (seen["function_version"], seen["environment"]["AWS_LAMBDA_FUNCTION_VERSION"]) == ("1", "1")
    assert "/[1]" in seen["log_stream_name"]
    assert "START RequestId: 1 Version: 1\n" in result.log_tail.decode()


@both_runtimes
async def test_a_function_may_have_ninety_minutes(runtime):
    async with serving(function(runtime=runtime, timeout=5400.0)) as invoke:
        remaining = (await invoke(payload={"op": "describe"})).json()["remaining"]
    assert 5_390_000 < remaining <= 5_400_000


async def test_function_directory_is_first_on_sys_path(invoke):
    assert (await invoke(payload={"op": "describe"})).json()["path"] == str(HERE)


SECRETS = {
    "AWS_SESSION_TOKEN": "of somebody else",
    "AWS_PROFILE": "work",
    "AWS_ENDPOINT_URL_S3": "http://s3.example",
    "DATABASE_PASSWORD": "a secret",
    "GITHUB_TOKEN": "a secret",
    "HTTPS_PROXY": "http://user:secret@proxy.example",
    "LD_PRELOAD": "",
    "SSH_AUTH_SOCK": "agent",
    "lower_case": "a secret",
}
FROM_LAMBDA = {
    "_HANDLER",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_XRAY_CONTEXT_MISSING",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "TZ",
}
BESIDES = {"AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_LAMBDA", "AWS_SHARED_CREDENTIALS_FILE"}
PLACES = {"PATH": os.defpath, "HOME": "/home/somebody", "PYTHONPATH": PACKAGE_DIRECTORY, "NODE_PATH": "/opt/modules"}


def set_variables(monkeypatch):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (SECRETS | PLACES).items():
        monkeypatch.setenv(name, value)


async def variables_of(monkeypatch, **settings):
    """All variables of a function, without those that the runtime itself or coverage adds."""
    set_variables(monkeypatch)
    async with serving(function(**settings)) as invoke:
        found = (await invoke(payload={"op": "all variables"})).json()
    added = ("_X_AMZN_TRACE_ID", "AWS_EXECUTION_ENV", "LC_CTYPE")
    return {name: value for name, value in found.items() if name not in added and not name.startswith("COVERAGE_")}


@both_runtimes
async def test_function_inherits_no_other_variables(monkeypatch, runtime):
    found = await variables_of(monkeypatch, runtime=runtime)
    assert found.keys() == FROM_LAMBDA | BESIDES | PLACES.keys()
    assert {name: found[name] for name in PLACES} == PLACES
    assert (found["AWS_CONFIG_FILE"], found["AWS_SHARED_CREDENTIALS_FILE"]) == (os.devnull, os.devnull)


@on_linux
@both_runtimes
async def test_a_process_sees_no_variables_and_files_of_the_endpoint(monkeypatch, runtime):
    """Not even those of the processes that started it."""
    set_variables(monkeypatch)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    async with serving(function(runtime=runtime, environment={"TABLE": "orders"})) as invoke:
        seen = (await invoke(payload={"op": "surroundings"})).json()
    own, *of_parents = [{line.partition("=")[0] for line in variables if line} for variables in seen["variables"]]
    own = {name for name in own if not name.startswith("COVERAGE_")} - {"AWS_EXECUTION_ENV"}
    assert own == FROM_LAMBDA | BESIDES | PLACES.keys() | {"TABLE", "LD_LIBRARY_PATH"}
    assert of_parents == [{"LD_LIBRARY_PATH"}] * 2
    kinds = {name: target.partition(":")[0] for name, target in seen["files"].items() if not target.startswith("/proc/")}
    assert [kinds.pop(name) for name in "012"] == ["/dev/null", "pipe", "pipe"]
    assert runtime is not None or list(kinds.values()) == ["socket"]  # awslambdaric has some of its own


@both_runtimes
async def test_function_gets_its_configured_variables(monkeypatch, runtime):
    named = {
        "TABLE": "orders \u2603",
        "EMPTY": "",
        "PATH": "/opt/bin",
        "PYTHONPATH": "",
        "LANG": "C.UTF-8",
        "AWS_CONFIG_FILE": "x",
    }
    found = await variables_of(monkeypatch, runtime=runtime, environment=named)
    assert {name: found[name] for name in named} == named


async def test_a_function_may_have_keys_of_its_own(monkeypatch):
    own = {"AWS_ACCESS_KEY_ID": "AKIAOWN", "AWS_SECRET_ACCESS_KEY": "own"}
    found = await variables_of(monkeypatch, environment=own)
    assert {name: found.get(name) for name in (*own, "AWS_SESSION_TOKEN")} == {**own, "AWS_SESSION_TOKEN": None}


async def test_session_token_comes_with_its_keys():
    async with serving(credentials=Credentials("AKIALOCAL", "s", "t")) as invoke:
        found = (await invoke(payload={"op": "all variables"})).json()
    assert [found[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")] == ["AKIALOCAL", "s", "t"]


@both_runtimes
async def test_a_handler_may_be_in_a_folder(tmp_path, runtime):
    for folder in ("handlers", "handlers/deep"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.py").write_text("def handler(event, context):\n    return __name__\n")
    handlers = ["handlers/app.handler", "handlers/deep/app.handler", "handlers.app.handler"]
    functions = [function(f"app{i}", handler, runtime=runtime, root=tmp_path) for i, handler in enumerate(handlers)]
    async with serving(*functions) as invoke:
        answers = [await invoke(each.name) for each in functions]
    assert [answer.json() for answer in answers] == ["handlers.app", "handlers.deep.app", "handlers.app"]


@both_runtimes
async def test_a_handler_in_a_folder_may_import_relatively(tmp_path, runtime):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "shared.py").write_text("SHARED = 'shared'")
    (tmp_path / "handlers/__init__.py").write_text("IN_PACKAGE = 'package'")
    (tmp_path / "handlers/names.py").write_text("from shared import SHARED\nNAME = SHARED.upper()")
    source = "from . import IN_PACKAGE\nfrom .names import NAME\ndef handler(event, context):\n    return [IN_PACKAGE, NAME]"
    (tmp_path / "handlers/app.py").write_text(source)
    async with serving(function(handler="handlers/app.handler", root=tmp_path, runtime=runtime)) as invoke:
        assert (await invoke()).json() == ["package", "SHARED"]


@both_runtimes
async def test_missing_module_is_named_as_on_lambda(tmp_path, runtime):
    (tmp_path / "handlers").mkdir()
    async with serving(function(runtime=runtime, handler="handlers/app.handler", root=tmp_path)) as invoke:
        error = (await invoke()).json()
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"] == "Unable to import module 'handlers/app': No module named 'handlers.app'"


async def test_functions_of_one_endpoint_invoke_each_other(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PACKAGE_DIRECTORY)
    async with serving(function("front"), function("back")) as invoke:
        payload = {"op": "relay", "to": "back", "payload": {"op": "describe"}}
        answer = await invoke("front", payload)
    assert answer.json()["function_name"] == "back"


SAME = {
    "exact decimals": {"op": "exact"},
    "set": {"op": "set"},
    "no text": {"op": "fail", "text": ""},
    "chained": {"op": "raise chained"},
    "StopIteration": {"op": "stop"},
    "quit": {"op": "quit", "status": 3},
    "quit without status": {"op": "quit"},
    "failing text": {"op": "raise without text"},
    "surrogate in an error": {"op": "fail", "text": "tea \ud800 \u2603"},
}


@needs_awslambdaric
@pytest.mark.parametrize("payload", SAME.values(), ids=SAME)
async def test_both_runtimes_send_the_same_bytes(invoke, payload):
    """But for the request id."""
    answers = [await invoke(app, payload=payload) for app in ("app", "aws")]
    bodies = [answer.body.replace(answer.headers["x-amzn-RequestId"].encode(), b"id") for answer in answers]
    if sys.version_info >= (3, 12):  # awslambdaric escapes, because the endpoint does not tell it that it is in such a runtime
        bodies = [json.loads(body) for body in bodies]
    assert bodies[0] == bodies[1]
    assert answers[0].error == answers[1].error


@in_both_runtimes
@pytest.mark.parametrize("op", ["raise without text", "fail"])
async def test_an_error_without_writable_text_ends_the_process(invoke, app, op):
    """As on Lambda, whose log is UTF-8."""
    answer = await invoke(app, payload={"op": op, "text": "tea \ud800"})
    assert answer.json()["errorType"] == "Runtime.ExitError"
    assert answer.json()["errorMessage"].endswith("Runtime exited with error: exit status 1")
