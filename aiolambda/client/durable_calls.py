"""The calls of a client about durable executions: `start_durable`, `durable_execution`, their list, and `callback`.

Owns their signatures. Must not know how an execution is followed: the first of them loads that code.
"""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from ..operations.payload import Payload
from ..types.values import UNSET, Timeouts, Unset
from .sending import Sending

if TYPE_CHECKING:
    import datetime as dt

    from ..operations.durable import DurableExecutionDescription, DurableStatus
    from .durable.callbacks import DurableCallback
    from .durable.execution import DurableExecution
    from .durable.questions import Questions

__all__ = ["DurableCalls"]


class DurableCalls(Sending):
    """The calls that start durable executions and find them."""

    @abstractmethod
    def _questions(self) -> "Questions":
        """The questions about executions, on the running loop. `ClientClosedError` if the client is closed."""

    async def start_durable(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        name: str | None = None,
        qualifier: str | None = None,
        tenant_id: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> "DurableExecution":
        """Start a durable execution of a function, and return once Lambda has accepted it.

        ::

            execution = await client.start_durable("orders:live", {"id": 7}, name="order-7")
            output = await execution.result(timeout=600)

        The event is not sent again if its answer is lost, unless the function has answered this client with a durable execution
        before: then a repeat begins no second one. Otherwise the client looks the name up for up to 30 seconds
        (`lambda:ListDurableExecutionsByFunction` and `lambda:GetDurableExecution`), and returns what it finds.

        Args:
            function_name: `name:qualifier`, an ARN with a version or an alias, or a name and `qualifier`.
            payload: Bytes, JSON text, an open binary file, or any value that the client's codec can encode. Default: no body.
            name: The name of the execution, 1 to 64 letters, digits, `-` and `_`. Default: a random one.
                A second start with the same name and payload returns the same execution.
            qualifier: A version, an alias or `$LATEST`. Default: that in `function_name`, which must have one then.
            tenant_id: The tenant, for a function with tenant isolation.
            timeout: Seconds for the event, or `Timeouts`; `None` is no limit. Default: that of the client.
                If a lookup follows, it takes as many again, at most 30.
            idempotent: `True` if queueing the event twice does no harm. Default: as the client says.

        Raises:
            DurableExecutionAlreadyStartedException: There is an execution with this name and another payload.
            NotDurableError: The event was accepted, but the function is not durable.
            InvalidInputError: The name has no qualifier, or Lambda would refuse the input. Nothing was sent.
            AiolambdaError: Any other error of `send`; its `may_have_run` says whether the execution may have started.
        """
        from .durable.execution import DurableExecution  # noqa: PLC0415 - most clients start none, as all below
        from .durable.start import command_of_start, start  # noqa: PLC0415 - as above

        try:
            command = command_of_start(function_name, payload, name=name, qualifier=qualifier, tenant_id=tenant_id)
        finally:
            del payload, tenant_id  # a traceback that is printed with locals would show them
        questions = self._questions()
        arn = await start(questions, command, timeout=timeout, idempotent=idempotent)
        return DurableExecution(self, self._questions, arn, function_name=function_name, started_at=questions.now())

    def durable_execution(self, arn: str) -> "DurableExecution":
        """A durable execution that exists. Nothing is sent until something is asked of it.

        ::

            output = await client.durable_execution(arn).result(timeout=60)

        Args:
            arn: Its ARN, which the start returned and the list shows.

        Raises:
            InvalidInputError: It is not the ARN of a durable execution.
        """
        from .durable.execution import DurableExecution  # noqa: PLC0415 - as above

        return DurableExecution(self, self._questions, arn)

    def durable_executions(
        self,
        function_name: str,
        *,
        name: str | None = None,
        qualifier: str | None = None,
        statuses: "Sequence[DurableStatus] | None" = None,
        started_after: "dt.datetime | None" = None,
        started_before: "dt.datetime | None" = None,
        oldest_first: bool = False,
        page_size: int | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> "AsyncIterator[DurableExecutionDescription]":
        """Yield the durable executions of a function, the newest first.

        ::

            async for found in client.durable_executions("orders", statuses=["RUNNING", "PAUSED"]):
                print(found.name, found.status, found.started)

        It needs the permission `lambda:ListDurableExecutionsByFunction`.

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            name: Yield only the execution with this name. Default: all.
            qualifier: Yield only the executions of this version. Default: of all versions. An alias stands for all versions.
            statuses: Yield only executions with one of these statuses, at most 10. Default: all.
            started_after: Yield only executions that started after this time. Default: all.
            started_before: Yield only executions that started before this time. Default: all.
            oldest_first: `True` begins with the oldest one. Default `False`.
            page_size: Executions that one request asks for, at most 1,000. Default: the service decides, which returns 100.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            InvalidInputError: Lambda would refuse an argument. Nothing was sent.
            AiolambdaError: Any other error of `send`.
        """
        from .durable.listing import Listing  # noqa: PLC0415 - as above

        return Listing(
            self._questions,
            function_name,
            name=name,
            qualifier=qualifier,
            statuses=statuses,
            started_after=started_after,
            started_before=started_before,
            oldest_first=oldest_first,
            page_size=page_size,
            timeout=timeout,
        )

    def callback(self, callback_id: str) -> "DurableCallback":
        """A callback that a durable execution waits for. Nothing is sent until it is answered.

        ::

            await client.callback(callback_id).succeed({"approved": True})

        Args:
            callback_id: Its id, which the function got when it began the callback.

        Raises:
            InvalidInputError: It is not a string of 1 to 1,024 characters.
        """
        from .durable.callbacks import DurableCallback  # noqa: PLC0415 - as above

        return DurableCallback(self, callback_id)
