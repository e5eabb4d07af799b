"""Operations of durable executions: requests to AWS's testing SDK, and its answers in the form of Lambda. Nothing runs here."""

import json
from typing import Any

import pytest

from aiolambda.emulation.api_errors import ApiError
from aiolambda.emulation.control_plane.routes import Asked, operation_names
from aiolambda.local.durable.operations import (
    OPERATIONS,
    answer_of,
    error_of,
    list_request,
    not_supported,
    page_of,
    request_of,
)

ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders:1/durable-execution/name/id"
ENCODED = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aorders%3A1%2Fdurable-execution%2Fname%2Fid"


def execution(query: str = "", operation: str = "GetDurableExecution") -> Asked:
    return Asked(operation, {"DurableExecutionArn": ARN}, query)


def test_every_operation_of_the_model_is_answered() -> None:
    assert {name for name in operation_names() if "DurableExecution" in name} == OPERATIONS


@pytest.mark.parametrize(
    ("operation", "query", "method", "path", "sent"),
    [
        ("GetDurableExecution", "", "GET", "", ""),
        ("GetDurableExecution", "IncludeExecutionData=false", "GET", "", "IncludeExecutionData=false"),
        ("GetDurableExecutionHistory", "", "GET", "/history", "IncludeExecutionData=true"),
        ("GetDurableExecutionHistory", "IncludeExecutionData=false", "GET", "/history", "IncludeExecutionData=false"),
        ("GetDurableExecutionHistory", "MaxItems=0", "GET", "/history", "IncludeExecutionData=true&MaxItems=100"),
        ("GetDurableExecutionState", "CheckpointToken=a%2B%2F%3D", "GET", "/state", "CheckpointToken=a%2B%2F%3D"),
        ("CheckpointDurableExecution", "", "POST", "/checkpoint", ""),
        ("StopDurableExecution", "", "POST", "/stop", ""),
    ],
)
def test_execution_keeps_its_arn_in_one_segment(operation: str, query: str, method: str, path: str, sent: str) -> None:
    request = request_of(execution(query, operation), b"")
    assert (request.method, request.query) == (method, sent)
    assert request.path == f"/2025-12-01/durable-executions/{ENCODED}{path}"


@pytest.mark.parametrize("callback", ["a+/=", "../x", "a b\r\nc", "☕"], ids=["base64", "dots", "lines", "emoji"])
def test_callback_keeps_its_id_in_one_segment(callback: str) -> None:
    request = request_of(Asked("SendDurableExecutionCallbackSuccess", {"CallbackId": callback}, ""), b"\x00any")
    assert request.path.count("/") == 4
    assert request.path.isascii()
    assert not set(request.path) & set(" \r\n+=")
    assert request.body == b"\x00any"


def test_name_of_a_list_stays_in_one_segment() -> None:
    assert list_request("a/../b", "").path == "/2025-12-01/functions/a%2F..%2Fb/durable-executions"
    assert list_request("a", "3").query == "MaxItems=1000&ReverseOrder=true&Marker=3"


def test_body_of_stop_is_the_error() -> None:
    stopped = request_of(execution(operation="StopDurableExecution"), b'{"ErrorMessage": "by hand"}')
    assert json.loads(stopped.body) == {"Error": {"ErrorMessage": "by hand"}}
    assert request_of(execution(operation="StopDurableExecution"), b"").body == b"{}"


@pytest.mark.parametrize("body", [b"[]", b"3", b"{", b"\xff", b"[" * 100_000], ids=["list", "number", "half", "bytes", "deep"])
@pytest.mark.parametrize("operation", ["StopDurableExecution", "CheckpointDurableExecution"])
def test_body_that_is_no_object_is_refused(operation: str, body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        request_of(execution(operation=operation), body)
    assert refused.value.status == 400


@pytest.mark.parametrize("count", ["-1", "1001", "x", "٣", "9" * 5000], ids=["negative", "many", "text", "digit", "long"])
def test_wrong_number_of_items_is_refused(count: str) -> None:
    with pytest.raises(ApiError) as refused:
        request_of(execution(f"MaxItems={count}", "GetDurableExecutionHistory"), b"")
    assert (refused.value.status, refused.value.code) == (400, "ValidationException")


def test_details_without_data_have_the_rest() -> None:
    content = {"Status": "FAILED", "InputPayload": "1", "Result": "2", "Error": {}}
    assert answer_of(execution(), 200, content) == content
    assert answer_of(execution("IncludeExecutionData=false"), 200, content) == {"Status": "FAILED"}


@pytest.mark.parametrize(
    ("content", "status", "code", "members"),
    [
        (
            {"Type": "ResourceNotFoundException", "Message": "gone"},
            404,
            "ResourceNotFoundException",
            {"Type": "User", "Message": "gone"},
        ),
        (
            {"Type": "InvalidParameterValueException", "message": "wrong"},
            400,
            "InvalidParameterValueException",
            {"Type": "User", "message": "wrong"},
        ),
        (
            {"Type": "CallbackTimeoutException", "message": "late"},
            400,
            "CallbackTimeoutException",
            {"Type": "User", "Message": "late"},
        ),
        (
            {"Type": "ExecutionConflictException", "message": "done"},
            409,
            "ResourceConflictException",
            {"Type": "User", "message": "done"},
        ),
        ({"Type": "Unheard", "Message": "x"}, 500, "ServiceException", {"Type": "Service", "Message": "x"}),
        ({}, 500, "ServiceException", {"Type": "Service", "Message": "The durable execution failed."}),
    ],
    ids=["not found", "parameter", "timeout", "conflict", "unheard", "empty"],
)
def test_errors_have_the_form_of_lambda(content: dict[str, str], status: int, code: str, members: dict[str, str]) -> None:
    error = error_of(content)
    assert (error.status, error.code, error.members) == (status, code, members)
    with pytest.raises(ApiError):
        answer_of(execution(), 500, content)


@pytest.mark.parametrize("operation", ["PauseDurableExecution", "ResumeDurableExecution", "DeleteDurableExecution"])
def test_operation_that_the_sdk_lacks_is_named(operation: str) -> None:
    error = not_supported(operation)
    assert error is not None
    assert error.members["message"].startswith(f"{operation} is not emulated here")
    assert not_supported("GetDurableExecution") is None


# Lists


def summary(number: int, status: str = "SUCCEEDED", version: str = "1") -> dict[str, Any]:
    function = f"arn:aws:lambda:us-east-1:000000000000:function:orders:{version}"
    return {
        "DurableExecutionArn": f"{function}/durable-execution/n{number}/{number}",
        "DurableExecutionName": f"n{number}",
        "FunctionArn": function,
        "Status": status,
        "StartTimestamp": float(number),
    }


ALL = [summary(3, "RUNNING"), summary(2, version="$LATEST"), summary(1)]


def names_of(query: str, version: str | None = None) -> list[int]:
    page = page_of(Asked("ListDurableExecutionsByFunction", {}, query), ALL, version)
    return [int(one["StartTimestamp"]) for one in page["DurableExecutions"]]


@pytest.mark.parametrize(
    ("query", "version", "numbers"),
    [
        ("", None, [3, 2, 1]),
        ("ReverseOrder=true", None, [1, 2, 3]),
        ("", "$LATEST", [2]),
        ("Statuses=RUNNING", None, [3]),
        ("Statuses=RUNNING&Statuses=SUCCEEDED", "1", [3, 1]),
        ("DurableExecutionName=n2", None, [2]),
        ("StartedAfter=1970-01-01T00:00:01Z", None, [3, 2]),
        ("StartedBefore=1970-01-01T00:00:02", None, [1]),
        ("MaxItems=2", None, [3, 2]),
    ],
)
def test_list_has_what_is_asked_for(query: str, version: str | None, numbers: list[int]) -> None:
    assert names_of(query, version) == numbers


def test_marker_leads_on_when_executions_were_added() -> None:
    asked = Asked("ListDurableExecutionsByFunction", {}, "MaxItems=1")
    marker = page_of(asked, ALL, None)["NextMarker"]
    following = Asked("ListDurableExecutionsByFunction", {}, f"MaxItems=1&Marker={marker}")
    page = page_of(following, [summary(4), *ALL], None)
    assert [one["DurableExecutionName"] for one in page["DurableExecutions"]] == ["n2"]


@pytest.mark.parametrize(
    "query",
    ["Marker=nonsense", "Marker=YQ==", "Statuses=LOST", "StartedAfter=soon", "MaxItems=x"],
    ids=["marker", "other marker", "status", "time", "count"],
)
def test_wrong_query_of_a_list_is_refused(query: str) -> None:
    with pytest.raises(ApiError) as refused:
        names_of(query)
    assert refused.value.status == 400
