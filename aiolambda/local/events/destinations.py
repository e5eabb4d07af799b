"""The delivery of records to files and to functions of the program: on threads, one record at a time for each destination.

Laws: a destination that blocks stops no other. A delivery that fails is logged.

Must not know what the records say.
"""

import asyncio
import inspect
import json
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import cast

import attrs

from ..event_config import Destination, Receiver
from ..runtime.handler_threads import HandlerThreads
from ..runtime.process import EndpointClosed
from .event import QueuedEvent

__all__ = ["Destinations", "report_failure"]

_log = logging.getLogger("aiolambda.local.events")


@attrs.frozen
class _Delivery:
    event: QueuedEvent
    destination: Path | Receiver
    record: bytes = attrs.field(repr=False)


class Destinations:
    """Delivers records. `on_end` is called with each event whose record was delivered, or could not be."""

    def __init__(self, on_end: Callable[[QueuedEvent], None]) -> None:
        self._on_end = on_end
        self._threads = HandlerThreads("destination")
        self._waiting: dict[object, deque[_Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, event: QueuedEvent, destination: Path | Receiver, record: bytes) -> None:
        """Deliver a record after those before it."""
        key = _identity_of(destination)
        delivery = _Delivery(event, destination, record)
        if key in self._waiting:
            self._waiting[key].append(delivery)
            return
        self._waiting[key] = deque([delivery])
        task = asyncio.create_task(self._deliver_all(key), name=f"records for {_shown(destination)}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> set[asyncio.Task[None]]:
        """Forget the records that wait, and cancel the deliveries: their tasks."""
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)

    async def close(self) -> None:
        """End the threads. New ones may be started afterwards."""
        await self._threads.close()

    async def _deliver_all(self, key: object) -> None:
        """Deliver until there are no more."""
        waiting = self._waiting[key]
        try:
            while waiting:
                delivery = waiting.popleft()
                if not delivery.event.is_dropped:
                    await self._deliver(delivery)
                self._on_end(delivery.event)
        finally:
            del self._waiting[key]

    async def _deliver(self, delivery: _Delivery) -> None:
        try:
            failure = await self._threads.run(lambda: _delivered(delivery.destination, delivery.record))
        except EndpointClosed as closed:  # the function cancelled itself
            failure = closed
        if failure is not None:
            report_failure(delivery.event, delivery.destination, failure)


def report_failure(event: QueuedEvent, destination: Destination, failure: BaseException | str) -> None:
    """Log that a record was not delivered."""
    error, reason = (failure, "") if isinstance(failure, BaseException) else (None, f": {failure}")
    request_id, name = event.job.invocation.request_id, event.name
    _log.error(
        "the record of event %s of function %r was not delivered to %s%s",
        *(request_id, name, _shown(destination), reason),
        exc_info=error,
    )


async def _delivered(destination: Path | Receiver, record: bytes) -> BaseException | None:
    """Deliver a record on this thread. Returns the error of the destination."""
    try:
        if isinstance(destination, Path):
            _append(destination, record)
            return None
        outcome = destination(json.loads(record))
        if inspect.isawaitable(outcome):
            await outcome
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - it is reported; pytest.fail() must not end the thread
        return error
    return None


def _append(path: Path, record: bytes) -> None:
    with path.open("ab") as file:
        file.write(record + b"\n")


def _identity_of(destination: Path | Receiver) -> object:
    """The same for two values that mean one destination."""
    try:
        hash(destination)
    except TypeError:
        return id(destination)
    return destination


def _shown(destination: Destination) -> str:
    if isinstance(destination, str):
        return f"function {destination!r}"
    if isinstance(destination, Path):
        return f"file {str(destination)!r}"
    name: object = getattr(destination, "__qualname__", type(destination).__qualname__)
    return f"{cast('str', name)}()"
