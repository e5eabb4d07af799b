"""The window that finds how much Lambda takes, on a simulated Lambda whose limit changes; time is a number here."""

import heapq
import itertools
import random
from collections.abc import Callable

import attrs
import pytest

from aiolambda.policy.concurrency import AdaptiveAdmission, FixedAdmission, Window

from ..support import THOROUGH


@attrs.define
class Seen:
    """What came of a simulation: the moments of ends and of throttles, and the most that was in flight at each look."""

    ended: list[float] = attrs.field(factory=list)
    throttled: list[float] = attrs.field(factory=list)
    in_flight: list[tuple[float, int]] = attrs.field(factory=list)

    @property
    def throttled_share(self) -> float:
        return len(self.throttled) / (len(self.throttled) + len(self.ended))

    def goodput(self, start: float, end: float, ideal: float) -> float:
        return sum(start <= moment < end for moment in self.ended) / ((end - start) * ideal)


class Simulation:
    """An endless input through a window, to a server that throttles beyond `limit(now)`; `latency` is there and back."""

    def __init__(
        self, window: Window, limit: Callable[[float], float], *, duration: float, latency: float, work: int | None = None
    ) -> None:
        self.window, self.limit, self.duration, self.latency, self.work = window, limit, duration, latency, work
        self.random = random.Random(7)  # noqa: S311 - the same every time
        self.events: list[tuple[float, int, str, float]] = []
        self.sequence = itertools.count()
        self.in_flight = self.running = 0
        self.seen = Seen()

    def run(self, until: float) -> Seen:
        self._at(0.0, "look")
        while self.events and self.events[0][0] < until:
            now, _, kind, sent_at = heapq.heappop(self.events)
            self._handle(kind, now, sent_at)
            if kind in ("end", "throttle", "look"):
                self._pump(now)
        return self.seen

    def _at(self, moment: float, kind: str, sent_at: float = 0.0) -> None:
        heapq.heappush(self.events, (moment, next(self.sequence), kind, sent_at))

    def _handle(self, kind: str, now: float, sent_at: float) -> None:
        if kind == "arrive" and self.running < self.limit(now):
            self.running += 1
            self._at(now + self.duration * self.random.uniform(0.8, 1.2), "finish", sent_at)
        elif kind == "arrive":
            self._at(now + self.latency / 2, "throttle", sent_at)
        elif kind == "finish":
            self.running -= 1
            self._at(now + self.latency / 2, "end", sent_at)
        elif kind == "end":
            self.in_flight -= 1
            self.seen.ended.append(now)
            self.window.ended(sent_at=sent_at)
        elif kind == "throttle":
            self.in_flight -= 1
            self.seen.throttled.append(now)
            self.window.throttled(self.in_flight, now, sent_at=sent_at)

    def _pump(self, now: float) -> None:
        room = self.window.room(self.in_flight, now)
        if self.work is not None:
            room = min(room, self.work - self.in_flight)
        for _ in range(room):
            self.in_flight += 1
            self.window.sent(self.in_flight, now)
            self._at(now + self.latency / 2, "arrive", now)
        self.seen.in_flight.append((now, self.in_flight))
        opens = self.window.opens_at(now)
        if opens is not None and not any(kind == "look" and at <= opens for at, _, kind, _ in self.events[:3]):
            self._at(opens, "look")


@pytest.mark.parametrize("latency", [0.002, 0.02])
@pytest.mark.parametrize("duration", [0.2, 0.5, 1.0, 2.0])
def test_window_follows_a_changing_limit(duration: float, latency: float) -> None:
    limits, phase = [50, 500, 20], 20.0

    def limit(now: float) -> float:
        return limits[min(int(now // phase), 2)]

    seen = Simulation(Window(most=1000), limit, duration=duration, latency=latency).run(3 * phase)
    for number, most in enumerate(limits):
        goodput = seen.goodput(number * phase + 5, (number + 1) * phase, most / (duration + latency))
        assert goodput >= 0.9, (number, goodput)
    assert seen.throttled_share < 0.05


def test_slow_network_causes_no_throttles() -> None:
    seen = Simulation(Window(most=1000), lambda _: 100, duration=1.0, latency=0.2).run(60)
    assert seen.goodput(20, 60, 100 / 1.2) >= 0.9
    assert seen.throttled_share < 0.05


def test_window_grows_no_faster_than_lambda_scales() -> None:
    seconds = 40 if THOROUGH else 22
    seen = Simulation(Window(most=100_000), lambda _: 1e9, duration=1.0, latency=0.01).run(seconds)
    for start in range(seconds - 10):
        before = max((count for at, count in seen.in_flight if at <= start), default=0)
        after = max(count for at, count in seen.in_flight if at <= start + 10)
        assert after - before <= 2016  # what may come at once, and a thousand in ten seconds
    assert max(count for _, count in seen.in_flight) > (3000 if THOROUGH else 1500)


def test_window_never_exceeds_its_bound() -> None:
    seen = Simulation(Window(most=30), lambda _: 1e9, duration=0.1, latency=0.01).run(20)
    assert max(count for _, count in seen.in_flight) == 30
    assert not seen.throttled


def test_idle_window_does_not_grow() -> None:
    window = Window(most=1000)
    Simulation(window, lambda _: 1e9, duration=0.1, latency=0.01, work=5).run(20)
    assert window.size == 16


def test_closed_window_probes_one_at_a_time() -> None:
    seen = Simulation(Window(most=1000), lambda now: 0 if now < 30 else 100, duration=0.2, latency=0.01).run(40)
    refused = [moment for moment in seen.throttled if 5 < moment < 30]
    assert 15 <= len(refused) <= 35  # about one a second
    assert seen.goodput(35, 40, 100 / 0.21) > 0.85


def test_throttle_shrinks_the_window_to_running_calls() -> None:
    window = Window(most=100, size=64)
    for number in range(window.room(0, 0.0)):
        window.sent(number + 1, 0.0)
    for others in range(63, 49, -1):
        window.throttled(others, 0.01, sent_at=0.0)
    assert (window.size, window.room(50, 0.02)) == (50, 0)
    assert window.room(49, 0.02) == 1


def test_window_that_starts_at_its_limit_is_full_at_once() -> None:
    def seen_of(window: Window) -> Seen:
        return Simulation(window, lambda _: 400, duration=1.0, latency=0.01).run(10)

    told, finds = Window(most=1000), Window(most=1000)
    told.start_at(400)
    seen, ideal = seen_of(told), 400 / 1.01
    assert seen.goodput(0, 3, ideal) > 0.6  # the first results come after a second
    assert seen.goodput(0, 3, ideal) > 1.5 * seen_of(finds).goodput(0, 3, ideal)
    assert seen.goodput(3, 10, ideal) >= 0.95
    assert seen.throttled_share < 0.05


def test_window_that_is_told_too_much_finds_its_limit() -> None:
    window = Window(most=1000)
    window.start_at(800)
    seen = Simulation(window, lambda _: 100, duration=0.5, latency=0.01).run(20)
    assert seen.goodput(2, 20, 100 / 0.51) >= 0.9
    assert len([moment for moment in seen.throttled if moment < 1]) <= 800
    assert len([moment for moment in seen.throttled if moment >= 1]) / len(seen.ended) < 0.05


def test_window_that_starts_at_its_limit_scales_no_faster_than_lambda() -> None:
    window = Window(most=100_000)
    window.start_at(5000)
    seen = Simulation(window, lambda _: 5000, duration=1.0, latency=0.01).run(12)
    assert seen.in_flight[0] == (0.0, 1000)
    assert max(count for at, count in seen.in_flight if at <= 5) <= 1510
    assert not seen.throttled


def test_window_that_was_throttled_keeps_what_it_has_learned() -> None:
    window = Window(most=1000, size=64)
    window.throttled(20, 0.1, sent_at=0.0)
    window.start_at(500)
    assert window.size == 20


@pytest.mark.parametrize(
    ("size", "limit", "most", "expected"),
    [(16, 5, 1000, 5), (16, 0, 1000, 1), (16, 500, 100, 100), (3000, 4000, 9000, 3000), (3000, 2000, 9000, 2000)],
    ids=["few", "none", "bound", "more in flight", "too many in flight"],
)
def test_window_starts_at_the_least_of_its_bounds(size: float, limit: int, most: int, expected: int) -> None:
    window = Window(most=most, size=size)
    window.start_at(limit)
    assert window.room(0, 0.0) == expected


def test_only_the_named_function_starts_at_its_limit() -> None:
    admission = AdaptiveAdmission(1000)
    admission.start_at("f", 100)
    assert (admission.window("f"), admission.window("g")) == (100, 16)


def test_only_account_throttles_slow_other_functions() -> None:
    admission = AdaptiveAdmission(1000)
    for function in ("slow", "quick"):
        for _ in range(10):
            admission.sent(function, 0.0)
    for _ in range(5):
        admission.throttled("slow", 0.05, sent_at=0.0, scope="function")
    assert (admission.room("slow", 0.06), admission.window("slow")) == (0, 5)
    assert (admission.room("quick", 0.06), admission.window("quick")) == (6, 16)
    for _ in range(5):
        admission.throttled("quick", 0.07, sent_at=0.0, scope="account")
    assert admission.room("quick", 0.08) == 0
    assert admission.room("another", 0.08) == 0


def test_fixed_number_never_changes() -> None:
    admission = FixedAdmission(10)
    for _ in range(7):
        admission.sent("f", 0.0)
    assert (admission.room("f", 0.0), admission.room("g", 0.0), admission.opens_at("f", 0.0)) == (3, 3, None)
    for _ in range(3):
        admission.sent("g", 0.0)
    assert (admission.room("f", 0.0), admission.room("g", 0.0)) == (0, 0)
    admission.throttled("f", 0.1, sent_at=0.0, scope="account")
    assert (admission.room("f", 0.1), admission.window("f")) == (1, 10)
    admission.ended("g", sent_at=0.0)
    assert (admission.room("f", 0.1), admission.window("f")) == (2, 10)
