"""`aiolambda serve` on a terminal: the table of invocations, its colours, and what it leaves behind."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from aiolambda import LambdaClient

from ..support.cli import HANDLERS, environment, start
from ..support.local import becomes_true, is_running
from ..support.terminal import Terminal, terminal
from .test_serve import client_of


@attrs.frozen
class Running:
    process: asyncio.subprocess.Process
    terminal: Terminal
    client: LambdaClient


@asynccontextmanager
async def on_terminal(*options: str, columns: int = 100, rows: int = 30, **variables: str) -> AsyncIterator[Running]:
    """`aiolambda serve` with all its standard streams on a terminal."""
    settings = {"TERM": "xterm-256color", "PYTHONUNBUFFERED": "", "NO_COLOR": "", **variables}
    async with terminal(columns, rows) as opened:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), opened.end)
        arguments = ("serve", "--port", "0", f"hello={HANDLERS}:handler", *options)
        process = await start(*arguments, env=environment(**settings), **streams)
        try:
            await opened.shows(lambda lines: any(line.startswith("aiolambda invoke") for line in lines))
            env = dict(re.findall(r"^export (\w+)=(\S+)", "\n".join(opened.lines), re.MULTILINE))
            async with client_of(env) as client:
                yield Running(process, opened, client)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)


async def test_table_follows_the_invocations(tmp_path: Path) -> None:
    async with on_terminal() as serve:
        shown = serve.terminal
        payload = {"op": "sleep", "seconds": 60, "started": str(tmp_path / "pid")}
        call = asyncio.create_task(serve.client.invoke("hello", payload))
        await shown.shows(lambda lines: re.search(r"hello +RequestResponse +running", "\n".join(lines)))
        output = await serve.client.invoke("hello", {"op": "log"})
        await shown.shows(lambda lines: "1 running, 1 succeeded" in lines)
        lines = shown.lines
        await shown.shows(lambda lines: re.search(r"running +[1-9],[0-9]{3} ms", "\n".join(lines)))
        serve.process.send_signal(signal.SIGTERM)
        await asyncio.gather(call, return_exceptions=True)
        await serve.process.wait()
        await shown.shows(lambda lines: "1 succeeded, 1 stopped" in lines)
    head = next(number for number, line in enumerate(lines) if line.startswith("TIME "))
    assert lines.index("printed") < head, "logs are above"
    assert output.metadata.request_id is not None
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d  hello     RequestResponse  ok +[\d,]+ ms  {output.metadata.request_id[:8]}", lines[head + 1]
    )
    assert [len(lines) - head, sum(line.startswith("TIME ") for line in lines)] == [4, 1]


async def test_interrupt_leaves_a_clean_terminal() -> None:
    async with on_terminal() as serve:
        shown = serve.terminal
        await serve.client.invoke("hello", {"op": "pid"})
        await shown.shows(lambda lines: "1 succeeded" in lines)
        serve.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(serve.process.wait(), 30) == -signal.SIGINT
        await becomes_true(lambda: shown.cursor[0] == 0)
        assert shown.has_the_same_settings
    assert not shown.is_cursor_hidden
    assert shown.lines[-1] == "1 succeeded", "the last table stays"
    assert not shown.line_of_cursor.strip()
    assert b"Traceback" not in shown.written


async def test_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    async with on_terminal() as serve:
        await serve.client.invoke("hello", {"op": "pid"})
        for _ in range(2):
            serve.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(serve.process.wait(), 30) == -signal.SIGINT
    assert b"Traceback" not in serve.terminal.written


async def test_no_color_means_no_colours() -> None:
    for variables, has_colours in (({}, True), ({"NO_COLOR": "1"}, False)):
        async with on_terminal(**variables) as serve:
            await serve.client.invoke("hello", {"op": "pid"})
            await serve.terminal.shows(lambda lines: "1 succeeded" in lines)
            assert (b"\x1b[32mok" in serve.terminal.written) == has_colours
            assert (b"\x1b[0m" in serve.terminal.written) == has_colours


async def test_table_follows_the_size_of_the_terminal() -> None:
    async with on_terminal(columns=100) as serve:
        shown = serve.terminal
        await serve.client.invoke("hello", {"op": "pid"})
        await shown.shows(lambda lines: "1 succeeded" in lines)
        shown.resize(45, 30)
        serve.process.send_signal(signal.SIGWINCH)  # a shell's terminal is the one of its processes, so the kernel sends it
        await shown.shows(lambda lines: any(re.fullmatch("TIME +FUNCTION +STATUS +DURATION", line) for line in lines))
        shown.resize(120, 30)
        serve.process.send_signal(signal.SIGWINCH)
        await shown.shows(lambda lines: any("REQUEST" in line for line in lines) and lines[-1] == "1 succeeded")


async def test_lines_on_a_terminal_on_demand() -> None:
    ended = re.compile(r"^aiolambda: \d\d:\d\d:\d\d hello RequestResponse ok [\d,]+ ms ", re.MULTILINE)
    for options, variables in ((("--lines",), {}), ((), {"TERM": "dumb"})):
        async with on_terminal(*options, **variables) as serve:
            await serve.client.invoke("hello", {"op": "pid"})
            await serve.terminal.shows(lambda lines: ended.search("\n".join(lines)))
            assert b"\x1b" not in serve.terminal.written


async def test_quiet_table_has_no_logs() -> None:
    async with on_terminal("--quiet") as serve:
        await serve.client.invoke("hello", {"op": "log"})
        await serve.terminal.shows(lambda lines: "1 succeeded" in lines)
        assert "printed" not in serve.terminal.lines


async def test_terminal_that_is_stopped_stops_no_invocation() -> None:
    """As after Ctrl-S: the terminal takes no more bytes."""
    async with on_terminal() as serve:
        serve.terminal.stop_reading()
        for _ in range(30):
            await asyncio.wait_for(serve.client.invoke("hello", {"op": "chatter", "size": 10_000}), 30)
        os.kill(serve.process.pid, signal.SIGTERM)
        assert await asyncio.wait_for(serve.process.wait(), 30) == 0


def is_stopped(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "T"  # only Linux has the file


async def test_program_that_goes_on_draws_below() -> None:
    async with on_terminal() as serve:
        shown = serve.terminal
        await serve.client.invoke("hello", {"op": "pid"})
        await shown.shows(lambda lines: "1 succeeded" in lines)
        serve.process.send_signal(signal.SIGSTOP)
        await becomes_true(lambda: is_stopped(serve.process.pid))
        os.write(shown.end, b"\r\nstopped\r\n")
        await shown.shows(lambda lines: lines[-1] == "stopped")
        serve.process.send_signal(signal.SIGCONT)
        await serve.client.invoke("hello", {"op": "pid"})
        await shown.shows(lambda lines: lines[-1] == "2 succeeded")
        assert "stopped" in shown.lines


async def test_killed_program_leaves_no_process_and_a_cursor() -> None:
    async with on_terminal() as serve:
        pid = (await serve.client.invoke("hello", {"op": "pid"})).json()
        await serve.terminal.shows(lambda lines: "1 succeeded" in lines)
        serve.process.kill()
        await serve.process.wait()
        await becomes_true(lambda: not is_running(pid))
        assert serve.terminal.has_the_same_settings
    assert not serve.terminal.is_cursor_hidden


async def test_breakpoint_uses_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "debugged.py").write_text("def handler(event, context):\n    breakpoint()\n    return event\n")
    async with on_terminal(f"debugged={tmp_path}/debugged.py:handler", "--debug", "--timeout", "0.2") as serve:
        call = asyncio.create_task(serve.client.invoke("debugged", {"a": 1}))
        await serve.terminal.shows(lambda lines: any("debugged.py(" in line for line in lines) and "(Pdb)" in lines[-1])
        await asyncio.sleep(0.3)
        assert not call.done(), "there is no time limit"
        serve.terminal.type("event['a'] = 2\ncontinue\n")
        assert (await asyncio.wait_for(call, 30)).json() == {"a": 2}
