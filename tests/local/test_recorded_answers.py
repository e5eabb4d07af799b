"""The local endpoint against what Lambda itself answered: the errors and the results that were recorded in `../shared/suites`.

Of 79 errors, the endpoint gives the six that an invocation can cause; the others belong to operations that it does not serve.
Of 59 results, it gives 37 through functions like the recorded ones. For 19 more, of runtimes that are not here (Java, .NET,
Ruby, Go, Rust, Python 3.8), a runtime client reports what was recorded. Three tell of the sandbox of Lambda.
"""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import attrs
import pytest

from aiolambda import Credentials

from ..support import peers, suites
from ..support.local import AWS_RUNTIME, HERE, RAW_RUNTIME, Answer, Caller, function, needs_awslambdaric, shared_endpoint

SUITE = "recorded-answers/recorded.json"
pytestmark = pytest.mark.slow


@attrs.frozen
class Call:
    function: str
    payload: object = b"{}"
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    after: tuple["Call", ...] = ()
    """The calls before it."""


def of_type(function, kind):
    return Call(function, headers={"X-Amz-Invocation-Type": kind})


OTHER_REGION = "arn:aws:lambda:ap-southeast-1:000000000000:function:echo"
ERRORS = {
    "test_lambda_concurrency_block.invoke_latest_first_exc": Call("closed"),
    "test_invoke_exceptions.invoke_function_doesnotexist": Call("doesnotexist"),
    "test_lambda_invoke_payload_encoding_error.invoke_function_invalid_payload_message": Call("echo", b"\x99\xeb,j\x07\xa1zYh"),
    "test_ops_on_nonexisting_version.version_not_found_exception": Call("echo", query="?Qualifier=1221"),
    "test_get_function_wrong_region.wrong_region_exception": Call(OTHER_REGION),
    "test_function_arns.function_arn_other_region_exc": Call(OTHER_REGION),
}
"""By the name of the recorded case, the call that causes the error. The last three were recorded with GetFunction."""

FAILED = Call("fail", {"error_msg": "some_error_msg"})
KEPT = Call("keep", {"write": "{folder}/kept"})
TIMED_OUT = Call("keep", {"sleep": 30}, after=(KEPT,))
PYTHON = {
    "test_basic_invoke.lambda_invoke_result": Call("echo"),
    "test_lambda_cache_local[python].second_invoke_result": Call("count", after=(Call("count"),)),
    "test_lambda_invoke_no_timeout.invoke-result": Call("nothing"),
    "test_invocation_type_request_response[python3.10].invoke-result": of_type("echo", "RequestResponse"),
    "test_invocation_type_event[python3.9].invoke-result": of_type("echo", "Event"),
    "test_invocation_type_event_error.invocation_response": of_type("handler_error", "Event"),
    "test_invocation_type_no_return_payload[python-Event].invoke-result": of_type("nothing", "Event"),
    "test_invocation_type_dry_run[python3.10].invoke-result": of_type("echo", "DryRun"),
    "test_lambda_environment.invocation-result": Call("hello"),
    "test_upload_lambda_from_s3.invocation-response": Call("describe", {"foo": "bar with 'quotes\""}),
    "test_lambda_concurrency_block.invoke_latest_before_block": Call("echo", {"hello": "world"}),
    "test_lambda_versions_with_code_changes.invocation_result_latest": Call("second"),
    "test_lambda_versions_with_code_changes.invocation_result_v2": Call("versions", query="?Qualifier=2"),
    "test_lambda_versions_with_code_changes.invocation_result_latest_end": Call("versions"),
    "test_lambda_versions_with_code_changes.invocation_result_v1_end": Call("versions", query="?Qualifier=1"),
    "test_lambda_alias_moving.invocation_result_qualifier_v1_arn": Call("versions:alias1"),
    "test_lambda_alias_moving.invocation_result_qualifier_v1_after_publish": Call("versions", query="?Qualifier=alias1"),
    "test_lambda_invoke_timed_out_environment_reuse.invoke-result-file-read": Call(
        "keep", {"read": "{folder}/kept"}, after=(KEPT,)
    ),
    "test_lambda_invoke_timed_out_environment_reuse.invoke-result-read-number": Call("keep", {}, after=(KEPT,)),
    "test_lambda_invoke_timed_out_environment_reuse.invoke-result-file-read-after-timeout": Call(
        "keep", {"read": "{folder}/kept"}, after=(TIMED_OUT,)
    ),
    "test_request_id_invoke.invoke_result": Call("request_id"),
    "test_lambda_runtime_error.invocation_error": Call("runtime_error"),
    "test_lambda_runtime_exit.invocation_error": Call("runtime_exit"),
    "test_lambda_handler_error.invocation_error": Call("handler_error"),
    "test_lambda_too_large_response.invoke_result_2": Call("large", {"size": 6 * 1024 * 1024 + 200}),
    "test_lambda_handler_update.invoke_result_handler_two": Call("handler_two"),
    "test_function_update_during_invoke.invoke_response_before": Call("variant", {"request_prefix": "1-sleep"}),
    **{
        f"test_uncaught_exception_invoke[{python}].error_result": FAILED for python in ("python3.9", "python3.12", "python3.13")
    },
}
NODE = {
    "test_lambda_cache_local[nodejs].second_invoke_result": Call("node_count", after=(Call("node_count"),)),
    "test_invocation_with_logs[nodejs16.x].invoke": Call("node_echo", headers={"X-Amz-Log-Type": "Tail"}),
    "test_invocation_type_event[nodejs16.x].invoke-result": of_type("node_echo", "Event"),
    "test_invocation_type_no_return_payload[nodejs-Event].invoke-result": of_type("node_nothing", "Event"),
    **{
        f"test_invoke_nodejs_es6_lambda[{node}].invocation-result": Call("node_es6", {"event_type": "test_lambda"})
        for node in ("nodejs16.x", "nodejs20.x", "nodejs24.x")
    },
}
SANDBOX = {
    "test_runtime_introspection_arm.invoke_runtime_arm_introspection": "users, modes of folders and the machine of the sandbox",
    "test_runtime_ulimits.invoke_runtime_ulimits": "limits of the sandbox, which a laptop's processes do not have",
    "test_lambda_init_environment.lambda-init-inspection": "see test_environment_has_the_recorded_variables",
}


def name_of(case):
    """The test and the key of a recorded case, without a parameter that is binary or the name of another operation."""
    return re.sub(r"\[(message-|get_function).*\]", "", case["test"].rpartition("::")[2]) + case["key"]


def recorded(kind):
    """The recorded cases of the tables, by name."""
    return {name_of(case): case for case in suites.load(SUITE)[kind]}


def others():
    """The recorded results of runtimes that are not here."""
    return [case for case in suites.load(SUITE)["invokes"] if name_of(case) not in {*PYTHON, *NODE, *SANDBOX}]


def test_every_recorded_case_is_counted():
    assert (len(suites.load(SUITE)["errors"]), len(ERRORS)) == (79, 6)
    assert recorded("errors").keys() > ERRORS.keys()
    assert (len(suites.load(SUITE)["invokes"]), len(PYTHON), len(NODE), len(SANDBOX), len(others())) == (59, 30, 7, 3, 19)
    assert recorded("invokes").keys() > {*PYTHON, *NODE, *SANDBOX}
    elsewhere = re.compile(r"TestJava|TestGo|\[(java|dotnet|ruby|provided|python3\.8)")
    assert all(elsewhere.search(case["test"]) for case in others())


# What is equal


def matches(expected: Any, seen: Any) -> bool:
    """Whether a value is the recorded one, with anything in place of `<placeholders>`, accounts and folders."""
    if isinstance(expected, dict):
        return expected.keys() == seen.keys() and all(matches(value, seen[name]) for name, value in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(seen) and all(map(matches, expected, seen))
    if expected == "<stack-trace>":
        return isinstance(seen, list) and all(isinstance(line, str) for line in seen)
    if not isinstance(expected, str):
        return bool(expected == seen)
    return isinstance(seen, str) and re.fullmatch(pattern_of(expected), seen, re.DOTALL) is not None


def pattern_of(text):
    """The regular expression of a recorded text."""
    escaped = re.escape(text)
    escaped = re.sub(r"<[\w\\-]+(:\d+)?>", ".+", escaped).replace("1" * 12, r"\d{12}")
    return escaped.replace("/var/task/", ".*/").replace("ap\\-southeast\\-1", ".+")


def check_result(out: Mapping[str, Any], answer: Answer) -> None:
    """Compare an answer with a recorded one, member by member, as boto3 reads them."""
    names = {
        "ExecutedVersion": "X-Amz-Executed-Version",
        "FunctionError": "X-Amz-Function-Error",
        "LogResult": "X-Amz-Log-Result",
    }
    seen: dict[str, Any] = {"StatusCode": answer.status}
    seen |= {member: answer.headers[header] for member, header in names.items() if header in answer.headers}
    payload = out["Payload"]
    seen["Payload"] = answer.body.decode() if isinstance(payload, str) else answer.json()
    if "LogResult" in out:
        assert "hello world" in answer.log
        seen["LogResult"] = out["LogResult"]
    assert matches(out, seen), seen


# The functions


VERSION = """
def handler(event, context):
    return {
        "version_id": NAME, "invoked_arn": context.invoked_function_arn, "version_from_ctx": context.function_version,
    }
"""
MODULES = {
    "lambda_runtime_error.py": 'raise Exception("Runtime startup fails")\n',
    "lambda_handler_error.py": 'def handler(event, context):\n    raise Exception("Handler fails")\n',
    "lambda_runtime_exit.py": "import sys\n\nsys.exit(0)\n",
    "two_handlers.py": 'def handler_two(event, context):\n    return {"handler": "handler_two"}\n',
    **{f"version{number}/app.py": f'NAME = "version{number}"\n{VERSION}' for number in "123"},
}


def python_functions(folder, runtime):
    for name, code in MODULES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    settings = {"runtime": runtime}
    names = "echo nothing count hello environment request_id describe variant fail large"
    variables = {"Hello": "World", "FUNCTION_VARIANT": "variant-1"}
    versions = {number: folder / f"version{number}" for number in "12"}
    return [
        *(function(name, f"recorded_handlers.{name}", environment=variables, **settings) for name in names.split()),
        function("keep", "recorded_handlers.keep", timeout=1.0, **settings),
        function("handler_error", "lambda_handler_error.handler", root=folder, **settings),
        function("runtime_error", "lambda_runtime_error.handler", root=folder, **settings),
        function("runtime_exit", "lambda_runtime_exit.handler", root=folder, **settings),
        function("handler_two", "two_handlers.handler_two", root=folder, **settings),
        function("second", "app.handler", root=folder / "version2", **settings),
        function(
            "versions",
            "app.handler",
            root=folder / "version3",
            versions=versions,
            aliases={"alias1": "1"},
            **settings,
        ),
        function("closed", "recorded_handlers.echo", concurrency=0),
    ]


@pytest.fixture(
    scope="module", params=[None, pytest.param(AWS_RUNTIME, marks=needs_awslambdaric)], ids=["built-in", "awslambdaric"]
)
def endpoint(request, tmp_path_factory):
    served = python_functions(tmp_path_factory.mktemp("recorded"), request.param)
    keys = Credentials("AKIDEXAMPLE", "secret", "token")
    with shared_endpoint(*served, verify_signatures=False, region="us-east-1", credentials=keys) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def node_endpoint():
    names = ("es6", "count", "echo", "nothing")
    served = [function(f"node_{name}", f"recorded.{name}", root=HERE / "node", runtime=peers.node_runtime()) for name in names]
    with shared_endpoint(*served, verify_signatures=False, region="us-east-1") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def replaying_endpoint():
    served = [function(kind, kind, runtime=RAW_RUNTIME) for kind in ("response", "error")]
    with shared_endpoint(*served, verify_signatures=False, region="us-east-1") as endpoint:
        yield endpoint


async def answer_of(endpoint, call, folder=HERE):
    async with aiohttp.ClientSession() as session:
        return await _made(Caller(endpoint, session), call, folder)


async def _made(invoke, call, folder):
    for before in call.after:
        await _made(invoke, before, folder)
    payload = call.payload
    if isinstance(payload, dict):
        payload = {name: value.format(folder=folder) if name in ("read", "write") else value for name, value in payload.items()}
    return await invoke(call.function, payload, query=call.query, headers=call.headers)


# The tests


@pytest.mark.parametrize("name", ERRORS)
async def test_error_is_the_recorded_one(endpoint, name):
    case = recorded("errors")[name]
    answer = await answer_of(endpoint, ERRORS[name])
    assert (answer.status, answer.code) == (case["status"], case["code"])
    assert matches(case["fields"], answer.json()), answer.json()


@pytest.mark.parametrize("name", PYTHON)
async def test_python_result_is_the_recorded_one(endpoint, name, tmp_path):
    out = recorded("invokes")[name]["out"]
    if PYTHON[name].function == "runtime_error":  # the frames of importlib depend on the version of Python
        out = out | {"Payload": out["Payload"] | {"stackTrace": "<stack-trace>"}}
    check_result(out, await answer_of(endpoint, PYTHON[name], tmp_path))


@pytest.mark.parametrize("name", NODE)
async def test_node_result_is_the_recorded_one(node_endpoint, name):
    check_result(recorded("invokes")[name]["out"], await answer_of(node_endpoint, NODE[name]))


async def test_reports_of_other_runtimes_arrive_as_recorded(replaying_endpoint):
    for case in others():
        out = case["out"]
        payload = out["Payload"]
        if isinstance(payload, str):
            reported = payload.encode()
        else:
            reported = payload | ({"stackTrace": ["a line"]} if "stackTrace" in payload else {})
        kind = "error" if "FunctionError" in out else "response"
        check_result(out, await answer_of(replaying_endpoint, Call(kind, reported)))


NOT_HERE = (
    *("PWD", "SHLVL", "LC_CTYPE", "LD_LIBRARY_PATH", "LAMBDA_RUNTIME_DIR", "PATH", "PYTHONPATH"),
    *("AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
)
"""Variables of the sandbox: its folders, its shell, its X-Ray daemon. The search paths are those of the machine."""
OWN = ("_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT")
"""Variables with values of this machine or of this test."""


async def test_environment_has_the_recorded_variables(endpoint):
    variables = recorded("invokes")["test_lambda_init_environment.lambda-init-inspection"]["out"]["Payload"]["environment"]
    seen = (await answer_of(endpoint, Call("environment"))).json()["environment"]
    shared = {name: value for name, value in variables.items() if name not in (*NOT_HERE, *OWN)}
    assert matches(shared, {name: seen.get(name) for name in shared}), seen
    own = {name for name in OWN if name != "AWS_EXECUTION_ENV" or endpoint.functions["environment"].runtime is None}
    assert own <= seen.keys()
