"""Ctrl-C while the program starts: it dies of the signal after one line, and never with a traceback.

A `sitecustomize` of the child process knows when the program's first module runs: the interpreter and `site` come before it,
and a signal that comes there is theirs. It counts the calls and returns from then on.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..support import THOROUGH
from ..support.cli import environment
from ..support.local import PACKAGE_DIRECTORY
from ..support.pages import ROOT
from ..support.programs import output_of
from ..support.servers import Connection, raw_server

SITECUSTOMIZE = """
import os, sys

FIRST, AT, STARTED = os.path.join("aiolambda", "__main__.py"), int(os.environ["AT"]), int(os.environ["STARTED"])
events = 0

def count(frame, event, argument):
    global events
    if events or frame.f_code.co_filename.endswith(FIRST):
        events += 1
    if events == AT:
        sys.setprofile(None)
        os.write(STARTED, b".")
        if "PAUSED" not in os.environ:
            os.kill(os.getpid(), 2)

sys.setprofile(count)
"""
MODULE, _, FUNCTION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["aiolambda"].partition(":")
SCRIPT = (sys.executable, "-c", f"import sys\nfrom {MODULE} import {FUNCTION}\nsys.exit({FUNCTION}())")
AS_MODULE = (sys.executable, "-m", "aiolambda")
INVOKE = ("invoke", "f", "-p", "1")
PROGRAMS = {
    "script --version": (*SCRIPT, "--version"),
    "module --version": (*AS_MODULE, "--version"),
    "script invoke": (*SCRIPT, *INVOKE),
}
INTERRUPTED = (-signal.SIGINT, b"", b"aiolambda: interrupted: nothing was sent\n")
HANDLED = 5
"""The event from which on the signal is handled: before it, the first module has made two calls."""
EVENTS = [HANDLED, 100, 10_000, 200_000]
if THOROUGH:
    EVENTS = [*range(HANDLED, 20), *(round(20 * 1.3**power) for power in range(36))]
MILLISECONDS = [0, 40, 150] if not THOROUGH else range(0, 400, 10)


async def started(command: Sequence[str], folder: Path, **variables: str) -> "tuple[asyncio.subprocess.Process, int]":
    """Start a program with the `sitecustomize`. Returns it, and the pipe that says that it has started."""
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    reader, writer = os.pipe()
    place = environment(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s", **variables)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**place, "PYTHONPATH": os.pathsep.join([str(folder), PACKAGE_DIRECTORY]), "STARTED": str(writer)},
            pass_fds=[writer],
        )
    finally:
        os.close(writer)
    return process, reader


async def ended(process: asyncio.subprocess.Process, reader: int) -> tuple[int | None, bytes, bytes]:
    """The exit code, stdout and stderr of a program that has started."""
    try:
        stdout, stderr = await output_of(process, within=30)
        assert os.read(reader, 1) == b"."
    finally:
        os.close(reader)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize("events", EVENTS)
@pytest.mark.parametrize("program", PROGRAMS)
async def test_interrupt_while_modules_load(program: str, events: int, tmp_path: Path) -> None:
    assert await ended(*await started(PROGRAMS[program], tmp_path, AT=str(events))) == INTERRUPTED


async def test_ignored_interrupt_stays_ignored_from_the_start(tmp_path: Path) -> None:
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as `&` in a script does
    code, stdout, stderr = await ended(*await started([*ignoring, *AS_MODULE, "--version"], tmp_path, AT="10000"))
    assert (code, stdout[:10], stderr) == (0, b"aiolambda ", b"")


async def test_interrupt_with_closed_stderr_ends_it_too(tmp_path: Path) -> None:
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh"]
    assert await ended(*await started([*closed, *AS_MODULE, "--version"], tmp_path, AT="10000")) == (-signal.SIGINT, b"", b"")


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
async def test_interrupt_after_a_time(milliseconds: int, tmp_path: Path) -> None:
    """An invocation is interrupted at any time, and a program that ends at once is interrupted, or has ended."""

    async def holds(connection: Connection) -> None:
        await connection.read_request()
        await connection.until_client_closes()

    async with raw_server(holds) as server:
        for program, command in PROGRAMS.items():
            endpoint = {"AWS_ENDPOINT_URL_LAMBDA": server.url}
            process, reader = await started(command, tmp_path, AT=str(HANDLED), PAUSED="", **endpoint)
            await asyncio.get_running_loop().run_in_executor(None, os.read, reader, 1)
            await asyncio.sleep(milliseconds / 1000)
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):  # `send_signal` may take the exit code from asyncio's watcher
                    os.kill(process.pid, signal.SIGINT)
            stdout, stderr = await output_of(process, within=30)
            os.close(reader)
            assert stderr.count(b"\n") <= 1, stderr
            if program.endswith("invoke"):
                assert (process.returncode, stderr.startswith(b"aiolambda: interrupted")) == (-signal.SIGINT, True)
            else:
                assert process.returncode in (0, -signal.SIGINT)
                assert stdout or process.returncode
