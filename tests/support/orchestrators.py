"""Airflow and Prefect as processes of their own, and a server that counts executions.

Owns how they are started, and how the process of a task is found. Must not know the recipes that they run.
"""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import attrs
import pytest
from aiohttp import ClientSession, web

from .cli import environment
from .local import becomes_true
from .peers import free_ports, process

__all__ = [
    "COUNTS",
    "CountingLambda",
    "Prefect",
    "airflow_python",
    "airflow_servers",
    "counting",
    "kill_holders",
    "log_of_dag",
    "prefect_python",
    "prefect_server",
    "run_dag",
    "run_python",
]

COUNTS = re.compile(r"\{'failed': \d+, 'unknown': \d+, 'done': \d+, 'left': \d+\}")
"""How a recipe prints its counts."""
RUN_DAG = """
import sys
from airflow.dag_processing.dagbag import BundleDagBag
bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=sys.argv[1], bundle_name="dags-folder")
run = bag.dags["orders"].test(use_executor=True)
for task in run.get_task_instances():
    print("ended:", task.state, task.try_number)
"""


# --- Lambda -----------------------------------------------------------------------------------------------------------


class CountingLambda:
    """Runs `orders`, counts its executions by id, and can hold or refuse all that come after the first ones."""

    def __init__(self) -> None:
        self.executions: Counter[int] = Counter()
        self.hold_after: int | None = None
        self.refuse_after: int | None = None
        self.refusals = 0
        self.held = 0
        self._released = asyncio.Event()

    async def invoke(self, request: web.Request) -> web.Response:
        order = (await request.json())["id"]
        if self.refuse_after is not None and len(self.executions) >= self.refuse_after and self.refusals > 0:
            self.refusals -= 1
            return web.json_response({"Message": "no"}, status=404, headers={"x-amzn-errortype": "ResourceNotFoundException"})
        self.executions[order] += 1
        if self.hold_after is not None and len(self.executions) > self.hold_after:
            self.held += 1
            await self._released.wait()
        return web.json_response({"id": order})

    def release(self) -> None:
        self._released.set()
        self.hold_after = None

    async def is_reached(self) -> None:
        """Wait until it holds an execution. A peer takes some seconds to start its task."""
        await becomes_true(lambda: self.held, limit=90)


@contextlib.asynccontextmanager
async def counting() -> AsyncIterator[tuple[CountingLambda, dict[str, str]]]:
    """The server, and the variables that lead a client to it."""
    server, app = CountingLambda(), web.Application()
    app.router.add_post("/2015-03-31/functions/orders/invocations", server.invoke)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        variables = {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{port}", "AWS_REGION": "eu-west-1"}
        yield server, variables | {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    finally:
        server.release()
        await runner.cleanup()


def kill_holders(folder: Path, number: signal.Signals) -> int:
    """Send a signal to each other process that has a file of this folder open, and return how many did: Linux tells it."""
    found = 0
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            opened = [descriptor.readlink() for descriptor in descriptors.iterdir()]
            if int(descriptors.parent.name) != os.getpid() and any(name.is_relative_to(folder) for name in opened):
                os.kill(int(descriptors.parent.name), number)
                found += 1
    return found


async def run_python(
    *arguments: str, python: str = sys.executable, env: Mapping[str, str], within: float = 120, until: str | None = None
) -> str:
    """What a program of another Python printed, on both of its streams. Its whole group of processes ends with it.

    It is ended once it has printed what the pattern `until` finds.
    """
    with tempfile.TemporaryFile() as output:
        options: dict[str, Any] = {"stdout": output, "stderr": output, "start_new_session": True}
        started = await asyncio.create_subprocess_exec(python, *arguments, env=dict(env), **options)
        ending = asyncio.ensure_future(started.wait())
        try:
            async with asyncio.timeout(within):
                while not ending.done() and (until is None or re.search(until, _printed(output)) is None):
                    await asyncio.wait({ending}, timeout=None if until is None else 0.2)
        except TimeoutError:
            raise AssertionError(f"the program has not ended: {_printed(output)}") from None
        finally:
            await _end_group(started)
            await ending
        return _printed(output)


def _printed(output: IO[bytes]) -> str:
    """All that is in the file. The program writes at an offset of its own: it has the file open a second time."""
    return os.pread(output.fileno(), os.fstat(output.fileno()).st_size, 0).decode(errors="replace")


async def _end_group(started: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    await started.wait()


def airflow_python() -> str:
    """The Python of the environment with Airflow; the test is skipped without it."""
    return _python_named_by("AIOLAMBDA_AIRFLOW_PYTHON", "Airflow")


def prefect_python() -> str:
    """The Python of the environment with Prefect; the test is skipped without it."""
    return _python_named_by("AIOLAMBDA_PREFECT_PYTHON", "Prefect")


def _python_named_by(variable: str, what: str) -> str:
    named = os.environ.get(variable)
    if not named or not Path(named).is_file():
        pytest.skip(f"{what} is not installed ({variable} names its Python)")
    return named


# --- Airflow ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def airflow_servers(folder: Path) -> Iterator[dict[str, str]]:
    """A database and the API server of Airflow, and the variables that lead to them."""
    python = airflow_python()
    (port,) = free_ports(1)
    variables = environment(
        AIRFLOW_PYTHON=python,
        AIRFLOW_HOME=str(folder),
        AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(32),
        AIRFLOW__CORE__DAGS_FOLDER=str(folder / "dags"),
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://127.0.0.1:{port}/execution/",
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__PARALLELISM="2",
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    )
    command = [python, "-m", "airflow", "api-server", "--apps", "execution", "--host", "127.0.0.1", "--port", str(port)]
    migrate = [python, "-m", "airflow", "db", "migrate"]
    migrated = subprocess.run(migrate, env=variables, capture_output=True, text=True, timeout=90, check=False)
    assert migrated.returncode == 0, migrated.stderr
    with process([*command, "--workers", "1"], port, folder / "api-server.log", within=90, env=variables):
        yield variables


@attrs.frozen
class DagRun:
    state: str
    tries: int
    counts: list[str]
    log: str


async def log_of_dag(dags: Path, env: Mapping[str, str], *, until: str | None = None) -> str:
    """Run the DAG `orders` of this folder once, with Airflow's local executor, its supervisor and its retries."""
    variables = {**env, "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    return await run_python("-c", RUN_DAG, str(dags), python=env["AIRFLOW_PYTHON"], env=variables, until=until)


async def run_dag(dags: Path, env: Mapping[str, str]) -> DagRun:
    """Run the DAG to its end."""
    log = await log_of_dag(dags, env)
    ended = re.search(r"^ended: (\w+) (\d+)$", log, re.MULTILINE)
    assert ended is not None, log
    return DagRun(ended[1], int(ended[2]), COUNTS.findall(log), log)


# --- Prefect ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def prefect_server(folder: Path) -> Iterator[dict[str, str]]:
    """Prefect's server, and the variables that lead to it."""
    python = prefect_python()
    (port,) = free_ports(1)
    variables = environment(
        DO_NOT_TRACK="1",
        PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
        PREFECT_CLI_PROMPT="false",
        PREFECT_HOME=str(folder),
        PREFECT_PYTHON=python,
        PREFECT_RUNNER_POLL_FREQUENCY="1",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
    )
    command = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with process(command, port, folder / "server.log", within=90, env=variables):
        yield variables


@attrs.frozen
class Prefect:
    """What a user does with Prefect's command line, and what the server knows of a flow run."""

    env: Mapping[str, str]
    session: ClientSession

    async def command(self, *arguments: str) -> str:
        return await run_python("-m", "prefect", *arguments, python=self.env["PREFECT_PYTHON"], env=self.env)

    @contextlib.asynccontextmanager
    async def serving(self, program: Path, log: Path) -> AsyncIterator[None]:
        """The program, which serves a flow."""
        with log.open("wb") as output:
            options: dict[str, Any] = {"stdout": output, "stderr": output, "start_new_session": True, "env": dict(self.env)}
            runner = await asyncio.create_subprocess_exec(self.env["PREFECT_PYTHON"], str(program), **options)
            try:
                await becomes_true(lambda: b"Your flow" in log.read_bytes(), limit=90)
                yield
            finally:
                await _end_group(runner)

    async def start(self, deployment: str) -> str:
        """Create a run of the deployment, and return its id."""
        created = await self.command("deployment", "run", deployment)
        found = re.search(r"UUID: ([0-9a-f-]{36})", created)
        assert found is not None, created
        return found[1]

    async def facts(self, run: str) -> dict[str, Any]:
        async with self.session.get(f"{self.env['PREFECT_API_URL']}/flow_runs/{run}") as answer:
            facts: dict[str, Any] = await answer.json()
            return facts

    async def becomes(self, state: str, run: str) -> str:
        """Wait until a run is in the state of this name, and return its message."""
        facts: dict[str, Any] = {}
        for _ in range(500):
            facts = await self.facts(run)
            if facts["state_name"] == state:
                return str(facts["state"]["message"])
            await asyncio.sleep(0.1)
        raise AssertionError(f"the flow run is not {state}: {facts}")
