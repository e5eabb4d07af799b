"""The tables that decide whether a function could have run."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiolambda import Delivery
from aiolambda.policy import delivery
from aiolambda.types.http import Stage

# Lambda refuses, and says with which code: the rows of design.md, section 6.

CODES_THAT_PASS_WITH_TIME = [
    "CodeArtifactUserPendingException",
    "EC2ThrottledException",
    "EFSMountConnectivityException",
    "EFSMountTimeoutException",
    "ENINotReadyException",
    "ResourceNotReadyException",
    "S3FilesMountConnectivityException",
    "S3FilesMountTimeoutException",
    "SnapStartNotReadyException",
    "SubnetIPAddressLimitReachedException",
]
THROTTLES = ["TooManyRequestsException", "ThrottlingException", "Throttling"]
CREDENTIALS_AND_CLOCKS = [
    "ExpiredTokenException",
    "ExpiredToken",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "SignatureDoesNotMatch",
]
AT_ONCE = [
    "AccessDeniedException",
    "InvalidParameterValueException",
    "InvalidRuntimeException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "RequestEntityTooLargeException",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "UnsupportedMediaTypeException",
]


@pytest.mark.parametrize("code", [*CODES_THAT_PASS_WITH_TIME, *THROTTLES, *CREDENTIALS_AND_CLOCKS, *AT_ONCE])
@pytest.mark.parametrize("status", [400, 403, 500, 502])
def test_a_code_that_is_raised_before_the_function_starts_is_a_refusal_whatever_the_status(code: str, status: int) -> None:
    assert delivery.verdict_of_error(status, code) is Delivery.REFUSED


@pytest.mark.parametrize("code", ["ServiceException", "SnapStartException", "EFSIOException", "SnapStartTimeoutException"])
@pytest.mark.parametrize("status", [400, 404, 410, 500, 502, 503])
def test_a_code_that_leaves_open_whether_the_function_ran_is_unknown_whatever_the_status(code: str, status: int) -> None:
    assert code in delivery.UNKNOWN
    assert delivery.verdict_of_error(status, code) is Delivery.UNKNOWN


@given(st.integers(300, 599).filter(lambda status: status != 429), st.text(min_size=1, max_size=20))
def test_a_code_that_is_in_no_row_is_unknown(status: int, code: str) -> None:
    assume(code not in delivery.REFUSED and f"{code}Exception" not in delivery.REFUSED)
    assert delivery.verdict_of_error(status, code) is Delivery.UNKNOWN


@pytest.mark.parametrize("code", [None, "TooManyRequestsException", "SomethingNewException", "ServiceException"])
def test_429_is_a_throttle_whatever_its_code(code: str | None) -> None:
    assert delivery.verdict_of_error(429, code) is Delivery.REFUSED


def test_an_answer_without_a_code_is_a_refusal_only_by_the_statuses_that_turn_requests_away() -> None:
    refusing = [status for status in range(300, 600) if delivery.verdict_of_error(status, None) is Delivery.REFUSED]
    assert refusing == [401, 403, 404, 405, 407, 411, 413, 414, 415, 429, 431]


def test_every_row_gives_its_reason_and_stands_in_one_table() -> None:
    assert all(delivery.REFUSED.values())
    assert all(delivery.UNKNOWN.values())
    assert not delivery.REFUSED.keys() & delivery.UNKNOWN.keys()
    assert list(delivery.REFUSED) == sorted(delivery.REFUSED)


@pytest.mark.parametrize(
    ("invocation_type", "status", "verdict"),
    [
        ("RequestResponse", 200, Delivery.EXECUTED),
        ("RequestResponse", 202, Delivery.EXECUTED),
        ("RequestResponse", 204, Delivery.EXECUTED),
        ("Event", 202, Delivery.ACCEPTED),
        ("Event", 200, Delivery.EXECUTED),
        ("Event", 204, Delivery.EXECUTED),
        ("DryRun", 204, Delivery.NOT_DELIVERED),
        ("DryRun", 200, Delivery.EXECUTED),
        ("DryRun", 202, Delivery.EXECUTED),
    ],
)
def test_an_output_was_executed_but_for_an_event_and_a_dry_run(invocation_type: str, status: int, verdict: Delivery) -> None:
    """A server that runs them all the same, as AWS's emulator does, answers 200, and is believed."""
    assert delivery.verdict_of_output(status, invocation_type) is verdict


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [
        ("queue", Delivery.NOT_DELIVERED),
        ("connect", Delivery.NOT_DELIVERED),
        ("backoff", Delivery.NOT_DELIVERED),
        ("send", Delivery.UNKNOWN),
        ("wait", Delivery.UNKNOWN),
        ("receive", Delivery.UNKNOWN),
    ],
)
def test_silence_is_unknown_once_a_request_is_being_written(stage: Stage, verdict: Delivery) -> None:
    assert delivery.verdict_of_silence(stage) is verdict


FROM_BEST_TO_WORST = [Delivery.NOT_DELIVERED, Delivery.REFUSED, Delivery.UNKNOWN, Delivery.ACCEPTED, Delivery.EXECUTED]


@given(st.lists(st.sampled_from(FROM_BEST_TO_WORST), max_size=6))
def test_the_verdict_of_a_call_is_the_worst_of_its_attempts(verdicts: list[Delivery]) -> None:
    ranks = [FROM_BEST_TO_WORST.index(verdict) for verdict in verdicts]
    assert delivery.worst(verdicts) is FROM_BEST_TO_WORST[max(ranks, default=0)]


def test_a_function_may_have_run_unless_the_request_never_arrived_or_was_refused() -> None:
    assert [verdict.may_have_run for verdict in FROM_BEST_TO_WORST] == [False, False, True, True, True]
