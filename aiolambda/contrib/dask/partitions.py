"""The coordinator's part of one map: items become partitions, and outcomes find their items.

Laws: an item has one outcome. One that was begun at a worker that is lost is unknown, and is sent again only if it is
idempotent; one that was not begun goes to another worker. Whatever becomes of an item that is sent again, it may have run.

Owns the items on their way and the partitions in flight. Must not know Dask: `Road` carries the partitions.
"""

import asyncio
import itertools
import pickle
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ...errors import AiolambdaError, NotSentError, UnknownOutcomeError
from ...fanout.parcels import hedge_of, outcome_of, packed_command
from ...operations.commands import InvokeCommand
from ...pipeline.command import function_of
from ...policy import delivery
from ...types.interfaces import Codec
from ...types.values import Delivery
from .feed import MapOptions, not_sent

if TYPE_CHECKING:
    from ...operations.fetch_command import FetchCommand

__all__ = ["Item", "Partition", "Partitions", "Road"]

Outcome = "tuple[InvokeCommandOutput | HttpOutput | None, AiolambdaError | None]"

_LINGER = 0.01
"""Seconds for which a partition that is not full waits for more items."""
_MOST_BYTES = 4 << 20
"""Of the payloads of a partition, if it has more than one."""
_TRIES = 5
"""How often an item that was not begun is given to a worker."""


class CountHedge(Protocol):
    """Counts a hedge, which has the answer if it `won`."""

    def __call__(self, *, won: bool) -> None: ...


class Road(Protocol):
    """The carrier of partitions to workers."""

    def portion(self, pending: int, size: int, /) -> int: ...
    async def submit(self, partition: "Partition", content: bytes, /) -> None: ...
    async def revoke(self, numbers: Sequence[int], /) -> None: ...
    def finish(self, partition: "Partition", /) -> None: ...


@attrs.define(eq=False)
class Item:
    """An item that awaits its outcome."""

    packed: tuple[Any, ...] = attrs.field(repr=False)
    size: int
    function_name: str
    is_idempotent: bool
    outcome: asyncio.Future[Any]
    tries: int = 0
    may_have_run: bool = False
    """Whether a worker that was lost had begun it."""


@attrs.define(eq=False)
class Partition:
    """Items that travel together. `waiting` has those without an outcome, by their place."""

    number: int
    of: "Partitions"
    waiting: dict[int, Item]
    worker: str | None = None
    is_submitted: bool = False
    """Whether a worker may have it."""
    is_lost: bool = False
    """Whether the worker that holds it is gone."""
    is_revoked: bool = False
    """Whether the scheduler has said that nothing more of it is begun."""


class Partitions:
    """The items of one map. `send` is the `Send` of its scheduler; `run` is a task until the map ends."""

    def __init__(
        self, road: Road, options: MapOptions, *, size: int, codec: Codec, idempotent: bool, numbers: "itertools.count[int]"
    ) -> None:
        self.options = options
        self.in_flight: dict[int, Partition] = {}
        self.count_hedge: CountHedge | None = None
        """Counts a hedge of a worker for the map."""
        self._road = road
        self._size = size
        self._codec = codec
        self._idempotent = idempotent
        self._numbers = numbers
        self._pending: deque[Item] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._run_ended: asyncio.Future[None] | None = None
        self._broken: str | None = None
        """Why nothing can be sent any more."""

    async def send(self, command: "InvokeCommand | FetchCommand", run_ended: "asyncio.Future[None]") -> Any:
        """Have a worker send the command. Once `run_ended` is done, what was not begun is not sent."""
        if self._run_ended is None:
            self._run_ended = run_ended
            run_ended.add_done_callback(lambda _: self._wake.set())
        packed = packed_command(command, self._codec)
        said = self.options.idempotent
        if said is None:
            said = command.idempotent
        item = Item(
            packed,
            sum(len(part) for part in packed if isinstance(part, bytes)),
            function_of(command),
            self._idempotent if said is None else said,
            run_ended.get_loop().create_future(),
        )
        self._enqueue(item)
        output, error = await item.outcome
        if error is not None:
            raise error
        return output

    async def run(self) -> None:
        """Make partitions of the items, as there are workers for them."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._has_ended:
                await self.stop()
            while self._pending and not self._has_ended and (portion := self._road.portion(len(self._pending), self._size)):
                known = len(self._pending)
                if not self._is_full:
                    await asyncio.sleep(_LINGER)
                if len(self._pending) <= known and not self._has_ended:
                    await self._submit(portion)

    def wake(self) -> None:
        """Look again: there may be a place."""
        self._wake.set()

    @property
    def pending(self) -> int:
        """Items that wait for a worker."""
        return len(self._pending)

    async def stop(self) -> None:
        """Send nothing more: what waits is not sent, and what is at a worker only if it was begun."""
        pending, self._pending, self._bytes = self._pending, deque(), 0
        for item in pending:
            self._settle(item, None, self._unsent(item))
        numbers = [number for number, partition in self.in_flight.items() if not partition.is_revoked]
        if numbers:
            await self._road.revoke(numbers)

    def give_up(self, said: str) -> None:
        """Nothing can be learned any more: what waits is not sent, what a worker may have is unknown."""
        self._broken = said
        for item in self._pending:
            self._settle(item, None, self._unsent(item))
        self._pending.clear()
        self._bytes = 0
        for partition in list(self.in_flight.values()):
            for place in list(partition.waiting):
                item = partition.waiting[place]
                unknown = UnknownOutcomeError(said, function_name=item.function_name)
                self._resolve(partition, place, None, unknown if partition.is_submitted else self._unsent(item))

    # What the mail says of a partition

    def report(self, partition: Partition, place: int, packed: tuple[Any, ...]) -> None:
        """An outcome arrived."""
        item = partition.waiting.get(place)
        if item is None:  # it was given to another worker, or has its outcome
            return
        try:
            output, error = outcome_of(packed, self._codec)
        except Exception as problem:  # noqa: BLE001 - of an output of the user's class, which cannot be loaded here
            said = f"the outcome of this item cannot be read here: {type(problem).__name__}"
            output, error = None, UnknownOutcomeError(said, function_name=item.function_name)
        if not_sent(error):
            self._again(partition, place)
        else:
            self._resolve(partition, place, output, error)
            if self.count_hedge is not None and (hedge := hedge_of(packed)) is not None:
                self.count_hedge(won=hedge == "won")

    def revoked(self, partition: Partition, begun: int, *, failure: str | None) -> None:
        """Nothing more of the partition is begun. `failure` is the error of its task, if it has one."""
        partition.is_revoked = True
        for place in list(partition.waiting):
            item = partition.waiting[place]
            if not begun >> place & 1:
                if failure is None:
                    self._again(partition, place)
                else:
                    said = f"no worker could begin this item: {failure}"
                    error = AiolambdaError(said, delivery=Delivery.NOT_DELIVERED, function_name=item.function_name)
                    self._resolve(partition, place, None, error)
            elif partition.is_lost and item.is_idempotent:
                item.may_have_run = True
                self._again(partition, place)
            elif partition.is_lost:
                said = "the worker that had begun this item was lost"
                self._resolve(partition, place, None, UnknownOutcomeError(said, function_name=item.function_name))

    # Items

    @property
    def _is_full(self) -> bool:
        return len(self._pending) >= self._size or self._bytes >= _MOST_BYTES

    @property
    def _has_ended(self) -> bool:
        return self._run_ended is not None and self._run_ended.done()

    def _enqueue(self, item: Item) -> None:
        item.tries += 1
        if self._broken is not None or item.tries > _TRIES or self._has_ended:
            self._settle(item, None, self._unsent(item))
            return
        self._pending.append(item)
        self._bytes += item.size
        self._wake.set()

    def _unsent(self, item: Item) -> AiolambdaError:
        why = self._broken or ("the map has ended" if item.tries <= _TRIES else f"{_TRIES} workers have returned it")
        if item.may_have_run:
            said = f"{why}: this item was not sent again after a worker that had begun it was lost"
            return UnknownOutcomeError(said, function_name=item.function_name)
        return NotSentError(f"{why}: this item was not sent", function_name=item.function_name)

    def _again(self, partition: Partition, place: int) -> None:
        item = partition.waiting.pop(place)
        self._enqueue(item)
        self._finish(partition)

    def _resolve(self, partition: Partition, place: int, output: Any, error: AiolambdaError | None) -> None:
        self._settle(partition.waiting.pop(place), output, error)
        self._finish(partition)

    def _settle(self, item: Item, output: Any, error: AiolambdaError | None) -> None:
        if item.outcome.done():
            return
        if error is not None and item.may_have_run:
            verdict = delivery.worst([error.delivery, Delivery.UNKNOWN])
            error._delivery = verdict  # pyright: ignore[reportPrivateUsage] - of this package, and the only reference to the error is here
        item.outcome.set_result((output, error))

    def _finish(self, partition: Partition) -> None:
        if not partition.waiting:
            self.in_flight.pop(partition.number, None)
            self._road.finish(partition)

    async def _submit(self, portion: int) -> None:
        items: list[Item] = []
        size = 0
        while self._pending and len(items) < portion and (not items or size + self._pending[0].size <= _MOST_BYTES):
            item = self._pending.popleft()
            self._bytes -= item.size
            if item.outcome.done():  # cancelled
                continue
            size += item.size
            items.append(item)
        if not items:
            return
        partition = Partition(next(self._numbers), self, dict(enumerate(items)))
        self.in_flight[partition.number] = partition
        await self._road.submit(partition, pickle.dumps([item.packed for item in items], protocol=5))
