"""The soak tests of `benchmarks/`, a fiftieth of their size."""

import pytest

from . import runs

over_both = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@over_both
async def test_idle_connections_that_end_at_random_are_seen_by_nobody_and_nothing_runs_twice(tls: bool) -> None:
    run, broken = await runs.idle_close(calls=2000, in_flight=10, tls=tls)
    assert broken == [], run.report()
    assert run.notes["closed while idle"] > 100


@over_both
async def test_a_request_that_was_read_before_a_reset_is_unknown_and_never_repeated(tls: bool) -> None:
    run, broken = await runs.read_then_reset(losses=400, in_flight=10, tls=tls)
    assert broken == [], run.report()


@over_both
async def test_a_request_that_was_read_behind_a_half_close_is_unknown_and_never_repeated(tls: bool) -> None:
    run, broken = await runs.half_close(calls=400, in_flight=10, tls=tls)
    assert broken == [], run.report()


async def test_a_signature_is_fresh_when_it_is_read_however_long_its_call_waited_for_a_slot() -> None:
    run, broken = await runs.signature_age(calls=400, slots=10, tls=True)
    assert broken == [], run.report()


async def test_a_hundred_first_calls_at_once_all_get_through() -> None:
    run, broken = await runs.first_calls(calls=100, tls=True)
    assert broken == [], run.report()
