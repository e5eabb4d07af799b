"""The log of a run: its beginning and end, and its throttles in summary."""

import asyncio
import logging
import re
from typing import Any

import pytest

from aiolambda import InvokeCommand, LambdaClient, TooManyFailuresError, TooManyRequestsException
from aiolambda.fanout import RunLog
from aiolambda.fanout.values import MapStats
from aiolambda.testing import FakeTransport
from aiolambda.types.values import Delivery, ThrottleReason

pytestmark = pytest.mark.virtual_time
RATE = ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED


def fails(event: object) -> object:
    raise LookupError("hunter2")


async def slow(event: object) -> object:
    await asyncio.sleep(1)
    return event


def client_and_fake() -> tuple[LambdaClient, FakeTransport]:
    fake = FakeTransport({"slow": slow, "fails": fails})
    return LambdaClient(transport=fake), fake


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.endswith(".map")]


async def test_a_run_logs_its_beginning_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aiolambda")
    client, fake = client_and_fake()
    fake.fail("slow", TooManyRequestsException("busy", reason=RATE), times=1)
    async with client:
        async with client.map("slow", ['"hunter2"'] * 3) as run:
            assert [result.ok async for result in run] == [True] * 3
        async with client.map_commands([InvokeCommand(function_name="fails")]) as run:
            assert [result.ok async for result in run] == [False]
    first, throttle, end, *commands = texts(caplog)
    assert first == "map of 'slow' started"
    assert throttle.startswith(
        "map of 'slow': 1 request was throttled (CallerRateLimitExceeded: 1); the items wait, and are sent "
    )
    assert end.endswith(" s: 3 done, 3 ok, 1 throttled")
    assert commands == ["map_commands started", "map_commands ended after 0.000 s: 1 done, 0 ok, 1 failed"]
    assert {record.name for record in caplog.records} == {"aiolambda.map"}
    assert "hunter" not in caplog.text


async def test_the_end_has_its_numbers_as_keys(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aiolambda")
    client, _ = client_and_fake()
    async with client:
        with pytest.raises(TooManyFailuresError):
            async with client.map("fails", range(3), max_failures=0) as run:
                _ = [result async for result in run]
    end: Any = caplog.records[-1]
    assert (end.function_name, end.stopped_by, end.error_type) == ("fails", "failures", "TooManyFailuresError")
    assert (end.items_done, end.items_failed, end.items_unsent, end.items_replayed) == (3, 1, 2, 0)
    assert (end.attempts, end.throttles, end.elapsed_ms) == (1, 0, 0)
    assert ", by TooManyFailuresError: 3 done, 0 ok, 1 failed, 2 not sent" in end.getMessage()


async def test_a_run_that_is_left_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="aiolambda")
    client, _ = client_and_fake()
    async with client, client.map("slow", iter(range(1000)), concurrency=2) as run:
        async for _ in run:
            break
    assert ", stopped by caller: " in texts(caplog)[-1]


def test_throttles_are_one_record_in_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="maps")
    log = RunLog(logging.getLogger("maps.map"), "orders")
    log.started(100.0)
    for tenth in range(250):
        log.accepted_at = 100 + tenth / 10
        log.throttled(RATE if tenth % 5 else None, 100 + tenth / 10, window=16)
    rest = "the items wait, and are sent again; up to 16 may be in flight now"
    many = f"100 requests were throttled in 10 s (CallerRateLimitExceeded: 80, without a reason: 20); {rest}"
    assert texts(caplog)[1:] == [
        f"map of 'orders': 1 request was throttled (without a reason: 1); {rest}",
        f"map of 'orders': {many}",
        f"map of 'orders': {many}",
    ]
    first: Any = caplog.records[1]
    assert (first.throttles, first.throttle_reason) == (1, None)
    last: Any = caplog.records[-1]
    assert type(last.throttle_reason) is str
    assert (last.levelname, last.throttles, last.throttle_reason, last.window) == ("INFO", 100, "CallerRateLimitExceeded", 16)


def test_a_minute_without_an_accepted_request_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="maps")
    log = RunLog(logging.getLogger("maps.map"), "orders")
    log.started(0.0)
    for second in range(150):
        log.throttled(RATE, float(second), window=1)
    told = "map of 'orders': every request was throttled for {} s (CallerRateLimitExceeded): raise that limit. The items wait"
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert all(text.startswith(told.format(seconds)) for text, seconds in zip(texts(caplog), (60, 120), strict=True))
    log.accepted_at = 150.0
    log.throttled(RATE, 209.0, window=1)
    assert len(caplog.records) == 2


def test_a_warning_takes_the_place_of_a_summary(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="maps")
    log = RunLog(logging.getLogger("maps.map"), "orders")
    log.started(0.0)
    for second in (0, *range(51, 72)):
        log.throttled(RATE, float(second), window=1)
    told = [
        (record.levelname, re.search(r"throttled (in|for) \d+ s|1 request", record.getMessage())) for record in caplog.records
    ]
    assert [(level, match and match[0]) for level, match in told] == [
        ("INFO", None),
        ("INFO", "1 request"),
        ("INFO", "1 request"),
        ("WARNING", "throttled for 60 s"),
        ("INFO", "throttled in 10 s"),
    ]
    last: Any = caplog.records[-1]
    assert last.throttles == 10


def test_a_quiet_run_makes_no_sentences(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="maps")
    log = RunLog(logging.getLogger("maps.map"), None)
    assert not log.is_on
    log.started(0.0)
    log.throttled(None, 1.0, window=3)
    assert caplog.records == []


def test_the_totals_are_all_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="maps")
    log = RunLog(logging.getLogger("maps.map"), None)
    log.started(1.0)
    stats = MapStats(
        done=9000, failed={Delivery.UNKNOWN: 1000, Delivery.EXECUTED: 2}, unsent=3, replayed=4, throttled={None: 5}
    )
    log.ended(stats, "deadline", None, 3.5)
    end: Any = caplog.records[-1]
    assert (end.elapsed_ms, end.error_type, end.items_unsent, end.items_replayed) == (2500, None, 3, 4)
    counts = "9,000 done, 7,995 ok, 1,002 failed, 3 not sent, 4 replayed, 5 throttled"
    assert texts(caplog)[-1] == f"map_commands ended after 2.500 s, stopped by deadline: {counts}"
