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
def test_code_raised_before_start_is_refused(code: str, status: int) -> None:
    assert delivery.verdict_of_error(status, code) is Delivery.REFUSED


@pytest.mark.parametrize("code", ["ServiceException", "SnapStartException", "EFSIOException", "SnapStartTimeoutException"])
@pytest.mark.parametrize("status", [400, 404, 410, 500, 502, 503])
def test_ambiguous_error_code_is_unknown(code: str, status: int) -> None:
    assert code in delivery.UNKNOWN
    assert delivery.verdict_of_error(status, code) is Delivery.UNKNOWN


@given(st.integers(300, 599).filter(lambda status: status != 429), st.text(min_size=1, max_size=20))
def test_unlisted_error_code_is_unknown(status: int, code: str) -> None:
    assume(code not in delivery.REFUSED and f"{code}Exception" not in delivery.REFUSED)
    assert delivery.verdict_of_error(status, code) is Delivery.UNKNOWN


@pytest.mark.parametrize("code", [None, "TooManyRequestsException", "SomethingNewException", "ServiceException"])
def test_status_429_is_always_a_throttle(code: str | None) -> None:
    assert delivery.verdict_of_error(429, code) is Delivery.REFUSED


def test_codeless_error_is_refused_by_status_only() -> None:
    refusing = [status for status in range(300, 600) if delivery.verdict_of_error(status, None) is Delivery.REFUSED]
    assert refusing == [401, 403, 404, 405, 407, 411, 413, 414, 415, 429, 431]


def test_each_delivery_row_has_a_reason() -> None:
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
def test_output_delivery_depends_on_invocation_type(invocation_type: str, status: int, verdict: Delivery) -> None:
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
def test_timeout_is_unknown_once_writing_has_begun(stage: Stage, verdict: Delivery) -> None:
    assert delivery.verdict_of_silence(stage) is verdict


FROM_BEST_TO_WORST = [Delivery.NOT_DELIVERED, Delivery.REFUSED, Delivery.UNKNOWN, Delivery.ACCEPTED, Delivery.EXECUTED]


@given(st.lists(st.sampled_from(FROM_BEST_TO_WORST), max_size=6))
def test_call_delivery_is_the_worst_of_its_attempts(verdicts: list[Delivery]) -> None:
    ranks = [FROM_BEST_TO_WORST.index(verdict) for verdict in verdicts]
    assert delivery.worst(verdicts) is FROM_BEST_TO_WORST[max(ranks, default=0)]


def test_may_have_run_excludes_refused_calls() -> None:
    assert [verdict.may_have_run for verdict in FROM_BEST_TO_WORST] == [False, False, True, True, True]
