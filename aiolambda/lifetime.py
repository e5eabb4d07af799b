"""The calls in flight: the time that each has, and how they end when their client closes.

Laws: a call ends by its own outcome, by its total limit, by a cancellation from outside, or by the client's close, and each
looks different to the caller; a closed client starts nothing.

Owns total limits and the register of calls. Must not know what a call does.
"""

import asyncio
from typing import Any, TypeVar

from .errors import AiolambdaError, ClientClosedError, InvocationTimeoutError
from .interfaces import Call, CallNext
from .models import Delivery
from .policy import delivery

__all__ = ["Lifetime"]

In = TypeVar("In")
Out = TypeVar("Out")


class Lifetime:
    """The register of one client's calls."""

    def __init__(self) -> None:
        self._calls: dict[Call[Any, Any], asyncio.Timeout] = {}
        self._cut: set[Call[Any, Any]] = set()
        self._closed = False
        self._emptied: asyncio.Event | None = None

    async def run(self, call: Call[In, Out], chain: CallNext[In, Out]) -> Out:
        """Run a call within its total limit, until it ends or is cut."""
        if self._closed:
            raise _completed(ClientClosedError("this client is closed"), call)
        scope = asyncio.timeout(call.timeouts.total)
        try:
            async with scope:
                self._calls[call] = scope
                return await chain(call)
        except (TimeoutError, AiolambdaError) as error:
            if isinstance(error, TimeoutError) and scope.expired():
                raise _completed(self._ended(call), call) from None
            if isinstance(error, AiolambdaError):
                _completed(error, call)
            raise
        finally:
            call.last_error = None  # its traceback holds the call: nothing may keep the two together
            self._calls.pop(call, None)
            self._cut.discard(call)
            if not self._calls and self._emptied is not None:
                self._emptied.set()

    @property
    def closed(self) -> bool:
        return self._closed

    async def close(self, grace: float | None) -> None:
        """Start nothing more; give the calls in flight so many seconds (`None`: all they need), then cut the rest."""
        self._closed = True
        try:
            if grace != 0:
                async with asyncio.timeout(grace):
                    await self._until_empty()
        except TimeoutError:
            pass
        finally:
            self._cut_all()
        await self._until_empty()

    def _cut_all(self) -> None:
        for call, scope in self._calls.items():
            if not scope.expired():
                self._cut.add(call)
                scope.reschedule(0)  # a moment that is past: the scope ends at the loop's next turn

    async def _until_empty(self) -> None:
        while self._calls:
            self._emptied = self._emptied or asyncio.Event()
            self._emptied.clear()
            await self._emptied.wait()

    def _ended(self, call: Call[Any, Any]) -> AiolambdaError:
        if call in self._cut:
            return ClientClosedError("the client was closed while this call was in flight")
        limit = call.timeouts.total
        return InvocationTimeoutError(
            f"the call did not end within {limit} s",
            limit="total",
            stage=call.stage,
            delivery=Delivery.NOT_DELIVERED,
            last_error=call.last_error,
        )


def _completed(error: AiolambdaError, call: Call[Any, Any]) -> AiolambdaError:
    """The error with the verdict of its call: the worst of all attempts, and never better than what the error says itself."""
    verdicts = [error.delivery, *(attempt.delivery for attempt in call.history)]
    elapsed = asyncio.get_running_loop().time() - call.started
    error.located(
        call.function_name,
        delivery.worst(verdicts),
        history=call.history,
        elapsed=elapsed,
        total_retry_delay=call.total_retry_delay,
    )
    return error
