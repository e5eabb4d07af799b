"""Every public error can be built with one argument, as a test of other code does it."""

import copy
import pickle
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    LambdaServiceException,
    ThrottleReason,
    TooManyRequestsException,
    errors,
)
from aiolambda.errors.service import EXCEPTIONS, STATUSES

NAMES = sorted({*errors.__all__, *EXCEPTIONS} - {"Category", "Fault"})
NOTHING_SENT = {
    "AiolambdaError",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "InvalidInputError",
    "InvalidPayloadSizeError",
    "MiddlewareStackError",
    "NotSentError",
    "PayloadTooLargeError",
    "QueueTimeoutError",
    "WaitError",
    "WaitTimeoutError",
}
EXECUTED = {
    "DecodeError",
    "DurableExecutionError",
    "DurableExecutionFailedError",
    "DurableExecutionStoppedError",
    "DurableExecutionTimedOutError",
    "FunctionError",
    "HttpStatusError",
    "StreamError",
}
ACCEPTED = {"NotDurableError", "ResultTimeoutError"}
VERDICTS = {
    **dict.fromkeys(NOTHING_SENT, Delivery.NOT_DELIVERED),
    **dict.fromkeys(EXECUTED, Delivery.EXECUTED),
    **dict.fromkeys(ACCEPTED, Delivery.ACCEPTED),
}


def kind_of(name: str) -> Any:
    return EXCEPTIONS.get(name) or getattr(errors, name)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_needs_its_text_only(name: str) -> None:
    error: AiolambdaError = kind_of(name)("busy")
    assert "busy" in str(error)
    assert repr(error) == f"{name}('busy')"
    assert error.function_name is None
    assert error.delivery is VERDICTS.get(name, Delivery.UNKNOWN)
    for made in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(made), str(made), repr(made), vars(made)) == (type(error), str(error), repr(error), vars(error))


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_error_of_the_service_knows_its_code_and_status(name: str) -> None:
    error = EXCEPTIONS[name]("busy")
    assert (error.code, error.status_code, error.message) == (name, STATUSES[name], "busy")
    assert error.fault == ("server" if STATUSES[name] >= 500 else "client")
    assert (error.request_id, error.body, error.type, error.retry_after) == (None, b"", None, None)


def test_statuses_are_those_of_the_model() -> None:
    session = pytest.importorskip("botocore.session").get_session()
    shapes = session.get_service_model("lambda")._service_description["shapes"]
    modelled = {name: shape["error"]["httpStatusCode"] for name, shape in shapes.items() if shape.get("exception")}
    assert {name: STATUSES.get(name) for name in modelled} == modelled
    assert STATUSES.keys() == EXCEPTIONS.keys()


def test_a_throttle_takes_its_reason_and_pause() -> None:
    error = TooManyRequestsException("busy", reason="CallerRateLimitExceeded", retry_after=2, delivery=Delivery.REFUSED)
    assert (error.reason, error.scope, error.retry_after) == (ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED, "caller", 2)
    assert not error.may_have_run
    with pytest.raises(ValueError, match="not a valid ThrottleReason"):
        TooManyRequestsException("busy", reason="Weather")


def test_a_class_of_a_user_has_the_code_of_its_base() -> None:
    class Busy(TooManyRequestsException):
        pass

    class Own(LambdaServiceException):
        pass

    assert (Busy("x").code, Busy("x").status_code) == ("TooManyRequestsException", 429)
    assert (Own("x").code, Own("x").status_code) == ("Own", 500)
    assert (LambdaServiceException("x").code, LambdaServiceException("x", code="Odd").status_code) == (
        "LambdaServiceException",
        500,
    )


def test_a_function_error_is_made_of_its_facts() -> None:
    error = FunctionError(error_type="ValueError", error_message="no tea", stack_trace=["File a", "File b"])
    assert str(error) == "the function failed (Unhandled) with ValueError: no tea"
    assert (error.kind, error.error_type, error.error_message, error.output) == ("Unhandled", "ValueError", "no tea", None)
    assert error.__notes__ == ["The function's own traceback:\nFile a\nFile b"]
    assert str(FunctionError()) == "the function failed (Unhandled) with an error without a description"
    assert str(FunctionError("as given", error_type="ValueError")) == "as given"


def test_a_timeout_is_a_read_timeout() -> None:
    error = InvocationTimeoutError("late")
    assert (error.exceeded, error.stage, error.may_have_run) == ("read", "wait", True)
    assert isinstance(error, TimeoutError)
