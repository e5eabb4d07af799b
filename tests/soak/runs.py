"""Many calls against a server that misbehaves at random: the outcome of each, beside the executions that the server counted.

Owns the soaks: the calls, the server's process, and the claims. Each returns its run and the claims that do not hold.
`test_small` runs them at a small size, the programs of this folder at their full size.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, get_args

import attrs

from aiolambda import AiolambdaError, Credentials, Delivery, InvokeCommand, LambdaClient, Timeouts

from ..support.loops import LoopName, loop_factory
from ..support.random_faults_server import CAME_IN_THE_MOMENT

ROOT = Path(__file__).resolve().parents[2]
ANSWER = "answer"


@attrs.frozen
class Outcome:
    """The outcome of one call."""

    what: str
    attempts: int = 1
    delivery: Delivery = Delivery.EXECUTED

    def __str__(self) -> str:
        return self.what if self.what == ANSWER else f"{self.what}, {self.delivery}"


@attrs.define
class Run:
    """A client, the outcomes of its calls, and at the end the executions and notes of the server."""

    client: LambdaClient
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    executions: Mapping[str, int] = attrs.field(factory=dict)
    notes: Mapping[str, int] = attrs.field(factory=dict)
    caught: Mapping[str, int] = attrs.field(factory=dict)
    proves_delivery: bool = False
    """Whether a client can tell on this system that a request never arrived: on Linux."""

    async def call(self, name: str) -> Outcome:
        self.outcomes[name] = outcome = await self._outcome(name)
        return outcome

    async def _outcome(self, name: str) -> Outcome:
        try:
            output = await self.client.send(InvokeCommand(function_name=name, payload=b"{}"))
        except AiolambdaError as error:
            return Outcome(type(error).__name__, getattr(error, "attempts", 1), error.delivery)
        return Outcome(ANSWER if output.json() == name else "the answer of another call", output.metadata.attempts)

    async def calls(self, names: Iterable[str], *, in_flight: int) -> None:
        """All of them, so many at a time, each as soon as another has ended."""
        left = iter(names)

        async def worker() -> None:
            for name in left:
                await self.call(name)

        await asyncio.gather(*(worker() for _ in range(in_flight)))

    @property
    def answered(self) -> int:
        return sum(outcome.what == ANSWER for outcome in self.outcomes.values())

    @property
    def errors(self) -> dict[str, Outcome]:
        """The outcomes that are no answer, by call."""
        return {name: outcome for name, outcome in self.outcomes.items() if outcome.what != ANSWER}

    @property
    def duplicates(self) -> dict[str, int]:
        return {name: count for name, count in self.executions.items() if count > 1}

    @property
    def untrue(self) -> dict[str, Outcome]:
        """Calls with a false verdict: not run, though executed, or the reverse."""
        return {
            name: outcome
            for name, outcome in self.outcomes.items()
            if (outcome.delivery is Delivery.EXECUTED and not self.executions.get(name))
            or (not outcome.delivery.may_have_run and self.executions.get(name))
        }

    def report(self) -> str:
        rows: list[tuple[str, object]] = [("calls", len(self.outcomes)), ("answered", self.answered)]
        rows += sorted(Counter(f"failed: {outcome}" for outcome in self.errors.values()).items())
        rows += [("executed more than once", len(self.duplicates)), ("with a false verdict", len(self.untrue))]
        rows += sorted(Counter(f"with {outcome.attempts} attempts" for outcome in self.outcomes.values()).items())
        rows += [(f"client caught: {what}", count) for what, count in self.caught.items()]
        rows += [(f"server: {what}", count) for what, count in self.notes.items()]
        return "".join(f"  {name:<48} {value}\n" for name, value in rows)


def caught_by(client: LambdaClient) -> dict[str, int]:
    """Connections that the client's checks caught, by check."""
    return dict(getattr(getattr(client._state.transport, "_pool", None), "caught", {}))


@contextlib.asynccontextmanager
async def run(script: str, *, tls: bool = False, count: int = 0, **settings: Any) -> AsyncGenerator[Run]:
    """A run against a script of `random_faults_server`. The server's counts are there when the block has ended."""
    command = [
        sys.executable,
        "-m",
        "tests.support.random_faults_server",
        script,
        f"--count={count}",
        *(["--tls"] if tls else []),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        where = json.loads(server.stdout.readline())
        settings = {"timeout": Timeouts(read=20), **settings}
        async with LambdaClient(
            region="us-east-1",
            credentials=Credentials("AKIDEXAMPLE", "secret"),
            endpoint_url=where["url"],
            ca_bundle=where["bundle"],
            **settings,
        ) as client:
            this = Run(client)
            yield this
            this.caught = caught_by(client)
            this.proves_delivery = sys.platform == "linux"
        server.stdin.close()
        saw = json.loads(server.stdout.readline())
        this.executions, this.notes = saw["executions"], saw["notes"]


class Reported(Protocol):
    """The counts of a soak, as text."""

    def report(self) -> str: ...


Soak = tuple[Run, list[str]]


def _names(count: int) -> Iterable[str]:
    return (f"call-{number}" for number in range(count))


def _broken(claims: Mapping[str, bool]) -> list[str]:
    return [claim for claim, holds in claims.items() if not holds]


def _honest(run: Run) -> dict[str, bool]:
    """The claims for every run."""
    return {
        "no call is executed twice": not run.duplicates,
        "every verdict is true": not run.untrue,
        "every failed call is unknown": all(outcome.delivery is Delivery.UNKNOWN for outcome in run.errors.values()),
    }


async def idle_close(*, calls: int, in_flight: int, tls: bool) -> Soak:
    """Calls against a server that ends idle connections at random."""
    async with run("closes_idle", tls=tls) as this:
        await this.calls(_names(calls), in_flight=in_flight)
    came = this.notes.get(CAME_IN_THE_MOMENT, 0)
    return this, _broken(
        {
            **_honest(this),
            "no call fails before its first byte came": len(this.errors) <= came or not this.proves_delivery,
        }
    )


async def read_then_reset(*, losses: int, in_flight: int, tls: bool) -> Soak:
    """Calls of which every second one on a connection is read and reset, until there are so many of those."""
    async with run("resets_after_reading", tls=tls) as this:
        await this.calls(_names(2 * (losses + in_flight)), in_flight=in_flight)
    return this, _broken(
        {
            **_honest(this),
            "enough calls were lost": len(this.errors) >= losses,
            "every reset call failed": len(this.errors) == this.notes["read, then reset"],
            "no call is repeated": all(outcome.attempts == 1 for outcome in this.outcomes.values()),
        }
    )


async def half_close(*, calls: int, in_flight: int, tls: bool) -> Soak:
    """Calls against a server that ends its side of idle connections, and still executes the requests it reads there."""
    async with run("half_closes_and_reads", tls=tls) as this:
        await this.calls(_names(calls), in_flight=in_flight)
    read = sum(count for note, count in this.notes.items() if note.startswith("read behind"))
    return this, _broken(
        {
            **_honest(this),
            "no call fails that was not read": len(this.errors) <= read or not this.proves_delivery,
        }
    )


async def signature_age(*, calls: int, slots: int, tls: bool) -> Soak:
    """Calls that all wait for a few slots: how old their signatures are when the server reads them."""
    connect = 5.0
    async with run("notes_ages", tls=tls, max_concurrency=slots, timeout=Timeouts(connect=connect, read=20)) as this:
        await this.calls(_names(calls), in_flight=calls)
    return this, _broken(
        {
            "every call is answered": not this.errors,
            "no signature is older than 2 s on an open connection": this.notes["ms: oldest on an open connection"] <= 2000,
            "none is older than the connect limit on a new one": this.notes["ms: oldest on a new connection"] <= connect * 1000,
        }
    )


async def first_calls(*, calls: int, tls: bool) -> Soak:
    """So many first calls at once, each with a connection of its own: no answer is given before all requests have come."""
    limits = Timeouts(connect=5, read=300)
    async with run("waits_for_all", tls=tls, count=calls, max_concurrency=calls, timeout=limits) as this:
        await this.calls(_names(calls), in_flight=calls)
    return this, _broken(
        {
            **_honest(this),
            "every call is answered": not this.errors,
            "each had a connection of its own": this.notes["connections"] == calls,
        }
    )


def add_loop(parser: argparse.ArgumentParser) -> None:
    """The option that chooses the event loop of the client."""
    parser.add_argument("--loop", choices=get_args(LoopName), default="asyncio", help="the event loop of the client")


def tell(soaking: Coroutine[Any, Any, tuple[Reported, list[str]]], *, loop: LoopName) -> None:
    """Run a soak as a program: print its report, and exit with 1 if a claim does not hold."""
    began = time.monotonic()
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        this, broken = runner.run(soaking)
    verdict = [f"DOES NOT HOLD: {claim}" for claim in broken] or ["every claim holds"]
    print(f"{' '.join(sys.argv)}: {time.monotonic() - began:.0f} s", this.report(), *verdict, sep="\n")
    raise SystemExit(1 if broken else 0)
