"""The history of a durable execution: its order, its pages, what follows, and its memory."""

import asyncio
import tracemalloc
from typing import Any

import attrs
import pytest

from aiolambda import (
    AiolambdaError,
    ConfigurationError,
    ConnectionLostError,
    InvalidInputError,
    LambdaServiceException,
    ResourceNotFoundException,
    Response,
)
from aiolambda.errors.service import InvalidParameterValueException
from aiolambda.operations import CallbackStartedDetails, StepSucceededDetails

from ...support import THOROUGH
from ...support.durable_service import MISSING, DurableService, Fact, arn_of, client_of, event, most_in_a_second, now
from ...support.function_service import failure, found

pytestmark = pytest.mark.virtual_time

ARN = arn_of("order-7")
PAGE = 400
MANY = 100_000 if THOROUGH else 20_000
EXPIRED = failure("InvalidParameterValueException", 400, "the marker has expired")


def steps(count: int, *, ended: bool = True, **settings: Any) -> DurableService:
    events = [event(number, "StepSucceeded", str(number), f"step {number}") for number in range(1, count)]
    events.append(event(count, "ExecutionSucceeded" if ended else "StepSucceeded"))
    return DurableService(**settings).add(Fact("order-7", events=events))


async def numbers(events: Any) -> list[int | None]:
    return [one.event_id async for one in events]


# What there is


async def test_events_are_typed() -> None:
    service = DurableService().add(
        Fact(
            "order-7",
            events=[
                event(1, "CallbackStarted", "op-1", "approval", CallbackId="aWQ=", Timeout=60),
                {**event(2, "StepSucceeded", "op-2", "brew", Result={"Payload": "secret"}), "ParentId": "op-0"},
                event(3, "FromTheFuture"),
            ],
        )
    )
    async with client_of(service) as client:
        callback, step, unknown = [one async for one in client.durable_execution(ARN).history()]
    assert (callback.type, callback.event_id, callback.id, callback.name, callback.parent_id) == (
        "CallbackStarted",
        1,
        "op-1",
        "approval",
        None,
    )
    assert isinstance(callback.details, CallbackStartedDetails)
    assert (callback.details.callback_id, callback.details.timeout) == ("aWQ=", 60)
    assert callback.timestamp is not None
    assert callback.raw.callback_started_details is callback.details
    assert isinstance(step.details, StepSucceededDetails)
    assert step.parent_id == "op-0"
    assert (unknown.details, unknown.raw.event_type, unknown.is_end) == (None, "FromTheFuture", False)
    assert "secret" not in repr(step)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        step.name = "other"  # type: ignore[misc] # which is the mistake


async def test_pages_are_read_when_they_are_needed() -> None:
    service = steps(1000)
    async with client_of(service) as client:
        events = client.durable_execution(ARN).history(include_data=False)
        assert service.asked == []
        assert [(await anext(events)).event_id for _ in range(400)] == list(range(1, 401))
        assert len(service.asked) == 1
        assert await numbers(events) == list(range(401, 1001))
        assert await numbers(events) == []
    assert len(service.asked) == 3
    query = service.asked[1][2].partition("?")[2]
    assert set(query.split("&")) == {"IncludeExecutionData=false", "MaxItems=400", "Marker=400"}


async def test_the_newest_may_come_first() -> None:
    service = steps(25, page=10)
    async with client_of(service) as client:
        events = client.durable_execution(ARN).history(newest_first=True)
        assert await numbers(events) == list(range(25, 0, -1))
    assert "ReverseOrder=true" in service.asked[0][2]
    assert "IncludeExecutionData=true" in service.asked[0][2]


async def test_an_error_leaves_the_iterator_where_it_was() -> None:
    service = steps(25, page=10)
    service.faults["history"] = [None, ConnectionLostError("lost"), failure("TooManyRequestsException", 429)]
    async with client_of(service) as client:
        events, seen = client.durable_execution(ARN).history(), list[int | None]()
        for _ in range(3):
            try:
                seen += [event.event_id async for event in _noted(events, seen)][:0]
            except AiolambdaError:
                continue
    assert seen == list(range(1, 26))


async def _noted(events: Any, seen: list[int | None]) -> Any:
    async for one in events:
        seen.append(one.event_id)
        yield one


async def test_a_cancelled_step_leaves_the_iterator_where_it_was() -> None:
    service = steps(25, page=10, latency=1.0)
    async with client_of(service) as client:
        events = client.durable_execution(ARN).history()
        seen = [(await anext(events)).event_id for _ in range(10)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(events)
        assert seen + await numbers(events) == list(range(1, 26))


@pytest.mark.parametrize(("newest_first", "follow"), [(False, False), (True, False), (False, True)])
async def test_an_expired_marker_begins_again_and_gives_nothing_twice(newest_first: bool, follow: bool) -> None:
    service = steps(55, page=10)
    service.faults["history"] = [None, None, EXPIRED, None, None, None, EXPIRED]
    async with client_of(service) as client:
        events = client.durable_execution(ARN).history(newest_first=newest_first, follow=follow)
        expected = list(range(1, 56))
        assert await numbers(events) == (expected[::-1] if newest_first else expected)


async def test_a_marker_that_never_works_is_an_error() -> None:
    service = steps(55, page=10)
    service.faults["history"] = [None, EXPIRED, EXPIRED]
    async with client_of(service) as client:
        with pytest.raises(LambdaServiceException, match="the marker has expired"):
            await numbers(client.durable_execution(ARN).history())


async def test_pages_that_never_end_are_an_error() -> None:
    service = DurableService(faults={"history": [found(Events=[], NextMarker="m")] * 5})
    async with client_of(service) as client:
        with pytest.raises(AiolambdaError, match="its pages would never end"):
            await numbers(client.durable_execution(ARN).history())


@pytest.mark.parametrize("length", [2, 3, 7])
@pytest.mark.parametrize("follow", [False, True], ids=["as it is", "followed"])
async def test_pages_in_a_circle_are_an_error(length: int, follow: bool) -> None:
    service = DurableService().add(Fact("order-7"))
    service.faults["history"] = [found(Events=[event(1, "StepSucceeded")], NextMarker=f"m{n % length}") for n in range(999)]
    async with client_of(service) as client:
        events = client.durable_execution(ARN).history(follow=follow)
        with pytest.raises(AiolambdaError, match="its pages would never end"):
            await numbers(events)
    assert len(service.asked) <= 3 * length + 2


async def test_a_marker_that_expires_again_and_again_is_an_error() -> None:
    """It may expire once a day, but not between two pages."""
    service = DurableService().add(Fact("order-7"))
    page = found(Events=[event(1, "StepSucceeded")], NextMarker="m")
    service.faults["history"] = [page, EXPIRED] * 99
    async with client_of(service) as client:
        with pytest.raises(InvalidParameterValueException, match="expired"):
            await numbers(client.durable_execution(ARN).history(follow=True))
    assert len(service.asked) == 4


async def test_a_marker_that_expires_each_day_is_replaced_each_time() -> None:
    service = DurableService().add(Fact("order-7"))
    pages = [found(Events=[event(1, "StepSucceeded")], NextMarker="m"), found(Events=[event(2, "StepSucceeded")])]
    end = [pages[0], found(Events=[event(3, "ExecutionSucceeded")])]
    service.faults["history"] = [*pages, EXPIRED, *pages, EXPIRED, *pages, EXPIRED, *end]
    async with client_of(service) as client:
        assert await numbers(client.durable_execution(ARN).history(follow=True)) == [1, 2, 3]


@pytest.mark.parametrize(
    "answer",
    [Response(200, {}, b"<html>"), found(Events=7), failure("AccessDeniedException", 403)],
    ids=["html", "form", "403"],
)
async def test_an_answer_that_is_no_history_is_an_error(answer: Response) -> None:
    async with client_of(DurableService(faults={"history": [answer]})) as client:
        with pytest.raises(AiolambdaError):
            await numbers(client.durable_execution(ARN).history())


async def test_an_empty_history_has_no_events() -> None:
    async with client_of(DurableService(faults={"history": [found(), found(Events=[])]})) as client:
        assert await numbers(client.durable_execution(ARN).history()) == []
        assert await numbers(client.durable_execution(ARN).history()) == []


def test_following_backwards_is_refused_at_once() -> None:
    execution = client_of(DurableService()).durable_execution(ARN)
    with pytest.raises(InvalidInputError, match="follow waits for new events"):
        execution.history(follow=True, newest_first=True)
    with pytest.raises(ConfigurationError, match="follow must be True or False"):
        execution.history(follow="yes")  # type: ignore[arg-type] # which is the mistake


# What follows


def growing(*moments: tuple[float, str], **settings: Any) -> DurableService:
    events = [{**event(number, kind), "at": at} for number, (at, kind) in enumerate(moments, 1)]
    return DurableService(**settings).add(Fact("order-7", events=events))


async def test_following_waits_for_events_until_the_end() -> None:
    service = growing(
        (0, "ExecutionStarted"), (3, "StepStarted"), (40, "StepSucceeded"), (41, "ExecutionFailed"), (41, "Later")
    )
    async with client_of(service) as client:
        events, seen = client.durable_execution(ARN).history(follow=True), list[tuple[int | None, float]]()
        async for one in events:
            seen.append((one.event_id, now()))
        assert await numbers(events) == []
    assert [number for number, _ in seen] == [1, 2, 3, 4]
    assert [late < 11 for late in (seen[1][1] - 3, seen[2][1] - 40, seen[3][1] - 41)] == [True] * 3
    assert len(service.asked) < 20


async def test_following_begins_with_short_pauses_after_each_event() -> None:
    service = growing((0, "ExecutionStarted"), (100, "StepStarted"), (100.6, "ExecutionSucceeded"))
    async with client_of(service) as client:
        times = [now() async for _ in client.durable_execution(ARN).history(follow=True)]
    assert times[2] - times[1] < 2


async def test_following_reads_a_paused_execution_less_often() -> None:
    service = growing((0, "ExecutionPaused"), (300, "ExecutionResumed"), (301, "ExecutionSucceeded"))
    async with client_of(service) as client:
        assert await numbers(client.durable_execution(ARN).history(follow=True)) == [1, 2, 3]
    assert len([time for time in service.times() if time < 300]) <= 300 / 22.5 + 1


async def test_following_survives_what_passes() -> None:
    service = growing((0, "ExecutionStarted"), (5, "StepStarted"), (20, "ExecutionSucceeded"))
    passing = [failure("TooManyRequestsException", 429), failure("ServiceException", 500), ConnectionLostError("lost")]
    service.faults["history"] = [None, *passing, None, Response(503, {}, b"<html>"), EXPIRED]
    async with client_of(service) as client:
        with pytest.raises(LambdaServiceException, match="the marker has expired"):
            await numbers(client.durable_execution(ARN).history(follow=True))  # it had sent no marker
        service.faults["history"] = [*passing, None]
        assert await numbers(client.durable_execution(ARN).history(follow=True)) == [1, 2, 3]


async def test_following_an_execution_that_grows_over_pages_gives_each_event_once() -> None:
    moments = [(number / 3, "StepSucceeded") for number in range(95)]
    service = growing(*moments, (40, "ExecutionSucceeded"), page=10)
    async with client_of(service) as client:
        assert await numbers(client.durable_execution(ARN).history(follow=True)) == list(range(1, 97))


async def test_following_ends_with_an_execution_that_is_missing() -> None:
    async with client_of(DurableService()) as client:
        with pytest.raises(ResourceNotFoundException):
            await numbers(client.durable_execution(ARN).history(follow=True))
        service = growing((0, "ExecutionStarted"))
    service.faults["history"] = [None, MISSING]
    async with client_of(service) as client:
        with pytest.raises(ResourceNotFoundException):
            await numbers(client.durable_execution(ARN).history(follow=True))


async def test_following_just_after_the_start_waits_until_it_is_visible() -> None:
    service = DurableService()
    async with client_of(service) as client:
        execution = await client.start_durable("orders:live", name="order-7")
        service.facts["order-7"] = Fact("order-7", events=[event(1, "ExecutionSucceeded")], visible_at=20)
        with pytest.raises(ResourceNotFoundException):
            await numbers(execution.history())
        assert await numbers(execution.history(follow=True)) == [1]
    assert now() >= 20


async def test_a_hundred_followers_keep_the_pace() -> None:
    service = DurableService(latency=0.01)
    for number in range(200):
        fact = Fact(f"o-{number}", events=[event(1, "ExecutionStarted"), {**event(2, "ExecutionSucceeded"), "at": 30}])
        service.add(fact)
    async with client_of(service) as client:
        followers = (client.durable_execution(arn_of(f"o-{number}")).history(follow=True) for number in range(200))
        assert await asyncio.gather(*map(numbers, followers)) == [[1, 2]] * 200
    assert most_in_a_second(service.times()) <= 100


# Memory


def _bodies(count: int) -> list[Any]:
    """The answers to a history of so many events. Each is read once, and makes room."""
    events = [event(0, "StepSucceeded", "1", "step", Result={"Payload": "x" * 50}) for _ in range(PAGE)]
    answers: list[Any] = []
    for begin in range(0, count, PAGE):
        for number, one in enumerate(events, begin + 1):
            one["EventId"] = number
        is_last = begin + PAGE == count
        events[-1]["EventType"] = "ExecutionSucceeded" if is_last else "StepSucceeded"
        answers.append(found(Events=events, NextMarker=None if is_last else str(begin)))
    return answers


async def _peak(count: int, *, follow: bool) -> int:
    """The most memory, in bytes, that reading so many events takes beyond their answers."""
    service = DurableService(faults={"history": _bodies(count)})
    async with client_of(service) as client:
        events = client.durable_execution(ARN).history(follow=follow)
        first = last = await anext(events)
        total = 1
        tracemalloc.start()
        try:
            async for one in events:
                last, total = one, total + 1
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (first.event_id, last.event_id, total) == (1, count, count)
    assert len(service.asked) == count // PAGE
    return peak


@pytest.mark.parametrize("follow", [False, True], ids=["read", "followed"])
async def test_a_long_history_needs_no_more_memory_than_a_short_one(follow: bool) -> None:
    few, many = await _peak(MANY // 10, follow=follow), await _peak(MANY, follow=follow)
    assert many < few + 2_000_000  # two pages more or less; the whole history has a kilobyte for each event
