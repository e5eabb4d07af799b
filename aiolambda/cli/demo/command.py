"""`aiolambda demo`: what this package does, shown on this machine in a few seconds.

Owns the story: each piece of code is printed as it stands here, then run. Must not need an AWS account, a network or Docker.
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
from ...operations.invoke_types import InvokeCommandInput, InvokeCommandOutput
from ...pipeline.call import Call, CallNext
from .. import exit_codes
from ..files import tell
from .fan_out import fan_out
from .printer import Stage

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "see it work, in a few seconds"
DESCRIPTION = "Start a local endpoint, invoke real handlers in real processes, and show the code that does it."

PROCESSES = 8
INVOCATIONS = 1000

_FUNCTIONS = Path(__file__).with_name("functions.py")
_TO_AWS = """\
The same code runs against AWS: leave out endpoint_url and credentials, and name functions of yours.

    async with LambdaClient(region="eu-west-1") as client:
        output = await client.invoke("your-function", {"name": "you"})

Keys come from the environment, or from your AWS profile once the extra is installed: pip install '.[aws]' in the checkout.
To serve handlers of your own here: aiolambda serve hello=examples.py:handler
"""

InvokeCall = Call[InvokeCommandInput, InvokeCommandOutput]
InvokeNext = CallNext[InvokeCommandInput, InvokeCommandOutput]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-color", action="store_true", help="plain text, on a terminal too")


async def an_invocation(client: LambdaClient) -> None:
    output = await client.invoke("greet", {"name": "you"}, log_type="Tail")
    print(output.json())
    print(output.log_tail)


async def a_function_error(client: LambdaClient) -> None:
    try:
        await client.invoke("divide", {"a": 1, "b": 0})
    except FunctionError as error:
        print(f"{error.error_type}: {error.error_message}; may_have_run: {error.may_have_run}")
        print("".join(error.stack_trace))


async def timed(call: InvokeCall, call_next: InvokeNext) -> InvokeCommandOutput:
    started = time.perf_counter()
    output = await call_next(call)
    print(f"{call.function_name} took {(time.perf_counter() - started) * 1000:.1f} ms")
    return output


async def a_middleware(client: LambdaClient) -> None:
    client.middleware_stack.add(timed, step="initialize", name="timed")
    await client.invoke("greet", {"name": "the middleware"})
    client.middleware_stack.remove("timed")


async def a_thousand_at_once(client: LambdaClient) -> list[InvokeCommandOutput]:
    calls = [client.invoke("square", {"n": n}) for n in range(INVOCATIONS)]
    return await asyncio.gather(*calls)


def _forget_surroundings() -> None:
    """A proxy, a profile or FIPS, which the person at this machine may have set for AWS, are not for an endpoint on it."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def run(options: argparse.Namespace) -> int:
    """Tell the story; exit code 1 where an answer is not what it should be."""
    colors = not options.no_color and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)  # into a pipe, too, the story is told as it happens
    _forget_surroundings()
    return asyncio.run(_tell(Stage(colors)))


async def _tell(stage: Stage) -> int:
    stage.heading(f"A local endpoint: the Lambda API in front, up to {PROCESSES} runtime processes a function behind")
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
            f"    LambdaClient(region={endpoint.region!r}, endpoint_url={endpoint.url!r}, "
            f"credentials=..., max_concurrency={PROCESSES})"
        )
        stage.heading("1. An invocation, with the tail of its log")
        stage.code(an_invocation)
        await an_invocation(client)
        stage.heading("2. A function that fails: the error has the handler's own traceback")
        stage.code(a_function_error)
        await a_function_error(client)
        stage.heading("3. A middleware: two arguments, no base class")
        stage.code(timed, a_middleware)
        await a_middleware(client)
        stage.heading(f"4. {INVOCATIONS:,} invocations awaited at once, through {PROCESSES} slots")
        stage.code(a_thousand_at_once)
        sound = await _thousand(client)
    sound &= await fan_out(stage)
    stage.heading("6. On AWS")
    print(_TO_AWS)
    return exit_codes.DONE if sound else exit_codes.FUNCTION_ERROR


def _function(name: str) -> LocalFunction:
    return LocalFunction(
        name=name, handler=f"{_FUNCTIONS.stem}.{name}", root=_FUNCTIONS.parent, concurrency=PROCESSES, timeout=30.0
    )


async def _thousand(client: LambdaClient) -> bool:
    """Run and check the last piece; every answer must be its own call's."""
    started = time.perf_counter()
    outputs = await a_thousand_at_once(client)
    seconds = time.perf_counter() - started
    answers = [output.json() for output in outputs]
    processes = len({answer["pid"] for answer in answers})
    print(f"{len(answers):,} answers from {processes} processes in {seconds:.2f} s: {len(answers) / seconds:,.0f} a second")
    sound = [answer["square"] for answer in answers] == [n**2 for n in range(INVOCATIONS)]
    if not sound:
        tell("aiolambda: an answer is not that of its call")
    return sound
