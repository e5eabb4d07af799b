"""The plugin of the scheduler: it answers the questions of workers and coordinators from the ledger.

Owns the handlers, and the end of sessions whose coordinator is gone. Must not know what the ledger decides, or why.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from ...version import __version__
from .engine import DaskScheduler, SchedulerBase, handlers
from .ledger import Ledger, Session

__all__ = ["PLUGIN_NAME", "LedgerPlugin"]

PLUGIN_NAME = "aiolambda"
_KEPT_FOR = 60.0
"""Seconds for which an orphaned session is kept: its coordinator may still ask what was begun."""
_OPERATIONS = ("open", "close_session", "announce", "claim", "begin", "report", "note", "take", "revoke", "state")


class LedgerPlugin(SchedulerBase):  # type: ignore[misc] # pyright: ignore[reportUntypedBaseClass] - distributed is untyped
    """One for all sessions of the cluster: it is registered by the first, and stays."""

    name = PLUGIN_NAME
    idempotent = True

    def __init__(self) -> None:
        self.version = __version__
        self.ledger = Ledger()
        self._scheduler: DaskScheduler | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self, scheduler: DaskScheduler) -> None:
        """Add the handlers. Called by Dask."""
        self._scheduler = scheduler
        scheduler.handlers.update(handlers(self, _OPERATIONS))

    async def close(self) -> None:
        """Let everybody go on who waits here. Called by Dask."""
        for session in self.ledger.sessions.values():
            session.release()
        for task in self._ending:
            task.cancel()

    # Called by Dask as the cluster changes

    def add_worker(self, scheduler: DaskScheduler, worker: str) -> None:
        """Tell the coordinators of the new worker."""
        self._post_workers()

    def remove_worker(self, scheduler: DaskScheduler, worker: str, **more: Any) -> None:
        """Tell the coordinators what the worker holds."""
        self.ledger.lose(worker)
        self._post_workers()

    def remove_client(self, scheduler: DaskScheduler, client: str) -> None:
        """End the sessions of a coordinator whose connection is lost, and forget them after a while."""
        for name, session in self.ledger.sessions.items():
            if session.client == client and not session.is_orphaned:
                session.is_orphaned = True
                session.post("orphaned", None)
                session.release()
                task = asyncio.create_task(self._end_later(name), name="end a session of aiolambda")
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    # Called by coordinators

    async def open(self, session: str, client: str, plugin: str) -> dict[str, Any]:
        """Begin a session, and return the version of this package here, and the workers."""
        assert self._scheduler is not None  # noqa: S101 - set by `start`
        self.ledger.sessions[session] = Session(client=client, plugin=plugin)
        return {"version": self.version, "workers": list(self._scheduler.workers)}

    async def close_session(self, session: str) -> None:
        of = self.ledger.sessions.pop(session, None)
        if of is not None:
            of.release()

    async def announce(self, session: str, number: int) -> bool:
        """Let workers claim a partition."""
        return self.ledger.announce(session, number)

    async def revoke(self, session: str, numbers: Sequence[int]) -> None:
        """Begin nothing more of partitions, and post what was begun."""
        self.ledger.revoke(session, numbers)

    async def take(self, session: str, after: int, forget: Sequence[int], wait: float) -> list[list[Any]] | None:
        """The mail of a session, which may take `wait` seconds to come. `None`: there is no such session."""
        self.ledger.forget(session, forget)
        of = self.ledger.sessions.get(session)
        return None if of is None else await of.take(after, wait)

    async def state(self, session: str) -> dict[str, Any] | None:
        """The size of the books: announced partitions, letters, refused claims."""
        of = self.ledger.sessions.get(session)
        return None if of is None else {"claims": len(of.claims), "mail": of.waiting, "refusals": of.refusals}

    # Called by workers

    async def claim(self, session: str, number: int, holder: str, worker: str) -> bool:
        """Whether this attempt may run the partition."""
        known = self._scheduler is not None and worker in self._scheduler.workers
        return known and self.ledger.claim(session, number, holder, worker)

    async def begin(self, session: str, items: Sequence[Sequence[Any]]) -> list[bool]:
        """Whether each group of items may be sent."""
        return self.ledger.begin(session, items)

    async def report(self, session: str, outcomes: bytes, numbers: Sequence[int]) -> list[int] | None:
        """Post outcomes, once there is room. Returns partitions that are not awaited; `None`: the session has ended."""
        of = self.ledger.sessions.get(session)
        if of is not None and outcomes:
            of.post("outcomes", outcomes, len(outcomes))
            await of.has_room()
        return self.ledger.unknown(session, numbers)

    async def note(self, session: str, kind: str, worker: str) -> None:
        """Post that a worker is `leaving`, or has `left`: it has reported all that it will."""
        of = self.ledger.sessions.get(session)
        if of is not None:
            of.post(kind, worker)

    def _post_workers(self) -> None:
        assert self._scheduler is not None  # noqa: S101 - set by `start`
        for session in self.ledger.sessions.values():
            session.post("workers", list(self._scheduler.workers))

    async def _end_later(self, name: str) -> None:
        await asyncio.sleep(_KEPT_FOR)
        session = self.ledger.sessions.get(name)
        await self.close_session(name)
        if session is not None and self._scheduler is not None:
            await self._scheduler.unregister_worker_plugin(None, session.plugin)
