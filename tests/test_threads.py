"""The package's threads: blocking work runs there, independent of the default executor."""

import asyncio
import contextvars
import os
import threading
import time

import pytest

from aiolambda.threads import Threads


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "aiolambda test"]


async def until_no_thread_is_left() -> None:
    async with asyncio.timeout(10):
        while names():
            await asyncio.sleep(0.001)


async def test_work_runs_in_a_daemon_thread() -> None:
    threads = Threads("test", most=4)
    thread = await threads.run(threading.current_thread)
    assert (thread.name, thread.daemon) == ("aiolambda test", True)
    await until_no_thread_is_left()


async def test_work_error_is_raised_to_the_awaiter() -> None:
    def fail() -> None:
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        await Threads("test", most=1).run(fail)


async def test_stop_iteration_in_work_does_not_hang() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(Threads("test", most=1).run(lambda: next(iter(()))), 10)


async def test_thread_limit_holds_and_all_work_is_done() -> None:
    threads, together = Threads("test", most=3), 0

    def work() -> int:
        nonlocal together
        together = max(together, len(names()))
        time.sleep(0.001)
        return 1

    assert sum(await asyncio.gather(*(threads.run(work) for _ in range(50)))) == 50
    assert 1 <= together <= 3
    await until_no_thread_is_left()


async def test_cancelled_wait_drops_work_that_has_not_begun() -> None:
    threads, go_on, done = Threads("test", most=1), threading.Event(), list[int]()
    blocked, dropped = threads.run(go_on.wait), threads.run(lambda: done.append(1))
    for wait in (blocked, dropped):
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
    assert names()  # the blocked thread is still at it
    go_on.set()
    await until_no_thread_is_left()
    assert done == []


async def test_work_sees_the_context_of_its_caller() -> None:
    variable = contextvars.ContextVar[int]("variable", default=0)
    variable.set(7)
    assert await Threads("test", most=1).run(variable.get) == 7


def test_result_for_a_closed_loop_is_dropped() -> None:
    threads, go_on = Threads("test", most=1), threading.Event()

    async def begin() -> None:
        threads.run(go_on.wait)

    asyncio.run(begin())
    go_on.set()
    asyncio.run(until_no_thread_is_left())


async def test_failed_thread_start_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = Threads("test", most=1)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no thread can be started for test"):
        patch.setattr(threading.Thread, "start", refuse)
        threads.run(int)
    assert await threads.run(int) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of CPython 3.12, for a process with threads
def test_a_forked_child_has_threads_of_its_own() -> None:
    threads, go_on = Threads("test", most=1), threading.Event()

    async def fork() -> int:
        blocked = threads.run(go_on.wait)
        child = os.fork()
        if not child:  # asyncio sees no running loop here
            os._exit(in_child())
        go_on.set()
        await blocked
        return child

    def in_child() -> int:
        try:
            return int(asyncio.run(asyncio.wait_for(run_one(), 10)) != 5)
        except BaseException:
            return 2

    async def run_one() -> int:
        return await threads.run(lambda: 5)

    assert os.waitstatus_to_exitcode(os.waitpid(asyncio.run(fork()), 0)[1]) == 0
