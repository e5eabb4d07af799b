"""One item of a map on its way: its command, what was counted for it, and the result that is made of it.

Owns the state of an item. Must not know when it is sent, or where its result goes.
"""

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from ..errors import (
    AiolambdaError,
    InvalidInputError,
    InvocationTimeoutError,
    LambdaServiceException,
    NotSentError,
    TransportError,
    UnknownOutcomeError,
)
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandOutput
from ..pipeline.operation import HttpOperation
from ..policy import delivery
from ..types.values import Delivery
from .cost import NO_COST, Cost, cost_of_report
from .journal_rows import ItemRow
from .values import MapResult

if TYPE_CHECKING:
    from ..operations.fetch_command import FetchCommand
    from ..operations.fetch_types import HttpOutput

__all__ = ["Flight", "WorkItem"]

Item = TypeVar("Item")


@attrs.define(eq=False)
class WorkItem(Generic[Item]):
    """An item that was read, and has no result yet.

    `key` is its name in the journal: `given_key` is the one that `key=` returned, and `payload_hash` stands in for it, if the
    payload can be encoded. `input_error` is set if the payload cannot be sent. `throttles` counts the last throttles in a row.
    `may_have_run` covers all invocations, also those of earlier runs. `row` is its row in the journal.
    """

    index: int
    item: Item = attrs.field(repr=False)
    key: str
    command: "InvokeCommand | FetchCommand"
    function_name: str
    idempotent: bool = False
    given_key: str | None = None
    payload_hash: str | None = None
    input_error: InvalidInputError | None = None
    attempts: int = 0
    throttles: int = 0
    function_errors: int = 0
    last_error: AiolambdaError | None = None
    may_have_run: bool = False
    cost: Cost = NO_COST
    row: ItemRow | None = attrs.field(default=None, repr=False)

    def count_attempts(self, output: "InvokeCommandOutput | HttpOutput | None", error: AiolambdaError | None) -> None:
        """Count the requests of an invocation that ended."""
        if isinstance(error, TransportError):
            self.attempts += error.attempts
        elif isinstance(error, LambdaServiceException):
            self.attempts += error.metadata.attempts
        elif output is not None:
            self.attempts += output.metadata.attempts

    def count_cost(self, output: InvokeCommandOutput) -> Cost:
        """Count the cost of an invocation, as its REPORT line has it, and return it."""
        cost = cost_of_report(output.report)
        self.cost += cost
        return cost

    def may_be_sent_again(self, error: AiolambdaError) -> bool:
        """Whether another invocation does no harm after this failure."""
        has_ended = error.delivery in (Delivery.EXECUTED, Delivery.ACCEPTED)
        return not self.may_have_run or (self.idempotent and not has_ended)

    def result(
        self, output: "InvokeCommandOutput | HttpOutput | None", error: AiolambdaError | None, *, duration: float = 0.0
    ) -> MapResult[Item]:
        """The result of the item, with the verdict on all its invocations."""
        answer: Any = output  # of the one class or of the other; `cast` would take longer
        is_http = isinstance(self.command.operation, HttpOperation)
        if error is not None:
            verdict = delivery.worst([error.delivery, *([Delivery.UNKNOWN] if self.may_have_run else [])])
        elif output is None or is_http or output.status_code == 200:  # it has run, whatever the invocation type
            verdict = Delivery.EXECUTED
        else:
            kind = cast("InvokeCommand", self.command).operation.invocation_type(cast("InvokeCommand", self.command).input)
            verdict = delivery.verdict_of_output(output.status_code, kind)
        return MapResult(
            index=self.index,
            key=self.key,
            item=self.item,
            output=None if is_http else answer,
            response=answer if is_http else None,
            error=error,
            delivery=verdict,
            attempts=self.attempts,
            duration=duration,
        )

    def unsent(self) -> MapResult[Item]:
        """The result of an item that still waits when its run ends. If it may have run, its last failure says how."""
        again = "" if self.last_error is None and not self.may_have_run else " again"
        said = f"the run ended before this item was sent{again}"
        if not self.may_have_run:
            return self.result(None, NotSentError(said, last_error=self.last_error, function_name=self.function_name))
        return self.result(None, self.last_error or UnknownOutcomeError(said, function_name=self.function_name))

    def aborted(self, *, duration: float) -> MapResult[Item]:
        """The result of an item whose invocation was cancelled by the end of its run, after this time in seconds."""
        error = InvocationTimeoutError(
            "the run ended while this item was in flight",
            exceeded="total",
            stage="wait",
            delivery=Delivery.UNKNOWN,
            function_name=self.function_name,
        )
        return self.result(None, error, duration=duration)


@attrs.define(eq=False)
class Flight(Generic[Item]):
    """One invocation of an item, begun at this time of the loop. Since `admitted_at` the windows count it; `None`: no more.

    An item may be sent again before the task of its last invocation is gone, so this is not a member of the item.
    """

    work: WorkItem[Item]
    admitted_at: float | None
    began: float
