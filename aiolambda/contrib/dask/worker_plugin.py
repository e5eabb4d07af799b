"""The plugin of the workers, and the task that runs a partition there.

Owns the worker's side of a session: its feeds, the questions to the scheduler, and the orderly leaving. Must not know how items
are sent.
"""

import asyncio
import contextlib
import functools
import pickle
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ...errors import ConfigurationError
from ...version import __version__
from .engine import DaskWorker, WorkerBase, ask, current_worker, leave_slot
from .feed import Feeds, MapOptions, persist

__all__ = ["FeedPlugin", "Parcel", "run_partition", "set_share"]

_LEAVE_GRACE = 20.0
"""Seconds that calls in flight have if the worker leaves. A nanny may end it earlier."""
_ANSWER_WAIT = 15.0
"""Seconds for an answer of the scheduler. A question may be asked again. A report waits as long as the mail is full."""
_PLUGIN_WAIT = 10.0
"""Seconds for a new worker to set up the plugin."""
_SHARE_WAIT = 5.0
"""Seconds for which a partition waits for a worker's share to be more than 0. Dask may have moved it to one that has none."""


class _Questions:
    """The ledger, as a worker asks it."""

    def __init__(self, scheduler: Any, session: str) -> None:
        self._scheduler = scheduler
        self._session = session

    async def claim(self, number: int, holder: str, worker: str) -> bool:
        async with asyncio.timeout(_ANSWER_WAIT):
            return bool(await ask(self._scheduler, "claim", session=self._session, number=number, holder=holder, worker=worker))

    async def begin(self, items: Sequence[Sequence[Any]], /) -> list[bool]:
        async with asyncio.timeout(_ANSWER_WAIT):
            return list(await ask(self._scheduler, "begin", session=self._session, items=[list(item) for item in items]))

    async def report(self, outcomes: bytes, numbers: Sequence[int], /) -> list[int] | None:
        answer = await ask(self._scheduler, "report", session=self._session, outcomes=outcomes, numbers=list(numbers))
        return None if answer is None else list(answer)

    async def note(self, kind: str, worker: str) -> None:
        await ask(self._scheduler, "note", session=self._session, kind=kind, worker=worker)


@attrs.frozen
class Parcel:
    """The items of a partition, pickled. Versions of Dask log the arguments of a task that fails: its text has no payload."""

    content: bytes = attrs.field(repr=False)


class FeedPlugin(WorkerBase):  # type: ignore[misc] # pyright: ignore[reportUntypedBaseClass] - distributed is untyped
    """One for a session. `settings` are those of the worker's client; they are pickled."""

    def __init__(self, session: str, settings: Mapping[str, Any], *, concurrency: int | None) -> None:
        self.name = f"aiolambda-{session}"
        self.session = session
        self.settings = dict(settings)
        self.concurrency = concurrency
        self.version = __version__
        self._feeds: Feeds | None = None
        self._books: _Questions | None = None
        self._share_number = 0

    async def setup(self, worker: DaskWorker) -> None:
        """Refuse another version of this package. Called by Dask."""
        if self.version != __version__:
            raise ConfigurationError(
                f"the worker {worker.address} has version {__version__} of aiolambda-client, and this program {self.version}: "
                "install the same version on all workers"
            )
        self._books = _Questions(worker.scheduler, self.session)
        self._feeds = Feeds(self.settings, self._books, concurrency=self.concurrency)

    async def teardown(self, worker: DaskWorker) -> None:
        """Let calls in flight end, report them, and close the client. Called by Dask if the worker or the session ends."""
        feeds, books, self._feeds = self._feeds, self._books, None
        if feeds is None or books is None:
            return
        leaving = asyncio.create_task(_leave(books, worker.address))
        try:
            await feeds.close(grace=_LEAVE_GRACE)
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await _told(books.note("left", worker.address))

    async def run(self, worker: DaskWorker, options: MapOptions, number: int, parcel: Parcel) -> str:
        """Run a partition if it is this attempt's to run. Returns what became of it, as data."""
        feeds, books = self._feeds, self._books
        holder = uuid.uuid4().hex
        if feeds is None or books is None or not await _has_share(feeds):
            return "refused"
        if not await persist(functools.partial(books.claim, number, holder, worker.address), otherwise=False):
            return "refused"  # or no answer: the coordinator asks the books what became of the partition
        await feeds.run(options, number, holder, pickle.loads(parcel.content))  # noqa: S301 - of our coordinator
        return "done"

    def resize(self, share: int, number: int) -> "asyncio.Task[None] | None":
        """Set the share of a divided concurrency; `None`: there is no session any more, or a later share has come before."""
        if self._feeds is None or number < self._share_number:
            return None
        self._share_number = number
        return asyncio.create_task(self._feeds.gate.resize(share))


async def _has_share(feeds: Feeds) -> bool:
    """Whether the worker may have calls in flight, now or soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SHARE_WAIT):
            await feeds.gate.opened()
            return True
    return False


async def _leave(books: _Questions, worker: str) -> None:
    """Say again and again that the worker leaves: it may be killed before it has left."""
    while True:
        await _told(books.note("leaving", worker))
        await asyncio.sleep(1.0)


async def _told(note: Any) -> None:
    """Tell the scheduler, if it can be reached: without a note, the coordinator waits a little longer."""
    try:
        async with asyncio.timeout(2.0):
            await note
    except OSError:  # of which `TimeoutError` is one
        pass


async def _plugin(worker: DaskWorker, name: str) -> Any:
    """The plugin of a session, which a new worker sets up while it gets its first tasks."""
    for _ in range(int(_PLUGIN_WAIT / 0.05)):
        plugin = worker.plugins.get(name)
        if plugin is not None:
            return plugin
        await asyncio.sleep(0.05)
    raise ConfigurationError(f"the worker {worker.address} has no plugin {name!r}: its log says why it was not set up")


async def run_partition(name: str, options: MapOptions, number: int, parcel: Parcel, key: str) -> str:
    """The task of a partition."""
    worker = current_worker()
    leave_slot(worker, key)
    plugin = await _plugin(worker, name)
    return str(await plugin.run(worker, options, number, parcel))


async def set_share(name: str, share: int, number: int, dask_worker: Any) -> bool:
    """Set the share of a worker, and wait until no more than that is in flight. Called with `Client.run`.

    A call that was cancelled may arrive after the next, so each has a number: the largest counts.
    """
    plugin = await _plugin(dask_worker, name)
    resizing = plugin.resize(share, number)
    if resizing is None:
        return False
    await resizing
    return True
