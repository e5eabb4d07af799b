"""The rows that are measured with drivers and the answering server: each a function of the run that gives its figures.

Owns which cells there are, how many rounds, and in what order. Must not know how a client is called.
"""

import contextlib
import importlib.util
import json
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import attrs

from benchmarks.environments import HERE, NODE, OURS, ROOT, UnavailableError
from benchmarks.figures import Figure
from benchmarks.loops import plain
from benchmarks.processes import Driver, DriverError, Server, clean_environment, command_of, started

KB, MB = 1024, 1024 * 1024
SIZES = {"100 B": 100, "10 KB": 10 * KB, "256 KB": 256 * KB, "6 MB": 6 * MB - KB}
THREADED = "boto3"
Drivers = dict[str, Driver]


@attrs.frozen
class Cell:
    """One combination of the first row. `size` is of `SIZES`."""

    scheme: str
    in_flight: int
    size: str

    @property
    def name(self) -> str:
        return f"{self.scheme.upper()}, {self.in_flight:,} in flight, {self.size}"


CROWD = 1000
LONGER_FOR_A_CROWD = 4
"""Times that a crowd is measured as long as fifty calls: in their time each of its calls would come two or three times."""
TOO_LARGE = {(50, "6 MB"), (CROWD, "6 MB"), (CROWD, "256 KB")}
"""Left out: peers that hold an answer three times over would need gigabytes, and a wave of calls takes half a minute."""

_CELLS = [
    Cell(scheme, in_flight, size)
    for scheme, in_flight, size in product(("http", "https"), (1, 50, CROWD), SIZES)
    if (in_flight, size) not in TOO_LARGE and (scheme, in_flight, size) != ("https", CROWD, "10 KB")
]
_FAST_CELLS = [Cell("https", 50, "100 B"), Cell("https", CROWD, "100 B"), Cell("https", 1, "6 MB")]
CELLS = {
    "asyncio": _CELLS,
    "uvloop": [cell for cell in _CELLS if cell.in_flight < CROWD or cell.size == "100 B"],
    "asyncio+aiofastnet": _FAST_CELLS,
    "uvloop+aiofastnet": _FAST_CELLS,
}
QUICK_CELLS = {
    "asyncio": [Cell("http", 50, "100 B"), Cell("http", CROWD, "100 B"), Cell("https", 50, "100 B"), Cell("http", 1, "6 MB")]
}
WITHOUT_AIOFASTNET = "aiohttp without aiofastnet"


@attrs.frozen
class Column:
    """How the client of one column runs. `tree` is the checkout from which this project's client is taken."""

    peer: str
    loop: str = "asyncio"
    tree: Path = ROOT


@attrs.frozen
class Run:
    """The means of a row: the server, the available peers, how much to measure, and notes on missing figures."""

    server: Server
    peers: list[str]
    folder: Path
    rounds: int
    seconds: float
    is_quick: bool
    held: list[int]
    items: int
    notes: list[str] = attrs.field(factory=list)
    server_per_client: dict[str, float] = attrs.field(factory=dict)
    """By row, the most CPU of the server for a second of a client's. From 1 on the clients wait for the server."""

    def note(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr)
        self.notes.append(text)

    @contextlib.asynccontextmanager
    async def drivers(self, columns: Mapping[str, Column], *, watched: bool = False) -> AsyncGenerator[Drivers]:
        """The process of each column, by the name of the column."""
        async with contextlib.AsyncExitStack() as stack:
            found: Drivers = {}
            for name, column in columns.items():
                starting = started(
                    column.peer, self.folder, ca=self.server.ca, loop=column.loop, watched=watched, tree=column.tree
                )
                found[name] = await stack.enter_async_context(starting)
            yield found

    @contextlib.asynccontextmanager
    async def opened(self, drivers: Drivers, *, scheme: str = "http", pool: int) -> AsyncGenerator[None]:
        """Their clients, open while this block runs."""
        for peer in list(drivers):
            await self.ask(drivers, peer, "open", url=self.server.url(scheme), pool=pool, ca=self.server.ca)
        yield
        for peer in list(drivers):
            await self.ask(drivers, peer, "close")

    async def ask(self, drivers: Drivers, peer: str, order: str, **words: Any) -> Any:
        """An answer, or `None` if the peer failed. It is left out from then on."""
        if peer not in drivers:
            return None
        try:
            return await drivers[peer].order(order, **words)
        except DriverError as error:
            if peer == OURS:
                raise
            self.note(f"left out after {order!r}: {error}")
            del drivers[peer]
            return None

    async def hold(self, drivers: Drivers, peer: str, count: int, payload: int, *, held: int) -> None:
        """Begin so many calls, and wait until the server has those that it holds then."""
        await self.ask(drivers, peer, "hold", count=count, payload=payload)
        while peer in drivers and await self.server.control.order("held") < held:
            await self.ask(drivers, peer, "pause")

    async def let_go(self, drivers: Drivers, peer: str) -> None:
        """Let the server answer the requests it holds, and wait until the peer has the answers."""
        await self.server.control.order("release")
        await self.ask(drivers, peer, "released")

    async def warm(self, drivers: Drivers, peer: str, in_flight: int, payload: int) -> None:
        """Fill the client's caches, and have it open a connection for each call in flight: the server holds them all at once.

        Without that, a client that hands a connection that comes back to a call that waits goes on opening some for long.
        """
        is_cold = await self.ask(drivers, peer, "warm", in_flight=in_flight, payload=payload)
        if is_cold and peer != THREADED:
            await self.hold(drivers, peer, in_flight, payload, held=in_flight)
            await self.let_go(drivers, peer)

    async def alternate(self, drivers: Drivers, row: str, order: str, *, rounds: int, **words: Any) -> dict[str, list[Any]]:
        """The answers of every peer, round by round, each round beginning with another."""
        found: dict[str, list[Any]] = {peer: [] for peer in drivers}
        for number in range(rounds):
            names = list(drivers)
            for peer in names[number % len(names) :] + names[: number % len(names)]:
                await self.warm(drivers, peer, words["in_flight"], words["payload"])
                cpu = await self.server.control.order("cpu")
                answer = await self.ask(drivers, peer, order, **words)
                if answer is not None:
                    used = await self.server.control.order("cpu") - cpu
                    answer["server_per_client"] = used / answer["cpu"]
                    self.server_per_client[row] = max(self.server_per_client.get(row, 0.0), answer["server_per_client"])
                    found[peer].append(answer)
        return {peer: answers for peer, answers in found.items() if len(answers) == rounds}

    def columns(self, loop: str = "asyncio") -> dict[str, Column]:
        """The peers that run on this loop. Only this environment has aiofastnet: beside it, a bare POST without it."""
        if loop == plain(loop):
            return {peer: Column(peer, loop) for peer in self.peers if loop == "asyncio" or peer not in (THREADED, NODE)}
        if importlib.util.find_spec("aiofastnet") is None:
            self.note(f"{loop} is left out: aiofastnet is not installed")
            return {}
        found = {peer: Column(peer, loop) for peer in self.peers if peer in HERE}
        return {**found, WITHOUT_AIOFASTNET: Column("aiohttp", plain(loop))} if "aiohttp" in found else found

    def asynchronous(self) -> dict[str, Column]:
        return {peer: Column(peer) for peer in self.peers if peer not in (THREADED, NODE)}


def _values(answers: dict[str, list[Any]], of: Callable[[Any], float]) -> dict[str, list[float]]:
    return {peer: [of(answer) for answer in found] for peer, found in answers.items()}


def _notes(answers: dict[str, list[Any]], *names: str) -> dict[str, Any]:
    """Figures beside those of a line, by peer. JavaScript's driver does not know all of them."""
    return {
        name: {peer: [answer[name] for answer in found] for peer, found in answers.items() if name in found[0]}
        for name in names
    }


async def invocation(run: Run) -> list[Figure]:
    """CPU and latency of an invocation, by size, calls in flight, scheme and loop.

    Each size has processes of its own: large answers change what the C library's allocator does for the small ones behind them.
    """
    figures: list[Figure] = []
    for loop, cells in (QUICK_CELLS if run.is_quick else CELLS).items():
        columns = run.columns(loop)
        for size in dict.fromkeys(cell.size for cell in cells if columns):
            async with run.drivers(columns) as drivers:
                for cell in cells:
                    if cell.size == size:
                        figures += await of_a_cell(run, drivers, cell, loop)
    return sorted(figures, key=lambda figure: figure.section)


async def of_a_cell(run: Run, drivers: Drivers, cell: Cell, loop: str) -> list[Figure]:
    """CPU, and two figures of latency. Their clients are opened here, and closed."""
    is_crowd = cell.in_flight >= CROWD
    async with run.opened(drivers, scheme=cell.scheme, pool=cell.in_flight):
        answers = await run.alternate(
            drivers,
            "invocation",
            "run",
            rounds=run.rounds,
            in_flight=cell.in_flight,
            payload=SIZES[cell.size],
            seconds=run.seconds * (LONGER_FOR_A_CROWD if is_crowd else 1),
        )
    print(f"  {loop}, {cell.name}", file=sys.stderr)
    notes = _notes(answers, "calls", "wall", "server_per_client", "memory", "faults")
    cpu = Figure(
        f"CPU of an invocation, {loop}", cell.name, "us", _values(answers, lambda a: a["cpu"] / a["calls"] * 1e6), notes
    )
    latencies = [
        Figure(
            f"latency of an invocation, {loop}",
            f"{cell.name}: {name}",
            "ms",
            _values(answers, lambda a, name=name: a[name] * 1e3),
        )
        for name in ("p50", "p99")
    ]
    return [cpu, *latencies]


async def throughput(run: Run) -> list[Figure]:
    """Calls for each second of CPU: the inverse of the first row's figure. More is better."""
    async with run.drivers(run.columns()) as drivers, run.opened(drivers, pool=50):
        answers = await run.alternate(
            drivers, "throughput", "run", rounds=run.rounds, in_flight=50, payload=100, seconds=2 * run.seconds
        )
    section = "calls a second on one core (more is better)"
    by_cpu = _values(answers, lambda a: a["calls"] / a["cpu"])
    by_clock = _values(answers, lambda a: a["calls"] / a["wall"])
    return [
        Figure(section, "HTTP, 50 in flight, 100 B: by CPU", "/s", by_cpu, _notes(answers, "server_per_client")),
        Figure(section, "HTTP, 50 in flight, 100 B: by the clock", "/s", by_clock),
    ]


@attrs.frozen
class Wave:
    """Memory of a call in flight, in KiB, and the rest afterwards, in KiB and in blocks of Python's allocator."""

    held: float
    left: float
    blocks: float


OVER_TLS = 1000
"""Calls in flight while the memory of a TLS connection is measured: some clients hold 300 KiB for each."""


async def memory(run: Run) -> list[Figure]:
    """Memory of a call in flight, all held by the server at once, and the rest after another such wave; and of TLS, by loop."""
    most = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500) // 2  # on Linux this client has two descriptors a connection
    counts = dict.fromkeys(min(held, most) for held in run.held)
    columns = {name: column for name, column in run.columns().items() if name != THREADED}
    figures = [figure for count in counts for figure in await _memory(run, columns, count)]
    return figures + await _memory_over_tls(run, min(OVER_TLS, *counts))


async def _memory(run: Run, columns: dict[str, Column], count: int) -> list[Figure]:
    waves = await _waves(run, columns, "http", count)
    in_blocks = {name: some for name, some in waves.items() if name != NODE}
    section = f"memory, {count:,} in flight"
    left = f"{section}: left by a second, closed client (as it is, not as a ratio)"
    return [
        Figure(section, "a call in flight", "KiB", _values(waves, lambda wave: wave.held)),
        Figure(left, "of the process, by call", "KiB", _values(waves, lambda wave: wave.left), is_compared=False),
        Figure(left, "Python's blocks, by call", "blocks", _values(in_blocks, lambda wave: wave.blocks), is_compared=False),
    ]


async def _memory_over_tls(run: Run, count: int) -> list[Figure]:
    """Of a call with its connection, which is most of it."""
    section, figures = f"memory over TLS, {count:,} in flight", []
    for loop in ("asyncio", "uvloop", "asyncio+aiofastnet", "uvloop+aiofastnet"):
        columns = {name: column for name, column in run.columns(loop).items() if column.peer not in (THREADED, NODE)}
        columns.pop(WITHOUT_AIOFASTNET, None)  # that is the row of the loop alone
        if columns:
            waves = await _waves(run, columns, "https", count)
            figures.append(Figure(section, f"a call in flight, {loop}", "KiB", _values(waves, lambda wave: wave.held)))
    return figures


async def _waves(run: Run, columns: dict[str, Column], scheme: str, count: int) -> dict[str, list[Wave]]:
    """The waves of each column that did not fail, in a process for each."""
    found: dict[str, list[Wave]] = {}
    for _ in range(1 if run.is_quick else 2):
        for name, column in columns.items():
            async with run.drivers({name: column}) as drivers:
                found.setdefault(name, []).extend(await _wave(run, drivers, name, scheme, count))
    return {name: some for name, some in found.items() if len(some) == len(found[OURS])}


async def _wave(run: Run, drivers: Drivers, peer: str, scheme: str, count: int) -> list[Wave]:
    """Two clients, one after the other: the first fills the lasting caches, the second shows the rest of its calls."""
    marks: list[Any] = []
    second = max(2, count // 4)
    for number in (count, second):
        marks.append(await _held(run, drivers, peer, scheme, number))
        if peer not in drivers:
            return []
    (half, most, after), (_, _, end) = marks
    held = (most["memory"] - half["memory"]) / (count // 2) / KB
    left = (end["memory"] - after["memory"]) / second / KB
    return [Wave(held, left, (end.get("blocks", 0) - after.get("blocks", 0)) / second)]


async def _held(run: Run, drivers: Drivers, peer: str, scheme: str, count: int) -> list[Any]:
    """The marks while the server has half of the calls, while it has all, and when their client is closed.

    The first half uses up free memory. The second half takes its memory from the system.
    """
    half, marks = count // 2, []
    await run.ask(drivers, peer, "open", url=run.server.url(scheme), pool=count, ca=run.server.ca)
    for number in (half, 2 * half):
        await run.hold(drivers, peer, half, 100, held=number)
        marks.append(await run.ask(drivers, peer, "marks"))
    await run.let_go(drivers, peer)
    await run.ask(drivers, peer, "close")
    return [*marks, await run.ask(drivers, peer, "marks")]


async def stall(run: Run) -> list[Figure]:
    """The longest turn of the loop while payloads of 6 MB go both ways."""
    figures = []
    async with run.drivers(run.asynchronous(), watched=True) as drivers:
        for in_flight in (1, 4):
            async with run.opened(drivers, pool=in_flight):
                answers = await run.alternate(
                    drivers, "stall", "run", rounds=run.rounds, in_flight=in_flight, payload=SIZES["6 MB"], count=5 * in_flight
                )
            case, notes = f"6 MB both ways, {in_flight} in flight", _notes(answers, "server_per_client")
            for name, words in (("busy_cpu", "by its CPU"), ("busy_wall", "by the clock")):
                by_peer = _values(answers, lambda a, name=name: a[name] * 1e3)
                figures.append(Figure("longest turn of the loop", f"{case}: {words}", "ms", by_peer, notes))
    return figures


async def fan_out(run: Run) -> list[Figure]:
    """`client.map` beside workers over one iterator."""
    count = run.items
    columns = {peer: Column(peer) for peer in (OURS, "aiohttp", "aiobotocore") if peer in run.peers}
    async with run.drivers(columns) as drivers, run.opened(drivers, pool=100):
        answers = await run.alternate(
            drivers, "fan-out", "map", rounds=min(run.rounds, 3), count=count, in_flight=100, payload=100
        )
    section = f"fan-out of {count:,} items, 100 in flight"
    return [
        Figure(
            section,
            "CPU of an item",
            "us",
            _values(answers, lambda a: a["cpu"] / a["calls"] * 1e6),
            _notes(answers, "server_per_client"),
        ),
        Figure(section, "all items, by the clock", "s", _values(answers, lambda a: a["wall"])),
    ]


def _fresh(run: Run, peer: str, what: str, *rest: str) -> Any:
    """The figures of a process of its own."""
    command, more = command_of(peer, "driver" if peer == NODE else "fresh", run.folder)
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    arguments = [f"--{what}" if peer == NODE else what, *rest]
    env = clean_environment(**more) | keys
    done = subprocess.run([*command, *arguments], env=env, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise UnavailableError(f"{peer} failed in a fresh process: {(done.stderr.strip() or 'no word').splitlines()[-1]}")
    return json.loads(done.stdout)


def _fresh_rounds(run: Run, what: str, *rest: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {peer: [] for peer in run.peers if peer != "aiohttp-tuned"}
    for number in range(-1, run.rounds if run.is_quick else 2 * run.rounds - 1):
        for peer in list(found):
            try:
                answer = _fresh(run, peer, what, *rest)
            except UnavailableError as error:
                run.note(str(error))
                del found[peer]
                continue
            if number >= 0:  # the one before compiles, and fills the cache of the file system
                found[peer].append(answer)
    return found


async def importing(run: Run) -> list[Figure]:
    """Importing the client in a fresh process."""
    answers = _fresh_rounds(run, "import")
    section = "import, in a fresh process"
    return [
        Figure(section, "CPU", "ms", _values(answers, lambda a: a["cpu"] * 1e3), _notes(answers, "wall")),
        Figure(section, "memory of the process behind it", "MB", _values(answers, lambda a: a["memory"] / MB)),
    ]


async def first(run: Run) -> list[Figure]:
    """The first invocation of a fresh process, with keys in the environment."""
    answers = _fresh_rounds(run, "first", run.server.http)
    section = "first invocation, in a fresh process"
    return [
        Figure(section, "CPU of the process up to its answer", "ms", _values(answers, lambda a: a["cpu"] * 1e3)),
        Figure(section, "from the first import to its answer, by the clock", "ms", _values(answers, lambda a: a["wall"] * 1e3)),
        Figure(section, "memory of the process behind it", "MB", _values(answers, lambda a: a["memory"] / MB)),
    ]
