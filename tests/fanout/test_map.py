"""Fan-out: every item gets one result, whatever happens to it, to its neighbours or to the run. Time is virtual."""

import asyncio
import contextlib
import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    AiolambdaError,
    Call,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Credentials,
    Delivery,
    FunctionError,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    MapResult,
    MapRun,
    MapStats,
    Metadata,
    NotSentError,
    Request,
    Response,
    RetryAction,
    StandardRetry,
    ThrottleReason,
    Timeouts,
    TooManyFailuresError,
    TooManyRequestsException,
    UnknownOutcomeError,
)
from aiolambda.fanout import Journal
from aiolambda.fanout.journal_rows import ItemRow, ItemState
from aiolambda.policy import classification
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers

from ..support import THOROUGH


def now() -> float:
    return asyncio.get_running_loop().time()


class Simulated(FakeTransport):
    """A Lambda whose functions take `seconds`, and of which each has a limit that depends on the time."""

    def __init__(
        self,
        limit: Callable[[str, float], float] = lambda _name, _now: 1e9,
        *,
        seconds: float = 0.5,
        retry_after: str | None = None,
        reason: str = "ReservedFunctionConcurrentInvocationLimitExceeded",
    ) -> None:
        super().__init__({})
        self.limit = limit
        self.seconds = seconds
        self.retry_after = retry_after
        self.reason = reason
        self.running: Counter[str] = Counter()
        self.most = 0
        self.executed: Counter[bytes] = Counter()
        self.ended: list[tuple[str, float]] = []
        self.throttled = 0
        self.sent: list[float] = []

    async def send(self, request: Request, /) -> Response:
        name = request.url.split("/")[-2]
        self.sent.append(now())
        await asyncio.sleep(0.005)
        if self.running[name] >= self.limit(name, now()):
            self.throttled += 1
            await asyncio.sleep(0.005)
            fields = {"x-amzn-errortype": "TooManyRequestsException"}
            if self.retry_after is not None:
                fields["retry-after"] = self.retry_after
            return Response(429, Headers(fields), json.dumps({"Reason": self.reason}).encode())
        self.running[name] += 1
        self.most = max(self.most, self.running.total())
        self.executed[request.body] += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running[name] -= 1
        self.ended.append((name, now()))
        status = 202 if request.headers.get("x-amz-invocation-type") == "Event" else 200
        return Response(status, Headers({"x-amzn-requestid": "an-id"}), b"" if status == 202 else request.body)


async def results(run: MapRun[Any]) -> list[MapResult[Any]]:
    async with run:
        return [result async for result in run]


async def square(event: int) -> int:
    await asyncio.sleep(0.01 * (event % 7))
    if event < 0:
        raise ValueError("negative")
    return event * event


def squares(**settings: Any) -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"square": square}), **settings)


# --- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
async def test_each_item_has_one_result() -> None:
    async with squares() as client:
        found = await results(client.map("square", range(50), concurrency=5))
        assert sorted(result.index for result in found) == list(range(50))
        assert [result.index for result in found] != list(range(50))
        assert all(result.ok and result.value() == result.item**2 == result.decode(int) for result in found)
        assert {(result.delivery, result.attempts, result.replayed) for result in found} == {(Delivery.EXECUTED, 1, False)}
        assert max(result.duration for result in found) == pytest.approx(0.06)
        assert client.stats.in_flight == 0


@pytest.mark.virtual_time
async def test_ordered_results_come_in_input_order() -> None:
    async with squares() as client:
        found = await results(client.map("square", range(50), concurrency=5, ordered=True))
        assert [result.index for result in found] == list(range(50))


@pytest.mark.virtual_time
async def test_bare_loop_closes_an_async_input() -> None:
    closed = False

    async def items() -> AsyncGenerator[int]:
        nonlocal closed
        try:
            for number in range(20):
                await asyncio.sleep(1)
                yield number
        finally:
            closed = True

    async with squares() as client:
        found = [result.value() async for result in client.map("square", items())]
        assert sorted(found) == [number**2 for number in range(20)]
        assert (closed, client._maps.runs) == (True, set())


@pytest.mark.virtual_time
async def test_failed_item_is_a_result() -> None:
    def broken(event: Any) -> Any:
        raise ValueError("broken")

    class Flaky(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            if b"lost" in request.body:
                raise ConnectionLostError("lost")
            if b"denied" in request.body:
                return Response(403, Headers({"x-amzn-errortype": "AccessDeniedException"}), b"{}")
            return await super().send(request)

    items = ["ok", "lost", "denied", "fail", {1, 2}, "x" * 7_000_000]
    transport = Flaky({"f": lambda event: broken(event) if event == "fail" else event})
    async with LambdaClient(transport=transport) as client:
        run = client.map("f", items, ordered=True, payload=lambda item: json.dumps(item) if isinstance(item, str) else item)
        found = await results(run)
    assert [type(result.error) for result in found][:4] == [
        type(None),
        ConnectionLostError,
        AccessDeniedException,
        FunctionError,
    ]
    assert all(isinstance(result.error, InvalidInputError) for result in found[4:])
    assert [result.delivery for result in found] == [
        Delivery.EXECUTED,
        Delivery.UNKNOWN,
        Delivery.REFUSED,
        Delivery.EXECUTED,
        Delivery.NOT_DELIVERED,
        Delivery.NOT_DELIVERED,
    ]
    assert found[3].output is not None
    with pytest.raises(FunctionError):
        found[3].value()
    with pytest.raises(AccessDeniedException):
        found[2].decode(str)
    assert dict(run.stats.failed) == {
        Delivery.UNKNOWN: 1,
        Delivery.REFUSED: 1,
        Delivery.EXECUTED: 1,
        Delivery.NOT_DELIVERED: 2,
    }
    assert "x" * 100 not in repr(found)


@pytest.mark.virtual_time
async def test_invalid_json_text_fails_its_item_only() -> None:
    async with squares() as client:
        (result,) = await results(client.map("square", ["tea"]))
        assert isinstance(result.error, InvalidInputError)
        assert "json.dumps" in str(result.error)


@pytest.mark.virtual_time
async def test_event_items_are_accepted() -> None:
    async with LambdaClient(transport=Simulated()) as client:
        found = await results(client.map("f", [1, 2], invocation_type="Event"))
        assert [(result.ok, result.delivery, result.value()) for result in found] == [(True, Delivery.ACCEPTED, None)] * 2


@pytest.mark.virtual_time
async def test_map_commands_sends_to_many_functions() -> None:
    transport = FakeTransport({"a": lambda event: ["a", event], "b": lambda event: ["b", event]})
    async with LambdaClient(transport=transport) as client:
        commands = [InvokeCommand(function_name="ab"[number % 2], payload=number, qualifier="live") for number in range(10)]
        found = await results(client.map_commands(commands, ordered=True, key=lambda command: f"k{command.input.payload}"))
    assert [result.value() for result in found] == [["ab"[number % 2], number] for number in range(10)]
    assert found[3].item is commands[3]
    assert found[3].key == "k3"


# --- concurrency and memory ------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
async def test_a_fixed_concurrency_is_kept_and_used() -> None:
    transport = Simulated()
    async with LambdaClient(transport=transport) as client:
        began = now()
        await results(client.map("f", range(1000), concurrency=100))
        assert transport.most == 100
        assert now() - began < 1.15 * 1000 / 100 * 0.5


@pytest.mark.virtual_time
async def test_throttles_never_exceed_a_fixed_concurrency() -> None:
    numbers, running, most, shown = itertools.count(), 0, 0, 0

    class EverySecond(FakeTransport):
        """A Lambda that throttles every second request."""

        async def send(self, request: Request, /) -> Response:
            nonlocal running, most, shown
            running, number = running + 1, next(numbers)
            most, shown = max(most, running), max(shown, run.stats.in_flight)
            assert run.stats.pending >= 0
            await asyncio.sleep(0.01)
            for _ in range(number % 7):  # the answers of one moment come in different turns of the loop
                await asyncio.sleep(0)
            running -= 1
            if number % 2:
                return Response(200, Headers({"x-amzn-requestid": "an-id"}), b"1")
            return Response(429, Headers({"x-amzn-errortype": "TooManyRequestsException"}), b"{}")

    async with LambdaClient(transport=EverySecond({})) as client:
        client._maps._jitter = lambda: 0.0  # each item is due again at once
        run = client.map("f", range(100), concurrency=20)
        assert all(result.ok for result in await results(run))
    assert (most, shown) == (20, 20)
    assert run.stats.throttled[None] == next(numbers) - 100
    assert (run.stats.in_flight, run.stats.pending) == (0, 0)


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True, "many"])
async def test_invalid_concurrency_is_refused(concurrency: Any) -> None:
    async with squares(max_concurrency=10) as client:
        with pytest.raises(ConfigurationError, match="1 or more, 'adaptive' or 'limits'"):
            client.map("square", [], concurrency=concurrency)
        with pytest.raises(ConfigurationError, match=r"concurrency is 11, and the client's max_concurrency is 10"):
            client.map("square", [], concurrency=11)
        of_several: Any = "limits"
        with pytest.raises(ConfigurationError, match="1 or more, or 'adaptive'; got 'limits'"):
            client.map_commands([], concurrency=of_several)


@pytest.mark.virtual_time
async def test_input_is_read_only_as_slots_allow() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    async with LambdaClient(transport=Simulated(seconds=10)) as client, client.map("f", items(), concurrency=10) as run:
        await asyncio.sleep(5)
        assert read == 10
        async for _ in run:
            break
        await asyncio.sleep(1000)
        assert read <= 10 + 64 + 1  # a reader that stops stops the run
        assert run.stats.in_flight == 0
        assert client.stats.in_flight == 0


@pytest.mark.virtual_time
@pytest.mark.parametrize("concurrency", [5, "adaptive"])
async def test_slow_reader_receives_every_result(concurrency: Any) -> None:
    held = 0
    async with LambdaClient(transport=Simulated(seconds=0.01), max_concurrency=5) as client:
        async with client.map("f", range(500), concurrency=concurrency) as run:
            found = []
            async for result in run:
                found.append(result.index)
                held = max(held, run.next_index - len(found))
                if len(found) % 50 == 0:
                    await asyncio.sleep(10)
    assert sorted(found) == list(range(500))
    assert 50 < held <= 64


@pytest.mark.virtual_time
async def test_adaptive_window_follows_the_limit() -> None:
    limits = [50, 500, 20] if THOROUGH else [20, 200, 8]
    transport = Simulated(lambda _, at: limits[min(int(at // 20), 2)])
    async with LambdaClient(transport=transport) as client:
        found = await results(client.map("f", iter(range(10**9)), deadline=60))
    failed = [result for result in found if not result.ok]
    assert {type(result.error) for result in failed} <= {NotSentError}
    assert len(failed) < 200  # those that were on their way when the deadline passed
    assert all(not result.error.may_have_run for result in failed if result.error is not None)
    for number, limit in enumerate(limits):
        start, end = number * 20 + 5, (number + 1) * 20
        ended = sum(start <= at < end for _, at in transport.ended)
        assert ended >= 0.9 * (end - start) * limit / 0.51
    assert transport.throttled / len(transport.sent) < 0.05
    assert set(transport.executed.values()) == {1}


@pytest.mark.virtual_time
async def test_a_throttled_function_does_not_slow_another() -> None:
    transport = Simulated(lambda name, _: 5 if name == "slow" else 100)
    async with LambdaClient(transport=transport, max_concurrency=200) as client:
        slow, quick = client.map("slow", iter(range(10**9)), deadline=30), client.map("quick", iter(range(10**9)), deadline=30)
        await asyncio.gather(results(slow), results(quick))
    ended = Counter(name for name, at in transport.ended if 10 <= at < 30)
    assert ended["quick"] >= 0.95 * 20 * 100 / 0.51
    assert ended["slow"] >= 0.8 * 20 * 5 / 0.51


@pytest.mark.virtual_time
async def test_throttled_command_does_not_slow_others() -> None:
    transport = Simulated(lambda name, _: 5 if name == "slow" else 100)

    def commands() -> Iterator[InvokeCommand]:
        for number in range(8000):
            yield InvokeCommand(function_name="slow" if number % 50 == 0 else "quick", payload=number)

    async with LambdaClient(transport=transport, max_concurrency=200) as client:
        found = await results(client.map_commands(commands(), concurrency="adaptive"))
    assert all(result.ok for result in found)
    ended = Counter(name for name, at in transport.ended if 5 <= at < 25)
    assert ended["quick"] >= 0.9 * 20 * 100 / 0.51


@pytest.mark.virtual_time
async def test_throttled_item_obeys_retry_after() -> None:
    transport = Simulated(lambda _, at: 0 if at < 20 else 10, retry_after="7")
    async with LambdaClient(transport=transport, max_concurrency=1) as client:
        run = client.map("f", [1], concurrency=1)
        task = asyncio.create_task(results(run))
        await asyncio.sleep(3)
        assert (client.stats.in_flight, run.stats.pending, run.stats.in_flight) == (0, 1, 0)
        (result,) = await task
    assert all(later - before >= 7 for before, later in zip(transport.sent, transport.sent[1:], strict=False))
    assert (result.ok, result.attempts) == (True, len(transport.sent))
    assert dict(run.stats.throttled) == {
        ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED: len(transport.sent) - 1
    }


@pytest.mark.virtual_time
async def test_account_throttle_narrows_all_windows() -> None:
    transport = Simulated(lambda _name, _at: 8, reason="ConcurrentInvocationLimitExceeded")
    async with LambdaClient(transport=transport) as client:
        found = await results(client.map("f", range(100)))
        assert all(result.ok for result in found)
        assert client._maps.admission.window("another") <= 12


@pytest.mark.virtual_time
async def test_call_timeout_starts_with_its_slot() -> None:
    transport = Simulated(seconds=1.0)
    async with LambdaClient(transport=transport, max_concurrency=1) as client:
        others = [asyncio.create_task(client.invoke("f")) for _ in range(5)]
        await asyncio.sleep(0)
        (result,) = await results(client.map("f", [1], timeout=1.5))
        assert (result.ok, now()) == (True, pytest.approx(6, abs=0.1))
        (late,) = await results(client.map("f", [1], timeout=0.5))
        assert isinstance(late.error, InvocationTimeoutError)
        assert (late.error.exceeded, late.delivery) == ("total", Delivery.UNKNOWN)
        await asyncio.gather(*others)


# --- its ends --------------------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
@pytest.mark.parametrize("settings", [{"max_failures": 3}, {"max_failure_ratio": 0.2}])
async def test_max_failures_ends_the_run_after_all_results(settings: dict[str, Any]) -> None:
    async with squares() as client:
        found: list[MapResult[int]] = []
        numbers = (number if number % 3 else -1 for number in range(10**9))
        with pytest.raises(TooManyFailuresError) as raised:
            async with client.map("square", numbers, concurrency=4, **settings) as mapped:
                async for result in mapped:
                    found.append(result)  # noqa: PERF401 - what came before the error is looked at
        assert mapped.stopped_by == "failures"
        assert sorted(result.index for result in found) == list(range(mapped.next_index))
        assert raised.value.stats.done == len(found)
        assert raised.value.stats.failed[Delivery.EXECUTED] >= 3
        assert "items have failed" in str(raised.value)


@pytest.mark.virtual_time
async def test_allowed_failures_do_not_end_the_run() -> None:
    async with squares() as client:
        found = await results(client.map("square", [-1, 1, -1, 1] * 5, max_failures=10, max_failure_ratio=0.5))
        assert len(found) == 20


@pytest.mark.virtual_time
async def test_deadline_ends_the_run_without_loss() -> None:
    transport = Simulated(lambda _, at: 10 if at < 5 else 0, seconds=3.0)
    async with LambdaClient(transport=transport) as client:
        run = client.map("f", iter(range(10**9)), deadline=10)
        found = await results(run)
        assert (run.stopped_by, now()) == ("deadline", pytest.approx(10, abs=0.1))
        assert sorted(result.index for result in found) == list(range(run.next_index))
        kinds = {type(result.error) for result in found}
        assert kinds == {type(None), NotSentError}
        unsent = [result.error for result in found if isinstance(result.error, NotSentError)]
        assert any(isinstance(error.last_error, TooManyRequestsException) for error in unsent)
        assert (run.stats.unsent, run.stats.failed) == (len(unsent), {})


@pytest.mark.virtual_time
async def test_calls_at_the_deadline_time_out() -> None:
    async with LambdaClient(transport=Simulated(seconds=1000)) as client:
        run = client.map("f", range(5), deadline=10, concurrency=5)
        found = await results(run)
        assert now() == pytest.approx(40, abs=0.1)
        assert {type(result.error) for result in found} == {InvocationTimeoutError}
        assert {result.delivery for result in found} == {Delivery.UNKNOWN}
        assert client.stats.in_flight == 0


@pytest.mark.virtual_time
async def test_leaving_the_block_waits_for_calls_in_flight() -> None:
    transport = Simulated(seconds=5)
    async with LambdaClient(transport=transport) as client:
        async with client.map("f", iter(range(10**9)), concurrency=10) as run:
            await asyncio.sleep(1)
        assert (run.stopped_by, now(), len(transport.ended)) == ("caller", pytest.approx(5, abs=0.1), 10)
        with contextlib.suppress(KeyError):
            async with client.map("f", iter(range(10**9)), concurrency=10) as run:
                async for _ in run:
                    raise KeyError
        assert (run.stopped_by, client.stats.in_flight) == ("caller", 0)


@pytest.mark.virtual_time
async def test_default_grace_is_thirty_seconds() -> None:
    async with LambdaClient(transport=Simulated(seconds=1000)) as client:
        async with client.map("f", range(10), concurrency=5):
            await asyncio.sleep(1)
        assert (now(), client.stats.in_flight) == (pytest.approx(31, abs=0.1), 0)


@pytest.mark.virtual_time
async def test_client_awaits_calls_of_an_abandoned_loop() -> None:
    async def items() -> AsyncGenerator[int]:
        for number in itertools.count():
            yield number
            await asyncio.sleep(0.5)

    transport = Simulated(seconds=5)
    async with LambdaClient(transport=transport) as client:
        async for _ in client.map("f", items(), concurrency=20):
            break
        await asyncio.sleep(0.1)
        sent = len(transport.sent)
        await asyncio.sleep(0.1)
        await client.close()
        assert (len(transport.sent), len(transport.ended)) == (sent, sent)
        assert now() == pytest.approx(10, abs=0.3)  # the last item was sent just before the first one ended
        assert client._maps.runs == set()
    assert not asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.virtual_time
async def test_closing_without_grace_cuts_the_run() -> None:
    client = LambdaClient(transport=Simulated(seconds=1000))
    async with client:
        run = client.map("f", range(5), concurrency=5)
        task = asyncio.create_task(results(run))
        await asyncio.sleep(1)
        await client.close(grace=0)
        found = await task
        assert {result.delivery for result in found} == {Delivery.UNKNOWN}
        assert now() == pytest.approx(1, abs=0.1)


@pytest.mark.virtual_time
async def test_input_error_is_raised_after_all_results() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise LookupError("no more")

    async with squares() as client:
        found = []
        with pytest.raises(LookupError):
            async with client.map("square", items()) as run:
                async for result in run:
                    found.append(result.index)  # noqa: PERF401 - as above
        assert sorted(found) == list(range(5))


@pytest.mark.virtual_time
@pytest.mark.parametrize(("runs_first", "verdict"), [(True, Delivery.EXECUTED), (False, Delivery.NOT_DELIVERED)])
async def test_middleware_error_is_the_result_of_its_item(runs_first: bool, verdict: Delivery) -> None:
    async def breaks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if runs_first:
            await call_next(call)
        raise KeyError("hunter2")

    async with squares() as client:
        client.middleware_stack.add(breaks)
        found = await results(client.map("square", range(5), concurrency=2))
        assert client._maps.runs == set()
    assert sorted(result.index for result in found) == list(range(5))
    for result in found:
        error = result.error
        assert isinstance(error, AiolambdaError)
        assert (result.delivery, error.delivery, error.function_name) == (verdict, verdict, "square")
        assert isinstance(error.__cause__, KeyError)
        assert re.fullmatch(
            r"KeyError was raised at .*test_map\.py:\d+ during this call, outside of aiolambda: see __cause__ "
            r"\(function 'square'\)",
            str(error),
        )


@pytest.mark.virtual_time
async def test_middleware_errors_count_as_failures() -> None:
    async def breaks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        raise ZeroDivisionError

    async with squares() as client:
        client.middleware_stack.add(breaks)
        found = []
        with pytest.raises(TooManyFailuresError):
            async for result in client.map("square", range(100), concurrency=1, max_failures=3):
                found.append(result.index)  # noqa: PERF401 - as above
    assert found == [0, 1, 2, 3]


@pytest.mark.virtual_time
async def test_lost_output_is_the_result_of_its_item() -> None:
    async def forgets(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        return None if call.input.payload == 2 else output

    async with squares() as client:
        client.middleware_stack.add(forgets)
        found = await results(client.map("square", range(5), concurrency=2, ordered=True))
    assert [(result.ok, result.delivery) for result in found] == [(result.index != 2, Delivery.EXECUTED) for result in found]
    assert "returned None, and not an output" in str(found[2].error)


@pytest.mark.virtual_time
async def test_output_of_another_class_is_the_failure_of_its_item() -> None:
    class Own:
        pass

    async def own(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return Own()

    async with squares() as client:
        client.middleware_stack.add(own)
        (result,) = await results(client.map("square", [1]))
    assert "a map needs an InvokeCommandOutput" in str(result.error)
    assert result.delivery is Delivery.UNKNOWN


@pytest.mark.parametrize(("fails", "verdict"), [("mark_done", Delivery.EXECUTED), ("mark_started", Delivery.NOT_DELIVERED)])
async def test_full_disk_loses_no_result(fails: str, verdict: Delivery, tmp_path: Path) -> None:
    class Full(Journal):
        """A journal whose disk is full at the second item."""

        async def mark_started(self, row: ItemRow) -> None:
            await self._check("mark_started", row)
            await super().mark_started(row)

        async def mark_done(self, row: ItemRow, state: ItemState, record: Any, payload: bytes | None) -> None:
            await self._check("mark_done", row)
            await super().mark_done(row, state, record, payload)

        async def _check(self, method: str, row: ItemRow) -> None:
            if (method, row.key) == (fails, "1"):
                raise OSError("disk full")

    async with squares() as client:
        run = client.map("square", range(4), concurrency=1, key=str, journal=tmp_path / "run.db")
        journal: Any = run._scheduler._sender._journal
        journal.__class__ = Full
        found = []
        with pytest.raises(OSError, match="disk full"):
            async for result in run:
                found.append(result)  # noqa: PERF401 - as above
    assert [result.index for result in found] == list(range(run.next_index))
    assert [result.delivery for result in found[:2]] == [Delivery.EXECUTED, verdict]
    assert run.stopped_by == "error"


@pytest.mark.virtual_time
async def test_cancelled_start_leaves_the_windows_unchanged() -> None:
    async with LambdaClient(transport=Simulated(seconds=1000)) as client:
        for _ in range(5):
            async with client.map("f", range(10)) as run:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                await run.aclose(grace=0)
        counted = [client._maps.admission._account, *client._maps.admission._functions.values()]
        assert {counted.in_flight for counted in counted} == {0}


@pytest.mark.virtual_time
async def test_waiting_item_keeps_its_failure_at_the_end() -> None:
    def fails(event: int) -> int:
        raise ValueError("always")

    async with LambdaClient(transport=FakeTransport({"f": fails})) as client:
        (result,) = await results(client.map("f", [1], retry_function_errors=100, deadline=3))
        assert isinstance(result.error, FunctionError)
        assert (result.delivery, result.attempts > 3) == (Delivery.EXECUTED, True)


@pytest.mark.virtual_time
async def test_progress_error_ends_the_run() -> None:
    def tell(stats: MapStats) -> None:
        raise LookupError("no display")

    async with squares() as client:
        with pytest.raises(LookupError):
            await results(client.map("square", range(100), on_progress=tell))
        assert client._maps.runs == set()


# --- retries and totals ----------------------------------------------------------------------------------------------


@pytest.mark.virtual_time
@pytest.mark.parametrize("settings", [{"key": lambda _: next(iter(()))}, {"payload": lambda _: next(iter(()))}])
@pytest.mark.parametrize("is_asynchronous", [False, True])
async def test_stop_iteration_in_key_or_payload_is_an_error(settings: dict[str, Any], is_asynchronous: bool) -> None:
    async def items() -> AsyncGenerator[int]:
        yield 1

    async with squares() as client:
        with pytest.raises(RuntimeError, match=r"key= or payload= raised StopIteration for item 0"):
            await results(client.map("square", items() if is_asynchronous else [1], **settings))


@pytest.mark.virtual_time
async def test_maps_sharing_a_window_all_progress() -> None:
    async def items() -> AsyncGenerator[int]:
        for number in range(20):
            await asyncio.sleep(0.001)
            yield number

    transport = Simulated(lambda _name, _now: 3, seconds=0.1)
    async with LambdaClient(transport=transport, max_concurrency=4) as client:
        together = await asyncio.gather(*(results(client.map("f", items())) for _ in range(6)))
    assert [[result.ok for result in found] for found in together] == [[True] * 20] * 6


@pytest.mark.virtual_time
async def test_a_map_of_a_closed_client_is_refused() -> None:
    client = squares()
    await client.close()
    with pytest.raises(ClientClosedError):
        await results(client.map("square", [1]))


@pytest.mark.virtual_time
async def test_throttle_after_a_lost_call_stays_unknown() -> None:
    class LostThenThrottled(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            if self.calls:
                return Response(429, Headers({"x-amzn-errortype": "TooManyRequestsException"}), b"{}")
            await super().send(request)
            raise ConnectionLostError("lost")

    transport = LostThenThrottled({"f": lambda event: event})
    async with LambdaClient(transport=transport, retry=StandardRetry()) as client:
        (result,) = await results(client.map("f", [1], idempotent=True, deadline=60))
    assert (result.ok, result.delivery) == (False, Delivery.UNKNOWN)


@pytest.mark.virtual_time
async def test_each_failure_is_classified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[AiolambdaError] = []

    def classify(error: AiolambdaError) -> RetryAction:
        seen.append(error)
        return retry_action_of(error)

    retry_action_of = classification.retry_action_of
    monkeypatch.setattr(classification, "retry_action_of", classify)
    transport = Simulated(lambda _, at: 0 if at < 5 else 10)
    async with LambdaClient(transport=transport) as client:
        (result,) = await results(client.map("f", [1]))
    assert result.ok
    assert transport.throttled > 1
    assert len(seen) == transport.throttled
    assert {error.retry_action for error in seen} == {RetryAction.WAIT}


@pytest.mark.virtual_time
async def test_throttle_raised_by_a_middleware_is_waited_out_too() -> None:
    metadata, throttled = Metadata(http_status_code=429), 0

    async def throttles(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        nonlocal throttled
        if now() < 5:
            throttled += 1
            raise TooManyRequestsException("slow down", code="", metadata=metadata, delivery=Delivery.REFUSED)
        return await call_next(call)

    async with squares() as client:
        client.middleware_stack.add(throttles)
        (result,) = await results(client.map("square", [3]))
    assert (result.value(), throttled > 1) == (9, True)


@pytest.mark.virtual_time
async def test_function_errors_are_retried_only_on_request() -> None:
    failing = Counter[int]()

    def fails_twice(event: int) -> int:
        failing[event] += 1
        if failing[event] <= 2:
            raise ValueError("not yet")
        return event

    async with LambdaClient(transport=FakeTransport({"f": fails_twice})) as client:
        (once,) = await results(client.map("f", [1]))
        assert (once.ok, failing[1]) == (False, 1)
        (twice,) = await results(client.map("f", [2], retry_function_errors=1))
        assert (twice.ok, twice.attempts) == (False, 2)
        (thrice,) = await results(client.map("f", [3], retry_function_errors=5))
        assert (thrice.value(), thrice.attempts) == (3, 3)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("idempotent", "sent"), [(None, 1), (True, 3)])
async def test_unknown_item_is_retried_only_if_idempotent(idempotent: bool | None, sent: int) -> None:
    class Lost(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            await super().send(request)
            raise ConnectionLostError("lost")

    transport = Lost({"f": lambda event: event})
    async with LambdaClient(transport=transport, retry=StandardRetry()) as client:
        (result,) = await results(client.map("f", [1], idempotent=idempotent))
    assert (result.delivery, result.attempts, len(transport.calls)) == (Delivery.UNKNOWN, sent, sent)


@pytest.mark.virtual_time
async def test_stats_are_live_and_progress_is_rate_limited() -> None:
    told: list[tuple[float, MapStats]] = []
    transport = Simulated(seconds=0.25)
    async with LambdaClient(transport=transport) as client:
        run = client.map("f", range(200), concurrency=10, on_progress=lambda stats: told.append((now(), stats)))
        assert run.stats.done == 0
        await results(run)
    *before, last = told
    assert all(later - earlier >= 0.1 - 1e-9 for (earlier, _), (later, _) in itertools.pairwise(before))
    assert last[1] == run.stats
    assert (run.stats.done, run.stats.in_flight, run.stats.pending, run.stats.window) == (200, 0, 0, 10)
    assert run.stats.rate == pytest.approx(40, rel=0.1)
    assert run.stats.percentiles[50] == pytest.approx(0.255, rel=0.06)
    assert any(stats.in_flight == 10 for _, stats in before)


@pytest.mark.virtual_time
async def test_billed_time_comes_from_the_reports() -> None:
    report = "REPORT RequestId: a\tDuration: 1 ms\tBilled Duration: {} ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t{}"

    class Reporting(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            import base64

            assert request.headers["x-amz-log-type"] == "Tail"
            number = len(self.calls)
            answer = await super().send(request)
            began = {0: "Init Duration: 5 ms", 1: "Restore Duration: 5 ms\tBilled Restore Duration: 3 ms"}
            line = report.format(100, began.get(number % 5, ""))
            return Response(200, {**answer.headers, "x-amz-log-result": base64.b64encode(line.encode()).decode()}, b"1")

    async with LambdaClient(transport=Reporting({"f": lambda _: 1})) as client:
        run = client.map("f", range(20), log_type="Tail", concurrency=1)
        await results(run)
    assert (run.stats.billed_ms, run.stats.cold_starts) == (2000, 8)


# --- the journal -----------------------------------------------------------------------------------------------------


async def test_journal_resumes_an_abandoned_run(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    executed = Counter[int]()

    async def work(event: int) -> int:
        executed[event] += 1
        await asyncio.sleep(0)
        return event * 2

    async with LambdaClient(transport=FakeTransport({"f": work})) as client:
        async with client.map("f", range(100), journal=path, concurrency=5) as run:
            first = 0
            async for _ in run:
                first += 1
                if first == 30:
                    break
        assert 30 <= sum(executed.values()) < 100
        again = await results(client.map("f", range(100), journal=path, concurrency=7))
    replayed = [result for result in again if result.replayed]
    assert [result.replayed for result in again] == [True] * len(replayed) + [False] * (100 - len(replayed))
    assert len(replayed) >= 30
    assert sorted((result.index, result.value()) for result in again) == [(number, number * 2) for number in range(100)]
    assert set(executed.values()) == {1}


async def test_replayed_results_equal_the_originals(tmp_path: Path) -> None:  # noqa: C901 - a table of kinds
    class Flaky(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            if b"lost" in request.body:
                raise ConnectionLostError("lost")
            if b"refused" in request.body:
                raise ConnectError("refused")
            if b"denied" in request.body:
                return Response(403, Headers({"x-amzn-errortype": "AccessDeniedException"}), b'{"Message":"no"}')
            return await super().send(request)

    def work(event: str) -> Any:
        if event == "fail":
            raise ValueError("broken")
        return b"\x00\xff bytes"

    items = [b'"bytes"', b'"lost"', b'"refused"', b'"denied"', b'"fail"', b"no json"]
    async with LambdaClient(transport=Flaky({"f": work}), retry=StandardRetry(max_attempts=1)) as client:
        settings: dict[str, Any] = {"journal": tmp_path / "run.db", "ordered": True}
        first = await results(client.map("f", items, **settings))
        again = await results(client.map("f", items, **settings))
    assert [result.replayed for result in again] == [True, True, False, False, True, False]  # the others have not run
    for before, after in zip(first, again, strict=True):
        assert (after.index, after.key, after.item, after.ok) == (before.index, before.key, before.item, before.ok)
        assert (after.delivery, after.attempts) == (before.delivery, before.attempts)
        assert not after.replayed or after.duration == before.duration
        assert type(after.error) is type(before.error)
        if before.error is not None and after.error is not None:
            assert (after.error.delivery, after.error.function_name) == (before.error.delivery, "f")
            assert str(after.error).split(" (")[0] == str(before.error).split(" (")[0]
        if before.output is not None and after.output is not None:
            assert (after.output.payload, after.output.status_code) == (before.output.payload, before.output.status_code)
            assert after.output.metadata.request_id == before.output.metadata.request_id


async def test_new_item_does_not_wait_for_stored_ones(tmp_path: Path) -> None:
    answered = asyncio.Event()

    async def items() -> AsyncGenerator[int]:
        yield 7
        await answered.wait()
        yield 1

    async with squares() as client:
        await results(client.map("square", [1, 2], journal=tmp_path / "run.db"))
        async with asyncio.timeout(10), client.map("square", items(), journal=tmp_path / "run.db") as run:
            async for result in run:
                answered.set()
                assert (result.value(), result.replayed) in ((49, False), (1, True))


async def test_equal_payloads_are_separate_items(tmp_path: Path) -> None:
    async with squares() as client:
        found = await results(client.map("square", [3, 3, 3, 4], journal=tmp_path / "a.db"))
        assert len({result.key for result in found}) == 4
        again = await results(client.map("square", [4, 3, 3, 3, 3], journal=tmp_path / "a.db"))
        assert [result.replayed for result in sorted(again, key=lambda result: result.index)] == [True] * 4 + [False]
        with pytest.raises(InvalidInputError, match="duplicate key '1'"):
            await results(client.map("square", [1, 2, 1], journal=tmp_path / "b.db", key=str))


async def test_item_in_flight_is_unknown_after_resume(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with squares() as client:
        await results(client.map("square", [1], journal=path, key=str))
    async with LambdaClient(transport=Simulated(seconds=1000)) as client:
        async with client.map("square", [2, 3], journal=path, key=str) as run:
            while client.stats.in_flight < 2:
                await asyncio.sleep(0.001)
            await run.aclose(grace=0)
    async with squares() as client:
        for _ in range(2):
            found = await results(client.map("square", [1, 2], journal=path, key=str, ordered=True))
            assert [(result.ok, result.replayed) for result in found] == [(True, True), (False, True)]
            assert isinstance(found[1].error, UnknownOutcomeError)
            assert found[1].error.may_have_run
        for replayed in (False, True):
            found = await results(client.map("square", [2, 3], journal=path, key=str, ordered=True, idempotent=True))
            assert [(result.value(), result.replayed) for result in found] == [(4, replayed), (9, replayed)]


@pytest.mark.parametrize("idempotent", [False, True])
async def test_lost_answer_is_sent_again_by_an_idempotent_run(idempotent: bool, tmp_path: Path) -> None:
    class Lost(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            await super().send(request)
            raise ConnectionLostError("lost")

    lost = Lost({"square": square})
    async with LambdaClient(transport=lost) as client:
        (result,) = await results(client.map("square", [2], journal=tmp_path / "run.db"))
        assert (result.delivery, len(lost.calls)) == (Delivery.UNKNOWN, 1)
    async with squares() as client:
        (result,) = await results(client.map("square", [2], journal=tmp_path / "run.db", idempotent=idempotent))
        assert (result.ok, result.replayed) == (idempotent, not idempotent)


async def test_throttled_item_is_sent_after_resume(tmp_path: Path) -> None:
    class Full(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            await super().send(request)
            return Response(429, Headers({"x-amzn-errortype": "TooManyRequestsException", "retry-after": "100"}), b"{}")

    path = tmp_path / "run.db"
    async with LambdaClient(transport=Full({"square": square})) as client:
        async with client.map("square", [3], journal=path) as run:
            while not run.stats.throttled or run.stats.in_flight:
                await asyncio.sleep(0.001)
    async with squares() as client:
        (result,) = await results(client.map("square", [3], journal=path))
        assert (result.value(), result.replayed) == (9, False)


@pytest.mark.parametrize(
    "other", [{"function": "cube"}, {"qualifier": "live"}, {"invocation_type": "Event"}, {"tenant_id": "blue"}]
)
async def test_a_journal_of_another_map_is_refused(other: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    async with squares() as client:
        await results(client.map("square", [1], journal=path))
        settings = {name: value for name, value in other.items() if name != "function"}
        with pytest.raises(ConfigurationError, match="is of another map: its"):
            await results(client.map(other.get("function", "square"), [1], journal=path, **settings))
        with pytest.raises(ConfigurationError, match="another map"):
            await results(client.map_commands([], journal=path))
        found = await results(client.map("square", [1], journal=path, concurrency=3, retry_function_errors=2))
        assert found[0].replayed
        assert client._maps.runs == set()


async def test_non_utf8_key_is_refused(tmp_path: Path) -> None:
    async with squares() as client:
        found = []
        with pytest.raises(InvalidInputError, match="not valid Unicode"):
            async with client.map(
                "square", [1, 2], key={1: "one", 2: "\ud800"}.__getitem__, journal=tmp_path / "run.db"
            ) as run:
                async for result in run:
                    found.append((result.key, result.ok))  # noqa: PERF401 - what came before the error is kept
        (first,) = await results(client.map("square", [1], key=lambda _: "one", journal=tmp_path / "run.db"))
    # Sent or not when the run ended: its result is true.
    assert (dict(found), first.value()) == ({"one": first.replayed, "\ud800": False}, 1)


async def test_invalid_or_locked_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database at all" * 100)
    async with squares() as client:
        for path in (tmp_path / "text", tmp_path / "missing" / "run.db", tmp_path):
            with pytest.raises(ConfigurationError, match="cannot be used"):
                await results(client.map("square", [1], journal=path))
        async with client.map("square", iter(range(10**9)), journal=tmp_path / "run.db"):
            with pytest.raises(ConfigurationError, match="another run uses it"):
                await results(client.map("square", [1], journal=tmp_path / "run.db"))


async def test_map_leaves_no_journal_thread(tmp_path: Path) -> None:
    import threading

    threads = threading.active_count()
    client = LambdaClient(
        transport=FakeTransport({"square": square}), credentials=Credentials("a", "b"), timeout=Timeouts(total=9)
    )
    async with client:
        await results(client.map("square", range(10), journal=tmp_path / "run.db"))
        assert not [thread for thread in threading.enumerate() if thread.name == "journal of a map"]
    assert threading.active_count() <= threads + 8  # asyncio's own pool
