"""Durable executions in tests: a fake with a client of it, and the check of an answer against the tables of the API."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs

from aiolambda import InvokeCommand, LambdaClient, NoRetry
from aiolambda.operations.api import commands
from aiolambda.operations.structure import Kind, table_of
from aiolambda.testing import FakeTransport

TYPES = {"str": str, "int": int, "bool": bool, "time": int | float}


@attrs.frozen
class Stage:
    """A fake and a client that repeats nothing. Each answer is compared with the members that the API has."""

    fake: FakeTransport
    client: LambdaClient

    async def start(self, function: str = "orders:live", payload: Any = None, *, name: str | None = None) -> str:
        """Send an `Event`, and return the ARN of its execution."""
        command = InvokeCommand(function_name=function, payload=payload, invocation_type="Event", durable_execution_name=name)
        arn = (await self.client.send(command)).durable_execution_arn
        assert arn is not None
        return arn

    async def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """The JSON answer of an operation."""
        command = getattr(commands, f"{operation}Command")(**members)
        raw = dict((await self.client.send(command)).raw)
        assert_has_form(raw, command.operation.output_class, operation)
        return raw

    async def status(self, arn: str) -> str:
        answer = await self.ask("GetDurableExecution", durable_execution_arn=arn, include_execution_data=False)
        return str(answer["Status"])

    async def statuses(self, arn: str, count: int) -> list[str]:
        """The statuses of so many answers."""
        return [await self.status(arn) for _ in range(count)]

    async def describe(self, arn: str, **members: Any) -> dict[str, Any]:
        return await self.ask("GetDurableExecution", durable_execution_arn=arn, **members)

    async def history(self, arn: str, **members: Any) -> list[dict[str, Any]]:
        answer = await self.ask("GetDurableExecutionHistory", durable_execution_arn=arn, max_items=1000, **members)
        return list(answer["Events"])

    async def types(self, arn: str) -> list[str]:
        """The types of all events but the ends of invocations."""
        return [event["EventType"] for event in await self.history(arn) if event["EventType"] != "InvocationCompleted"]


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    fake = FakeTransport()
    async with LambdaClient(transport=fake, retry=NoRetry()) as client:
        yield Stage(fake, client)


def assert_has_form(content: Mapping[str, Any], structure: Any, place: str) -> None:
    """The answer has members of the structure only, of their types, and all that it must have."""
    table = table_of(structure)
    assert content.keys() <= table.by_api_name.keys(), place
    needed = {member.api_name for member in table.members.values() if member.required}
    assert needed <= content.keys(), place
    for name, value in content.items():
        if value is not None:
            assert_is(value, table.by_api_name[name].kind, f"{place}.{name}")


def assert_is(value: Any, kind: Kind, place: str) -> None:
    if kind.structure is not None:
        assert_has_form(value, kind.structure, place)
    elif kind.name == "list":
        assert isinstance(value, list), place
        for one in value:
            assert_is(one, kind.inner, place)  # type: ignore[arg-type]
    else:
        assert isinstance(value, TYPES[kind.name]), place


def moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
