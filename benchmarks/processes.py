"""The processes of a measurement, seen from the measuring one: drivers, each with one client, and the server.

Owns starting, asking and ending them. Must not know the measurement.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from benchmarks.environments import CACHE, HERE, NODE, ROOT, environment, node_environment

FOLDER = ROOT / "benchmarks"
LIMIT = 120.0
"""Seconds that an answer may take. A measurement takes a few."""
COUNTED_LIMIT = 600.0
"""Seconds that a process may take under a tool that counts, which slows it by up to a hundred."""


class DriverError(Exception):
    """A driver has ended, hangs, or says that an order failed."""


@attrs.frozen
class Driver:
    """A process that takes orders, one JSON object a line, and answers each with one. `greeting` was its first line."""

    name: str
    greeting: Any
    process: asyncio.subprocess.Process

    async def order(self, order: str, **words: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"order": order, **words}).encode() + b"\n")
        try:
            async with asyncio.timeout(LIMIT):
                line = await self.process.stdout.readline()
        except TimeoutError as error:
            self.process.kill()
            raise DriverError(f"{self.name} has not answered to {order!r} for {LIMIT:.0f} s") from error
        if not line:
            raise DriverError(f"{self.name} has ended")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise DriverError(f"{self.name}: {answer['error']}")
        return answer


@asynccontextmanager
async def running(name: str, command: list[str], env: dict[str, str] | None = None) -> AsyncGenerator[Driver]:
    """A process that greets in its first line, and ends with its standard input."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**24, env=env
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not (greeting := await process.stdout.readline()):
            raise DriverError(f"{name} ended before its greeting")
        yield Driver(name, json.loads(greeting), process)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def clean_environment(**more: str) -> dict[str, str]:
    """The variables of this process without those of AWS, and with no file or service to find others in.

    Nor with the one that keeps Python from storing what it compiled: this client, which no installer compiled, would be
    compiled again in every process, and its peers would not.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    clean.pop("PYTHONDONTWRITEBYTECODE", None)
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    return {**clean, **nothing, **more}


def command_of(name: str, script: str, folder: Path = CACHE, tree: Path = ROOT) -> tuple[list[str], dict[str, str]]:
    """How a script of this folder is run for a peer: the command, and the variables to add. May raise `UnavailableError`.

    `tree` is the checkout from which this project's client is taken. All else is of this one.
    """
    if name == NODE:
        node, modules = node_environment(folder)
        return [node, "--expose-gc", str(FOLDER / f"{script}.cjs")], {"NODE_PATH": str(modules), "NODE_NO_WARNINGS": "1"}
    path = str(tree.resolve()) if name in HERE else ""
    return [environment(name, folder), str(FOLDER / f"{script}.py"), name], {"PYTHONPATH": path}


@asynccontextmanager
async def started(
    name: str,
    folder: Path = CACHE,
    *,
    ca: str | None = None,
    loop: str = "asyncio",
    watched: bool = False,
    tree: Path = ROOT,
) -> AsyncGenerator[Driver]:
    """A driver with one peer. `watched`: its loop times every one of its turns."""
    command, more = command_of(name, "driver", folder, tree)
    trust = {"SSL_CERT_FILE": ca, "NODE_EXTRA_CA_CERTS": ca} if ca else {}
    flags = [] if name == NODE else ["--loop", loop, *(["--watched"] if watched else [])]
    async with running(name, [*command, *flags], clean_environment(**more, **trust)) as driver:
        yield driver


@attrs.frozen
class Server:
    """The answering server: `http` and `https` are its addresses, `ca` the file of the authority of its certificate."""

    http: str
    https: str
    ca: str
    control: Driver

    def url(self, scheme: str) -> str:
        return self.https if scheme == "https" else self.http


@asynccontextmanager
async def serving() -> AsyncGenerator[Server]:
    import trustme

    with TemporaryDirectory() as folder:
        authority = trustme.CA()
        ca, chain = Path(folder) / "ca.pem", Path(folder) / "server.pem"
        authority.cert_pem.write_to_path(ca)
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
        async with running("the server", [sys.executable, str(FOLDER / "server.py"), str(chain)]) as control:
            ports = control.greeting
            http, https = f"http://127.0.0.1:{ports['http']}", f"https://127.0.0.1:{ports['https']}"
            yield Server(http, https, str(ca), control)


@attrs.frozen
class Steady:
    """The warm calls that a tool counts: see `steady.py`."""

    peer: str
    scheme: str
    loop: str = "asyncio"
    in_flight: int = 10
    calls: int = 100
    tree: Path = ROOT

    @property
    def counted(self) -> int:
        """The calls that the second part has more than the first."""
        return 2 * self.calls


async def counted(tool: list[str], steady: Steady, folder: Path = CACHE) -> None:
    """Run those calls under a tool, with a server of their own that the tool does not see. The tool writes files.

    Raises `DriverError` with the last line that the process wrote.
    """
    command, more = command_of(steady.peer, "steady", folder, steady.tree)
    numbers = ["--loop", steady.loop, "--in-flight", str(steady.in_flight), "--calls", str(steady.calls)]
    env = clean_environment(PYTHONHASHSEED="0", **more)
    async with serving() as server:
        words = [*tool, *command, server.url(steady.scheme), "--ca", server.ca, *numbers]
        process = await asyncio.create_subprocess_exec(*words, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        saying = asyncio.create_task(process.communicate())
        try:
            async with asyncio.timeout(COUNTED_LIMIT):
                while not saying.done() and await server.control.order("held") < steady.in_flight:
                    await asyncio.sleep(0.05)
                await server.control.order("release")
                _, said = await saying
        except TimeoutError as error:
            raise DriverError(f"{steady.peer} has not ended within {COUNTED_LIMIT:.0f} s") from error
        finally:
            if process.returncode is None:
                process.kill()
            await asyncio.wait([saying])
    if process.returncode:
        raise DriverError(f"{steady.peer} under {tool[0]}: {(said.decode().strip() or 'no word').splitlines()[-1]}")
