"""The life of runtime processes: how they end, the responses to their callers, and that no process is left."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aiolambda import Credentials
from aiolambda.local.runtime.environment import SharedEnvironment
from aiolambda.local.runtime.output_pipe import OutputPipe
from aiolambda.local.runtime.process import RuntimeProcess
from aiolambda.local.runtime.process_groups import ProcessGroups, SupervisedProcess

from ..support.local import becomes_true, function, is_running, read_soon, serving


def message(answer):
    return answer.json()["errorMessage"].removeprefix(f"RequestId: {answer.headers['x-amzn-RequestId']} ")


async def test_killed_runtime_is_an_error_and_is_replaced(invoke, tmp_path):
    call = asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")}))
    pid = int(await read_soon(tmp_path / "pid"))
    os.kill(pid, signal.SIGKILL)
    killed, after = await call, await invoke()
    assert (killed.status, killed.error, killed.json()["errorType"]) == (200, "Unhandled", "Runtime.ExitError")
    assert message(killed) == "Error: Runtime exited with error: signal: killed"
    assert after.error is None
    assert after.json() != pid


async def test_dead_idle_process_fails_no_call(invoke):
    first = (await invoke()).json()
    os.kill(first, signal.SIGKILL)
    await becomes_true(lambda: not is_running(first))
    after = await invoke()
    assert after.error is None
    assert after.json() != first


async def test_process_that_dies_after_its_init_fails_the_call(tmp_path):
    """It has polled, but closed its side of the connection, so the invocation cannot be delivered to it."""
    (tmp_path / "runtime.py").write_text(
        "import os, socket, sys, time\n"
        "host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\n"
        "connection = socket.create_connection((host, int(port)))\n"
        "connection.sendall(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: api\\r\\n\\r\\n')\n"
        "connection.shutdown(socket.SHUT_WR)\n"
        "time.sleep(0.2)\n"
        "sys.exit(3)\n"
    )
    async with serving(function(runtime=(sys.executable, str(tmp_path / "runtime.py")))) as invoke:
        for _ in range(2):
            answer = await invoke(headers={"X-Amz-Log-Type": "Tail"})
            assert (answer.status, answer.error) == (200, "Unhandled")
            assert message(answer) == "Error: Runtime exited with error: exit status 3"
            assert "\tStatus: error\tError Type: Runtime.ExitError" in answer.log
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app") == [])


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"op": "exit", "code": 3}, "Error: Runtime exited with error: exit status 3"),
        ({"op": "exit", "code": 0}, "Error: Runtime exited without providing a reason"),
        ({"op": "leave", "code": 1}, "Error: Runtime exited with error: exit status 1"),
    ],
)
async def test_exit_fails_its_own_call_only(invoke, payload, said):
    exited, after = await invoke(payload=payload, headers={"X-Amz-Log-Type": "Tail"}), await invoke()
    assert (exited.error, exited.json()["errorType"], message(exited)) == ("Unhandled", "Runtime.ExitError", said)
    assert "\tStatus: error\tError Type: Runtime.ExitError" in exited.log
    assert after.error is None


async def test_timeout_kills_the_function_and_its_children(tmp_path):
    async with serving(function(timeout=0.5)) as invoke:
        payload = {"op": "spawn", "seconds": 60, "child": str(tmp_path / "child")}
        late = await invoke(payload=payload, headers={"X-Amz-Log-Type": "Tail"})
        child = int((tmp_path / "child").read_text())
        await becomes_true(lambda: not is_running(child))
        after = await invoke()
    assert (late.error, late.json()["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert message(late) == "Error: Task timed out after 0.50 seconds"
    assert "Task timed out after 0.50 seconds" in late.log
    assert "\tStatus: timeout" in late.log
    assert after.error is None


async def test_concurrent_calls_have_their_own_processes():
    async with serving(function(concurrency=4)) as invoke:
        answers = await asyncio.gather(*[invoke(payload={"op": "sleep", "seconds": 0.3}) for _ in range(4)])
        pids = invoke.endpoint.runtime_pids("app")
    assert {answer.json() for answer in answers} == set(pids)
    assert len(pids) == 4


async def test_function_finishes_after_its_caller_leaves(tmp_path):
    async with serving(function(concurrency=1)) as invoke:
        payload = {"op": "sleep", "seconds": 0.2, "started": str(tmp_path / "started"), "finished": str(tmp_path / "finished")}
        call = asyncio.create_task(invoke(payload=payload))
        await read_soon(tmp_path / "started")
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        pid = int(await read_soon(tmp_path / "finished"))
        answer = await invoke()
        while answer.status == 429:  # the process has written its file and is about to answer
            answer = await invoke()
    assert answer.json() == pid


async def test_close_answers_running_calls(tmp_path):
    async with serving(function(concurrency=3)) as invoke:
        idle = (await invoke()).json()
        payload = {"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")}
        calls = [asyncio.create_task(invoke(payload=payload))]
        busy = int(await read_soon(tmp_path / "pid"))
        calls.append(asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 60})))
        await becomes_true(lambda: len(invoke.endpoint.runtime_pids("app")) == 2)
        await invoke.endpoint.close()
        answers = await asyncio.gather(*calls)
        with pytest.raises(aiohttp.ClientConnectionError):
            await invoke()
    assert [(answer.status, answer.code) for answer in answers] == [(500, "ServiceException")] * 2
    assert not any(is_running(pid) for pid in (idle, busy))


async def test_slow_init_ends_with_the_timeout_of_the_function():
    sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
    async with serving(function(runtime=sleeper, timeout=0.3), init_limit=0.3) as invoke:
        answer = await invoke(headers={"X-Amz-Log-Type": "Tail"})
        assert invoke.endpoint.runtime_pids("app") == []
    assert (answer.error, answer.json()["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert message(answer) == "Error: Task timed out after 0.30 seconds"
    assert "Init Duration" not in answer.log.partition("REPORT RequestId")[2]


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        ("def handler(event, context):\n    return 'late'", None),
        ("raise LookupError('late')", "LookupError"),
        ("raise SystemExit(7)", "Runtime.ExitError"),
    ],
)
async def test_late_init_goes_on_in_the_first_call(tmp_path, source, error_type):
    (tmp_path / "module.py").write_text(f"import time\ntime.sleep(1.5)\n{source}")
    async with serving(function(handler="module.handler", root=tmp_path, concurrency=1), init_limit=0.3) as invoke:
        first = await invoke(headers={"X-Amz-Log-Type": "Tail"})
        pids = invoke.endpoint.runtime_pids("app")
        second = await invoke() if error_type is None else None
    assert "ms\tPhase: init\tStatus: timeout\n" in first.log
    if second is None:
        assert (first.error, first.json()["errorType"], pids) == ("Unhandled", error_type, [])
    else:
        assert [first.json(), second.json(), len(pids)] == ["late", "late", 1]


async def test_close_ends_a_call_whose_init_is_late():
    sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
    async with serving(function(runtime=sleeper), init_limit=0.1) as invoke:
        call = asyncio.create_task(invoke())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        await asyncio.sleep(0.3)
        await invoke.endpoint.close()
        assert (await call).code == "ServiceException"


async def test_a_runtime_that_cannot_be_started_is_named():
    async with serving(function(runtime=("/no/such/runtime",))) as invoke:
        answer = await invoke()
    assert (answer.error, answer.json()["errorType"]) == ("Unhandled", "Runtime.InvalidEntrypoint")
    assert message(answer) == "Error: fork/exec /no/such/runtime: no such file or directory"


@pytest.mark.parametrize("what", ["pipe", "create_server"])
async def test_too_many_open_files_are_named(monkeypatch, what):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with serving() as invoke:
        with monkeypatch.context() as patched:
            patched.setattr({"pipe": os, "create_server": socket}[what], what, fail)
            answer = await invoke()
        after = await invoke()
    assert answer.json()["errorType"] == "Runtime.InvalidEntrypoint"
    assert message(answer) == f"Error: fork/exec {sys.executable}: too many open files"
    assert after.error is None


async def test_start_of_the_reaper_may_be_repeated():
    groups = ProcessGroups()
    starting = asyncio.create_task(groups.start())
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait({starting})
    assert starting.cancelled()
    shared = SharedEnvironment(url="http://127.0.0.1:1", region="us-east-1", credentials=Credentials("A", "s"), inherited={})
    process = RuntimeProcess(function(), shared, groups)
    try:
        await process.start()
        assert process.is_usable
    finally:
        await process.close()
        await groups.close()


async def test_grandchild_does_not_delay_the_close(tmp_path):
    async with serving() as invoke:
        payload = {"op": "spawn", "seconds": 60, "child": str(tmp_path / "child")}
        call = asyncio.create_task(invoke(payload=payload))
        child = int(await read_soon(tmp_path / "child"))
        await invoke.endpoint.close()
        assert (await call).status == 500
    await becomes_true(lambda: not is_running(child))


LEAVING = pytest.mark.parametrize("daemon", [False, True], ids=["a session of its own", "a daemon"])
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has child subreapers")


@on_linux
@LEAVING
async def test_timeout_kills_a_detached_child(tmp_path, daemon):
    async with serving(function(timeout=3.0)) as invoke:
        then = {"op": "sleep", "seconds": 60}
        event = {"op": "leave session", "child": str(tmp_path / "child"), "daemon": daemon, "then": then}
        late = await invoke(payload=event)
        child = int((tmp_path / "child").read_text())
        assert late.json()["errorType"] == "Sandbox.Timedout"
        assert not is_running(child)


@on_linux
@LEAVING
async def test_exit_kills_a_detached_child(invoke, tmp_path, daemon):
    then = {"op": "exit", "code": 3}
    event = {"op": "leave session", "child": str(tmp_path / "child"), "daemon": daemon, "then": then}
    exited = await invoke(payload=event)
    child = int((tmp_path / "child").read_text())
    assert message(exited) == "Error: Runtime exited with error: exit status 3"
    assert not is_running(child)


@on_linux
@LEAVING
async def test_close_kills_a_detached_child(tmp_path, daemon):
    async with serving() as invoke:
        event = {"op": "leave session", "child": str(tmp_path / "child"), "daemon": daemon}
        assert (await invoke(payload=event)).error is None
        child = int((tmp_path / "child").read_text())
        assert (await invoke()).error is None
        assert is_running(child), "as on Lambda, a child outlives its invocation as long as the process lives"
    assert not is_running(child)


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@on_linux
@pytest.mark.parametrize("debug", [False, True])
async def test_the_reaper_keeps_no_files_of_its_processes(debug):
    counts = []
    async with serving(function(), debug=debug) as invoke:
        for _ in range(3):
            running = (await invoke()).json()
            reaper = parent_of(parent_of(running))
            counts.append(len(list(Path(f"/proc/{reaper}/fd").iterdir())))
            await invoke(payload={"op": "exit", "code": 1})
    assert counts == counts[:1] * 3


@on_linux
async def test_process_is_replaced_if_its_supervisor_dies(invoke):
    first = (await invoke()).json()
    os.kill(parent_of(first), signal.SIGKILL)
    await becomes_true(lambda: not is_running(first))
    after = await invoke()
    assert after.error is None
    assert after.json() != first


@on_linux
async def test_killed_reaper_is_reported():
    async with serving() as invoke:
        running = (await invoke()).json()
        reaper = parent_of(parent_of(running))
        os.kill(reaper, signal.SIGKILL)
        await becomes_true(lambda: not is_running(reaper))
        assert (await invoke()).json() == running
        os.kill(running, signal.SIGKILL)
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app") == [running] and not is_running(running))
        answer = await invoke()
    assert answer.json()["errorType"] == "Runtime.InvalidEntrypoint"
    assert "broken pipe" in message(answer)


async def test_output_pipe_at_its_end_is_closed_once():
    output = bytearray()
    pipe = OutputPipe(output.extend)
    pipe.follow()
    os.write(pipe.write_end, b"the last words")
    pipe.close_write_end()
    pipe.close()  # reads to the end, at which the pipe closes by itself
    assert output == b"the last words"


async def test_many_processes_start_at_once():
    variables = {"LARGE": "x" * 100_000}
    async with serving(function(concurrency=8, environment=variables)) as invoke:
        answers = await asyncio.gather(*[invoke(payload={"op": "sleep", "seconds": 0.3}) for _ in range(8)])
    assert len({answer.json() for answer in answers}) == 8


async def test_functions_have_processes_of_their_own():
    async with serving(function("one"), function("two")) as invoke:
        one, two = await invoke("one"), await invoke("two")
        assert invoke.endpoint.runtime_pids("one") == [one.json()]
        assert invoke.endpoint.runtime_pids("two") == [two.json()]


class ClosingWhileSpawning(ProcessGroups):
    """Closes the runtime process while its process is started, as the end of an endpoint may."""

    runtime: RuntimeProcess
    spawned: SupervisedProcess

    async def spawn(self, *command: Any, **options: Any) -> SupervisedProcess:
        self.spawned = await super().spawn(*command, **options)
        await self.runtime.close()
        return self.spawned


async def test_process_closed_as_it_starts_is_killed() -> None:
    groups = ClosingWhileSpawning()
    await groups.start()
    shared = SharedEnvironment(url="http://127.0.0.1:1", region="us-east-1", credentials=Credentials("A", "s"), inherited={})
    groups.runtime = RuntimeProcess(function(), shared, groups)
    try:
        await groups.runtime.start()
        assert not groups.runtime.is_usable
        assert not is_running(groups.spawned.pid)
    finally:
        await groups.runtime.close()
        await groups.close()


class CancellingGroups(ProcessGroups):
    """Cancels the start of a process so many steps of the event loop after it was spawned."""

    spawned: SupervisedProcess
    address: str

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    async def spawn(self, *command: Any, **options: Any) -> SupervisedProcess:
        self.spawned = await super().spawn(*command, **options)
        self.address = options["environment"]["AWS_LAMBDA_RUNTIME_API"]
        task = asyncio.current_task()
        assert task is not None
        self._cancel_later(task, self._steps)
        return self.spawned

    def _cancel_later(self, task: "asyncio.Task[Any]", steps: int) -> None:
        if steps:
            asyncio.get_running_loop().call_soon(self._cancel_later, task, steps - 1)
        else:
            task.cancel()


@pytest.mark.parametrize("steps", range(5))
async def test_start_that_is_cancelled_leaves_nothing(steps) -> None:
    groups = CancellingGroups(steps)
    shared = SharedEnvironment(url="http://127.0.0.1:1", region="us-east-1", credentials=Credentials("A", "s"), inherited={})
    process = RuntimeProcess(function(), shared, groups)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(process.start())
    await process.close()
    async with asyncio.timeout(30):
        await groups.close()
    assert not is_running(groups.spawned.pid)
    host, port = groups.address.split(":")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))
