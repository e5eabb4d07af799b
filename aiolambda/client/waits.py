"""Waiting until a function is ready: questions at the intervals of the service's model, and an error that says why it failed.

Owns the five conditions, and the end of a wait. Must not know which answers end it: the acceptors of the waiters do.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import attrs

from ..errors import InvalidInputError, InvocationTimeoutError, LambdaServiceException, TooManyRequestsException
from ..errors.checks import problem_of_timeout
from ..errors.waits import WaitError, WaitTimeoutError
from ..operations.api import commands
from ..operations.api.waiters import WAITERS
from ..operations.waiter import Acceptor, Waiter, member_at
from ..pipeline.call import Command
from ..protocol.names import check_function_name, qualifier_of
from ..types.mistakes import choices_text
from ..types.values import Unset, shown, text_of
from .sending import Sending

__all__ = ["CONDITIONS", "wait_until"]

Error = TypeVar("Error", bound=WaitError)


class Condition(NamedTuple):
    """A waiter, what it means that it fails and that it goes on, and the members with the status, its reason and the code."""

    waiter: Waiter
    failed: str
    unmet: str
    status: str
    reason: str
    code: str
    needs_qualifier: bool = False


PROVISIONED = Waiter(
    "GetProvisionedConcurrencyConfig",
    5,
    180,
    (
        Acceptor("success", "path", "Status", expected="READY"),
        Acceptor("failure", "path", "Status", expected="FAILED"),
        Acceptor("retry", "path", "Status", expected="IN_PROGRESS"),
    ),
)
"""The model has no waiter for provisioned concurrency."""

_STATE = "State", "StateReason", "StateReasonCode"
_STATE_IN_CONFIGURATION = "Configuration.State", "Configuration.StateReason", "Configuration.StateReasonCode"
_UPDATE = (
    "Configuration.LastUpdateStatus",
    "Configuration.LastUpdateStatusReason",
    "Configuration.LastUpdateStatusReasonCode",
)
_INACTIVE = "the function did not become active", "the function is not active"
_NOT_ALLOCATED = "provisioned concurrency was not allocated", "provisioned concurrency is not allocated"

CONDITIONS: Mapping[str, Condition] = {
    "active": Condition(WAITERS["FunctionActiveV2"], *_INACTIVE, *_STATE_IN_CONFIGURATION),
    "updated": Condition(
        WAITERS["FunctionUpdatedV2"], "the update of the function failed", "the function is not updated", *_UPDATE
    ),
    "exists": Condition(
        WAITERS["FunctionExists"], "the function does not exist", "the function does not exist", *_STATE_IN_CONFIGURATION
    ),
    "published": Condition(WAITERS["PublishedVersionActive"], *_INACTIVE, *_STATE, needs_qualifier=True),
    "provisioned": Condition(PROVISIONED, *_NOT_ALLOCATED, "Status", "StatusReason", "", needs_qualifier=True),
}
"""The conditions by name."""


async def wait_until(
    client: Sending, function_name: str, condition: str, *, qualifier: str | None, timeout: float | Unset | None
) -> None:
    """Ask until the condition is met. See `ManagementCalls.wait_until`."""
    wait = _wait(function_name, condition, qualifier, timeout)
    waiter, time = wait.condition.waiter, asyncio.get_running_loop().time
    end = None if wait.limit is None else time() + wait.limit
    while (left := None if end is None else end - time()) is None or left > 0:
        total = client.config.timeout.total
        is_last = left is not None and (total is None or left <= total)
        try:
            answer = await _ask(client, wait.command, left if is_last else total)
        except InvocationTimeoutError as error:
            if is_last and error.exceeded == "total":
                raise wait.timeout() from error
            raise
        verdict = waiter.verdict(answer)
        if verdict == "success":
            return
        if isinstance(answer, TooManyRequestsException):
            wait.answer = wait.answer or answer  # a throttle says nothing of the function
        elif isinstance(answer, LambdaServiceException) and verdict is None:
            raise answer
        else:
            wait.answer = answer
        if verdict == "failure":
            raise wait.failure()
        await asyncio.sleep(waiter.delay if end is None else max(0.0, min(waiter.delay, end - time())))
    raise wait.timeout()


async def _ask(client: Sending, command: Command[Any, Any], total: float | None) -> object:
    """The output, or the error that the service answered with."""
    try:
        return await client.send(command, timeout=total)
    except LambdaServiceException as error:
        return error


@attrs.define(kw_only=True)
class _Wait:
    """One wait, with its last answer."""

    name: str
    condition: Condition
    command: Command[Any, Any]
    function_name: str
    limit: float | None
    answer: object = None

    def failure(self) -> WaitError:
        return self._error(WaitError, self.condition.failed)

    def timeout(self) -> WaitTimeoutError:
        return self._error(WaitTimeoutError, f"{self.condition.unmet} after {self.limit:g} s")

    def _error(self, kind: type[Error], said: str) -> Error:
        status, reason, code = (
            _text(member_at(self.answer, path)) for path in (self.condition.status, self.condition.reason, self.condition.code)
        )
        if status is not None:
            said += f": {self.condition.status.rpartition('.')[2]} is {status}"
            said += "" if code is None else f", {code}"
            said += "" if reason is None else f": {reason}"
        elif isinstance(self.answer, LambdaServiceException):
            said += f": {self.answer.message}"
        return kind(
            said,
            condition=self.name,
            status=status,
            reason=reason,
            reason_code=code,
            function_name=self.function_name,
        )


def _text(member: object) -> str | None:
    return member if isinstance(member, str) else None


def _wait(function_name: str, condition: str, qualifier: str | None, timeout: float | Unset | None) -> _Wait:
    """The wait for these arguments. `InvalidInputError` for a wrong one."""
    check_function_name(function_name)
    if text_of(condition) not in CONDITIONS:
        raise InvalidInputError(
            f"condition must be one of {', '.join(CONDITIONS)}; got {shown(condition)}: {choices_text(condition, CONDITIONS)}",
            member="condition",
        )
    chosen = CONDITIONS[condition]
    if chosen.needs_qualifier:
        qualifier = qualifier or qualifier_of(function_name)
        if qualifier is None:
            raise InvalidInputError(
                f"waiting until {condition!r} needs a version or an alias: write qualifier=...", member="qualifier"
            )
    limit = chosen.waiter.delay * chosen.waiter.most_attempts if isinstance(timeout, Unset) else timeout
    problem = problem_of_timeout("timeout", limit, other="")
    if problem is not None:
        raise InvalidInputError(problem, member="timeout")
    kind = getattr(commands, f"{chosen.waiter.operation}Command")
    return _Wait(
        name=condition,
        condition=chosen,
        command=kind(function_name=function_name, qualifier=qualifier),
        function_name=function_name,
        limit=limit,
    )
