"""Answers for every error class: status and members are those of the model, and our client raises the class for them."""

import datetime as dt
import json
from typing import Any

import pytest

from aiolambda import Delivery, LambdaServiceException, Metadata, Response, ThrottleReason, TooManyRequestsException
from aiolambda.emulation.api_errors import api_error_of, typical_error
from aiolambda.errors.service import EXCEPTIONS, STATUSES, EC2UnexpectedException
from aiolambda.pipeline.verdicts import parsed_error
from aiolambda.protocol import error_response
from aiolambda.types.http import Headers


@pytest.fixture(scope="module")
def model() -> Any:
    return pytest.importorskip("botocore.session").get_session().get_service_model("lambda")


def raised_for(error: LambdaServiceException) -> LambdaServiceException:
    """The error that our client makes of the answer for an error."""
    answer = api_error_of(error)
    response = Response(answer.status, Headers({"x-amzn-errortype": answer.code, **answer.headers}), answer.body)
    return error_response.exception_of(
        response,
        parsed_error(response),
        delivery=Delivery.REFUSED,
        metadata=Metadata(http_status_code=response.status),
        function_name="orders",
        now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_botocore_parses_the_answer_as_its_model_says(model: Any, name: str) -> None:
    from botocore.parsers import create_parser

    answer = api_error_of(typical_error(EXCEPTIONS[name]))
    raw = {"status_code": answer.status, "headers": {"x-amzn-errortype": answer.code, **answer.headers}, "body": answer.body}
    parser = create_parser("rest-json")
    parsed = parser.parse(raw, model.operation_model("Invoke").output_shape)
    assert (parsed["Error"]["Code"], parsed["ResponseMetadata"]["HTTPStatusCode"]) == (name, STATUSES[name])
    assert parsed["Error"]["Message"]
    shape = model.shape_for_error_code(name)
    members = json.loads(answer.body)
    if shape is None:  # of the front end, or of a later model
        assert members.keys() in ({"message"}, {"Type", "message"})
        return
    assert shape.metadata["error"]["httpStatusCode"] == answer.status
    assert members.keys() <= shape.members.keys()
    assert set(members) >= {"Type"} | ({"message", "Message"} & shape.members.keys())
    assert members["Type"] == ("User" if shape.metadata["error"].get("senderFault") else "Service")


@pytest.mark.parametrize("kind", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_our_client_raises_the_same_class(kind: type[LambdaServiceException]) -> None:
    error = typical_error(kind)
    again = raised_for(error)
    assert type(again) is kind
    assert (again.code, again.status_code, again.message) == (error.code, error.status_code, error.message)


@pytest.mark.parametrize("reason", ThrottleReason)
def test_a_throttle_carries_reason_and_pause(reason: ThrottleReason) -> None:
    again = raised_for(TooManyRequestsException("busy", reason=reason, retry_after=1.5))
    assert isinstance(again, TooManyRequestsException)
    assert (again.reason, again.retry_after, again.message) == (reason, 1.5, "busy")


def test_facts_of_an_instance_are_kept() -> None:
    error = EC2UnexpectedException("odd", type="User")
    error.ec2_error_code = "ClientDown"
    again = raised_for(error)
    assert isinstance(again, EC2UnexpectedException)
    assert (again.ec2_error_code, again.type) == ("ClientDown", "User")
    own = raised_for(LambdaServiceException("new", code="NewException", metadata=Metadata(http_status_code=418)))
    assert (type(own), own.code, own.status_code) == (LambdaServiceException, "NewException", 418)


def test_a_typical_error_has_a_text_that_helps() -> None:
    assert typical_error(EXCEPTIONS["ResourceConflictException"]).message == (
        "The function is in a state that does not allow invocations, such as Pending."
    )
    throttle = typical_error(TooManyRequestsException)
    assert isinstance(throttle, TooManyRequestsException)
    assert (throttle.message, throttle.scope) == ("Rate Exceeded.", "function")
