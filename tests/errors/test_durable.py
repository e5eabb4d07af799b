"""The errors of durable executions: their texts, attributes and classes."""

import pickle
import traceback

import pytest

from aiolambda import (
    Delivery,
    DurableExecutionError,
    DurableExecutionFailedError,
    DurableExecutionStoppedError,
    DurableExecutionTimedOutError,
    NotDurableError,
    ResultTimeoutError,
    WaitTimeoutError,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:7/durable-execution/order-7/id"


@pytest.mark.parametrize(
    ("kind", "status", "deed"),
    [
        (DurableExecutionFailedError, "FAILED", "failed"),
        (DurableExecutionTimedOutError, "TIMED_OUT", "timed out"),
        (DurableExecutionStoppedError, "STOPPED", "was stopped"),
        (DurableExecutionError, "FAILED", "failed"),
    ],
    ids=["failed", "timed out", "stopped", "any"],
)
def test_an_outcome_says_how_the_execution_ended(kind: type[DurableExecutionError], status: str, deed: str) -> None:
    error = kind(arn=ARN, error_type="ValueError", error_message="no tea", function_name="orders:live")
    assert str(error) == (
        f"the durable execution {deed} with ValueError: no tea (function 'orders:live', durable execution {ARN})"
    )
    assert (error.status, error.delivery, error.may_have_run) == (status, Delivery.EXECUTED, True)
    assert not isinstance(error, TimeoutError)
    assert str(kind()) == f"the durable execution {deed}"


def test_an_unknown_status_is_named() -> None:
    error = DurableExecutionError(status="ABORTED")
    assert (str(error), error.status) == ("the durable execution ended as ABORTED", "ABORTED")


def test_the_trace_of_the_function_is_printed_and_its_data_is_not() -> None:
    error = DurableExecutionFailedError(error_type="E", error_data="secret data", stack_trace=["line 1\n", "line 2"])
    printed = "".join(traceback.format_exception(error))
    assert "The function's own traceback:\nline 1\nline 2" in printed
    assert "secret" not in printed + repr(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.error_data, again.stack_trace, again.status) == ("secret data", ("line 1\n", "line 2"), "FAILED")


def test_a_wait_that_is_over_is_a_timeout_and_names_the_execution() -> None:
    error = ResultTimeoutError("not yet", arn=ARN, status="RUNNING", function_name="orders")
    assert isinstance(error, TimeoutError)
    assert isinstance(error, WaitTimeoutError)
    assert str(error) == f"not yet (function 'orders', durable execution {ARN})"
    assert (error.delivery, error.condition, error.status) == (Delivery.ACCEPTED, "ended", "RUNNING")


def test_an_event_for_a_function_that_is_not_durable_was_accepted() -> None:
    error = NotDurableError("not durable", function_name="orders", request_id="r-1")
    assert str(error) == "not durable (function 'orders', request id r-1)"
    assert error.delivery is Delivery.ACCEPTED
