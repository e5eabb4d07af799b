"""What callers ask of a function and of an account, as small values, and how they follow from the answers of the service.

Owns their members. Must not know how an answer was asked for.
"""

import attrs

from ..types.mistakes import explains_arguments
from .api.commands import GetAccountSettingsCommandOutput, GetFunctionCommandOutput
from .api.structures import AccountLimit, AccountUsage, FunctionConfiguration

__all__ = ["AccountLimits", "FunctionDescription", "description_of", "limits_of"]


@explains_arguments
@attrs.frozen(kw_only=True)
class FunctionDescription:
    """The state of a function, and the settings that its callers need. `None` stands for what the answer did not have.

    ::

        orders = await client.describe("orders")
        if not orders.is_ready:
            print(orders.state, orders.state_reason)

    Args:
        function_name: The name of the function.
        function_arn: Its ARN, with the qualifier that was asked for.
        version: The version, such as `"$LATEST"` or `"7"`. For an alias: the version that it points to.
        state: `"Pending"`, `"Active"`, `"Inactive"`, `"Failed"`, or a newer one.
        state_reason: The reason for the state, in words.
        state_reason_code: The code of the reason, such as `"Creating"`.
        last_update_status: `"Successful"`, `"InProgress"` or `"Failed"`, of the last update of code or configuration.
        last_update_reason: The reason for that status, in words.
        last_update_reason_code: The code of that reason.
        last_modified: The time of the last update, in the form of ISO 8601.
        timeout: The seconds after which Lambda ends an invocation.
        memory: The memory of an invocation, in MiB.
        reserved_concurrency: The invocations that are reserved for the function, which are its limit, too.
            `None`: it shares the unreserved concurrency of the account.
        configuration: All members of the answer.
    """

    function_name: str | None = None
    """The name of the function."""
    function_arn: str | None = None
    """Its ARN, with the qualifier that was asked for."""
    version: str | None = None
    """The version, such as `"$LATEST"` or `"7"`. For an alias: the version that it points to."""
    state: str | None = None
    """`"Pending"`, `"Active"`, `"Inactive"`, `"Failed"`, or a newer one."""
    state_reason: str | None = None
    """The reason for the state, in words."""
    state_reason_code: str | None = None
    """The code of the reason, such as `"Creating"`."""
    last_update_status: str | None = None
    """`"Successful"`, `"InProgress"` or `"Failed"`, of the last update of code or configuration."""
    last_update_reason: str | None = None
    """The reason for that status, in words."""
    last_update_reason_code: str | None = None
    """The code of that reason."""
    last_modified: str | None = None
    """The time of the last update, in the form of ISO 8601."""
    timeout: int | None = None
    """The seconds after which Lambda ends an invocation."""
    memory: int | None = None
    """The memory of an invocation, in MiB."""
    reserved_concurrency: int | None = None
    """The invocations that are reserved for the function, which are its limit, too. `None`: it shares the unreserved
    concurrency of the account."""
    configuration: FunctionConfiguration = attrs.field(factory=FunctionConfiguration, repr=False)
    """All members of the answer."""

    @property
    def is_ready(self) -> bool:
        """Whether the function is active, and its last update was successful."""
        return self.state in (None, "Active") and self.last_update_status in (None, "Successful")


def description_of(output: GetFunctionCommandOutput) -> FunctionDescription:
    """The description in an answer to GetFunction."""
    found = output.configuration or FunctionConfiguration()
    return FunctionDescription(
        function_name=found.function_name,
        function_arn=found.function_arn,
        version=found.version,
        state=found.state,
        state_reason=found.state_reason,
        state_reason_code=found.state_reason_code,
        last_update_status=found.last_update_status,
        last_update_reason=found.last_update_status_reason,
        last_update_reason_code=found.last_update_status_reason_code,
        last_modified=found.last_modified,
        timeout=found.timeout,
        memory=found.memory_size,
        reserved_concurrency=None if output.concurrency is None else output.concurrency.reserved_concurrent_executions,
        configuration=found,
    )


@explains_arguments
@attrs.frozen(kw_only=True)
class AccountLimits:
    """The limits of an account in a region, and how much of them is used. `None` stands for what the answer did not have.

    Args:
        concurrent_executions: Invocations that may run at a time, of all functions.
        unreserved_concurrent_executions: Those of them that are reserved for no function.
        total_code_size: Bytes of code that may be stored, of all functions and layers.
        code_size_zipped: Bytes of a zip file that a request may carry.
        code_size_unzipped: Bytes of the unpacked code of a function with its layers.
        used_code_size: Bytes of code that are stored.
        function_count: Functions that there are.
    """

    concurrent_executions: int | None = None
    """Invocations that may run at a time, of all functions."""
    unreserved_concurrent_executions: int | None = None
    """Those of them that are reserved for no function."""
    total_code_size: int | None = None
    """Bytes of code that may be stored, of all functions and layers."""
    code_size_zipped: int | None = None
    """Bytes of a zip file that a request may carry."""
    code_size_unzipped: int | None = None
    """Bytes of the unpacked code of a function with its layers."""
    used_code_size: int | None = None
    """Bytes of code that are stored."""
    function_count: int | None = None
    """Functions that there are."""


def limits_of(output: GetAccountSettingsCommandOutput) -> AccountLimits:
    """The limits in an answer to GetAccountSettings."""
    limit, usage = output.account_limit or AccountLimit(), output.account_usage or AccountUsage()
    return AccountLimits(
        concurrent_executions=limit.concurrent_executions,
        unreserved_concurrent_executions=limit.unreserved_concurrent_executions,
        total_code_size=limit.total_code_size,
        code_size_zipped=limit.code_size_zipped,
        code_size_unzipped=limit.code_size_unzipped,
        used_code_size=usage.total_code_size,
        function_count=usage.function_count,
    )
