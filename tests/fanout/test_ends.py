"""How a map ends: with a list, by the brake, by `stop` with a grace, by a cancellation. Time is virtual."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aiolambda import (
    ConfigurationError,
    ConnectError,
    Delivery,
    FunctionError,
    InvocationTimeoutError,
    LambdaClient,
    LambdaServiceException,
    MapResult,
    Metadata,
    NotSentError,
    Request,
    Response,
    StandardRetry,
    TooManyFailuresError,
)
from aiolambda.fanout.brake import Brake
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers

pytestmark = pytest.mark.virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


def slow(seconds: float = 1.0) -> LambdaClient:
    async def sleep(event: Any) -> Any:
        await asyncio.sleep(seconds)
        return event

    return LambdaClient(transport=FakeTransport({"f": sleep}))


class Refusing(FakeTransport):
    """Answers every request with the status and the code that `refusal(number)` returns; `None` is a success."""

    def __init__(self, refusal: Callable[[int], tuple[int, str] | None]) -> None:
        super().__init__({})
        self.refusal = refusal
        self.sent = 0

    async def send(self, request: Request, /) -> Response:
        refusal = self.refusal(self.sent)
        self.sent += 1
        await asyncio.sleep(0.01)
        if refusal is None:
            return Response(200, Headers({}), request.body)
        status, code = refusal
        return Response(status, Headers({"x-amzn-errortype": code, "x-amzn-requestid": "an-id"}), b'{"Message": "no"}')


# --- collect ---------------------------------------------------------------------------------------------------------


async def test_collect_needs_no_block() -> None:
    async with slow() as client:
        run = client.map("f", range(20), concurrency=5, ordered=True)
        found = await run.collect()
        assert [result.value() for result in found] == list(range(20))
        assert await run.collect() == []
        assert client.stats.in_flight == 0


async def test_collect_in_a_block_has_the_rest() -> None:
    async with slow() as client, client.map("f", range(5), ordered=True) as run:
        first = await anext(aiter(run))
        assert [result.index for result in [first, *await run.collect()]] == list(range(5))


async def test_collect_raises_the_error_of_the_run() -> None:
    def broken() -> Any:
        yield 1
        raise ZeroDivisionError

    async with slow() as client:
        with pytest.raises(ZeroDivisionError):
            await client.map("f", broken()).collect()


async def test_cancelled_collect_ends_the_run() -> None:
    async with slow(10) as client:
        run = client.map("f", range(100), concurrency=3)
        task = asyncio.create_task(run.collect())
        await asyncio.sleep(1)
        task.cancel()
        began = now()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert now() - began == pytest.approx(9, abs=0.1)  # those in flight have ended
        assert (run.stopped_by, run.stats.in_flight, run.next_index) == ("caller", 0, 3)
        assert client.stats.in_flight == 0


# --- stop ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grace", "lasts", "cut"), [(None, 10, 0), (3, 3, 3), (0, 0, 3), (60, 10, 0)])
async def test_stop_gives_calls_in_flight_a_grace(grace: float | None, lasts: float, cut: int) -> None:
    async with slow(10) as client, client.map("f", range(100), concurrency=3) as run:
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: run.stop(grace=grace))
        loop.call_later(0.5, run.stop)
        found = [result async for result in run]
        assert now() - 0.5 == pytest.approx(lasts if cut else 9.5, abs=0.2)
    assert run.stopped_by == "caller"
    assert len(found) == run.next_index
    errors = [result.error for result in found if result.error is not None]
    assert [type(error) for error in errors if not isinstance(error, NotSentError)] == [InvocationTimeoutError] * cut
    times = [result.duration for result in found if isinstance(result.error, InvocationTimeoutError)]
    assert times == pytest.approx([now()] * cut, abs=0.1)


async def test_a_later_stop_may_shorten_the_grace() -> None:
    async with slow(100) as client, client.map("f", range(9), concurrency=3) as run:
        loop = asyncio.get_running_loop()
        for at, grace in ((1, 50.0), (2, 1.0), (2.5, 90.0)):
            loop.call_later(at, lambda grace=grace: run.stop(grace=grace))
        found = [result async for result in run]
        assert now() == pytest.approx(3, abs=0.1)
    assert {result.delivery for result in found} == {Delivery.UNKNOWN}


async def test_deadline_is_not_longer_after_a_stop() -> None:
    async with slow(100) as client, client.map("f", range(9), concurrency=3, deadline=5) as run:
        asyncio.get_running_loop().call_later(6, lambda: run.stop(grace=2))
        _ = [result async for result in run]
        assert now() == pytest.approx(8, abs=0.1)
    assert run.stopped_by == "deadline"


async def test_a_call_that_resists_its_cancellation_is_cancelled_again() -> None:
    resisted = 0

    async def stubborn(call: Any, call_next: Any) -> Any:
        nonlocal resisted
        while True:
            try:
                await asyncio.sleep(100)
                return await call_next(call)
            except asyncio.CancelledError:
                resisted += 1
                if resisted == 3:
                    raise

    async with slow(100) as client:
        client.middleware_stack.add(stubborn)
        async with client.map("f", [1]) as run:
            asyncio.get_running_loop().call_later(1, lambda: run.stop(grace=1))
            _ = [result async for result in run]
    assert resisted == 3


@pytest.mark.parametrize("grace", [-1, "5", True], ids=str)
async def test_invalid_grace_is_refused(grace: Any) -> None:
    async with slow() as client, client.map("f", [1]) as run:
        with pytest.raises(ConfigurationError, match="grace must be a number of seconds"):
            run.stop(grace=grace)


# --- the brake -------------------------------------------------------------------------------------------------------


async def mapped(refusal: Callable[[int], tuple[int, str] | None], **settings: Any) -> tuple[Any, list[MapResult[Any]], Any]:
    """The run of 1,000 items, its results, and the error that it raised."""
    client = LambdaClient(transport=Refusing(refusal), retry=StandardRetry(max_attempts=1))
    found: list[MapResult[Any]] = []
    raised = None
    async with client:
        run = client.map("f", range(1000), concurrency=10, **settings)
        try:
            async with run:
                async for result in run:
                    found.append(result)  # noqa: PERF401 - what came before the error is looked at
        except TooManyFailuresError as error:
            raised = error
    return run, found, raised


async def test_a_hundred_alike_refusals_stop_the_run() -> None:
    run, found, raised = await mapped(lambda _: (403, "AccessDeniedException"))
    assert run.stopped_by == "failures"
    assert 100 <= len(found) == run.next_index < 130
    assert "the first 100 items all failed with the same refusal" in str(raised)
    assert "an-id" in str(raised)
    assert raised.stats.causes[0].name == "AccessDeniedException"
    assert raised.delivery is Delivery.REFUSED


@pytest.mark.parametrize("settings", [{"max_failures": 2000}, {"max_failure_ratio": 1}], ids=str)
async def test_own_limits_replace_the_brake(settings: dict[str, Any]) -> None:
    run, found, raised = await mapped(lambda _: (403, "AccessDeniedException"), **settings)
    assert (len(found), run.stopped_by, raised) == (1000, None, None)


@pytest.mark.parametrize(
    "refusal",
    [
        lambda number: None if number == 90 else (403, "AccessDeniedException"),
        lambda number: (404, "ResourceNotFoundException") if number == 90 else (403, "AccessDeniedException"),
        lambda _: (500, "ServiceException"),
        lambda number: (403, "AccessDeniedException") if number >= 10 else None,
    ],
    ids=["a success", "another cause", "unknown", "after successes"],
)
async def test_other_outcomes_release_the_brake(refusal: Callable[[int], tuple[int, str] | None]) -> None:
    run, found, raised = await mapped(refusal)
    assert (len(found), run.stopped_by, raised) == (1000, None, None)


async def test_throttles_do_not_stop_the_run() -> None:
    run, found, _ = await mapped(lambda number: (429, "TooManyRequestsException") if number < 300 else None)
    assert (len(found), run.stopped_by) == (1000, None)


async def test_items_that_cannot_be_sent_stop_the_run() -> None:
    async with slow() as client:
        run = client.map("f", ["no json"] * 1000)
        with pytest.raises(TooManyFailuresError):
            await run.collect()
    assert run.stats.done == 100


def refused(code: str = "AccessDeniedException", **members: Any) -> MapResult[None]:
    error = LambdaServiceException("no", code=code, metadata=Metadata(http_status_code=400))
    return MapResult(**{"index": 0, "key": "0", "item": None, "error": error, "delivery": Delivery.REFUSED} | members)


async def test_brake_ignores_what_says_nothing_of_the_run() -> None:
    brake = Brake(2)
    brake.add(refused(error=NotSentError("ended")))
    brake.add(refused(replayed=True))
    brake.add(refused(error=None, replayed=True))
    brake.add(refused())
    assert not brake.has_stopped
    assert not brake.is_released
    brake.add(refused())
    assert brake.has_stopped


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (ConnectError("refused"), True),
        (ConfigurationError("no region"), True),
        (LambdaServiceException("no", code="InvalidRequestContentException", metadata=Metadata(http_status_code=400)), False),
        (LambdaServiceException("no", code="ResourceNotFoundException", metadata=Metadata(http_status_code=404)), True),
    ],
    ids=["connection", "configuration", "content", "function"],
)
async def test_brake_for_all_counts_what_no_item_escapes(error: Any, stops: bool) -> None:
    brake = Brake(1, for_all=True)
    brake.add(refused(error=error, delivery=Delivery.NOT_DELIVERED))
    assert (brake.has_stopped, brake.is_released) == (stops, not stops)


async def test_function_error_releases_the_brake() -> None:
    def fails(event: int) -> int:
        raise ValueError(event)

    async with LambdaClient(transport=FakeTransport({"f": fails})) as client:
        found = await client.map("f", range(200)).collect()
    assert {type(result.error) for result in found} == {FunctionError}
