"""`aiolambda serve` and `aiolambda demo` as processes: output, options, signals."""

import asyncio
import json
import re
import signal
import sys

import aiohttp
import pytest

from aiolambda import Credentials, FunctionError, LambdaClient
from aiolambda.cli.demo.fan_out import _erase_progress

from ..support.cli import HANDLERS, environment, run, served, start
from ..support.local import becomes_true, is_running, needs_awslambdaric, read_soon


def client_of(env: dict[str, str]) -> LambdaClient:
    return LambdaClient(
        region=env["AWS_REGION"],
        endpoint_url=env["AWS_ENDPOINT_URL_LAMBDA"],
        credentials=Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]),
    )


OF_AWS = {"AWS_PROFILE": "nowhere", "AWS_USE_FIPS_ENDPOINT": "true", "HTTP_PROXY": "http://127.0.0.1:9"}
"""Variables of a person who works with AWS behind a proxy."""


async def test_printed_exports_are_enough_to_invoke(program):
    """It repeats the log on stderr, too."""
    async with served(f"hello={HANDLERS}:handler", **OF_AWS) as (process, env):
        ended = await program("invoke", "hello", "-p", '{"op": "log"}', env=env)
        process.send_signal(signal.SIGTERM)
        _, stderr = await asyncio.wait_for(process.communicate(), 10)
    assert (ended.code, ended.stderr) == (0, "")
    assert env["no_proxy"] == '"127.0.0.1,${no_proxy:-$NO_PROXY}"'
    assert b"\nprinted\nto stderr\n" in stderr
    assert re.search(rb"\naiolambda: \d\d:\d\d:\d\d hello RequestResponse ok [\d,]+ ms [0-9a-f-]{36}\n\Z", stderr)
    assert b'"op"' not in stderr


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 0)])
async def test_serve_stops_cleanly_with_all_its_processes(tmp_path, end, code):
    async with served(f"hello={HANDLERS}:handler") as (process, env), client_of(env) as client:
        idle = (await client.invoke("hello", {"op": "pid"})).json()
        call = asyncio.create_task(client.invoke("hello", {"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")}))
        busy = int(await read_soon(tmp_path / "pid"))
        process.send_signal(end)
        with pytest.raises(Exception, match="stopped while the function was running"):
            await call
        _, stderr = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == code
    assert b"Traceback" not in stderr
    assert not any(is_running(pid) for pid in (idle, busy))


@pytest.mark.parametrize("runtime", ["", pytest.param("awslambdaric", marks=needs_awslambdaric)])
async def test_killed_server_leaves_no_process(tmp_path, runtime):
    """Neither an idle runtime, nor a busy one with its child, nor, on Linux, children that have left the session."""
    options = ["--runtime", f"{sys.executable} -m awslambdaric {{handler}}"] if runtime else []
    async with served(f"hello={HANDLERS}:handler", *options) as (process, env), client_of(env) as client:
        children = []
        for daemon in (False, True) if sys.platform == "linux" else ():
            path = tmp_path / f"left {daemon}"
            await client.invoke("hello", {"op": "leave session", "child": str(path), "daemon": daemon})
            children.append(int(path.read_text()))
        idle = (await client.invoke("hello", {"op": "pid"})).json()
        payload = {"op": "spawn", "seconds": 60, "child": str(tmp_path / "child")}
        call = asyncio.create_task(client.invoke("hello", payload))
        children.append(int(await read_soon(tmp_path / "child")))
        assert all(is_running(child) for child in children)
        process.kill()
        with pytest.raises(ConnectionError):
            await call
    await becomes_true(lambda: not any(is_running(pid) for pid in (idle, *children)))


@needs_awslambdaric
async def test_awslambdaric_works_as_the_runtime(program):
    command = f"{sys.executable} -m awslambdaric {{handler}}"
    async with served(f"hello={HANDLERS}:handler", "--runtime", command) as (_, env):
        ended = await program("invoke", "hello", "--tail", "-p", '{"op": "log"}', env=env)
    assert ended.code == 0
    assert "\nprinted\n" in ended.stderr


async def test_serve_options_take_effect(tmp_path, monkeypatch):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "app.py").write_text("def handler(event, context):\n    return event\n")
    monkeypatch.chdir(tmp_path)
    keys = ("--access-key", "AKIAMINE", "--secret-key", "mine", "--region", "eu-west-1")
    limits = ("--concurrency", "1", "--timeout", "0.5", "--memory-size", "256", "--quiet", "--quiet")
    variables = ("--env", "TABLE=orders", "--env", "API_TOKEN")
    functions = (f"hello={HANDLERS}:handler", "folder=handlers/app.handler")
    tokens = {"API_TOKEN": "a secret", "OTHER_TOKEN": "a secret"}
    async with served(*functions, *keys, *limits, *variables, **tokens) as (process, env):
        assert (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_REGION"]) == ("AKIAMINE", "mine", "eu-west-1")
        assert env["AWS_DEFAULT_REGION"] == "eu-west-1", "boto3 reads this one only"
        assert "no_proxy" not in env
        async with client_of(env) as client:
            seen = (await client.invoke("hello", {"op": "describe"})).json()
            found = (await client.invoke("hello", {"op": "all variables"})).json()
            in_folder = (await client.invoke("folder", {"a": 1})).json()
            await client.invoke("hello", {"op": "log"})
            with pytest.raises(FunctionError, match=r"Task timed out after 0\.50 seconds"):
                await client.invoke("hello", {"op": "sleep", "seconds": 60})
        process.send_signal(signal.SIGTERM)
        _, stderr = await asyncio.wait_for(process.communicate(), 10)
    assert (seen["memory_limit_in_mb"], in_folder) == ("256", {"a": 1})
    assert {name: found.get(name) for name in ("TABLE", *tokens)} == {
        "TABLE": "orders",
        "API_TOKEN": "a secret",
        "OTHER_TOKEN": None,
    }
    assert stderr == b"", "--quiet --quiet"


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """The exit code and stderr of a program that ends by itself."""
    _, stderr = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, stderr.decode()


async def test_quiet_leaves_the_lines_of_invocations():
    async with served(f"hello={HANDLERS}:handler", "--quiet") as (process, env), client_of(env) as client:
        await client.invoke("hello", {"op": "log"})
        with pytest.raises(FunctionError):
            await client.invoke("hello", {"op": "fail"})
        process.send_signal(signal.SIGTERM)
        code, stderr = await ended(process)
    assert (code, [line.split()[2:5] for line in stderr.splitlines()]) == (
        0,
        [["hello", "RequestResponse", "ok"], ["hello", "RequestResponse", "ValueError"]],
    )


async def test_function_that_cannot_start_ends_the_server(tmp_path):
    """Before the first invocation, with the error that Lambda would report, and with the place in the code."""
    (tmp_path / "app.py").write_text("import helpers\n")
    (tmp_path / "helpers.py").write_text("import nonesuch\n")
    process = await start("serve", "--port", "0", f"hello={HANDLERS}:handler", f"broken={tmp_path}/app.py:handler", "--quiet")
    code, stderr = await ended(process)
    assert code == 1
    first, *trace, last = stderr.splitlines()
    assert first == (
        "aiolambda: broken cannot start: Runtime.ImportModuleError: Unable to import module 'app': No module named 'nonesuch'"
    )
    assert [line for line in trace if line.startswith("  File")] == [
        f'  File "{tmp_path}/app.py", line 1, in <module>',
        f'  File "{tmp_path}/helpers.py", line 1, in <module>',
    ]
    assert "--reload" in last


async def test_reload_waits_for_a_function_that_cannot_start(tmp_path):
    path = tmp_path / "app.py"
    path.write_text("import nonesuch\n")
    async with served(f"hello={path}:handler", "--reload", "--quiet") as (process, env), client_of(env) as client:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            told = (await process.stderr.readuntil(b"waiting until a file changes\n")).decode()
            path.write_text("def handler(event, context):\n    return 'mended'\n")
            told += (await process.stderr.readuntil(b"hello can start now\n")).decode()
        assert (await client.invoke("hello")).json() == "mended"
    assert "aiolambda: hello cannot start: Runtime.ImportModuleError: " in told
    assert "app.py changed: new code for hello\n" in told


async def test_reload_reads_the_config_and_the_variables_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("import os\ndef handler(event, context):\n    return os.environ['TABLE']\n")
    config, variables = tmp_path / "aiolambda.toml", tmp_path / ".env"
    config.write_text('[functions.hello]\nhandler = "app.handler"\n')
    variables.write_text("TABLE=first\n")
    async with (
        served("--config", "aiolambda.toml", "--env-file", ".env", "--reload", "--quiet") as (process, env),
        client_of(env) as client,
    ):
        assert (await client.invoke("hello")).json() == "first"
        variables.write_text("TABLE=second\n")
        assert (await client.invoke("hello")).json() == "second"
        config.write_text('[functions.hello]\nhandler = "app.handler"\n[functions.hello\n')
        assert (await client.invoke("hello")).json() == "second"
        events = 'events = { on_success = "function:hello" }\n'
        config.write_text(f'port = 9\nregion = "eu-west-1"\n[functions.hi]\nhandler = "app.handler"\n{events}')
        assert (await client.invoke("hi")).json() == "second"
        process.send_signal(signal.SIGTERM)
        code, stderr = await ended(process)
    assert code == 0
    assert "aiolambda.toml changed, but cannot be used: the functions stay as they were\n" in stderr
    assert "aiolambda.toml is not TOML" in stderr
    assert re.search(r"aiolambda\.toml changed: new code for hi\n", stderr)
    assert re.search(r"aiolambda\.toml changed: hello removed\n", stderr)
    assert "aiolambda: hi: the destination hello is not a function of the file\n" in stderr
    assert "aiolambda.toml changed: start serve again to change the port and the region\n" in stderr


async def test_config_versions_and_aliases_are_served(tmp_path):
    for folder, result in (("latest", 0), ("one", 1)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.py").write_text(f"def handler(event, context):\n    return {result}\n")
    options = ("--function-version", f"orders:1={tmp_path}/one", "--alias", "orders:live=1", "--alias", "orders:next")
    async with served(f"orders={tmp_path}/latest/app.py:handler", *options) as (_, env), client_of(env) as client:
        answers = [(await client.invoke("orders", qualifier=name)).json() for name in (None, "live", "1", "next")]
    assert answers == [0, 1, 1, 0]


async def test_executions_can_be_asked_for(program):
    async with served(f"hello={HANDLERS}:handler", "--no-verify") as (_, env), client_of(env) as client:
        await client.invoke("hello", {"op": "echo", "secret": "hunter2"})
        async with aiohttp.ClientSession(env["AWS_ENDPOINT_URL_LAMBDA"]) as session:
            async with session.get("/_local/health") as response:
                assert await response.text() == "ok"
            async with session.get("/_local/executions?limit=1") as response:
                text = await response.text()
    (execution,) = json.loads(text)["executions"]
    assert (execution["function_name"], execution["status"]) == ("hello", "succeeded")
    assert "hunter2" not in text


async def test_serve_reports_a_variable_that_is_not_set(program):
    ended = await program("serve", f"hello={HANDLERS}:handler", "--env", "MISSING_TOKEN", env={})
    assert (ended.code, ended.stdout) == (2, b"")
    assert "'MISSING_TOKEN' is not set here" in ended.stderr


async def test_no_verify_accepts_any_signature():
    async with served(f"hello={HANDLERS}:handler", "--no-verify") as (_, env):
        stranger = client_of(env | {"AWS_SECRET_ACCESS_KEY": "guess"})
        async with stranger:
            assert (await stranger.invoke("hello")).status_code == 200


async def test_demo_shows_all_its_steps():
    async with asyncio.timeout(90):
        ended = await run("demo", env=environment(**OF_AWS))
    told = ended.stdout.decode()
    assert ended.code == 0
    assert re.search(r"aiolambda: 500 of 500 done, .* s\n\Z", ended.stderr)  # of the map that was resumed
    assert "500 items, 500 results; " in told
    assert "'greeting': 'Hello, you!'" in told
    assert "START RequestId: " in told
    assert "ZeroDivisionError: division by zero" in told
    assert 'functions.py", line' in told
    assert re.search(r"greet took \d+\.\d ms", told)
    assert re.search(r"1,000 responses from [1-8] processes in \d+\.\d\d s: [\d,]+ per second", told)
    assert 'LambdaClient(region="eu-west-1")' in told
    assert "\033[" not in told
    assert [line for line in told.splitlines() if len(line) > 80 and 'File "' not in line] == []


@pytest.mark.parametrize(("is_terminal", "written"), [(True, "\r\033[2K\033[?25h"), (False, "")])
def test_demo_erases_the_progress_of_the_killed_map(is_terminal, written, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    _erase_progress()
    assert capsys.readouterr().err == written


async def test_the_demo_can_be_interrupted():
    process = await start("demo")
    assert process.stdout is not None
    await process.stdout.readuntil(b"4. 1,000 concurrent")
    process.send_signal(signal.SIGINT)
    _, stderr = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == -signal.SIGINT
    assert b"Traceback" not in stderr


async def test_command_loads_only_what_it_needs():
    """Neither botocore, rich and sqlite, nor the HTTP server and the other commands."""
    heavy = ("aiobotocore", "botocore", "rich", "sqlite3", "aiohttp.web_runner", "aiolambda.local", "aiolambda.cli.doctor")
    source = (
        "import sys; from aiolambda.cli import main; assert main(['invoke', '--help']) == 0; "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    # Coverage, if it is measured, keeps its own data in sqlite.
    unmeasured = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        source,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=unmeasured,
    )
    _, stderr = await process.communicate()
    assert stderr.strip() == b"[]"
