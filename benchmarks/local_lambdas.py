"""The local Lambdas that are compared, each in processes of its own, with the same handler.

Owns their start, their settings and their end. Must not know the measurement.
"""

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import attrs

from benchmarks.environments import OURS, ROOT, UnavailableError, emulator_binary, offline_command
from benchmarks.processes import FOLDER, Driver, clean_environment, running

START_LIMIT = 60.0
"""Seconds that a server may take to listen. serverless-offline takes five on a quiet machine."""
AWS_RUNTIME = "aiolambda with awslambdaric"
UVLOOP = "aiolambda on uvloop"
EMULATOR = "RIE"
OFFLINE = "serverless-offline"
OFFLINE_NODE = "serverless-offline with Node"
OTHERS = (UVLOOP, AWS_RUNTIME, EMULATOR, OFFLINE, OFFLINE_NODE)

HANDLERS = {
    "bench.py": "import time\n\ndef handler(event, context):\n    {python}\n    return event\n",
    "benchnode.cjs": "module.exports.handler = async (event) => {{ {node}; return event }}\n",
    "serverless.yml": """\
service: bench
provider: {{name: aws, runtime: python3.11, region: us-east-1}}
plugins: [serverless-offline]
functions:
  python: {{name: bench, handler: bench.handler}}
  node: {{name: benchnode, handler: benchnode.handler, runtime: nodejs22.x}}
""",
}
"""The files of the handlers: they return the event, after a pause if there is one."""


@attrs.frozen
class Served:
    """A local Lambda that serves. `pid` is its own process, and all descendants of that one are its runtimes."""

    url: str
    pid: int
    function: str = "bench"
    most: int | None = None
    """The calls in flight that it can take; `None` is no limit."""
    control: Driver | None = None
    """Takes marks, for a tool that counts."""


def write_handlers(folder: Path, pause: float) -> None:
    """`pause` is in seconds."""
    python = f"time.sleep({pause})" if pause else "pass"
    node = f"await new Promise((end) => setTimeout(end, {pause * 1000:g}))" if pause else ""
    for name, text in HANDLERS.items():
        (folder / name).write_text(text.format(python=python, node=node))


@asynccontextmanager
async def endpoint(
    folder: Path, processes: int, tree: Path = ROOT, *, runtime: str = "", loop: str = "asyncio", tool: Sequence[str] = ()
) -> AsyncGenerator[Served]:
    """This project's endpoint, of the checkout `tree`, under a tool that counts if one is given."""
    flags = [str(folder), "--processes", str(processes), "--runtime", runtime, "--loop", loop]
    env = clean_environment(PYTHONPATH=str(tree.resolve()), PYTHONHASHSEED="0")
    async with running(OURS, [*tool, sys.executable, str(FOLDER / "endpoint.py"), *flags], env) as driver:
        yield Served(driver.greeting, driver.process.pid, control=driver)


@asynccontextmanager
async def emulator(folder: Path, environments: Path) -> AsyncGenerator[Served]:
    """AWS's Runtime Interface Emulator. A second call in flight would end it."""
    port, runtime_port = free_ports(2)
    flags = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{runtime_port}"]
    command = [emulator_binary(environments), *flags, *_aws_runtime(), "bench.handler"]
    async with _listening(command, folder, port, clean_environment(AWS_LAMBDA_FUNCTION_TIMEOUT="60")) as pid:
        yield Served(f"http://127.0.0.1:{port}", pid, "function", most=1)


@asynccontextmanager
async def offline(folder: Path, environments: Path, function: str) -> AsyncGenerator[Served]:
    """serverless-offline on `osls`, the open fork of the Serverless Framework, which needs no account."""
    command, modules = offline_command(environments)
    (folder / "node_modules").symlink_to(modules)
    port, http_port = free_ports(2)
    flags = ["offline", "--lambdaPort", str(port), "--httpPort", str(http_port), "--terminateIdleLambdaTime", "600"]
    quiet = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "CI": "1"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it starts `python3`
    async with _listening([*command, *flags], folder, port, clean_environment(PATH=path, **quiet)) as pid:
        yield Served(f"http://127.0.0.1:{port}", pid, function)


def starters(
    folder: Callable[[], Path], environments: Path, processes: int
) -> Mapping[str, Callable[[], AbstractAsyncContextManager[Served]]]:
    """How each of the others is started. `folder()` makes one with the handlers."""
    return {
        UVLOOP: lambda: endpoint(folder(), processes, loop="uvloop"),
        AWS_RUNTIME: lambda: endpoint(folder(), processes, runtime=" ".join([*_aws_runtime(), "{handler}"])),
        EMULATOR: lambda: emulator(folder(), environments),
        OFFLINE: lambda: offline(folder(), environments, "bench"),
        OFFLINE_NODE: lambda: offline(folder(), environments, "benchnode"),
    }


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _aws_runtime() -> list[str]:
    if importlib.util.find_spec("awslambdaric") is None:
        raise UnavailableError("awslambdaric is not installed")
    return [sys.executable, "-m", "awslambdaric"]


@asynccontextmanager
async def _listening(command: list[str], folder: Path, port: int, env: dict[str, str]) -> AsyncGenerator[int]:
    """A program that listens on this port, and its process id. It ends with all the processes of its session."""
    program = shutil.which(command[0]) or command[0]
    process = await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(START_LIMIT):
            while not await _listens(port):
                if process.returncode is not None:
                    raise UnavailableError(f"{Path(program).name} ended at once with exit code {process.returncode}")
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
