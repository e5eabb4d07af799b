"""The calls of a client that look at functions and run none: `describe`, the lists, `wait_until` and `account_limits`.

Owns their signatures. Must not know how a command is sent, or what an answer means: the first of them loads that code, so that
clients that only invoke do not pay for it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal, TypeVar

from ..protocol.names import check_function_name
from ..types.values import UNSET, Timeouts, Unset
from .sending import Sending

if TYPE_CHECKING:
    from ..operations.api.structures import AliasConfiguration, EventSourceMappingConfiguration, FunctionConfiguration
    from ..operations.api_operation import OperationInput, OperationOutput, PagedCommand
    from ..operations.descriptions import AccountLimits, FunctionDescription

    PagedIn = TypeVar("PagedIn", bound=OperationInput)
    PagedOut = TypeVar("PagedOut", bound=OperationOutput)

__all__ = ["Condition", "ManagementCalls"]

Condition = Literal["active", "updated", "exists", "published", "provisioned"]
"""What `wait_until` waits for."""


class ManagementCalls(Sending):
    """The convenience calls on top of the commands that read. Each needs the permission for the action that it names."""

    async def describe(
        self, function_name: str, *, qualifier: str | None = None, timeout: float | Timeouts | Unset | None = UNSET
    ) -> "FunctionDescription":
        """Return the state of a function, its last update, version, timeout, memory and reserved concurrency.

        It sends one `GetFunction`, and needs the permission `lambda:GetFunction`.

        ::

            orders = await client.describe("orders", qualifier="live")
            print(orders.version, orders.state, orders.timeout)

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            qualifier: A version or an alias. Default: the latest version.
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            ResourceNotFoundException: There is no such function, version or alias.
            AiolambdaError: Any other error of `send`.
        """
        from ..operations import GetFunctionCommand  # noqa: PLC0415 - loaded by the first call that manages functions
        from ..operations.descriptions import description_of  # noqa: PLC0415 - most clients only invoke, as all below

        check_function_name(function_name)
        command = GetFunctionCommand(function_name=function_name, qualifier=qualifier)
        return description_of(await self.send(command, timeout=timeout))

    async def account_limits(self, *, timeout: float | Timeouts | Unset | None = UNSET) -> "AccountLimits":
        """Return the limits of the account in the client's region, and how much of them is used.

        It sends one `GetAccountSettings`, and needs the permission `lambda:GetAccountSettings`.

        ::

            limits = await client.account_limits()
            print(limits.concurrent_executions, limits.unreserved_concurrent_executions)

        Args:
            timeout: Seconds for the whole call, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        from ..operations import GetAccountSettingsCommand  # noqa: PLC0415 - as above
        from ..operations.descriptions import limits_of  # noqa: PLC0415 - as above

        return limits_of(await self.send(GetAccountSettingsCommand(), timeout=timeout))

    def pages(
        self, command: "PagedCommand[PagedIn, PagedOut]", *, timeout: float | Timeouts | Unset | None = UNSET
    ) -> "AsyncIterator[PagedOut]":
        """Send a command for each page of its answer, and yield the outputs.

        ::

            async for page in client.pages(ListFunctionsCommand(max_items=50)):
                print(len(page.functions or ()))

        A page is asked for when the loop comes to it. After an error, `anext` asks for the same page again. A command with a
        `marker` begins there.

        Args:
            command: One of the 16 commands whose answer comes in pages.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            InvalidInputError: The answer to this command does not come in pages.
            AiolambdaError: An error of `send`, or the service gave the same marker twice.
        """
        from .pages import Pages  # noqa: PLC0415 - as above

        return Pages(self, command, timeout)

    def functions(
        self,
        *,
        all_versions: bool = False,
        page_size: int | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> "AsyncIterator[FunctionConfiguration]":
        """Yield the functions of the account in the client's region. It reads a page when the loop comes to it.

        It needs the permission `lambda:ListFunctions`.

        ::

            async for found in client.functions():
                print(found.function_name, found.runtime)

        Args:
            all_versions: `True` yields the published versions, too. Default: the latest version of each function.
            page_size: Functions that one request asks for. Default: the service decides, which returns at most 50.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        from ..operations import ListFunctionsCommand  # noqa: PLC0415 - as above
        from .pages import Items  # noqa: PLC0415 - as above

        command = ListFunctionsCommand(function_version="ALL" if all_versions else None, max_items=page_size)
        return Items(self, command, timeout)

    def versions(
        self, function_name: str, *, page_size: int | None = None, timeout: float | Timeouts | Unset | None = UNSET
    ) -> "AsyncIterator[FunctionConfiguration]":
        """Yield the versions of a function: `$LATEST` first, then the published ones.

        It needs the permission `lambda:ListVersionsByFunction`.

        Args:
            function_name: A name, a partial ARN or an ARN.
            page_size: Versions that one request asks for. Default: the service decides, which returns at most 50.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        from ..operations import ListVersionsByFunctionCommand  # noqa: PLC0415 - as above
        from .pages import Items  # noqa: PLC0415 - as above

        check_function_name(function_name)
        return Items(self, ListVersionsByFunctionCommand(function_name=function_name, max_items=page_size), timeout)

    def aliases(
        self,
        function_name: str,
        *,
        function_version: str | None = None,
        page_size: int | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> "AsyncIterator[AliasConfiguration]":
        """Yield the aliases of a function.

        It needs the permission `lambda:ListAliases`.

        Args:
            function_name: A name, a partial ARN or an ARN.
            function_version: Yield only the aliases that point to this version. Default: all.
            page_size: Aliases that one request asks for. Default: the service decides.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        from ..operations import ListAliasesCommand  # noqa: PLC0415 - as above
        from .pages import Items  # noqa: PLC0415 - as above

        check_function_name(function_name)
        command = ListAliasesCommand(function_name=function_name, function_version=function_version, max_items=page_size)
        return Items(self, command, timeout)

    def event_source_mappings(
        self,
        function_name: str | None = None,
        *,
        event_source_arn: str | None = None,
        page_size: int | None = None,
        timeout: float | Timeouts | Unset | None = UNSET,
    ) -> "AsyncIterator[EventSourceMappingConfiguration]":
        """Yield the event source mappings of the account, of a function, or of an event source.

        It needs the permission `lambda:ListEventSourceMappings`.

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN. Default: of all functions.
            event_source_arn: The queue, stream, topic or cluster. Default: all.
            page_size: Mappings that one request asks for. Default: the service decides.
            timeout: Seconds for each page, or `Timeouts`; `None` is no limit. Default: that of the client.

        Raises:
            AiolambdaError: An error of `send`.
        """
        from ..operations import ListEventSourceMappingsCommand  # noqa: PLC0415 - as above
        from .pages import Items  # noqa: PLC0415 - as above

        if function_name is not None:
            check_function_name(function_name)
        command = ListEventSourceMappingsCommand(
            function_name=function_name, event_source_arn=event_source_arn, max_items=page_size
        )
        return Items(self, command, timeout)

    async def wait_until(
        self,
        function_name: str,
        condition: Condition,
        *,
        qualifier: str | None = None,
        timeout: float | Unset | None = UNSET,
    ) -> None:
        """Wait until a function is ready in one respect. It asks again every few seconds, as the waiters of boto3 do.

        ::

            await client.send(UpdateFunctionCodeCommand(function_name="orders", zip_file=code))
            await client.wait_until("orders", "updated", timeout=60)

        Args:
            function_name: A name, `name:qualifier`, a partial ARN or an ARN.
            condition: `"active"`, `"updated"`, `"exists"`, `"published"` or `"provisioned"`.
                Active is the state of a function that was created, and updated the end of the last update of code or
                configuration. Published is the state of a published version. Provisioned is the end of the allocation of
                provisioned concurrency.
            qualifier: A version or an alias, which `"published"` and `"provisioned"` need, here or in the name.
            timeout: Seconds for the whole wait; `None` is no limit.
                Default: 300 for `"active"` and `"updated"`, 20 for `"exists"`, 1,560 for `"published"`, 900 for
                `"provisioned"`.

        Raises:
            WaitError: The function failed to become ready; `reason` and `reason_code` say why.
            WaitTimeoutError: It is not ready in time. It is a `WaitError` and a `TimeoutError`.
            InvalidInputError: There is no such condition, or it needs a qualifier. Nothing was sent.
            AiolambdaError: An error of `send`, such as `ResourceNotFoundException`.
        """
        from .waits import wait_until  # noqa: PLC0415 - as above

        await wait_until(self, function_name, condition, qualifier=qualifier, timeout=timeout)
