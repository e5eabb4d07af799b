"""Failures of functions have the types and texts of Lambda: of awslambdaric, of AWS's emulator, and of recorded answers."""

import json
import re
import signal
import sys
import urllib.error
import urllib.request

import aiohttp
import attrs
import pytest

from aiolambda.emulation import function_responses

from ..support import peers, suites
from ..support.local import AWS_RUNTIME, Caller, function, needs_awslambdaric, serving, shared_endpoint

HANDLER = "def handler(event, context):\n    import os, sys, time\n    "
ENDED = "RequestId: ID Error: Runtime exited with error: "


@attrs.frozen
class Case:
    source: str
    error_type: str
    message: str
    handler: str = "module.handler"
    at_emulator: bool = True
    """Whether the emulator's answer is that of Lambda. For a process that exits in init, it has none."""


CASES = {
    "failing import": Case(
        "import nonesuch", "Runtime.ImportModuleError", "Unable to import module 'module': No module named 'nonesuch'"
    ),
    "no module": Case(
        "", "Runtime.ImportModuleError", "Unable to import module 'missing': No module named 'missing'", "missing.handler"
    ),
    "no package": Case(
        "",
        "Runtime.ImportModuleError",
        "Unable to import module 'module.A': No module named 'module.A'; 'module' is not a package",
        "module.A.handler",
    ),
    "syntax": Case(
        "def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'module': invalid syntax (module.py, line 1)"
    ),
    "no handler": Case("", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'module'"),
    "no dot": Case(
        "",
        "Runtime.MalformedHandlerName",
        "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        "handler",
    ),
    "built-in": Case("", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module", "sys.handler"),
    "raises": Case("raise LookupError('at import')", "LookupError", "at import"),
    "relative": Case(
        "",
        "TypeError",
        "the 'package' argument is required to perform a relative import for '.module'",
        ".module.handler",
    ),
    "exits in init": Case("raise SystemExit(7)", "Runtime.ExitError", f"{ENDED}exit status 7", at_emulator=False),
    "exits well in init": Case(
        "raise SystemExit(0)",
        "Runtime.ExitError",
        "RequestId: ID Error: Runtime exited without providing a reason",
        at_emulator=False,
    ),
    "exits": Case(f"{HANDLER}sys.exit(3)", "Runtime.ExitError", f"{ENDED}exit status 3"),
    "exits well": Case(
        f"{HANDLER}os._exit(0)", "Runtime.ExitError", "RequestId: ID Error: Runtime exited without providing a reason"
    ),
    "killed": Case(f"{HANDLER}os.kill(os.getpid(), 9)", "Runtime.ExitError", f"{ENDED}signal: killed"),
    "crashes": Case(f"{HANDLER}os.kill(os.getpid(), 11)", "Runtime.ExitError", f"{ENDED}signal: segmentation fault"),
    "too much CPU": Case(f"{HANDLER}os.kill(os.getpid(), 24)", "Runtime.ExitError", f"{ENDED}signal: CPU time limit exceeded"),
    "too large": Case(
        f"{HANDLER}return 'x' * 6291555",
        "Function.ResponseSizeTooLarge",
        "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    ),
    "set": Case(
        f"{HANDLER}return {{1}}",
        "Runtime.MarshalError",
        "Unable to marshal response: Object of type set is not JSON serializable",
    ),
    "timeout": Case(
        f"{HANDLER}time.sleep(60)",
        "Sandbox.Timedout",
        "RequestId: ID Error: Task timed out after 2.00 seconds",
        at_emulator=False,
    ),
}
IN_INIT = [name for name, case in CASES.items() if "def handler(event" not in case.source]
UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp("function") for name in CASES}
    for name, folder in made.items():
        (folder / "module.py").write_text(CASES[name].source)
    return made


def function_of(name, folder, app="", **settings):
    return function(f"{app}{name.replace(' ', '-')}", CASES[name].handler, root=folder, timeout=2.0, **settings)


@pytest.fixture(scope="module")
def endpoint(folders):
    ours = [function_of(name, folder) for name, folder in folders.items()]
    aws = [function_of(name, folder, "aws-", runtime=AWS_RUNTIME) for name, folder in folders.items()]
    with shared_endpoint(*ours, *aws, verify_signatures=False) as endpoint:
        yield endpoint


@pytest.fixture
async def invoke(endpoint):
    async with aiohttp.ClientSession() as session:
        yield Caller(endpoint, session)


def body_of(answer):
    return UUID.sub(b"ID", answer.body)


async def answer_to(invoke, name, app=""):
    return await invoke(f"{app}{name.replace(' ', '-')}", payload={}, headers={"X-Amz-Log-Type": "Tail"})


@pytest.mark.parametrize("name", CASES)
async def test_a_failure_has_the_type_and_the_text_of_lambda(invoke, name):
    answer = await answer_to(invoke, name)
    error, case = json.loads(body_of(answer)), CASES[name]
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert (error["errorType"], error["errorMessage"]) == (case.error_type, case.message)


@pytest.mark.parametrize("name", IN_INIT)
async def test_a_failure_of_init_is_told_on_each_call(invoke, name):
    answers = [await answer_to(invoke, name) for _ in range(2)]
    assert invoke.endpoint.runtime_pids(name.replace(" ", "-")) == []
    assert body_of(answers[0]) == body_of(answers[1])
    for answer in answers:
        assert f"\tPhase: init\tStatus: error\tError Type: {CASES[name].error_type}\n" in answer.log
        assert f"\tStatus: error\tError Type: {CASES[name].error_type}\t\n" in answer.log


@needs_awslambdaric
@pytest.mark.parametrize("name", [name for name in CASES if name != "timeout"])
async def test_a_failure_has_the_bytes_of_awslambdaric(invoke, name):
    assert body_of(await answer_to(invoke, name)) == body_of(await answer_to(invoke, name, "aws-"))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.at_emulator])
async def test_a_failure_has_the_bytes_of_the_emulator(invoke, folders, name):
    with peers.emulator(folders[name], CASES[name].handler, folders[name] / "log") as url:
        theirs = post(f"{url}/2015-03-31/functions/function/invocations")
    assert body_of(await answer_to(invoke, name)) == UUID.sub(b"ID", theirs)


def post(url):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=20) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:  # it answers 502 where Lambda answers 200 and names the failure in a header
        return error.read()


RECORDED = {
    "test_lambda_runtime_error": 'raise Exception("Runtime startup fails")',
    "test_lambda_runtime_exit": "raise SystemExit(0)",
    "test_lambda_handler_error": f'{HANDLER}raise Exception("Handler fails")',
    "test_lambda_too_large_response": f"{HANDLER}return 'x' * 7_000_000",
}


@pytest.mark.parametrize("test", RECORDED)
async def test_a_failure_is_as_lambda_recorded_it(tmp_path, test):
    """But for the frames of its traceback, which depend on the version of Python and on the source."""
    invokes = suites.load("recorded-answers/recorded.json")["invokes"]
    (recorded,) = (case["out"] for case in invokes if case["test"].endswith(f"::{test}") and "FunctionError" in case["out"])
    (tmp_path / "module.py").write_text(RECORDED[test])
    async with serving(function(handler="module.handler", root=tmp_path)) as invoke:
        answer = await invoke(payload={})
    error, expected = json.loads(UUID.sub(b"<uuid>", answer.body)), dict(recorded["Payload"])
    ours, theirs = (members.pop("stackTrace", [""])[-1] for members in (error, expected))
    assert error == expected
    assert ours.partition("\n")[2] == theirs.partition("\n")[2]  # the failing line
    assert answer.error == recorded["FunctionError"]


async def test_a_response_of_exactly_the_limit_is_delivered(tmp_path):
    (tmp_path / "module.py").write_text(f"{HANDLER}return 'x' * 6291554")
    async with serving(function(handler="module.handler", root=tmp_path)) as invoke:
        answer = await invoke(payload={})
    assert (answer.error, len(answer.body)) == (None, 6_291_556)


async def test_the_traceback_of_an_import_names_the_failing_line(tmp_path):
    (tmp_path / "module.py").write_text("\n\nraise LookupError('at import')\n")
    async with serving(function(handler="module.handler", root=tmp_path)) as invoke:
        trace = (await invoke()).json()["stackTrace"]
    assert any(f'File "{tmp_path / "module.py"}", line 3' in line for line in trace)
    assert not any("bootstrap.py" in line for line in trace if "importlib" not in line)


@pytest.mark.skipif(sys.platform != "linux", reason="each system has names of its own")
@pytest.mark.parametrize(
    ("number", "name"),
    [
        (signal.SIGTERM, "terminated"),
        (signal.SIGABRT, "aborted"),
        (signal.SIGIO, "I/O possible"),
        (signal.SIGXCPU, "CPU time limit exceeded"),
        (signal.SIGRTMIN + 2, "signal 36"),
    ],
)
def test_a_signal_has_the_name_that_go_gives_it(number, name):
    message = json.loads(function_responses.exited("1", -number).payload)["errorMessage"]
    assert message == f"RequestId: 1 Error: Runtime exited with error: signal: {name}"
