"""Functions that are checked before their first invocation: warm processes, and the errors of those that cannot start."""

import asyncio
import os
from typing import cast

import pytest

from aiolambda import ConfigurationError
from aiolambda.local import InitFailure, LocalEndpoint
from aiolambda.local.runtime.pool import ProcessPool
from aiolambda.local.runtime.process import EndpointClosed, RuntimeProcess

from ..support.local import RAW_RUNTIME, becomes_true, both_runtimes, function, is_running, serving

TAIL = {"X-Amz-Log-Type": "Tail"}
SLOW = """\
import os, time

with open(os.environ["STARTS"], "a") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(0.3)


def handler(event, context):
    return os.getpid()
"""
BROKEN = {
    "import": (
        "import app_helpers",
        "module.handler",
        ("Runtime.ImportModuleError", "Unable to import module 'module': No module named 'nonesuch'"),
        ['module.py", line 1, in <module>', 'app_helpers.py", line 2, in <module>', "ModuleNotFoundError: No module named"],
    ),
    "no-module": (
        "",
        "missing.handler",
        ("Runtime.ImportModuleError", "Unable to import module 'missing': No module named 'missing'"),
        [],
    ),
    "syntax": (
        "def handler(:",
        "module.handler",
        ("Runtime.UserCodeSyntaxError", "Syntax error in module 'module': invalid syntax (module.py, line 1)"),
        ['module.py" Line 1', "def handler(:"],
    ),
    "no-handler": ("", "module.handler", ("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'module'"), []),
    "raises": (
        "raise LookupError('at import')",
        "module.handler",
        ("LookupError", "at import"),
        ['module.py", line 1, in <module>', "raise LookupError"],
    ),
    "exits": (
        "raise SystemExit(7)",
        "module.handler",
        ("Runtime.ExitError", "Runtime exited with error: exit status 7"),
        [],
    ),
}
"""Source, handler, error type and message, and parts of the traceback."""


async def test_checked_process_serves_the_next_invocation():
    async with serving(function("a"), function("b")) as invoke:
        assert await invoke.endpoint.check() == []
        warm = invoke.endpoint.runtime_pids("a")
        first, second = await invoke("a", headers=TAIL), await invoke("a", headers=TAIL)
        assert [first.json()] == warm == invoke.endpoint.runtime_pids("a")
        assert len(invoke.endpoint.runtime_pids("b")) == 1
    assert "Init Duration: " in first.log, "the check was the init of the process"
    assert "loading the module" in first.log
    assert "Init Duration: " not in second.log


@pytest.mark.parametrize("name", BROKEN)
async def test_error_of_init_is_that_of_lambda(name, tmp_path):
    source, handler, error, parts = BROKEN[name]
    (tmp_path / "module.py").write_text(source)
    (tmp_path / "app_helpers.py").write_text("import sys\nimport nonesuch\n")
    async with serving(function("sound"), function("app", handler, root=tmp_path)) as invoke:
        (failure,) = await invoke.endpoint.check()
        assert invoke.endpoint.runtime_pids("app") == []
        answer = await invoke(headers=TAIL)
    assert (failure.function_name, failure.version) == ("app", "$LATEST")
    assert (failure.error_type, failure.error_message) == error
    if not parts:
        assert failure.traceback == ""
    for part in parts:
        assert part in failure.traceback
    assert "bootstrap.py" not in failure.traceback
    assert "importlib" not in failure.traceback
    assert answer.json()["errorType"] == error[0], "the invocation gets it, too"
    if name == "import":
        assert "app_helpers.py" not in answer.body.decode() + answer.log, "Lambda does not show where an import failed"


@both_runtimes
async def test_every_runtime_can_be_checked(runtime, tmp_path):
    (tmp_path / "module.py").write_text("import nonesuch\n")
    async with serving(function("app", "module.handler", root=tmp_path, runtime=runtime)) as invoke:
        (failure,) = await invoke.endpoint.check()
    assert failure.error_type == "Runtime.ImportModuleError"
    assert "No module named 'nonesuch'" in failure.error_message


async def test_command_that_does_not_exist_is_a_failure():
    async with serving(function(runtime=("nonesuch-command",)), function("raw", runtime=RAW_RUNTIME)) as invoke:
        (failure,) = await invoke.endpoint.check()
    assert failure.function_name == "app"
    assert failure.error_message.startswith("Error: fork/exec nonesuch-command") or "nonesuch-command" in failure.error_message
    assert not failure.error_message.startswith("RequestId")


async def test_a_slow_init_is_no_failure(tmp_path):
    """As on Lambda, it goes on in the time of the first invocation."""
    (tmp_path / "module.py").write_text("import time\ntime.sleep(60)\n")
    async with serving(function("app", "module.handler", root=tmp_path), init_limit=0.3) as invoke:
        assert await invoke.endpoint.check() == []
        assert len(invoke.endpoint.runtime_pids("app")) == 1


async def test_invocation_waits_for_the_process_that_starts(tmp_path):
    """It starts no second one, and is not throttled."""
    (tmp_path / "module.py").write_text(SLOW)
    starts = tmp_path / "starts"
    slow = function("app", "module.handler", root=tmp_path, concurrency=1, environment={"STARTS": str(starts)})
    async with serving(slow) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        answer = await invoke(headers=TAIL)
        assert await checking == []
        again = await invoke()
    assert starts.read_text() == f"{answer.json()}\n"
    assert again.json() == answer.json()
    assert "Init Duration: " in answer.log


async def test_invocations_during_a_check_have_processes_of_their_own(tmp_path):
    (tmp_path / "module.py").write_text(SLOW)
    slow = function("app", "module.handler", root=tmp_path, concurrency=3, environment={"STARTS": str(tmp_path / "starts")})
    async with serving(slow) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        answers = await asyncio.gather(*[invoke() for _ in range(3)])
        await checking
        assert {answer.json() for answer in answers} == set(invoke.endpoint.runtime_pids("app"))
    assert len({answer.json() for answer in answers}) == 3


async def test_invocation_gets_the_failure_of_the_process_that_starts(tmp_path):
    (tmp_path / "module.py").write_text("import time\ntime.sleep(0.3)\nraise LookupError('at import')\n")
    async with serving(function("app", "module.handler", root=tmp_path)) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        answer = await invoke()
        (failure,) = await checking
        assert invoke.endpoint.runtime_pids("app") == []
    assert (answer.error, answer.json()["errorType"]) == ("Unhandled", "LookupError")
    assert failure.error_type == "LookupError"


async def test_each_version_is_checked(tmp_path):
    for number, source in (("1", "def handler(event, context):\n    return 1\n"), ("2", "import nonesuch\n")):
        (tmp_path / number).mkdir()
        (tmp_path / number / "local_handlers.py").write_text(source)
    versions = {"1": tmp_path / "1", "2": tmp_path / "2"}
    async with serving(function(versions=versions)) as invoke:
        failures = await invoke.endpoint.check()
        assert len(invoke.endpoint.runtime_pids("app")) == 2
        assert (await invoke("app:1")).json() == 1
        assert len(invoke.endpoint.runtime_pids("app")) == 2
    assert [(failure.function_name, failure.version) for failure in failures] == [("app", "2")]


async def test_check_under_a_debugger_starts_one_process_of_a_function(tmp_path):
    (tmp_path / "module.py").write_text("def handler(event, context): ...\n")
    served = function("app", "module.handler", root=tmp_path, versions={"1": tmp_path, "2": tmp_path / "missing"})
    async with serving(served, debug=True) as invoke:
        assert await invoke.endpoint.check() == []
        assert len(invoke.endpoint.runtime_pids("app")) == 1


async def test_check_keeps_no_more_processes_than_may_run(tmp_path):
    (tmp_path / "local_handlers.py").write_text("def handler(event, context):\n    return 1\n")
    one = function(versions={"1": tmp_path}, concurrency=1)
    isolated = function("tenants", tenant_isolation=True)
    none = function("none", "missing.handler", concurrency=0)
    async with serving(one, isolated, none) as invoke:
        assert await invoke.endpoint.check() == [], "a function without concurrency starts no process"
        pids = {name: len(invoke.endpoint.runtime_pids(name)) for name in ("app", "tenants", "none")}
    assert pids == {"app": 1, "tenants": 0, "none": 0}


async def test_some_functions_can_be_checked_alone():
    async with serving(function("a"), function("b")) as invoke:
        await invoke.endpoint.check("b")
        assert invoke.endpoint.runtime_pids("a") == []
        with pytest.raises(ConfigurationError, match="there is no function 'c'"):
            await invoke.endpoint.check("c")


async def test_check_needs_a_started_endpoint():
    with pytest.raises(ConfigurationError, match="once the endpoint is started"):
        await LocalEndpoint([function()]).check()


async def test_cancelled_check_leaves_no_process(tmp_path):
    (tmp_path / "module.py").write_text("import time\ntime.sleep(60)\n")
    async with serving(function("app", "module.handler", root=tmp_path)) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        (pid,) = invoke.endpoint.runtime_pids("app")
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
        assert invoke.endpoint.runtime_pids("app") == []
        assert not is_running(pid)


class ProcessToStart:
    """A process whose start goes on for some steps of the event loop after its close, as a process does that is spawned."""

    pid = None
    is_usable = False

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.has_ended = False

    async def start(self) -> None:
        await self.closed.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        self.has_ended = True

    async def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("retires", [False, True], ids=["close", "retire"])
async def test_closing_waits_for_a_process_that_starts(retires):
    """Otherwise the process could be spawned after everything was closed."""
    process = ProcessToStart()
    pool = ProcessPool(1, lambda _: cast("RuntimeProcess", process))
    warming = asyncio.create_task(pool.warm())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await (pool.retire() if retires else pool.close())
        assert process.has_ended
        with pytest.raises(EndpointClosed):
            await warming


async def test_new_code_ends_the_processes_that_start(tmp_path):
    """They may wait for a debugger, and would then never end."""
    path = tmp_path / "module.py"
    path.write_text("import time\ntime.sleep(60)\n")
    async with serving(function("app", "module.handler", root=tmp_path), reload=True, debug=True) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        (first,) = invoke.endpoint.runtime_pids("app")
        path.write_text("def handler(event, context):\n    return 1\n")
        async with asyncio.timeout(30):
            assert await checking == []
        assert (await invoke()).json() == 1
        assert not is_running(first)


async def test_functions_that_wait_for_a_debugger_keep_no_others_back(tmp_path):
    wait = f"while not os.path.exists({str(tmp_path / 'attached')!r}):\n    time.sleep(0.01)\n"
    (tmp_path / "module.py").write_text(f"import os, time\n{wait}def handler(event, context): ...\n")
    names = [f"app{number}" for number in range((os.cpu_count() or 1) + 1)]
    functions = [function(name, "module.handler", root=tmp_path) for name in names]
    async with serving(*functions, debug=True) as invoke:
        checking = asyncio.create_task(invoke.endpoint.check())
        await becomes_true(lambda: all(invoke.endpoint.runtime_pids(name) for name in names), limit=60)
        (tmp_path / "attached").touch()
        assert await checking == []


async def test_long_traceback_keeps_its_end(tmp_path):
    (tmp_path / "module.py").write_text("raise ImportError('x' * 100_000 + ' the end')\n")
    async with serving(function("app", "module.handler", root=tmp_path)) as invoke:
        (failure,) = await invoke.endpoint.check()
    assert failure.traceback.endswith(" the end")
    assert len(failure.traceback) <= 16_384


def test_a_traceback_is_not_in_the_repr():
    failure = InitFailure(function_name="a", version="1", error_type="E", error_message="m", traceback="secret = 1")
    assert "secret" not in repr(failure)
