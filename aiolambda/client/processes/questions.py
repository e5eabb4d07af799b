"""Credentials of a worker: it asks the map, whose client has them. They are kept in memory alone.

Laws: one question at a time, for all calls that wait; no call waits while the keys at hand are good.

Owns when a worker asks, and the form of keys in a message. Must not know how keys are fetched.
"""

import asyncio
import datetime as dt
from collections.abc import Callable

from ...types.interfaces import ReadyCredentials
from ...types.values import Credentials
from .frames import Message

__all__ = ["AskingProvider", "credentials_in", "packed_credentials"]

PackedCredentials = tuple[str, str, str | None, float | None]

_FRESH = 5.0
"""Seconds after which the map is asked again, while the keys are used: its provider may have others by then."""
_GOOD = 60.0
"""Seconds after which calls wait for the answer: the map has not answered for so long."""


def packed_credentials(keys: Credentials) -> PackedCredentials:
    """The keys as plain values. A provider may return a subclass, which another process need not know."""
    expires_at = None if keys.expires_at is None else float(keys.expires_at.timestamp())
    token = None if keys.session_token is None else str.__str__(keys.session_token)
    return str.__str__(keys.access_key_id), str.__str__(keys.secret_access_key), token, expires_at


def credentials_in(packed: PackedCredentials) -> Credentials:
    """The keys that were packed."""
    key_id, secret, token, expires_at = packed
    moment = None if expires_at is None else dt.datetime.fromtimestamp(expires_at, dt.UTC)
    return Credentials(key_id, secret, token, expires_at=moment)


class AskingProvider(ReadyCredentials):
    """A provider whose `tell` sends the question, and whose `answer` takes the answer."""

    def __init__(self, tell: Callable[[Message], None], loop: asyncio.AbstractEventLoop) -> None:
        self._tell = tell
        self._loop = loop
        self._credentials: Credentials | None = None
        self._at = 0.0
        self._number = 0
        self._rejected: Credentials | None = None
        """The keys that the last question is about."""
        self._asked: asyncio.Future[Credentials] | None = None

    def ready_credentials(self) -> Credentials | None:
        """The keys at hand, if they are good. Asks for others if they may be old."""
        keys, age = self._credentials, self._loop.time() - self._at
        if keys is None or age > _GOOD or (keys.expires_at is not None and keys.expires_at <= dt.datetime.now(dt.UTC)):
            return None
        if age > _FRESH:
            self._ask(None)
        return keys

    async def get_credentials(self) -> Credentials:
        """The keys at hand, or those that the map gives."""
        keys = self.ready_credentials()
        return await asyncio.shield(self._ask(None)) if keys is None else keys

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """Others than the rejected ones, if the map has any."""
        if self._credentials is not None and self._credentials != rejected:
            return self._credentials
        return await asyncio.shield(self._ask(rejected))

    def answer(self, number: int, credentials: Credentials | None, error: Exception | None) -> None:
        """Take the answer to a question."""
        asked = self._asked
        if number != self._number or asked is None:
            return
        self._asked = None
        if credentials is not None:
            self._credentials, self._at = credentials, self._loop.time()
            asked.set_result(credentials)
        elif error is not None:
            asked.set_exception(error)
            asked.exception()  # no caller retrieves the error of a question in the background

    def _ask(self, rejected: Credentials | None) -> "asyncio.Future[Credentials]":
        if self._asked is None or (rejected is not None and rejected != self._rejected):
            before, self._asked = self._asked, self._loop.create_future()
            if before is not None:
                self._asked.add_done_callback(lambda done: _pass_on(done, before))
            self._number += 1
            self._rejected = rejected
            self._tell(("credentials", self._number, None if rejected is None else packed_credentials(rejected)))
        return self._asked


def _pass_on(done: "asyncio.Future[Credentials]", to: "asyncio.Future[Credentials]") -> None:
    """Give an answer to those that wait for an earlier one as well."""
    if to.done() or done.cancelled():
        return
    error = done.exception()
    if error is None:
        to.set_result(done.result())
    else:
        to.set_exception(error)
        to.exception()
