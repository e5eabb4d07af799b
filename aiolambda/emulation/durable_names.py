"""Names of durable executions: a name stands for the first execution that it began.

Laws: the same name with the same payload gives the first execution again, also while it runs. With another payload it is
refused. An execution that never began frees its name.

Must not know what an execution runs.
Source: "Idempotency" in the durable functions part of the developer guide.
"""

import hashlib
import uuid
from collections import OrderedDict
from concurrent.futures import Future

import attrs

from . import api_errors
from .executions import Execution

__all__ = ["DurableExecution", "DurableNames"]

_KEPT = 10_000
"""Executions that are remembered. Lambda keeps them for days."""


@attrs.define(eq=False)
class DurableExecution:
    """An execution with its ARN. `result` gets the record of its run, in any thread."""

    arn: str
    payload_hash: bytes = attrs.field(repr=False)
    result: "Future[Execution]" = attrs.field(factory=Future["Execution"], init=False, repr=False)

    def end(self, record: Execution) -> None:
        """The function has run. Only the first run counts."""
        if not self.result.done():
            self.result.set_result(record)


class DurableNames:
    """The executions of an endpoint by function and name."""

    def __init__(self) -> None:
        self._executions: OrderedDict[tuple[str, str], DurableExecution] = OrderedDict()

    def begin(self, function_arn: str, version: str, name: str | None, payload: bytes) -> tuple[DurableExecution, bool]:
        """The execution of this name, and whether it is new. Without a name, it is new. `function_arn` has no qualifier.

        Raises the `ApiError` for a name that another payload has.
        """
        known = None if name is None else self._executions.get((function_arn, name))
        payload_hash = hashlib.sha256(payload).digest()
        if known is not None:
            if known.payload_hash != payload_hash:
                raise api_errors.durable_execution_exists(str(name))
            return known, False
        execution_id = str(uuid.uuid4())
        arn = f"{function_arn}:{version}/durable-execution/{name or execution_id}/{execution_id}"
        execution = DurableExecution(arn, payload_hash)
        if name is not None:
            self._executions[function_arn, name] = execution
            if len(self._executions) > _KEPT:
                self._executions.popitem(last=False)
        return execution, True

    def forget(self, execution: DurableExecution) -> None:
        """Free the name of an execution that never began. Those who wait for it get `CancelledError`."""
        for key, known in self._executions.items():
            if known is execution:
                del self._executions[key]
                break
        execution.result.cancel()

    def clear(self) -> None:
        """Forget all executions."""
        for execution in self._executions.values():
            execution.result.cancel()
        self._executions.clear()
