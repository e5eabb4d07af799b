"""The soaks at a small part of their size, so that they do not rot: on the chosen loop, and in a thorough run on every loop."""

import asyncio
import importlib.util
from collections.abc import Coroutine
from typing import Any, TypeVar, get_args

import pytest

from ..support import THOROUGH
from ..support.loops import CHOSEN, LoopName, loop_factory
from . import endpoint_faults, runs

T = TypeVar("T", bound=runs.Reported)
pytestmark = pytest.mark.slow
over_both = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
SIZE = 4 if THOROUGH else 1
LOOPS = [loop for loop in get_args(LoopName) if THOROUGH and all(map(importlib.util.find_spec, loop.split("+")))] or [CHOSEN]
on_each_loop = pytest.mark.parametrize("loop", LOOPS)


def run(loop: LoopName, soaking: Coroutine[Any, Any, tuple[T, list[str]]]) -> T:
    """A soak whose claims all hold."""
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.get_loop().set_exception_handler(lambda *_: None)  # aiofastnet complains of handshakes that the peer has reset
        this, broken = runner.run(soaking)
    assert broken == [], this.report()
    return this


@over_both
@on_each_loop
def test_connections_that_end_while_idle_lose_no_call(loop: LoopName, tls: bool) -> None:
    this = run(loop, runs.idle_close(calls=500 * SIZE, in_flight=10, tls=tls))
    assert this.notes["closed while idle"] > 25 * SIZE


@over_both
@on_each_loop
def test_request_that_was_read_before_a_reset_is_not_repeated(loop: LoopName, tls: bool) -> None:
    run(loop, runs.read_then_reset(losses=100 * SIZE, in_flight=10, tls=tls))


@over_both
@on_each_loop
def test_request_read_behind_a_half_close_is_not_repeated(loop: LoopName, tls: bool) -> None:
    run(loop, runs.half_close(calls=100 * SIZE, in_flight=10, tls=tls))


@on_each_loop
def test_signature_is_fresh_after_a_long_wait_for_a_slot(loop: LoopName) -> None:
    run(loop, runs.signature_age(calls=100 * SIZE, slots=10, tls=True))


@on_each_loop
def test_a_hundred_first_calls_at_once_succeed(loop: LoopName) -> None:
    run(loop, runs.first_calls(calls=100, tls=True))


@on_each_loop
def test_verdicts_are_the_executions_of_the_local_endpoint(loop: LoopName) -> None:
    this = run(loop, endpoint_faults.endpoint_faults(seconds=2.4 * SIZE, in_flight=16))
    assert len(this.outcomes) >= 16
    assert sum(this.executions.values()) > 5
