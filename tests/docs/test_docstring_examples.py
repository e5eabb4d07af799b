"""Each example in a docstring is strictly typed, and runs as it stands there."""

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Unpack

import attrs
import pytest

import aiolambda
from aiolambda import Call, CallNext, Credentials, InvokeCommandOutput, LambdaClient, Metadata
from aiolambda.config import ClientSettings
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.operations import ListFunctionsCommand, UpdateFunctionCodeCommand
from aiolambda.testing import FakeTransport, durable

from ..support.checkers import check
from ..support.durable_service import DurableService, Fact, arn_of, client_of, event
from ..support.function_service import FunctionService, found
from .test_docstrings import MODULES


def documented() -> Iterator[tuple[str, object]]:
    """The modules, the public names, and the methods of the classes."""
    yield "ClientSettings", ClientSettings
    for module in map(import_module, MODULES):
        yield module.__name__, module
        for name in module.__all__:
            value = getattr(module, name)
            yield name, value
            if inspect.isclass(value):
                yield from ((f"{name}.{method}", one) for method, one in inspect.getmembers(value, inspect.isfunction))


def example_of(value: object) -> str | None:
    """The first literal block of a docstring."""
    found = re.search(r"^::\n\n((?:    .*\n|\n)+)", f"{inspect.getdoc(value)}\n", re.MULTILINE)
    return None if found is None else textwrap.dedent(found[1]).strip() + "\n"


EXAMPLES: dict[str, str] = {}
for _name, _value in documented():
    if isinstance(_value, str) or (_example := example_of(_value)) is None or _example in EXAMPLES.values():
        continue
    EXAMPLES[_name] = _example

MET_FIRST = {
    "aiolambda",
    "AiolambdaError",
    "Call",
    "Credentials",
    "DurableConfig",
    "EventInvokeConfig",
    "FakeTransport",
    "FunctionError",
    "InvokeCommand",
    "InvokeCommandInput",
    "InvokeCommandOutput",
    "LambdaClient",
    "LambdaClient.__init__",
    "LambdaClient.invoke",
    "LambdaClient.invoke_event",
    "LambdaClient.map",
    "LambdaClient.map_commands",
    "LambdaClient.stream",
    "LambdaClientConfig",
    "LocalEndpoint",
    "LocalEndpoint.add",
    "LocalFunction",
    "MapRun",
    "MiddlewareStack.add",
    "ResponseStream",
    "SessionTransport",
    "StandardRetry",
    "Timeouts",
    "assume_role",
    "from_botocore",
    "from_profile",
    "serve_in_thread",
}
"""Names that have an example; one that is the same as another's counts once."""
LOOKS = {
    "FunctionDescription",
    "LambdaClient.account_limits",
    "LambdaClient.describe",
    "LambdaClient.functions",
    "LambdaClient.pages",
    "LambdaClient.wait_until",
    "WaitError",
}
"""These look at functions, and invoke none."""
DURABLE = {
    "DurableCallback",
    "DurableCallback.alive",
    "DurableCallback.fail",
    "DurableEvent",
    "DurableExecution",
    "DurableExecution.callbacks",
    "DurableExecution.history",
    "DurableExecutionError",
    "DurableExecutionOutput",
    "LambdaClient.callback",
    "LambdaClient.durable_execution",
    "LambdaClient.durable_executions",
    "LambdaClient.start_durable",
}
"""These are about durable executions."""
READY = {"Configuration": {"State": "Active", "LastUpdateStatus": "Successful"}}
NOT_RUN = {"SessionTransport", "assume_role", "from_botocore", "from_profile"}
"""These reach AWS, or need another library."""

PRELUDE = """
from pathlib import Path
from typing import Any, TypeVar, Unpack

import aiohttp
import attrs
from aiolambda import {names}
from aiolambda.config import ClientSettings
from aiolambda.operations import ListFunctionsCommand, UpdateFunctionCodeCommand
from aiolambda.credentials import assume_role, from_botocore, from_profile
from aiolambda.local import DurableConfig, EventInvokeConfig, FunctionUrl, LocalEndpoint, LocalFunction, UrlCors
from aiolambda.testing import FakeTransport, FunctionFailure, durable, serve_in_thread

In = TypeVar("In")
Out = TypeVar("Out")

class boto3:
    class Session: ...

@attrs.frozen
class Order:
    id: int

async def stamped(call: Call[In, Out], call_next: CallNext[In, Out]) -> Out:
    return await call_next(call)

async def cache(call: Call[InvokeCommandInput, InvokeCommandOutput],
                call_next: CallNext[InvokeCommandInput, InvokeCommandOutput]) -> InvokeCommandOutput:
    return await call_next(call)

gauge = stamped

async def work() -> object: ...

async def example(
    client: LambdaClient, items: list[dict[str, int]], names: list[str], output: InvokeCommandOutput, function: LocalFunction,
    fake: FakeTransport, endpoint: LocalEndpoint, code: bytes, execution: DurableExecution, arn: str, callback_id: str,
) -> None:
"""


def test_names_that_people_meet_first_have_one() -> None:
    shared = {name for name, value in documented() if not isinstance(value, str) and example_of(value) in EXAMPLES.values()}
    assert MET_FIRST - shared == set()


def test_the_examples_are_strictly_typed(tmp_path: Path, cache: pytest.Cache) -> None:
    names = ", ".join(name for name in aiolambda.__all__ if name != "errors")
    texts = {
        "of_" + re.sub(r"\W", "_", name): PRELUDE.format(names=names).replace("output: InvokeCommandOutput, ", parameter)
        + textwrap.indent(text, "    ")
        for name, text in EXAMPLES.items()
        for parameter in ["" if "output =" in text else "output: InvokeCommandOutput, "]
    }
    done = check("mypy", texts, tmp_path, cache)
    assert done.returncode == 0, done.stdout + done.stderr


async def stamped(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    return await call_next(call)


@attrs.frozen
class Order:
    id: int


async def work() -> object:
    return {"done": True}


async def echo(event: Any) -> Any:
    return event


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - NOT_RUN))
async def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ("LocalEndpoint", "serve_in_thread") and os.name != "posix":
        pytest.skip("the local endpoint needs a POSIX system")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    (tmp_path / "orders.py").write_text("def handler(event, context):\n    return event\n")
    transport = FakeTransport({"orders": echo, "resize": echo, "writer": lambda event: event["topic"]})
    transport.add_url("https://abcdefg.lambda-url.eu-west-1.on.aws/", lambda event: {"path": event["rawPath"]})
    made: Any = LambdaClient if name in ("LocalEndpoint", "FakeTransport") else partial(LambdaClient, transport=transport)
    output = InvokeCommandOutput(status_code=200, payload=b'{"id":7}', metadata=Metadata(http_status_code=200))
    service = FunctionService(function=found(**READY), functions=found(), account_settings=found(), code=found())
    keys = Credentials("AKIDEXAMPLE", "secret")
    looks = LambdaClient(transport=service, region="eu-west-1", credentials=keys)
    fake = FakeTransport({"orders": echo})
    fake.add_durable("reports", echo)
    async with LambdaClient(transport=fake) as starter:
        await starter.invoke("reports:$LATEST", {})
    waiting = [event(1, "CallbackStarted", "1", "approval", CallbackId="aWQ="), event(2, "ExecutionSucceeded")]
    order = Fact("order-7", [(0.0, "SUCCEEDED")], result='{"id":7}', input='{"id":7}', events=waiting)
    follows = client_of(DurableService().add(order))
    ours = looks if name in LOOKS else follows if name in DURABLE else LambdaClient(transport=transport)
    async with ours as client:
        client.middleware_stack.add(stamped, name="retry")
        names = {
            **{public: getattr(aiolambda, public) for public in aiolambda.__all__},
            **import_module("aiolambda.local").__dict__,
            **import_module("aiolambda.testing").__dict__,
            "ListFunctionsCommand": ListFunctionsCommand,
            "UpdateFunctionCodeCommand": UpdateFunctionCodeCommand,
            "ClientSettings": ClientSettings,
            "LambdaClient": made,
            "In": Any,
            "Out": Any,
            "Order": Order,
            "Path": Path,
            "Unpack": Unpack,
            "arn": fake.durable_executions[0].arn if name.startswith("FakeTransport") else arn_of("order-7"),
            "cache": stamped,
            "callback_id": "aWQ=",
            "client": client,
            "code": b"PK",
            "endpoint": LocalEndpoint(),
            "execution": client.durable_execution(arn_of("order-7")),
            "fake": fake,
            "durable": durable,
            "function": LocalFunction(name="orders", handler="orders.handler", root=tmp_path),
            "gauge": stamped,
            "items": [{"id": 1}, {"id": 2}],
            "names": ["orders", "resize"],
            "output": output,
            "stamped": stamped,
            "work": work,
        }
        code = compile(EXAMPLES[name], name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, names)  # noqa: S307 - our own docstring
        if inspect.isawaitable(running):
            await running
        if name == "ClientSettings":
            assert names["client_of_team"](region="eu-west-1").config.user_agent_app_id == "team"
        if name == "Call":
            client.middleware_stack.add(names["stamped"], step="build")
            await client.invoke("orders")
            assert transport.calls[-1].headers["x-team"] == "orders"
