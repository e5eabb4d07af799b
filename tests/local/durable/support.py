"""What the tests of durable executions share: calls of the durable functions, and the diary that their handlers write."""

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from aiolambda import InvokeCommand, InvokeCommandOutput, LambdaClient
from aiolambda.local import LocalEndpoint
from aiolambda.operations import (
    GetDurableExecutionCommand,
    GetDurableExecutionHistoryCommand,
)


@attrs.frozen
class Durable:
    endpoint: LocalEndpoint
    client: LambdaClient
    diary: Path

    def noted(self) -> list[str]:
        """The lines that handlers have written."""
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    def event(self, op: str, **members: Any) -> Mapping[str, Any]:
        return {"op": op, "diary": str(self.diary), **members}

    async def invoke(self, op: str, *, function: str = "orders:$LATEST", **options: Any) -> InvokeCommandOutput:
        """Begin an execution. `name`, `event` and `kind` (of the invocation) may be given, the rest goes into the event."""
        command = InvokeCommand(
            function_name=function,
            payload=options.pop("event", None) or self.event(op, **options.pop("members", {})),
            durable_execution_name=options.pop("name", f"test-{uuid.uuid4()}"),
            **options,
        )
        return await self.client.send(command)

    async def run(self, op: str, **options: Any) -> str:
        """Call the function, and return the ARN of the execution, which has ended."""
        return str((await self.invoke(op, **options)).durable_execution_arn)

    async def begin(self, op: str, **options: Any) -> str:
        """Begin an execution with an event, and return its ARN."""
        output = await self.invoke(op, invocation_type="Event", **options)
        assert output.status_code == 202
        assert output.durable_execution_arn is not None
        return output.durable_execution_arn

    async def ended(self, arn: str) -> Any:
        """The execution, once it has ended."""
        while (execution := await self.client.send(GetDurableExecutionCommand(durable_execution_arn=arn))).status == "RUNNING":
            await asyncio.sleep(0.05)
        return execution

    async def events(self, arn: str, **options: Any) -> Any:
        """The events of the history."""
        history = await self.client.send(GetDurableExecutionHistoryCommand(durable_execution_arn=arn, **options))
        return history.events
