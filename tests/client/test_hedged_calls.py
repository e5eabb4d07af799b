"""Hedged calls: when a call is sent a second time, who wins, and what is left of the loser. Time is virtual."""

import asyncio
import contextlib
import gc
import io
import logging
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectionLostError,
    Delivery,
    FetchCommand,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    InvokeCommandOutput,
    LambdaServiceException,
    StandardRetry,
    Timeouts,
)
from aiolambda.operations import ListFunctionsCommand
from aiolambda.pipeline.hedging import Leg, Race
from aiolambda.telemetry import CallEnded, CallStarted, ClientObserver
from aiolambda.types.events import Outcome

from ..support.hedging import Played, client_of, of_its_kind
from ..support.retrying import answer, now, throttle

pytestmark = pytest.mark.virtual_time

FIRST, SECOND = answer(body=b'"first"'), answer(body=b'"second"')
HEDGED: dict[str, Any] = {"idempotent": True, "hedge_after": 0.5}


def lost() -> ConnectionLostError:
    return ConnectionLostError("the connection broke")


async def test_second_request_wins_and_the_first_is_cut() -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", {"id": 7}, **HEDGED)
        assert (output.json(), now()) == ("second", 0.6)
        assert (fake.times, fake.cut) == ([0.0, 0.5], [0])
        assert client._state.slots.in_flight == 0
    assert [request.body for request in fake.requests] == [b'{"id":7}'] * 2
    assert len({request.headers["amz-sdk-invocation-id"] for request in fake.requests}) == 2
    assert all("authorization" in request.headers for request in fake.requests)


async def test_quick_answer_is_not_hedged() -> None:
    fake = Played((0.4, FIRST))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert output.metadata.hedge is None
        await asyncio.sleep(10)
    assert fake.times == [0.0]


async def test_first_answer_cuts_the_hedge() -> None:
    fake = Played((0.7, FIRST), (60.0, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), now(), fake.cut) == ("first", 0.7, [1])
        assert output.metadata.hedge == "lost"
        verdicts = [attempt.delivery for attempt in output.metadata.history]
        assert (output.metadata.attempts, verdicts) == (2, [Delivery.EXECUTED, Delivery.UNKNOWN])


async def test_metadata_tell_both_requests() -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        metadata = (await client.invoke("f", **HEDGED)).metadata
    assert (metadata.attempts, metadata.hedge) == (2, "won")
    told = [(attempt.delivery, round(attempt.duration, 3), attempt.status_code) for attempt in metadata.history]
    assert told == [(Delivery.UNKNOWN, 0.6, None), (Delivery.EXECUTED, 0.1, 200)]


async def test_function_error_is_an_answer() -> None:
    fake = Played((60.0, FIRST), (0.1, answer(x_amz_function_error="Unhandled")))
    async with client_of(fake) as client:
        output = await client.send(InvokeCommand(function_name="f"), **HEDGED)
    assert (output.function_error, output.metadata.hedge) == ("Unhandled", "won")


async def test_function_is_hedged_once() -> None:
    fake = Played((60.0, FIRST), (50.0, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
    assert (fake.times, output.json()) == ([0.0, 0.5], "second")


async def test_time_in_our_queue_does_not_count() -> None:
    fake = Played((0.4, FIRST))
    async with client_of(fake, max_concurrency=2) as client:
        await asyncio.gather(*(client.invoke("f", **HEDGED) for _ in range(8)))
        assert client.stats.hedged == 0
    assert fake.times == [0.0, 0.0, 0.4, 0.4, 0.8, 0.8, pytest.approx(1.2), pytest.approx(1.2)]


async def test_hedge_without_a_free_slot_is_not_sent() -> None:
    fake = Played((2.0, FIRST))
    async with client_of(fake, max_concurrency=2) as client:
        await asyncio.gather(*(client.invoke("f", **HEDGED) for _ in range(4)))
        assert (client.stats.hedged, fake.most) == (0, 2)


async def test_hedge_is_sent_once_a_slot_is_free() -> None:
    fake = Played((60.0, FIRST), (0.9, FIRST), (0.1, SECOND))
    async with client_of(fake, max_concurrency=2) as client:
        hedged = asyncio.create_task(client.invoke("f", **HEDGED))
        await asyncio.sleep(0.01)
        await client.invoke("f")
        assert (await hedged).json() == "second"
        assert (fake.most, now()) == (2, 1.1)


async def test_a_slot_that_is_taken_meanwhile_fails_the_hedge_alone() -> None:
    """A middleware of the hedge waits while another call takes the last slot: the hedge does not queue."""
    fake = Played((2.0, FIRST))

    async def waits(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if now() > 0:
            await asyncio.sleep(0.2)
        return await call_next(call)

    async with client_of(fake, max_concurrency=2) as client:
        client.middleware_stack.add(waits, only=InvokeCommand)
        hedged = asyncio.create_task(client.invoke("f", **HEDGED))
        await asyncio.sleep(0.4)
        other = asyncio.create_task(client.invoke("f"))
        assert (await hedged).json() == "first"
        assert client.stats.hedged == 0
        await other
    assert len(fake.times) == 2


# --- which calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"hedge_after": 0.1}, {"hedge_after": 0.1, "idempotent": False}], ids=["none", "False"])
async def test_client_hedges_no_call_that_is_not_idempotent(settings: dict[str, Any]) -> None:
    fake = Played((2.0, of_its_kind))
    async with client_of(fake, **settings) as client:
        await client.invoke("f")
        await client.invoke_event("f")
        await client.dry_run("f")
        await client.send(InvokeCommand(function_name="f", idempotent=False), idempotent=None)
        results = await client.map("f", range(3)).collect()
        assert all(result.ok for result in results)
        assert client.stats.hedged == 0
    assert len(fake.times) == 7


@pytest.mark.parametrize(
    ("settings", "command", "call"),
    [({"idempotent": True}, {}, {}), ({}, {"idempotent": True}, {}), ({}, {}, {"idempotent": True})],
    ids=["client", "command", "call"],
)
async def test_client_hedges_idempotent_calls(settings: Any, command: Any, call: Any) -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake, hedge_after=0.5, **settings) as client:
        output = await client.send(InvokeCommand(function_name="f", **command), **call)
    assert output.metadata.hedge == "won"


async def test_client_leaves_other_kinds_alone() -> None:
    fake = Played((2.0, of_its_kind), (2.0, of_its_kind), (2.0, answer(body=b'{"Functions": []}')))
    async with client_of(fake, hedge_after=0.1, idempotent=True) as client:
        await client.invoke_event("f")
        await client.dry_run("f")
        await client.send(ListFunctionsCommand())
        assert client.stats.hedged == 0
    assert len(fake.times) == 3


async def test_none_switches_the_hedge_of_the_client_off() -> None:
    fake = Played((2.0, FIRST))
    async with client_of(fake, hedge_after=0.1, idempotent=True) as client:
        await client.invoke("f", hedge_after=None)
    assert len(fake.times) == 1


@pytest.mark.parametrize(
    ("command", "idempotent", "said"),
    [
        (InvokeCommand(function_name="f"), None, "needs idempotent=True"),
        (InvokeCommand(function_name="f"), False, "needs idempotent=True"),
        (InvokeCommand(function_name="f", invocation_type="Event"), True, "invocation type Event does not"),
        (InvokeCommand(function_name="f", invocation_type="DryRun"), True, "invocation type DryRun does not"),
        (ListFunctionsCommand(), True, "manages functions"),
    ],
    ids=["none", "False", "Event", "DryRun", "management"],
)
async def test_hedge_in_vain_is_refused_at_the_door(command: Any, idempotent: bool | None, said: str) -> None:
    fake = Played((0.0, FIRST))
    async with client_of(fake) as client:
        with pytest.raises(InvalidInputError, match=said) as raised:
            await client.send(command, idempotent=idempotent, hedge_after=0.5)
        assert (raised.value.member, raised.value.may_have_run) == ("hedge_after", False)
    assert fake.times == []


@pytest.mark.parametrize("wrong", [0, -1, "p50", "0.5", True, float("nan"), [1], b"p99"], ids=repr)
async def test_wrong_value_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="hedge_after must be a number of seconds"):
        client_of(Played((0.0, FIRST)), hedge_after=wrong)
    async with client_of(Played((0.0, FIRST))) as client:
        with pytest.raises(ConfigurationError, match="hedge_after must be a number of seconds"):
            await client.invoke("f", idempotent=True, hedge_after=wrong)


async def test_fetch_is_hedged_too() -> None:
    fake = Played((60.0, answer(body=b'"first"')), (0.1, answer(body=b'"second"')))
    async with client_of(fake) as client:
        url = "https://abcdefg.lambda-url.us-east-1.on.aws/orders"
        output = await client.fetch(url, **HEDGED)
        assert (output.json(), output.metadata.hedge, output.metadata.attempts) == ("second", "won", 2)
        with pytest.raises(InvalidInputError, match="needs idempotent=True"):
            await client.send(FetchCommand(url=url), hedge_after=1)


# --- percentiles and the share ----------------------------------------------------------------------------------------


async def test_percentile_hedges_after_a_hundred_answers() -> None:
    fake = Played(*[(0.1, FIRST)] * 100, (60.0, FIRST), (0.1, SECOND), (0.1, FIRST))
    async with client_of(fake) as client:
        for _ in range(100):
            await client.invoke("f", idempotent=True, hedge_after="p99")
        began = now()
        output = await client.invoke("f", idempotent=True, hedge_after="p99")
        assert output.json() == "second"
        assert now() - began == pytest.approx(0.2, rel=0.05)


async def test_percentile_of_another_function_says_nothing() -> None:
    fake = Played(*[(0.1, FIRST)] * 100, (5.0, FIRST))
    async with client_of(fake) as client:
        for _ in range(100):
            await client.invoke("f", idempotent=True, hedge_after="p99")
        for name, qualifier in (("g", None), ("f", "live")):
            await client.invoke(name, qualifier=qualifier, idempotent=True, hedge_after="p99")
        assert client.stats.hedged == 0


async def test_slow_function_is_hedged_for_a_tenth_at_most() -> None:
    fake = Played((1.0, FIRST))
    async with client_of(fake) as client:
        await asyncio.gather(*(client.invoke("f", **HEDGED) for _ in range(300)))
        stats = client.stats
    assert stats.hedged == 10  # all calls begin at once, and the burst is 10
    assert (len(fake.times), stats.attempts, stats.hedges_won) == (310, 310, 0)


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [lost, throttle, lambda: answer(403, "AccessDeniedException"), lambda: answer(500, "ServiceException")],
    ids=["connection", "429", "403", "500"],
)
async def test_failed_hedge_leaves_the_first(refusal: Callable[[], Any]) -> None:
    fake = Played((2.0, FIRST), (0.1, refusal()))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), now(), fake.cut) == ("first", 2.0, [])
        assert (output.metadata.hedge, output.metadata.attempts, len(fake.times)) == ("lost", 2, 2)


@pytest.mark.parametrize("refusal", [lost, throttle, lambda: answer(500, "ServiceException")], ids=["connection", "429", "500"])
async def test_first_that_fails_waits_for_its_hedge(refusal: Callable[[], Any]) -> None:
    fake = Played((0.6, refusal()), (2.0, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), now()) == ("second", 2.5)
        assert (output.metadata.hedge, output.metadata.attempts, len(fake.times)) == ("won", 2, 2)
        assert client._state.slots.in_flight == 0


async def test_first_goes_on_after_both_have_failed() -> None:
    fake = Played((0.6, lost()), (1.0, lost()), (0.1, FIRST))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), output.metadata.attempts, len(fake.times)) == ("first", 3, 3)
        assert fake.times[2] > 1.5


async def test_both_break() -> None:
    fake = Played((0.6, lost()), (1.0, lost()))
    async with client_of(fake, retry=StandardRetry(max_attempts=1)) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("f", **HEDGED)
        assert (raised.value.delivery, raised.value.attempts, now()) == (Delivery.UNKNOWN, 2, 1.5)


async def test_error_has_the_worst_verdict_of_both() -> None:
    """The first was refused, which is final; its hedge was on the way, and may have run."""
    fake = Played((0.6, answer(403, "AccessDeniedException")), (60.0, SECOND))
    async with client_of(fake) as client:
        with pytest.raises(LambdaServiceException) as raised:
            await client.invoke("f", **HEDGED)
        error = raised.value
        assert (error.delivery, error.may_have_run, error.attempts, now()) == (Delivery.UNKNOWN, True, 2, 0.6)
        assert [attempt.status_code for attempt in error.metadata.history] == [403, None]
    assert fake.cut == [1]


async def test_throttled_function_is_not_hedged() -> None:
    fake = Played((2.0, FIRST), (0.1, throttle()), (2.0, FIRST))
    async with client_of(fake) as client:
        await client.invoke("f", **HEDGED)
        await client.invoke("f", **HEDGED)  # 2 s after the throttle
        assert (client.stats.hedged, len(fake.times)) == (1, 3)
        await asyncio.sleep(5)
        await client.invoke("f", **HEDGED)
        assert client.stats.hedged == 2


async def test_retry_is_hedged_from_its_own_sending() -> None:
    fake = Played((0.4, lost()), (60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), output.metadata.attempts) == ("second", 3)
    assert fake.times[2] == pytest.approx(fake.times[1] + 0.5)


async def test_total_limit_ends_both() -> None:
    fake = Played((60.0, FIRST))
    async with client_of(fake) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("f", timeout=2, **HEDGED)
        assert (raised.value.exceeded, raised.value.attempts, now(), sorted(fake.cut)) == ("total", 2, 2.0, [0, 1])
        assert raised.value.delivery is Delivery.UNKNOWN


async def test_total_limit_ends_a_hedge_whose_call_has_failed() -> None:
    fake = Played((0.6, lost()), (60.0, FIRST))
    async with client_of(fake, retry=StandardRetry(max_attempts=1)) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("f", timeout=2, **HEDGED)
        assert (now(), raised.value.attempts, fake.cut) == (2.0, 2, [1])


async def test_total_limit_of_a_hedge_counts_the_queue_of_its_call() -> None:
    fake = Played((8.0, FIRST), (8.0, FIRST), (1.0, lost()), (60.0, SECOND))
    async with client_of(fake, max_concurrency=2, retry=StandardRetry(max_attempts=1)) as client:
        others = [asyncio.create_task(client.invoke("f")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ConnectionLostError):
            await client.invoke("f", timeout=10, **HEDGED)
        assert (fake.times[2:], fake.cut, now()) == ([8.0, 8.5], [3], 10.0)
        await asyncio.gather(*others)


async def test_answer_at_the_moment_of_the_hedge_is_taken() -> None:
    fake = Played((0.5, FIRST), (0.0, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", **HEDGED)
        assert now() == 0.5
        assert output.json() in ("first", "second")
        assert (output.metadata.hedge is None) == (len(fake.times) == 1)
        assert client._state.slots.in_flight == 0


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.6, 0.7], ids=["begun", "first", "due", "both", "answered"])
async def test_cancelled_call_leaves_nothing(at: float) -> None:
    fake = Played((60.0, FIRST), (0.2, SECOND))
    async with client_of(fake) as client:
        before = asyncio.all_tasks()
        task = asyncio.create_task(client.invoke("f", **HEDGED))
        await asyncio.sleep(at)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled() or at == 0.7
        assert (fake.in_flight, client._state.slots.in_flight) == (0, 0)
        assert asyncio.all_tasks() == before
        await asyncio.sleep(5)
    assert len(fake.times) <= 2


async def test_cancelled_in_a_pause_with_the_hedge_in_flight() -> None:
    fake = Played((0.6, lost()), (60.0, SECOND))
    async with client_of(fake) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await client.invoke("f", **HEDGED)
        assert (fake.in_flight, fake.cut, client._state.slots.in_flight) == (0, [1], 0)


@pytest.mark.parametrize("at", [0.0, 0.2, 0.6], ids=["begun", "first", "both"])
async def test_close_ends_both(at: float) -> None:
    fake = Played((60.0, FIRST))
    client = await client_of(fake).__aenter__()
    task = asyncio.create_task(client.invoke("f", **HEDGED))
    await asyncio.sleep(at)
    await client.close(grace=0)
    with pytest.raises(ClientClosedError) as raised:
        await task
    assert raised.value.may_have_run is bool(at)
    assert (fake.in_flight, client._state.slots.in_flight) == (0, 0)


async def test_closing_client_sends_no_hedge() -> None:
    fake = Played((2.0, FIRST))
    client = await client_of(fake).__aenter__()
    task = asyncio.create_task(client.invoke("f", **HEDGED))
    await asyncio.sleep(0.2)
    await client.close(grace=30)
    assert ((await task).json(), fake.times) == ("first", [0.0])


async def test_abort_ends_both() -> None:
    fake = Played((60.0, FIRST))
    client = await client_of(fake).__aenter__()
    task = asyncio.create_task(client.invoke("f", **HEDGED))
    await asyncio.sleep(1)
    client.abort()
    with pytest.raises(ClientClosedError):
        await task
    assert fake.in_flight == 0


# --- middlewares, observers, payloads ---------------------------------------------------------------------------------


async def test_each_request_goes_through_the_middlewares() -> None:
    seen: list[tuple[str, bool]] = []

    async def notes(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.headers["x-team"] = "orders"
        seen.append((call.request.headers["amz-sdk-request"], "x-team" in call.request.headers))
        return await call_next(call)

    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        client.middleware_stack.add(notes, step="finalize")
        await client.invoke("f", **HEDGED)
    assert len(seen) == 2
    assert [request.headers["x-team"] for request in fake.requests] == ["orders"] * 2


async def test_middleware_that_raises_in_the_hedge_leaves_the_first() -> None:
    async def raises(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if now() > 0:
            raise RuntimeError("not twice")
        return await call_next(call)

    fake = Played((2.0, FIRST))
    async with client_of(fake) as client:
        client.middleware_stack.add(raises)
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), output.metadata.hedge, client.stats.hedged) == ("first", None, 0)


async def test_middleware_that_raises_ends_both() -> None:
    async def raises(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        began = now()
        output = await call_next(call)
        if not began:
            raise RuntimeError("no output is good enough")
        return output

    fake = Played((0.6, FIRST), (60.0, SECOND))
    async with client_of(fake) as client:
        client.middleware_stack.add(raises)
        with pytest.raises(RuntimeError, match="good enough"):
            await client.invoke("f", **HEDGED)
        assert (fake.cut, client._state.slots.in_flight) == ([1], 0)


async def test_middleware_that_forbids_a_repeat_forbids_the_hedge() -> None:
    async def forbids(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.idempotent = False
        return await call_next(call)

    fake = Played((2.0, FIRST))
    async with client_of(fake) as client:
        client.middleware_stack.add(forbids)
        await client.invoke("f", **HEDGED)
        (result,) = await client.map("f", [1], **HEDGED).collect()
        assert (result.ok, client.stats.hedged, len(fake.times)) == (True, 0, 2)


async def test_middleware_that_makes_an_event_of_a_call_prevents_the_hedge() -> None:
    async def queues(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.input = attrs.evolve(call.input, invocation_type="Event")
        return await call_next(call)

    fake = Played((2.0, of_its_kind))
    async with client_of(fake) as client:
        client.middleware_stack.add(queues, only=InvokeCommand)
        output = await client.send(InvokeCommand(function_name="f"), **HEDGED)
        assert (output.status_code, client.stats.hedged, len(fake.times)) == (202, 0, 1)


@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize(
    ("plays", "wins", "at"),
    [([(2.0, FIRST), (60.0, SECOND)], "first", 2.0), ([(60.0, FIRST), (0.5, SECOND)], "second", 1.0)],
    ids=["first", "hedge"],
)
async def test_middleware_that_closes_the_client_waits_for_no_side(plays: Any, wins: str, at: float, how: str) -> None:
    """Both sides are one call, which is neither awaited nor aborted by its own close."""
    fake = Played(*plays)
    client = await client_of(fake).__aenter__()

    async def closes(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        if how == "close":
            await client.close()
        else:
            client.abort()
            await asyncio.sleep(0)
        return output

    client.middleware_stack.add(closes)
    output = await client.invoke("f", **HEDGED)
    assert (output.json(), now(), fake.in_flight) == (wins, at, 0)
    with pytest.raises(ClientClosedError):
        await client.invoke("f")


async def test_output_of_a_middleware_is_returned_as_it_is() -> None:
    kept: list[Any] = []

    async def caches(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if not kept:
            kept.append(await call_next(call))
        return kept[0]

    fake = Played((0.1, FIRST))
    async with client_of(fake) as client:
        client.middleware_stack.add(caches)
        await client.send(InvokeCommand(function_name="f"), **HEDGED)
        assert await client.send(InvokeCommand(function_name="f"), **HEDGED) is kept[0]


async def test_hedge_that_a_middleware_answers_is_not_counted() -> None:
    async def answers(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return InvokeCommandOutput(status_code=200, payload=b'"kept"') if now() else await call_next(call)

    fake = Played((60.0, FIRST))
    async with client_of(fake) as client:
        client.middleware_stack.add(answers)
        output = await client.invoke("f", **HEDGED)
        assert (output.json(), output.metadata.hedge, now(), fake.cut) == ("kept", None, 0.5, [0])
        assert (client.stats.hedged, client.stats.hedges_won) == (0, 0)


async def test_observers_hear_which_call_is_the_hedge() -> None:
    heard: list[tuple[str, bool, object]] = []

    class Hears(ClientObserver):
        def call_started(self, event: CallStarted, /) -> None:
            heard.append(("started", event.call.hedge, None))

        def call_ended(self, event: CallEnded, /) -> None:
            heard.append(("ended", event.call.hedge, event.outcome))

    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        with client.observe(Hears()):
            await client.invoke("f", **HEDGED)
    assert heard == [
        ("started", False, None),
        ("started", True, None),
        ("ended", True, Outcome.EXECUTED),
        ("ended", False, Outcome.CANCELLED),
    ]


async def test_client_counts_hedges() -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND), (0.7, FIRST), (60.0, SECOND), (0.1, FIRST))
    async with client_of(fake) as client:
        for _ in range(3):
            await client.invoke("f", **HEDGED)
        stats = client.stats
    assert (stats.hedged, stats.hedges_won, stats.attempts, stats.retries, stats.done) == (2, 1, 5, 0, 5)
    assert stats.outcomes[Outcome.CANCELLED] == 2


async def test_log_tells_of_the_hedge_and_no_payload(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aiolambda")
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        await client.invoke("f", {"secret": "tea"}, **HEDGED)
    told = [record.getMessage() for record in caplog.records if record.name == "aiolambda.hedge"]
    assert told == [
        "'f' has not answered after 0.500 s: the call was sent a second time",
        "'f': the second request has the answer, 0.600 s after the first was sent",
    ]
    assert "tea" not in caplog.text


async def test_payload_of_a_file_is_sent_twice() -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", io.BytesIO(b'{"id": 7}'), **HEDGED)
    assert output.json() == "second"
    assert [request.body for request in fake.requests] == [b'{"id": 7}'] * 2


async def test_function_timeout_as_read_limit_holds_for_both() -> None:
    fake = Played((60.0, FIRST), (0.1, SECOND))
    async with client_of(fake) as client:
        output = await client.invoke("f", timeout=Timeouts(total=5, read=30, queue=3), **HEDGED)
    assert output.json() == "second"
    first, second = (request.timeouts for request in fake.requests)
    assert isinstance(first, Timeouts)
    assert isinstance(second, Timeouts)
    assert (first.read, second.read, second.total) == (30, 30, 4.5)


def parts_of_calls() -> list[Any]:
    return [thing for thing in gc.get_objects() if isinstance(thing, Leg | Race | Call)]


@pytest.mark.parametrize(
    ("plays", "cancelled_at"),
    [
        ([(0.1, FIRST)], None),
        ([(60.0, FIRST), (0.1, SECOND)], None),
        ([(0.7, FIRST), (60.0, SECOND)], None),
        ([(0.9, FIRST), (0.1, answer(403, "AccessDeniedException"))], None),
        ([(0.6, answer(403, "AccessDeniedException")), (60.0, SECOND)], None),
        ([(0.6, lambda _: lost()), (0.7, lambda _: lost())], None),
        ([(60.0, FIRST)], 0.2),
        ([(60.0, FIRST)], 1.0),
    ],
    ids=["first alone", "won", "lost", "hedge fails", "first fails", "both fail", "cancelled", "both cancelled"],
)
async def test_call_and_hedge_leave_no_garbage(plays: Any, cancelled_at: float | None) -> None:
    """What a call leaves is freed at once, and does not wait for the garbage collector."""
    async with client_of(Played(*plays), retry=StandardRetry(max_attempts=1)) as client:
        gc.collect()
        others = parts_of_calls()  # of earlier tests, whose failures or logs may still hold them
        gc.disable()
        try:
            with contextlib.suppress(TimeoutError, AiolambdaError):
                async with asyncio.timeout(cancelled_at):
                    await client.invoke("f", **HEDGED)
            await asyncio.sleep(0)
            left = [type(part) for part in parts_of_calls() if not any(part is other for other in others)]
        finally:
            gc.enable()
    assert left == []
