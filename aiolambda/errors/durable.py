"""The errors of durable executions: how one ended, and that it has not ended in time.

Owns what they say of the execution. Must not know how it was asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..types.values import Delivery
from . import AiolambdaError
from .waits import WaitTimeoutError

__all__ = [
    "DurableExecutionError",
    "DurableExecutionFailedError",
    "DurableExecutionStoppedError",
    "DurableExecutionTimedOutError",
    "NotDurableError",
    "ResultTimeoutError",
]

_DEEDS = {"FAILED": "failed", "TIMED_OUT": "timed out", "STOPPED": "was stopped"}


class DurableExecutionError(AiolambdaError):
    """A durable execution ended without a result: it failed, timed out, was stopped, or is deleted.

    ::

        try:
            output = await execution.result()
        except DurableExecutionError as error:
            print(error.status, error.error_type, error.error_message)

    Attributes:
        arn: The ARN of the execution; `None` if the error was built without one, in a test.
        status: `"FAILED"`, `"TIMED_OUT"`, `"STOPPED"`, or `"DELETING"` for one that is or was deleted.
        error_type: The type of the error that the execution ended with; `None` if it gave none.
        error_message: The text of that error; `None` if it gave none.
        error_data: The data of that error, mostly JSON text; `None` if it gave none.
        stack_trace: The lines of the function's own traceback.
    """

    status: str = "FAILED"
    """`"FAILED"`, `"TIMED_OUT"`, `"STOPPED"`, or `"DELETING"` for one that is or was deleted."""

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        arn: str | None = None,
        status: str | None = None,
        error_type: str | None = None,
        error_message: str | None = None,
        error_data: str | None = None,
        stack_trace: Sequence[str] = (),
        function_name: str | None = None,
    ) -> None:
        """Build an error. The function has run, so `delivery` is `EXECUTED`. The attributes explain the rest."""
        status = status or type(self).status
        if message is None:
            description = ": ".join(filter(None, (error_type, error_message)))
            message = f"the durable execution {_DEEDS.get(status, f'ended as {status}')}"
            message += f" with {description}" if description else ""
        super().__init__(message, delivery=Delivery.EXECUTED, function_name=function_name)
        self.arn = arn
        """The ARN of the execution; `None` if the error was built without one, in a test."""
        self.status = status
        self.error_type = error_type
        """The type of the error that the execution ended with; `None` if it gave none."""
        self.error_message = error_message
        """The text of that error; `None` if it gave none."""
        self.error_data = error_data
        """The data of that error, mostly JSON text; `None` if it gave none."""
        self.stack_trace = tuple(stack_trace)
        """The lines of the function's own traceback."""
        if self.stack_trace:
            self.add_note("The function's own traceback:\n" + "\n".join(line.rstrip("\n") for line in self.stack_trace))

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.arn is None else [*details, f"durable execution {self.arn}"]


class DurableExecutionFailedError(DurableExecutionError):
    """The function of a durable execution failed. Its status is `FAILED`."""

    status = "FAILED"


class DurableExecutionTimedOutError(DurableExecutionError):
    """A durable execution did not end within the execution timeout of its function. Its status is `TIMED_OUT`.

    This is an outcome, and waiting longer does not change it. It is no `TimeoutError`: that is `ResultTimeoutError`.
    """

    status = "TIMED_OUT"


class DurableExecutionStoppedError(DurableExecutionError):
    """Somebody stopped a durable execution. Its status is `STOPPED`."""

    status = "STOPPED"


class ResultTimeoutError(WaitTimeoutError):
    """A durable execution has not ended in time. It goes on, and `result` can be awaited again.

    Attributes:
        arn: The ARN of the execution; `None` if the error was built without one, in a test.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        arn: str | None = None,
        status: str | None = None,
        function_name: str | None = None,
    ) -> None:
        """Build an error. The execution goes on, so `delivery` is `ACCEPTED`. The attributes explain the rest."""
        super().__init__(message, condition="ended", status=status, function_name=function_name)
        self._delivery = Delivery.ACCEPTED
        self.arn = arn
        """The ARN of the execution; `None` if the error was built without one, in a test."""

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.arn is None else [*details, f"durable execution {self.arn}"]


class NotDurableError(AiolambdaError):
    """The event was accepted, but the function is not durable, so there is no execution to follow.

    Attributes:
        request_id: The request id of the invocation; `None` if the answer has none.
    """

    def __init__(self, message: str, /, *, function_name: str | None = None, request_id: str | None = None) -> None:
        """Build an error. The event was accepted, so `delivery` is `ACCEPTED`. The attributes explain the rest."""
        super().__init__(message, delivery=Delivery.ACCEPTED, function_name=function_name)
        self.request_id = request_id
        """The request id of the invocation; `None` if the answer has none."""

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.request_id is None else [*details, f"request id {self.request_id}"]
