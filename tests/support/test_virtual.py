"""The marker `virtual_time` and its loop."""

import asyncio
import time

import pytest

from . import virtual


@pytest.fixture
async def started() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.virtual_time
async def test_marked_test_does_not_wait() -> None:
    began = time.monotonic()
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop().time() == 3600
    assert time.monotonic() - began < 60


@pytest.mark.virtual_time
@pytest.mark.parametrize("seconds", [1, 2])
async def test_fixtures_share_the_virtual_loop(started: float, seconds: int) -> None:
    await asyncio.sleep(seconds)
    assert asyncio.get_running_loop().time() - started == seconds


async def test_unmarked_test_has_a_real_clock() -> None:
    assert not isinstance(asyncio.get_running_loop(), virtual.VirtualLoop)


@pytest.mark.virtual_time
async def test_thread_wakes_the_virtual_loop() -> None:
    assert await asyncio.to_thread(lambda: time.sleep(0.01) or 7) == 7


def test_endless_wait_is_an_error() -> None:
    with asyncio.Runner(loop_factory=lambda: virtual.VirtualLoop(patience=0)) as runner:
        with pytest.raises(RuntimeError, match="waits forever"):
            runner.run(asyncio.Event().wait())
