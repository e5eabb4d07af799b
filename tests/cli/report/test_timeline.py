"""The spans of a run: their number is bounded, and no count is lost."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda.cli.report.timeline import Durations, Timeline

MOST = 240


@given(st.lists(st.floats(-1, 1e7), max_size=200))
def test_no_count_is_lost(moments: list[float]) -> None:
    timeline = Timeline()
    for number, at in enumerate(moments):
        timeline.add(at, ok=number % 3 == 0, unknown=number % 3 == 1)
        timeline.sample(at, in_flight=number, window=9, throttled=number)
    counts = [sum(getattr(span, name) for span in timeline.spans) for name in ("ok", "unknown", "failed")]
    numbers = range(len(moments))
    assert counts == [sum(number % 3 == rest for number in numbers) for rest in range(3)]
    assert len(timeline.spans) <= MOST
    assert sum(span.throttled for span in timeline.spans) == max(0, len(moments) - 1)
    assert max((span.in_flight for span in timeline.spans), default=0) == max(0, len(moments) - 1)


def test_spans_double_their_width() -> None:
    timeline = Timeline()
    for second in range(600):
        timeline.add(float(second), ok=True)
    assert (timeline.width, len(timeline.spans)) == (4, 150)
    assert {span.ok for span in timeline.spans} == {4}


def test_an_odd_last_span_is_kept() -> None:
    timeline = Timeline()
    timeline.add(MOST * 0.25 - 0.01, ok=True)
    timeline.spans.pop()
    timeline.spans.append(timeline.spans[0])
    timeline.add(MOST * 0.25, ok=True)
    assert len(timeline.spans) == MOST // 2 + 1


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 0.0015, 1800.0], ids=str)
def test_each_duration_is_in_one_bar(seconds: float) -> None:
    durations = Durations()
    assert durations.bars() == []
    durations.add(seconds)
    ((begin, end, count),) = durations.bars()
    assert count == 1
    assert begin * (1 - 1e-9) <= max(seconds, 0.001) < end * (1 + 1e-9)


def test_bars_have_no_gaps() -> None:
    durations = Durations()
    for seconds in (0.01, 1.0, 1.0):
        durations.add(seconds)
    bars = durations.bars()
    assert len(bars) == 21
    assert all(left[1] == right[0] for left, right in itertools.pairwise(bars))
    assert sum(count for _, _, count in bars) == 3
