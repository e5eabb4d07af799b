"""`aiolambda map` and a signal: no more items are sent, each result is written and journalled, and it dies of the signal."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda.cli.interrupts import sigterm_as_interrupt
from aiolambda.fanout.journal_reader import JournalReader

from ..support.cli import environment, start
from ..support.servers import Connection, answer, raw_server

SIGNALS = [signal.SIGINT, signal.SIGTERM]
Answer = Callable[[bytes], Awaitable[bytes]]


@attrs.define(eq=False)
class Server:
    """Executes each request, responds to the first `prompt` at once, and to the others after `released`."""

    prompt: int = 0
    executed: Counter[bytes] = attrs.field(factory=Counter[bytes])
    released: asyncio.Event = attrs.field(factory=asyncio.Event)
    changed: asyncio.Condition = attrs.field(factory=asyncio.Condition)
    answers: Answer | None = None

    async def __call__(self, connection: Connection) -> None:
        while True:
            _, body = await connection.read_request()
            self.executed[body] += 1
            number = self.executed.total()
            async with self.changed:
                self.changed.notify_all()
            if number > self.prompt:
                await self.released.wait()
            await connection.write(answer(body=body) if self.answers is None else await self.answers(body))

    async def until(self, executed: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: self.executed.total() >= executed)


@contextlib.asynccontextmanager
async def mapping(
    folder: Path, server: Server, *options: str, env: dict[str, str] | None = None, **settings: Any
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`aiolambda map` of 200 lines against the server, with a journal."""
    (folder / "items").write_text("".join(f"{number}\n" for number in range(200)))
    async with raw_server(server) as listening:
        keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"} if env is None else env
        place = environment(AWS_ENDPOINT_URL_LAMBDA=listening.url, AWS_REGION="us-east-1", **keys)
        arguments = ["f", "--journal", "run.db", "--concurrency", "5", *(options or ("-f", "items"))]
        process = await start("map", *arguments, env=place, cwd=folder, **settings)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def said(process: asyncio.subprocess.Process, text: bytes) -> None:
    """Wait until the program says so."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while text not in (line := await process.stderr.readline()):
            assert line, f"it ended before it said {text!r}"


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, list[Any], str]:
    stdout, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert b"Traceback" not in stderr, stderr
    return process.returncode, [json.loads(line) for line in (stdout or b"").splitlines()], stderr.decode()


def journalled(folder: Path) -> Counter[str]:
    """The items of the journal: claimed, started or done."""
    with JournalReader(folder / "run.db") as journal:
        return Counter("done" if item.state.is_done else item.state.name.lower() for item in journal.items())


@pytest.mark.parametrize("number", SIGNALS)
async def test_signal_writes_and_journals_results_in_flight(number: signal.Signals, tmp_path: Path) -> None:
    server = Server(prompt=15)
    async with mapping(tmp_path, server) as process:
        await server.until(20)  # 15 are done, 5 in flight
        process.send_signal(number)
        await said(process, b"interrupted: sending no more items")
        server.released.set()
        code, lines, stderr = await ended(process)
    executed = [line for line in lines if line["delivery"] == "executed"]
    assert code == -number
    assert server.executed.total() == len(executed) == journalled(tmp_path)["done"] == 20
    assert all(line["ok"] for line in executed)
    assert {line["delivery"] for line in lines} <= {"executed", "not_delivered"}
    assert "stopped by signal" in stderr
    again = Server(prompt=10**6)
    async with mapping(tmp_path, again) as process:
        code, lines, _ = await ended(process)
    assert (code, len(lines), all(line["ok"] for line in lines)) == (0, 200, True)
    assert set((server.executed + again.executed).values()) == {1}


async def test_signal_before_the_first_item_sends_none(tmp_path: Path) -> None:
    """The signal comes while keys are fetched."""
    server, asked, told = Server(prompt=10**6), asyncio.Event(), asyncio.Event()
    keys = b'{"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}'

    async def give_keys(connection: Connection) -> None:
        await connection.read_request()
        asked.set()
        await told.wait()
        await connection.write(answer(headers="Content-Type: application/json\r\n", body=keys))

    async with raw_server(give_keys) as agent:
        env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.url}
        async with mapping(tmp_path, server, env=env) as process:
            await asyncio.wait_for(asked.wait(), 30)
            process.send_signal(signal.SIGTERM)
            await said(process, b"interrupted: ")
            told.set()
            code, lines, _ = await ended(process)
    assert (code, server.executed.total()) == (-signal.SIGTERM, 0)
    assert {line["delivery"] for line in lines} <= {"not_delivered"}
    assert set(journalled(tmp_path)) <= {"claimed"}


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_while_a_command_loads(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object) -> object:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal came late")

    module = import_module("aiolambda.cli.program")
    monkeypatch.setattr(module, "import_module", load)
    assert module.main(["serve", "x=y:z"]) == 128 + number
    assert capsys.readouterr().err == "aiolambda: interrupted: nothing was sent\n"


def test_sigterm_raises_keyboard_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt() as received:
        assert received.code == 130
        signal.raise_signal(signal.SIGTERM)
    assert received.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
        with sigterm_as_interrupt():
            patch.undo()
            assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("status", "headers", "said_of_it"),
    [
        ("502 Bad Gateway", "x-amzn-errortype: ResourceNotReadyException\r\nRetry-After: 30\r\n", "ResourceNotReadyException"),
        (
            "429 Too Many Requests",
            "x-amzn-errortype: TooManyRequestsException\r\nRetry-After: 300\r\n",
            "TooManyRequestsException",
        ),
    ],
    ids=["back-off", "throttle"],
)
async def test_signal_leaves_waiting_retries_to_the_next_run(
    status: str, headers: str, said_of_it: str, tmp_path: Path
) -> None:
    async def refuse(body: bytes) -> bytes:
        return answer(status, headers)

    server, again = Server(prompt=10**6, answers=refuse), Server(prompt=10**6)
    async with mapping(tmp_path, server, "-f", "-", stdin=asyncio.subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"1\n2\n")
        await server.until(2)
        await asyncio.sleep(0.3)  # until the responses arrive; the test also holds if they have not
        process.send_signal(signal.SIGTERM)
        code, lines, stderr = await ended(process)
    assert (code, server.executed.total()) == (-signal.SIGTERM, 2)
    assert ("2 items were not sent" in stderr) is (said_of_it == "TooManyRequestsException")
    assert [line["delivery"] for line in lines] == ["refused"] * 2
    assert {line["error"]["code"] for line in lines} == {said_of_it}
    assert journalled(tmp_path) == {"claimed": 2}
    async with mapping(tmp_path, again, "-f", "-", stdin=asyncio.subprocess.PIPE) as process:
        stdout, _ = await asyncio.wait_for(process.communicate(b"1\n2\n"), 30)
    assert (process.returncode, again.executed) == (0, {b"1": 1, b"2": 1})
    assert all(json.loads(line)["ok"] for line in stdout.splitlines())


async def test_signal_ends_a_map_with_silent_input(tmp_path: Path) -> None:
    server = Server(prompt=10**6)
    async with mapping(tmp_path, server, "-f", "-", stdin=asyncio.subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"1\n2\n3")
        first = [await process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        code, lines, _ = await ended(process)
    assert (code, lines, server.executed) == (-signal.SIGINT, [], {b"1": 1, b"2": 1})
    assert sorted(json.loads(line)["payload"] for line in first) == [1, 2]
    assert journalled(tmp_path) == {"done": 2}


@pytest.mark.parametrize("is_signalled", [True, False])
async def test_unread_results_are_journalled(is_signalled: bool, tmp_path: Path) -> None:
    server = Server(prompt=1)
    reader, writer = os.pipe()
    try:
        async with mapping(tmp_path, server, "-f", "items", "--failed", "failed", stdout=writer) as process:
            await server.until(6)
            os.close(reader)
            if is_signalled:
                process.send_signal(signal.SIGINT)
                await said(process, b"interrupted")
            server.released.set()
            code, _, _ = await ended(process)
    finally:
        os.close(writer)
    assert code == (-signal.SIGINT if is_signalled else 0)
    assert server.executed.total() == journalled(tmp_path)["done"]
    assert not journalled(tmp_path)["started"]


async def test_second_signal_cuts_calls_in_flight(tmp_path: Path) -> None:
    server = Server(prompt=3)
    async with mapping(tmp_path, server) as process:
        await server.until(8)
        process.send_signal(signal.SIGINT)
        await said(process, b"a second signal aborts them")
        process.send_signal(signal.SIGTERM)
        code, lines, _ = await ended(process)
    verdicts = Counter(line["delivery"] for line in lines)
    assert (code, verdicts["executed"], verdicts["unknown"], server.executed.total()) == (-signal.SIGINT, 3, 5, 8)
    assert (journalled(tmp_path)["done"], journalled(tmp_path)["started"]) == (3, 5)


async def test_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    server = Server(prompt=3)
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as `&` in a script does
    async with mapping(tmp_path, server, "-f", "-", stdin=asyncio.subprocess.PIPE, within=ignoring) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join(b"%d\n" % number for number in range(8)))
        process.stdin.close()
        await server.until(8)
        process.send_signal(signal.SIGINT)
        server.released.set()
        code, lines, _ = await ended(process)
    assert (code, len(lines)) == (0, 8)


async def test_sigterm_interrupts_an_invocation() -> None:
    server = Server()
    async with raw_server(server) as listening:
        place = {"AWS_ENDPOINT_URL_LAMBDA": listening.url, "AWS_REGION": "us-east-1"}
        env = environment(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s", **place)
        process = await start("invoke", "f", "-p", "1", env=env)
        await server.until(1)
        process.send_signal(signal.SIGTERM)
        code, _, stderr = await ended(process)
    assert (code, stderr) == (-signal.SIGTERM, "aiolambda: interrupted; functions that were invoked may still run\n")


@pytest.mark.parametrize("command", [["invoke", "f", "-p", "1"], ["map", "f", "-f", "-"]], ids=["invoke", "map"])
async def test_interrupt_stops_a_loop_of_the_shell(command: list[str]) -> None:
    """A shell goes on with its loop unless the program died of the signal."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    server = Server()
    async with raw_server(server) as listening:
        place = {"AWS_ENDPOINT_URL_LAMBDA": listening.url, "AWS_REGION": "us-east-1"}
        env = environment(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s", **place)
        loop = ["bash", "-c", 'for i in 1 2 3; do echo 1 | "$@"; done; echo "the loop ended"', "bash"]
        process = await start(*command, env=env, within=loop, start_new_session=True)
        try:
            await server.until(1)
            os.killpg(process.pid, signal.SIGINT)
            if command[0] == "map":  # which waits for the item in flight
                await said(process, b"interrupted: sending no more items")
                server.released.set()
            stdout, stderr = await asyncio.wait_for(process.communicate(), 30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    assert (process.returncode, server.executed.total()) == (-signal.SIGINT, 1), stderr
    assert b"the loop ended" not in stdout


async def test_interrupted_doctor_says_that_nothing_was_invoked() -> None:
    server = Server()
    async with raw_server(server) as listening:
        env = environment(AWS_ENDPOINT_URL_LAMBDA=listening.url, AWS_REGION="us-east-1")
        process = await start("doctor", env=env)
        await server.until(1)
        process.send_signal(signal.SIGINT)
        code, _, stderr = await ended(process)
    assert (code, stderr) == (-signal.SIGINT, "aiolambda: interrupted; no function was invoked\n")


WITH_PROCESSES = ("-f", "items", "--processes", "2")


async def test_processes_map_each_line_once(tmp_path: Path) -> None:
    server = Server(prompt=10**6)
    async with mapping(tmp_path, server, *WITH_PROCESSES) as process:
        code, lines, _ = await ended(process)
    assert (code, len(lines), all(line["ok"] for line in lines)) == (0, 200, True)
    assert set(server.executed.values()) == {1}


@pytest.mark.parametrize("number", SIGNALS)
async def test_signal_to_the_group_of_a_map_with_processes(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C reaches the workers too. They finish what they have begun, as one process does."""
    server = Server(prompt=15)
    async with mapping(tmp_path, server, *WITH_PROCESSES, start_new_session=True) as process:
        await server.until(20)
        os.killpg(process.pid, number)
        await said(process, b"interrupted: sending no more items")
        server.released.set()
        code, lines, stderr = await ended(process)
    assert code == -number
    executed = [line for line in lines if line["delivery"] == "executed"]
    assert server.executed.total() == len(executed) == journalled(tmp_path)["done"] == 20
    assert {line["delivery"] for line in lines} <= {"executed", "not_delivered"}
    assert "stopped by signal" in stderr
    again = Server(prompt=10**6)
    async with mapping(tmp_path, again, *WITH_PROCESSES) as process:
        code, lines, _ = await ended(process)
    assert (code, len(lines), all(line["ok"] for line in lines)) == (0, 200, True)
    assert set((server.executed + again.executed).values()) == {1}


async def test_second_signal_cuts_the_calls_of_processes(tmp_path: Path) -> None:
    server = Server(prompt=15)
    async with mapping(tmp_path, server, *WITH_PROCESSES) as process:
        await server.until(20)
        process.send_signal(signal.SIGINT)
        await said(process, b"interrupted: sending no more items")
        process.send_signal(signal.SIGINT)
        code, lines, _ = await ended(process)
    assert code == -signal.SIGINT
    assert Counter(line["delivery"] for line in lines)["unknown"] == 5
    assert server.executed.total() == 20


async def test_too_many_processes_are_a_usage_error(tmp_path: Path) -> None:
    server = Server()
    async with mapping(tmp_path, server, "-f", "items", "--processes", "65") as process:
        code, lines, stderr = await ended(process)
    assert (code, lines) == (2, [])
    assert "--processes must be a whole number from 1 to 64; got 65" in stderr
