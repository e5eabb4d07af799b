"""What a client has asked about functions, so that limits follow from their settings: each once, and kept for five minutes.

Laws: calls that need the same facts at the same time share one request. It is sent by the first of them, and if that one is
cancelled, by the next. Facts that cannot be had are no error: the caller's default holds, and one warning says so.

Owns what is kept, and for how long. Must not know who uses it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

from ..errors import AiolambdaError, ClientClosedError, ConfigurationError, InvalidInputError, LambdaServiceException
from ..operations import GetAccountSettingsCommand, GetFunctionCommand
from ..operations.descriptions import AccountLimits, FunctionDescription, description_of, limits_of
from ..pipeline.call import Call
from ..pipeline.operation import ControlPlaneOperation
from ..protocol.names import check_function_name
from ..types.values import is_whole
from .sending import Sending

__all__ = ["QUEUE_AND_START", "FunctionFacts"]

QUEUE_AND_START = 30.0
"""Seconds beyond the function's timeout: for its queue at Lambda, and the start of its environment."""
_KEPT = 300.0
"""Seconds for which facts are kept."""
_KEPT_FAILURE = 30.0
"""Seconds after which facts that could not be had are asked for again. A missing permission is kept like facts."""
_FETCH_LIMIT = 10.0
"""Seconds for one request, with its repeats: an invocation waits for it."""
_MOST = 1000
"""Functions and qualifiers that are kept. After so many, all are forgotten."""

_RAISED_ANYWAY = (ClientClosedError, ConfigurationError, InvalidInputError)
"""What an invocation meets as well, and raises."""

Fact = TypeVar("Fact")


@runtime_checkable
class _Qualified(Protocol):
    @property
    def qualifier(self) -> str | None: ...


class FunctionFacts:
    """The facts of one client on one event loop."""

    def __init__(self, client: Sending, log: Callable[..., None]) -> None:
        self._client = client
        self._functions: _Kept[FunctionDescription] = _Kept()
        self._account: _Kept[AccountLimits] = _Kept()
        self._log = log
        self._warned: set[str] = set()

    async def read_limit(self, call: Call[Any, Any], default: float) -> float:
        """The seconds without a byte for a call: those of its function and more, or the default if it waits for no function."""
        operation, input = call.command.operation, call.input
        if isinstance(operation, ControlPlaneOperation) or operation.invocation_type(input) != "RequestResponse":
            return default
        name, qualifier = operation.function_name(input), input.qualifier if isinstance(input, _Qualified) else None
        if not _is_name(name) or not isinstance(qualifier, str | None):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            return default  # the check of the input refuses it
        function = await self.function(name, qualifier)
        timeout = None if function is None else _count(function.timeout)
        if function is None or timeout is None:
            return default
        durable = function.configuration.durable_config
        execution = None if durable is None else _count(durable.execution_timeout)
        if execution is None:
            return timeout + QUEUE_AND_START
        # A call of a durable function waits for its whole execution, of which each invocation has the timeout.
        return max(timeout + QUEUE_AND_START, min(execution + QUEUE_AND_START, default))

    async def concurrency(self, function_name: str, qualifier: str | None) -> int | None:
        """The invocations that a function may have in flight: those reserved for it, or the unreserved ones of the account.

        `None` if that is unknown.
        """
        function = await self.function(function_name, qualifier)
        reserved = None if function is None else _count(function.reserved_concurrency)
        if reserved is not None:
            return reserved
        limits = await self._account.get((), self._fetch_limits, self._warn)
        return None if limits is None else _count(limits.unreserved_concurrent_executions)

    async def function(self, function_name: str, qualifier: str | None) -> FunctionDescription | None:
        """The description of a function; `None` if it cannot be had."""

        async def fetch() -> FunctionDescription:
            command = GetFunctionCommand(function_name=function_name, qualifier=qualifier)
            return description_of(await self._client.send(command, timeout=_FETCH_LIMIT))

        return await self._functions.get((function_name, qualifier), fetch, self._warn)

    async def _fetch_limits(self) -> AccountLimits:
        return limits_of(await self._client.send(GetAccountSettingsCommand(), timeout=_FETCH_LIMIT))

    def _warn(self, error: Exception) -> None:
        """Log an error, one of each kind. The invocation itself raises some."""
        kind = type(error).__name__
        if kind in self._warned or isinstance(error, _RAISED_ANYWAY):
            return
        self._warned.add(kind)
        said = f"{kind}: {error}" if isinstance(error, AiolambdaError) else kind
        self._log(logging.WARNING, "defaults hold in place of the settings of a function, which cannot be read: %s", said)


def _is_name(name: object) -> bool:
    try:
        check_function_name(name)
    except InvalidInputError:
        return False
    return True


def _count(member: object) -> int | None:
    """A whole number of an answer; `None` for anything else, which may stand in its place."""
    return cast("int", member) if is_whole(member, least=0) else None


class _Kept(Generic[Fact]):
    """Facts by key, each with the time until which it holds."""

    def __init__(self) -> None:
        self._facts: dict[object, tuple[Fact | None, float]] = {}
        self._fetching: dict[object, asyncio.Event] = {}

    async def get(
        self, key: object, fetch: Callable[[], Awaitable[Fact]], on_failure: Callable[[Exception], None]
    ) -> Fact | None:
        """The fact, fetched if it is not there. `None` if that failed."""
        now = asyncio.get_running_loop().time
        while True:
            fact, until = self._facts.get(key, (None, 0.0))
            if now() < until:
                return fact
            if (other := self._fetching.get(key)) is None:
                break
            await other.wait()
        done = self._fetching[key] = asyncio.Event()
        kept = _KEPT
        try:
            fact = await fetch()
        except Exception as error:  # noqa: BLE001 - also one of a user's middleware: the invocation has its own
            is_refused = isinstance(error, LambdaServiceException) and error.category == "permission"
            fact, kept = None, _KEPT if is_refused else _KEPT_FAILURE
            on_failure(error)
        finally:
            del self._fetching[key]
            done.set()
        if len(self._facts) >= _MOST:
            self._facts.clear()
        self._facts[key] = fact, now() + kept
        return fact
