"""Random calls of the local endpoint through a proxy with random faults: each verdict of the client against the executions.

The functions run in real processes, of an endpoint in a process of its own. They answer, raise, end their process, pass their
timeout, stream, are throttled, or run as events; each writes its execution into a file before anything else. The proxy resets,
closes, half-closes, stalls, cuts, swallows and slows connections at random moments, and one call in twelve is cancelled.

At the end, a call that was executed has run once, and so has an accepted event. One that was cancelled, or whose outcome is
unknown, has run at most once; one that was refused or not delivered, never. Only calls marked as idempotent run again.
"""

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import attrs

from aiolambda import AiolambdaError, Credentials, Delivery, FunctionError, InvokeCommand, LambdaClient, Timeouts

from . import runs
from .runs import ANSWER, ROOT, Outcome

CHANCE = random.Random()
OF_ANOTHER = "the answer of another call"
CANCELLED = Outcome("cancelled", delivery=Delivery.UNKNOWN)
SHARE_OF_CANCELLED = 1 / 12
LIMITS = Timeouts(total=8, connect=2, read=2.5, idle=2.5)
"""Some stalls of the proxy are longer than these, some are shorter."""
SLOTS = 10
"""Calls in flight. Others that are made at the same time wait for their turn."""

Call = Callable[[LambdaClient, str, Mapping[str, Any]], Awaitable[Outcome]]


async def _invoke(client: LambdaClient, function: str, event: Mapping[str, Any]) -> Outcome:
    output = await client.invoke(function, event)
    return Outcome(ANSWER if output.json() == event["call"] else OF_ANOTHER, output.metadata.attempts)


async def _invoke_idempotent(client: LambdaClient, function: str, event: Mapping[str, Any]) -> Outcome:
    output = await client.invoke(function, event, idempotent=True)
    return Outcome(ANSWER if output.json() == event["call"] else OF_ANOTHER, output.metadata.attempts)


async def _invoke_hastily(client: LambdaClient, function: str, event: Mapping[str, Any]) -> Outcome:
    """With a limit that may pass at any moment: while the call waits for its turn, before it is sent, or later."""
    await client.invoke(function, event, timeout=CHANCE.uniform(0, 0.2))
    return Outcome(ANSWER)


async def _stream(client: LambdaClient, function: str, event: Mapping[str, Any]) -> Outcome:
    async with client.stream(function, event) as stream:
        came = await stream.read()
    return Outcome(ANSWER if came.decode() == f"one two {event['call']}" else OF_ANOTHER, stream.metadata.attempts)


async def _send_event(client: LambdaClient, function: str, event: Mapping[str, Any]) -> Outcome:
    receipt = await client.invoke_event(function, event)
    return Outcome("accepted", receipt.metadata.attempts, Delivery.ACCEPTED)


async def _try_dry(client: LambdaClient, function: str, event: Mapping[str, Any]) -> Outcome:
    output = await client.send(InvokeCommand(function_name=function, payload=event, invocation_type="DryRun"))
    return Outcome("dry run", output.metadata.attempts, Delivery.NOT_DELIVERED)


@attrs.frozen
class Kind:
    """Calls of one kind: their share of all, the function and what it does, and how it is called."""

    share: int
    function: str
    deed: str
    call: Call = _invoke


KINDS = {
    "answer": Kind(40, "work", "answer"),
    "slow": Kind(12, "work", "slow"),
    "idempotent": Kind(8, "work", "slow", _invoke_idempotent),
    "error": Kind(5, "work", "raise"),
    "exit": Kind(2, "work", "exit"),
    "timeout": Kind(1, "work", "hang"),
    "throttle": Kind(6, "narrow", "slow"),
    "hurry": Kind(6, "work", "slow", _invoke_hastily),
    "hurry, throttled": Kind(3, "closed", "answer", _invoke_hastily),
    "no such function": Kind(2, "missing", "answer"),
    "stream": Kind(10, "writer", "slow", _stream),
    "stream with an error": Kind(3, "writer", "raise", _stream),
    "stream with an exit": Kind(1, "writer", "exit", _stream),
    "event": Kind(10, "queued", "slow", _send_event),
    "dry run": Kind(2, "work", "answer", _try_dry),
}


@attrs.define
class Verdicts:
    """The outcome of each call and how often it ran. A name is a kind and a number: `slow/17`."""

    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    executions: Mapping[str, int] = attrs.field(factory=dict)
    recorded: Mapping[str, int] = attrs.field(factory=dict)
    """The executions that the endpoint itself recorded."""
    notes: Mapping[str, int] = attrs.field(factory=dict)

    async def work(self, client: LambdaClient, until: float) -> None:
        """Make calls one after another until that time of the loop."""
        while asyncio.get_running_loop().time() < until:
            (kind,) = CHANCE.choices(list(KINDS), [kind.share for kind in KINDS.values()])
            name = f"{kind}/{len(self.outcomes)}"
            self.outcomes[name] = CANCELLED
            self.outcomes[name] = await self._cancelled_perhaps(asyncio.create_task(_outcome(client, KINDS[kind], name)))

    async def _cancelled_perhaps(self, call: "asyncio.Task[Outcome]") -> Outcome:
        if CHANCE.random() < SHARE_OF_CANCELLED:
            await asyncio.wait({call}, timeout=CHANCE.uniform(0, 0.1))
            call.cancel()
        try:
            return await call
        except asyncio.CancelledError:
            return CANCELLED

    def claims(self) -> dict[str, bool]:
        """What must hold."""
        ran = [(name, outcome, self.executions.get(name, 0)) for name, outcome in self.outcomes.items()]
        once = [(outcome, count) for name, outcome, count in ran if not name.startswith("idempotent/")]
        again = [(outcome, count) for name, outcome, count in ran if name.startswith("idempotent/")]
        certain = (Delivery.EXECUTED, Delivery.ACCEPTED)
        return {
            "what was executed or accepted ran once": all(count == 1 for outcome, count in once if outcome.delivery in certain),
            "what is unknown ran at most once": all(count <= 1 for _, count in once),
            "what was refused or not delivered did not run": all(
                not count for _, outcome, count in ran if not outcome.delivery.may_have_run
            ),
            "an idempotent call ran at most once an attempt": all(
                count <= outcome.attempts for outcome, count in again if outcome is not CANCELLED
            ),
            "an idempotent call that was executed ran": all(
                count for outcome, count in again if outcome.delivery is Delivery.EXECUTED
            ),
            "each answer belongs to its call": all(outcome.what != OF_ANOTHER for outcome in self.outcomes.values()),
            "no other call ran": self.executions.keys() <= self.outcomes.keys(),
            "the endpoint recorded each execution": self.recorded == self.executions,
        }

    def report(self) -> str:
        rows: list[tuple[str, object]] = [("calls", len(self.outcomes)), ("executions", sum(self.executions.values()))]
        by_delivery = Counter((outcome.delivery, self.executions.get(name, 0)) for name, outcome in self.outcomes.items())
        rows += [(f"{delivery}, ran {count} times", number) for (delivery, count), number in sorted(by_delivery.items())]
        by_kind = Counter(f"{name.partition('/')[0]}: {outcome}" for name, outcome in self.outcomes.items())
        rows += sorted(by_kind.items())
        rows += [(f"server: {what}", count) for what, count in sorted(self.notes.items())]
        return "".join(f"  {name:<64} {value}\n" for name, value in rows)


async def _outcome(client: LambdaClient, kind: Kind, name: str) -> Outcome:
    event = {"call": name, "do": kind.deed, "seconds": CHANCE.uniform(0, 0.05)}
    try:
        return await kind.call(client, kind.function, event)
    except FunctionError as error:
        return Outcome(type(error).__name__, error.output.metadata.attempts if error.output else 1, error.delivery)
    except AiolambdaError as error:
        return Outcome(type(error).__name__, getattr(error, "attempts", 1), error.delivery)


@contextlib.asynccontextmanager
async def _serving(verdicts: Verdicts) -> AsyncGenerator[LambdaClient]:
    """A client of the endpoint in its process. The counts of the server are there when the block has ended."""
    command = [sys.executable, "-m", "tests.support.faulty_endpoint"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        keys = Credentials(told["key"], told["secret"])
        settings: dict[str, Any] = {
            "endpoint_url": told["url"],
            "credentials": keys,
            "timeout": LIMITS,
            "max_concurrency": SLOTS,
        }
        async with LambdaClient(region="us-east-1", **settings) as client:
            yield client
        server.stdin.close()
        counted = json.loads(server.stdout.readline())
        verdicts.executions, verdicts.recorded, verdicts.notes = (counted[name] for name in ("executions", "recorded", "notes"))


async def endpoint_faults(*, seconds: float, in_flight: int) -> tuple[Verdicts, list[str]]:
    """Calls for so long, so many at a time."""
    verdicts = Verdicts()
    async with _serving(verdicts) as client:
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(verdicts.work(client, until) for _ in range(in_flight)))
    return verdicts, [claim for claim, holds in verdicts.claims().items() if not holds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--in-flight", type=int, default=16)
    runs.add_loop(parser)
    options = parser.parse_args()
    runs.tell(endpoint_faults(seconds=options.seconds, in_flight=options.in_flight), loop=options.loop)


if __name__ == "__main__":
    main()
