"""The records of events: their members, and payloads that are not plain."""

import datetime as dt
import json

import pytest

from aiolambda.emulation.failure_script import Decision
from aiolambda.emulation.function_responses import FunctionResponse
from aiolambda.emulation.in_process import function_of
from aiolambda.local.events.record import Condition, record_of
from aiolambda.local.invocation_log import InvocationLog
from aiolambda.local.jobs import Job, Selection
from aiolambda.local.runtime.invocations import Invocation, InvocationResult

NOW = dt.datetime(2019, 11, 14, 20, 16, 5, 568_999, tzinfo=dt.timezone(dt.timedelta(hours=2)))
ARN = "arn:aws:lambda:us-east-2:123456789012:function:my-function"


def record(
    payload: bytes = b"{}",
    response: bytes | None = b"1",
    *,
    arn: str = ARN,
    error_type: str | None = None,
    kind: str = "Handled",
) -> bytes:
    invocation = Invocation(request_id="an id", payload=payload, function_arn=arn, trace_id="", invocation_type="Event")
    selection = Selection(function_of("my-function", print), "7")
    watch = InvocationLog().watch("r", "orders", "Event")
    job = Job(selection=selection, invocation=invocation, decision=Decision(), on_end=print, watch=watch)
    result = None
    if response is not None:
        result = InvocationResult(response=FunctionResponse(response, error_type), log_tail=b"", kind=kind)
    return record_of(job, Condition.RETRIES_EXHAUSTED, runs=3, result=result, now=NOW)


def test_the_record_has_the_members_of_lambda():
    assert json.loads(record(b'{"ORDER_IDS": [1]}', b'{"errorMessage": "no tea"}', error_type="Error")) == {
        "version": "1.0",
        "timestamp": "2019-11-14T18:16:05.568Z",
        "requestContext": {
            "requestId": "an id",
            "functionArn": f"{ARN}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"ORDER_IDS": [1]},
        "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Handled"},
        "responsePayload": {"errorMessage": "no tea"},
    }


def test_a_success_has_no_function_error():
    assert json.loads(record())["responseContext"] == {"statusCode": 200, "executedVersion": "7"}


def test_an_event_that_did_not_run_has_no_response():
    assert json.loads(record(response=None)).keys() == {"version", "timestamp", "requestContext", "requestPayload"}


def test_the_arn_keeps_its_qualifier():
    assert json.loads(record(arn=f"{ARN}:live"))["requestContext"]["functionArn"] == f"{ARN}:live"


def test_payloads_keep_their_digits():
    digits = b"[1.000000000000000000001, 1e400, 123456789012345678901234567890]"
    assert digits in record(digits)
    assert digits in record(response=digits)


def test_a_record_is_one_line():
    pretty = b'{\r\n  "a": "\\n",\n  "b": [\n  ]\n}'
    line = record(pretty, pretty)
    assert (line.splitlines(), json.loads(line)["requestPayload"]) == ([line], {"a": "\n", "b": []})


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"", ""),
        (b"data: 1\n\n", "data: 1\n\n"),
        (b"NaN", "NaN"),
        (b"\xff\x00", "\ufffd\x00"),
        (b"[" * 100_000 + b"]" * 100_000, "[" * 100_000 + "]" * 100_000),
    ],
    ids=["empty", "text", "NaN", "bytes", "deep"],
)
def test_a_response_that_is_not_json_is_a_string(response, expected):
    assert json.loads(record(response=response))["responsePayload"] == expected


def test_text_in_any_script_stays_readable():
    assert "\u8336 \\udce4".encode() in record(response='"\u8336 \\udce4"'.encode())
