"""The checks of a function that may be invoked: its state and settings, and the concurrency that it and its account have.

A permission that is missing for them is no problem, because an invocation does not need it. Must not run the function.
"""

from collections.abc import Awaitable, Callable

import attrs

from ...client.client import LambdaClient
from ...errors import AccessDeniedException, AiolambdaError, LambdaServiceException
from ...operations.descriptions import AccountLimits, FunctionDescription
from ...types.values import Credentials, Timeouts
from .. import exit_codes
from .check import Check, ok, problem, skipped, warning
from .settings import ExplainedSettings

__all__ = ["check_limits", "check_state", "checks_of_function"]

_UNREADY = {
    "Pending": "wait until it is active; Lambda refuses most invocations until then",
    "Inactive": "the first invocation starts it again, and fails meanwhile: repeat it, or wait until it is active",
}


async def checks_of_function(
    found: ExplainedSettings, name: str, qualifier: str | None, credentials: Credentials, limit: float
) -> list[Check]:
    """Ask for the function and for the account, each within `limit` seconds."""
    limits = Timeouts(total=limit, connect=limit)
    settings = attrs.evolve(found.config, credentials=credentials, timeout=limits, max_concurrency=None)
    async with LambdaClient(settings) as client:
        try:
            function = await client.describe(name, qualifier=qualifier)
        except AiolambdaError as error:
            return [_unknown("state", error, "GetFunction"), skipped("limits", "not known: they need the function's settings")]
        return [check_state(function), await _limits(function, client.account_limits)]


async def _limits(function: FunctionDescription, ask: Callable[[], Awaitable[AccountLimits]]) -> Check:
    try:
        return check_limits(function, await ask())
    except AiolambdaError as error:
        if function.reserved_concurrency is not None:
            return check_limits(function, AccountLimits())
        return _unknown("limits", error, "GetAccountSettings")


def check_state(function: FunctionDescription) -> Check:
    """Whether the function is ready, with its timeout and memory."""
    parts = [
        f"version {function.version}" if function.version is not None else None,
        f"timeout {function.timeout:,} s" if function.timeout is not None else None,
        f"memory {function.memory:,} MiB" if function.memory is not None else None,
    ]
    shown = ", ".join(part for part in parts if part is not None)
    facts = {
        "state": function.state,
        "last_update_status": function.last_update_status,
        "version": function.version,
        "timeout": function.timeout,
        "memory": function.memory,
    }
    if function.is_ready:
        return ok("state", ": ".join(part for part in ("the function is ready", shown) if part), **facts)
    state = _with_reason(f"its state is {function.state}", function.state_reason_code, function.state_reason)
    if function.state == "Failed":
        advice = "correct what the text names, and update or create the function again"
        return problem("state", f"{state}; {shown}", advice, code=exit_codes.NOT_RUN, **facts)
    if function.state not in (None, "Active"):
        return warning("state", f"{state}; {shown}", _UNREADY.get(function.state, "wait until it is active"), **facts)
    update = _with_reason(
        f"its last update is {function.last_update_status}", function.last_update_reason_code, function.last_update_reason
    )
    advice = "wait until it is updated" if function.last_update_status == "InProgress" else "update it again"
    return warning("state", f"{update}; {shown}", f"{advice}; until then the old code runs", **facts)


def check_limits(function: FunctionDescription, account: AccountLimits) -> Check:
    """The invocations that may run at a time."""
    reserved, all, free = (
        function.reserved_concurrency,
        account.concurrent_executions,
        account.unreserved_concurrent_executions,
    )
    facts = {"reserved": reserved, "account": all, "unreserved": free}
    of_account = "" if all is None else f" of the account's {all:,}"
    if reserved == 0:
        advice = "raise or remove its reserved concurrency"
        return warning("limits", "no invocation can run: its reserved concurrency is 0", advice, **facts)
    if reserved is not None:
        return ok("limits", f"{reserved:,}{of_account} concurrent invocations are reserved for it, and are its limit", **facts)
    if free is None:
        return skipped("limits", "not known: the answer does not have them")
    return ok("limits", f"it shares {free:,}{of_account} concurrent invocations with other functions", **facts)


def _with_reason(said: str, code: str | None, reason: str | None) -> str:
    return f"{said}{'' if code is None else f', {code}'}{'' if reason is None else f': {reason}'}"


def _unknown(name: str, error: AiolambdaError, action: str) -> Check:
    if isinstance(error, AccessDeniedException):
        return skipped(name, f"not known: these credentials lack the permission lambda:{action}")
    said = f"{error.code}, {error.message}" if isinstance(error, LambdaServiceException) else str(error)
    return skipped(name, f"not known: {said}")
