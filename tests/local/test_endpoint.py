"""The Invoke API that `LocalEndpoint` serves, seen by a plain HTTP client."""

import asyncio
import base64
import contextlib
import json
import os
import re
import socket
import stat
import uuid
from pathlib import Path

import aiohttp
import pytest

from aiolambda import ConfigurationError
from aiolambda.local import LocalEndpoint

from ..support.local import becomes_true, function, read_soon, serving

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


def encoded(context: object) -> str:
    return base64.b64encode(json.dumps(context).encode()).decode()


async def test_handler_process_is_reused(invoke):
    first, second = await invoke(), await invoke()
    assert (first.status, first.headers["X-Amz-Executed-Version"], first.error) == (200, "$LATEST", None)
    assert first.json() == second.json() != os.getpid()


async def test_each_response_has_request_id_and_trace(invoke):
    answers = [await invoke(), await invoke("nobody"), await invoke(headers={"X-Amz-Invocation-Type": "DryRun"})]
    assert [answer.status for answer in answers] == [200, 404, 204]
    assert len({uuid.UUID(answer.headers["x-amzn-RequestId"]) for answer in answers}) == 3
    assert all(answer.headers["X-Amzn-Trace-Id"].startswith("Root=1-") for answer in answers)


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b' {\t"a" : 1.0e+2, "b":"\\u00e9"}\r\n',
        '"h\u00e9llo \U0001f600"'.encode(),
        b"1" * 5000,
        b"[" * 500 + b"]" * 500,
        b"null",
    ],
    ids=["empty object", "white space and escapes", "unicode", "a long number", "deep", "null"],
)
async def test_payloads_cross_byte_for_byte(invoke, payload):
    assert (await invoke("raw", payload=payload)).body == payload


async def test_six_megabyte_payload_is_unchanged(invoke):
    payload = b'"' + os.urandom(3 * 1024 * 1024 - 1).hex().encode() + b'"'
    answer = await invoke("raw", payload=payload)
    assert len(payload) == 6 * 1024 * 1024
    assert answer.body == payload


async def test_bytes_result_is_returned_unchanged(invoke):
    assert (await invoke(payload={"op": "bytes"})).body == b'{ "exactly":\t"so" }'


async def test_content_encoding_leaves_the_body_unchanged(invoke):
    assert (await invoke("raw", payload=b'"plain"', headers={"Content-Encoding": "gzip"})).body == b'"plain"'


async def test_missing_payload_is_an_empty_object(invoke):
    assert (await invoke("raw")).body == b"{}"


async def test_a_dry_run_runs_nothing(invoke):
    answer = await invoke("untouched", headers={"X-Amz-Invocation-Type": "DryRun"})
    assert invoke.endpoint.runtime_pids("untouched") == []
    assert (answer.status, answer.body) == (204, b"")


async def test_an_event_is_accepted_and_runs(invoke):
    answer = await invoke(headers={"X-Amz-Invocation-Type": "Event"})
    assert (answer.status, answer.body) == (202, b"")
    await invoke.endpoint.wait_idle()
    (execution,) = [one for one in invoke.endpoint.executions if one.request_id == answer.headers["x-amzn-RequestId"]]
    assert (execution.invocation_type, execution.error_type) == ("Event", None)


@pytest.mark.parametrize(
    ("header", "value"), [("X-Amz-Invocation-Type", "Sometimes"), ("X-Amz-Log-Type", "Head"), ("X-Amz-Tenant-Id", "h\u00e9")]
)
async def test_header_value_outside_the_model_is_refused(invoke, header, value):
    answer = await invoke(headers={header: value})
    assert (answer.status, answer.code) == (400, "ValidationException")


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("app", ""),
        ("app", "?Qualifier=%24LATEST"),
        ("app%3A%24LATEST", ""),
        ("app%3A%24LATEST", "?Qualifier=$LATEST"),
        ("000000000000%3Afunction%3Aapp", ""),
        ("123456789012%3Aapp", ""),
        ("function%3Aapp", ""),
        ("function", ""),
        ("function:$LATEST", ""),
        ("arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aapp", ""),
        ("arn:aws:lambda:us-east-1:000000000000:function:app:$LATEST", ""),
    ],
)
async def test_function_accepts_all_forms_of_its_name(invoke, name, query):
    assert (await invoke(name, query=query)).status == 200


@pytest.mark.parametrize(
    ("name", "query", "status", "code", "said"),
    [
        ("nobody", "", 404, "ResourceNotFoundException", f"Function not found: {ARN}:nobody:$LATEST"),
        ("app:7", "", 404, "ResourceNotFoundException", f"Function not found: {ARN}:app:7"),
        ("app", "?Qualifier=blue", 404, "ResourceNotFoundException", f"Function not found: {ARN}:app:blue"),
        ("app:7", "?Qualifier=8", 400, "InvalidParameterValueException", "The derived qualifier"),
        (
            "arn:aws:lambda:eu-west-1:000000000000:function:app",
            "",
            404,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1'",
        ),
        (
            "not%20a%20name",
            "",
            400,
            "ValidationException",
            "Value 'not a name' at 'functionName' failed to satisfy constraint: ",
        ),
        ("a" * 257, "", 400, "ValidationException", "Member must have length less than or equal to 256"),
        ("app", "?Qualifier=no%3F", 400, "ValidationException", "Value 'no?' at 'qualifier' failed to satisfy constraint: "),
    ],
)
async def test_missing_function_is_named(invoke, name, query, status, code, said):
    answer = await invoke(name, query=query)
    assert (answer.status, answer.code) == (status, code)
    content = answer.json()
    assert said in content.get("Message", content.get("message"))


@pytest.mark.parametrize(
    "payload", [b"{", b"nothing", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b"  ", b"[" * 100_000, b"{} {}"], ids=repr
)
async def test_non_json_payload_is_refused(invoke, payload):
    answer = await invoke("untouched", payload=payload)
    assert invoke.endpoint.runtime_pids("untouched") == []
    assert (answer.status, answer.code) == (400, "InvalidRequestContentException")
    assert answer.json()["Type"] == "User"
    assert answer.json()["message"].startswith("Could not parse request body into json: Could not parse payload into json: ")


@pytest.mark.parametrize(
    ("payload", "reason", "line", "column"),
    [
        (b"\n\t]", "Unexpected character (']' (code 93)): expected a valid value (", 2, 2),
        (b"\x01", "Unexpected character ((CTRL-CHAR, code 1)): expected a valid value (", 1, 1),
        (b"tea", "Expecting value", 1, 1),
        (b'{"a":\n"\xff"}', "Invalid UTF-8", 2, 2),
        (b"{}\n{}", "Extra data", 2, 1),
    ],
)
async def test_the_place_of_a_mistake_in_json_is_told(invoke, payload, reason, line, column):
    message = (await invoke("untouched", payload=payload)).json()["message"]
    assert f"into json: {reason}" in message
    assert message.endswith(f"; line: {line}, column: {column}]")


@pytest.mark.parametrize(
    ("type", "limit"), [("RequestResponse", 6 * 1024 * 1024), ("DryRun", 6 * 1024 * 1024), ("Event", 1024 * 1024)]
)
async def test_a_payload_over_the_limit_is_refused(type, limit):
    async with serving() as invoke:
        headers = {"X-Amz-Invocation-Type": type}
        answer = await invoke(payload=b'"' + b"x" * (limit - 1) + b'"', headers=headers)
        assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")
        named = "Event" if type == "Event" else "RequestResponse"
        said = f"{limit + 1} byte payload is too large for the {named} invocation type (limit {limit} bytes)"
        assert answer.json() == {"message": said}
        assert (await invoke(payload=b'"' + b"x" * (limit - 2) + b'"', headers=headers)).status < 300


@pytest.mark.parametrize(
    "path", ["2015-03-31/functions/app/invocations", "2021-11-15/functions/app/response-streaming-invocations"]
)
async def test_client_that_leaves_its_request_is_not_an_error(path, caplog):
    async with serving() as invoke:
        host, port = invoke.endpoint.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nhalf of it".encode())
        server = invoke.endpoint._server._runner.server
        await becomes_true(lambda: server.requests_count == 1)
        writer.transport.abort()
        await becomes_true(lambda: not server.connections)
        assert (await invoke()).status == 200
    assert len(invoke.endpoint.calls) == 1
    assert caplog.records == []


@pytest.mark.parametrize(
    ("length", "interim"), [(2, b"HTTP/1.1 100 Continue\r\n\r\n"), (7_000_000, b"")], ids=["short", "too long"]
)
async def test_a_client_may_wait_before_it_sends_its_payload(invoke, length, interim):
    """As curl does with a payload of more than 1 MB."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(invoke.endpoint.url.rpartition(":")[2]))
    head = f"Host: 127.0.0.1\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    writer.write(f"POST /2015-03-31/functions/app/invocations HTTP/1.1\r\n{head}".encode())
    async with asyncio.timeout(10):
        assert await reader.readexactly(len(interim)) == interim
        if interim:
            writer.write(b"42")
        status = await reader.readline()
    writer.close()
    assert status.split()[1] == (b"200" if interim else b"413")


async def test_oversized_request_is_refused_by_front_end():
    async with serving() as invoke:
        answer = await invoke(payload=b"x" * 69_905_068)
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


async def test_oversized_response_is_a_function_error(invoke):
    fits = await invoke(payload={"op": "big", "size": 6_291_554})
    exceeds = await invoke(payload={"op": "big", "size": 6_291_555})
    after = await invoke()
    assert (fits.error, len(fits.body)) == (None, 6_291_556)
    assert exceeds.error == "Unhandled"
    assert exceeds.json() == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert after.error is None


async def test_calls_over_the_concurrency_are_throttled(tmp_path):
    async with serving(function(concurrency=2)) as invoke:
        started = [tmp_path / "first", tmp_path / "second"]
        running = [
            asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 0.3, "started": str(path)})) for path in started
        ]
        for path in started:
            await read_soon(path)
        throttled = await invoke()
        pids = [(await task).json() for task in running]
        after = await invoke()
    assert (throttled.status, throttled.code) == (429, "TooManyRequestsException")
    assert throttled.json() == {
        "Type": "User",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "message": "Rate Exceeded.",
    }
    assert int(throttled.headers["Retry-After"]) > 0
    assert len(set(pids)) == 2
    assert after.json() in pids


async def test_context_object_matches_lambda():
    context = {"custom": {"k": "\u2603"}, "env": {"locale": "de"}, "client": {"app_title": "shop"}}
    async with serving(function(memory_size=512)) as invoke:
        headers = {"X-Amz-Client-Context": encoded(context), "X-Amz-Tenant-Id": "blue"}
        answer = await invoke(payload={"op": "describe"}, headers=headers)
        seen = answer.json()
    assert seen["aws_request_id"] == answer.headers["x-amzn-RequestId"]
    assert (seen["function_name"], seen["function_version"], seen["memory_limit_in_mb"]) == ("app", "$LATEST", "512")
    assert seen["invoked_function_arn"] == f"{ARN}:app"
    assert (seen["log_group_name"], seen["identity"], seen["tenant_id"]) == ("/aws/lambda/app", None, "blue")
    assert "/[$LATEST]" in seen["log_stream_name"]
    assert seen["client_context"] == {"custom": {"k": "\u2603"}, "env": {"locale": "de"}}
    assert seen["client"] == "shop"
    assert 19_000 < seen["remaining"] <= 20_000
    assert seen["trace"] == answer.headers["X-Amzn-Trace-Id"]


async def test_qualifier_is_part_of_the_invoked_arn(invoke):
    answer = await invoke("app:$LATEST", {"op": "describe"})
    assert answer.json()["invoked_function_arn"] == f"{ARN}:app:$LATEST"


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
async def test_the_arn_has_the_partition_of_the_region(region):
    async with serving(region=region) as invoke:
        arn = (await invoke(payload={"op": "describe"})).json()["invoked_function_arn"]
    assert arn.startswith({"cn-north-1": "arn:aws-cn:", "us-gov-west-1": "arn:aws-us-gov:"}[region])


@pytest.mark.parametrize("context", ["%%%", encoded([1]), base64.b64encode(b"{").decode(), encoded({"custom": "x" * 3000})])
async def test_invalid_client_context_is_refused(invoke, context):
    answer = await invoke(headers={"X-Amz-Client-Context": context})
    assert (answer.status, answer.code) == (400, "InvalidRequestContentException")
    assert context not in answer.json()["message"]


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
        ("Root%3D1-5759e988-bd862e3fe1be46a994272793", "Root=1-5759e988-bd862e3fe1be46a994272793"),
    ],
)
async def test_trace_header_passes_through_the_function(invoke, sent, seen):
    answer = await invoke(payload={"op": "describe"}, headers={"X-Amzn-Trace-Id": sent})
    assert answer.headers["X-Amzn-Trace-Id"] == answer.json()["trace"]
    passed, lineage = answer.json()["trace"].rsplit(";", 1)
    assert passed == seen
    assert re.fullmatch("Lineage=1:[0-9a-f]{8}:0", lineage)


async def test_trace_id_cannot_inject_headers(invoke):
    answer = await invoke(headers={"X-Amzn-Trace-Id": "Root%0d%0aX-Amz-Function-Error: Unhandled"})
    assert answer.error is None
    assert answer.headers["X-Amzn-Trace-Id"].startswith("Root=1-")


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("DELETE", "/2015-03-31/functions/app", "DeleteFunction is not emulated here"),
        ("PUT", "/2015-03-31/functions/app", "PUT /2015-03-31/functions/app is no operation of the Lambda API"),
    ],
    ids=["not emulated", "no operation"],
)
async def test_other_operations_are_unknown(invoke, method, path, said):
    async with invoke.session.request(method, f"{invoke.endpoint.url}{path}") as response:
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
        assert (await response.json())["message"].startswith(said)


async def test_port_in_use_is_a_configuration_error(invoke):
    port = int(invoke.endpoint.url.rpartition(":")[2])
    with pytest.raises(
        ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}: .*; choose another port with port= .--port "
    ):
        await LocalEndpoint([function()], port=port).start()


def test_a_function_cannot_be_defined_twice():
    with pytest.raises(ConfigurationError, match="'app' is defined twice"):
        LocalEndpoint([function(), function()])


def test_url_before_start_is_an_error():
    with pytest.raises(ConfigurationError, match="before it is started"):
        _ = LocalEndpoint([function()]).url


async def test_closed_endpoint_can_restart():
    endpoint = LocalEndpoint([function()], verify_signatures=False)
    for _ in range(2):
        async with endpoint:
            assert endpoint.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("at_once", [False, True], ids=["later", "at once"])
async def test_endpoint_cannot_be_started_twice(at_once):
    endpoint = LocalEndpoint([function()], verify_signatures=False)
    if at_once:
        outcomes = await asyncio.gather(endpoint.start(), endpoint.start(), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None), ConfigurationError]
    else:
        await endpoint.start()
    url = endpoint.url
    with pytest.raises(ConfigurationError, match="already started"):
        await endpoint.start()
    async with aiohttp.ClientSession() as session, session.get(f"{url}/_local/health") as response:
        assert response.status == 200
    await endpoint.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))


def listening_ports() -> set[int]:
    """The TCP ports on which this process listens."""
    ports = set()
    for file in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(file.name)).st_mode):
                with socket.socket(fileno=os.dup(int(file.name))) as copy:
                    if copy.family == socket.AF_INET and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        ports.add(copy.getsockname()[1])
    return ports


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_start_leaves_no_port(steps):
    before = listening_ports()
    endpoint = LocalEndpoint()  # without functions in processes, it starts in a few steps
    starting = asyncio.create_task(endpoint.start())
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait({starting})
    await endpoint.close()
    assert listening_ports() == before


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_close_can_be_repeated(steps):
    before = listening_ports()
    endpoint = LocalEndpoint()
    await endpoint.start()
    assert listening_ports() == before | {int(endpoint.url.rpartition(":")[2])}
    closing = asyncio.create_task(endpoint.close())
    for _ in range(steps):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait({closing})
    await endpoint.close()
    assert listening_ports() == before


async def test_closing_at_the_same_time_is_fine():
    endpoint = LocalEndpoint([function()])
    await endpoint.start()
    await asyncio.gather(*[endpoint.close() for _ in range(3)])
    await endpoint.start()
    await endpoint.close()


def test_repr_shows_no_secret():
    endpoint = LocalEndpoint([function()])
    assert endpoint.credentials.secret_access_key not in repr(endpoint) + repr(endpoint.credentials)
