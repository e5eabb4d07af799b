"""The Invoke API that `LocalEndpoint` serves, seen by a plain HTTP client."""

import asyncio
import base64
import json
import os
import uuid

import pytest

from aiolambda import ConfigurationError
from aiolambda.local import LocalEndpoint

from ..support.local import function, read_soon, serving

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


def encoded(context: object) -> str:
    return base64.b64encode(json.dumps(context).encode()).decode()


async def test_a_handler_runs_in_a_process_of_its_own_which_the_next_call_uses_again(invoke):
    first, second = await invoke(), await invoke()
    assert (first.status, first.headers["X-Amz-Executed-Version"], first.error) == (200, "$LATEST", None)
    assert first.json() == second.json() != os.getpid()


async def test_every_answer_has_a_request_id_and_a_trace(invoke):
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


async def test_no_byte_is_lost_at_the_limit_of_six_megabytes(invoke):
    payload = b'"' + os.urandom(3 * 1024 * 1024 - 1).hex().encode() + b'"'
    answer = await invoke("raw", payload=payload)
    assert len(payload) == 6 * 1024 * 1024
    assert answer.body == payload


async def test_what_a_handler_returns_as_bytes_comes_back_as_it_is(invoke):
    assert (await invoke(payload={"op": "bytes"})).body == b'{ "exactly":\t"so" }'


async def test_a_body_that_says_it_is_compressed_is_not_touched(invoke):
    assert (await invoke("raw", payload=b'"plain"', headers={"Content-Encoding": "gzip"})).body == b'"plain"'


async def test_an_absent_payload_reaches_the_function_as_an_empty_object(invoke):
    assert (await invoke("raw")).body == b"{}"


async def test_a_dry_run_runs_nothing(invoke):
    answer = await invoke("untouched", headers={"X-Amz-Invocation-Type": "DryRun"})
    assert invoke.endpoint.runtime_pids("untouched") == []
    assert (answer.status, answer.body) == (204, b"")


async def test_an_event_is_refused_in_words(invoke):
    answer = await invoke(headers={"X-Amz-Invocation-Type": "Event"})
    assert (answer.status, answer.code) == (400, "InvalidParameterValueException")
    assert "Event" in answer.json()["message"]


@pytest.mark.parametrize(
    ("header", "value"), [("X-Amz-Invocation-Type", "Sometimes"), ("X-Amz-Log-Type", "Head"), ("X-Amz-Tenant-Id", "h\u00e9")]
)
async def test_a_value_that_the_model_does_not_allow_is_refused(invoke, header, value):
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
async def test_a_function_answers_to_all_forms_of_its_name(invoke, name, query):
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
        ("not%20a%20name", "", 400, "ValidationException", "functionName"),
    ],
)
async def test_a_function_that_is_not_there_is_named(invoke, name, query, status, code, said):
    answer = await invoke(name, query=query)
    assert (answer.status, answer.code) == (status, code)
    content = answer.json()
    assert said in content.get("Message", content.get("message"))


@pytest.mark.parametrize(
    "payload", [b"{", b"nothing", b"NaN", b'{"a": Infinity}', b"\xff\xfe", b"  ", b"[" * 100_000, b"{} {}"], ids=repr
)
async def test_a_payload_that_is_not_json_is_refused(invoke, payload):
    answer = await invoke("untouched", payload=payload)
    assert invoke.endpoint.runtime_pids("untouched") == []
    assert (answer.status, answer.code) == (400, "InvalidRequestContentException")
    assert answer.json()["Type"] == "User"
    assert answer.json()["message"].startswith("Could not parse request body into json: ")


async def test_a_payload_over_six_megabytes_is_refused():
    async with serving() as invoke:
        answer = await invoke(payload=b'"' + b"x" * (6 * 1024 * 1024 - 1) + b'"')
        assert (answer.status, answer.code) == (413, "RequestTooLargeException")
        assert answer.json()["message"].startswith("6291457 byte payload is too large")
        assert (await invoke()).status == 200


async def test_a_request_that_is_far_too_large_is_refused_by_the_front_end():
    async with serving() as invoke:
        answer = await invoke(payload=b"x" * 69_905_068)
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


async def test_a_response_over_the_limit_is_an_error_of_the_function(invoke):
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


async def test_calls_past_the_concurrency_are_throttled_until_there_is_room_again(tmp_path):
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


async def test_the_context_object_is_that_of_lambda():
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


async def test_the_qualifier_that_was_asked_for_stands_in_the_arn(invoke):
    answer = await invoke("app:$LATEST", {"op": "describe"})
    assert answer.json()["invoked_function_arn"] == f"{ARN}:app:$LATEST"


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
async def test_the_arn_has_the_partition_of_the_region(region):
    async with serving(region=region) as invoke:
        arn = (await invoke(payload={"op": "describe"})).json()["invoked_function_arn"]
    assert arn.startswith({"cn-north-1": "arn:aws-cn:", "us-gov-west-1": "arn:aws-us-gov:"}[region])


@pytest.mark.parametrize("context", ["%%%", encoded([1]), base64.b64encode(b"{").decode(), encoded({"custom": "x" * 3000})])
async def test_a_client_context_that_is_not_one_is_refused(invoke, context):
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
async def test_a_trace_goes_through_the_function_and_back(invoke, sent, seen):
    answer = await invoke(payload={"op": "describe"}, headers={"X-Amzn-Trace-Id": sent})
    assert answer.headers["X-Amzn-Trace-Id"] == answer.json()["trace"] == seen


async def test_a_trace_cannot_break_out_of_its_header(invoke):
    answer = await invoke(headers={"X-Amzn-Trace-Id": "Root%0d%0aX-Amz-Function-Error: Unhandled"})
    assert answer.error is None
    assert answer.headers["X-Amzn-Trace-Id"].startswith("Root=1-")


async def test_other_operations_are_unknown(invoke):
    url = f"{invoke.endpoint.url}/2015-03-31/functions/app"
    async with invoke.session.get(url) as response:
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


async def test_a_port_that_is_taken_is_a_configuration_error_and_leaves_nothing_behind(invoke):
    port = int(invoke.endpoint.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
        await LocalEndpoint([function()], port=port).start()


def test_a_function_cannot_be_defined_twice():
    with pytest.raises(ConfigurationError, match="'app' is defined twice"):
        LocalEndpoint([function(), function()])


def test_an_endpoint_has_no_address_before_it_is_started():
    with pytest.raises(ConfigurationError, match="before it is started"):
        _ = LocalEndpoint([function()]).url


async def test_an_endpoint_that_was_stopped_can_be_started_again():
    endpoint = LocalEndpoint([function()], verify_signatures=False)
    for _ in range(2):
        async with endpoint:
            assert endpoint.url.startswith("http://127.0.0.1:")


def test_secrets_are_in_no_repr():
    endpoint = LocalEndpoint([function()])
    assert endpoint.credentials.secret_access_key not in repr(endpoint) + repr(endpoint.credentials)
