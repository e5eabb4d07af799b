"""mypy and pyright accept a middleware for the commands that it handles, and refuse it for any other."""

from pathlib import Path

import pytest

from ..support.checkers import CHECKERS, check, refused_lines

PROGRAM = """
from typing import TypeVar

import attrs

from aiolambda import Call, CallNext, CommandInput, CommandOutput, InvokeCommand, InvokeCommandInput, InvokeCommandOutput
from aiolambda import InvokeWithResponseStreamCommand as StreamCommand
from aiolambda import InvokeWithResponseStreamCommandInput as StreamInput
from aiolambda import InvokeWithResponseStreamCommandOutput as StreamOutput
from aiolambda import LambdaClient

In = TypeVar("In")
Out = TypeVar("Out")
EitherInput = InvokeCommandInput | StreamInput
EitherOutput = InvokeCommandOutput | StreamOutput
InvokeCall = Call[InvokeCommandInput, InvokeCommandOutput]
InvokeNext = CallNext[InvokeCommandInput, InvokeCommandOutput]


async def stripped(call: InvokeCall, call_next: InvokeNext) -> InvokeCommandOutput:
    output = await call_next(call)
    return attrs.evolve(output, payload=output.payload.strip())


async def every(call: Call[CommandInput, CommandOutput], call_next: CallNext[CommandInput, CommandOutput]) -> CommandOutput:
    output = await call_next(call)
    print(call.function_name, output.metadata.request_id)
    print(call.input.tenant_id)  # refused
    return output


async def either(call: Call[EitherInput, EitherOutput], call_next: CallNext[EitherInput, EitherOutput]) -> EitherOutput:
    print(call.input.tenant_id)
    return await call_next(call)


async def generic(call: Call[In, Out], call_next: CallNext[In, Out]) -> Out:
    return await call_next(call)


def add(client: LambdaClient, command: InvokeCommand) -> None:
    stack, own = client.middleware_stack, command.middleware_stack
    stack.add(every)
    stack.add(generic)
    stack.add(stripped)  # refused
    stack.add(either)  # refused
    stack.add_relative_to(stripped, relation="after", to_middleware="retryMiddleware")  # refused
    stack.add(stripped, only=InvokeCommand)
    stack.add(either, only=InvokeCommand)
    stack.add(every, only=InvokeCommand)
    stack.add(generic, only=InvokeCommand)
    stack.add(stripped, only=StreamCommand)  # refused
    stack.add(stripped, only=InvokeCommandInput)  # refused
    stack.add(either, only=(InvokeCommand, StreamCommand))
    stack.add(every, only=(InvokeCommand, StreamCommand))
    stack.add(generic, only=(InvokeCommand, StreamCommand))
    stack.add(stripped, only=(InvokeCommand, StreamCommand))  # refused
    stack.add_relative_to(stripped, relation="after", to_middleware="retryMiddleware", only=InvokeCommand)
    own.add(stripped)
    own.add(stripped, only=InvokeCommand)
    own.add(generic)
    stack.remove(stripped)
"""


@pytest.mark.parametrize("checker", CHECKERS)
def test_checkers_refuse_a_middleware_for_other_commands(checker: str, tmp_path: Path, cache: pytest.Cache) -> None:
    done = check(checker, {"program": PROGRAM}, tmp_path, cache)
    lines = enumerate(PROGRAM.splitlines(), 1)
    assert refused_lines(done) == {("program", number) for number, line in lines if line.endswith("# refused")}, done.stdout
