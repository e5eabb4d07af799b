"""One call that a worker makes: its state, and the outcomes that are made for it here.

Laws: a call whose worker has begun it may have run; one that no worker has begun has not. A call that several workers were
given has the verdict of all of them.

Owns the verdicts. Must not know which worker makes a call, or when.
"""

import asyncio
from typing import Any

import attrs

from ...errors import (
    AiolambdaError,
    ClientClosedError,
    InvalidInputError,
    InvocationTimeoutError,
    NotSentError,
    WorkerLostError,
)
from ...fanout.parcels import packed_outcome
from ...policy import delivery
from ...types.values import Attempt, Delivery
from .frames import LARGEST_FRAME, Message
from .process import WorkerProcess

__all__ = ["RemoteCall", "check_size", "ended_in_flight", "with_history"]

_LARGEST_COMMAND = LARGEST_FRAME // 2
"""Bytes. Lambda takes far less, but a server behind a URL need not."""


class RemoteCall:
    """A command on its way to a worker and back."""

    __slots__ = (
        "beginnings",
        "cut",
        "function_name",
        "future",
        "id",
        "number",
        "outcome",
        "packed",
        "size",
        "started",
        "worker",
    )

    def __init__(self, id: int, packed: Message, function_name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.id, self.packed, self.function_name = id, packed, function_name
        self.size = len(packed[2] or b"")
        self.future: asyncio.Future[Message] = loop.create_future()
        self.started = loop.time()
        self.outcome: Message | None = None
        self.worker: WorkerProcess | None = None
        self.number = 0
        """The number of its partition."""
        self.beginnings = 0
        self.cut = False
        """Whether a worker was told to end it."""

    def settle(self, outcome: Message) -> None:
        """Give the outcome to the one who waits."""
        if self.outcome is None:
            self.outcome = outcome
            if not self.future.done():  # it is cancelled with its task, which has not noticed yet
                self.future.set_result(outcome)

    def settle_unsent(self) -> None:
        """The run ended before a worker had the call."""
        self._fail(NotSentError("the run ended before this item was sent", function_name=self.function_name))

    def settle_cut(self, *, may_have_run: bool, client_closed: bool) -> None:
        """The run or the client ended, and no worker says how far the call got."""
        verdict = Delivery.UNKNOWN if may_have_run else Delivery.NOT_DELIVERED
        if client_closed:
            said = "the client was closed while this call was in flight"
            self._fail(ClientClosedError(said, delivery=verdict, function_name=self.function_name))
        else:
            self._fail(ended_in_flight(self, verdict))

    def settle_lost(self, end: str, *, may_have_run: bool) -> None:
        """The worker ended, and the outcome with it. `end` says how."""
        elapsed = self.future.get_loop().time() - self.started
        verdict = Delivery.UNKNOWN if may_have_run else Delivery.NOT_DELIVERED
        error = WorkerLostError(f"the worker process that made this call ended {end}", delivery=verdict)
        attempt = Attempt(delivery=verdict, duration=elapsed, status_code=None)
        history = [attempt] if may_have_run else []
        self._fail(
            delivery.completed(error, function_name=self.function_name, history=history, elapsed=elapsed, total_retry_delay=0.0)
        )

    def _fail(self, error: AiolambdaError) -> None:
        self.settle(packed_outcome(None, error))


def check_size(packed: Message, function_name: str) -> None:
    """`InvalidInputError` for a command that fits into no frame."""
    if len(packed[2] or b"") > _LARGEST_COMMAND:
        said = f"a command for another process may have {_LARGEST_COMMAND:,} bytes: send less, or leave processes out"
        raise InvalidInputError(said, limit=_LARGEST_COMMAND, function_name=function_name)


def ended_in_flight(call: RemoteCall, verdict: Delivery) -> InvocationTimeoutError:
    return InvocationTimeoutError(
        "the run ended while this item was in flight",
        exceeded="total",
        stage="wait",
        delivery=verdict,
        function_name=call.function_name,
    )


def with_history(output: Any, lost: list[Attempt]) -> Any:
    """The output, with the attempts of lost workers in its metadata."""
    metadata = output.metadata
    history = (*lost, *metadata.history)
    return attrs.evolve(output, metadata=attrs.evolve(metadata, attempts=metadata.attempts + len(lost), history=history))
