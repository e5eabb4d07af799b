"""When a call is hedged, and how many are: percentiles, the share, throttles. Time is an argument."""

import random

import pytest

from aiolambda.policy.distribution import Distribution, quantile_of
from aiolambda.policy.hedging import FunctionRecord, FunctionRecords


def answered(record: FunctionRecord, *seconds: float) -> FunctionRecord:
    for one in seconds:
        record.answered(one)
    return record


def took(record: FunctionRecord, now: float) -> bool:
    may = record.may_hedge(now)
    if may:
        record.hedged()
    return may


def test_seconds_are_what_they_are() -> None:
    assert FunctionRecord().delay(0.25) == 0.25


def test_percentile_needs_a_hundred_answers() -> None:
    record = answered(FunctionRecord(), *[0.1] * 99)
    assert record.delay("p99") is None
    record.answered(0.1)
    assert record.delay("p99") == pytest.approx(0.1, rel=0.06)


@pytest.mark.parametrize(("after", "share"), [("p90", 0.9), ("p95", 0.95), ("p99", 0.99)])
def test_percentile_leaves_its_share_of_calls(after: str, share: float) -> None:
    chance = random.Random(7)  # noqa: S311 - a simulation
    times = [chance.lognormvariate(-2, 0.5) for _ in range(4_000)]
    delay = answered(FunctionRecord(), *times).delay(after)  # type: ignore[arg-type] # one of the three
    assert delay is not None
    assert 0.7 * (1 - share) <= sum(time > delay for time in times) / len(times) <= 1 - share


def test_equal_times_are_never_hedged() -> None:
    """The delay is the upper end of a bucket: below its middle, it would hedge every call."""
    for seconds in (0.0317, 0.1, 0.5, 1.234):
        delay = answered(FunctionRecord(), *[seconds] * 200).delay("p99")
        assert delay is not None
        assert seconds <= delay <= seconds * 1.06


def test_quantile_of_nothing_is_zero() -> None:
    assert quantile_of([Distribution()], 0.99) == 0.0


def test_instant_answers_leave_a_millisecond() -> None:
    assert answered(FunctionRecord(), *[0.0] * 200).delay("p90") == 0.001


def test_old_answers_are_forgotten() -> None:
    record = answered(FunctionRecord(), *[10.0] * 5_000)
    answered(record, *[0.1] * 10_000)
    delay = record.delay("p99")
    assert delay is not None
    assert delay < 0.11
    assert record.answers <= 10_000


def test_cut_request_leaves_the_percentile() -> None:
    """A request that was cut counts with the time at which it was cut. Left out, each round would hedge more than the last."""
    chance = random.Random(3)  # noqa: S311 - as above
    record = answered(FunctionRecord(), *[chance.uniform(0.05, 0.15) for _ in range(1_000)])
    for _ in range(20_000):
        time = chance.uniform(0.05, 0.15)
        delay = record.delay("p99")
        assert delay is not None
        record.answered(min(time, delay + 0.001))
    delay = record.delay("p99")
    assert delay is not None
    assert 0.14 < delay < 0.16


def test_a_tenth_of_the_calls_is_hedged() -> None:
    record, hedged = FunctionRecord(), 0
    for _ in range(1_000):
        record.begin()
        hedged += took(record, 0.0)
    assert hedged in (109, 110)


def test_idle_function_saves_no_more_than_the_burst() -> None:
    record = FunctionRecord()
    for _ in range(1_000):
        record.begin()
    assert [took(record, 0.0) for _ in range(12)] == [True] * 10 + [False] * 2


@pytest.mark.parametrize(
    ("asked", "pause"), [(None, 5.0), (1.0, 5.0), (20.0, 20.0), (600.0, 60.0)], ids=["none", "less", "more", "too long"]
)
def test_throttled_function_is_not_hedged(asked: float | None, pause: float) -> None:
    record = FunctionRecord()
    record.throttled(100.0, asked)
    assert not took(record, 100.0)
    assert not took(record, 100.0 + pause - 0.01)
    assert took(record, 100.0 + pause)


def test_throttle_of_another_clock_is_forgotten() -> None:
    record = FunctionRecord()
    record.throttled(1_000_000.0, None)
    assert took(record, 5.0)


def test_functions_have_records_of_their_own() -> None:
    records = FunctionRecords()
    one = records.of("f", None)
    assert records.of("f", None) is one
    assert records.of("f", "live") is not one
    assert records.of("g", None) is not one


def test_records_are_bounded() -> None:
    records = FunctionRecords()
    first = records.of("first", None)
    for number in range(999):
        records.of(f"f{number}", None)
    assert records.of("first", None) is first
    for number in range(999, 1_999):
        records.of(f"f{number}", None)
    assert records.of("first", None) is not first
    assert len(records._records) == 1_000
