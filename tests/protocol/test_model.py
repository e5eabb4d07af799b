"""This package's facts beside the service model that botocore ships: a new error, member, limit or choice fails a test.

botocore stands in an environment of its own, because aiobotocore holds an older one in this one.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import (
    InvalidInputError,
    InvokeCommand,
    InvokeCommandInput,
    InvokeCommandOutput,
    InvokeWithResponseStreamCommand,
    InvokeWithResponseStreamCommandOutput,
    JsonCodec,
    Metadata,
    PayloadLimits,
    ThrottleReason,
)
from aiolambda.client.durable import callbacks
from aiolambda.errors.service import EXCEPTIONS
from aiolambda.operations.api import structures as api
from aiolambda.operations.durable import DurableStatus, has_ended
from aiolambda.operations.durable_events import DETAILS, ENDS
from aiolambda.operations.invoke import INVOKE, SYNCHRONOUS_READ_LIMIT
from aiolambda.operations.stream import INVOKE_WITH_RESPONSE_STREAM, StreamingInvocationType
from aiolambda.operations.stream_events import Completion
from aiolambda.operations.structure import table_of
from aiolambda.policy import delivery
from aiolambda.protocol import durable_arn, names
from aiolambda.types.values import InvocationType, LogType

from ..transport.test_answers import FRONT_END_CODES

_MISSING = "no environment with botocore's model (AIOLAMBDA_MODEL_PYTHON names its Python)"


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    python = os.environ.get("AIOLAMBDA_MODEL_PYTHON")
    if python is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{_MISSING}, and CI must have it")
        pytest.skip(_MISSING)
    command = [python, str(Path(__file__).parents[1] / "support" / "model_facts.py")]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return found


# Errors


def test_each_model_error_has_a_class(model: dict[str, Any]) -> None:
    assert set(EXCEPTIONS) == set(model["errors"]) | FRONT_END_CODES


def test_every_error_has_the_fault_of_the_model(model: dict[str, Any]) -> None:
    def fault_of(name: str, status: int) -> str:
        return EXCEPTIONS[name]("said", code=name, metadata=Metadata(http_status_code=status)).fault

    assert {name: fault_of(name, error["status"]) for name, error in model["errors"].items()} == {
        name: error["fault"] for name, error in model["errors"].items()
    }


def test_each_model_error_has_a_delivery(model: dict[str, Any]) -> None:
    assert not set(model["errors"]) - delivery.REFUSED.keys() - delivery.UNKNOWN.keys()
    of_invoke = {error for operation in model["operations"].values() for error in operation["errors"]}
    others = {code for code, reason in delivery.UNKNOWN.items() if "another operation" in reason}
    assert others == set(model["errors"]) - of_invoke - delivery.REFUSED.keys()


def test_all_error_members_are_read(model: dict[str, Any]) -> None:
    members = {member for error in model["errors"].values() for member in error["members"]}
    assert members == {"message", "Message", "Type", "Reason", "EC2ErrorCode", "retryAfterSeconds"}
    assert [name for name, error in model["errors"].items() if "Reason" in error["members"]] == ["TooManyRequestsException"]
    assert [name for name, error in model["errors"].items() if "EC2ErrorCode" in error["members"]] == ["EC2UnexpectedException"]


# Requests and answers

MEMBERS = {
    "FunctionName": "orders",
    "InvocationType": "RequestResponse",
    "LogType": "Tail",
    "ClientContext": "e30=",
    "DurableExecutionName": "once",
    "Payload": b"{}",
    "Qualifier": "live",
    "TenantId": "blue",
}


@pytest.mark.parametrize(
    ("command", "operation"),
    [(InvokeCommand, INVOKE), (InvokeWithResponseStreamCommand, INVOKE_WITH_RESPONSE_STREAM)],
    ids=["Invoke", "InvokeWithResponseStream"],
)
def test_request_puts_each_member_in_its_place(command: Any, operation: Any, model: dict[str, Any]) -> None:
    described = model["operations"][operation.name]
    members = {name: MEMBERS[name] for name in described["input"]}
    input = command.from_api(members).input
    request = operation.request(input, endpoint="https://h", codec=JsonCodec(), limits=PayloadLimits())
    path = described["path"].replace("{FunctionName}", "orders")
    assert (request.method, request.url) == (described["method"], f"https://h{path}?Qualifier=live")
    headers = {
        member["at"].removeprefix("header "): MEMBERS[name]
        for name, member in described["input"].items()
        if member["at"].startswith("header ")
    }
    assert dict(request.headers) == headers | {"content-type": "application/octet-stream"}
    elsewhere = {name: member["at"] for name, member in described["input"].items() if not member["at"].startswith("header ")}
    assert elsewhere == {"FunctionName": "uri functionname", "Payload": "body", "Qualifier": "querystring qualifier"}
    with pytest.raises(InvalidInputError, match="has no member 'Another'"):
        command.from_api(members | {"Another": 1})


def test_output_has_all_members_of_the_model(model: dict[str, Any]) -> None:
    assert model["operations"]["Invoke"]["output"] == {
        "StatusCode": "statuscode",
        "FunctionError": "header x-amz-function-error",
        "LogResult": "header x-amz-log-result",
        "Payload": "body",
        "ExecutedVersion": "header x-amz-executed-version",
        "DurableExecutionArn": "header x-amz-durable-execution-arn",
    }
    assert model["operations"]["InvokeWithResponseStream"]["output"] == {
        "StatusCode": "statuscode",
        "ExecutedVersion": "header x-amz-executed-version",
        "EventStream": "body",
        "ResponseStreamContentType": "header content-type",
    }
    outputs = {"Invoke": InvokeCommandOutput, "InvokeWithResponseStream": InvokeWithResponseStreamCommandOutput}
    for name, kind in outputs.items():
        ours = {field.alias for field in kind.__attrs_attrs__ if not field.name.startswith("_")} - {"metadata"}
        assert ours == {snake_case(member) for member in model["operations"][name]["output"]}
        assert model["operations"][name]["status"] == 200


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_a_stream_has_the_events_of_the_model(model: dict[str, Any]) -> None:
    assert model["events"] == {"PayloadChunk": ["Payload"], "InvokeComplete": ["ErrorCode", "ErrorDetails", "LogResult"]}
    assert [field.name for field in Completion.__attrs_attrs__] == [
        snake_case(member) for member in model["events"]["InvokeComplete"]
    ]


def test_every_choice_is_one_of_the_model(model: dict[str, Any]) -> None:
    assert {name: set(choices) for name, choices in model["choices"].items()} == {
        "InvocationType": set(get_args(InvocationType)),
        "ResponseStreamingInvocationType": set(get_args(StreamingInvocationType)),
        "LogType": set(get_args(LogType)),
        "ThrottleReason": set(ThrottleReason),
    }


# Limits and patterns


def test_synchronous_read_limit_matches_the_model(model: dict[str, Any]) -> None:
    minutes = re.search(r"Synchronous invocations can run for up to (\d+) minutes", model["descriptions"]["Invoke"])
    seconds = re.search(r"maximum allowed value is ([\d,]+) seconds", model["descriptions"]["Timeout"])
    assert minutes is not None
    assert seconds is not None
    assert int(minutes[1]) * 60 == int(seconds[1].replace(",", "")) == SYNCHRONOUS_READ_LIMIT - 60


def test_payload_limits_match_the_model(model: dict[str, Any]) -> None:
    said, limits = model["descriptions"]["Invoke"], PayloadLimits()
    assert re.findall(r"For (\w+) invocations, the maximum payload size is (\d+) MB", said) == [
        ("synchronous", str(limits.request_response // 1024**2)),
        ("asynchronous", str(limits.event // 1024**2)),
    ]
    assert f"Up to {limits.client_context:,} bytes of base64-encoded data" in model["descriptions"]["ClientContext"]


PATTERNED = {
    "FunctionName": "function_name",
    "Qualifier": "qualifier",
    "TenantId": "tenant_id",
    "DurableExecutionName": "durable_execution_name",
}


def takes(member: str, value: str) -> bool:
    input = InvokeCommandInput(**({"function_name": "orders"} | {PATTERNED[member]: value}))  # type: ignore[arg-type]
    try:
        INVOKE.check(input, region=None, limits=PayloadLimits())
    except InvalidInputError:
        return False
    return True


def is_dangerous(member: str, value: str) -> bool:
    """What the model takes and we refuse: a segment of dots in a path, spaces that a header loses."""
    return (member == "FunctionName" and names.plain_name_of(value) in (".", "..")) or (
        member == "TenantId" and value != value.strip(" ")
    )


@pytest.mark.parametrize("member", PATTERNED)
def test_name_patterns_match_the_model(member: str, model: dict[str, Any]) -> None:
    described = model["operations"]["Invoke"]["input"][member]
    pattern = re.compile(described["pattern"], re.ASCII)

    @given(st.from_regex(pattern, fullmatch=True).filter(lambda value: len(value) <= described["max"]))
    def taken(value: str) -> None:
        assert takes(member, value) is not is_dangerous(member, value)

    @given(
        st.text("a1:$._-/ +@=%\r\n\0\u00e9\u0661\u2603\U0001f600", max_size=8)
        | st.builds(
            lambda value, place, inserted: value[: place % len(value)] + inserted + value[place % len(value) :],
            st.from_regex(pattern, fullmatch=True),
            st.integers(0, 100),
            st.sampled_from(["\r\n", "\n", "\0", "/", "/../", "\u2603", "%2e", "?", ":", " "]),
        )
    )
    def nothing_else_is(value: str) -> None:
        fits = pattern.fullmatch(value) is not None and described["min"] <= len(value) <= described["max"]
        assert takes(member, value) == (fits and not is_dangerous(member, value))

    taken()
    nothing_else_is()


@pytest.mark.parametrize("member", PATTERNED)
def test_name_lengths_match_the_model(member: str, model: dict[str, Any]) -> None:
    described = model["operations"]["Invoke"]["input"][member]
    assert described["min"] == 1
    assert [takes(member, "x" * length) for length in (0, 1, described["max"], described["max"] + 1)] == [
        False,
        True,
        True,
        False,
    ]


def test_no_other_member_has_a_pattern(model: dict[str, Any]) -> None:
    """A member that gets a pattern has to be checked from then on."""
    for operation in model["operations"].values():
        assert {name for name, member in operation["input"].items() if member["pattern"]} <= PATTERNED.keys()


# Durable executions


def test_each_event_type_has_its_details(model: dict[str, Any]) -> None:
    facts = model["durable"]
    assert sorted(DETAILS) == facts["types"]
    assert sorted(f"{kind}Details" for kind in DETAILS) == sorted(facts["details"])
    for kind, member in DETAILS.items():
        made = api.Event.from_api({"EventType": kind})
        assert getattr(made, member) is None
        assert table_of(api.Event).members[member].kind.structure is getattr(api, facts["details"][f"{kind}Details"])
    assert {kind for kind in DETAILS if kind.startswith("Execution")} - ENDS == {
        "ExecutionPaused",
        "ExecutionResumed",
        "ExecutionStarted",
    }


def test_each_status_is_known(model: dict[str, Any]) -> None:
    assert sorted(get_args(DurableStatus)) == model["durable"]["statuses"]
    ends = {status for status in get_args(DurableStatus) if has_ended(status, None)}
    assert ends == {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING"}


def test_the_largest_result_of_a_callback_is_that_of_the_model(model: dict[str, Any]) -> None:
    assert model["durable"]["largest_result"] == callbacks.LARGEST


@given(
    st.from_regex(
        r"arn:aws:lambda:eu-west-1:[0-9]{12}:function:[a-z_-]{1,9}:([0-9]{1,3}|.LATEST)/[a-z]{3,17}-execution/.{1,5}/.{1,5}"
    )
    | st.from_regex(durable_arn.PATTERN, fullmatch=True)
)
def test_an_arn_is_taken_if_the_model_takes_it(model: dict[str, Any], arn: str) -> None:
    pattern = re.compile(model["durable"]["patterns"]["DurableExecutionArn"], re.ASCII)
    assert (durable_arn.region_of(arn) is not None) is (pattern.fullmatch(arn) is not None and len(arn) <= 1024)
