"""The script of failures: which call fails, and which failure stands for an error."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    QueueTimeoutError,
    StreamError,
    TooManyRequestsException,
    TransportError,
)
from aiolambda.emulation.failure_script import ScriptedFailures
from aiolambda.emulation.function_failure import FunctionFailure, response_of
from aiolambda.emulation.scenarios import FailureKind, scenario_of
from aiolambda.errors.service import EXCEPTIONS, ServiceException


def decided(script: ScriptedFailures, *calls: tuple[Any, ...]) -> list[str | None]:
    """The codes of the answers for calls, each a name, a qualifier and a payload."""
    found: list[str | None] = []
    for call in calls:
        name, qualifier, payload = (*call, None, b"{}")[:3] if len(call) < 3 else call
        scenario = script._decide(
            name, qualifier, payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        ).scenario
        found.append(None if scenario is None or scenario.answer is None else scenario.answer.code.removesuffix("Exception"))
    return found


def times(count: int, name: str = "orders") -> Sequence[tuple[str, None, bytes]]:
    return [(name, None, b"{}")] * count


def test_failures_come_in_order_and_so_often() -> None:
    script = ScriptedFailures()
    script.fail("orders", TooManyRequestsException, times=2)
    script.fail("orders", ServiceException, times=1)
    assert decided(script, *times(1, "other")) == [None]
    assert decided(script, *times(5)) == ["TooManyRequests", "TooManyRequests", "Service", None, None]


def test_a_failure_stays_until_the_reset() -> None:
    script = ScriptedFailures()
    script.fail("*", ServiceException)
    assert decided(script, *times(2), *times(2, "other")) == ["Service"] * 4
    script.reset()
    assert decided(script, *times(1)) == [None]


def test_a_failure_may_be_for_a_qualifier() -> None:
    script = ScriptedFailures()
    script.fail("orders:live", ServiceException)
    script.fail("arn:aws:lambda:eu-west-1:123456789012:function:stock", ServiceException)
    calls = [("orders", "live", b""), ("orders", None, b""), ("orders", "7", b""), ("stock", "live", b"")]
    assert decided(script, *calls) == ["Service", None, None, "Service"]


def test_a_failure_may_be_for_a_payload() -> None:
    script = ScriptedFailures()
    script.fail("orders", ServiceException, payload={"id": 7}, times=1)
    script.fail("orders", TooManyRequestsException, when=lambda event: event["id"] > 10)
    calls = [("orders", None, {"id": id}) for id in (6, 7, 7, 11)]
    assert decided(script, *calls) == [None, "Service", None, "TooManyRequests"]
    script.reset()
    script.fail("orders", ServiceException, payload={})
    assert decided(script, ("orders", None, b""), ("orders", None, b"no json")) == ["Service", None]
    script.reset()
    script.fail("orders", ServiceException, payload=None)
    assert decided(script, ("orders", None, b"null"), ("orders", None, b"{}")) == ["Service", None]


def test_a_predicate_may_change_the_script() -> None:
    script = ScriptedFailures()

    def last(event: object) -> bool:
        script.reset()
        return True

    script.fail("orders", TooManyRequestsException, when=last)
    assert decided(script, *times(2)) == ["TooManyRequests", None]


def test_a_rate_is_reproducible() -> None:
    def run(seed: int, rate: float = 0.3) -> list[str | None]:
        script = ScriptedFailures()
        script.fail("orders", ServiceException, rate=rate, seed=seed)
        return decided(script, *times(1000))

    assert run(1) == run(1) != run(2)
    assert 250 < run(1).count("Service") < 350
    assert run(0, rate=0) == [None] * 1000
    assert run(0, rate=1) == ["Service"] * 1000


def test_a_rate_does_not_depend_on_other_rules() -> None:
    alone, beside = ScriptedFailures(), ScriptedFailures()
    beside.fail("other", TooManyRequestsException, rate=0.5)
    for script in (alone, beside):
        script.fail("orders", ServiceException, rate=0.5)
    decided(beside, *times(17, "other"))
    assert decided(alone, *times(100)) == decided(beside, *times(100))


def test_a_delay_comes_with_a_failure() -> None:
    script = ScriptedFailures()
    script.delay("orders", 1.5, times=2)
    script.delay("orders", 9, times=1)
    script.fail("orders", ServiceException, times=1)
    decisions = [script._decide("orders", None, b"{}") for _ in range(4)]
    assert [decision.delay for decision in decisions] == [1.5, 1.5, 9, 0]
    assert [decision.scenario is not None for decision in decisions] == [True, False, False, False]


TRANSPORT = {
    ConnectError: (FailureKind.CONNECT, False),
    ConnectionLostError: (FailureKind.LOST, True),
    TransportError: (FailureKind.LOST, True),
    InvocationTimeoutError: (FailureKind.SILENT, True),
    QueueTimeoutError: (FailureKind.CONNECT, False),
    StreamError: (FailureKind.CUT, True),
}


@pytest.mark.parametrize("kind", TRANSPORT, ids=lambda kind: kind.__name__)
def test_an_error_of_the_connection_is_raised_as_a_copy(kind: type[AiolambdaError]) -> None:
    error = kind("given")
    scenario = scenario_of(error)
    assert (scenario.kind, scenario.runs) == TRANSPORT[kind]  # type: ignore[index]
    assert scenario.transport_error() is not error
    assert (type(scenario.transport_error()), str(scenario.transport_error())) == (kind, str(error))
    of_class = scenario_of(kind)
    assert (of_class.kind, of_class.runs) == TRANSPORT[kind]  # type: ignore[index]
    assert type(of_class.transport_error()) is kind


def test_the_verdict_says_whether_the_function_runs() -> None:
    assert not scenario_of(ConnectionLostError("x", delivery=Delivery.NOT_DELIVERED)).runs
    assert not scenario_of(ConnectionLostError, runs=False).runs
    assert scenario_of(InvocationTimeoutError("x", exceeded="connect", stage="connect")).kind is FailureKind.CONNECT


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_error_of_the_service_is_an_answer(name: str) -> None:
    scenario = scenario_of(EXCEPTIONS[name])
    assert (scenario.kind, scenario.runs) == (FailureKind.ANSWER, False)
    assert scenario.answer is not None
    assert scenario.answer.code == name


FAILED = {
    "timed out": (
        FunctionFailure.timed_out(after=3),
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}',
    ),
    "out of memory": (
        FunctionFailure.out_of_memory(),
        b'{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: id Error: Runtime exited with error: signal: killed"}',
    ),
    "exited": (
        FunctionFailure.exited(3),
        b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 3"}',
    ),
    "unserializable": (
        FunctionFailure.unserializable("set"),
        (
            b'{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable",'
            b' "errorType": "Runtime.MarshalError", "requestId": "id", "stackTrace": []}'
        ),
    ),
    "raised": (
        FunctionFailure("OrderError", "no tea", stack_trace=["at app.js"]),
        b'{"errorMessage": "no tea", "errorType": "OrderError", "requestId": "id", "stackTrace": ["at app.js"]}',
    ),
    "exception": (
        ValueError("no tea"),
        b'{"errorMessage": "no tea", "errorType": "ValueError", "requestId": "id", "stackTrace": []}',
    ),
    "class": (KeyError, b'{"errorMessage": "", "errorType": "KeyError", "requestId": "id", "stackTrace": []}'),
    "function error": (
        FunctionError(error_type="OrderError", error_message="no tea", stack_trace=["line"]),
        b'{"errorMessage": "no tea", "errorType": "OrderError", "requestId": "id", "stackTrace": ["line"]}',
    ),
    "text of a function error": (
        FunctionError("no tea"),
        b'{"errorMessage": "no tea", "errorType": "Exception", "requestId": "id", "stackTrace": []}',
    ),
    "class of function errors": (
        FunctionError,
        b'{"errorMessage": "a scripted failure", "errorType": "Exception", "requestId": "id", "stackTrace": []}',
    ),
}


@pytest.mark.parametrize("name", FAILED)
def test_a_failure_of_the_function_has_the_text_of_lambda(name: str) -> None:
    failure, payload = FAILED[name]
    scenario = scenario_of(failure)
    assert scenario.kind is FailureKind.FUNCTION
    assert scenario.function is not None
    assert response_of(scenario.function, "id").payload == payload


def test_a_handled_error_stays_handled() -> None:
    scenario = scenario_of(FunctionError("no tea", kind="Handled"))
    assert scenario.function is not None
    assert scenario.function.kind == "Handled"
    assert repr(scenario.function) == "<FunctionFailure Exception>"


class Needy(Exception):
    def __init__(self, code: int) -> None: ...


MISTAKES: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    (("orders", "ServiceException"), {}, "must be an exception, such as .* got a string"),
    (("orders", KeyboardInterrupt), {}, "must be an exception"),
    (("orders", int), {}, "must be an exception.*the class int"),
    (("orders", Needy), {}, "Needy cannot be made without arguments"),
    (("orders", ClientClosedError), {}, "ClientClosedError is not the error of a call that was sent"),
    (("orders", ConfigurationError("x")), {}, "ConfigurationError is not the error of a call"),
    (("orders", ServiceException), {"times": 0}, "times must be a whole number, 1 or more; got 0"),
    (("orders", ServiceException), {"rate": 1.5}, "rate must be a share from 0 to 1; got 1.5"),
    (("orders", ServiceException), {"rate": True}, "rate must be a share"),
    (("orders", ServiceException), {"runs": True}, "runs= is for ConnectionLostError"),
    (("orders", ServiceException), {"chunks": 1}, "chunks= is for StreamError"),
    (("orders", StreamError), {"chunks": -1}, "chunks must be a whole number"),
]


@pytest.mark.parametrize(("arguments", "options", "text"), MISTAKES)
def test_a_failure_that_cannot_be_acted_out_is_refused(arguments: tuple[Any, ...], options: dict[str, Any], text: str) -> None:
    script = ScriptedFailures()
    with pytest.raises(ConfigurationError, match=text):
        script.fail(*arguments, **options)
    assert script._decide("orders", None, b"{}").scenario is None


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="seconds must be a number"):
        ScriptedFailures().delay("orders", -1)
    with pytest.raises(ConfigurationError, match="after must be a number"):
        FunctionFailure.timed_out(after=-1)
    with pytest.raises(ConfigurationError, match="status must be a whole number"):
        FunctionFailure.exited(256)
