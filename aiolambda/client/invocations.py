"""The calls of a client that invoke one function: `invoke`, `invoke_event`, `stream` and `dry_run`.

Owns their signatures. Must not know how a command is sent: `LambdaClient.send` does that.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import AiolambdaError
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import EventReceipt, InvokeCommandOutput
from ..operations.payload import Payload, check_json_text
from ..types.values import UNSET, HedgeAfter, LogType, Metadata, Timeouts, Unset
from .sending import Sending

if TYPE_CHECKING:
    from ..operations.response_stream import ResponseStream

__all__ = ["InvocationCalls"]


class InvocationCalls(Sending):
    """The convenience calls on top of `send`."""

    async def invoke(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        tenant_id: str | None = None,
        durable_execution_name: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
    ) -> InvokeCommandOutput:
        """Invoke a function and wait for its answer.

        ::

            output = await client.invoke("orders", {"id": 7}, timeout=30)
            print(output.json())

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            payload: Bytes, JSON text, an open binary file, or any value that the client's codec can encode. Default: no body.
            qualifier: A version or an alias. Default: the latest version.
            log_type: `"Tail"` returns the last 4 KiB of the log in `output.log_tail`. Default: no log.
            client_context: A mapping, or an already base64-encoded string. The function finds it in its context.
            tenant_id: The tenant, for a function with tenant isolation.
            durable_execution_name: The name of the execution of a durable function, which runs once for each name.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            idempotent: `True` if running the function twice does no harm. Default: as the client says.
                With `True`, an attempt with an unknown outcome is repeated.
            hedge_after: When an idempotent call that has no answer is sent a second time. Default: as the client says.
                Seconds, or `"p90"`, `"p95"` or `"p99"`: the time in which that share of the function's answers came.
                The first answer wins. The function may run twice, and both runs are billed. `None` is never.

        Raises:
            FunctionError: The function failed. It has run.
            AiolambdaError: Any other error of `send`; its `may_have_run` says whether the function may have run.
        """
        try:
            command = InvokeCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                qualifier=qualifier,
                log_type=log_type,
                client_context=client_context,
                tenant_id=tenant_id,
                durable_execution_name=durable_execution_name,
            )
        finally:
            del payload, client_context, tenant_id  # a traceback that is printed with locals would show them
        try:
            output = await self.send(command, timeout=timeout, idempotent=idempotent, hedge_after=hedge_after)
        except AiolambdaError as error:
            if durable_execution_name is not None and error.may_have_run:
                from .durable.start import say_how_to_follow  # noqa: PLC0415 - most calls do not fail

                say_how_to_follow(error, command.input)
            raise
        return output.raise_for_function_error()

    async def invoke_event(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        tenant_id: str | None = None,
        durable_execution_name: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> EventReceipt:
        """Queue an event for a function, and return once Lambda has accepted it.

        Lambda may run the function up to three times, or drop the event.

        ::

            receipt = await client.invoke_event("orders", {"id": 7})

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            payload: Bytes, JSON text, an open binary file, or any value that the client's codec can encode. Default: no body.
            qualifier: A version or an alias. Default: the latest version.
            tenant_id: The tenant, for a function with tenant isolation.
            durable_execution_name: The name of the execution of a durable function, which runs once for each name.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
            idempotent: `True` if queueing the event twice does no harm. Default: as the client says.

        Raises:
            AiolambdaError: An error of `send`; its `may_have_run` says whether the function may have run.
        """
        try:
            command = InvokeCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                invocation_type="Event",
                qualifier=qualifier,
                tenant_id=tenant_id,
                durable_execution_name=durable_execution_name,
            )
        finally:
            del payload, tenant_id  # as above
        output = await self.send(command, timeout=timeout, idempotent=idempotent)
        return EventReceipt(
            status_code=output.status_code, durable_execution_arn=output.durable_execution_arn, metadata=output.metadata
        )

    def stream(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        log_type: LogType | None = None,
        client_context: Mapping[str, object] | str | None = None,
        tenant_id: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
    ) -> "ResponseStream":
        """Invoke a function and read its answer while it is written.

        ::

            async with client.stream("writer", {"topic": "tea"}) as stream:
                async for chunk in stream:
                    print(chunk)

        Entering the block sends the invocation, and raises the errors of `send`. Leaving it closes the stream. The stream holds
        its slot until it is closed.

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            payload: Bytes, JSON text, an open binary file, or any value that the client's codec can encode. Default: no body.
            qualifier: A version or an alias. Default: the latest version.
            log_type: `"Tail"` returns the last 4 KiB of the log in `stream.log_tail`. Default: no log.
            client_context: A mapping, or an already base64-encoded string. The function finds it in its context.
            tenant_id: The tenant, for a function with tenant isolation.
            timeout: Seconds until the stream is closed, or `Timeouts`; `None` is no limit. Default: that of the client.
                A number or `None` replaces the `total` of the client's limits, `Timeouts` replaces them all.
                Of `Timeouts`, `read` applies until the answer begins, `idle` between two chunks, and `total` until the stream
                is closed.
            idempotent: `True` if running the function twice does no harm. Default: as the client says.
                Once an answer has begun, nothing is sent again.
        """
        from ..operations.response_stream import ResponseStream  # noqa: PLC0415 - as the next
        from ..operations.stream_command import InvokeWithResponseStreamCommand  # noqa: PLC0415 - loaded by the first stream

        try:
            command = InvokeWithResponseStreamCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                qualifier=qualifier,
                log_type=log_type,
                client_context=client_context,
                tenant_id=tenant_id,
            )
        finally:
            del payload, client_context, tenant_id  # as above

        async def open_stream() -> ResponseStream:
            return (await self.send(command, timeout=timeout, idempotent=idempotent)).event_stream

        return ResponseStream(open_stream)

    async def dry_run(
        self,
        function_name: str,
        payload: Payload = None,
        *,
        qualifier: str | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> Metadata:
        """Check that these credentials may invoke the function, without running it.

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            payload: As in `invoke`. Default: no body.
            qualifier: A version or an alias. Default: the latest version.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AccessDeniedException: They may not.
            AiolambdaError: Any other error of `send`.
        """
        try:
            command = InvokeCommand(
                function_name=function_name,
                payload=check_json_text(payload, function_name),
                invocation_type="DryRun",
                qualifier=qualifier,
            )
        finally:
            del payload  # as above
        return (await self.send(command, timeout=timeout)).metadata
