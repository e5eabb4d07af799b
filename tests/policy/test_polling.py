"""When to ask about a durable execution: the pauses, the failures that pass, and the pace."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import (
    AiolambdaError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    InvalidInputError,
    InvocationTimeoutError,
    LambdaServiceException,
    Metadata,
)
from aiolambda.policy.polling import Pacer, passes, poll_pause

from ..support.durable_service import most_in_a_second


def test_pauses_grow_by_a_half_up_to_ten_seconds() -> None:
    pauses = [poll_pause(polls, jitter=1) for polls in range(12)]
    assert pauses[:3] == [0.5, 0.75, 1.125]
    assert all(later == min(earlier * 1.5, 10) for earlier, later in itertools.pairwise(pauses))
    assert pauses[-1] == poll_pause(10**9, jitter=1) == 10


def test_a_paused_execution_is_asked_for_every_half_minute() -> None:
    assert {poll_pause(polls, jitter=1, is_paused=True) for polls in range(9)} == {30}


@given(polls=st.integers(0, 1000), jitter=st.floats(0, 1), is_paused=st.booleans())
def test_jitter_takes_off_a_quarter_at_most(polls: int, jitter: float, is_paused: bool) -> None:
    whole = poll_pause(polls, jitter=1, is_paused=is_paused)
    assert 0.75 * whole <= poll_pause(polls, jitter=jitter, is_paused=is_paused) <= whole


def said(code: str, status: int) -> LambdaServiceException:
    return LambdaServiceException("said", code=code, metadata=Metadata(http_status_code=status))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (said("TooManyRequestsException", 429), True),
        (said("ThrottlingException", 400), True),
        (said("ServiceException", 500), True),
        (said("Unknown", 503), True),
        (ConnectionLostError("lost"), True),
        (ConnectionLostError("lost", stale_connection=True), True),
        (ConnectError("no route"), True),
        (InvocationTimeoutError("late", exceeded="read"), True),
        (InvocationTimeoutError("late", exceeded="total"), True),
        (ConnectError("a wrong certificate", transient=False), False),
        (said("AccessDeniedException", 403), False),
        (said("ResourceNotFoundException", 404), False),
        (said("InvalidParameterValueException", 400), False),
        (said("KMSAccessDeniedException", 502), False),
        (InvalidInputError("wrong"), False),
        (ConfigurationError("no region"), False),
        (ClientClosedError("closed"), False),
        (AiolambdaError("a middleware returned nothing"), False),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'code', '')}".strip() if isinstance(value, Exception) else "",
)
def test_a_failure_passes_if_time_can_help(error: AiolambdaError, expected: bool) -> None:
    assert passes(error) is expected


def run(pacer: Pacer, latencies: list[float], stalls: dict[int, float]) -> list[float]:
    """The times at which requests begin that are always wanted. Each is answered after its latency; the loop stalls at some."""
    now, begun, open_until = 0.0, [], list[float]()
    for number, latency in enumerate(latencies):
        now += stalls.get(number, 0.0)
        while True:
            for end in [end for end in open_until if end <= now]:
                open_until.remove(end)
                pacer.end()
            wait = pacer.wait(now)
            if wait == 0:
                break
            now = min(open_until) if wait is None else now + wait
        pacer.begin(now)
        begun.append(now)
        open_until.append(now + latency)
    return begun


@given(
    latencies=st.lists(st.sampled_from([0.0, 0.001, 0.05, 0.2, 3.0]), min_size=1, max_size=400),
    stalls=st.dictionaries(st.integers(0, 300), st.sampled_from([0.02, 1.0, 30.0]), max_size=5),
    late=st.data(),
)
def test_fewer_than_a_hundred_arrive_in_any_second(latencies: list[float], stalls: dict[int, float], late: Any) -> None:
    """However late a request arrives before its answer leaves: only those without an answer can be late."""
    begun = run(Pacer(), latencies, stalls)
    shares = late.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(begun), max_size=len(begun)))
    arrivals = [begin + share * latency for begin, share, latency in zip(begun, shares, latencies, strict=True)]
    assert most_in_a_second(arrivals) < 100
    assert all(later - earlier >= 1 / 90 - 2e-6 for earlier, later in itertools.pairwise(begun))


def test_the_pace_is_ninety_a_second() -> None:
    assert run(Pacer(), [0.01] * 901, {})[-1] == pytest.approx(10, abs=0.01)


def test_nine_requests_are_never_unanswered() -> None:
    pacer = Pacer()
    for number in range(8):
        assert pacer.wait(float(number)) == 0
        pacer.begin(float(number))
    assert pacer.wait(100.0) is None
    pacer.end()
    assert pacer.wait(100.0) == 0


def test_a_long_silence_saves_up_nothing() -> None:
    pacer = Pacer()
    pacer.begin(0.0)
    pacer.end()
    assert pacer.wait(1000.0) == 0
    pacer.begin(1000.0)
    assert pacer.wait(1000.0) == pytest.approx(1 / 90)
