"""The cost of the middleware stack, over a transport that answers at once.

`python benchmarks/middlewares.py [--rounds N] [--json]` measures a `send` as it is, how much less it costs without each of the
removable built-ins, and the cost of each added no-op, by step: the slope of a line through 0, 5, 10 and 20 of them.
CPU time, in alternating rounds, in one process.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import Credentials, InvokeCommand, LambdaClient, Request, Response, Step
from benchmarks.environments import OURS
from benchmarks.figures import Figure, markdown

KEYS = Credentials("AKIDEXAMPLE", "secret")
ADDED = (0, 5, 10, 20)
STEPS = [step for step in get_args(Step) if step != "finalizeRequest"]  # another name of finalize
CALLS = 2000
REMOVABLE = (
    "loggerMiddleware",
    "validationMiddleware",
    "contentLengthMiddleware",
    "getUserAgentMiddleware",
    "hostHeaderMiddleware",
    "recursionDetectionMiddleware",
    "retryMiddleware",
    "concurrencyMiddleware",
    "httpSigningMiddleware",
)


class Instant:
    """The same answer for every request."""

    answer = Response(200, {"x-amzn-requestid": "1", "x-amz-executed-version": "1", "content-length": "2"}, b"{}")

    async def send(self, request: Request, /) -> Response:
        return self.answer

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[Any]:
        raise NotImplementedError("no stream is asked for here")
        yield

    async def close(self) -> None:
        """There is nothing to close."""


async def nothing(call: Any, call_next: Any) -> Any:
    return await call_next(call)


def client() -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, transport=Instant(), max_concurrency=100)


def with_added(step: Any, count: int) -> LambdaClient:
    made = client()
    for number in range(count):
        # The same function cannot be told apart twice, so each has a name.
        made.middleware_stack.add(nothing, step=step, name=f"nothing{number}")
    return made


def without(*names: str) -> LambdaClient:
    made = client()
    for name in names:
        if not made.middleware_stack.remove(name):
            raise SystemExit(f"there is no {name} to remove")
    return made


async def cost(sender: LambdaClient, calls: int = CALLS) -> float:
    """Microseconds of CPU of one send."""
    command = InvokeCommand(function_name="bench", payload=b"{}")
    began = time.process_time()
    for _ in range(calls):
        await sender.send(command)
    return (time.process_time() - began) / calls * 1e6


async def rounds_of(clients: dict[Any, LambdaClient], rounds: int) -> dict[Any, list[float]]:
    found: dict[Any, list[float]] = {name: [] for name in clients}
    async with contextlib.AsyncExitStack() as opened:
        for sender in clients.values():
            await opened.enter_async_context(sender)
            await cost(sender, 100)
        for number in range(rounds):
            for name in list(clients) if number % 2 else reversed(clients):
                found[name].append(await cost(clients[name]))
    return found


def slope(points: dict[int, float]) -> float:
    return statistics.linear_regression(list(points), list(points.values())).slope


async def measured(rounds: int) -> list[Figure]:
    whole, bare = "send", "send without all of those"
    built = await rounds_of({whole: client(), **{name: without(name) for name in REMOVABLE}, bare: without(*REMOVABLE)}, rounds)
    figures = [Figure("", whole, "us", {OURS: built[whole]})]
    for name in REMOVABLE:
        spared = [with_it - less for with_it, less in zip(built[whole], built[name], strict=True)]
        figures.append(Figure("", f"of that, {name}", "us", {OURS: spared}))
    figures.append(Figure("", bare, "us", {OURS: built[bare]}))
    added = await rounds_of({(step, count): with_added(step, count) for step in STEPS for count in ADDED}, rounds)
    for step in STEPS:
        slopes = [slope({count: added[step, count][number] for count in ADDED}) for number in range(rounds)]
        figures.append(Figure("", f"each no-op that is added to {step}", "us", {OURS: slopes}))
    builtins = len(client().middleware_stack.identify())
    slopes_by_step = [figure.values[OURS] for figure in figures[-len(STEPS) :]]
    links = [builtins * statistics.mean(found) for found in zip(*slopes_by_step, strict=True)]
    figures.append(Figure("", f"the chain itself: {builtins} built-ins at the mean of those", "us", {OURS: links}))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measured(options.rounds))
    if options.json:
        print(json.dumps([{"case": it.case, "unit": it.unit, "values": it.values} for it in figures]))
    else:
        print(markdown(figures))


if __name__ == "__main__":
    main()
