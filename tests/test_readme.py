"""The README is true: its programs type-check strictly and run, its middlewares do what it says, its commands are CI's."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConnectError, FunctionError, InvokeCommand, LambdaClient, Request, Response
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.testing import FakeTransport

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
PROGRAMS = [block for block in BLOCKS if "asyncio.run(" in block]
FRAGMENTS = [block for block in BLOCKS if "asyncio.run(" not in block]


def test_there_are_programs_and_fragments() -> None:
    assert (len(PROGRAMS), len(FRAGMENTS)) == (3, 9)


def test_the_first_program_has_twelve_lines() -> None:
    assert PROGRAMS[0].count("\n") == 12


@pytest.mark.parametrize("block", FRAGMENTS[1:-1])
def test_an_example_of_a_middleware_has_at_most_ten_lines(block: str) -> None:
    assert block.strip().count("\n") < 10


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_the_programs_are_strictly_typed(checker: str, tmp_path: Path) -> None:
    pytest.importorskip(checker, reason=f"{checker} is not installed")
    files = [tmp_path / f"program_{number}.py" for number in range(len(PROGRAMS))]
    for file, program in zip(files, PROGRAMS, strict=True):
        file.write_text(program)
    (tmp_path / "middlewares.py").write_text("\n\n".join(FRAGMENTS))
    commands = {
        "mypy": ["mypy", "--strict", "--config-file=", "--follow-imports=silent", str(tmp_path)],
        "pyright": ["pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}))
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", *commands[checker]], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
async def test_a_program_runs(number: int, tmp_path: Path) -> None:
    """As it stands, in a process of its own; what it takes for AWS is a local endpoint."""
    (tmp_path / "orders.py").write_text("def handler(event, context):\n    return {'order': event['id']}\n")
    (tmp_path / "program.py").write_text(PROGRAMS[number])
    orders = LocalFunction(name="orders", handler="orders.handler", root=tmp_path)
    async with LocalEndpoint([orders], region="eu-west-1") as endpoint:
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_LAMBDA": endpoint.url,
            "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret_access_key,
            "PYTHONPATH": str(ROOT),
        }
        if endpoint.credentials.session_token is not None:
            environment["AWS_SESSION_TOKEN"] = endpoint.credentials.session_token
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            "program.py",
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await running.communicate()
    assert running.returncode == 0, err.decode()
    assert re.search([r"\{'order': 7\} Report\(", r"^$", r"\{'hello': 'you'\}"][number], out.decode())


@pytest.fixture
def readme() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec("\n\n".join(FRAGMENTS), names)  # noqa: S102 - what is run stands in the README of this checkout
    return names


class Flaky(FakeTransport):
    """Refuses the first connection."""

    async def send(self, request: Request, /) -> Response:
        if not self.calls:
            await super().send(request)
            raise ConnectError("cannot connect")
        return await super().send(request)


def padded(event: Any) -> bytes:
    if event == "fail":
        raise ValueError(event)
    return b'  {"ok":true}  '


async def through(middleware: Any, step: Any = "initialize", transport: FakeTransport | None = None) -> FakeTransport:
    """Two invocations through one middleware of the README."""
    transport = transport or FakeTransport({"orders": padded})
    async with LambdaClient(transport=transport) as client:
        client.middleware_stack.add(middleware, step=step)
        for _ in range(2):
            await client.invoke("orders", b"{}")
    return transport


async def test_the_cache_answers_without_calling_on(readme: dict[str, Any]) -> None:
    assert len((await through(readme["cache"], step="build")).calls) == 1


async def test_once_more_repeats_what_was_not_delivered(readme: dict[str, Any]) -> None:
    assert len((await through(readme["once_more"], transport=Flaky({"orders": padded}))).calls) == 3


async def test_the_canary_changes_the_input_and_the_team_header_is_signed(readme: dict[str, Any]) -> None:
    seen: list[str] = []

    class Looking(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            seen.append(request.url)
            return await super().send(request)

    await through(readme["canary"], transport=Looking({"orders": padded}))
    assert seen[0].endswith("/functions/orders/invocations?Qualifier=canary")
    headers = (await through(readme["team"], step="build")).calls[0].headers
    assert headers["x-team"] == "tea"
    assert "x-team" in headers["authorization"]


async def test_the_output_is_stripped_and_deletes_are_refused(readme: dict[str, Any]) -> None:
    async with LambdaClient(transport=FakeTransport({"orders": padded})) as client:
        client.middleware_stack.add(readme["stripped"], step="deserialize")
        client.middleware_stack.add(readme["no_deletes"])
        assert (await client.invoke("orders")).payload == b'{"ok":true}'
        with pytest.raises(PermissionError):
            await client.invoke("delete-orders")


async def test_the_gauge_counts_down_however_a_call_ends(readme: dict[str, Any]) -> None:
    async def forever(event: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with LambdaClient(transport=FakeTransport({"orders": padded, "forever": forever})) as client:
        client.middleware_stack.add(readme["gauge"])
        with pytest.raises(FunctionError):
            await client.invoke("orders", '"fail"')
        task = asyncio.ensure_future(client.invoke("forever"))
        while not readme["running"]:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert readme["running"] == set()


async def test_the_middlewares_of_a_client_and_a_command_join(readme: dict[str, Any]) -> None:
    transport = FakeTransport({"orders": padded})
    async with LambdaClient(transport=transport) as client:
        command = readme["with_middlewares"](client)
        assert isinstance(command, InvokeCommand)
        await client.send(command)
    assert transport.calls[0].headers["x-team"] == "tea"
