"""The local endpoint seen by clients that others wrote: boto3, aws-sdk-lambda, the AWS SDK for JavaScript v3 and the AWS CLI.

Each makes all of its calls in one process, signed, through its own HTTP library. The tests then look at the outcomes.
"""

import asyncio
import base64
import json
import re
import subprocess

import attrs
import pytest

from aiolambda import Credentials

from ..support import peers
from ..support.local import RAW_RUNTIME, function, shared_endpoint
from ..support.other_clients import AWS_SDK, CLI, CLIENTS, STREAMING, Call, Outcome, outcomes

pytestmark = pytest.mark.slow

KEYS = Credentials("AKIDEXAMPLE", "secret")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:app"
LIMIT = 6 * 1024 * 1024
CONTEXT = {"client": {"app_title": "tea house"}, "custom": {"tea": "grün"}, "env": {"locale": "de"}}
EVENT = {"op": "echo", "tea": "grün ☃ 😀", "numbers": [1, 2.5, None, True]}
PIECES = {"op": "write", "pieces": ["one", "zwei é\n"], "pause": 0.05}
FAILS = {"op": "fail", "text": "kein Tee ☃"}


# The calls


def invoke(name="app", payload=None, **members):
    return Call({"FunctionName": name, **({} if payload is None else {"Payload": payload}), **members})


def stream(name="app", payload=None, **members):
    return attrs.evolve(invoke(name, payload, **members), streamed=True)


def event_of(client):
    """An event that tells which client sent it."""
    return invoke(payload={"op": "echo", "sent by": client}, InvocationType="Event")


def signed(key, secret):
    return Call({"FunctionName": "untouched"}, keys={"aws_access_key_id": key, "aws_secret_access_key": secret})


ECHOES = {
    "name": invoke(payload=EVENT),
    "type": invoke(payload=EVENT, InvocationType="RequestResponse"),
    "ARN": invoke(ARN, EVENT),
    "ARN with a qualifier": invoke(f"{ARN}:$LATEST", EVENT),
    "partial ARN": invoke("000000000000:function:app", EVENT),
    "name with a qualifier": invoke("app:$LATEST", EVENT),
    "qualifier": invoke(payload=EVENT, Qualifier="$LATEST"),
}
"""The ways to name the same function."""

VERSIONS = {
    "version": invoke("orders", {}, Qualifier="1"),
    "version in the name": invoke("orders:2", {}),
    "alias": invoke("orders", {}, Qualifier="live"),
    "alias in the ARN": invoke(f"{ARN[:-3]}orders:live", {}),
    "weighted alias": invoke("orders:green", {}),
    "latest": invoke("orders", {}),
}
SERVED = {
    "version": ("1", ":1"),
    "version in the name": ("2", ":2"),
    "alias": ("1", ":live"),
    "alias in the ARN": ("1", ":live"),
    "weighted alias": ("2", ":green"),
    "latest": ("$LATEST", ""),
}
"""For each of these calls: the version that runs, and the qualifier that the function sees."""

BUFFERED = {
    **ECHOES,
    **VERSIONS,
    "exact bytes": invoke("raw", b'{ "exactly":\t"so" }'),
    "no payload": invoke("raw"),
    "nothing": invoke(payload={"op": "nothing"}),
    "largest payload": invoke("raw", b'"' + b"x" * (LIMIT - 2) + b'"'),
    "too large a payload": invoke("raw", b'"' + b"x" * (LIMIT - 1) + b'"'),
    "too large a response": invoke(payload={"op": "big", "size": LIMIT + 200}),
    "dry run": invoke("untouched", {}, InvocationType="DryRun"),
    "description": invoke(
        payload={"op": "describe"},
        ClientContext=base64.b64encode(json.dumps(CONTEXT).encode()).decode(),
        TenantId="tenant one",
    ),
    "log": invoke(payload={"op": "log"}, LogType="Tail"),
    "no log": invoke(payload={"op": "log"}, LogType="None"),
    "error": invoke(payload=FAILS, LogType="Tail"),
    "exit": invoke(payload={"op": "exit", "code": 3}, LogType="Tail"),
    "timeout": invoke("brief", {"op": "sleep", "seconds": 30}, LogType="Tail"),
    "import error": invoke("broken", {}, LogType="Tail"),
    "unknown function": invoke("nobody", {}),
    "unknown version": invoke(payload={}, Qualifier="7"),
    "unknown alias": invoke("orders", {}, Qualifier="dead"),
    "two qualifiers": invoke("orders:live", {}, Qualifier="1"),
    "durable": invoke("orders:1", {}, DurableExecutionName="order-7"),
    "another region": invoke(ARN.replace("us-east-1", "eu-west-1"), {}),
    "throttle": invoke("closed", {}),
    "no JSON": invoke(payload=b"{tea"),
    "no UTF-8": invoke(payload=b"\x99\xeb,j\x07\xa1zYh"),
    "wrong secret": signed(KEYS.access_key_id, "another secret"),
    "unknown key": signed("AKIDSTRANGER", "secret"),
}
STREAMED = {
    "stream": stream(payload=PIECES, LogType="Tail"),
    "stream of a plain handler": stream("raw", b'{ "exactly":\t"so" }'),
    "stream of nothing": stream(payload={"op": "write", "pieces": []}),
    "large stream": stream(payload={"op": "write", "pieces": ["x" * 1_000_000] * 4}),
    "stream, then an error": stream(payload={**PIECES, "end": "fail", "text": "kein Tee ☃"}, LogType="Tail"),
    "stream, then a timeout": stream("brief", {"op": "write", "pieces": ["1"], "pause": 30}),
    "stream, then an exit": stream(payload={**PIECES, "end": "exit_with", "code": 3}),
    "stream of an alias": stream("orders", {}, Qualifier="live"),
    "stream of an unknown function": stream("nobody", {}),
    "stream of a closed function": stream("closed", {}),
    "stream of no JSON": stream(payload=b"{tea"),
}


# Their outcomes

ANSWER = Outcome(status=200, version="$LATEST")
NOT_FOUND = Outcome(status=404, code="ResourceNotFoundException", type="User")
UNKNOWN = attrs.evolve(NOT_FOUND, message=f"Function not found: {ARN[:-3]}nobody:$LATEST")
THROTTLE = Outcome(
    status=429,
    code="TooManyRequestsException",
    message="Rate Exceeded.",
    type="User",
    reason="ReservedFunctionConcurrentInvocationLimitExceeded",
)


def invalid_json(reason, line, column):
    place = f"[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
    message = f"Could not parse request body into json: Could not parse payload into json: {reason}\n at {place}"
    return Outcome(status=400, code="InvalidRequestContentException", message=message, type="User")


NO_JSON = invalid_json("Expecting property name enclosed in double quotes", 1, 2)
SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)

EXACT = {
    "exact bytes": attrs.evolve(ANSWER, payload=b'{ "exactly":\t"so" }'),
    "no payload": attrs.evolve(ANSWER, payload=b"{}"),
    "nothing": attrs.evolve(ANSWER, payload=b"null"),
    "largest payload": attrs.evolve(ANSWER, payload=b'"' + b"x" * (LIMIT - 2) + b'"'),
    "too large a payload": Outcome(
        status=413,
        code="RequestEntityTooLargeException",
        message=f"{LIMIT + 1} byte payload is too large for the RequestResponse invocation type (limit {LIMIT} bytes)",
    ),
    "dry run": Outcome(status=204),
    "unknown function": UNKNOWN,
    "unknown version": attrs.evolve(NOT_FOUND, message=f"Function not found: {ARN}:7"),
    "unknown alias": attrs.evolve(NOT_FOUND, message=f"Function not found: {ARN[:-3]}orders:dead"),
    "two qualifiers": Outcome(
        status=400,
        code="InvalidParameterValueException",
        message="The derived qualifier from the function name does not match the specified qualifier.",
        type="User",
    ),
    "another region": attrs.evolve(
        NOT_FOUND, message="Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    ),
    "throttle": THROTTLE,
    "no JSON": NO_JSON,
    "no UTF-8": invalid_json(
        "Unexpected character ((CTRL-CHAR, code 153)): "
        "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        line=1,
        column=1,
    ),
    "wrong secret": Outcome(status=403, code="InvalidSignatureException", message=SIGNATURE),
    "unknown key": Outcome(
        status=403, code="UnrecognizedClientException", message="The security token included in the request is invalid."
    ),
}
EXACT_STREAMED = {
    "stream of an unknown function": UNKNOWN,
    "stream of a closed function": THROTTLE,
    "stream of no JSON": NO_JSON,
}


UNMODELLED = ("InvalidSignatureException", "RequestEntityTooLargeException", "UnrecognizedClientException")
"""aws-sdk-lambda has no classes for these, and does not show their texts."""


def shown_by(client, outcome):
    """The outcome without what the client does not show."""
    if client == CLI and outcome.code is not None:
        return attrs.evolve(outcome, status=None, type=None, reason=None)
    if client == AWS_SDK and outcome.code in UNMODELLED:
        return attrs.evolve(outcome, message=None)
    return outcome


CODE = """
def handler(event, context):
    return {"code": NAME, "version": context.function_version, "arn": context.invoked_function_arn}
"""


def orders(folder):
    """A function with two versions, each with code of its own, and two aliases."""
    roots = {version: folder / version for version in ("1", "2", "$LATEST")}
    for version, root in roots.items():
        root.mkdir()
        (root / "app.py").write_text(f"NAME = {version!r}\n{CODE}")
    latest = roots.pop("$LATEST")
    aliases = {"live": "1", "green": {"1": 0.0, "2": 1.0}}
    return function("orders", "app.handler", root=latest, versions=roots, aliases=aliases)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    served = [
        function("app"),
        function("untouched"),
        function("raw", runtime=RAW_RUNTIME),
        function("closed", concurrency=0),
        function("brief", timeout=0.5),
        function("broken", handler="local_handlers.missing"),
        orders(tmp_path_factory.mktemp("orders")),
    ]
    with shared_endpoint(*served, region="us-east-1", credentials=KEYS) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def seen_by(endpoint, tmp_path_factory):
    """The outcomes of a client, whose process runs when they are first asked for."""
    seen = {}

    def outcomes_of(client):
        if client not in seen:
            calls = {"event": event_of(client), **BUFFERED, **(STREAMED if client in STREAMING else {})}
            seen[client] = asyncio.run(outcomes(client, endpoint, calls, tmp_path_factory.mktemp("client")))
        return seen[client]

    return outcomes_of


by_each = pytest.mark.parametrize("client", CLIENTS)
by_each_that_streams = pytest.mark.parametrize("client", STREAMING)


@by_each
@pytest.mark.parametrize("call", EXACT)
def test_outcome_is_that_of_lambda(seen_by, client, call):
    assert seen_by(client)[call] == shown_by(client, EXACT[call])


@by_each
@pytest.mark.parametrize("call", ECHOES)
def test_each_form_of_the_name_finds_the_function(seen_by, client, call):
    outcome = seen_by(client)[call]
    assert attrs.evolve(outcome, payload=b"") == ANSWER
    assert outcome.json() == EVENT


@by_each
@pytest.mark.parametrize("call", VERSIONS)
def test_qualifier_chooses_the_version(seen_by, client, call):
    outcome = seen_by(client)[call]
    version, seen = SERVED[call]
    assert attrs.evolve(outcome, payload=b"") == attrs.evolve(ANSWER, version=version)
    assert outcome.json() == {"code": version, "version": version, "arn": f"{ARN[:-3]}orders{seen}"}


@by_each
def test_durable_execution_is_named(seen_by, client):
    outcome = seen_by(client)["durable"]
    assert (outcome.status, outcome.version, outcome.json()["code"]) == (200, "1", "1")
    assert outcome.durable_execution_arn.startswith(f"{ARN[:-3]}orders:1/durable-execution/order-7/")


@by_each
def test_function_reads_context_tenant_and_arn(seen_by, client):
    outcome = seen_by(client)["description"]
    assert attrs.evolve(outcome, payload=b"") == ANSWER
    described = outcome.json()
    assert described["client_context"] == {"custom": CONTEXT["custom"], "env": CONTEXT["env"]}
    assert described["client"] == "tea house"
    assert (described["tenant_id"], described["invoked_function_arn"]) == ("tenant one", ARN)


@by_each
def test_dry_run_and_refused_signatures_run_nothing(seen_by, endpoint, client):
    assert seen_by(client)["dry run"].status == 204
    assert endpoint.runtime_pids("untouched") == []


@by_each
def test_event_is_accepted_and_runs_once(seen_by, endpoint, client):
    assert seen_by(client)["event"] == Outcome(status=202)
    endpoint.wait_idle_sync()
    events = [execution.event() for execution in endpoint.executions if execution.invocation_type == "Event"]
    assert [event["sent by"] for event in events].count(client) == 1


# Log tails

ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
USAGE = r"\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t"
INIT = r"(?:Init Duration: \d+\.\d\d ms\t)?"


def lines_between(log, *, status=""):
    """The function's own lines, if the frame is that of Lambda: START, END and REPORT of one request."""
    frame = rf"(.*)START RequestId: ({ID}) Version: \$LATEST\n(.*)END RequestId: \2\nREPORT RequestId: \2"
    found = re.fullmatch(frame + USAGE + INIT + status + "\n", log, re.DOTALL)
    assert found is not None, log
    assert found[1] in ("", "loading the module\n") or "Runtime.HandlerNotFound" in found[1]
    return found[3].replace(found[2], "ID")


@by_each
def test_log_tail_has_start_end_and_report(seen_by, client):
    outcome = seen_by(client)["log"]
    lines = lines_between(outcome.log).splitlines()
    assert lines.pop(2).split("\t")[::2] == ["[WARNING]", "ID"]
    assert lines == ["printed", "to stderr", "written", "by a child"]
    assert attrs.evolve(outcome, log=None) == seen_by(client)["no log"]


@by_each
@pytest.mark.parametrize(
    ("call", "error_type", "message", "status", "line"),
    [
        ("error", "ValueError", "kein Tee ☃", "", "[ERROR] ValueError: kein Tee ☃"),
        (
            "exit",
            "Runtime.ExitError",
            "RequestId: ID Error: Runtime exited with error: exit status 3",
            "Status: error\tError Type: Runtime.ExitError\t",
            "",
        ),
        (
            "timeout",
            "Sandbox.Timedout",
            "RequestId: ID Error: Task timed out after 0.50 seconds",
            "Status: timeout\t",
            "ID Task timed out after 0.50 seconds",
        ),
        (
            "import error",
            "Runtime.HandlerNotFound",
            "Handler 'missing' missing on module 'local_handlers'",
            "Status: error\tError Type: Runtime.HandlerNotFound\t",
            "",
        ),
    ],
)
def test_function_error_has_payload_and_log(seen_by, client, call, error_type, message, status, line):
    outcome = seen_by(client)[call]
    assert attrs.evolve(outcome, payload=b"", log=None) == attrs.evolve(ANSWER, function_error="Unhandled")
    error = outcome.json()
    assert (error["errorType"], re.sub(ID, "ID", error["errorMessage"])) == (error_type, message)
    assert line in lines_between(outcome.log, status=status)


@by_each
def test_too_large_a_response_is_a_function_error(seen_by, client):
    payload = (
        b'{"errorType":"Function.ResponseSizeTooLarge",'
        b'"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}'
    )
    expected = attrs.evolve(ANSWER, function_error="Unhandled", payload=payload)
    assert seen_by(client)["too large a response"] == expected


# Streams


@by_each_that_streams
@pytest.mark.parametrize("call", EXACT_STREAMED)
def test_stream_is_refused_as_an_invocation_is(seen_by, client, call):
    assert seen_by(client)[call] == shown_by(client, EXACT_STREAMED[call])


def streamed(*chunks, **completion):
    """An outcome without its log. aws-sdk-lambda and boto3 take the content type of the HTTP answer."""
    content_type = "application/vnd.amazon.eventstream"
    payload = b"".join(chunks)
    return attrs.evolve(ANSWER, content_type=content_type, payload=payload, chunks=list(chunks), completion=completion)


@by_each_that_streams
def test_each_piece_is_a_chunk(seen_by, client):
    outcome = seen_by(client)["stream"]
    assert attrs.evolve(outcome, log=None) == streamed(b"one", "zwei é\n".encode())
    assert lines_between(outcome.log) == "writing\n"


@by_each_that_streams
def test_plain_response_is_one_chunk(seen_by, client):
    assert seen_by(client)["stream of a plain handler"] == streamed(b'{ "exactly":\t"so" }')
    assert seen_by(client)["stream of nothing"] == streamed()


@by_each_that_streams
def test_stream_of_an_alias_runs_its_version(seen_by, client):
    outcome = seen_by(client)["stream of an alias"]
    assert (outcome.version, outcome.json()["code"]) == ("1", "1")


@by_each_that_streams
def test_large_stream_arrives_whole(seen_by, client):
    outcome = seen_by(client)["large stream"]
    assert (outcome.payload, outcome.completion) == (b"x" * 4_000_000, {})


@by_each_that_streams
@pytest.mark.parametrize(
    ("call", "chunks", "code", "message"),
    [
        ("stream, then an error", [b"one", "zwei é\n".encode()], "ValueError", "kein Tee ☃"),
        ("stream, then a timeout", [b"1"], "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 0.50 seconds"),
        (
            "stream, then an exit",
            [b"one", "zwei é\n".encode()],
            "Runtime.ExitError",
            "RequestId: ID Error: Runtime exited with error: exit status 3",
        ),
    ],
)
def test_completion_has_the_function_error(seen_by, client, call, chunks, code, message):
    outcome = seen_by(client)[call]
    details = json.loads(outcome.completion["ErrorDetails"])
    assert (outcome.chunks, outcome.completion["ErrorCode"]) == (chunks, code)
    assert (details["errorType"], re.sub(ID, "ID", details["errorMessage"])) == (code, message)


# The program of the AWS CLI


def test_program_aws_invokes_and_tells_of_errors(endpoint, tmp_path):
    program = peers.aws_cli()
    environment = {**endpoint.environment(), "HOME": str(tmp_path), "AWS_MAX_ATTEMPTS": "1"}

    def run(name):
        command = [program, "lambda", "invoke", "--function-name", name, "--payload", '{"op": "bytes"}', "answer"]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)

    well, badly = run("app"), run("nobody")
    assert (well.returncode, json.loads(well.stdout)) == (0, {"StatusCode": 200, "ExecutedVersion": "$LATEST"})
    assert (tmp_path / "answer").read_bytes() == b'{ "exactly":\t"so" }'
    assert badly.returncode != 0
    assert b"(ResourceNotFoundException) when calling the Invoke operation: Function not found: " in badly.stderr
