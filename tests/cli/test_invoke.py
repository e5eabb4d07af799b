"""`aiolambda invoke`: the output on each stream, and the exit codes."""

import asyncio
import os
import signal

import pytest

from aiolambda.cli import main

from ..support.cli import environment, environment_for, run, start
from ..support.local import read_soon
from ..support.servers import answer, raw_server, silent


async def test_payload_round_trips_byte_for_byte(endpoint, program, tmp_path):
    payload = b' {"a":  1.0, "b": "\\u00e9"}\n\n'
    (tmp_path / "event.json").write_bytes(payload)
    env = environment_for(endpoint)
    from_file = await run("invoke", "raw", "-f", str(tmp_path / "event.json"), env=env)
    from_stdin = await run("invoke", "raw", "-f", "-", "-o", str(tmp_path / "out"), env=env, stdin=payload)
    from_argument = await program("invoke", "raw", "-p", payload.decode(), env=env)
    for ended in (from_file, from_stdin, from_argument):
        assert (ended.code, ended.stderr) == (0, "")
    assert from_file.stdout == from_argument.stdout == payload
    assert (from_stdin.stdout, (tmp_path / "out").read_bytes()) == (b"", payload)


async def test_output_file_is_replaced_redirect_is_kept(endpoint, program, tmp_path):
    (tmp_path / "out").write_text("older content, which is longer")
    env, arguments = environment_for(endpoint), ("invoke", "app", "-p", '{"op": "nothing"}')
    await program(*arguments, "-o", str(tmp_path / "out"), env=env)
    with (tmp_path / "redirected").open("wb") as file:
        file.write(b"first ")
        file.flush()
        await run(*arguments, env=env, stdout=file.fileno())
    assert (tmp_path / "out").read_text() == "null"
    assert (tmp_path / "redirected").read_text() == "first null"


async def test_log_tail_is_printed_to_stderr_on_request(endpoint, program):
    env = environment_for(endpoint)
    asked, short, silent = [
        await program("invoke", "app", "-p", '{"op": "log"}', *options, env=env)
        for options in (["--log-type", "Tail"], ["--tail"], [])
    ]
    for ended in (asked, short):
        assert ended.stderr.count("START RequestId: ") == 1
        assert "\nprinted\nto stderr\n" in ended.stderr
    assert (silent.code, silent.stderr) == (0, "")


async def test_function_error_is_exit_code_1(endpoint, program):
    ended = await program("invoke", "app", "-p", '{"op": "fail", "text": "no tea"}', env=environment_for(endpoint))
    assert ended.code == 1
    assert b'"errorType": "ValueError"' in ended.stdout
    assert "ValueError: no tea" in ended.stderr
    assert 'local_handlers.py", line' in ended.stderr
    assert "Traceback (most recent call last)" not in ended.stderr


async def test_api_members_are_command_options(endpoint, program):
    env = environment_for(endpoint)
    del env["AWS_ENDPOINT_URL_LAMBDA"], env["AWS_REGION"]
    options = ["--client-context", '{"custom": {"a": 1}}', "--qualifier", "$LATEST", "--tenant-id", "blue"]
    connection = ["--region", endpoint.region, "--endpoint-url", endpoint.url, "--timeout", "10"]
    described = await program("invoke", "app", "-p", '{"op": "describe"}', *options, *connection, env=env)
    dry = await program("invoke", "app", "--invocation-type", "DryRun", *connection, env=env)
    assert described.code == 0
    assert b'"custom": {"a": 1}' in described.stdout
    assert b'"tenant_id": "blue"' in described.stdout
    assert b':app:$LATEST"' in described.stdout
    assert (dry.code, dry.stdout) == (0, b"")
    assert "it did not run" in dry.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "aiolambda help [COMMAND] says more"),
        (["invoke"], "the following arguments are required"),
        (["invoke", "app", "-p", "{}", "-f", "-"], "not allowed with argument"),
        (["invoke", "app", "--timeout", "-1"], "not a number of seconds above 0"),
        (["invoke", "app", "-p", "{not json}"], "is not JSON"),
        (["invoke", "app", "-f", "missing.json"], "cannot read the payload from 'missing.json'"),
        (["invoke", "app", "-o", "missing/file"], "cannot write the response to 'missing/file'"),
        (["invoke", "app", "--client-context", "{"], "is not JSON"),
        (["invoke", "not a name", "--region", "us-east-1"], "function_name"),
        (["invoke", "app"], "no region"),
        (["serve", "hello"], "NAME=FILE_OR_MODULE:FUNCTION"),
        (["serve", "hello=missing.py:handler"], "no file"),
        (["serve", "hello=os:getcwd", "--access-key", "AKIA"], "must be used together"),
        (["serve", "hello=os:getcwd", "--port", "70000"], "port must be a whole number, 0 to 65,535"),
        (["serve", "hello=os:getcwd", "--runtime", "'"], "runtime command"),
    ],
)
def test_invalid_arguments_are_exit_code_2(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert main(arguments) == 2
    stdout, stderr = capsys.readouterr()
    assert (stdout, said in stderr) == ("", True)


async def test_a_refused_invocation_is_exit_code_3(endpoint, program):
    ended = await program("invoke", "nobody", env=environment_for(endpoint))
    wrong_keys = await program("invoke", "app", env=environment_for(endpoint) | {"AWS_SECRET_ACCESS_KEY": "guess"})
    assert (ended.code, wrong_keys.code) == (3, 3)
    assert "Function not found" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_unreachable_endpoint_is_exit_code_3(program, unused_tcp_port):
    env = environment(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    ended = await program("invoke", "app", "--endpoint-url", f"http://127.0.0.1:{unused_tcp_port}", env=env)
    assert (ended.code, ended.stdout) == (3, b"")
    assert "Traceback" not in ended.stderr


async def test_invocation_without_response_is_exit_code_4(endpoint, program):
    arguments = ("invoke", "app", "-p", '{"op": "sleep", "seconds": 1}', "--timeout", "0.5")
    ended = await program(*arguments, env=environment_for(endpoint))
    assert (ended.code, ended.stdout) == (4, b"")
    assert "it may have run" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_idempotent_invocation_is_repeated(program):
    answers = [answer("502 Bad Gateway"), answer(body=b"7"), answer("502 Bad Gateway")]

    async def fails_once(connection):
        while True:
            await connection.read_request()
            await connection.write(answers.pop(0))

    async with raw_server(fails_once) as server:
        env = environment(AWS_ENDPOINT_URL=server.url, AWS_REGION="x-y-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
        repeated = await program("invoke", "app", "-p", "1", "--idempotent", env=env)
        once = await program("invoke", "app", "-p", "1", env=env)
    assert (repeated.code, repeated.stdout, once.code, len(server.requests)) == (0, b"7", 4, 3)


async def test_connect_timeout_bounds_each_attempt(program):
    async with raw_server(silent) as server:
        env = environment(AWS_REGION="x-y-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
        where = server.url.replace("http:", "https:")
        ended = await program("invoke", "f", "-p", "1", "--endpoint-url", where, "--connect-timeout", "0.1", env=env)
    assert ended.code == 3
    assert " within 0.1 s: the server accepted it, but there was no TLS handshake (function 'f', attempt 3, " in ended.stderr


async def test_interrupted_invocation_dies_of_the_signal(endpoint, tmp_path):
    payload = f'{{"op": "sleep", "seconds": 2, "started": "{tmp_path / "pid"}"}}'
    process = await start("invoke", "app", "-p", payload, env=environment_for(endpoint))
    await read_soon(tmp_path / "pid")
    process.send_signal(signal.SIGINT)
    stdout, stderr = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, stdout) == (-signal.SIGINT, b"")
    assert stderr == b"aiolambda: interrupted; functions that were invoked may still run\n"


async def test_closed_stdout_pipe_is_not_an_error(endpoint):
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        payload = '{"op": "big", "size": 1000000}'
        ended = await run("invoke", "app", "-p", payload, env=environment_for(endpoint), stdout=write_end)
        described = await run("invoke", "--help", stdout=write_end)
    finally:
        os.close(write_end)
    assert (ended.code, ended.stderr) == (0, "")
    assert (described.code, described.stderr) == (0, "")
