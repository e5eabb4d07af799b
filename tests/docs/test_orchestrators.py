"""The recipes for Airflow, Prefect and Step Functions run as they stand on their page, with the real programs."""

import asyncio
import contextlib
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aiolambda import Delivery, LambdaClient
from aiolambda.errors.service import EXCEPTIONS
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.policy import delivery

from ..support.cli import environment, environment_for, run
from ..support.orchestrators import (
    COUNTS,
    CountingLambda,
    Prefect,
    airflow_python,
    airflow_servers,
    counting,
    kill_holders,
    log_of_dag,
    prefect_python,
    prefect_server,
    run_dag,
    run_python,
)
from ..support.pages import BLOCKS, FILES, ROOT
from ..support.peers import node_modules

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which process runs a task")]

PAGE = "docs/how-to/orchestrators.md"
ORDERS = 200
PROGRAM = """
import asyncio, sys
from pathlib import Path
from order_map import map_orders
print(asyncio.run(map_orders(range(200), Path(sys.argv[1]), grace=20)))
"""


def block_of(first_line: str) -> str:
    (text,) = (block.text for block in BLOCKS if block.page == PAGE and block.text.startswith(first_line))
    return text


def counts_of(text: str) -> dict[str, int]:
    counts: dict[str, int] = json.loads(text.replace("'", '"'))
    return counts


@pytest.fixture
async def lambda_and_variables() -> AsyncIterator[tuple[CountingLambda, dict[str, str]]]:
    async with counting() as served:
        yield served


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[Path]:
    """The folder of the journals. A task that a test has left running is killed."""
    folder = tmp_path / "journals"
    folder.mkdir()
    yield folder
    kill_holders(folder, signal.SIGKILL)


def write(folder: Path, journals: Path, **files: str) -> None:
    """Write the module and the recipe into a folder, with other journals and without pauses before a retry."""
    folder.mkdir(exist_ok=True)
    (folder / "order_map.py").write_text(FILES[PAGE]["order_map.py"])
    for name, first_line in files.items():
        text, replaced = block_of(first_line), 0
        for old, new in (
            (r'Path\("/var/lib/\w+/journals"\)', f"Path({str(journals)!r})"),
            (r"timedelta\(minutes=5\)|(?<=retry_delay_seconds=)300", "0" if name == "order_flow" else "timedelta(seconds=0)"),
        ):
            text, count = re.subn(old, new, text)
            replaced += count
        assert replaced == 2, "the page has other places to replace"
        (folder / f"{name}.py").write_text(text)


def each_ran_at_most_once(server: CountingLambda) -> bool:
    return max(server.executions.values()) == 1


# The module of both recipes


async def start_program(folder: Path, variables: dict[str, str]) -> asyncio.subprocess.Process:
    write(folder, folder)
    env = environment(**variables)
    env["PYTHONPATH"] += f":{folder}"
    command = ("-W", "error", "-c", PROGRAM, str(folder / "run.db"))
    return await asyncio.create_subprocess_exec(sys.executable, *command, env=env, stdout=asyncio.subprocess.PIPE)


async def counts_of_program(program: asyncio.subprocess.Process) -> dict[str, int]:
    stdout, _ = await asyncio.wait_for(program.communicate(), 30)
    assert program.returncode == 0
    return counts_of(stdout.decode())


async def test_sigterm_lets_calls_end_and_leaves_the_rest(tmp_path: Path, lambda_and_variables: Any) -> None:
    server, variables = lambda_and_variables
    server.hold_after = 50
    first = await start_program(tmp_path, variables)
    await server.is_reached()
    first.terminate()
    await asyncio.sleep(0.5)  # the program handles the signal; nothing outside of it shows that
    server.release()
    await asyncio.wait_for(first.communicate(), 30)
    assert first.returncode == -signal.SIGTERM
    assert 50 < len(server.executions) < ORDERS
    again = await counts_of_program(await start_program(tmp_path, variables))
    assert again == {"failed": 0, "unknown": 0, "done": ORDERS, "left": 0}
    assert server.executions == dict.fromkeys(range(ORDERS), 1)


async def test_a_second_try_beside_the_first_is_refused(tmp_path: Path, lambda_and_variables: Any) -> None:
    server, variables = lambda_and_variables
    server.hold_after = 50
    first = await start_program(tmp_path, variables)
    await server.is_reached()
    env = environment(**variables, PYTHONWARNINGS="error")
    env["PYTHONPATH"] += f":{tmp_path}"
    second = await run_python("-c", PROGRAM, str(tmp_path / "run.db"), env=env)
    assert "another run uses it" in second
    server.release()
    assert (await counts_of_program(first))["done"] == ORDERS
    assert server.executions == dict.fromkeys(range(ORDERS), 1)


async def test_a_killed_try_leaves_unknown_orders(tmp_path: Path, lambda_and_variables: Any) -> None:
    server, variables = lambda_and_variables
    server.hold_after = 50
    first = await start_program(tmp_path, variables)
    await server.is_reached()
    first.kill()
    await first.communicate()
    server.release()
    counts = await counts_of_program(await start_program(tmp_path, variables))
    assert counts["unknown"] >= server.held
    assert counts == {"failed": 0, "unknown": counts["unknown"], "done": ORDERS - counts["unknown"], "left": 0}
    assert each_ran_at_most_once(server)


@pytest.mark.parametrize(
    ("name", "python"), [("orders_dag", airflow_python), ("order_flow", prefect_python)], ids=["dag", "flow"]
)
def test_a_recipe_is_strictly_typed(name: str, python: Callable[[], str], tmp_path: Path, cache: pytest.Cache) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    write(tmp_path, tmp_path, **{name: f"# {name}.py\n"})
    options = ("--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache.mkdir(f'mypy-{name}')}")
    command = (sys.executable, "-m", "mypy", *options, "--python-executable", python(), f"{name}.py")
    env = environment(MYPYPATH=str(ROOT))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Airflow


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with airflow_servers(tmp_path_factory.mktemp("airflow")) as variables:
        yield variables


@pytest.fixture
def dags(tmp_path: Path, journals: Path) -> Path:
    write(tmp_path / "dags", journals, orders_dag="# orders_dag.py\n")
    return tmp_path / "dags"


async def test_airflow_retries_what_was_refused(airflow: dict[str, str], dags: Path, lambda_and_variables: Any) -> None:
    server, variables = lambda_and_variables
    server.refuse_after, server.refusals = 50, 30
    ended = await run_dag(dags, airflow | variables)
    assert (ended.state, ended.tries) == ("success", 2), ended.log
    tries = list(map(counts_of, ended.counts))
    assert tries[0] == {"failed": 0, "unknown": 0, "done": ORDERS - 30, "left": 30}
    assert tries[-1] == {"failed": 0, "unknown": 0, "done": ORDERS, "left": 0}
    assert server.executions == dict.fromkeys(range(ORDERS), 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_airflow_retries_a_task_that_ended_early(
    number: signal.Signals, airflow: dict[str, str], dags: Path, journals: Path, lambda_and_variables: Any
) -> None:
    server, variables = lambda_and_variables
    server.hold_after = 50
    running = asyncio.ensure_future(run_dag(dags, airflow | variables))
    await server.is_reached()
    assert kill_holders(journals, number) == 1
    await asyncio.sleep(0.5)  # the task handles the signal; nothing outside of it shows that
    server.release()
    ended = await running
    assert ended.tries == 2, ended.log
    counts = counts_of(ended.counts[-1])
    assert each_ran_at_most_once(server)
    if number == signal.SIGTERM:
        assert (ended.state, counts) == ("success", {"failed": 0, "unknown": 0, "done": ORDERS, "left": 0}), ended.log
    else:
        assert (ended.state, counts["left"]) == ("failed", 0), ended.log
        assert server.held <= counts["unknown"] == ORDERS - counts["done"]


async def test_a_task_marked_as_failed_ends_before_it_is_killed(
    airflow: dict[str, str], dags: Path, lambda_and_variables: Any
) -> None:
    """Airflow's supervisor sees the mark with its next heartbeat, sends SIGTERM, and would send SIGKILL 5 s later.

    `dag.test` does not always notice that such a task has ended, so it is not awaited.
    """
    server, variables = lambda_and_variables
    server.hold_after = 50
    running = asyncio.ensure_future(log_of_dag(dags, airflow | variables, until="Workload finished|^ended: "))
    await server.is_reached()
    with contextlib.closing(sqlite3.connect(Path(airflow["AIRFLOW_HOME"]) / "airflow.db", timeout=30)) as database:
        database.execute("UPDATE task_instance SET state = 'failed' WHERE state = 'running'")
        database.commit()
    log = await running
    assert re.search(r"Process exited .*signal_sent=SIGTERM", log), log
    counts = counts_of(COUNTS.findall(log)[-1])
    assert server.held <= counts["unknown"]
    assert counts["left"] == ORDERS - counts["unknown"] - counts["done"] > 0


async def test_airflow_fails_if_the_journal_is_gone(
    airflow: dict[str, str], dags: Path, journals: Path, lambda_and_variables: Any
) -> None:
    server, variables = lambda_and_variables
    server.hold_after = 50
    running = asyncio.ensure_future(run_dag(dags, airflow | variables))
    await server.is_reached()
    for file in journals.iterdir():
        file.rename(dags / file.name)
    assert kill_holders(dags, signal.SIGKILL) == 1
    server.release()
    ended = await running
    assert (ended.state, ended.tries) == ("failed", 2), ended.log
    assert "the first try had a journal, and it is not here" in ended.log
    assert len(server.executions) < ORDERS
    assert each_ran_at_most_once(server)


# Prefect


@pytest.fixture(scope="module")
def prefect_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        command = [variables["PREFECT_PYTHON"], "-m", "prefect", "gcl", "create", "lambda", "--limit", "20"]
        subprocess.run(command, env=variables, capture_output=True, timeout=90, check=True)
        yield variables


@pytest.fixture
async def prefect(
    prefect_variables: dict[str, str], tmp_path: Path, journals: Path, lambda_and_variables: Any
) -> AsyncIterator[Prefect]:
    """Prefect, which serves the flow of the page."""
    write(tmp_path, journals, order_flow="# order_flow.py\n")
    async with aiohttp.ClientSession() as session:
        prefect = Prefect(prefect_variables | lambda_and_variables[1], session)
        async with prefect.serving(tmp_path / "order_flow.py", tmp_path / "runner.log"):
            yield prefect


async def test_prefect_retries_what_was_refused(prefect: Prefect, tmp_path: Path, lambda_and_variables: Any) -> None:
    server = lambda_and_variables[0]
    server.refuse_after, server.refusals = 50, 30
    await prefect.becomes("Completed", await prefect.start("orders/orders"))
    assert "'done': 170, 'left': 30" in (tmp_path / "runner.log").read_text()
    assert server.executions == dict.fromkeys(range(ORDERS), 1)


async def test_prefect_retries_a_killed_flow_run(prefect: Prefect, journals: Path, lambda_and_variables: Any) -> None:
    server = lambda_and_variables[0]
    server.hold_after = 50
    flow_run = await prefect.start("orders/orders")
    await server.is_reached()
    assert kill_holders(journals, signal.SIGKILL) == 1
    await prefect.becomes("Crashed", flow_run)
    server.release()
    await prefect.command("flow-run", "retry", flow_run)
    message = await prefect.becomes("Failed", flow_run)
    counts = counts_of(message[message.index("{") :])
    assert counts["left"] == 0
    assert server.held <= counts["unknown"] == ORDERS - counts["done"]
    assert each_ran_at_most_once(server)


async def test_prefect_resumes_a_cancelled_flow_run(prefect: Prefect, lambda_and_variables: Any) -> None:
    server = lambda_and_variables[0]
    server.hold_after = 50
    flow_run = await prefect.start("orders/orders")
    await server.is_reached()
    await prefect.command("flow-run", "cancel", flow_run)
    await asyncio.sleep(5)  # Prefect sends the signal within some seconds; nothing outside of the flow run shows that
    server.release()
    await prefect.becomes("Cancelled", flow_run)
    assert len(server.executions) < ORDERS
    await prefect.command("flow-run", "retry", flow_run)
    await prefect.becomes("Completed", flow_run)
    assert server.executions == dict.fromkeys(range(ORDERS), 1)


# Step Functions


def definition() -> dict[str, Any]:
    (text,) = (block.text for block in BLOCKS if block.page == PAGE and block.language == "json")
    machine: dict[str, Any] = json.loads(text)
    return machine


def test_the_state_machine_repeats_only_what_has_not_run() -> None:
    fan_out = definition()["States"]["MapOrders"]
    children = fan_out["ItemProcessor"]
    assert children["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    (task,) = children["States"].values()
    (retry,) = task["Retry"]
    codes = [error.removeprefix("Lambda.") for error in retry["ErrorEquals"]]
    assert set(codes) <= set(EXCEPTIONS)
    assert "TooManyRequestsException" in codes
    assert {delivery.verdict_of_error(502, code) for code in codes} == {Delivery.REFUSED}
    assert delivery.verdict_of_error(502, "ServiceException") is Delivery.UNKNOWN


@pytest.mark.parametrize("without", ["", "ItemProcessor", "StartAt"], ids=["whole", "no processor", "no start"])
def test_an_independent_validator_reads_the_state_machine(without: str, tmp_path: Path) -> None:
    modules = node_modules("asl-validator")
    machine = definition()
    for part in (machine, machine["States"]["MapOrders"]):
        part.pop(without, None)
    (tmp_path / "machine.json").write_text(json.dumps(machine))
    program = (modules / ".bin" / "node", modules / "asl-validator" / "dist" / "bin" / "asl-validator.js")
    done = subprocess.run([*program, "--json-path", tmp_path / "machine.json"], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (without == ""), done.stdout + done.stderr


async def test_the_batch_handler_answers_for_each_order(tmp_path: Path) -> None:
    (tmp_path / "order_batch.py").write_text(FILES[PAGE]["order_batch.py"])
    orders: list[dict[str, Any]] = [{"count": 2, "price": 3}, {"count": 2}, {"count": 1, "price": 4}]
    answers = [{"total": 6}, {"error": "KeyError"}, {"total": 4}]
    function = LocalFunction(name="orders", handler="order_batch.handler", root=tmp_path)
    async with LocalEndpoint([function]) as endpoint:
        credentials = endpoint.credentials
        async with LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=credentials) as client:
            batch = {"BatchInput": {"file": "orders.jsonl"}, "Items": orders}
            assert (await client.invoke("orders", batch)).json() == answers
        (tmp_path / "orders.jsonl").write_text("".join(f"{json.dumps(order)}\n" for order in orders))
        command = ("map", "orders", "-f", "orders.jsonl", "-o", "results.jsonl", "--batch", "2", "--ordered")
        ended = await run(*command, env=environment_for(endpoint), cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    assert [json.loads(line)["payload"] for line in (tmp_path / "results.jsonl").read_text().splitlines()] == answers
