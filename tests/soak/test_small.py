"""The soaks at a small part of their size, so that they do not rot."""

import pytest

from ..support import THOROUGH
from . import runs

pytestmark = pytest.mark.slow
over_both = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
SIZE = 4 if THOROUGH else 1


@over_both
async def test_connections_that_end_while_idle_lose_no_call(tls: bool) -> None:
    run, broken = await runs.idle_close(calls=500 * SIZE, in_flight=10, tls=tls)
    assert broken == [], run.report()
    assert run.notes["closed while idle"] > 25 * SIZE


@over_both
async def test_request_that_was_read_before_a_reset_is_not_repeated(tls: bool) -> None:
    run, broken = await runs.read_then_reset(losses=100 * SIZE, in_flight=10, tls=tls)
    assert broken == [], run.report()


@over_both
async def test_request_read_behind_a_half_close_is_not_repeated(tls: bool) -> None:
    run, broken = await runs.half_close(calls=100 * SIZE, in_flight=10, tls=tls)
    assert broken == [], run.report()


async def test_signature_is_fresh_after_a_long_wait_for_a_slot() -> None:
    run, broken = await runs.signature_age(calls=100 * SIZE, slots=10, tls=True)
    assert broken == [], run.report()


async def test_a_hundred_first_calls_at_once_succeed() -> None:
    run, broken = await runs.first_calls(calls=100, tls=True)
    assert broken == [], run.report()
