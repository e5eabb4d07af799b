"""The coordinator's side of the cluster: partitions go to workers, mail comes back, and the concurrency is divided.

Laws: the books of a worker that is lost are asked before anything of it is given to another one; one that leaves in order may
report first.

Owns the tasks that talk to the scheduler. Must not know what is in a partition.
"""

import asyncio
import contextlib
import itertools
import logging
import pickle
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from ...errors import ConfigurationError
from ...types.loggers import AnyLogger, log_quietly
from ...version import __version__
from .budget import Budget
from .engine import Engine, Task
from .partitions import Partition, Partitions, Road
from .scheduler_plugin import LedgerPlugin
from .worker_plugin import FeedPlugin, Parcel, run_partition, set_share

__all__ = ["ClusterSession"]

_POLL = 2.0
"""Seconds for which the scheduler holds a question for mail."""
_SILENCE = 15.0
"""Seconds for an answer of the scheduler, and from a first failure to the last: then it counts as gone."""
_PAUSE = 0.2
_LOST_WAIT = 1.0
"""Seconds in which a worker may still say that it leaves in order."""
_LEAVE_SILENCE = 5.0
"""Seconds after which such a worker counts as lost, if it says nothing. It says each second that it still leaves."""
_FINISHED_WAIT = 2.0
"""Seconds in which the last outcomes of a finished task arrive."""
_END_WAIT = 30.0
_BROKEN_WAIT = 2.0
"""Seconds for the end of a session at the cluster, and for one whose scheduler may be gone."""
_ROUNDS = 4
_WINDOW = 1000
"""Invocations that a worker may have in flight without a fixed concurrency."""


class ClusterSession(Road):
    """One coordinator at a cluster. `open` it, `add` maps, `close` it."""

    def __init__(self, engine: Engine, settings: Mapping[str, Any], *, concurrency: int | None, logger: AnyLogger) -> None:
        self.name = uuid.uuid4().hex
        self.workers: list[str] = []
        self.numbers = itertools.count()
        self._engine = engine
        self._settings = settings
        self._concurrency = concurrency
        self._logger = logger
        self._plugin = FeedPlugin(self.name, settings, concurrency=concurrency)
        self._budget = None if concurrency is None else Budget(concurrency, self._tell)
        self._maps: dict[Partitions, Callable[[BaseException], None]] = {}
        self._partitions: dict[int, Partition] = {}
        self._tasks_of: dict[int, Task] = {}
        self._failures: dict[int, str] = {}
        self._forget: list[int] = []
        self._leaving: dict[str, float | None] = {}
        """When each worker that leaves has last said so; `None`: it has left."""
        self._draining: set[str] = set()
        self._broken: OSError | None = None
        self._changed = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._said_none = False
        self._share_numbers = itertools.count(1)

    # The life of a session

    async def open(self) -> None:
        """Set up scheduler and workers. `ConfigurationError` if one of them has not the same version of this package."""
        await self._engine.open()
        try:
            await self._set_up()
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                await self._end()
            await self._engine.close()
            raise
        self._start(self._read_mail(), "read the mail of a Dask cluster")
        if self._budget is not None:
            self._start(self._divide(self._budget), "divide the concurrency of a Dask cluster")

    async def _set_up(self) -> None:
        await self._engine.register(LedgerPlugin(), "the Dask scheduler")
        facts = await self._engine.ask("open", session=self.name, client=self._engine.id, plugin=self._plugin.name)
        if facts["version"] != __version__:
            raise ConfigurationError(
                f"the Dask scheduler has version {facts['version']} of aiolambda-client, and this program {__version__}: "
                "install the same version, and restart the scheduler"
            )
        await self._engine.register(self._plugin, "a Dask worker")
        self._handle("workers", facts["workers"])

    async def close(self) -> None:
        """End the session at scheduler and workers."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for of_partition in self._tasks_of.values():
            of_partition.release()
        with contextlib.suppress(OSError):  # the scheduler is gone
            await self._end()
        await self._engine.close()

    async def _end(self) -> None:
        """End the session at the cluster. `OSError` (`TimeoutError` is one) if that is not possible."""
        async with asyncio.timeout(_END_WAIT if self._broken is None else _BROKEN_WAIT):
            await self._ask("close_session")
            await self._engine.unregister(self._plugin.name)

    def add(self, partitions: Partitions, fail: Callable[[BaseException], None]) -> "asyncio.Task[None]":
        """Carry the partitions of a map, until the task that is returned is cancelled. `fail` ends the map by an error."""
        self._maps[partitions] = fail
        task = self._start(partitions.run(), "partitions of a map")
        task.add_done_callback(lambda _: self._drop(partitions))
        if self._broken is not None:
            fail(self._broken)
        return task

    def capacity(self, size: int) -> int:
        """The items that may be at the workers, or on their way to them."""
        size = self._largest(size)
        return max(1, len(self.workers)) * (max(size, self._share) + size)

    async def state(self) -> Any:
        """The size of the scheduler's books."""
        return await self._engine.ask("state", session=self.name)

    # The road of partitions

    def portion(self, pending: int, size: int, /) -> int:
        """The number of items of the next partition; 0: no worker has place. Few items are divided by all workers."""
        size = self._largest(size)
        loads = self._loads()
        if not loads:
            self._say_none()
            asks_for_workers = not self.workers and not self._partitions  # a cluster that adapts starts them for a task
            return min(size, pending) if asks_for_workers else 0
        self._said_none = False
        most = max(min(pending, size), self._share)
        places = sum(load <= most for load in loads.values())
        return min(size, -(-pending // places)) if places else 0

    def _largest(self, size: int) -> int:
        """The largest partition: with a small share, some rounds of it, so that the workers end together."""
        return size if self._concurrency is None else min(size, _ROUNDS * self._share)

    def _loads(self) -> dict[str, int]:
        """The items at each worker that may have some."""
        loads = dict.fromkeys(self._usable(), 0)
        for partition in self._partitions.values():
            if partition.worker in loads:
                loads[partition.worker] += len(partition.waiting)
        return loads

    def _usable(self) -> list[str]:
        if self._budget is None:
            return self.workers
        return [worker for worker in self.workers if self._budget.shares.get(worker)]

    @property
    def _share(self) -> int:
        """Invocations that a worker has in flight at most: so many items should wait there."""
        return _WINDOW if self._concurrency is None else -(-self._concurrency // max(1, len(self.workers)))

    def _say_none(self) -> None:
        if not self._said_none and not self.workers:
            self._said_none = True
            log_quietly(self._logger, logging.WARNING, "the Dask cluster has no workers: the map waits for one")

    async def submit(self, partition: Partition, content: bytes, /) -> None:
        """Announce the partition, and make it a task for the worker with the fewest items."""
        number = partition.number
        self._partitions[number] = partition
        failure = "the session has ended"
        try:
            announced = await self._ask("announce", number=number)
        except OSError as error:
            announced, failure = False, f"the Dask scheduler cannot be reached ({error})"
        if not announced:
            partition.of.revoked(partition, 0, failure=failure)
        if number not in self._partitions:  # it ended in the meantime
            return
        loads = self._loads()  # asked now: a worker that is lost from here on is in the mail to come
        partition.worker = min(loads, key=lambda one: loads[one]) if loads else None
        partition.is_submitted = True
        key = f"{self._plugin.name}-{number}"
        arguments = (self._plugin.name, partition.of.options, number, Parcel(content), key)
        task = self._tasks_of[number] = self._engine.submit(run_partition, *arguments, key=key, worker=partition.worker)
        self._start(self._watch(number, task), "watch a partition")

    async def revoke(self, numbers: Sequence[int], /) -> None:
        """Begin nothing more of these partitions. What was begun comes with the mail."""
        with contextlib.suppress(OSError):  # reading the mail finds out, too
            await self._ask("revoke", numbers=list(numbers))

    async def _ask(self, operation: str, **arguments: Any) -> Any:
        """Ask the scheduler, again while it cannot be reached. `OSError` once it counts as gone."""
        while True:
            try:
                async with asyncio.timeout(_SILENCE):
                    return await self._engine.ask(operation, session=self.name, **arguments)
            except OSError:
                if self._broken is not None or self._engine.is_closed:
                    raise
                await asyncio.sleep(_PAUSE)

    def finish(self, partition: Partition, /) -> None:
        """Let everybody forget the partition."""
        number = partition.number
        if self._partitions.pop(number, None) is not None:
            self._forget.append(number)
            self._failures.pop(number, None)
            task = self._tasks_of.pop(number, None)
            if task is not None:
                task.release()

    async def _watch(self, number: int, task: Task) -> None:
        """Ask the books about a partition whose task has ended, and which has items without an outcome."""
        status = await task.ended()
        if status == "error" and number in self._partitions and not task.was_killed:
            self._failures[number] = task.error
        elif status == "finished":
            await asyncio.sleep(_FINISHED_WAIT)
        if number in self._partitions:
            await self.revoke([number])

    # Mail

    async def _read_mail(self) -> None:
        after = 0
        failing_since: float | None = None
        while True:
            forget = list(self._forget)
            try:
                async with asyncio.timeout(_POLL + _SILENCE):
                    letters = await self._engine.ask("take", session=self.name, after=after, forget=forget, wait=_POLL)
            except OSError as error:
                now = asyncio.get_running_loop().time()
                failing_since = now if failing_since is None else failing_since
                if self._engine.is_closed or now - failing_since > _SILENCE:
                    self._give_up(f"the Dask scheduler cannot be reached ({str(error) or type(error).__name__})")
                    return
                await asyncio.sleep(_PAUSE)
                continue
            if letters is None:
                self._give_up("the Dask scheduler has forgotten this session: it was restarted, or has lost its connection")
                return
            failing_since = None
            del self._forget[: len(forget)]
            for after, kind, content in letters:  # noqa: B007 - the last number is acknowledged
                self._handle(kind, content)
            for partitions in self._maps:
                partitions.wake()

    def _handle(self, kind: str, content: Any) -> None:
        notes: dict[str, Callable[[Any], None]] = {
            "leaving": self._note_leaving,
            "left": self._note_left,
            "lost": self._note_lost,
            "orphaned": self._note_orphaned,
            "outcomes": self._note_outcomes,
            "revoked": self._note_revoked,
            "workers": self._note_workers,
        }
        notes[kind](content)

    def _note_workers(self, workers: Sequence[str]) -> None:
        # Those that were there come first, for the first have the larger shares: a new worker takes no worker's last place.
        known, now = set(self.workers), set(workers)
        self.workers = [one for one in self.workers if one in now] + [one for one in workers if one not in known]
        self._changed.set()

    def _note_outcomes(self, content: bytes) -> None:
        for number, place, packed in pickle.loads(content):  # noqa: S301 - of our workers
            if (partition := self._partitions.get(number)) is not None:
                partition.of.report(partition, place, packed)

    def _note_revoked(self, facts: Sequence[tuple[int, bytes]]) -> None:
        for number, begun in facts:
            partition = self._partitions.get(number)
            if partition is not None:
                partition.of.revoked(partition, int.from_bytes(begun, "little"), failure=self._failures.get(number))

    def _note_lost(self, content: tuple[str, Sequence[int]]) -> None:
        self._start(self._settle_lost(*content), "settle the partitions of a lost worker")

    def _note_leaving(self, worker: str) -> None:
        self._leaving[worker] = asyncio.get_running_loop().time()

    def _note_left(self, worker: str) -> None:
        self._leaving[worker] = None

    def _note_orphaned(self, _: None) -> None:
        self._fail("the Dask scheduler has lost the connection to this program")

    async def _settle_lost(self, worker: str, held: Sequence[int]) -> None:
        self._draining.add(worker)
        placed = [partition for partition in self._partitions.values() if partition.worker == worker]
        unclaimed = [partition.number for partition in placed if partition.number not in held]
        if unclaimed:  # Dask leaves a task alone that prefers a lost worker, if there was no other at that moment
            await self.revoke(unclaimed)
        await asyncio.sleep(_LOST_WAIT)
        now = asyncio.get_running_loop().time
        while (said := self._leaving.get(worker)) is not None and now() - said < _LEAVE_SILENCE:  # noqa: ASYNC110 - no event ends a silence
            await asyncio.sleep(_PAUSE)
        has_left = self._leaving.pop(worker, now()) is None
        self._draining.discard(worker)
        self._changed.set()
        lost = [number for number in held if number in self._partitions]
        if lost and not has_left:
            message = "the Dask worker %s is lost: items that it had begun have an unknown outcome"
            log_quietly(self._logger, logging.WARNING, message, worker)
        for number in lost:
            self._partitions[number].is_lost = True
        if lost:
            await self.revoke(lost)

    # The end of everything

    def _fail(self, said: str, cause: BaseException | None = None) -> None:
        """End the maps by an error. Their items have their outcomes as long as the mail comes."""
        if self._broken is None:
            self._broken = ConnectionError(f"{said}, so the map was ended")
            self._broken.__cause__ = cause
        for fail in list(self._maps.values()):
            fail(self._broken)

    def _give_up(self, said: str, cause: BaseException | None = None) -> None:
        self._fail(said, cause)
        for partitions in list(self._maps):
            partitions.give_up(said)

    # Shares

    async def _divide(self, budget: Budget) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            dividing = asyncio.create_task(budget.divide(self.workers, draining=self._draining))
            changed = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait({dividing, changed}, return_when=asyncio.FIRST_COMPLETED)
                if dividing.done() and not dividing.result():
                    await asyncio.sleep(1.0)
                    self._changed.set()
            finally:
                for task in (dividing, changed):
                    task.cancel()
                await asyncio.gather(dividing, changed, return_exceptions=True)
            for partitions in self._maps:
                partitions.wake()

    async def _tell(self, worker: str, share: int) -> bool:
        try:
            number = next(self._share_numbers)
            return bool(await self._engine.call(worker, set_share, name=self._plugin.name, share=share, number=number))
        except Exception as error:  # noqa: BLE001 - of a worker that is going
            log_quietly(self._logger, logging.DEBUG, "the worker %s did not take its share: %r", worker, error)
            return False

    def _drop(self, partitions: Partitions) -> None:
        self._maps.pop(partitions, None)
        for partition in list(partitions.in_flight.values()):
            self.finish(partition)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(f"the Dask scheduler could not answer ({type(error).__name__}: {error})", error)
