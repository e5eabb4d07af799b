"""Percentiles of durations, and rates."""

import random

import pytest

from aiolambda.policy.distribution import PERCENTILES, RATE_STEP, Distribution, Rate, percentiles_of


def exact(durations: list[float]) -> dict[int, float]:
    """The percentiles by their definition: the shortest duration that so many of them do not exceed."""
    ordered, count = sorted(durations), len(durations)
    return {per_cent: ordered[-(-count * per_cent // 100) - 1] for per_cent in PERCENTILES}


@pytest.mark.parametrize("spread", [0.0, 0.1, 3.0], ids=["alike", "near", "wide"])
@pytest.mark.parametrize("count", [1, 2, 99, 1000])
def test_percentiles_are_exact_to_five_per_cent(count: int, spread: float) -> None:
    draw = random.Random(count)  # noqa: S311 - reproducible, not secret
    durations = [draw.lognormvariate(-2, spread) for _ in range(count)]
    found = percentiles_of([Distribution(*durations[::2]), Distribution(*durations[1::2])])
    assert found == pytest.approx(exact(durations), rel=0.05)
    assert found[100] == max(durations)
    assert all(seconds <= found[100] for seconds in found.values())


def test_waits_of_nothing_count() -> None:
    assert percentiles_of([Distribution(0.0, 0.0, 4.0)]) == {50: 0, 90: 4.0, 99: 4.0, 100: 4.0}
    assert percentiles_of([Distribution(4.0)], zeros=99) == {50: 0, 90: 0, 99: 0, 100: 4.0}
    assert percentiles_of([], zeros=2) == {50: 0, 90: 0, 99: 0, 100: 0}
    assert percentiles_of([Distribution()]) == {}
    assert percentiles_of([Distribution(0.9e-6, 1.0)])[50] == 0
    assert percentiles_of([Distribution(1.01e-6, 1.0)])[50] == pytest.approx(1e-6, rel=0.05)
    assert percentiles_of([Distribution(1.0)], zeros=-1)[50] == 1.0


def test_any_number_of_durations_takes_few_buckets() -> None:
    draw, distribution = random.Random(1), Distribution()  # noqa: S311 - as above
    distribution.add(*(10 ** draw.uniform(-12, 9) for _ in range(100_000)))
    assert len(distribution.counts()) < 750
    assert distribution.total == 100_000


def test_a_rate_is_that_of_the_last_five_seconds() -> None:
    rate, results = Rate(), 0
    for step in range(200):  # 10 s of a result every 50 ms
        now = step * 0.05
        if now >= rate.next_step:
            rate.begin_step(now, results)
        results += 1
    assert rate.per_second(9.95, results, began=0.0) == pytest.approx(20, abs=0.5)
    assert rate.per_second(12.5, results, began=0.0) == pytest.approx(10, abs=0.5)
    assert rate.per_second(15.2, results, began=0.0) == 0
    assert rate.next_step == pytest.approx(9.9 + RATE_STEP)


def test_the_first_seconds_are_the_span_of_a_young_rate() -> None:
    rate = Rate()
    rate.begin_step(101.0, 0)
    assert rate.per_second(102.0, 6, began=100.0) == 3


def test_a_clock_that_is_set_back_begins_anew() -> None:
    rate = Rate()
    rate.begin_step(1000.0, 0)
    rate.begin_step(3.0, 50)
    assert rate.per_second(4.0, 52, began=3.0) == 2
