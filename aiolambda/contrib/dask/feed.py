"""A worker's part of one map: items of all its partitions run in one map of its own client, and outcomes go back in batches.

Laws: an item is noted as begun at the scheduler each time before it is sent, and is not sent without consent; an outcome is
reported until the scheduler has it, and a partition is done only then; a hedge takes a place of the share that is free, and
waits for none.

Owns the map, the notes and the reports. Must not know Dask: `Books` asks the scheduler.
"""

import asyncio
import contextlib
import functools
import logging
import pickle
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from ...client.client import LambdaClient
from ...errors import AiolambdaError, NotSentError, QueueTimeoutError, UnknownOutcomeError
from ...fanout.parcels import command_of, packed_outcome
from ...fanout.run import MapRun
from ...fanout.values import MapResult
from ...pipeline.call import Call, CallNext
from ...types.values import HedgeAfter, Timeouts, Unset
from .gate import Gate
from .ledger import packed_bits

__all__ = ["Books", "Feed", "FeedItem", "Feeds", "MapOptions", "not_sent", "persist"]

_LINGER = 0.05
"""Seconds for which outcomes wait for others."""
_BATCH = 200
"""Outcomes that go at once."""
_BATCH_BYTES = 8 << 20
_SILENCE = 1.0
"""Seconds after which a feed asks whether its partitions are still wanted."""
_TRIES = 40
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
"""Of a question that could not be asked: about 35 s together. Dask ends a worker that has lost its scheduler."""


_log = logging.getLogger("aiolambda.dask.worker")


class Books(Protocol):
    """Questions to the ledger. They raise `OSError` if the scheduler cannot be reached."""

    async def begin(self, items: Sequence[Sequence[Any]], /) -> list[bool]: ...
    async def report(self, outcomes: bytes, numbers: Sequence[int], /) -> list[int] | None: ...


@attrs.frozen
class MapOptions:
    """The number of a map at its coordinator, and the arguments of `map_commands`. It is pickled."""

    number: int
    timeout: float | Timeouts | Unset | None
    idempotent: bool | None
    hedge_after: HedgeAfter | None


@attrs.define(eq=False)
class _Partition:
    number: int
    holder: str
    left: int
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)


@attrs.define(eq=False)
class FeedItem:
    """One item at the worker. Its `command` is held, so that its `id` stays its own."""

    partition: _Partition
    place: int
    command: Any = attrs.field(repr=False)
    feed: "Feed" = attrs.field(repr=False)
    is_begun: bool = False
    calls: int = 0
    """Those in flight: the second one is a hedge."""


class Feed:
    """One map on the worker. `add` a partition; the feed ends with `close`."""

    def __init__(self, options: MapOptions, client: LambdaClient, books: Books, items: dict[int, FeedItem]) -> None:
        self.is_closed = False
        """Whether it takes no more partitions. It still has to be closed."""
        self._is_ending = False
        self._options = options
        self._client = client
        self._books = books
        self._items = items
        self._partitions: dict[int, _Partition] = {}
        self._waiting: asyncio.Queue[FeedItem | None] = asyncio.Queue()
        self._asking: list[tuple[FeedItem, asyncio.Future[bool]]] = []
        self._asker: asyncio.Task[None] | None = None
        self._outcomes: list[tuple[_Partition, int, tuple[Any, ...]]] = []
        self._arrived = asyncio.Event()
        self._run: MapRun[Any] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_idle(self) -> bool:
        """Whether no partition is at work."""
        return not self._partitions

    def start(self, concurrency: Any, gate: Gate) -> None:
        """Begin to send."""
        self._run = self._client.map_commands(
            self._commands(),
            concurrency=concurrency,
            max_failure_ratio=1.0,  # the coordinator has the limits
            timeout=self._options.timeout,
            idempotent=self._options.idempotent,
            hedge_after=self._options.hedge_after,
        )
        hedging = self._run._scheduler.hedging  # pyright: ignore[reportPrivateUsage] - only here is there a gate
        if hedging is not None:
            hedging.limit(lambda: gate.is_free)
        self._tasks = [asyncio.create_task(self._send(self._run)), asyncio.create_task(self._report())]

    async def add(self, number: int, holder: str, packed: Sequence[tuple[Any, ...]]) -> None:
        """Send the items of a partition. Returns when the outcomes of all of them are reported, or the feed is closed."""
        partition = self._partitions[number] = _Partition(number, holder, len(packed))
        for place, one in enumerate(packed):
            command = command_of(one)
            item = FeedItem(partition, place, command, self)
            self._items[id(command)] = item
            self._waiting.put_nowait(item)
        await partition.ended.wait()

    async def begin(self, item: FeedItem) -> None:
        """Note an item before it is sent, or sent again after a throttle. `NotSentError` without consent."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asking.append((item, answer))
        if self._asker is None:
            self._asker = asyncio.create_task(self._ask())
        if not await answer:
            raise NotSentError("this worker was not allowed to send the item")
        item.is_begun = True

    async def close(self, *, grace: float, patience: float | None = 5.0) -> None:
        """Send nothing more, let what is in flight end for `grace` seconds, report the outcomes for `patience`, and end."""
        if self._is_ending:
            return
        self._is_ending = self.is_closed = True
        self._waiting.put_nowait(None)
        if self._run is not None:
            self._run.stop(grace=grace)
        if self._tasks:
            await asyncio.wait({self._tasks[0]}, timeout=grace + 2.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for partition in list(self._partitions.values()):
                    await partition.ended.wait()
        tasks = [*self._tasks, *([] if self._asker is None else [self._asker])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for number in list(self._partitions):
            self._end(number)
        for key in [key for key, item in self._items.items() if item.feed is self]:
            del self._items[key]

    async def _commands(self) -> AsyncGenerator[Any]:
        while (item := await self._waiting.get()) is not None:
            if item.partition.number in self._partitions:
                yield item.command
            else:
                del self._items[id(item.command)]

    async def _send(self, run: MapRun[Any]) -> None:
        try:
            async with run:
                async for result in run:
                    self._note(self._items[id(result.item)], _packed(result))
        except Exception as error:  # noqa: BLE001 - its items get their outcomes below
            _log.error("the map of this worker broke: %s", type(error).__name__)
        finally:  # it may have been stopped
            self.is_closed = True
            for item in [item for item in self._items.values() if item.feed is self]:
                said = "the worker's map ended before this item had a result"
                self._note(item, packed_outcome(None, UnknownOutcomeError(said) if item.is_begun else NotSentError(said)))

    def _note(self, item: FeedItem, outcome: tuple[Any, ...]) -> None:
        del self._items[id(item.command)]
        self._outcomes.append((item.partition, item.place, outcome))
        self._arrived.set()

    async def _ask(self) -> None:
        """Ask for all that wait, again and again until none does: what comes during a question is asked with the next."""
        while self._asking:
            asking, self._asking = self._asking, []
            bits: dict[_Partition, int] = {}
            for item, _ in asking:
                bits[item.partition] = bits.get(item.partition, 0) | 1 << item.place
            items = [(of.number, of.holder, packed_bits(mask)) for of, mask in bits.items()]
            answers = await persist(functools.partial(self._books.begin, items), [False] * len(items))
            allowed = {of for of, answer in zip(bits, answers, strict=False) if answer}  # without an answer, none
            for item, answer in asking:
                if not answer.done():
                    answer.set_result(item.partition in allowed)
        self._asker = None

    async def _report(self) -> None:
        while True:
            await self._wait_for_outcomes()
            batch = self._take_batch()
            done = [(of.number, place, outcome) for of, place, outcome in batch]
            content = pickle.dumps(done, protocol=5) if done else b""
            numbers = list(self._partitions)
            unknown = await persist(functools.partial(self._books.report, content, numbers), None)
            for partition, *_ in batch:
                partition.left -= 1
                if partition.left == 0:
                    self._end(partition.number)
            forgotten = numbers if unknown is None else unknown
            for number in forgotten:
                self._end(number)
            if forgotten and not self._partitions:
                self._abandon()

    def _abandon(self) -> None:
        """End the calls in flight, whose results are not awaited any more."""
        if self._run is not None and any(item.feed is self for item in self._items.values()):
            self.is_closed = True
            self._waiting.put_nowait(None)
            self._run.stop(grace=0)

    def _end(self, number: int) -> None:
        partition = self._partitions.pop(number, None)
        if partition is not None:
            partition.ended.set()

    async def _wait_for_outcomes(self) -> None:
        """Wait until there are some, and a little longer for others; or until it is time to ask whether anybody waits."""
        try:
            async with asyncio.timeout(_SILENCE if self._partitions else None):
                await self._arrived.wait()
        except TimeoutError:
            return
        if len(self._outcomes) < _BATCH and not self.is_closed:
            await asyncio.sleep(_LINGER)

    def _take_batch(self) -> list[tuple[_Partition, int, tuple[Any, ...]]]:
        count = size = 0
        for *_, outcome in self._outcomes:
            size += sum(len(part) for part in outcome if isinstance(part, bytes))
            count += 1
            if count == _BATCH or size >= _BATCH_BYTES:
                break
        batch, self._outcomes = self._outcomes[:count], self._outcomes[count:]
        if not self._outcomes:
            self._arrived.clear()
        return batch


class Feeds:
    """The feeds of a worker, for the maps of one coordinator, with the client that they share."""

    def __init__(self, settings: Mapping[str, Any], books: Books, *, concurrency: int | None) -> None:
        self.gate = Gate(None if concurrency is None else 0)
        self._settings = settings
        self._books = books
        self._concurrency = concurrency
        self._items: dict[int, FeedItem] = {}
        self._feeds: dict[int, Feed] = {}
        self._client: LambdaClient | None = None
        self._is_closed = False

    async def run(self, options: MapOptions, number: int, holder: str, packed: Sequence[tuple[Any, ...]]) -> None:
        """Send the items of a partition, and report their outcomes."""
        while (old := self._superseded(options.number)) is not None:
            # One whose map broke has outcomes that its coordinator needs, so it may report as long as that takes.
            await self._feeds.pop(old).close(grace=0, patience=None)
        if self._is_closed:
            return
        feed = self._feeds.get(options.number)
        if feed is None:
            client = self._open_client()
            feed = self._feeds[options.number] = Feed(options, client, self._books, self._items)
            fixed = self._concurrency
            feed.start("adaptive" if fixed is None else min(fixed, client.config.max_concurrency or fixed), self.gate)
        await feed.add(number, holder, packed)

    async def close(self, *, grace: float) -> None:
        """End all feeds, at the same time, then the client."""
        self._is_closed = True
        try:
            await asyncio.gather(*(feed.close(grace=grace) for feed in self._feeds.values()))
        finally:
            if self._client is not None:
                await self._client.close(grace=0)

    def _superseded(self, number: int) -> int | None:
        """The number of a map that can be ended, now that a partition of this one has come; `None` if there is none."""
        for one, feed in self._feeds.items():
            if feed.is_closed or (feed.is_idle and one != number):
                return one
        return None

    def _open_client(self) -> LambdaClient:
        """The client, which opens itself at its first call: a wrong setting is the error of each item."""
        if self._client is None:
            settings = dict(self._settings)
            make: Callable[[], Any] | None = settings.pop("credentials", None)
            if make is not None:
                settings["credentials"] = make()
            self._client = LambdaClient(**settings)
            self._client.middleware_stack.add(self._admit, priority="low", name="daskMiddleware")
        return self._client

    async def _admit(self, call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        item = self._items.get(id(call.command))
        if item is None:
            return await call_next(call)
        if item.calls and not self.gate.is_free:
            raise QueueTimeoutError("no place was free for a hedge")
        item.calls += 1
        try:
            async with self.gate:
                await item.feed.begin(item)
                return await call_next(call)
        finally:
            item.calls -= 1


def _packed(result: MapResult[Any]) -> tuple[Any, ...]:
    """The outcome of an item, with the verdict on all its invocations."""
    output, error = result.response or result.output, result.error
    if output is None and error is not None and result.delivery.may_have_run and not error.may_have_run:
        if isinstance(error, NotSentError):
            said = "an earlier invocation of this item may have run, and it was not sent again"
            error = UnknownOutcomeError(said, function_name=error.function_name)
        else:
            error._delivery = result.delivery  # pyright: ignore[reportPrivateUsage] - it is packed, and not used after that
    return packed_outcome(output, None if output is not None else error)


async def persist(ask: Callable[[], Any], otherwise: Any) -> Any:
    """The answer to a question, asked again while the scheduler cannot be reached.

    It is `otherwise` in the end, or if the scheduler cannot answer: it was restarted, and knows no such question.
    """
    pause = _FIRST_PAUSE
    for _ in range(_TRIES):
        try:
            return await ask()
        except OSError:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        except Exception as error:  # noqa: BLE001 - Dask raises what went wrong there, of any class
            _log.warning("the Dask scheduler could not answer: %s", error)
            break
    return otherwise


def not_sent(error: AiolambdaError | None) -> bool:
    """Whether the worker has not sent the item, so that another one may."""
    return isinstance(error, NotSentError) and not error.may_have_run
