"""Executions of one call and its outcome for the caller, fault by fault: this client beside three others.

Makes an environment for each peer under `--environments` (aws-sdk-lambda needs Python 3.12 or later), serves the faults of
`tests/support/faults.py` on 127.0.0.1, and prints a Markdown table: executions / outcome. Each client has its default settings,
but for the read limit of half a second (see `benchmarks/peers.py`). A race is many calls: it shows how many of them ran twice,
and how many failed. Exit code 1 if this client executes a call twice, or returns the answer of another call.
"""

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path

from benchmarks.environments import CACHE, OURS, UnavailableError
from benchmarks.figures import table
from benchmarks.processes import Driver, started

from ..support import fault_table, faults, random_faults_server
from ..support.faults import FaultServer, Play

PEERS = ("aiobotocore", "boto3", "aws-sdk-lambda")
READ_LIMIT = 0.5
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


async def row_of(server: FaultServer, client: Driver, fault: fault_table.Fault) -> str:
    play = await server.play(fault.script or faults.well, buffer=fault.buffer)
    if fault.script is None:
        await server.ended(play)
    call = "call-1"
    await client.order("open", url=play.url, read_limit=READ_LIMIT)
    if fault.warm:
        await client.order("call", name=call)
        await asyncio.wrap_future(play.deed)
        call = "call-2"
    outcome = await client.order("call", name=call)
    await client.order("close")
    if fault.script is not None:
        await server.ended(play, limit=0)
    if fault.warm and play.executions["call-1"] != 1:
        outcome += f"; the call before it ran {play.executions['call-1']} times"
    return f"{play.executions[call]} / {outcome}"


async def race_of(server: FaultServer, client: Driver, script: str, calls: int) -> str:
    play: Play = await server.play(random_faults_server.SCRIPTS[script](Counter(), 0))
    await client.order("open", url=play.url, read_limit=READ_LIMIT)
    outcomes = await client.order("calls", names=[f"call-{number}" for number in range(calls)], in_flight=10)
    await client.order("close")
    await server.ended(play, limit=0)
    failed = sum(outcome != "answer" for outcome in outcomes.values())
    wrong = sum(outcome == "the answer of another call" for outcome in outcomes.values())
    twice = sum(count > 1 for count in play.executions.values())
    return f"{twice} ran twice or more, {failed} failed" + (f", {wrong} got another's answer" if wrong else "")


async def column(name: str, options: argparse.Namespace) -> tuple[str, dict[str, str]]:
    """All results of one client."""
    async with started(name, options.environments) as client:
        with FaultServer() as server:
            cells = {
                row: await row_of(server, client, fault)
                for row, fault in rows(every=options.every).items()
                if options.only in row
            }
            for row, script in RACES.items():
                if options.only in row:
                    cells[f"{row} ({options.race} calls)"] = await race_of(server, client, script, options.race)
        return client.greeting, cells


def told(columns: dict[str, dict[str, str]]) -> str:
    first = next(iter(columns.values()))
    return table([["fault", *columns], *([row, *(cells[row] for cells in columns.values())] for row in first)])


def is_kept(cell: str) -> bool:
    """Whether a cell of this client keeps its promise: one execution at most, and no answer of another call."""
    return cell.startswith(("0 ", "1 / ")) and "another" not in cell and "the call before" not in cell


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, default=CACHE, metavar="FOLDER")
    parser.add_argument("--every", action="store_true", help="all faults that need neither TLS nor a hand on the client")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows that have this in their name")
    parser.add_argument("--race", type=int, default=2000, metavar="CALLS")
    parser.add_argument("clients", nargs="*", default=[OURS, *PEERS], help=f"of {OURS}, {', '.join(PEERS)}")
    options = parser.parse_args()
    columns: dict[str, dict[str, str]] = {}
    for name in options.clients:
        try:
            version, cells = await column(name, options)
        except UnavailableError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        columns[version] = cells
        print(f"{version} done", file=sys.stderr)
    print(told(columns))
    ours = next((cells for version, cells in columns.items() if version.startswith(OURS)), {})
    broken = [f"{row}: {cell}" for row, cell in ours.items() if not is_kept(cell)]
    print("\n".join(f"DOES NOT HOLD: {line}" for line in broken) or "no call of this client was executed twice")
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    asyncio.run(main())
