"""A Lambda on loopback that leaves the first request of one item open, for hedges."""

import asyncio
import contextlib
from collections import Counter

import attrs

from .servers import Connection, answer

__all__ = ["SLOW", "SlowOnce"]

SLOW = b"7"


@attrs.define(eq=False)
class SlowOnce:
    """Answers soon, but for the first request of the item `SLOW`, which it leaves open until the client closes it."""

    executed: Counter[bytes] = attrs.field(factory=Counter[bytes])
    cut: asyncio.Event = attrs.field(factory=asyncio.Event)
    running: int = 0
    most_running: int = 0

    async def __call__(self, connection: Connection) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                _, body = await connection.read_request()
                self.executed[body] += 1
                self.running += 1
                self.most_running = max(self.most_running, self.running)
                try:
                    if body == SLOW and self.executed[body] == 1:
                        await connection.until_client_closes()
                        self.cut.set()
                        return
                    await asyncio.sleep(0.01)
                finally:
                    self.running -= 1
                await connection.write(answer("200 OK", "x-amz-executed-version: $LATEST\r\n", body))
