"""Hedged items of a map: places in the window, totals, the end of the run, the journal. Time is virtual."""

import asyncio
import shutil
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    Call,
    CallNext,
    ConfigurationError,
    ConnectionLostError,
    Delivery,
    FetchCommand,
    InvokeCommand,
    LambdaClient,
    Request,
    Response,
    StandardRetry,
    UnknownOutcomeError,
)
from aiolambda.fanout.hedging import MapHedging
from aiolambda.fanout.stats import StatsCounter
from aiolambda.policy.concurrency import FixedAdmission
from aiolambda.testing import FakeTransport
from aiolambda.types.events import MapFacts

from ..support.hedging import Played, client_of, of_its_kind
from ..support.retrying import answer, now, throttle

pytestmark = pytest.mark.virtual_time

FIRST, SECOND = answer(body=b'"first"'), answer(body=b'"second"')
HEDGED: dict[str, Any] = {"idempotent": True, "hedge_after": 0.5}


class Stragglers(FakeTransport):
    """Takes 0.1 s for each item, and 10 s for the first request of each tenth one."""

    def __init__(self) -> None:
        super().__init__({})
        self.runs: dict[bytes, int] = {}
        self.in_flight = self.most = 0

    async def send(self, request: Request, /) -> Response:
        body = bytes(request.body)
        runs = self.runs[body] = self.runs.get(body, 0) + 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        request.stage = "wait"
        try:
            await asyncio.sleep(10 if body.endswith(b"0") and runs == 1 else 0.1)
        finally:
            self.in_flight -= 1
        return answer(body=body)


async def test_straggling_items_are_hedged() -> None:
    fake = Stragglers()
    async with client_of(fake) as client, client.map("f", range(100), concurrency=20, **HEDGED) as run:
        results = [result async for result in run]
        stats = run.stats
        assert (client.stats.hedged, client.stats.hedges_won) == (10, 10)
    assert sorted(result.value() for result in results) == list(range(100))
    assert (stats.done, stats.hedged, stats.hedges_won, stats.attempts, stats.in_flight) == (100, 10, 10, 110, 0)
    assert now() < 3
    assert sum(fake.runs.values()) == 110
    assert {result.attempts for result in results if result.value() % 10 == 0} == {2}


@pytest.mark.parametrize("concurrency", [1, 3, 20])
async def test_concurrency_is_never_exceeded(concurrency: int) -> None:
    fake = Stragglers()
    async with client_of(fake) as client:
        results = await client.map("f", range(60), concurrency=concurrency, **HEDGED).collect()
        assert all(result.ok for result in results)
    assert fake.most == concurrency


async def test_full_window_leaves_no_room_for_a_hedge() -> None:
    fake = Played((2.0, FIRST))
    async with client_of(fake) as client, client.map("f", range(4), concurrency=2, **HEDGED) as run:
        assert [result.ok async for result in run] == [True] * 4
        assert run.stats.hedged == 0
    assert (fake.most, len(fake.times)) == (2, 4)


async def test_straggler_is_hedged_once_there_is_room() -> None:
    """It was due while the window was full. The hedge did not queue: the item looks for room now and then."""
    fake = Played((60.0, FIRST), *[(0.4, FIRST)] * 10, (0.1, SECOND))
    async with client_of(fake) as client, client.map("f", range(11), concurrency=2, **HEDGED) as run:
        results = [result async for result in run]
        assert (len(results), run.stats.hedged, run.stats.hedges_won) == (11, 1, 1)
        assert now() == pytest.approx(4.35)
    assert (fake.most, len(fake.times)) == (2, 12)


async def test_item_takes_the_place_of_a_hedge_that_failed() -> None:
    """The first item and its hedge hold both places. Once the hedge has failed, the second item goes on."""
    fake = Played((5.0, FIRST), (0.1, FIRST), (0.2, answer(403, "AccessDeniedException")), (0.1, FIRST))

    async def items() -> Any:
        yield 1
        yield 2
        await asyncio.sleep(0.6)
        yield 3

    async with client_of(fake) as client, client.map("f", items(), concurrency=2, **HEDGED) as run:
        assert [result.ok async for result in run] == [True] * 3
    assert fake.times == [0.0, 0.0, 0.5, pytest.approx(0.7)]
    assert fake.most == 2


@pytest.mark.parametrize("concurrency", ["adaptive", 10])
async def test_hedge_in_flight_is_shown(concurrency: Any) -> None:
    fake = Played((2.0, FIRST))
    async with client_of(fake) as client, client.map("f", [1], concurrency=concurrency, **HEDGED) as run:
        await asyncio.sleep(1)
        assert (run.stats.in_flight, run.stats.pending, run.stats.hedged) == (2, 0, 1)
        assert [result.ok async for result in run] == [True]
        assert run.stats.in_flight == 0
        assert client._maps.admission.room("f", now()) == 16


async def test_throttled_hedge_is_counted_and_the_item_goes_on() -> None:
    fake = Played((2.0, FIRST), (0.1, throttle()))
    async with client_of(fake) as client, client.map("f", [1], **HEDGED) as run:
        (result,) = [result async for result in run]
        assert (result.ok, sum(run.stats.throttled.values()), run.stats.hedged, run.stats.hedges_won) == (True, 1, 1, 0)


async def test_throttled_item_waits_for_its_hedge() -> None:
    fake = Played((0.6, throttle()), (2.0, SECOND))
    async with client_of(fake) as client:
        (result,) = await client.map("f", [1], **HEDGED).collect()
        assert (result.value(), result.attempts, len(fake.times)) == ("second", 2, 2)


async def test_item_whose_requests_both_fail_has_one_result() -> None:
    fake = Played((0.6, ConnectionLostError("broke")), (0.3, ConnectionLostError("broke too")))
    async with client_of(fake, retry=StandardRetry(max_attempts=1)) as client:
        (result,) = await client.map("f", [1], **HEDGED).collect()
    assert isinstance(result.error, ConnectionLostError)
    assert (result.delivery, result.attempts) == (Delivery.UNKNOWN, 2)


async def test_ended_run_sends_no_hedge() -> None:
    fake = Played((2.0, FIRST))
    async with client_of(fake) as client, client.map("f", range(3), concurrency=2, **HEDGED) as run:
        await asyncio.sleep(0.2)
        run.stop()
        assert [result.ok async for result in run] == [True, True]
        assert run.stats.hedged == 0


async def test_aborted_run_cuts_both() -> None:
    fake = Played((60.0, FIRST))
    async with client_of(fake) as client:
        async with client.map("f", range(2), concurrency=10, **HEDGED) as run:
            await asyncio.sleep(1)
            assert fake.in_flight == 4
            await run.aclose(grace=0)
        assert (fake.in_flight, client._state.slots.in_flight) == (0, 0)
        assert sorted(fake.cut) == [0, 1, 2, 3]


async def test_closed_client_cuts_both() -> None:
    fake = Played((60.0, FIRST))
    client = await client_of(fake).__aenter__()
    run = client.map("f", range(2), concurrency=10, **HEDGED)
    reading = asyncio.create_task(run.collect())
    await asyncio.sleep(1)
    await client.close(grace=0)
    results = await reading
    assert [result.ok for result in results] == [False, False]
    assert {result.delivery for result in results} == {Delivery.UNKNOWN}
    assert fake.in_flight == 0


async def test_total_limit_counts_from_the_first_request() -> None:
    fake = Played((60.0, FIRST))
    async with client_of(fake) as client:
        (result,) = await client.map("f", [1], timeout=2, **HEDGED).collect()
        assert (now(), result.ok, result.attempts, sorted(fake.cut)) == (2.0, False, 2, [0, 1])


async def test_run_that_is_closed_by_an_item_has_its_result() -> None:
    """A middleware runs in the task of one of the two requests: its run must not wait for it."""
    fake = Played((2.0, FIRST), (60.0, SECOND))
    runs: list[Any] = []

    async def closes(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        await runs[0].aclose()
        return output

    async with client_of(fake) as client:
        client.middleware_stack.add(closes)
        runs.append(client.map("f", [1, 2], concurrency=1, **HEDGED))
        (result,) = await runs[0].collect()
        assert (result.value(), now()) == ("first", 2.0)


@pytest.mark.parametrize(
    ("plays", "wins", "at"),
    [([(2.0, FIRST), (60.0, SECOND)], "first", 2.0), ([(60.0, FIRST), (0.5, SECOND)], "second", 1.0)],
    ids=["first", "hedge"],
)
async def test_client_that_is_closed_by_an_item_keeps_its_result(plays: Any, wins: str, at: float) -> None:
    fake = Played(*plays)
    client = await client_of(fake).__aenter__()

    async def closes(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        await client.close()
        return output

    client.middleware_stack.add(closes)
    (result,) = await client.map("f", [1], **HEDGED).collect()
    assert (result.value(), now(), fake.in_flight) == (wins, at, 0)


# --- which items ------------------------------------------------------------------------------------------------------


async def test_map_that_is_not_idempotent_is_refused() -> None:
    async with client_of(Played((0.0, FIRST))) as client:
        for idempotent in (None, False):
            with pytest.raises(ConfigurationError, match="needs idempotent=True"):
                client.map("f", [1], idempotent=idempotent, hedge_after=1)
        with pytest.raises(ConfigurationError, match="needs idempotent=True"):
            client.map_commands([], idempotent=False, hedge_after=1)
        with pytest.raises(ConfigurationError, match="an Event does not"):
            client.map("f", [1], invocation_type="Event", idempotent=True, hedge_after=1)
        with pytest.raises(ConfigurationError, match="hedge_after must be a number"):
            client.map("f", [1], idempotent=True, hedge_after="p42")  # type: ignore[arg-type] # a mistake


@pytest.mark.parametrize("idempotent", [None, False])
async def test_client_hedges_no_items_that_are_not_idempotent(idempotent: bool | None) -> None:
    fake = Played((2.0, of_its_kind))
    async with client_of(fake, hedge_after=0.1) as client:
        await client.map("f", range(5), idempotent=idempotent).collect()
        await client.map_commands([InvokeCommand(function_name="f")], idempotent=idempotent).collect()
        await client.map("f", range(5), invocation_type="Event", idempotent=True).collect()
        assert client.stats.hedged == 0
    assert len(fake.times) == 11


async def test_each_command_says_whether_it_is_hedged() -> None:
    fake = Played((2.0, of_its_kind))
    commands = [
        InvokeCommand(function_name="f", payload=b"1", idempotent=True),
        InvokeCommand(function_name="f", payload=b"2"),
        InvokeCommand(function_name="f", payload=b"3", idempotent=False),
        InvokeCommand(function_name="f", payload=b"4", idempotent=True, invocation_type="Event"),
        FetchCommand(url="https://abcdefg.lambda-url.us-east-1.on.aws/", content=b"5", method="POST", idempotent=True),
    ]
    async with client_of(fake) as client, client.map_commands(commands, hedge_after=0.5) as run:
        assert [result.ok async for result in run] == [True] * 5
        assert run.stats.hedged == 2
    assert sorted(bytes(request.body) for request in fake.requests) == [b"1", b"1", b"2", b"3", b"4", b"5", b"5"]


async def test_setting_of_the_client_holds_for_maps() -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake, hedge_after=0.5, idempotent=True) as client:
        (result,) = await client.map("f", [1]).collect()
        assert result.value() == "second"
        (result,) = await client.map("f", [1], hedge_after=None, timeout=2).collect()
        assert (result.ok, len(fake.times)) == (True, 3)


# --- the journal, and another way to send -----------------------------------------------------------------------------


async def test_journal_has_one_item_and_one_result(tmp_path: Path) -> None:
    path = tmp_path / "map.journal"
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        (result,) = await client.map("f", [1], journal=path, **HEDGED).collect()
        assert result.value() == "second"
        async with client.map("f", [1], journal=path, **HEDGED) as run:
            (again,) = [result async for result in run]
            assert (again.value(), again.replayed, again.attempts, run.stats.hedged) == ("second", True, 2, 0)
    assert len(fake.times) == 2


async def test_journal_of_a_run_that_died_with_both_in_flight(tmp_path: Path) -> None:
    """The item was sent twice and has no result. A run that goes on sends it again, or says that it may have run."""
    died, idempotent, cautious = tmp_path / "died", tmp_path / "idempotent", tmp_path / "cautious"
    died.mkdir()
    fake = Played((60.0, FIRST))
    async with client_of(fake) as client, client.map("f", [1], journal=died / "map.journal", **HEDGED) as run:
        while not fake.times:  # the thread of the journal works in real time
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        assert fake.in_flight == 2
        for copy in (idempotent, cautious):
            shutil.copytree(died, copy)
        await run.aclose(grace=0)
    fake = Played((0.1, SECOND))
    async with client_of(fake) as client:
        (result,) = await client.map("f", [1], journal=idempotent / "map.journal", **HEDGED).collect()
        assert (result.value(), len(fake.times)) == ("second", 1)
        (result,) = await client.map("f", [1], journal=cautious / "map.journal").collect()
        assert (type(result.error), result.delivery, len(fake.times)) == (UnknownOutcomeError, Delivery.UNKNOWN, 1)


async def send_elsewhere(*clients: LambdaClient, timeout: float | None = None) -> tuple[Any, MapHedging]:
    """Send an item as if each of its requests were handed to another process: a client, which tells nothing on the way."""
    left = list(clients)

    def send(command: Any, run_ended: "asyncio.Future[None]") -> Awaitable[Any]:
        return left.pop(0)._map_sender(timeout, True, MapFacts("f"))(command, run_ended)

    async with client_of(Played((0.0, FIRST))) as client:
        hedging = client._hedging.of_map(0.5, timeout, True, MapFacts("f"), send=send)
        hedging.join(send, FixedAdmission(10), StatsCounter(), lambda: None)
        output = await hedging.send(InvokeCommand(function_name="f"), asyncio.get_running_loop().create_future())
        return output, hedging


async def test_send_that_tells_nothing_is_hedged_too() -> None:
    """It counts as sent when it is handed over."""
    first, second = Played((60.0, FIRST)), Played((0.1, SECOND))
    async with client_of(first) as one, client_of(second) as two:
        output, hedging = await send_elsewhere(one, two)
    assert (output.json(), output.metadata.attempts, output.metadata.hedge) == ("second", 2, "won")
    assert (first.times, first.cut, second.times) == ([0.0], [0], [0.5])
    assert (hedging.stats.hedged, hedging.stats.hedges_won, hedging.in_flight) == (1, 1, 0)


async def test_error_of_a_send_that_tells_nothing_has_its_requests() -> None:
    refused, broken = answer(403, "AccessDeniedException"), ConnectionLostError("broke")
    async with client_of(Played((9.0, FIRST))) as one, client_of(Played((0.1, broken), (0.1, refused))) as two:
        output, _ = await send_elsewhere(one, two)
    told = [(attempt.delivery, attempt.status_code) for attempt in output.metadata.history]
    assert told == [(Delivery.EXECUTED, 200), (Delivery.UNKNOWN, None), (Delivery.REFUSED, 403)]


async def test_total_limit_of_an_item_ends_a_hedge_that_tells_nothing() -> None:
    fake = Played((60.0, SECOND))
    retry = StandardRetry(max_attempts=1)
    async with client_of(Played((0.6, ConnectionLostError("broke"))), retry=retry) as one, client_of(fake) as two:
        with pytest.raises(ConnectionLostError) as raised:
            await send_elsewhere(one, two, timeout=2)
    assert (now(), raised.value.attempts, fake.cut) == (2.0, 2, [0])


async def test_throttle_of_a_send_that_tells_nothing_stops_hedges() -> None:
    async with client_of(Played((2.0, FIRST))) as one, client_of(Played((0.1, throttle()))) as two:
        output, hedging = await send_elsewhere(one, two)
    record = hedging._records.of("f", None)
    assert (output.json(), [record.may_hedge(at) for at in (5.5, 5.7)]) == ("first", [False, True])  # it came at 0.6 s
