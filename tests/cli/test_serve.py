"""`aiolambda serve` and `aiolambda demo`, as a person starts and ends them."""

import asyncio
import re
import signal
import sys

import pytest

from aiolambda import Credentials, FunctionError, LambdaClient
from aiolambda.cli import main

from ..support.cli import HANDLERS, environment, run, served, start
from ..support.local import becomes_true, is_running, needs_awslambdaric, read_soon


def client_of(env: dict[str, str]) -> LambdaClient:
    return LambdaClient(
        region=env["AWS_REGION"],
        endpoint_url=env["AWS_ENDPOINT_URL_LAMBDA"],
        credentials=Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]),
    )


async def test_what_serve_prints_is_enough_to_invoke():
    async with served(f"hello={HANDLERS}:handler") as (_, env):
        ended = await run("invoke", "hello", "-p", '{"op": "echo", "a": 1}', env=env)
    assert (ended.code, ended.stdout, ended.stderr) == (0, b'{"op": "echo", "a": 1}', "")


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has child subreapers")
@pytest.mark.parametrize("daemon", [False, True], ids=["a session of its own", "a daemon"])
async def test_no_child_that_left_the_session_outlives_a_server_that_is_killed(tmp_path, daemon):
    async with served(f"hello={HANDLERS}:handler") as (process, env), client_of(env) as client:
        payload = {"op": "leave session", "child": str(tmp_path / "child"), "daemon": daemon}
        runtime = (await client.invoke("hello", payload)).json()
        child = int((tmp_path / "child").read_text())
        assert is_running(child)
        process.kill()
        await process.wait()
        await becomes_true(lambda: not is_running(child) and not is_running(runtime))


@pytest.mark.parametrize("runtime", ["", pytest.param("awslambdaric", marks=needs_awslambdaric)])
async def test_no_runtime_outlives_a_server_that_is_killed(tmp_path, runtime):
    options = ["--runtime", f"{sys.executable} -m awslambdaric {{handler}}"] if runtime else []
    async with served(f"hello={HANDLERS}:handler", *options) as (process, env), client_of(env) as client:
        idle = (await client.invoke("hello", {"op": "pid"})).json()
        payload = {"op": "spawn", "seconds": 60, "child": str(tmp_path / "child")}
        call = asyncio.create_task(client.invoke("hello", payload))
        child = int(await read_soon(tmp_path / "child"))
        process.kill()
        with pytest.raises(ConnectionError):
            await call
    await becomes_true(lambda: not any(is_running(pid) for pid in (idle, child)))


@needs_awslambdaric
async def test_awss_own_runtime_client_serves_behind_the_runtime_option():
    command = f"{sys.executable} -m awslambdaric {{handler}}"
    async with served(f"hello={HANDLERS}:handler", "--runtime", command) as (_, env):
        ended = await run("invoke", "hello", "--tail", "-p", '{"op": "log"}', env=env)
    assert ended.code == 0
    assert "\nprinted\n" in ended.stderr


async def test_serve_has_limits_and_keys_of_ones_choice():
    keys = ("--access-key", "AKIAMINE", "--secret-key", "mine", "--region", "eu-west-1")
    limits = ("--concurrency", "1", "--timeout", "0.5", "--memory-size", "256", "--quiet")
    async with served(f"hello={HANDLERS}:handler", *keys, *limits) as (_, env), client_of(env) as client:
        assert (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_REGION"]) == ("AKIAMINE", "mine", "eu-west-1")
        assert env["AWS_DEFAULT_REGION"] == "eu-west-1", "boto3 reads this one only"
        seen = (await client.invoke("hello", {"op": "describe"})).json()
        with pytest.raises(FunctionError, match=r"Task timed out after 0\.50 seconds"):
            await client.invoke("hello", {"op": "sleep", "seconds": 60})
    assert seen["memory_limit_in_mb"] == "256"


async def test_serve_gives_functions_the_variables_that_are_named(monkeypatch):
    monkeypatch.setenv("API_TOKEN", "a secret")
    monkeypatch.setenv("OTHER_TOKEN", "a secret")
    async with (
        served(f"hello={HANDLERS}:handler", "--env", "TABLE=orders", "--env", "API_TOKEN") as (_, env),
        client_of(env) as client,
    ):
        found = (await client.invoke("hello", {"op": "all variables"})).json()
    assert {name: found.get(name) for name in ("TABLE", "API_TOKEN", "OTHER_TOKEN")} == {
        "TABLE": "orders",
        "API_TOKEN": "a secret",
        "OTHER_TOKEN": None,
    }


async def test_serve_names_a_variable_that_it_cannot_give():
    ended = await run("serve", f"hello={HANDLERS}:handler", "--env", "MISSING_TOKEN")
    assert (ended.code, ended.stdout) == (2, b"")
    assert "'MISSING_TOKEN' is not set here" in ended.stderr


async def test_serve_takes_the_notation_of_lambda_for_a_handler_in_a_folder(tmp_path, monkeypatch):
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "app.py").write_text("def handler(event, context):\n    return event\n")
    monkeypatch.chdir(tmp_path)
    async with served("hello=handlers/app.handler") as (_, env), client_of(env) as client:
        assert (await client.invoke("hello", {"a": 1})).json() == {"a": 1}


async def test_serve_repeats_the_log_on_stderr_unless_it_is_quiet():
    for options, heard in ([], True), (["--quiet"], False):
        async with served(f"hello={HANDLERS}:handler", *options) as (process, env):
            async with client_of(env) as client:
                await client.invoke("hello", {"op": "log"})
            process.send_signal(signal.SIGTERM)
            _, stderr = await asyncio.wait_for(process.communicate(), 10)
        assert (b"\nprinted\nto stderr\n" in stderr) is heard


async def test_requests_of_anybody_are_served_only_when_asked_for():
    async with served(f"hello={HANDLERS}:handler", "--no-verify") as (_, env):
        stranger = client_of(env | {"AWS_SECRET_ACCESS_KEY": "guess"})
        async with stranger:
            assert (await stranger.invoke("hello")).status_code == 200


SURROUNDINGS = {"AWS_PROFILE": "nowhere", "AWS_USE_FIPS_ENDPOINT": "true", "HTTP_PROXY": "http://127.0.0.1:9"}
"""Of somebody who works with AWS behind a proxy."""


async def test_serve_says_how_to_get_past_a_proxy() -> None:
    for variables, said in (SURROUNDINGS, True), ({}, False):
        process = await start("serve", f"hello={HANDLERS}:handler", env=environment(**variables))
        assert process.stdout is not None
        told = await process.stdout.readuntil(b"aiolambda invoke")
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 10)
        assert (b'export no_proxy="127.0.0.1,${no_proxy:-$NO_PROXY}"\n' in told) is said


async def test_the_demo_shows_everything_and_says_how_to_go_on():
    async with asyncio.timeout(30):
        ended = await run("demo", env=environment(**SURROUNDINGS))
    told = ended.stdout.decode()
    assert ended.code == 0
    assert re.search(r"aiolambda: 500 done, .* s\n\Z", ended.stderr)  # of the map that was resumed
    assert "500 items, 500 results; " in told
    assert "'greeting': 'Hello, you!'" in told
    assert "START RequestId: " in told
    assert "ZeroDivisionError: division by zero" in told
    assert 'functions.py", line' in told
    assert re.search(r"greet took \d+\.\d ms", told)
    assert re.search(r"1,000 answers from [1-8] processes in \d+\.\d\d s: [\d,]+ a second", told)
    assert 'LambdaClient(region="eu-west-1")' in told
    assert "\033[" not in told


async def test_the_demo_can_be_interrupted():
    process = await start("demo")
    assert process.stdout is not None
    await process.stdout.readuntil(b"4. 1,000 invocations")
    process.send_signal(signal.SIGINT)
    _, stderr = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 130
    assert b"Traceback" not in stderr


@pytest.mark.parametrize("arguments", [["--help"], ["invoke", "--help"], ["serve", "--help"], ["demo", "--help"]])
def test_help_names_the_exit_codes(capsys, arguments):
    assert main(arguments) == 0
    assert "130  interrupted" in capsys.readouterr().out


async def test_the_command_line_loads_neither_botocore_nor_rich_nor_sqlite():
    heavy = ("aiobotocore", "botocore", "rich", "sqlite3")
    source = f"import sys, aiolambda.cli; print([name for name in {heavy} if name in sys.modules])"
    # Coverage, where it is measured, keeps its own data in sqlite.
    unmeasured = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source, stdout=asyncio.subprocess.PIPE, env=unmeasured)
    stdout, _ = await process.communicate()
    assert stdout.strip() == b"[]"
