"""The benchmarks of speed: that their command runs from end to end in small, and that ratios are told as they are."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import driver, environments, processes, rows
from benchmarks.figures import Figure, Spread, markdown

RUN = Path(__file__).resolve().parents[1] / "benchmarks" / "run.py"
SMALL = ["--quick", "--rounds", "1", "--seconds", "0.02", "--held", "40", "--items", "200"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What the smallest run of everything that needs no peer's environment has written."""
    folder = tmp_path_factory.mktemp("benchmarks")
    rows = ["--only", "invocation,memory,stall,first,fan-out", "--peers", "aiolambda,aiohttp"]
    files = ["--json", str(folder / "figures.json"), "--markdown", str(folder / "figures.md")]
    command = [sys.executable, str(RUN), *SMALL, *rows, *files, "--environments", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "figures.json").read_text()), (folder / "figures.md").read_text()


def test_every_row_has_a_figure_of_both_clients_for_each_round(run: tuple[dict[str, Any], str]) -> None:
    found, _ = run
    assert found["notes"] == []
    sections = [figure["section"].split(",")[0] for figure in found["figures"]]
    assert list(dict.fromkeys(sections)) == [
        "CPU of an invocation",
        "latency of an invocation",
        "memory",
        "longest turn of the loop",
        "first invocation",
        "fan-out of 200 items",
    ]
    for figure in found["figures"]:
        assert set(figure["values"]) == {"aiolambda", "aiohttp"}
        assert len({len(values) for values in figure["values"].values()}) == 1
        assert all(map(math.isfinite, figure["values"]["aiolambda"])), figure["case"]
        assert not figure["is_compared"] or math.isfinite(figure["ratios"]["aiohttp"]["median"]), figure["case"]


def test_the_cpu_of_the_server_is_told_for_every_row_that_asks_it(run: tuple[dict[str, Any], str]) -> None:
    found, _ = run
    assert set(found["server_per_client"]) == {"invocation", "stall", "fan-out"}
    assert all(most > 0 for most in found["server_per_client"].values())


def test_the_table_names_what_was_compared(run: tuple[dict[str, Any], str]) -> None:
    found, text = run
    assert f"- aiohttp: {found['peers']['aiohttp']}" in text
    assert "| / aiohttp" in text
    assert "HTTP, 50 in flight, 100 B" in text


def test_a_ratio_is_taken_within_a_round_and_its_median_and_range_are_told() -> None:
    # Each round is twice as slow as the one before it, for both; the median of the ratios does not see that.
    figure = Figure("speed", "a call", "us", {"aiolambda": [1, 2, 6], "peer": [2, 4, 8]})
    assert figure.ratios("peer") == Spread(0.5, 0.5, 0.75)
    assert "| a call | 2 us      | 0.5 (0.5 to 0.75) |" in markdown([figure])


def test_figures_that_are_near_nothing_are_told_as_they_are() -> None:
    figure = Figure("left", "a call", "KB", {"aiolambda": [0, 0.1], "peer": [0, 0]}, is_compared=False)
    assert figure.as_json()["ratios"] == {}
    assert "| a call | 0.05 (0 to 0.1) KB | 0 (0 to 0) |" in markdown([figure])


def test_a_peer_without_a_python_that_is_new_enough_cannot_be_had() -> None:
    with pytest.raises(environments.UnavailableError, match="Python of 9.9 or later"):
        environments.python_of((9, 9))


def test_a_turn_has_a_call_for_each_in_flight_however_short_it_is() -> None:
    assert list(driver.until(0.0, 3)) == [0, 1, 2]


async def test_an_answer_of_another_length_ends_the_run() -> None:
    class Short:
        async def call(self, name: str, payload: bytes) -> bytes:
            return payload[:-1]

    with pytest.raises(ValueError, match="99 bytes came for 100"):
        await driver.Driver(Short()).run(1, 100, count=1)


async def test_a_peer_that_fails_is_left_out_and_noted_but_this_client_is_not() -> None:
    run = rows.Run(
        server=None,  # type: ignore[arg-type]  # nothing is sent
        peers=["aiolambda", "peer"],
        folder=Path(),
        rounds=1,
        seconds=0.0,
        is_quick=True,
        held=1,
        items=1,
    )
    command = [sys.executable, "-c", 'print(1); input(); print(\'{"error": "no pool"}\')']
    async with processes.running("peer", command) as peer, processes.running("aiolambda", command) as ours:
        drivers = {"peer": peer, "aiolambda": ours}
        assert await run.ask(drivers, "peer", "open") is None
        assert set(drivers) == {"aiolambda"}
        assert run.notes == ["left out after 'open': peer: no pool"]
        with pytest.raises(processes.DriverError, match="aiolambda: no pool"):
            await run.ask(drivers, "aiolambda", "open")


async def test_a_process_that_ends_at_once_is_told_by_its_name() -> None:
    with pytest.raises(processes.DriverError, match="peer has ended before it said a word"):
        async with processes.running("peer", [sys.executable, "-c", ""]):
            pass
