"""The scheduler's records of the partitions: who holds each, which of its items were begun, and the mail for the coordinator.

Laws: a partition has one holder, the first that claims it, and one attempt to run it; an item is begun at most once, with the
consent of this ledger, before anything of it is sent; once a partition is revoked or its holder is lost, none of its items is
begun any more. Mail is kept until the coordinator has acknowledged it, and is in order.

Owns these books, for every coordinator of the cluster. Must not know what an item is, or Dask.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

__all__ = ["Claim", "Ledger", "Session", "packed_bits"]

_MAIL_ROOM = 64 << 20
"""Bytes of results that may wait for the coordinator. Workers wait beyond that."""


@attrs.define(eq=False)
class Claim:
    """An announced partition. `begun` has a bit for each item."""

    holder: str | None = None
    worker: str | None = None
    begun: int = 0
    is_revoked: bool = False


@attrs.define(eq=False)
class Session:
    """The books of one coordinator. `is_orphaned` says that its connection was lost: nothing is begun any more."""

    client: str
    plugin: str
    claims: dict[int, Claim] = attrs.field(factory=dict[int, Claim])
    is_orphaned: bool = False
    refusals: int = 0
    """Claims that were refused, because another attempt holds the partition."""
    _mail: deque[tuple[int, str, Any, int]] = attrs.field(factory=deque[tuple[int, str, Any, int]])
    _number: int = 0
    _bytes: int = 0
    _arrived: asyncio.Event = attrs.field(factory=asyncio.Event)
    _room: asyncio.Event = attrs.field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        self._room.set()

    @property
    def waiting(self) -> int:
        """The letters that were not acknowledged."""
        return len(self._mail)

    def post(self, kind: str, content: Any, size: int = 0) -> None:
        """Add a letter for the coordinator."""
        self._number += 1
        self._mail.append((self._number, kind, content, size))
        self._bytes += size
        self._arrived.set()
        if self._bytes > _MAIL_ROOM:
            self._room.clear()

    async def has_room(self) -> None:
        """Wait until the coordinator has taken enough of its mail."""
        await self._room.wait()

    async def take(self, after: int, wait: float) -> list[list[Any]]:
        """The letters after this number, once there is one, or after `wait` seconds. Those up to it are forgotten."""
        while self._mail and self._mail[0][0] <= after:
            self._bytes -= self._mail.popleft()[3]
        if self._bytes <= _MAIL_ROOM:
            self._room.set()
        if not self._mail:
            self._arrived.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        return [[number, kind, content] for number, kind, content, _ in self._mail]

    def release(self) -> None:
        """Let everybody go on who waits here: the session has ended."""
        self._room.set()
        self._arrived.set()


class Ledger:
    """The sessions of all coordinators, by their names."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}

    def announce(self, session: str, number: int) -> bool:
        """Let workers claim this partition. `False`: the session cannot go on."""
        of = self.sessions.get(session)
        if of is None or of.is_orphaned:
            return False
        of.claims[number] = Claim()
        return True

    def claim(self, session: str, number: int, holder: str, worker: str) -> bool:
        """Whether this attempt holds the partition now."""
        of = self.sessions.get(session)
        claim = None if of is None else of.claims.get(number)
        if of is None or of.is_orphaned or claim is None or claim.is_revoked or claim.holder not in (None, holder):
            if of is not None:
                of.refusals += 1
            return False
        claim.holder, claim.worker = holder, worker
        return True

    def begin(self, session: str, items: Iterable[Sequence[Any]]) -> list[bool]:
        """Whether each `(number, holder, bits)` may be sent: all of these items of the partition, or none."""
        return [self._may_begin(session, *item) for item in items]

    def _may_begin(self, session: str, number: int, holder: str, bits: bytes) -> bool:
        of = self.sessions.get(session)
        claim = None if of is None else of.claims.get(number)
        if of is None or of.is_orphaned or claim is None or claim.is_revoked or claim.holder != holder:
            return False
        claim.begun |= int.from_bytes(bits, "little")
        return True

    def revoke(self, session: str, numbers: Iterable[int]) -> None:
        """Begin nothing more of these partitions, and post what was begun: `[number, bits]`."""
        of = self.sessions.get(session)
        if of is None:
            return
        facts: list[list[Any]] = []
        for number in numbers:
            claim = of.claims.get(number)
            if claim is not None:
                claim.is_revoked = True
                facts.append([number, packed_bits(claim.begun)])
        of.post("revoked", facts)

    def forget(self, session: str, numbers: Iterable[int]) -> None:
        """Drop partitions that are done. They cannot be claimed again."""
        of = self.sessions.get(session)
        for number in numbers if of is not None else ():
            of.claims.pop(number, None)  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess] - as above

    def unknown(self, session: str, numbers: Iterable[int]) -> list[int] | None:
        """Those that the session has not, or no longer. `None`: the session has ended."""
        of = self.sessions.get(session)
        return None if of is None else [number for number in numbers if number not in of.claims]

    def lose(self, worker: str) -> None:
        """Begin nothing more at this worker, and tell the coordinators which partitions it holds."""
        for session in self.sessions.values():
            held = [number for number, claim in session.claims.items() if claim.worker == worker]
            for number in held:
                session.claims[number].is_revoked = True
            session.post("lost", [worker, held])


def packed_bits(bits: int) -> bytes:
    """An integer of any size as bytes: messages have integers of 64 bits."""
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
