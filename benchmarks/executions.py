"""How often one call is executed, and what its caller sees, fault by fault: this client beside three others.

Makes an environment for each peer under `--environments` (aws-sdk-lambda needs Python 3.12 or later), serves the faults of
`tests/faults.py` on 127.0.0.1, and prints a Markdown table: executions / outcome. The settings are the defaults of each client,
but for the read limit of half a second (`peers.py` says by which option). The races are many calls, and show how many of them
were executed twice, and how many failed. Exit code 1 where this client executes a call twice, or gives another call's answer.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import fault_table, faults, soak_server
from tests.faults import FaultServer, Play

ROOT = Path(__file__).resolve().parents[1]
PEERS = {"aiobotocore": (3, 11), "boto3": (3, 11), "aws-sdk-lambda": (3, 12)}
OURS = "aiolambda"
SHOWN = [
    "accepts, and stays silent",
    "reads all, then silence",
    "reads all, then FIN",
    "reads all, then RST",
    "half the headers, then FIN",
    "half the body, then FIN",
    "chunked with a bad size",
    "half-close in the request, reads it, closes",
    "500 without a code",
    "502 without a code",
    "503 without a code",
    "504 without a code",
    "500 ServiceException",
    "502 ResourceNotReadyException",
    "429, with Retry-After: 1, until 3 s have passed",
    "a second answer at once",
    "a second answer 50 ms later",
    "a 408 on an idle connection",
    "idle: FIN",
    "idle: RST",
    "idle: half-close, then reads and closes",
]
RACES = {
    "a race: idle connections end at random": "closes_idle",
    "a race: half-close, then reads and closes": "half_closes_and_reads",
    "every second request is read and reset": "resets_after_reading",
}


@attrs.frozen
class Client:
    """A client in a process of its own."""

    version: str
    process: asyncio.subprocess.Process

    async def order(self, **words: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.version} has ended")
        return json.loads(line)


@asynccontextmanager
async def started(name: str, python: str) -> AsyncGenerator[Client]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    process = await asyncio.create_subprocess_exec(
        python,
        str(ROOT / "benchmarks" / "peers.py"),
        name,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=2**24,
        env={**clean, **nothing, "PYTHONPATH": str(ROOT) if name == OURS else ""},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Client(json.loads(await process.stdout.readline()), process)
    finally:
        process.stdin.close()
        await process.wait()


def pythons() -> Iterable[str]:
    yield sys.executable
    for minor in range(12, 20):
        if found := shutil.which(f"python3.{minor}"):
            yield found
    yield from map(str, sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3")))


def python_of(least: tuple[int, int]) -> str | None:
    """A Python that runs and is new enough."""
    wanted = f"import sys; sys.exit(sys.version_info < {least})"
    for path in pythons():
        if subprocess.run([path, "-c", wanted], capture_output=True, check=False).returncode == 0:
            return path
    return None


def environment(name: str, folder: Path) -> str | None:
    """The Python of an environment with this peer, made when it is not there; `None` where no Python is new enough."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        base = python_of(PEERS[name])
        if base is None:
            return None
        subprocess.run([base, "-m", "venv", str(folder / name)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", name], check=True)
    return str(python)


def _throttles_for(seconds: float) -> faults.Script:
    """429 with `Retry-After: 1` until so many seconds after the first request."""
    began: list[float] = []
    throttle = faults.service_error("429 Too Many Requests", "TooManyRequestsException", "Retry-After: 1\r\n")

    async def script(connection: faults.Connection) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            head = await connection.read_head()
            began.append(clock())
            refuses = clock() - began[0] < seconds
            request = await connection.read_request(head, executes=not refuses)
            await connection.write(throttle(request) if refuses else faults.normal_answer(request))

    return script


def rows(*, every: bool) -> dict[str, fault_table.Fault]:
    """The faults that need neither TLS nor a hand on the client's socket."""
    throttled = fault_table.answered(SHOWN[14], _throttles_for(3))
    found = {fault.name: fault for fault in [*fault_table.FAULTS, throttled] if not (fault.tls or fault.struck)}
    return found if every else {name: found[name] for name in SHOWN}


async def row_of(server: FaultServer, client: Client, fault: fault_table.Fault) -> str:
    play = await server.play(fault.script or faults.well, buffer=fault.buffer)
    if fault.script is None:
        await server.ended(play)
    call = "call-1"
    await client.order(open=play.url)
    if fault.warm:
        await client.order(call=call)
        await asyncio.wrap_future(play.deed)
        call = "call-2"
    outcome = await client.order(call=call)
    await client.order(close=True)
    if fault.script is not None:
        await server.ended(play, limit=0)
    if fault.warm and play.executions["call-1"] != 1:
        outcome += f"; the call before it ran {play.executions['call-1']} times"
    return f"{play.executions[call]} / {outcome}"


async def race_of(server: FaultServer, client: Client, script: str, calls: int) -> str:
    play: Play = await server.play(soak_server.SCRIPTS[script](Counter(), 0))
    await client.order(open=play.url)
    outcomes = await client.order(calls=[f"call-{number}" for number in range(calls)], in_flight=10)
    await client.order(close=True)
    await server.ended(play, limit=0)
    failed = sum(outcome != "answer" for outcome in outcomes.values())
    wrong = sum(outcome == "the answer of another call" for outcome in outcomes.values())
    twice = sum(count > 1 for count in play.executions.values())
    return f"{twice} ran twice or more, {failed} failed" + (f", {wrong} got another's answer" if wrong else "")


async def column(name: str, python: str, options: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """What one client makes of everything."""
    async with started(name, python) as client:
        with FaultServer() as server:
            cells = {
                row: await row_of(server, client, fault)
                for row, fault in rows(every=options.every).items()
                if options.only in row
            }
            for row, script in RACES.items():
                if options.only in row:
                    cells[f"{row} ({options.race} calls)"] = await race_of(server, client, script, options.race)
        return client.version, cells


def table(columns: dict[str, dict[str, str]]) -> str:
    first = next(iter(columns.values()))
    lines = [["fault", *columns], *([row, *(cells[row] for cells in columns.values())] for row in first)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    text = [[value.ljust(width) for value, width in zip(line, widths, strict=True)] for line in lines]
    text.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in text)


def is_kept(cell: str) -> bool:
    """Whether a cell of this client keeps its promise: one execution at most, and no answer of another call."""
    return cell.startswith(("0 ", "1 / ")) and "another" not in cell and "the call before" not in cell


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv-peers", metavar="FOLDER")
    parser.add_argument("--every", action="store_true", help="all faults that need neither TLS nor a hand on the client")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows that have this in their name")
    parser.add_argument("--race", type=int, default=2000, metavar="CALLS")
    parser.add_argument("clients", nargs="*", default=[OURS, *PEERS], help=f"of {OURS}, {', '.join(PEERS)}")
    options = parser.parse_args()
    columns: dict[str, dict[str, str]] = {}
    for name in options.clients:
        python = sys.executable if name == OURS else environment(name, options.environments)
        if python is None:
            print(f"{name}: no Python of {PEERS[name]} or later was found", file=sys.stderr)
            continue
        version, cells = await column(name, python, options)
        columns[version] = cells
        print(f"{version} done", file=sys.stderr)
    print(table(columns))
    ours = next((cells for version, cells in columns.items() if version.startswith(OURS)), {})
    broken = [f"{row}: {cell}" for row, cell in ours.items() if not is_kept(cell)]
    print("\n".join(f"DOES NOT HOLD: {line}" for line in broken) or "no call of this client was executed twice")
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    asyncio.run(main())
