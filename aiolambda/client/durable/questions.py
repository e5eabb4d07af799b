"""The questions about durable executions: each passes the limiter, and ends if the client closes.

Owns the state that the executions of a client share on one event loop. Must not know what an answer means.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from ...config import LambdaClientConfig
from ...errors import ClientClosedError
from ...operations.api_operation import OperationCommand
from ...pipeline.call import Command
from ...policy.polling import Pacer
from ...types.values import UNSET, HedgeAfter, Timeouts, Unset
from ..sending import Sending
from .limiter import Limiter, Turns
from .poller import Asking, Ending, Poller

__all__ = ["Questions"]

In = TypeVar("In")
Out = TypeVar("Out")


class Questions(Asking):
    """Asks about the durable executions of one client on one event loop. It is a client whose `send` keeps the pace."""

    def __init__(self, client: Sending, *, jitter: Callable[[], float], pacer: Pacer | None = None) -> None:
        self.client = client
        self._limiter = Limiter(pacer or Pacer())
        self._turns = Turns(self._limiter)
        self._templates: dict[type, OperationCommand[Any, Any]] = {}
        """A command of each class, whose middleware stack the others share: so it is folded once."""
        self._pollers: dict[str, Poller] = {}
        self._pauses: set[asyncio.Future[None]] = set()
        self._is_closed = False
        self._jitter = jitter

    @property
    def config(self) -> LambdaClientConfig:
        """The settings of the client."""
        return self.client.config

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for an execution."""
        return bool(self._pollers)

    async def send(
        self,
        command: Command[In, Out],
        *,
        timeout: float | Timeouts | Unset | None = UNSET,
        idempotent: bool | None = None,
        hedge_after: HedgeAfter | Unset | None = UNSET,
    ) -> Out:
        """Send a command that reads, when its turn has come. The wait for the first turn is not part of the call's time.

        Args:
            command: The command.
            timeout: As in the client.
            idempotent: As in the client.
            hedge_after: As in the client.
        """
        if not isinstance(command, OperationCommand):
            return await self.client.send(command, timeout=timeout, idempotent=idempotent, hedge_after=hedge_after)
        self._check_open()
        paced: Any = self._paced(command)  # pyright: ignore[reportUnknownArgumentType] - of any input and output
        try:
            await self._turns.take(paced)
            answer: Out = await self.client.send(paced, timeout=timeout, idempotent=idempotent, hedge_after=hedge_after)
        finally:
            self._turns.give_back(paced)
        return answer

    def now(self) -> float:
        """The time of the loop."""
        return asyncio.get_running_loop().time()

    def jitter(self) -> float:
        """A random number, 0 to 1."""
        return self._jitter()

    async def pause(self, seconds: float) -> None:
        """Sleep. `ClientClosedError` if the client closes meanwhile."""
        self._check_open()
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _set, over)
        self._pauses.add(over)
        try:
            await over
        finally:
            timer.cancel()
            self._pauses.discard(over)

    async def ending(self, arn: str, *, limit: float | None, visible_at: float | None, has_ended: bool) -> Ending | Poller:
        """Wait until an execution has ended, at most `limit` seconds. Returns its end, or if it goes on what polled it.

        All that wait for the same execution share one poller. The last one that leaves ends it.

        Args:
            arn: The execution.
            limit: Seconds, or `None`.
            visible_at: The time of the loop from which on a missing execution is an error; `None` for at once.
            has_ended: Whether an earlier wait has seen the end.
        """
        self._check_open()
        poller = self._pollers.get(arn)
        if poller is None:
            poller = self._pollers[arn] = Poller(self, arn, has_ended=has_ended)
            poller.start(on_end=self._forget)
        if visible_at is not None:
            poller.visible_at = max(poller.visible_at, visible_at)
        poller.waiters += 1
        try:
            await asyncio.wait({poller.ended}, timeout=limit)
            return poller.ended.result() if poller.ended.done() else poller
        finally:
            poller.waiters -= 1
            if not poller.waiters and not poller.ended.done():
                self._forget(poller)
                await poller.stop()

    def abort(self) -> None:
        """End all waits: the client is closed. The loop of the client runs in this thread."""
        self._is_closed = True
        for poller in list(self._pollers.values()):
            poller.abort(_closed())
        self._limiter.close(_closed)
        for over in self._pauses:
            if not over.done():
                over.set_exception(_closed())

    async def close(self) -> None:
        """End all waits, and wait until nothing of them runs any more.

        A middleware may close the client during a poll: its own task is not awaited.
        """
        pollers = list(self._pollers.values())
        self.abort()
        current = asyncio.current_task()
        if all(poller.task is not current for poller in pollers):
            for poller in pollers:
                await poller.finished()

    def _paced(self, command: OperationCommand[Any, Any]) -> OperationCommand[Any, Any]:
        """A copy of the command, whose attempts each take a turn."""
        template = self._templates.get(type(command))
        if template is None:
            template = self._templates[type(command)] = command.with_input(command.input)
            template.middleware_stack.add(self._turns, step="finalize", priority="low", name="durableTurnMiddleware")
        return template.with_input(command.input)

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClientClosedError("this client is closed")

    def _forget(self, poller: Poller) -> None:
        if self._pollers.get(poller.arn) is poller:
            del self._pollers[poller.arn]


def _set(over: "asyncio.Future[None]") -> None:
    if not over.done():
        over.set_result(None)


def _closed() -> ClientClosedError:
    return ClientClosedError("the client was closed while a durable execution was awaited")
