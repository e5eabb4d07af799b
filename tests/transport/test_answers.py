"""Answers, as Lambda and what stands before it send them: what becomes of each, and what is never told of one."""

import base64
import datetime as dt
import json
import pickle
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aiolambda
from aiolambda import (
    AccessDeniedException,
    AiolambdaError,
    Attempt,
    Credentials,
    Delivery,
    FunctionError,
    Headers,
    HttpOutput,
    InvalidPayloadSizeError,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandOutput,
    JsonCodec,
    LambdaClient,
    LambdaServiceException,
    MapStats,
    Metadata,
    NoRetry,
    PayloadTooLargeError,
    QueueTimeoutError,
    Request,
    Response,
    StreamedResponse,
    ThrottleReason,
    TooManyRequestsException,
    errors,
)
from aiolambda.client.arguments import ArgumentError
from aiolambda.errors import durable
from aiolambda.errors.service import EXCEPTIONS, EC2UnexpectedException
from aiolambda.operations.function_error import error_content, function_error
from aiolambda.pipeline.verdicts import parsed_error
from aiolambda.policy import classification, delivery
from aiolambda.protocol import error_response

from ..support import suites
from ..support.servers import always, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "top secret")
ELSEWHERE = "http://lambda.example"
"""An endpoint of somebody else, whose answers need no request id."""


@attrs.define
class Answering:
    """A transport that gives one answer to everything."""

    response: Response

    async def send(self, request: Request, /) -> Response:
        return self.response

    def stream(self, request: Request, /) -> AbstractAsyncContextManager[StreamedResponse]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


async def output_of(
    status: int, body: bytes | str = b"", headers: dict[str, str] | None = None, **members: Any
) -> InvokeCommandOutput:
    """What `send` makes of an answer, after the whole stack."""
    response = Response(status, Headers(headers or {}), body if isinstance(body, bytes) else body.encode())
    async with client_of(response) as client:
        return await client.send(InvokeCommand(function_name="orders", **members))


def client_of(response: Response, *, endpoint_url: str | None = ELSEWHERE, keys: Credentials = KEYS) -> LambdaClient:
    transport = Answering(response)
    return LambdaClient(region="us-east-1", credentials=keys, endpoint_url=endpoint_url, transport=transport, retry=NoRetry())


async def error_of(
    status: int, body: bytes | str = b"", headers: dict[str, str] | None = None, **members: Any
) -> LambdaServiceException:
    with pytest.raises(LambdaServiceException) as caught:
        await output_of(status, body, headers, **members)
    return caught.value


# What the real Lambda answered

RECORDED_CODES = {
    "CodeSigningConfigNotFoundException": ("request", Delivery.UNKNOWN),
    "InvalidParameterValueException": ("request", Delivery.REFUSED),
    "InvalidRequestContentException": ("request", Delivery.REFUSED),
    "PreconditionFailedException": ("request", Delivery.UNKNOWN),
    "ProvisionedConcurrencyConfigNotFoundException": ("request", Delivery.UNKNOWN),
    "RequestEntityTooLargeException": ("limit", Delivery.REFUSED),
    "ResourceConflictException": ("function", Delivery.REFUSED),
    "ResourceNotFoundException": ("request", Delivery.REFUSED),
    "TooManyRequestsException": ("limit", Delivery.REFUSED),
    "ValidationException": ("request", Delivery.REFUSED),
}
"""The category and the verdict of each; the unknown ones are of other operations, and Invoke's table does not have them."""


async def test_recorded_errors_have_their_exception_class() -> None:
    recorded = suites.load("recorded-answers/recorded.json")["errors"]
    assert len(recorded) == 79
    assert {case["code"] for case in recorded} == RECORDED_CODES.keys()
    for case in recorded:
        headers = {"x-amzn-ErrorType": case["code"], "x-amzn-RequestId": "the-id", "content-type": "application/json"}
        error = await error_of(case["status"], json.dumps(case["fields"] or {"message": case["message"]}), headers)
        category, verdict = RECORDED_CODES[case["code"]]
        assert (type(error).__name__, error.code) == (case["code"], case["code"])
        assert (error.message, error.status_code, error.request_id) == (case["message"], case["status"], "the-id")
        assert (error.category, error.fault, error.delivery) == (category, "client", verdict)
        assert (error.type, error.function_name) == (case["fields"].get("Type"), "orders")
        assert str(error) == f"{case['message']} ({parts_of(error)})"
        if isinstance(error, TooManyRequestsException):
            assert error.reason == case["fields"]["Reason"]
            assert error.scope == "function"


def parts_of(error: LambdaServiceException) -> str:
    is_throttle = isinstance(error, TooManyRequestsException)
    reason, tried = (f"{error.reason}, ", f", attempt 1, {error.elapsed:.2f} s") if is_throttle else ("", "")
    outcome = ", it may have run" if error.may_have_run else ""
    return f"{reason}{error.code}, HTTP {error.status_code}, function 'orders', request id the-id{tried}{outcome}"


HEADERS = {
    "ExecutedVersion": "X-Amz-Executed-Version",
    "FunctionError": "X-Amz-Function-Error",
    "LogResult": "X-Amz-Log-Result",
}
VERDICTS = {200: Delivery.EXECUTED, 202: Delivery.ACCEPTED, 204: Delivery.NOT_DELIVERED}


async def test_recorded_invocations_have_their_output() -> None:
    recorded = suites.load("recorded-answers/recorded.json")["invokes"]
    assert len(recorded) == 59
    failed = 0
    for case in recorded:
        out = case["out"]
        body = out["Payload"] if isinstance(out["Payload"], str) else json.dumps(out["Payload"])
        names = {
            "ExecutedVersion": "X-Amz-Executed-Version",
            "FunctionError": "X-Amz-Function-Error",
            "LogResult": "X-Amz-Log-Result",
        }
        headers = {header: out[name] for name, header in names.items() if name in out}
        kind = {202: "Event", 204: "DryRun"}.get(case["status"])
        output = await output_of(case["status"], body, headers, invocation_type=kind)
        assert output.status_code == out["StatusCode"] == case["status"]
        assert output.payload == body.encode()
        assert output.executed_version == out.get("ExecutedVersion")
        assert output.function_error == out.get("FunctionError")
        assert output.log_result == out.get("LogResult")
        assert [attempt.delivery for attempt in output.metadata.history] == [VERDICTS[case["status"]]]
        if output.function_error is None:
            assert output.raise_for_function_error() is output
            assert not body or output.json() == json.loads(body)
            continue
        failed += 1
        with pytest.raises(FunctionError) as caught:
            output.raise_for_function_error()
        trace = out["Payload"].get("stackTrace", [])
        assert caught.value.error_type == out["Payload"]["errorType"]
        assert caught.value.error_message == out["Payload"]["errorMessage"]
        assert list(caught.value.stack_trace) == ([trace] if isinstance(trace, str) else trace)
        assert caught.value.delivery is Delivery.EXECUTED
        assert caught.value.output is output
    assert failed == 18


# What a function that failed says


FRAMES = ['  File "app.py", line 2, in handler\n', "    raise\n"]
CAUSE = {
    "errorType": "a.F",
    "errorMessage": "n",
    "stackTrace": ["a.D.d(D.java:2)"],
    "cause": {"errorType": "a.G", "stackTrace": ["a.D.e(D.java:3)"]},
}


@pytest.mark.parametrize(
    ("runtime", "payload", "error_type", "message", "trace"),
    [
        ("python", {"errorType": "TeaError", "errorMessage": "no tea", "stackTrace": FRAMES}, "TeaError", "no tea", FRAMES),
        ("python 2", {"errorType": "E", "errorMessage": "m", "stackTrace": [["app.py", 2]]}, "E", "m", ['["app.py", 2]']),
        (
            "node",
            {"errorType": "E", "errorMessage": "m", "trace": ["E: m", "  at f (a.js)"]},
            "E",
            "m",
            ["E: m", "  at f (a.js)"],
        ),
        ("null", {"errorType": "null", "errorMessage": "null", "stackTrace": None, "trace": ["a"]}, "null", "null", ["a"]),
        ("java", {"errorType": "a.E", "errorMessage": "m", "stackTrace": ["a.B.c(B.java:1)"]}, "a.E", "m", ["a.B.c(B.java:1)"]),
        ("dotnet", {"errorType": "E", "errorMessage": "m", "stackTrace": ["at A.B()"], "cause": {}}, "E", "m", ["at A.B()"]),
        (
            "java, caused",
            {"errorType": "a.E", "errorMessage": "m", "stackTrace": ["a.B.c(B.java:1)"], "cause": CAUSE},
            "a.E",
            "m",
            ["a.B.c(B.java:1)", "Caused by: a.F: n", "a.D.d(D.java:2)", "Caused by: a.G", "a.D.e(D.java:3)"],
        ),
        (
            "dotnet, caused by several",
            {
                "errorType": "E",
                "errorMessage": "m",
                "cause": CAUSE,
                "causes": [{**CAUSE, "cause": None}, 7, {"errorMessage": "p"}],
            },
            "E",
            "m",
            ["Caused by: a.F: n", "a.D.d(D.java:2)", "Caused by: p"],
        ),
        ("ruby", {"errorType": "Function<E>", "errorMessage": "m", "stackTrace": ["a.rb:3"]}, "Function<E>", "m", ["a.rb:3"]),
        ("one text", {"errorType": "E", "errorMessage": "m", "stackTrace": "one\ntwo"}, "E", "m", ["one", "two"]),
        ("a timeout", {"errorMessage": "Task timed out after 3.00 seconds"}, None, "Task timed out after 3.00 seconds", []),
        ("a crash", {"errorType": "Runtime.ExitError", "errorMessage": "no reason"}, "Runtime.ExitError", "no reason", []),
        ("only a type", {"errorType": "E"}, "E", None, []),
        ("other types", {"errorType": 7, "errorMessage": {"a": [1]}, "stackTrace": 3}, "7", '{"a": [1]}', []),
        ("a message of null", {"errorType": "E", "errorMessage": None}, "E", None, []),
        ("a list", ["no", "tea"], None, '["no", "tea"]', []),
        ("a string", "no tea", None, "no tea", []),
        ("a number", 7, None, "7", []),
        ("null", None, None, None, []),
        ("an empty object", {}, None, None, []),
        ("an object of its own", {"message": "no tea", "code": 7}, None, "no tea", []),
        ("with a type", {"errorType": "E", "Message": "no tea"}, "E", "no tea", []),
        ("without a known name", {"error": "no tea"}, None, '{"error": "no tea"}', []),
        ("half a character", {"errorType": "E\ud800", "errorMessage": "\udc00m", "trace": ["\ud83d"]}, "E?", "?m", ["?"]),
    ],
)
async def test_function_error_has_type_message_and_trace(
    runtime: str, payload: object, error_type: str | None, message: str | None, trace: list[str]
) -> None:
    output = await output_of(200, json.dumps(payload), {"x-amz-function-error": "Unhandled", "x-amzn-requestid": "the-id"})
    with pytest.raises(FunctionError) as caught:
        output.raise_for_function_error()
    error = caught.value
    assert (error.kind, error.error_type, error.error_message, list(error.stack_trace)) == (
        "Unhandled",
        error_type,
        message,
        trace,
    )
    said = ": ".join(filter(None, [error_type, message])) or "an error without a description"
    assert str(error) == f"the function failed (Unhandled) with {said} (function 'orders', request id the-id)"
    shown = "".join(traceback.format_exception_only(error))
    assert all(line.rstrip("\n") in shown for line in trace), "a traceback shows the function's own"
    assert ("The function's own traceback" in shown) == bool(trace)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", None),
        (b"out of memory", "out of memory"),
        (b"{", "{"),
        (b"out of \xff memory", "out of \ufffd memory"),
        (b'{"errorMessage": "no \xff tea"}', "no \ufffd tea"),
        (b'\xef\xbb\xbf{"errorMessage": "no \xff tea"}', "no \ufffd tea"),
        (b"[" * 100_000, "[" * 100_000),
        (b'{"errorMessage":' * 100_000, '{"errorMessage":' * 100_000),
        (b"NaN", "NaN"),
    ],
)
async def test_text_function_error_is_shown_readably(payload: bytes, message: str | None) -> None:
    output = await output_of(200, payload, {"x-amz-function-error": "Handled"})
    with pytest.raises(FunctionError) as caught:
        output.raise_for_function_error()
    error = caught.value
    said = "an error without a description" if message is None else message[:1000]
    assert (error.error_type, error.error_message) == (None, message)
    assert str(error).startswith(f"the function failed (Handled) with {said}")
    assert len(str(error)) < 1100
    assert error.output is output
    assert output.payload == payload


def test_circular_error_cause_is_cut_off() -> None:
    cause: dict[str, object] = {"errorMessage": "m"}
    cause["cause"] = cause
    error = function_error(cause, kind="Unhandled", function_name="orders", request_id=None)
    assert error.stack_trace == ("Caused by: m",) * 20


MEMBERS = st.sampled_from(
    [
        "errorType",
        "errorMessage",
        "stackTrace",
        "trace",
        "cause",
        "causes",
        "message",
        "Message",
        "__type",
        "code",
        "Type",
        "Reason",
    ]
)
TEXTS = st.text(max_size=10) | st.sampled_from(["\ud800", "no tea \udfff", "Foo#Bar:baz, Other", "x" * 2000])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(MEMBERS | TEXTS, children, max_size=4),
    max_leaves=10,
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda value, place, byte: (text := json.dumps(value).encode())[: place % len(text)] + byte + text[place % len(text) :],
        JSON,
        st.integers(0, 1000),
        st.binary(min_size=1, max_size=2),
    )
    | st.sampled_from([b"<Error><Code>A</Code>", b"<html>", b"{" * 2000, b"[" * 60_000, b"1" * 5000])
)


@given(BODIES)
def test_any_function_error_body_is_printable(body: bytes) -> None:
    error = function_error(error_content(body), kind="Unhandled", function_name="orders", request_id="the-id")
    assert error.error_type is None or error.error_type.encode()
    assert error.error_message is None or error.error_message.encode()
    assert all(isinstance(line.encode(), bytes) for line in error.stack_trace)
    assert "".join(traceback.format_exception_only(error)).encode()


@given(
    st.sampled_from([301, 400, 403, 404, 409, 418, 429, 500, 502]),
    BODIES,
    st.dictionaries(
        st.sampled_from(["x-amzn-errortype", "content-type", "retry-after", "location", "date"]),
        st.text(st.characters(max_codepoint=255), max_size=20)
        | st.sampled_from(["text/html", "A,B", "http://[", "Foo#Bar:baz,", "\udcff"]),
    ),
)
def test_any_error_response_is_an_exception(status: int, body: bytes, headers: dict[str, str]) -> None:
    response, now = Response(status, headers, body), dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
    parsed = parsed_error(response)
    error = error_response.exception_of(
        response,
        parsed,
        delivery=parsed.delivery,
        metadata=Metadata(http_status_code=status),
        function_name="orders",
        now=now,
    )
    assert error.code.encode()
    assert error.message.encode()
    assert isinstance(error.type, str | None)
    assert "".join(traceback.format_exception_only(error)).encode()


# What an output says


async def test_output_members_come_from_the_headers() -> None:
    headers = {
        "X-Amzn-RequestId": "the-id",
        "x-amz-id-2": "extended",
        "X-Amz-Cf-Id": "front",
        "X-Amzn-Trace-Id": "Root=1-2-3",
        "X-Amz-Executed-Version": "7",
        "X-Amz-Durable-Execution-Arn": "arn:durable",
        "X-Amz-Log-Result": base64.b64encode(b"START\nEND \xc3\xa9 \xc3").decode(),
    }
    output = await output_of(200, b'{"n": 12345678901234567890}', headers)
    metadata = output.metadata
    assert (output.executed_version, output.durable_execution_arn) == ("7", "arn:durable")
    assert output.log_tail == "START\nEND é \ufffd"
    assert (metadata.http_status_code, metadata.request_id, metadata.extended_request_id) == (200, "the-id", "extended")
    assert (metadata.cf_id, metadata.trace_id, metadata.attempts) == ("front", "Root=1-2-3", 1)
    assert metadata.total_retry_delay == 0
    assert metadata.headers["x-amz-id-2"] == metadata.headers["X-AMZ-ID-2"] == "extended"
    assert [(attempt.delivery, attempt.status_code) for attempt in metadata.history] == [(Delivery.EXECUTED, 200)]
    assert output.json() == output.decode(dict) == {"n": 12345678901234567890}
    assert output.text() == '{"n": 12345678901234567890}'


@pytest.mark.parametrize("name", ["X-Amz-Function-Error", "x-amz-function-error", "X-AMZ-FUNCTION-ERROR"])
async def test_plain_dict_headers_keep_the_function_error(name: str) -> None:
    response = Response(200, {name: "Unhandled"}, b'{"errorType": "E"}')
    async with client_of(response) as client:
        with pytest.raises(FunctionError, match="E"):
            await client.invoke("orders")


async def test_output_without_headers_has_no_such_members() -> None:
    output = await output_of(200, b"null")
    assert (output.executed_version, output.log_result, output.log_tail, output.report) == (None, None, None, None)
    assert (output.metadata.request_id, output.metadata.trace_id, output.function_error) == (None, None, None)
    assert output.json() is None


@pytest.mark.parametrize("log", ["not base64", "é", "AAA", "\udc80"])
async def test_log_that_is_not_base64_is_none(log: str) -> None:
    output = await output_of(200, b"null", {"x-amz-log-result": log})
    assert (output.log_tail, output.report) == (None, None)


@pytest.mark.parametrize(("status", "kind"), [(202, "Event"), (204, "DryRun"), (200, "RequestResponse")])
async def test_response_without_payload_names_its_type(status: int, kind: str) -> None:
    output = await output_of(status, invocation_type=kind)
    for read in (output.json, lambda: output.decode(dict)):
        with pytest.raises(ValueError, match=f"no payload to decode: {kind} invocation of 'orders', status {status}"):
            read()
    assert output.text() == ""


@attrs.define
class Tea:
    name: str
    strong: bool = False


class Quoting:
    """A codec whose errors quote what they are given, as pydantic's do."""

    def encode(self, value: object, /) -> bytes:
        return b""

    def decode(self, data: bytes, type: Any, /) -> Any:
        raise KeyError(data)


@pytest.mark.parametrize(
    ("payload", "read", "says"),
    [
        (b"\xffSECRET", lambda output: output.json(), "cannot be decoded as JSON: it is not UTF-8, at byte 0;"),
        (b"\xffSECRET", lambda output: output.text(), "cannot be decoded as text: it is not UTF-8, at byte 0;"),
        (b"\xffSECRET", lambda output: output.decode(dict), "cannot be decoded as dict: it is not UTF-8, at byte 0;"),
        (b'{"a":\nSECRET', lambda output: output.json(), "cannot be decoded as JSON: it is not JSON, at line 2, column 1;"),
        (b"SECRET", lambda output: output.decode(list[int]), "decoded as list: it is not JSON, at line 1, column 1;"),
        (b'"SECRET"', lambda output: output.decode(dict), "payload is JSON of type str, not <class 'dict'>;"),
        (
            b'{"SECRET":1}',
            lambda output: output.decode(Tea),
            "decoded as Tea: the payload has no member 'name', which Tea requires",
        ),
        (b"[" * 100_000, lambda output: output.json(), "decoded as JSON: RecursionError;"),
        (
            b"",
            lambda output: output.json(),
            "there is no payload to decode: RequestResponse invocation of 'orders', status 200",
        ),
        (b"", lambda output: output.decode(Tea), "there is no payload to decode"),
    ],
)
async def test_decode_error_keeps_the_output(payload: bytes, read: Callable[[InvokeCommandOutput], object], says: str) -> None:
    output = await output_of(200, payload)
    with pytest.raises(errors.DecodeError) as raised:
        read(output)
    error = raised.value
    assert isinstance(error, ValueError)
    assert says in str(error)
    assert error.output is output
    assert (error.delivery, error.may_have_run, error.function_name) == (Delivery.EXECUTED, True, "orders")
    assert error.request_id == output.metadata.request_id
    assert (error.codec_error is None) == (not payload)
    assert (error.__cause__, error.__context__) == (None, None)
    assert "SECRET" not in str(error)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_globals["__name__"] != __name__]
    assert frames
    assert all(not isinstance(value, bytes) for frame in frames for value in frame.f_locals.values())


async def test_custom_codec_may_raise_any_error() -> None:
    output = attrs.evolve(await output_of(200, b"SECRET"), codec=Quoting())
    with pytest.raises(errors.DecodeError, match="cannot be decoded as Tea: KeyError; output.payload has its bytes") as raised:
        output.decode(Tea)
    assert isinstance(raised.value.codec_error, KeyError)
    assert "SECRET" not in str(raised.value)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (copy.codec_error, copy.output.payload, str(copy)) == (None, b"SECRET", str(raised.value))


async def test_decode_error_hides_a_rejected_value() -> None:
    @attrs.define
    class Strict:
        name: int = attrs.field(validator=attrs.validators.instance_of(int))

    output = await output_of(200, b'{"name":"SECRET"}')
    with pytest.raises(errors.DecodeError, match="cannot be decoded as Strict: TypeError;") as raised:
        output.decode(Strict)
    assert "SECRET" not in str(raised.value)
    assert "SECRET" in str(raised.value.codec_error)


@pytest.mark.parametrize(
    ("kind", "status", "verdict"), [("Event", 202, Delivery.ACCEPTED), ("DryRun", 204, Delivery.NOT_DELIVERED)]
)
async def test_missing_payload_error_has_its_delivery(kind: Any, status: int, verdict: Delivery) -> None:
    output = await output_of(status, b"", invocation_type=kind)
    with pytest.raises(errors.DecodeError, match=f"there is no payload to decode: {kind} invocation") as raised:
        output.json()
    assert raised.value.delivery is verdict


# How an error answer is spelled


@pytest.mark.parametrize("header", ["x-amzn-ErrorType", "X-Amzn-Errortype", "x-amzn-errortype", "X-AMZN-ERRORTYPE"])
@pytest.mark.parametrize(
    "spelling",
    [
        "ResourceNotFoundException",
        "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.awsgirapi/",
        "aws.lambda#ResourceNotFoundException",
        "aws.lambda#ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws#x/",
        " ResourceNotFoundException ",
        "ResourceNotFoundException,ResourceNotFoundException",
        "aws.lambda#ResourceNotFoundException:http://internal.amazon.com/coral/, TooManyRequestsException",
        ", ResourceNotFoundException:http://internal.amazon.com/coral/",
    ],
)
async def test_error_code_is_read_from_the_header(header: str, spelling: str) -> None:
    error = await error_of(404, '{"Message": "Function not found", "__type": "Other"}', {header: spelling})
    assert (type(error).__name__, error.code, error.message) == ("ResourceNotFoundException",) * 2 + ("Function not found",)


@pytest.mark.parametrize(
    "body",
    [
        {"__type": "ResourceNotFoundException", "message": "gone"},
        {"__type": "com.amazonaws.lambda#ResourceNotFoundException", "Message": "gone"},
        {"__type": "aws#ResourceNotFoundException:http://x/", "message": "gone"},
        {"code": "ResourceNotFoundException", "message": "gone"},
        {"code": "aws#ResourceNotFoundException", "errorMessage": "gone"},
        {"Code": "ResourceNotFoundException", "message": "gone"},
        {"__type": "", "code": 404, "Code": "ResourceNotFoundException", "message": "gone"},
        {"__type": None, "code": "ResourceNotFoundException", "message": None, "Message": "gone"},
        {"__type": "ResourceNotFoundException", "message": {"said": "no"}, "Message": "gone"},
    ],
)
async def test_error_code_falls_back_to_the_body(body: dict[str, object]) -> None:
    for headers in ({}, {"x-amzn-errortype": ""}, {"x-amzn-errortype": ":http://x/"}, {"x-amzn-errortype": " , "}):
        error = await error_of(404, json.dumps(body), headers)
        assert (type(error).__name__, error.code, error.message) == ("ResourceNotFoundException",) * 2 + ("gone",)


async def test_invalid_utf8_error_body_is_still_parsed() -> None:
    body = (
        b'{"__type": "TooManyRequestsException", "Reason": "CallerRateLimitExceeded", "message": "no \xff tea", "Type": "User"}'
    )
    error = await error_of(429, body)
    assert isinstance(error, TooManyRequestsException)
    assert (error.code, error.message, error.type) == ("TooManyRequestsException", "no \ufffd tea", "User")
    assert error.reason is ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED
    assert error.body == body


async def test_first_of_a_repeated_header_is_used() -> None:
    twice = (
        "x-amzn-ErrorType: ResourceNotFoundException\r\nX-Amzn-Errortype: TooManyRequestsException\r\n"
        "x-amzn-RequestId: first\r\nx-amzn-requestid: second\r\nRetry-After: 1\r\nRetry-After: 7\r\n"
    )
    async with raw_server(always(answer("404 Not Found", twice))) as server:
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url) as client:
            with pytest.raises(LambdaServiceException) as caught:
                await client.invoke("orders")
            assert (caught.value.code, caught.value.request_id, caught.value.retry_after) == (
                "ResourceNotFoundException",
                "first",
                1,
            )
            assert caught.value.metadata.headers["x-amzn-errortype"] == "ResourceNotFoundException"


FRONT_END_CODES = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "ThrottlingException",
    "UnrecognizedClientException",
    "ValidationException",
}

MOTO_403 = """
<?xml version="1.0" encoding="UTF-8"?>
<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <Error>
    <Code>SignatureDoesNotMatch</Code>
    <Message>The signature we calculated doesn&#39;t match &lt;yours&gt;</Message>
  </Error>
  <RequestId>1</RequestId>
</ErrorResponse>"""


async def test_xml_error_has_code_and_message() -> None:
    error = await error_of(403, MOTO_403, {"content-type": "application/xml"})
    assert (type(error), error.code) == (LambdaServiceException, "SignatureDoesNotMatch")
    assert error.message == "The signature we calculated doesn't match <yours>"
    assert error.body == MOTO_403.encode()
    assert error.delivery is Delivery.REFUSED


@pytest.mark.parametrize("code", sorted(FRONT_END_CODES))
async def test_error_code_without_suffix_has_the_same_class(code: str) -> None:
    error = await error_of(400, "{}", {"x-amzn-errortype": code.removesuffix("Exception")})
    assert (type(error), error.code) == (EXCEPTIONS[code], code.removesuffix("Exception"))
    assert error.delivery is Delivery.REFUSED


async def test_json_that_quotes_xml_is_json() -> None:
    error = await error_of(400, json.dumps({"__type": "ValidationException", "message": "<Code>A</Code><Message>B</Message>"}))
    assert (error.code, error.message) == ("ValidationException", "<Code>A</Code><Message>B</Message>")


HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", None, "without a body"),
        (
            HTML.encode(),
            "text/html",
            "74 bytes of text/html that hold no error message; a proxy or a load balancer on the way may",
        ),
        (b"<Message></Message>", "application/xml", "19 bytes of application/xml"),
        (b"x" * 5_000_000, "text/plain", "5000000 bytes of text/plain"),
        (b'{"message": "' + b"x" * 5_000_000 + b'"}', "application/json", "5000015 bytes of application/json"),
        (b"\xff\xfe\x80", "application/octet-stream", "3 bytes of application/octet-stream"),
        (b'["message"]', "application/json", "11 bytes of application/json"),
        (b'"message"', "application/json", "9 bytes of application/json"),
        (b"null", None, "4 bytes of unknown content type"),
        (b'{"message": 7, "Type": [], "__type": {}}', "application/json", "40 bytes of application/json"),
        (b'{"a":' * 10_000, "application/json", "50000 bytes of application/json"),
        (b"[" * 60_000, "application/json", "60000 bytes of application/json"),
        (b"gateway", "x" * 1000, f"7 bytes of {'x' * 100} that"),
    ],
)
async def test_error_without_message_describes_its_body(body: bytes, content_type: str | None, says: str) -> None:
    error = await error_of(502, body, {} if content_type is None else {"content-type": content_type})
    assert (type(error), error.code, error.fault) == (LambdaServiceException, "HTTP502", "server")
    assert error.message.startswith("the endpoint answered HTTP 502 with")
    assert says in error.message
    assert error.body == body[:65536]
    assert len(str(error)) < 300
    assert error.delivery is Delivery.UNKNOWN


async def test_header_code_wins_over_any_body() -> None:
    error = await error_of(413, b"x" * 5_000_000, {"x-amzn-errortype": "RequestEntityTooLargeException"})
    assert isinstance(error, PayloadTooLargeError)
    assert (error.code, error.delivery) == ("RequestEntityTooLargeException", Delivery.REFUSED)


async def test_unknown_code_keeps_name_message_and_body() -> None:
    body = b'{"__type": "TeapotException", "message": "short and stout", "Type": "User"}'
    error = await error_of(418, body)
    assert type(error) is LambdaServiceException
    assert (error.code, error.message, error.body, error.type) == ("TeapotException", "short and stout", body, "User")
    assert error.metadata.http_status_code == 418


@pytest.mark.parametrize("status", [100, 199, 300, 301, 307, 399, 400, 500, 599])
async def test_status_outside_2xx_is_an_error(status: int) -> None:
    assert (await error_of(status)).code == f"HTTP{status}"


async def test_ec2_error_keeps_its_ec2_code() -> None:
    error = await error_of(502, '{"__type": "EC2UnexpectedException", "EC2ErrorCode": "InternalError", "Message": "m"}')
    assert isinstance(error, EC2UnexpectedException)
    assert (error.ec2_error_code, error.delivery) == ("InternalError", Delivery.REFUSED)


# Throttles

SCOPES = {
    "ConcurrentInvocationLimitExceeded": "account",
    "ConcurrentSnapshotCreateLimitExceeded": "account",
    "FunctionInvocationRateLimitExceeded": "function",
    "ReservedFunctionConcurrentInvocationLimitExceeded": "function",
    "ReservedFunctionInvocationRateLimitExceeded": "function",
    "CallerRateLimitExceeded": "caller",
}


@pytest.mark.parametrize("reason", ThrottleReason)
async def test_throttle_has_reason_scope_and_retry_after(reason: ThrottleReason) -> None:
    body = json.dumps({"Reason": reason.value, "message": "Rate Exceeded.", "Type": "User"})
    error = await error_of(429, body, {"x-amzn-errortype": "TooManyRequestsException", "retry-after": "2.5"})
    assert isinstance(error, TooManyRequestsException)
    assert (error.reason, error.scope, error.retry_after) == (reason, SCOPES[reason], 2.5)
    assert reason.value in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0), ("30", 30), ("-1", None), ("nan", None), ("inf", None), ("tomorrow", None), ("", None)],
)
async def test_invalid_retry_after_is_none(header: str, seconds: float | None) -> None:
    error = await error_of(429, "{}", {"x-amzn-errortype": "TooManyRequestsException", "retry-after": header})
    assert isinstance(error, TooManyRequestsException)
    assert (error.retry_after, error.reason, error.scope) == (seconds, None, None)


async def test_unknown_throttle_reason_is_none() -> None:
    error = await error_of(429, '{"Reason": "MoonPhase"}', {"x-amzn-errortype": "TooManyRequestsException"})
    assert isinstance(error, TooManyRequestsException)
    assert error.reason is None


def test_throttle_reasons_match_the_model() -> None:
    model = botocore.session.Session().get_service_model("lambda")
    assert set(ThrottleReason) == set(model.shape_for("ThrottleReason").enum)


async def test_access_denied_names_the_action_and_function() -> None:
    body = '{"Message": "User: arn:aws:iam::1:user/u is not authorized"}'
    error = await error_of(403, body, {"x-amzn-errortype": "AccessDeniedException"})
    assert isinstance(error, AccessDeniedException)
    assert error.category == "permission"
    assert str(error).endswith("the action to allow is lambda:InvokeFunction on orders")


# The model


def modelled_errors(operation: str | None = None) -> set[str]:
    model = botocore.session.Session().get_service_model("lambda")
    shapes = model.error_shapes if operation is None else model.operation_model(operation).error_shapes
    return {shape.name for shape in shapes}


OLDER_CODES = {
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "OptInRequired",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}
"""Codes of older front ends, which have a verdict and no class."""


def test_each_model_error_has_its_own_class() -> None:
    assert len(modelled_errors()) >= 56
    assert set(EXCEPTIONS) >= modelled_errors() | FRONT_END_CODES
    assert all(kind.__name__ == code and issubclass(kind, LambdaServiceException) for code, kind in EXCEPTIONS.items())
    assert all(kind.__doc__ for kind in EXCEPTIONS.values())


def test_each_model_error_has_one_delivery_row() -> None:
    assert not delivery.REFUSED.keys() & delivery.UNKNOWN.keys()
    assert delivery.REFUSED.keys() | delivery.UNKNOWN.keys() >= modelled_errors() | FRONT_END_CODES
    throttles = {code for code in classification.THROTTLES if code != "Throttling"}
    assert delivery.REFUSED.keys() - EXCEPTIONS.keys() == OLDER_CODES | throttles - EXCEPTIONS.keys()
    assert delivery.UNKNOWN.keys() - EXCEPTIONS.keys() == {"RequestTimeout", "RequestTimeoutException"}


def test_errors_of_other_operations_are_marked() -> None:
    assert len(modelled_errors("Invoke")) >= 43
    others = {code for code, reason in delivery.UNKNOWN.items() if "another operation" in reason}
    assert others == modelled_errors() - modelled_errors("Invoke") - delivery.REFUSED.keys()


def test_errors_module_exports_all_exceptions() -> None:
    kinds = {name: getattr(errors, name) for name in errors.__all__ if name not in ("Category", "Fault")}
    assert all(issubclass(kind, AiolambdaError) for kind in kinds.values())
    for name in ("AccessDeniedException", "ResourceNotFoundException", "TooManyRequestsException"):
        assert kinds[name] is EXCEPTIONS[name] is getattr(aiolambda, name)
    assert set(kinds) < set(dir(errors))
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchException'"):
        getattr(errors, "NoSuchException")  # noqa: B009 - which a type checker would refuse


# Pickling, and what is never shown


def every_error() -> list[AiolambdaError]:
    metadata = Metadata(http_status_code=429, request_id="the-id", headers=Headers({"x-a": "1"}), history=(attempt(),))
    found: list[AiolambdaError] = []
    for kind in EXCEPTIONS.values():
        error_response = kind("said", code=kind.__name__, metadata=metadata, function_name="orders", type="User", body=b"{}")
        if isinstance(error_response, TooManyRequestsException):
            error_response.reason, error_response.retry_after = ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED, 1.5
        found.append(error_response)
    timeout = InvocationTimeoutError("late", exceeded="read", stage="wait", function_name="orders", last_error=found[0])
    timeout.history, timeout.elapsed = (attempt(), attempt(), attempt()), 1.25
    output = InvokeCommandOutput(status_code=200, payload=b"p", metadata=metadata, codec=JsonCodec(), function_name="orders")
    return [
        *found,
        timeout,
        AiolambdaError("plain", delivery=Delivery.ACCEPTED),
        errors.ConfigurationError("no region"),
        errors.MiddlewareStackError("twice"),
        ArgumentError("unknown keyword"),
        errors.ClientClosedError("closed", delivery=Delivery.UNKNOWN, function_name="orders"),
        errors.InvalidInputError("bad", member="qualifier", limit=128, function_name="orders"),
        errors.PayloadTooLargeError("large"),
        InvalidPayloadSizeError("large", size=7, limit=6, function_name="orders"),
        errors.TransportError("lost", request_id="the-id"),
        errors.ConnectError("refused", function_name="orders"),
        errors.ConnectionLostError("lost", function_name="orders"),
        errors.WorkerLostError("the worker was lost", function_name="orders"),
        QueueTimeoutError("full", function_name="orders"),
        LambdaServiceException("odd", code="Odd", metadata=metadata),
        FunctionError(
            "failed",
            kind="Unhandled",
            error_type="E",
            error_message="m",
            stack_trace=["one", "two"],
            output=output,
            function_name="orders",
            request_id="the-id",
        ),
        errors.TooManyFailuresError("too many", stats=MapStats(done=7)),
        errors.UnknownOutcomeError("left", function_name="orders"),
        errors.NotSentError("left", last_error=errors.ConnectError("refused"), function_name="orders"),
        errors.WaitError("no", condition="updated", status="Failed", reason="r", reason_code="R", function_name="orders"),
        errors.WaitTimeoutError("late", condition="exists", function_name="orders"),
        errors.HttpStatusError("no", status_code=404, output=HttpOutput(status_code=404), request_id="the-id"),
        durable.DurableExecutionError("no", arn="arn", status="FAILED", function_name="orders"),
        durable.DurableExecutionFailedError("no", error_type="E", error_message="m", error_data="d", stack_trace=["at"]),
        durable.DurableExecutionTimedOutError("late", arn="arn"),
        durable.DurableExecutionStoppedError("stopped", error_type="E", arn="arn"),
        durable.ResultTimeoutError("late", arn="arn", status="RUNNING", function_name="orders"),
        durable.NotDurableError("no", function_name="orders", request_id="the-id"),
        errors.DecodeError("no JSON", output=output, function_name="orders", request_id="the-id"),
        errors.StreamError(
            "cut", code="Throttled", received_bytes=7, received_chunks=2, function_name="orders", request_id="the-id"
        ),
    ]


def attempt() -> Attempt:
    return Attempt(delivery=Delivery.REFUSED, duration=0.1, status_code=429)


def state_of(error: AiolambdaError) -> dict[str, object]:
    return {name: str(value) if isinstance(value, Exception | Headers) else value for name, value in vars(error).items()}


def test_pickle_tests_cover_each_error_class() -> None:
    def kinds(kind: type[AiolambdaError]) -> set[type[AiolambdaError]]:
        return {kind}.union(*map(kinds, kind.__subclasses__()))

    ours = {
        kind
        for kind in kinds(AiolambdaError)
        if kind.__module__.startswith("aiolambda.")
        and not kind.__name__.startswith("_")
        and not kind.__module__.startswith("aiolambda.cli.")  # which no caller gets
    }
    assert ours == {type(error) for error in every_error()}


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_error_round_trips_through_pickle(error: AiolambdaError, protocol: int) -> None:
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is type(error)
    assert (str(copy), repr(copy), copy.args) == (str(error), repr(error), error.args)
    assert (copy.delivery, copy.may_have_run, copy.function_name) == (error.delivery, error.may_have_run, error.function_name)
    assert state_of(copy) == state_of(error)
    assert getattr(copy, "__notes__", None) == getattr(error, "__notes__", None)


async def test_no_text_of_a_call_shows_a_secret() -> None:
    """What is sent and what comes back is marked; no mark stands in any `repr`, `str` or traceback."""
    members: dict[str, Any] = {
        "payload": {"mark": "MARK-SENT"},
        "client_context": {"custom": {"mark": "MARK-CONTEXT"}},
        "tenant_id": "MARK-TENANT",
    }
    keys = Credentials("AKIDMARKEXAMPLE0", "MARK-SECRET", "MARK-TOKEN")
    command = InvokeCommand(function_name="orders", **members)
    seen: list[object] = [keys, command, command.input]

    async def look(call: Any, call_next: Any) -> Any:
        seen.extend([call, call.request, call.request.headers, call.credentials])
        output = await call_next(call)
        seen.append(call.response)
        return output

    answers = [
        Response(200, Headers({"x-amz-log-result": "TUFSSy1MT0c=", "x-mark": "MARK-HEADER"}), b'"MARK-ANSWER"'),
        Response(500, Headers({"x-mark": "MARK-HEADER"}), b'{"MARK-ANSWER": 1}'),
        Response(200, Headers({"x-amz-function-error": "Unhandled"}), b'{"errorType": "E", "mark": "MARK-ANSWER"}'),
    ]
    for response in answers:
        async with client_of(response, keys=keys) as client:
            client.middleware_stack.add(look, step="deserialize")
            seen.extend([client, client.config])
            try:
                output = await client.send(InvokeCommand(function_name="orders", **members))
                seen.extend([output, output.metadata])
                output.raise_for_function_error()
            except AiolambdaError as error:
                seen.extend([error, *traceback.format_exception(error)])
    for refused in (
        {"payload": {"mark": object()}},
        {"payload": "MARK-LONE-\udc80"},
        {"client_context": {"MARK": object()}},
        {"tenant_id": "MARK-\u00e9"},
        {"payload": b"MARK" * 2_000_000},
        {"client_context": {"mark": "MARK" * 1000}},
    ):
        with pytest.raises(AiolambdaError) as caught:
            await output_of(200, b"null", **refused)
        seen.extend([caught.value, *traceback.format_exception(caught.value)])
    shown = "\n".join(f"{thing!r} {thing}" for thing in seen)
    assert len(seen) > 40
    assert "MARK" not in shown.replace("AKIDMARKEXAMPLE0", "").replace("mark", "")
    assert "TUFSSy1MT0c" not in shown
    assert "AKIDMARKEXAMPLE0" not in shown
