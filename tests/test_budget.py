"""The cost of an invocation, in counts that do not depend on the load of the machine. `benchmarks/` measures the time.

Two tests count from outside, with valgrind and strace, in processes of their own. Only the thorough run on asyncio has them.

A change that exceeds a budget must be worth it, and then raises the number here.
"""

import asyncio
import datetime as dt
import gc
import itertools
import json
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider

import aiolambda
from aiolambda import Call, CallNext, Credentials, FetchCommand, InvokeCommand, LambdaClient
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.protocol import sigv4
from aiolambda.telemetry import instrument

from .support import THOROUGH
from .support.loops import CHOSEN
from .support.servers import Connection, always, answer, raw_server

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SUPPORT = Path(__file__).parent / "support"
PACKAGE = str(Path(aiolambda.__file__).parent)

FRAMES = 93.5
"""Frames of this package that one invocation enters over an open connection. A resumed coroutine counts again. Measured: 93
on 3.11, on which a comprehension is a frame, too. The half is for what the statistics do by the clock, and not in each call:
5 frames whenever they fold the durations so far, which falls into these 50 calls up to twice."""
FRAMES_OF_A_FETCH = {"known": 93.5, "new": 113.5, "parameters": 119}
"""The same of a request to a URL: to one that was requested before, to a new one, and with new parameters (measured:
93, 111, 117)."""
FRAMES_OF_THE_FIRST = 12
"""For the first middleware that is added, beside its own: it parts built-ins that are one otherwise (measured: 10.5)."""
FRAMES_OF_A_MIDDLEWARE = 1.2
"""For each further one in the same place, beside its own: the link to it (measured: 1.0)."""
FRAMES_OF_TELEMETRY = 10, 46
"""For `aiolambda.telemetry.instrument`: without an SDK, and with a sampled span and a metric (measured: 8.3 and 43)."""
FRAMES_OF_THE_ENDPOINT = 176
"""Frames of this package that the local endpoint enters for an invocation of a function in a process (measured: 175). Three of
them are a look at the host and the path for a function URL, at the function for a durable configuration, and at the header of
the trace."""
BYTES_IN_FLIGHT = 8_500
"""Memory that was allocated in this package for a call that waits, with its connection (measured: 7,000; 7,700 on uvloop)."""

INSTRUCTIONS = {"http": 0.655, "https": 0.725}
"""Instructions in user space of a warm call with 10 in flight, of those of a bare aiohttp POST (measured: 0.648 and 0.716)."""
INSTRUCTIONS_OF_A_FETCH = 1.02
"""Instructions of a request to one URL, of those of an invocation (measured over HTTP: 1.004)."""
SYSTEM_CALLS = {"uvloop, HTTP": 3, "uvloop, HTTPS": 4, "asyncio, HTTP": 3, "asyncio, HTTPS": 4}
"""Of a warm call with 50 in flight: one writes, one reads, and the others ask the kernel about the connection."""
OF_A_TURN = 0.1
"""Beside them, for each call: the share that it has in a turn of the loop, which looks at all sockets at once."""
TRIES = {"valgrind": ["valgrind", "--quiet", "--tool=none"], "strace": ["strace", "--output=/dev/null"]}
counted = pytest.mark.skipif(not THOROUGH or CHOSEN != "asyncio", reason="the thorough run on asyncio counts it")


def said(script: str, tool: str) -> Any:
    """The figures that a script of `benchmarks` counts with a tool."""
    if shutil.which(tool) is None or subprocess.run([*TRIES[tool], "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"{tool} is not installed, or does not work here")
    command = [sys.executable, str(BENCHMARKS / script), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def client_of(port: int, **settings: Any) -> LambdaClient:
    keys = Credentials("AKIDEXAMPLE", "secret")
    return LambdaClient(region="eu-west-1", credentials=keys, endpoint_url=f"http://127.0.0.1:{port}", **settings)


class Counting:
    """Counts the frames of the package that are entered while it is on."""

    def __init__(self) -> None:
        self.entered = 0

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            self.entered += 1

    async def during(self, count: int, send: Callable[[], Any]) -> float:
        """The frames of one call, on average."""
        before = self.entered
        sys.setprofile(self)
        try:
            for _ in range(count):
                await send()
        finally:
            sys.setprofile(None)
        return (self.entered - before) / count


async def passes_on(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    return await call_next(call)


async def test_invocation_keeps_its_budget_of_frames() -> None:
    command = InvokeCommand(function_name="f", payload=b"x" * 100)
    async with raw_server(always(answer())) as server, client_of(server.port) as client:
        await client.send(command)
        await client.send(command)
        frames = await Counting().during(50, lambda: client.send(command))
        counts: list[float] = []
        for number in range(11):
            client.middleware_stack.add(passes_on, step="build", name=f"added {number}")
            for _ in range(2):
                await client.send(command)
            counts.append(await Counting().during(50, lambda: client.send(command)))
    assert frames <= FRAMES
    assert counts[0] - frames <= FRAMES_OF_THE_FIRST
    assert (counts[-1] - counts[0]) / 10 <= FRAMES_OF_A_MIDDLEWARE


async def test_fetch_keeps_its_budget_of_frames() -> None:
    of_function = answer(headers="x-amzn-requestid: 1-2\r\n")
    async with raw_server(always(of_function)) as server, client_of(server.port) as client:
        numbers, url = itertools.count(), f"{server.url}/orders"

        def command(url: str, **more: Any) -> FetchCommand:
            return FetchCommand(url=url, method="POST", content=b"x" * 100, sign=True, region="eu-west-1", **more)

        cases: dict[str, Callable[[], FetchCommand]] = {
            "known": lambda: command(url),
            "new": lambda: command(f"{url}/{next(numbers)}"),
            "parameters": lambda: command(url, params={"page": next(numbers)}),
        }
        frames: dict[str, float] = {}
        for name, made in cases.items():
            commands = [made() for _ in range(53)]
            for _ in range(3):
                await client.send(commands.pop())
            frames[name] = await Counting().during(50, lambda commands=commands: client.send(commands.pop()))  # type: ignore[misc]
    assert {name: count for name, count in frames.items() if count > FRAMES_OF_A_FETCH[name]} == {}


async def test_telemetry_keeps_its_budget_of_frames() -> None:
    command = InvokeCommand(function_name="f", payload=b"x" * 100)
    async with raw_server(always(answer())) as server, client_of(server.port) as client:

        async def frames() -> float:
            for _ in range(3):
                await client.send(command)
            return await Counting().during(50, lambda: client.send(command))

        without = await frames()
        with instrument(client, tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider()):
            idle = await frames()
        with instrument(client, tracer_provider=TracerProvider(), meter_provider=MeterProvider()):
            traced = await frames()
        assert abs(await frames() - without) < 1, "a client without telemetry runs what it ran before"
    assert idle - without <= FRAMES_OF_TELEMETRY[0]
    assert traced - without <= FRAMES_OF_TELEMETRY[1]


async def test_local_endpoint_keeps_its_budget_of_frames() -> None:
    keys, function = (
        Credentials("AKIDEXAMPLE", "secret"),
        LocalFunction(name="f", handler="local_handlers.handler", root=SUPPORT),
    )
    async with LocalEndpoint([function], credentials=keys, keep_records=False) as endpoint:
        host, port = endpoint.url.removeprefix("http://").split(":")
        path, body = "/2015-03-31/functions/f/invocations", b'["a payload"]'
        headers = {"host": f"{host}:{port}", "content-length": str(len(body)), "content-type": "application/json"}
        signer = sigv4.Signer(endpoint.region, "lambda")
        headers |= signer.sign("POST", path, "", headers, sigv4.payload_hash(body), keys, dt.datetime.now(dt.UTC))
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        request = "\r\n".join(lines).encode() + body
        reader, writer = await asyncio.open_connection(host, int(port))

        async def send() -> None:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len(body)) == body

        await send()
        await send()
        frames = await Counting().during(50, send)
        writer.close()
        await writer.wait_closed()
    assert frames <= FRAMES_OF_THE_ENDPOINT


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer holds memory of its own")
async def test_waiting_call_keeps_its_budget_of_memory() -> None:
    held, released = 200, asyncio.Event()

    async def holds(connection: Connection) -> None:
        await connection.read_request()
        await released.wait()
        await connection.write(answer())

    async with raw_server(holds) as server, client_of(server.port) as client:
        command = InvokeCommand(function_name="f", payload=b"x" * 100)
        first = asyncio.create_task(client.send(command))
        while len(server.requests) < 1:
            await asyncio.sleep(0.001)
        gc.collect()
        tracemalloc.start()
        calls = [asyncio.create_task(client.send(command)) for _ in range(held)]
        while len(server.requests) < 1 + held:
            await asyncio.sleep(0.001)
        gc.collect()
        inside = [tracemalloc.Filter(inclusive=True, filename_pattern=f"{PACKAGE}/*")]
        taken = sum(line.size for line in tracemalloc.take_snapshot().filter_traces(inside).statistics("filename"))
        tracemalloc.stop()
        released.set()
        await asyncio.gather(first, *calls)
    assert taken / held <= BYTES_IN_FLIGHT


@counted
@pytest.mark.slow
def test_call_keeps_its_budget_of_instructions() -> None:
    found = said("instructions.py", "valgrind")
    ratios = {scheme: of["aiolambda"] / of["aiohttp"] for scheme, of in found.items()}
    assert {scheme: ratio for scheme, ratio in ratios.items() if ratio > INSTRUCTIONS[scheme]} == {}
    assert ratios.keys() == INSTRUCTIONS.keys()
    fetches = {scheme: of["aiolambda-fetch"] / of["aiolambda"] for scheme, of in found.items()}
    assert {scheme: ratio for scheme, ratio in fetches.items() if ratio > INSTRUCTIONS_OF_A_FETCH} == {}


@counted
@pytest.mark.slow
def test_call_keeps_its_budget_of_system_calls() -> None:
    found = said("syscalls.py", "strace")
    assert found.keys() == SYSTEM_CALLS.keys()
    for case, of in found.items():
        calls = of["aiolambda"]
        calls.pop("getpid", None)  # Python 3.11 asks for it whenever somebody asks for the running loop
        assert sum(calls.values()) <= SYSTEM_CALLS[case] + OF_A_TURN, (case, calls)
