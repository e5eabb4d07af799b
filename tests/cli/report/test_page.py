"""The page of a report: it loads nothing, escapes everything, and keeps its size."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aiolambda import Delivery, MapCause, MapResult, MapStats, NotSentError
from aiolambda.cli.items import Line
from aiolambda.cli.price import Price
from aiolambda.cli.report.page import RunFacts, page
from aiolambda.cli.report.recorder import Recorder
from aiolambda.cli.report.timeline import Durations, Timeline
from aiolambda.types.values import ThrottleReason

VOID = {"meta", "rect", "path", "br"}
EVIL = "</title><script src=//evil>&\"'\x1b"


class Checked(HTMLParser):
    """Notes tags that stay open, and every attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def facts(**members: object) -> RunFacts:
    defaults = {
        "function_name": EVIL,
        "began": "2026-11-30",
        "seconds": 3700.0,
        "total": None,
        "unsent": 0,
        "stopped_by": None,
        "version": "1",
    }
    return RunFacts(**defaults | members)  # type: ignore[arg-type] - a test of its own


def full_page(results: int = 3000) -> str:
    timeline, durations = Timeline(), Durations()
    for number in range(results):
        at = number * 1.7
        timeline.add(at, ok=number % 5 > 0, unknown=number % 10 == 0)
        timeline.sample(at, in_flight=number % 40, window=50, throttled=number // 7)
        durations.add(0.001 * (number % 997 + 1))
    causes = tuple(
        MapCause(name=f"{EVIL}{number}", delivery=Delivery.UNKNOWN, count=1, first_index=number, request_id=EVIL)
        for number in range(100)
    )
    stats = MapStats(
        done=results,
        unsent=7,
        failed={Delivery.UNKNOWN: 100, Delivery.NOT_DELIVERED: 3},
        throttled={ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 9, None: 2},
        percentiles={50: 0.2, 90: 1.5, 99: 130.0, 100: 4000.0},
        billed_invocations=3,
        billed_ms=1.0,
        gb_seconds=2.0,
        causes=causes,
    )
    price = Price(gb_second=1, request=1, currency=EVIL)
    return page(facts(unsent=7, stopped_by="signal", total=results), stats, timeline, durations, price)


def test_page_is_whole_and_loads_nothing() -> None:
    text = full_page()
    checked = Checked()
    checked.feed(text)
    assert checked.open == []
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(checked.tags)
    assert {"src", "href", "onload", "onclick", "style"}.isdisjoint(checked.attributes)
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
    assert "<script" not in text
    assert "and 50 other" not in text
    assert "50 other causes" in text
    assert "The run was stopped by signal. 7 items were not sent." in text


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [((0.1,), ["100 ms", "112 ms", "126 ms"]), ((0.01, 0.1), ["10 ms", "35.5 ms", "126 ms"])],
    ids=["one bar", "eleven bars"],
)
def test_labels_of_durations_stand_where_they_belong(seconds: tuple[float, ...], labels: list[str]) -> None:
    durations = Durations()
    for one in seconds:
        durations.add(one)
    text = page(facts(), MapStats(), Timeline(), durations, None)
    assert re.findall(r"<span>([^<]*)</span>", text) == labels


def test_page_of_a_run_without_results_is_whole() -> None:
    checked = Checked()
    text = page(facts(), MapStats(), Timeline(), Durations(), None)
    checked.feed(text)
    assert checked.open == []
    assert "svg" not in checked.tags
    assert "Causes" not in text


def test_size_does_not_grow_with_the_run() -> None:
    assert len(full_page(60_000)) < 1.6 * len(full_page(3000)) < 300_000


@pytest.mark.parametrize("name", ["a", "b"])
def test_recorder_counts_the_results_of_this_run(name: str, tmp_path: Path) -> None:
    time = 0.0
    recorder = Recorder(str(tmp_path / name), "f", clock=lambda: time)
    item = Line(1, b'"a secret"')
    members = {"index": 0, "key": "k", "item": item, "delivery": Delivery.EXECUTED}
    recorder.add(MapResult(**members, duration=0.5))
    recorder.add(MapResult(**members, replayed=True))
    recorder.add(MapResult(**members, error=NotSentError("ended")))
    time = 2.0
    recorder.sample(MapStats(in_flight=3, window=4))
    recorder.write(MapStats(done=3, unsent=1, replayed=1), total=3, unsent=1, stopped_by="caller", price=None)
    text = (tmp_path / name).read_text()
    assert "Items by duration" in text
    assert "at most 1 items" in text
    assert "a secret" not in text
    with pytest.raises(OSError, match="directory"):
        Recorder(str(tmp_path), "f").write(MapStats(), total=0, unsent=0, stopped_by=None, price=None)
