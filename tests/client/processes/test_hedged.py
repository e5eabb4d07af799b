"""`map` with `processes=2` and `hedge_after`: the hedge goes to a worker like any call, and the loser is cut there."""

import asyncio
import contextlib
from collections import Counter

import attrs
import pytest

from aiolambda import Credentials, LambdaClient

from ...support.servers import Connection, answer, raw_server

pytestmark = pytest.mark.asyncio

SLOW = b"7"


@attrs.define(eq=False)
class SlowOnce:
    """Answers at once, but for the first request of one item, which it leaves open until the client closes it."""

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


async def test_slow_item_is_sent_again_and_its_loser_is_cut() -> None:
    service = SlowOnce()
    credentials = Credentials("AKIDEXAMPLE", "secret")
    async with (
        raw_server(service) as listening,
        LambdaClient(region="eu-west-1", credentials=credentials, endpoint_url=listening.url) as client,
        client.map("f", range(30), processes=2, concurrency=5, idempotent=True, hedge_after=0.3) as run,
    ):
        results = [result async for result in run]
        async with asyncio.timeout(10):
            await service.cut.wait()
    assert sorted(result.value() for result in results) == list(range(30))
    assert service.executed.pop(SLOW) == 2
    assert set(service.executed.values()) == {1}
    assert (run.stats.hedged, run.stats.hedges_won) == (1, 1)
    assert (client.stats.hedged, client.stats.hedges_won) == (1, 1)
    assert service.most_running <= 5


async def test_item_that_is_not_idempotent_has_no_hedge() -> None:
    service = SlowOnce()
    credentials = Credentials("AKIDEXAMPLE", "secret")
    async with (
        raw_server(service) as listening,
        LambdaClient(region="eu-west-1", credentials=credentials, endpoint_url=listening.url, hedge_after=0.05) as client,
        client.map("f", [7], processes=2, timeout=0.5) as run,
    ):
        results = [result async for result in run]
    assert [result.delivery.value for result in results] == ["unknown"]
    assert service.executed == {SLOW: 1}
    assert run.stats.hedged == client.stats.hedged == 0
