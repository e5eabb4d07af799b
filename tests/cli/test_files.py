"""Standard streams that are closed or full change no exit code, and text from others cannot control a terminal."""

import asyncio
import base64
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from aiolambda.cli import main
from aiolambda.cli.files import escape_controls

from ..support.cli import PROGRAM, Ended, Program, environment, start
from ..support.programs import output_of
from ..support.servers import Connection, always, answer, raw_server

EVIL = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202e"
"""A title, a screen that is wiped, a line that is begun again, a colour in 8 bits, and text that runs to the left."""
SHOWN = "\\x1b]0;owned\\x07\\x1b[2J\\x0d\\x9b31m\\u202e"
HANDLER = str(Path(__file__).parents[1] / "support" / "local_handlers.py")


async def failing(connection: Connection) -> None:
    """A function that fails with a text that is written for a terminal, and logs it."""
    body = json.dumps({"errorType": EVIL, "errorMessage": EVIL, "stackTrace": [EVIL]}, ensure_ascii=False).encode()
    log = base64.b64encode(f"first\n\t{EVIL}\nlast\n".encode()).decode()
    headers = f"X-Amz-Function-Error: Unhandled\r\nX-Amz-Log-Result: {log}\r\n"
    while True:
        await connection.read_request()
        await connection.write(answer(headers=headers, body=body))


async def shell(redirection: str, *arguments: str, stdin: bytes = b"", **variables: str) -> Ended:
    """A command with a redirection of the shell."""
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f'exec "$@" {redirection}',
        "sh",
        *PROGRAM,
        *arguments,
        env=environment(**variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await output_of(process, within=60, stdin=stdin)
    return Ended(process.returncode, stdout, stderr.decode())


KEYS = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
REDIRECTIONS = [">&-", "2>&-", "2>/dev/full", ">/dev/full"]


@pytest.mark.parametrize("redirection", REDIRECTIONS)
async def test_exit_code_changes_only_if_a_result_is_lost(redirection: str) -> None:
    async with raw_server(failing) as server:
        env = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        invoked, mapped, refused = await asyncio.gather(
            shell(redirection, "invoke", "f", "-p", "1", "--tail", **env),
            shell(redirection, "map", "f", "-f", "-", stdin=b"1\n2\n", **env),
            shell(redirection, "invoke", "f", "-p", "{no json", **env),
        )
        executed = len(server.requests)
    is_lost = redirection == ">/dev/full"
    if redirection == ">&-":  # known before anything is sent
        assert (invoked.code, mapped.code, refused.code, executed) == (2, 2, 2, 0)
        assert all(
            ended.stderr.startswith("aiolambda: cannot write to standard output: it is closed") for ended in (invoked, mapped)
        )
        return
    assert (invoked.code, mapped.code, refused.code) == ((4, 4, 2) if is_lost else (1, 1, 2))
    assert executed in ((2, 3) if is_lost else (3,))  # once a result is lost, nothing more is sent
    for ended in (invoked, mapped, refused):
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr
    assert refused.stdout == b""
    if is_lost:
        assert "cannot be written: No space left on device" in invoked.stderr
        assert "may have run, and standard output cannot be written: No space left on device" in mapped.stderr
    else:
        assert b'"errorType"' in invoked.stdout
        assert len(mapped.stdout.splitlines()) == 2
        assert not any(b"aiolambda:" in ended.stdout for ended in (invoked, mapped))


async def test_closed_stdout_is_no_error_without_an_answer_for_it(tmp_path: Path) -> None:
    async with raw_server(always(answer("202 Accepted"))) as server:
        env = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        queued, streamed = await asyncio.gather(
            shell(">&-", "invoke", "f", "-p", "1", "--invocation-type", "Event", **env),
            shell(">&-", "invoke", "f", "-p", "1", "--stream", **env),
        )
    assert (queued.code, streamed.code, len(server.requests)) == (0, 2, 1)
    assert "accepted: Lambda has queued the event" in queued.stderr


@pytest.mark.parametrize("redirection", REDIRECTIONS)
async def test_doctor_and_help_survive_unwritable_streams(redirection: str) -> None:
    nowhere = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9"}
    doctor, helped = await asyncio.gather(
        shell(redirection, "doctor", "--timeout", "2", **nowhere), shell(redirection, "map", "--help")
    )
    is_lost = redirection == ">/dev/full"
    assert (doctor.code, helped.code) == ((2, 2) if is_lost else (3, 0))
    for ended in (doctor, helped):
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr
    if is_lost:
        assert doctor.stderr == helped.stderr == "aiolambda: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("redirection", REDIRECTIONS)
async def test_usage_error_survives_unwritable_streams(redirection: str) -> None:
    ended = await shell(redirection, "invoke", "f", "--no-such-option")
    assert (ended.code, ended.stdout) == (2, b"")
    if redirection.startswith("2"):
        assert ended.stderr == ""
    else:
        assert ended.stderr.endswith("error: unknown option --no-such-option\n")


async def is_listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.mark.parametrize("redirection", ["2>/dev/full", ">&- 2>&- <&-"])
async def test_serve_runs_with_unwritable_streams(redirection: str, program: Program, unused_tcp_port: int) -> None:
    arguments = ("serve", "--port", str(unused_tcp_port), "--no-verify", f"app={HANDLER}:handler")
    command = ("sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, *arguments)
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stdout=nowhere, stderr=nowhere)
    place = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{unused_tcp_port}"}
    try:
        async with asyncio.timeout(60):
            while not await is_listening(unused_tcp_port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
            ended = await program("invoke", "app", "-p", '{"op": "log"}', env=place)
            assert ended.code == 0, ended.stderr
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_serve_and_demo_report_full_stdout() -> None:
    served, shown = await asyncio.gather(
        shell(">/dev/full", "serve", "--port", "0", f"app={HANDLER}:handler"), shell(">/dev/full", "demo")
    )
    assert (served.code, shown.code) == (2, 2)
    for ended in (served, shown):
        assert ended.stderr == "aiolambda: cannot write to standard output: No space left on device\n"


async def test_closed_stdin_is_not_an_empty_payload() -> None:
    async with raw_server(failing) as server:
        env = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        for arguments in (("invoke", "f", "-f", "-"), ("map", "f", "-f", "-")):
            ended = await shell("<&-", *arguments, **env)
            assert ended.code == 2
            assert ended.stderr.startswith("aiolambda: cannot read standard input: it is closed")
        assert not server.requests


async def test_result_file_never_becomes_stdout(tmp_path: Path) -> None:
    """Otherwise a result file would get the number of the closed stdout, and mix with printed text."""
    (tmp_path / "items").write_text("1\n2\n")
    async with raw_server(failing) as server:
        env = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        out = str(tmp_path / "out")
        ended = await shell("<&- >&- 2>&-", "map", "f", "-f", str(tmp_path / "items"), "-o", out, "--failed", out + "2", **env)
    assert ended.code == 1
    assert len([json.loads(line) for line in Path(out).read_text().splitlines()]) == 2
    assert sorted(Path(out + "2").read_text().split()) == ["1", "2"]


# --- texts of others -------------------------------------------------------------------------------------------------


async def test_function_output_cannot_control_the_terminal(program: Program, tmp_path: Path) -> None:
    (tmp_path / "items").write_text("1\n")
    async with raw_server(failing) as server:
        env = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        invoked = await program("invoke", "f", "--tail", "-p", "1", env=env)
        mapped = await program("map", "f", "-f", str(tmp_path / "items"), env=env)
    assert invoked.stderr.startswith(
        f"first\n\t{SHOWN}\nlast\naiolambda: the function failed (Unhandled) with {SHOWN}: {SHOWN}"
    )
    assert "\x9b31m\u202e".encode() in invoked.stdout  # the payload is unchanged
    for text in (invoked.stderr, mapped.stderr, mapped.stdout.decode()):
        assert not [character for character in text if not character.isprintable() and character not in "\n\t"]


@pytest.mark.parametrize("arguments", [("invoke", "f", "-p", "1"), ("doctor", "--function", "f", "--timeout", "5")])
async def test_server_text_cannot_control_the_terminal(arguments: tuple[str, ...], program: Program) -> None:
    async def refuse(connection: Connection) -> None:
        body = json.dumps({"Message": EVIL}).encode()
        while True:
            await connection.read_request()
            await connection.write(answer("403 Forbidden", "x-amzn-errortype: AccessDeniedException\r\n", body))

    async with raw_server(refuse) as server:
        ended = await program(*arguments, env=KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url})
    text = ended.stdout.decode() + ended.stderr
    assert SHOWN in text
    assert not [character for character in text if not character.isprintable() and character != "\n"]


def test_control_characters_are_escaped() -> None:
    for code in range(0x3000):
        character = chr(code)
        is_plain = character in "\t\n" or not (code < 0x20 or 0x7F <= code < 0xA0)
        steers_text = code in (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
        assert (character in escape_controls(character)) is (is_plain and not steers_text)
    assert escape_controls("é 日本\u200d") == "é 日本\u200d"


# --- bytes that are no text ------------------------------------------------------------------------------------------

NO_TEXT = os.fsdecode(b"\xff")


@pytest.mark.parametrize(
    "arguments",
    [
        ["invoke", "f", "-p", f'"{NO_TEXT}"'],
        ["invoke", NO_TEXT],
        ["invoke", "f", "--client-context", NO_TEXT],
        ["invoke", "f", "--qualifier", NO_TEXT],
        ["invoke", "f", "--tenant-id", NO_TEXT],
        ["invoke", "f", "--durable-execution-name", NO_TEXT],
        ["invoke", "f", "--region", NO_TEXT],
        ["invoke", "f", "--profile", NO_TEXT],
        ["invoke", "f", "--endpoint-url", NO_TEXT],
        ["invoke", "f", "--timeout", NO_TEXT],
        ["invoke", "f", "--invocation-type", NO_TEXT],
        ["map", NO_TEXT, "-f", "-"],
        ["map", "f", "-f", "-", "--tenant-id", NO_TEXT],
        ["map", "f", "-f", "-", "--concurrency", NO_TEXT],
        ["doctor", "--function", NO_TEXT],
        ["doctor", "--region", NO_TEXT],
        ["serve", f"{NO_TEXT}=os:getcwd"],
        ["serve", f"f=os:{NO_TEXT}"],
        ["serve", f"f={NO_TEXT}.py:handler"],
        ["serve", "f=os:getcwd", "--access-key", NO_TEXT, "--secret-key", NO_TEXT],
        ["serve", "f=os:getcwd", "--region", NO_TEXT],
        ["serve", "f=os:getcwd", "--runtime", NO_TEXT],
        [NO_TEXT],
    ],
)
def test_non_utf8_argument_is_a_usage_error(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    assert capsys.readouterr().out == ""


async def test_non_utf8_argument_is_not_printed() -> None:
    process = await start("invoke", "f", "-p", os.fsdecode(b'"secret \xff"'), env=environment(**KEYS))
    stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, stdout) == (2, b"")
    assert stderr.endswith(b"error: argument -p/--payload: the value contains bytes that are not UTF-8\n")
    assert b"secret" not in stderr
    process = await start("invoke", "f", f"--{NO_TEXT}", env=environment(**KEYS))
    _, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, b"Traceback" in stderr) == (2, False)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
async def test_file_names_may_be_non_utf8(program: Program, tmp_path: Path) -> None:
    items, out, failed, journal, summary = (str(tmp_path / f"{name}{NO_TEXT}") for name in "abcde")
    Path(items).write_text("1\n2\n")
    async with raw_server(failing) as server:
        env = KEYS | {"AWS_ENDPOINT_URL_LAMBDA": server.url}
        files = ("-f", items, "-o", out, "--failed", failed, "--journal", journal, "--summary-file", summary)
        mapped = await shell("", "map", "f", *files, **env)
        invoked = await program("invoke", "f", "-f", summary, "-o", failed, env=env)
        missing = await program("invoke", "f", "-f", items + "x", env=env)
    assert (mapped.code, invoked.code, missing.code) == (1, 1, 2), mapped.stderr
    assert all(Path(path).stat().st_size for path in (out, failed, journal, summary))
    assert "\\udcff" in missing.stderr
