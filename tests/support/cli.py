"""Helpers of the tests of `aiolambda.cli`: run the program as a child process, or in this process, which is faster."""

import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import attrs
import pytest

from aiolambda.cli import main
from aiolambda.local import LocalEndpoint

from .local import HERE, PACKAGE_DIRECTORY
from .programs import output_of

HANDLERS = str(HERE / "local_handlers.py")
PROGRAM = (sys.executable, "-W", "error", "-m", "aiolambda")


@attrs.frozen
class Ended:
    code: int | None
    stdout: bytes
    stderr: str


def environment(**variables: str) -> dict[str, str]:
    """The environment of a shell without AWS settings. Compiled modules are kept, which halves the start of Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONDONTWRITEBYTECODE"))}
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**kept, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": PACKAGE_DIRECTORY, **variables}


def environment_for(endpoint: LocalEndpoint) -> dict[str, str]:
    """The variables that `aiolambda serve` prints for this endpoint."""
    return environment(
        AWS_ENDPOINT_URL_LAMBDA=endpoint.url,
        AWS_REGION=endpoint.region,
        AWS_ACCESS_KEY_ID=endpoint.credentials.access_key_id,
        AWS_SECRET_ACCESS_KEY=endpoint.credentials.secret_access_key,
    )


async def start(
    *arguments: str, env: Mapping[str, str] | None = None, within: Sequence[str] = (), **settings: object
) -> asyncio.subprocess.Process:
    """Start the program with these arguments; `within` is a command that starts it."""
    pipes = {"stdin": asyncio.subprocess.DEVNULL, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    return await asyncio.create_subprocess_exec(*within, *PROGRAM, *arguments, env=env or environment(), **(pipes | settings))


async def run(*arguments: str, env: Mapping[str, str] | None = None, stdin: bytes | None = None, **settings: object) -> Ended:
    """Run a command to its end."""
    ends = () if stdin is None else os.pipe()  # of the system: uvloop would give the program a socket
    if ends:
        settings["stdin"] = ends[0]
    process = await start(*arguments, env=env, **settings)
    if ends and stdin is not None:
        os.close(ends[0])
        await asyncio.to_thread(_write, ends[1], stdin)
    stdout, stderr = await output_of(process, within=30)
    return Ended(process.returncode, stdout, stderr.decode())


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb") as pipe:
        pipe.write(data)


@attrs.frozen
class Program:
    """Runs the program in this process, without signals, and with the streams of pytest."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[bytes]

    async def __call__(self, *arguments: str, env: Mapping[str, str], stdin: bytes = b"", cwd: object = None) -> Ended:
        """Run a command to its end, in a thread, because its server may run in this event loop."""
        self.capture.readouterr()
        with self.patch.context() as patch:
            for name, value in env.items():
                if name.startswith(("AWS_", "HTTP_")):
                    patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            if cwd is not None:
                patch.chdir(str(cwd))
            code = await asyncio.wait_for(asyncio.to_thread(main, arguments), 30)
        stdout, stderr = self.capture.readouterr()
        return Ended(code, stdout, stderr.decode())


@asynccontextmanager
async def served(
    *arguments: str, end: signal.Signals = signal.SIGTERM, **variables: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """`aiolambda serve` on a port of the system's choice, with the environment that it prints."""
    process = await start("serve", "--port", "0", *arguments, env=environment(**variables))
    assert process.stdout is not None
    variables: dict[str, str] = {}
    try:
        while not (line := (await process.stdout.readline()).decode()).startswith("aiolambda invoke"):
            assert line, "the program ended before it served"
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                variables[name] = value
        yield process, environment(**variables)
    finally:
        if process.returncode is None:
            process.send_signal(end)
        await output_of(process, within=30)
