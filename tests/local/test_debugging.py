"""Debugging: `breakpoint()` at the terminal, debugpy at a port, one process at a time, no time limits."""

import asyncio
import importlib.util
import json
import os
import pty
import select
import socket
import subprocess
import sys
import time

import pytest

from aiolambda import ConfigurationError
from aiolambda.local import LocalEndpoint
from aiolambda.local.runtime.debugging import Debugger

from ..support.local import (
    PACKAGE_DIRECTORY,
    RAW_RUNTIME,
    becomes_true,
    both_runtimes,
    function,
    is_running,
    running_process,
    serving,
)

HANDLER = """
import sys

def handler(event, context):
    total = 3 * event["id"]
    breakpoint()
    return {"total": total, "remaining": context.get_remaining_time_in_millis()}
"""
PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from aiolambda import LambdaClient
from aiolambda.local import LocalEndpoint, LocalFunction

async def main():
    function = LocalFunction(name="orders", handler="module.handler", root=Path(sys.argv[1]), timeout=0.1)
    endpoint = LocalEndpoint([function], on_log=lambda data: os.write(1, data), debug=True, init_limit=0.1)
    async with endpoint, LambdaClient(
        region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials
    ) as client:
        outputs = await asyncio.gather(*[client.invoke("orders", {"id": number}) for number in (5, 7)])
        print("totals:", *[output.json()["total"] for output in outputs])

asyncio.run(main())
"""


class Terminal:
    """The terminal of a program: it types lines, and reads until a text appears."""

    def __init__(self, command):
        self._master, slave = pty.openpty()
        options = {"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True}
        self.program = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": PACKAGE_DIRECTORY}, **options)
        os.close(slave)
        self._read = ""

    def type(self, line):
        os.write(self._master, f"{line}\n".encode())

    def read_until(self, text):
        limit = time.monotonic() + 60
        while text not in self._read:
            readable, _, _ = select.select([self._master], [], [], limit - time.monotonic())
            assert readable, f"{text!r} did not appear after {self._read!r}"
            try:
                self._read += os.read(self._master, 65_536).decode()
            except OSError:  # the program has ended
                raise AssertionError(f"{text!r} did not appear in {self._read!r}") from None
        before, _, self._read = self._read.partition(text)
        return before

    def close(self):
        self.program.kill()
        self.program.wait()
        os.close(self._master)


@pytest.fixture
def terminal(tmp_path):
    (tmp_path / "module.py").write_text(HANDLER)
    opened = Terminal([sys.executable, "-c", PROGRAM, str(tmp_path)])
    yield opened
    opened.close()


def test_a_breakpoint_is_debugged_at_the_terminal(terminal):
    for _ in range(2):
        terminal.read_until("(Pdb) ")
        terminal.type("p event, total")
        said = terminal.read_until("(Pdb) ")
        assert "({'id': 5}, 15)" in said or "({'id': 7}, 21)" in said
        terminal.type("c")
    assert terminal.read_until("totals: ")
    assert terminal.read_until("\r\n") == "15 21"
    assert terminal.program.wait(30) == 0


@both_runtimes
async def test_no_time_limit_applies(runtime):
    settings = {"runtime": runtime, "timeout": 0.1}
    async with serving(function(**settings), debug=True, init_limit=0.01) as invoke:
        answer = await invoke(payload={"op": "sleep", "seconds": 0.5}, headers={"X-Amz-Log-Type": "Tail"})
        seen = (await invoke(payload={"op": "describe"})).json()
    assert (answer.error, "INIT_REPORT" in answer.log) == (None, False)
    assert 86_000_000 < seen["remaining"] <= 86_400_000


async def test_calls_wait_for_the_one_process():
    async with serving(function("app"), function("other"), debug=True) as invoke:
        answers = await asyncio.gather(*[invoke(name) for name in ("app", "app", "app", "other")])
        pids = {name: invoke.endpoint.runtime_pids(name) for name in ("app", "other")}
    assert [[answer.json()] for answer in answers] == [pids["app"]] * 3 + [pids["other"]]


async def test_calls_beside_events_wait_for_the_one_process():
    async with serving(function(concurrency=1), debug=True) as invoke:
        await invoke(headers={"X-Amz-Invocation-Type": "Event"})
        await invoke.endpoint.wait_idle()
        answers = await asyncio.gather(*[invoke() for _ in range(4)])
    assert [answer.status for answer in answers] == [200] * 4


async def test_another_version_replaces_the_process(tmp_path):
    (tmp_path / "module.py").write_text("import os\ndef handler(event, context):\n    return os.getpid()")
    made = function(handler="module.handler", root=tmp_path, versions={"1": tmp_path})
    async with serving(made, debug=True) as invoke:
        answers = [await invoke(query=query) for query in ("", "?Qualifier=1")]
        pids = invoke.endpoint.runtime_pids("app")
    first, second = (answer.json() for answer in answers)
    assert [second] == pids
    assert not is_running(first)


async def test_a_function_without_concurrency_is_throttled():
    async with serving(function(concurrency=0), debug=True) as invoke:
        assert (await invoke()).status == 429


async def test_close_answers_the_calls_that_wait():
    async with serving(function(), debug=True) as invoke:
        calls = [asyncio.create_task(invoke(payload={"op": "sleep", "seconds": 60})) for _ in range(3)]
        await becomes_true(lambda: invoke.endpoint.runtime_pids("app"))
        await invoke.endpoint.close()
        answers = await asyncio.gather(*calls)
    assert [answer.code for answer in answers] == ["ServiceException"] * 3


async def test_functions_without_a_debugger_have_no_input():
    async with serving(function()) as invoke:
        answer = await invoke(payload={"op": "read input"})
    assert (answer.error, answer.json()) == (None, "")


def test_a_program_without_input_gives_none():
    program = (
        "import os; from aiolambda.local.runtime.debugging import Debugger\n"
        "first = Debugger().stdin; os.close(0); print(first, Debugger().stdin, Debugger(5678).stdin)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "None", "None"]


def test_each_process_has_a_port_until_it_ends():
    debugger = Debugger(5678)
    assert [debugger.take_port() for _ in range(3)] == [5678, 5679, 5680]
    debugger.release_port(5679)
    debugger.release_port(None)
    assert [debugger.take_port() for _ in range(2)] == [5679, 5681]
    assert Debugger().take_port() is None


async def test_a_closed_process_gives_its_port_back(tmp_path):
    debugger = Debugger(5678)
    async with running_process(function(root=tmp_path / "missing"), debugger=debugger):
        assert debugger.take_port() == 5679
    assert debugger.take_port() == 5678


@pytest.mark.parametrize("debug", [None, 0, -1, 65_536, 5678.0, "5678"])
def test_a_wrong_setting_is_refused(debug):
    with pytest.raises(ConfigurationError, match="debug must be True, False, or a port from 1 to 65,535 for debugpy; got"):
        LocalEndpoint(debug=debug)


def test_without_debugpy_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "debugpy", None)
    with pytest.raises(ConfigurationError, match="debugpy, which is not installed; install the package debugpy"):
        LocalEndpoint(debug=5678)
    LocalEndpoint(debug=True)


needs_debugpy = pytest.mark.skipif(importlib.util.find_spec("debugpy") is None, reason="debugpy is not installed")


class DebugClient:
    """As much of the Debug Adapter Protocol as an editor needs to stop at a line."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._sent = 0

    async def send(self, command, **arguments):
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        await self._writer.drain()

    async def wait_for(self, name):
        """The body of an event, or of the response to a command."""
        messages = []
        while True:
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
                message = json.loads(await self._reader.readexactly(int(head.split(b":")[1])))
            except asyncio.IncompleteReadError:
                raise AssertionError(f"the debugger ended the connection before {name}, after {messages}") from None
            messages.append(message)
            assert message.get("success", True), message
            if name in (message.get("event"), message.get("command")):
                return message.get("body")

    async def ask(self, command, **arguments):
        await self.send(command, **arguments)
        return await self.wait_for(command)


async def connect(port):
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)


async def evaluate_at(port, file, line, expression):
    """Attach a debugger, stop at a line of a file, evaluate an expression there, and continue."""
    reader, writer = await connect(port)
    client = DebugClient(reader, writer)
    try:
        await client.ask("initialize", adapterID="test")
        await client.send("attach", connect={"host": "127.0.0.1", "port": port})
        await client.wait_for("initialized")
        await client.ask("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        await client.ask("configurationDone")
        thread = (await client.wait_for("stopped"))["threadId"]
        (frame, *_) = (await client.ask("stackTrace", threadId=thread))["stackFrames"]
        result = (await client.ask("evaluate", expression=expression, frameId=frame["id"]))["result"]
        await client.ask("continue", threadId=thread)
        return result
    finally:
        writer.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@needs_debugpy
async def test_debugpy_stops_at_a_line_of_the_handler(tmp_path):
    file, port, heard = tmp_path / "module.py", free_port(), bytearray()
    file.write_text("def handler(event, context):\n    total = 3 * event['id']\n    return total\n")
    made = function(handler="module.handler", root=tmp_path, timeout=0.1)
    async with serving(made, debug=port, on_log=heard.extend) as invoke, asyncio.timeout(60):
        call = asyncio.create_task(invoke(payload={"id": 5}))
        assert await evaluate_at(port, file, 3, "(event, total)") == "({'id': 5}, 15)"
        answer = await call
        (pid,) = invoke.endpoint.runtime_pids("app")
    assert (answer.error, answer.json()) == (None, 15)
    assert heard.decode().startswith(f"Waiting for a debugger of the function app at 127.0.0.1:{port}\n")
    assert not is_running(pid)


@needs_debugpy
async def test_another_runtime_is_not_started_under_debugpy():
    async with serving(function(runtime=RAW_RUNTIME), debug=free_port()) as invoke:
        assert (await invoke(payload=b"[1]")).body == b"[1]"
