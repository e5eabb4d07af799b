"""The README is true: its programs type-check strictly and run, its middlewares do what it says, its commands are CI's."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConnectError, FunctionError, InvokeCommand, LambdaClient, Request, Response
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.testing import FakeTransport

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
PROGRAMS = [block for block in BLOCKS if "asyncio.run(" in block]
RECIPES = [block for block in BLOCKS if "fastapi" in block]
FRAGMENTS = [block for block in BLOCKS if block not in PROGRAMS + RECIPES]


def test_there_are_programs_and_fragments() -> None:
    assert (len(PROGRAMS), len(RECIPES), len(FRAGMENTS)) == (5, 1, 10)


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
    (tmp_path / "recipe.py").write_text(RECIPES[0])
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


HANDLERS = """
def handler(event, context):
    return {"order": event["id"]}

def write(event, context):
    yield event["topic"]
"""


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
async def test_a_program_runs(number: int, tmp_path: Path) -> None:
    """As it stands, in a process of its own; what it takes for AWS is a local endpoint."""
    (tmp_path / "orders.py").write_text(HANDLERS)
    (tmp_path / "program.py").write_text(PROGRAMS[number])
    orders = LocalFunction(name="orders", handler="orders.handler", root=tmp_path)
    writer = LocalFunction(name="writer", handler="orders.write", root=tmp_path)
    async with LocalEndpoint([orders, writer], region="eu-west-1") as endpoint:
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
    assert re.search(
        [r"\{'order': 7\} Report\(", r"^b'tea'\n$", r"True (deadline|None)\n\Z", r"^$", r"\{'hello': 'you'\}"][number],
        out.decode(),
    )


@pytest.fixture
def readme() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec("\n\n".join(FRAGMENTS), names)  # noqa: S102 - what is run stands in the README of this checkout
    return names


class Browser:
    """Asks an ASGI application for one page, and reads as much of the body as it wants."""

    def __init__(self, app: Any, path: str) -> None:
        self._left = asyncio.Event()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "app": app}
        self._task = asyncio.ensure_future(app(scope, self._receive, self._messages.put))

    async def _receive(self) -> dict[str, Any]:
        if not self._task_has_begun:
            self._task_has_begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    _task_has_begun = False

    async def status(self) -> int:
        return int((await self._messages.get())["status"])

    async def piece(self) -> bytes:
        return bytes((await self._messages.get())["body"])

    async def leave(self) -> None:
        self._left.set()
        await self._task


async def test_the_recipe_streams_into_a_response_and_tells_a_missing_function_apart() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(RECIPES[0], names)  # noqa: S102 - what is run stands in the README of this checkout
    go_on = asyncio.Event()

    async def write(event: Any) -> AsyncGenerator[str]:
        yield event["topic"]
        await go_on.wait()
        yield "!"

    transport = FakeTransport({"writer": write})
    async with LambdaClient(transport=transport) as client:
        names["app"].state.client = client
        reader, leaver = Browser(names["app"], "/about/tea"), Browser(names["app"], "/about/ink")
        assert (await reader.status(), await reader.piece(), client.stats.in_flight) == (200, b"tea", 2)
        assert (await leaver.status(), await leaver.piece()) == (200, b"ink")
        await leaver.leave()
        assert client.stats.in_flight == 1
        go_on.set()
        assert [await reader.piece(), await reader.piece()] == [b"!", b""]
        await reader.leave()
        assert client.stats.in_flight == 0
        transport._functions.clear()
        missing = Browser(names["app"], "/about/tea")
        assert (await missing.status(), await missing.piece()) == (404, b'{"detail":"nobody writes here"}')
        await missing.leave()


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
