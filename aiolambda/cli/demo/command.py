"""`aiolambda demo`: show the features on this machine in a few seconds.

Each example is printed from its source, then run. No line but that of a path has more than 80 columns. Must not need an AWS
account, a network or Docker.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from ...client.client import LambdaClient
from ...errors import FunctionError
from ...local import LocalEndpoint, LocalFunction
from ...operations.invoke_types import InvokeCommandOutput
from ...pipeline.call import Call, CallNext
from ...pipeline.operation import CommandInput, CommandOutput
from ...version import INSTALL
from .. import colour, exit_codes
from ..files import print_error
from ..interrupts import run_in_loop
from .fan_out import fan_out
from .printer import Printer

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = "Start a local endpoint, invoke real handlers in real processes, and print the code of each example."

PROCESSES = 8
INVOCATIONS = 1000

_FUNCTIONS = Path(__file__).with_name("functions.py")
_TO_AWS = f"""\
To run the same code against AWS, leave out endpoint_url and credentials, and
name your own functions.

    async with LambdaClient(region="eu-west-1") as client:
        output = await client.invoke("your-function", {{"name": "you"}})

Credentials come from the environment or ~/.aws. For SSO and roles, install the
extra: {INSTALL}

To serve your own handlers on this machine:

    $ aiolambda serve hello=examples.py:handler
"""

AnyCall = Call[CommandInput, CommandOutput]
AnyNext = CallNext[CommandInput, CommandOutput]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-color", action="store_true", help="print plain text on a terminal too")


async def an_invocation(client: LambdaClient) -> None:
    output = await client.invoke("greet", {"name": "you"}, log_type="Tail")
    print(output.json())
    print((output.log_tail or "").rstrip().replace("\t", "\n  "))


async def a_function_error(client: LambdaClient) -> None:
    try:
        await client.invoke("divide", {"a": 1, "b": 0})
    except FunctionError as error:
        print(f"{error.error_type}: {error.error_message}")
        print(f"may_have_run: {error.may_have_run}")
        print("".join(error.stack_trace), end="")


async def timed(call: AnyCall, call_next: AnyNext) -> CommandOutput:
    started = time.perf_counter()
    output = await call_next(call)
    milliseconds = (time.perf_counter() - started) * 1000
    print(f"{call.function_name} took {milliseconds:.1f} ms")
    return output


async def a_middleware(client: LambdaClient) -> None:
    client.middleware_stack.add(timed, step="initialize", name="timed")
    await client.invoke("greet", {"name": "the middleware"})
    client.middleware_stack.remove("timed")


async def a_thousand(client: LambdaClient) -> list[InvokeCommandOutput]:
    calls = [client.invoke("square", {"n": n}) for n in range(INVOCATIONS)]
    return await asyncio.gather(*calls)


def run(options: argparse.Namespace) -> int:
    """Run all chapters. The exit code is 1 if a response is wrong."""
    use_colors = not options.no_color and colour.is_on(sys.stdout)
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # a caller in this process may have replaced the stream
    if reconfigure is not None:
        reconfigure(line_buffering=True)  # print each line at once, also into a pipe
    for name in list(os.environ):  # a proxy, a profile or FIPS are meant for AWS, not for the local endpoint
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    return run_in_loop(_run(Printer(use_colors=use_colors)))


async def _run(printer: Printer) -> int:
    printer.heading(f"A local endpoint: the Lambda API, and up to {PROCESSES} processes for each function")
    async with (
        LocalEndpoint([_function("greet"), _function("divide"), _function("square")]) as endpoint,
        LambdaClient(
            region=endpoint.region,
            endpoint_url=endpoint.url,
            credentials=endpoint.credentials,
            max_concurrency=PROCESSES,
        ) as client,
    ):
        print(
            f"    LambdaClient(region={endpoint.region!r}, endpoint_url={endpoint.url!r},\n"
            f"                 credentials=..., max_concurrency={PROCESSES})"
        )
        printer.heading("1. An invocation with the tail of its log")
        printer.code(an_invocation)
        await an_invocation(client)
        printer.heading("2. A failing function: the error has the traceback of the handler")
        printer.code(a_function_error)
        await a_function_error(client)
        printer.heading("3. A middleware: a function of two arguments")
        printer.code(timed, a_middleware)
        await a_middleware(client)
        printer.heading(f"4. {INVOCATIONS:,} concurrent invocations with max_concurrency={PROCESSES}")
        printer.code(a_thousand)
        is_correct = await _run_thousand(client)
    is_correct &= await fan_out(printer)
    printer.heading("6. On AWS")
    print(_TO_AWS)
    return exit_codes.DONE if is_correct else exit_codes.FUNCTION_ERROR


def _function(name: str) -> LocalFunction:
    return LocalFunction(
        name=name, handler=f"{_FUNCTIONS.stem}.{name}", root=_FUNCTIONS.parent, concurrency=PROCESSES, timeout=30.0
    )


async def _run_thousand(client: LambdaClient) -> bool:
    """Run chapter 4, and return whether every response belongs to its call."""
    started = time.perf_counter()
    outputs = await a_thousand(client)
    seconds = time.perf_counter() - started
    answers = [output.json() for output in outputs]
    processes = len({answer["pid"] for answer in answers})
    print(f"{len(answers):,} responses from {processes} processes in {seconds:.2f} s: {len(answers) / seconds:,.0f} per second")
    is_correct = [answer["square"] for answer in answers] == [n**2 for n in range(INVOCATIONS)]
    if not is_correct:
        print_error("aiolambda: a response does not belong to its call")
    return is_correct
