"""The cost of OpenTelemetry, over a transport that answers at once.

`python benchmarks/telemetry.py [--rounds N] [--tree FOLDER] [--json]` measures a `send` of a client alone, of the same client
within the floor, and of one that `aiolambda.telemetry.instrument` has instrumented: without an SDK, and with one that samples
every call and exports nothing. The floor is written by hand around each call: a span with the attributes of the conventions,
`inject`, `end`, and a record in a histogram. CPU time, in alternating rounds, one process for each case.

`--tree` names another checkout, whose client without telemetry is measured in the same rounds.
"""

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FUNCTION, REGION = "bench", "us-east-1"
CALLS = 1000
CASES = ("without an SDK", "SDK, sampled")
CLIENT = "aiolambda"
ALONE, FLOOR, OURS, BEFORE = "client alone", "floor", "instrument", "client alone, before"

Send = Callable[[], Awaitable[Any]]


def floor_around(send: Send) -> Send:
    """A call with telemetry that is written by hand."""
    from opentelemetry import metrics, trace
    from opentelemetry.propagate import inject
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation import set_span_in_context

    tracer, histogram = trace.get_tracer("bench"), metrics.get_meter("bench").create_histogram("rpc.client.call.duration", "s")
    host = f"lambda.{REGION}.amazonaws.com"

    async def call() -> Any:
        span = tracer.start_span(
            "Lambda.Invoke",
            kind=SpanKind.CLIENT,
            attributes={
                "rpc.system.name": "aws-api",
                "rpc.system": "aws-api",
                "rpc.service": "Lambda",
                "rpc.method": "Invoke",
                "server.address": host,
                "server.port": 443,
                "cloud.region": REGION,
                "faas.invoked_name": FUNCTION,
                "faas.invoked_provider": "aws",
                "faas.invoked_region": REGION,
            },
        )
        inject({}, set_span_in_context(span))
        began = time.perf_counter()
        try:
            return await send()
        finally:
            span.end()
            histogram.record(
                time.perf_counter() - began,
                {
                    "rpc.system.name": "aws-api",
                    "rpc.method": "Invoke",
                    "server.address": host,
                    "server.port": 443,
                    "faas.invoked_name": FUNCTION,
                },
            )

    return call


async def cost(send: Send, calls: int) -> float:
    """Microseconds of CPU of one call."""
    began = time.process_time()
    for _ in range(calls):
        await send()
    return (time.process_time() - began) / calls * 1e6


def set_up_sdk() -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))


async def measured(rounds: int, calls: int, *, sdk: bool, alone: bool) -> dict[str, list[float]]:
    """The microseconds of a call in each round, by what was measured."""
    from aiolambda import Credentials, InvokeCommand, LambdaClient
    from benchmarks.middlewares import Instant

    command = InvokeCommand(function_name=FUNCTION, payload=b"{}")

    def made() -> LambdaClient:
        return LambdaClient(region=REGION, credentials=Credentials("AKIDEXAMPLE", "secret"), transport=Instant())

    async with made() as client, made() as instrumented:
        sends: dict[str, Send] = {ALONE: lambda: client.send(command)}
        if not alone:
            from aiolambda.telemetry import instrument

            if sdk:
                set_up_sdk()
            instrument(instrumented)
            sends |= {FLOOR: floor_around(sends[ALONE]), OURS: lambda: instrumented.send(command)}
        for send in sends.values():
            await cost(send, 200)
        gc.collect()
        gc.freeze()
        found: dict[str, list[float]] = {name: [] for name in sends}
        for number in range(rounds):
            for name in list(sends) if number % 2 else reversed(sends):
                found[name].append(await cost(sends[name], calls))
    return found


def in_process(*arguments: str, tree: Path = ROOT) -> dict[str, list[float]]:
    """What a process of its own measures, with the package of this checkout."""
    command = [sys.executable, str(Path(__file__).resolve()), "--alone-in-process", str(tree), *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def before_and_after(tree: Path, rounds: int, calls: int) -> dict[str, list[float]]:
    """The client without telemetry, of this checkout and of another, in turns."""
    found: dict[str, list[float]] = {ALONE: [], BEFORE: []}
    for number in range(rounds):
        for name in list(found) if number % 2 else reversed(found):
            one = in_process("--rounds", "3", "--calls", str(calls), "--bare", tree=ROOT if name == ALONE else tree)
            found[name].append(min(one[ALONE]))
    return found


def added(found: dict[str, list[float]], name: str) -> list[float]:
    """What a call costs more than that of the client alone, in each round."""
    return [with_it - bare for with_it, bare in zip(found[name], found[ALONE], strict=True)]


def cells(case: str, found: dict[str, list[float]]) -> Iterable[dict[str, Any]]:
    """The figures of a case for `run.py`: what is added, beside the floor."""
    if BEFORE in found:
        yield {"case": "a call without telemetry", "unit": "us", "values": {CLIENT: found[ALONE], "before": found[BEFORE]}}
        return
    values = {CLIENT: added(found, OURS), "by hand": added(found, FLOOR)}
    yield {"case": f"added to a call, {case}", "unit": "us", "values": values}


def lines(case: str, found: dict[str, list[float]]) -> Iterable[str]:
    """The rows of a table: the medians, and the ratios of what was added, round by round."""
    medians = {name: statistics.median(values) for name, values in found.items()}
    if BEFORE in found:
        ratio = statistics.median([new / old for new, old in zip(found[ALONE], found[BEFORE], strict=True)])
        yield f"| {case} | {medians[BEFORE]:.1f} | {medians[ALONE]:.1f} | {ratio:.2f} |"
        return
    floor, ours = statistics.median(added(found, FLOOR)), statistics.median(added(found, OURS))
    yield f"| {case} | {medians[ALONE]:.1f} | +{floor:.1f} | +{ours:.1f} | {ours / floor:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--tree", type=Path, help="another checkout, to compare the client without telemetry with")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone-in-process", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sdk", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone_in_process is not None:
        sys.path[:0] = [str(options.alone_in_process), str(ROOT)]
        found = asyncio.run(measured(options.rounds, options.calls, sdk=options.sdk, alone=options.bare))
        print(json.dumps(found))
        return
    counts = ["--rounds", str(options.rounds), "--calls", str(options.calls)]
    results = {case: in_process(*counts, *(["--sdk"] if case == CASES[1] else [])) for case in CASES}
    if options.tree is not None:
        results["before and after"] = before_and_after(options.tree.resolve(), options.rounds, options.calls)
    if options.json:
        print(json.dumps([cell for case, found in results.items() for cell in cells(case, found)]))
        return
    print("| CPU of a call (us) | client alone | floor | instrument | instrument / floor |\n|---|---|---|---|---|")
    for case in CASES:
        print(*lines(case, results[case]))
    if options.tree is not None:
        print("\n| without telemetry (us) | before | now | ratio |\n|---|---|---|---|")
        print(*lines("client alone", results["before and after"]))


if __name__ == "__main__":
    main()
