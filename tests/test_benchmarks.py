"""The benchmarks of speed: their command runs from end to end in small, and its ratios are right."""

import asyncio
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiolambda import LambdaClient
from benchmarks import (
    driver,
    environments,
    fetch,
    hedging,
    instructions,
    invocation,
    local_endpoint,
    local_lambdas,
    map_cost,
    processes,
    processes_map,
    rows,
    syscalls,
    telemetry,
)
from benchmarks.figures import Figure, Spread, markdown
from benchmarks.simulated_lambda import simulated_lambda

from .support import THOROUGH, virtual

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / "benchmarks" / "run.py"
SMALL = ["--quick", "--rounds", "1", "--seconds", "0.02", "--held", "40", "--items", "200"]
SECTIONS = {
    "invocation": ["CPU of an invocation", "latency of an invocation"],
    "memory": ["memory", "memory over TLS"],
    "stall": ["longest turn of the loop"],
    "first": ["first invocation"],
    "fan-out": ["fan-out of 200 items"],
}
"""The rows that need no environment of a peer, and their sections."""
ROWS = list(SECTIONS) if THOROUGH else ["memory", "fan-out"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The files that the smallest run writes."""
    folder = tmp_path_factory.mktemp("benchmarks")
    rows = ["--only", ",".join(ROWS), "--peers", "aiolambda,aiohttp"]
    files = ["--json", str(folder / "figures.json"), "--markdown", str(folder / "figures.md")]
    command = [sys.executable, str(RUN), *SMALL, *rows, *files, "--environments", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "figures.json").read_text()), (folder / "figures.md").read_text()


def test_every_row_has_a_figure_of_both_clients(run: tuple[dict[str, Any], str]) -> None:
    found, _ = run
    assert found["notes"] == []
    sections = [figure["section"].split(",")[0] for figure in found["figures"]]
    assert list(dict.fromkeys(sections)) == [section for row in ROWS for section in SECTIONS[row]]
    for figure in found["figures"]:
        assert set(figure["values"]) == {"aiolambda", "aiohttp"}
        assert len({len(values) for values in figure["values"].values()}) == 1
        assert all(map(math.isfinite, figure["values"]["aiolambda"])), figure["case"]
        assert not figure["is_compared"] or math.isfinite(figure["ratios"]["aiohttp"]["median"]), figure["case"]


def test_rows_with_a_server_have_its_cpu(run: tuple[dict[str, Any], str]) -> None:
    found, _ = run
    assert set(found["server_per_client"]) == {"invocation", "stall", "fan-out"} & set(ROWS)
    assert all(most > 0 for most in found["server_per_client"].values())


def test_table_names_the_compared_clients(run: tuple[dict[str, Any], str]) -> None:
    found, text = run
    assert f"- aiohttp: {found['peers']['aiohttp']}" in text
    assert "| / aiohttp" in text
    assert "fan-out of 200 items" in text


def test_telemetry_is_compared_with_the_floor_and_with_another_checkout() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "telemetry.py"), "--rounds", "2", "--calls", "20", "--tree", str(ROOT)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = {figure["case"]: figure["values"] for figure in json.loads(done.stdout)}
    added = [f"added to a call, {case}" for case in telemetry.CASES]
    assert list(found) == [*added, "a call without telemetry"]
    assert [set(values) for values in found.values()] == [{"aiolambda", "by hand"}] * 2 + [{"aiolambda", "before"}]
    assert all(len(values) == 2 for case in found.values() for values in case.values())


def test_added_costs_are_compared_within_a_round() -> None:
    values = {telemetry.ALONE: [10.0, 20.0], telemetry.FLOOR: [20.0, 30.0], telemetry.OURS: [25.0, 35.0]}
    assert list(telemetry.lines("a case", values)) == ["| a case | 15.0 | +10.0 | +15.0 | 1.50 |"]
    assert list(telemetry.lines("a case", {telemetry.ALONE: [10.0, 22.0], telemetry.BEFORE: [10.0, 20.0]})) == [
        "| a case | 15.0 | 16.0 | 1.05 |"
    ]


async def test_fetch_has_a_figure_for_each_row_and_scheme() -> None:
    found = await fetch.measured("asyncio", rounds=2, calls=20, in_flight=2)
    assert [figure.case.rpartition(", ")[2] for figure in found] == ["HTTP"] * 4 + ["HTTPS"] * 4
    for figure in found:
        assert {name: len(values) for name, values in figure.values.items()} == {"aiolambda": 2, "invoke": 2}
        assert all(value > 0 for values in figure.values.values() for value in values)


async def test_sides_of_a_fetch_are_compared_within_a_round() -> None:
    order: list[str] = []

    def call(name: str) -> fetch.Call:
        async def call() -> None:
            order.append(name)

        return call

    found = await fetch.turns((call("fetch"), call("invoke")), rounds=2, calls=1, in_flight=1)
    assert {name: len(values) for name, values in found.items()} == {"aiolambda": 2, "invoke": 2}
    assert order[-4:] == ["invoke", "fetch", "fetch", "invoke"]


async def test_map_cost_has_a_figure_for_each_row_and_round() -> None:
    found = await map_cost.measured(rounds=2, items=40)
    assert len(found) == 2
    for title, part in found.items():
        assert {name: len(values) for name, values in part.items()} == dict.fromkeys(map_cost.ROWS, 2)
        assert map_cost.table(title, part).count("\n") == len(map_cost.ROWS)


async def test_processes_map_has_a_figure_for_each_round() -> None:
    with simulated_lambda() as server:
        found = await processes_map.measured(server, counts=(1, 2), rounds=1, items=40, concurrency=10, seconds=0.0)
    [alone], [shared] = found.values()
    for this in (alone, shared):
        assert this.rate > 0
        assert this.here > 0
    assert alone.workers == 0
    assert alone.start < shared.start
    assert processes_map.table(found).count("\n") == 2


def test_map_cost_is_compared_within_a_round() -> None:
    # Each round is twice as slow as the one before it, for both; the median of the ratios does not see that.
    table = map_cost.table("title", {"workers": [10.0, 20.0, 40.0], "map": [15.0, 30.0, 60.0]})
    assert table.splitlines()[2].split() == ["map", "30.0", "10.0", "1.50"]


async def test_map_that_fails_ends_the_measurement() -> None:
    class Broken(map_cost.Instant):
        answer = map_cost.Response(403, {"x-amzn-errortype": "AccessDeniedException"}, b"{}")

    client = LambdaClient(region="us-east-1", credentials=map_cost.KEYS, transport=Broken())
    async with client:
        with pytest.raises(SystemExit, match="0 of 3 items succeeded"):
            await map_cost.commands(client, 3)


def test_ratios_are_taken_within_a_round() -> None:
    # Each round is twice as slow as the one before it, for both; the median of the ratios does not see that.
    figure = Figure("speed", "a call", "us", {"aiolambda": [1, 2, 6], "peer": [2, 4, 8]})
    assert figure.ratios("peer") == Spread(0.5, 0.5, 0.75)
    assert "| a call | 2 us      | 0.5 (0.5 to 0.75) |" in markdown([figure])


def test_figures_near_zero_are_shown_without_ratios() -> None:
    figure = Figure("left", "a call", "KB", {"aiolambda": [0, 0.1], "peer": [0, 0]}, is_compared=False)
    assert figure.as_json()["ratios"] == {}
    assert "| a call | 0.05 (0 to 0.1) KB | 0 (0 to 0) |" in markdown([figure])


def test_peer_that_needs_a_newer_python_is_unavailable() -> None:
    with pytest.raises(environments.UnavailableError, match="Python of 9.9 or later"):
        environments.python_of((9, 9))


def test_short_turn_has_a_call_for_each_in_flight() -> None:
    assert list(driver.until(0.0, 3)) == [0, 1, 2]


async def test_answer_of_another_length_ends_the_run() -> None:
    class Short:
        async def call(self, name: str, payload: bytes) -> bytes:
            return payload[:-1]

    with pytest.raises(ValueError, match="99 bytes came for 100"):
        await driver.Driver(Short()).run(1, 100, count=1)


def run_of(*peers: str) -> rows.Run:
    """A run without a server: nothing is sent."""
    return rows.Run(
        server=None,  # type: ignore[arg-type]
        peers=list(peers),
        folder=Path(),
        rounds=1,
        seconds=0.0,
        is_quick=True,
        held=[1],
        items=1,
    )


def test_loop_with_aiofastnet_has_a_post_without_it() -> None:
    run = run_of("aiolambda", "aiohttp", "aiobotocore", "boto3", "aws-sdk-js")
    assert set(run.columns()) == {"aiolambda", "aiohttp", "aiobotocore", "boto3", "aws-sdk-js"}
    assert set(run.columns("uvloop")) == {"aiolambda", "aiohttp", "aiobotocore"}
    fast = run.columns("uvloop+aiofastnet")
    assert {name: column.loop for name, column in fast.items()} == {
        "aiolambda": "uvloop+aiofastnet",
        "aiohttp": "uvloop+aiofastnet",
        "aiohttp without aiofastnet": "uvloop",
    }


async def test_peer_that_fails_is_left_out_and_noted() -> None:
    run = run_of("aiolambda", "peer")
    command = [sys.executable, "-c", 'print(1); input(); print(\'{"error": "no pool"}\')']
    async with processes.running("peer", command) as peer, processes.running("aiolambda", command) as ours:
        drivers = {"peer": peer, "aiolambda": ours}
        assert await run.ask(drivers, "peer", "open") is None
        assert set(drivers) == {"aiolambda"}
        assert run.notes == ["left out after 'open': peer: no pool"]
        with pytest.raises(processes.DriverError, match="aiolambda: no pool"):
            await run.ask(drivers, "aiolambda", "open")


async def test_process_that_ends_at_once_is_named() -> None:
    with pytest.raises(processes.DriverError, match="peer ended before its greeting"):
        async with processes.running("peer", [sys.executable, "-c", ""]):
            pass


# --- the local endpoint ------------------------------------------------------------------------------------------------

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the CPU of another process is read from /proc")


@on_linux
def test_local_endpoint_has_figures_of_both_checkouts(tmp_path: Path) -> None:
    small = ["--rounds", "1", "--seconds", "0.05", "--in-flight", "2", "--pause", "0", "--peers", "aiolambda on uvloop"]
    files = ["--json", str(tmp_path / "figures.json"), "--tree", str(ROOT)]
    command = [sys.executable, str(ROOT / "benchmarks" / "local_endpoint.py"), *small, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "figures.json").read_text())
    assert {figure["case"] for figure in found} == {"2 in flight, no pause"}
    assert {figure["section"] for figure in found} == set(local_endpoint.PARTS.values())
    for figure in found:
        assert set(figure["values"]) == {"aiolambda", str(ROOT), "aiolambda on uvloop"}
    throughput = next(figure for figure in found if figure["section"] == "throughput")
    assert all(values[0] > 0 for values in throughput["values"].values())


@on_linux
async def test_cpu_of_a_descendant_is_found() -> None:
    command = [sys.executable, "-c", "import time\nprint(1, flush=True)\nwhile time.process_time() < 0.2: pass\ninput()"]
    shell = ["sh", "-c", '"$@"; true', "sh", *command]
    async with processes.running("a shell", shell) as started:
        async with asyncio.timeout(30):
            while local_endpoint.cpu_seconds(local_endpoint.descendants(started.process.pid)) < 0.15:
                await asyncio.sleep(0.01)
        assert local_endpoint.cpu_seconds([started.process.pid]) < 0.15


async def test_emulator_gets_one_call_at_a_time() -> None:
    served = local_lambdas.Served("http://127.0.0.1:1", pid=1, most=1)
    async with processes.running("a client", [sys.executable, "-c", "print(1); input()"]) as client:
        assert local_endpoint.Side(served, client).in_flight(8) == 1


# --- pairs, and counts from outside -----------------------------------------------------------------------------------


def test_pairs_have_a_line_for_each_checkout(tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "figures.json"), "--tree", str(ROOT)]
    small = ["--rounds", "1", "--seconds", "0.01", "--in-flight", "5", "--only", "+aiofastnet"]
    command = [sys.executable, str(ROOT / "benchmarks" / "invocation.py"), *small, *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "figures.json").read_text())
    case = "asyncio+aiofastnet, HTTPS, 5 in flight, 100 B"
    assert [figure["case"] for figure in found] == [case, f"{case}, {ROOT}"]
    here, there = [figure["values"] for figure in found]
    assert set(here) == {"aiolambda", str(ROOT), "aiohttp"}
    assert there == {"aiolambda": here[str(ROOT)], "aiohttp": here["aiohttp"]}


def test_repeated_cell_has_the_rounds_of_all() -> None:
    first = Figure("speed", "a call", "us", {"aiolambda": [1], "peer": [2], "failed": [3]}, {"faults": {"peer": [8]}})
    other = Figure("speed", "another", "us", {"aiolambda": [7]})
    again = Figure("speed", "a call", "us", {"aiolambda": [4], "peer": [5]}, {"faults": {"peer": [9]}})
    found = invocation.joined([first, other, again])
    assert [(figure.case, figure.values) for figure in found] == [
        ("a call", {"aiolambda": [1, 4], "peer": [2, 5]}),
        ("another", {"aiolambda": [7]}),
    ]
    assert found[0].notes == {"faults": {"peer": [8, 9]}}


async def test_client_of_another_checkout_is_taken(tmp_path: Path) -> None:
    (tmp_path / "aiolambda").mkdir()
    (tmp_path / "aiolambda" / "__init__.py").write_text("raise RuntimeError('the other checkout')")
    async with processes.started("aiolambda", tree=tmp_path) as peer:
        with pytest.raises(processes.DriverError, match="the other checkout"):
            await peer.order("open", url="http://127.0.0.1:1")


async def test_checkout_without_the_client_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "invocation.py"), "--tree", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no aiolambda/__init__.py in" in done.stderr


@pytest.mark.parametrize(("peer", "loop"), [("aiolambda", "uvloop+aiofastnet"), ("aiohttp", "asyncio")])
async def test_steady_calls_run_under_a_tool(peer: str, loop: str) -> None:
    await processes.counted(["env"], processes.Steady(peer, "https", loop, in_flight=3, calls=5))


async def test_failure_under_a_tool_has_its_last_line() -> None:
    tool = ["sh", "-c", "echo first >&2; echo last >&2; exit 3"]
    with pytest.raises(processes.DriverError, match="aiolambda under sh: last"):
        await processes.counted(tool, processes.Steady("aiolambda", "http"))


def test_system_calls_are_counted_between_marks() -> None:
    trace = """
1 openat(AT_FDCWD, "/x", O_RDONLY) = 3
1 getpriority(PRIO_PROCESS, 0) = 20
1 epoll_wait(4,  <unfinished ...>
2 getpriority(PRIO_PROCESS, 0) = 20
1 <... epoll_wait resumed>[], 2, 0) = 0
1 write(3, "read(", 5) = 5
1 write(3, "x", 1) = 1
"""
    assert syscalls.parts(trace) == [{"openat": 1}, {"epoll_wait": 1}, {"write": 2}]


def test_instructions_are_the_total_of_a_part(tmp_path: Path) -> None:
    profile = tmp_path / "profile.2"
    profile.write_text("version: 1\npart: 2\nsummary: 12\n\nfn=(1) main\n1 12\n\ntotals: 1234\n")
    assert instructions.instructions(profile) == 1234
    profile.write_text("version: 1\n")
    with pytest.raises(processes.DriverError, match=r"profile\.2 of callgrind has no total"):
        instructions.instructions(profile)


def test_simulated_hedges_cut_the_tail() -> None:
    """A fiftieth of `benchmarks/hedging.py`: the tail gets shorter, few calls run twice, and none that is not idempotent."""
    modes = hedging.MODES
    found = {mode: virtual.run(hedging.simulate(400, 2, settings)) for mode, settings in modes.items()}
    plain, not_idempotent = found["no hedge"], found['hedge_after="p99", not idempotent']
    assert (plain.hedged, plain.runs) == (0, 1)
    assert not_idempotent == plain
    for mode, outcome in found.items():
        if outcome in (plain, not_idempotent):
            continue
        assert outcome.percentiles["p99.9"] < plain.percentiles["p99.9"], mode
        assert 0 < outcome.hedged <= 0.1, mode
        assert outcome.runs == 1 + outcome.hedged
    assert found["hedge_after=0.3"].percentiles["p99.9"] < plain.percentiles["p99.9"] / 3
    assert found["hedge_after=0.3"].percentiles["p50"] == pytest.approx(plain.percentiles["p50"], rel=0.05)


def test_simulated_hedges_are_printed() -> None:
    outcome = virtual.run(hedging.simulate(40, 1, hedging.MODES["no hedge"]))
    first, second = hedging.table({"a mode": outcome})
    assert first.split() == ["p50", "p99", "p99.9", "hedged", "won", "runs", "billed", "map"]
    assert second.startswith("a mode")
