"""The queues of events on virtual time, with a fake in place of the runtimes: order, retries, age, throttles, turns, drops."""

import asyncio
import datetime as dt
import itertools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda.emulation import lineage
from aiolambda.emulation.executions import Execution
from aiolambda.emulation.failure_script import Decision
from aiolambda.emulation.function_responses import FunctionResponse
from aiolambda.emulation.in_process import function_of
from aiolambda.local import EventInvokeConfig, LocalFunction
from aiolambda.local.activity import Activity
from aiolambda.local.events.event import QueuedEvent
from aiolambda.local.events.queues import EventQueues
from aiolambda.local.events.run_queue import RunQueue
from aiolambda.local.invocation_log import InvocationLog
from aiolambda.local.jobs import Job, Selection
from aiolambda.local.runtime.invocations import Invocation, InvocationResult
from aiolambda.local.runtime.pool import ConcurrencyExceeded
from aiolambda.local.runtime.process import EndpointClosed
from aiolambda.types.values import ThrottleReason

pytestmark = pytest.mark.virtual_time

HOUR = 3600.0
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
CALL = "call"
"""The payload of synchronous calls."""
RECORDED = {"on_success": "sink", "on_failure": "sink"}


def exceeded() -> ConcurrencyExceeded:
    return ConcurrencyExceeded(ThrottleReason.CONCURRENT_INVOCATION_LIMIT_EXCEEDED)


def function(name: str = "orders", *, concurrency: int = 1, recursive_loop: Any = "Terminate", **events: Any) -> LocalFunction:
    config = EventInvokeConfig(**events)
    return LocalFunction(
        name=name,
        handler="app.handler",
        root=Path(),
        concurrency=concurrency,
        recursive_loop=recursive_loop,
        events=config,
    )


@attrs.frozen
class Run:
    """A run of a function of the bench."""

    time: float
    name: str
    payload: Any
    decision: Decision
    request_id: str


class Bench:
    """Queues, and functions that take `takes` seconds and fail if `fails` says so. It refuses a run too many, as pools do."""

    def __init__(self, *functions: LocalFunction, **settings: Any) -> None:
        self.functions = {one.name: one for one in (*functions, function("sink", concurrency=1000))}
        self.activity = Activity()
        self.takes: Callable[[Any], float] = lambda _: 0.0
        self.fails: Callable[[Any], bool] = lambda _: False
        self.raises: Callable[[str], BaseException | None] = lambda _: None
        self.runs: list[Run] = []
        self.attempts: list[int] = []
        self.decided: list[tuple[str, str | None, bytes]] = []
        self.running: dict[str, int] = {}
        self.most_running: dict[str, int] = {}
        now = dt.datetime(2026, 11, 29, 8, 5, 1, 42_000, tzinfo=dt.UTC)
        self.queues = EventQueues(self.run, self.find, self.decide, self.activity, now=lambda: now, **settings)

    def find(self, name: str, qualifier: str | None) -> Selection | None:
        return Selection(self.functions[name], "$LATEST") if name in self.functions else None

    def decide(self, name: str, qualifier: str | None, payload: bytes) -> Decision:
        self.decided.append((name, qualifier, payload))
        return Decision(delay=len(self.decided))

    async def run(self, job: Job) -> InvocationResult:
        name, payload = job.selection.function.name, json.loads(job.invocation.payload)
        if (error := self.raises(name)) is not None:
            raise error
        if self.running.get(name, 0) >= self.functions[name].concurrency:
            raise exceeded()
        self.running[name] = self.running.get(name, 0) + 1
        self.most_running[name] = max(self.running[name], self.most_running.get(name, 0))
        time = asyncio.get_running_loop().time()
        self.runs.append(Run(time, name, payload, job.decision, job.invocation.request_id))
        try:
            await asyncio.sleep(self.takes(payload))
        finally:
            self.running[name] -= 1
        job.on_end(EXECUTION)
        response = FunctionResponse(b'{"errorType":"E"}', "E") if self.fails(payload) else FunctionResponse(b'"done"')
        return InvocationResult(response=response, log_tail=b"")

    def job(self, name: str, payload: Any, *, qualifier: str = "") -> Job:
        invocation = Invocation(
            request_id=f"id of {payload}",
            payload=json.dumps(payload).encode(),
            function_arn=ARN + name + qualifier,
            trace_id=lineage.extended("Root=1", ARN + name)[0],
            invocation_type="Event",
        )
        selection = Selection(self.functions[name], "$LATEST")
        on_end = self.on_end
        watch = InvocationLog().watch(invocation.request_id, name, "Event")
        return Job(selection=selection, invocation=invocation, decision=Decision(), on_end=on_end, watch=watch)

    def on_end(self, execution: Execution) -> None:
        self.attempts.append(execution.attempt)

    def put(self, *payloads: Any, name: str = "orders") -> None:
        for payload in payloads:
            self.queues.put(self.job(name, payload))

    async def call(self, name: str = "orders") -> None:
        """A synchronous call. Raises `ConcurrencyExceeded`."""
        with self.queues.beside_a_call(self.functions[name]):
            await self.run(self.job(name, CALL))

    async def idle(self) -> None:
        await self.activity.wait()
        assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task()] == []

    def runs_of(self, name: str = "orders") -> list[Run]:
        return [run for run in self.runs if run.name == name]

    @property
    def payloads(self) -> list[Any]:
        return [run.payload for run in self.runs_of()]

    @property
    def times(self) -> list[float]:
        return [run.time for run in self.runs_of()]

    @property
    def records(self) -> list[Any]:
        return [run.payload for run in self.runs_of("sink")]

    @property
    def ends(self) -> list[tuple[str, int]]:
        """Condition and count of each record."""
        contexts = [record["requestContext"] for record in self.records]
        return [(context["condition"], context["approximateInvokeCount"]) for context in contexts]


EXECUTION = Execution(
    function_name="orders",
    version="$LATEST",
    request_id="an id",
    invocation_type="Event",
    payload=b"",
    response=b"",
    error_type=None,
    error=None,
)


# --- order and concurrency --------------------------------------------------------------------------------------------


async def test_events_begin_in_order_up_to_the_concurrency():
    bench = Bench(function(concurrency=3))
    bench.takes = lambda payload: 4 - payload % 3
    bench.put(*range(30))
    await bench.idle()
    assert (bench.payloads, bench.most_running["orders"]) == (list(range(30)), 3)


async def test_the_events_of_a_function_block_no_other():
    bench = Bench(function(), function("quick"))
    bench.takes = lambda payload: HOUR if payload == "slow" else 0
    bench.put("slow", "slow")
    bench.put(1, 2, 3, name="quick")
    await asyncio.sleep(1)
    assert [run.payload for run in bench.runs_of("quick")] == [1, 2, 3]
    await bench.idle()
    assert bench.times == [0, HOUR]


async def test_functions_of_this_process_run_one_after_another():
    bench = Bench(function(), function("prices"))
    bench.takes = lambda _: 1
    here = {name: Selection(function_of(name, print), "$LATEST") for name in ("orders", "prices")}
    for payload, name in enumerate(["orders", "prices", "prices", "orders"]):
        bench.queues.put(attrs.evolve(bench.job(name, payload), selection=here[name]))
    await bench.idle()
    assert [(run.time, run.payload) for run in bench.runs] == [(0, 0), (1, 1), (2, 2), (3, 3)]


async def test_waiting_events_need_no_tasks():
    bench = Bench(function(concurrency=10))
    bench.takes = lambda _: 1
    bench.put(*range(10_000))
    await asyncio.sleep(0.5)
    assert len(asyncio.all_tasks()) == 11  # with that of this test
    await bench.idle()
    assert (bench.payloads, asyncio.get_running_loop().time()) == (list(range(10_000)), 1000)


# --- retries ----------------------------------------------------------------------------------------------------------


async def test_a_failing_event_runs_three_times():
    bench = Bench(function(**RECORDED))
    bench.fails = lambda payload: payload == 7
    bench.put(7)
    await bench.idle()
    assert (bench.times, bench.attempts[:3]) == ([0, 1, 3], [1, 2, 3])
    assert {run.request_id for run in bench.runs_of()} == {"id of 7"}
    assert bench.records == [
        {
            "version": "1.0",
            "timestamp": "2026-11-29T08:05:01.042Z",
            "requestContext": {
                "requestId": "id of 7",
                "functionArn": f"{ARN}orders:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": 7,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorType": "E"},
        }
    ]


async def test_a_retry_may_succeed():
    bench = Bench(function(**RECORDED, retry_delay=60))
    bench.fails = lambda payload: payload == 7 and len(bench.times) < 2
    bench.put(7)
    await bench.idle()
    assert (bench.times, bench.ends) == ([0, 60], [("Success", 2)])
    assert bench.records[0]["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert bench.records[0]["responsePayload"] == "done"


async def test_other_events_run_while_one_waits_for_its_retry():
    bench = Bench(function(retry_delay=60))
    bench.fails = lambda payload: payload == "bad"
    bench.put("bad", 1, 2)
    await bench.idle()
    assert list(zip(bench.times, bench.payloads, strict=True)) == [(0, "bad"), (0, 1), (0, 2), (60, "bad"), (180, "bad")]


async def test_the_script_is_asked_for_each_retry():
    bench = Bench(function())
    bench.fails = lambda _: True
    bench.queues.put(bench.job("orders", 7, qualifier=":live"))
    await bench.idle()
    assert [run.decision.delay for run in bench.runs] == [0, 1, 2]  # the first decision came with the job
    assert bench.decided == [("orders", "live", b"7")] * 2


async def test_a_script_that_raises_ends_the_event(caplog):
    bench = Bench(function())
    bench.fails = lambda payload: payload == 7
    bench.queues = EventQueues(bench.run, bench.find, lambda *_: 1 / 0, bench.activity)  # type: ignore[arg-type, return-value]
    bench.put(7, 8)
    await bench.idle()
    assert bench.payloads == [7, 8]
    assert "event id of 7 of function 'orders' was not run" in caplog.text


# --- the age limit ----------------------------------------------------------------------------------------------------


async def test_no_retry_exceeds_the_age_limit():
    bench = Bench(function(**RECORDED, maximum_event_age=3))
    bench.fails = lambda payload: payload == 7
    bench.put(7)
    await bench.idle()
    assert (bench.times, bench.ends) == ([0, 1], [("EventAgeExceeded", 2)])
    assert bench.runs[-1].time == 1  # it was given up at once, as on Lambda
    assert bench.records[0]["responsePayload"] == {"errorType": "E"}


async def test_an_event_reaches_its_age_limit_while_it_waits():
    bench = Bench(function(**RECORDED, maximum_event_age=60))
    bench.takes = lambda payload: HOUR if payload == "slow" else 0
    bench.put("slow", 1, 2)
    await bench.idle()
    assert bench.payloads == ["slow"]
    assert [(run.time, run.payload["requestPayload"]) for run in bench.runs_of("sink")] == [(60, 1), (60, 2), (HOUR, "slow")]
    assert bench.ends == [("EventAgeExceeded", 0), ("EventAgeExceeded", 0), ("Success", 1)]  # a late success is one
    assert bench.records[0].keys() == {"version", "timestamp", "requestContext", "requestPayload"}


async def test_many_events_reach_their_age_limit_at_once():
    bench = Bench(function(on_failure="orders", maximum_event_age=60))
    bench.takes = lambda payload: HOUR if payload == "slow" else 0
    bench.put("slow", *range(3000))
    await asyncio.sleep(60.5)
    assert bench.payloads == ["slow"]
    await bench.queues.cancel()


# --- throttles --------------------------------------------------------------------------------------------------------


async def test_a_throttled_event_waits_for_a_free_process():
    bench = Bench(function(**RECORDED))
    bench.takes = lambda payload: 10.3 if payload == CALL else 0
    call = asyncio.create_task(bench.call())
    await asyncio.sleep(0)
    bench.put(1, 2, 3)
    await call
    await bench.idle()
    assert list(zip(bench.times, bench.payloads, strict=True)) == [(0, CALL), (10.3, 1), (10.3, 2), (10.3, 3)]
    assert (bench.ends, bench.attempts) == ([("Success", 1)] * 3, [1] * 7)


async def test_a_throttle_uses_up_no_retry():
    bench = Bench(function(**RECORDED))
    tries: list[float] = []

    def refuse(name: str) -> BaseException | None:
        if name == "orders":
            tries.append(asyncio.get_running_loop().time())
        return exceeded() if name == "orders" and 1 < len(tries) < 9 else None

    bench.raises, bench.fails = refuse, lambda payload: payload == 7
    bench.put(7)
    await bench.idle()
    pauses = [round(after - before, 6) for before, after in itertools.pairwise(tries)]
    assert pauses == [1, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1, 2]  # the first and the last are those of the retries
    assert (bench.ends, len(bench.times)) == ([("RetriesExhausted", 3)], 3)
    assert [name for name, _, _ in bench.decided] == ["orders", "orders", "sink"]  # a refused run is not asked about again


async def test_throttled_events_reach_their_age_limit():
    bench = Bench(function(**RECORDED, maximum_event_age=60))
    bench.raises = lambda name: exceeded() if name == "orders" else None
    bench.put(1, 2, 3)
    await bench.idle()
    assert (bench.ends, {run.time for run in bench.runs}) == ([("EventAgeExceeded", 0)] * 3, {60})


async def test_a_throttled_event_lives_long():
    bench = Bench(function(**RECORDED, maximum_event_age=HOUR))
    bench.raises = lambda name: exceeded() if name == "orders" else None
    bench.put(1)
    await bench.idle()
    assert (bench.ends, bench.runs[0].time) == ([("EventAgeExceeded", 0)], HOUR)


async def test_another_function_may_free_what_an_event_waits_for():
    bench = Bench(function(), function("prices"))
    bench.takes = lambda _: 10.3
    call = asyncio.create_task(bench.call("prices"))
    await asyncio.sleep(0)
    bench.raises = lambda _: exceeded() if bench.running.get("prices") else None  # of the account
    bench.put(1)
    await call
    await bench.idle()
    assert bench.times == [10.3]


async def test_a_process_that_becomes_free_costs_one_try():
    bench = Bench(function(concurrency=5), function("prices", concurrency=2))
    tries: list[float] = []

    def refuse_over_two(name: str) -> BaseException | None:
        if name == "orders":
            tries.append(asyncio.get_running_loop().time())
        return exceeded() if sum(bench.running.values()) >= 2 else None  # as the limit of an account

    bench.raises = refuse_over_two
    bench.takes = lambda payload: 0.01 if payload == CALL else HOUR
    calls = [asyncio.create_task(bench.call("prices"))]
    await asyncio.sleep(0.001)
    calls.append(asyncio.create_task(bench.call("prices")))
    bench.put(*range(5))
    await asyncio.gather(*calls)
    await asyncio.sleep(0)
    assert [round(time, 6) for time in tries] == [0.001] * 5 + [0.01, 0.011]
    await bench.queues.cancel()


async def test_the_first_pause_is_short_again_after_a_run():
    bench = Bench(function())
    tries: list[float] = []

    def refuse(name: str) -> BaseException | None:
        tries.append(asyncio.get_running_loop().time())
        return exceeded() if len(tries) in (1, 2, 3, 5) else None

    bench.raises = refuse
    bench.put(1, 2)
    await bench.idle()
    assert [round(time, 6) for time in tries] == [0, 0.02, 0.06, 0.14, 0.14, 0.16]


async def test_refused_events_keep_their_order():
    bench = Bench(function(concurrency=3))
    bench.takes = lambda _: 1
    calls = [asyncio.create_task(bench.call()) for _ in range(2)]
    await asyncio.sleep(0)
    bench.put(*range(12))
    await asyncio.gather(*calls)
    await bench.idle()
    assert [payload for payload in bench.payloads if payload != CALL] == list(range(12))


async def test_no_reserved_concurrency_ends_an_event_at_once():
    bench = Bench(function(concurrency=0, on_failure="sink"))
    bench.put(7)
    await bench.idle()
    assert (bench.payloads, bench.ends) == ([], [("ZeroReservedConcurrency", 0)])
    assert bench.records[0].keys() == {"version", "timestamp", "requestContext", "requestPayload"}


# --- turns of events and synchronous calls ----------------------------------------------------------------------------


async def answered_after(bench: Bench, *, pause: float = 1.0) -> int:
    """Call until the call is not refused. Returns the number of refusals."""
    refusals = 0
    while True:
        try:
            await bench.call()
        except ConcurrencyExceeded:
            refusals += 1
            await asyncio.sleep(pause)
        else:
            await asyncio.sleep(0.001)  # the way to the client and back
            return refusals


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_events_do_not_starve_synchronous_calls(concurrency):
    bench = Bench(function(concurrency=concurrency))
    bench.takes = lambda _: 0.1
    bench.put(*range(1000))
    await asyncio.sleep(0.05)
    for _ in range(20):
        assert await answered_after(bench) <= 1
    assert len(bench.times) < 1000
    await bench.idle()
    assert bench.most_running["orders"] == concurrency


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_synchronous_calls_do_not_starve_events(concurrency):
    bench = Bench(function(concurrency=concurrency))
    bench.takes = lambda _: 0.1

    async def call_on_and_on() -> None:
        while True:
            await answered_after(bench, pause=0.013)

    callers = [asyncio.create_task(call_on_and_on()) for _ in range(20)]
    await asyncio.sleep(1)
    bench.put(*range(20))
    await asyncio.wait_for(bench.activity.wait(), 20)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    events = [payload for payload in bench.payloads if payload != CALL]
    assert (events, len(bench.payloads) > 40) == (list(range(20)), True)


async def test_a_caller_that_gave_up_keeps_no_process_from_events():
    bench = Bench(function())
    bench.takes = lambda _: 1
    bench.put(1, 2, 3)
    await asyncio.sleep(0.5)
    with pytest.raises(ConcurrencyExceeded):
        await bench.call()
    await bench.idle()
    assert bench.times == [0, 2.5, 3.5]  # 2 seconds of room for the caller, who does not come back


async def test_a_new_concurrency_counts_from_the_next_event_on():
    bench = Bench(function())
    bench.takes = lambda _: 1
    bench.put(*range(7))
    await asyncio.sleep(0.5)
    bench.functions["orders"] = function(concurrency=3)
    await bench.idle()
    assert bench.times == [0, 1, 1, 1, 2, 2, 2]


async def test_a_new_concurrency_of_zero_ends_the_events_that_wait():
    bench = Bench(function(on_failure="sink"))
    bench.takes = lambda _: 1
    bench.put(1, 2)
    await asyncio.sleep(0.5)
    bench.functions["orders"] = function(concurrency=0)
    await bench.idle()
    assert (bench.payloads, bench.ends) == ([1], [("ZeroReservedConcurrency", 0)])


# --- duplicates -------------------------------------------------------------------------------------------------------


async def test_a_reproducible_share_of_events_runs_twice():
    chosen: list[list[int]] = []
    for _ in range(2):
        bench = Bench(function(duplicates=0.25), function("prices", duplicates=0.25))
        bench.put(*range(400))
        bench.put(*range(400), name="prices")
        await bench.idle()
        chosen += ([run.payload for run in bench.runs_of(name)] for name in ("orders", "prices"))
    orders, prices, *again = chosen
    assert again == [orders, prices]
    assert sorted(set(orders)) == list(range(400))
    assert (70 < len(orders) - 400 < 130, orders != prices) == (True, True)


async def test_a_duplicate_has_the_request_id_and_its_own_decision():
    bench = Bench(function(duplicates=1))
    bench.put(7)
    await bench.idle()
    assert [(run.request_id, run.decision.delay) for run in bench.runs] == [("id of 7", 0), ("id of 7", 1)]
    assert bench.attempts == [1, 1]


# --- events that are dropped ------------------------------------------------------------------------------------------


async def test_dropped_events_do_not_run_again():
    bench = Bench(function(**RECORDED, retry_delay=60), function("prices"))
    bench.takes = lambda payload: 1 if payload == "runs" else 0
    bench.fails = lambda payload: payload in ("retries", "runs")
    bench.put("retries", "runs", "waits")
    await asyncio.sleep(0.5)
    mark = bench.queues.mark()
    bench.put("later")
    bench.queues.drop("orders", mark)
    await bench.idle()
    assert bench.payloads == ["retries", "runs", "later"]
    assert [record["requestPayload"] for record in bench.records] == ["later"]
    assert asyncio.get_running_loop().time() == 1


async def test_the_events_of_another_function_stay():
    bench = Bench(function(), function("prices"))
    bench.put(1)
    bench.put(2, name="prices")
    bench.queues.drop("prices", bench.queues.mark())
    await bench.idle()
    assert bench.runs == bench.runs_of("orders") != []


@pytest.mark.parametrize("name", [None, "orders"])
async def test_duplicates_are_chosen_anew_after_a_drop(name):
    bench = Bench(function(duplicates=0.5))
    for _ in range(2):
        bench.put(*range(50))
        await bench.idle()
        bench.queues.drop(name, bench.queues.mark())
    half = len(bench.runs) // 2
    assert bench.payloads[:half] == bench.payloads[half:]


async def test_all_events_are_dropped():
    bench = Bench(function(retry_delay=60), function("prices", retry_delay=60))
    bench.fails = lambda _: True
    bench.put(1)
    bench.put(2, name="prices")
    await asyncio.sleep(0.5)
    bench.queues.drop(None, bench.queues.mark())
    await bench.idle()
    assert (len(bench.runs), asyncio.get_running_loop().time()) == (2, 0.5)


async def test_a_dropped_event_that_is_refused_has_ended():
    bench = Bench(function())
    bench.put(1)

    def drop_and_refuse(name: str) -> BaseException:
        bench.queues.drop(name, bench.queues.mark())
        return exceeded()

    bench.raises = drop_and_refuse
    await bench.idle()
    assert (bench.runs, asyncio.get_running_loop().time()) == ([], 0)


async def test_an_event_ends_with_its_function():
    bench = Bench(function(**RECORDED))
    bench.raises = lambda _: EndpointClosed()
    bench.put(1, 2)
    await bench.idle()
    assert bench.runs == []


async def test_cancelled_queues_leave_nothing():
    bench = Bench(function(retry_delay=60, **RECORDED), function("prices"))
    bench.takes = lambda payload: HOUR if payload == "runs" else 0
    bench.fails = lambda payload: payload == "retries"
    bench.put("retries", "runs", "waits")
    bench.put("runs", name="prices")
    await asyncio.sleep(0.5)
    await bench.queues.cancel()
    assert bench.running == {"orders": 0, "prices": 0}
    await bench.idle()
    assert (bench.payloads, bench.records, asyncio.get_running_loop().time()) == (["retries", "runs"], [], 0.5)
    bench.put("again")
    await bench.idle()
    assert bench.payloads[-1] == "again"


async def test_nothing_follows_a_run_that_ends_despite_its_cancellation():
    bench = Bench(function(**RECORDED))

    async def run(job: Job) -> InvocationResult:
        try:
            await asyncio.sleep(HOUR)
        except asyncio.CancelledError:
            return InvocationResult(response=FunctionResponse(b'"done"'), log_tail=b"")
        raise AssertionError

    bench.queues = EventQueues(run, bench.find, bench.decide, bench.activity)
    bench.put(1)
    await asyncio.sleep(0.5)
    await bench.queues.cancel()
    await bench.idle()
    assert asyncio.get_running_loop().time() == 0.5


async def test_a_run_that_ends_during_the_cancellation_is_not_repeated():
    runs: list[QueuedEvent] = []

    async def run(event: QueuedEvent) -> float:
        runs.append(event)
        queue.cancel()
        return 1.0

    queue = RunQueue(run, runs.append)
    job = Bench(function()).job("orders", 7)
    queue.put(QueuedEvent(job=job, config=EventInvokeConfig(), number=0, accepted=0))
    await asyncio.sleep(HOUR)
    assert len(runs) == 1


# --- functions as destinations ----------------------------------------------------------------------------------------


async def test_a_destination_gets_an_event_of_its_own():
    bench = Bench(function(on_success="sink:live"))
    bench.put(7)
    await bench.idle()
    (run,) = bench.runs_of("sink")
    assert (run.payload["requestPayload"], len(run.request_id)) == (7, 36)
    ((name, qualifier, payload),) = bench.decided
    assert (name, qualifier, json.loads(payload)) == ("sink", "live", run.payload)


async def test_a_destination_that_does_not_exist_is_reported(caplog):
    bench = Bench(function(on_success="gone"))
    bench.put(7)
    await bench.idle()
    text = "the record of event id of 7 of function 'orders' was not delivered to function 'gone': there is no such function"
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [(logging.ERROR, text)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"tenant_isolation": True}, "Add a valid tenant ID"), ({"durable": True}, "durable function using an unqualified ARN")],
    ids=["tenants", "durable"],
)
async def test_a_destination_that_cannot_be_invoked_is_reported(settings, said, caplog):
    bench = Bench(function(on_success="orders-sink"), attrs.evolve(function("orders-sink"), **settings))
    bench.put(7)
    await bench.idle()
    assert bench.runs_of("orders-sink") == []
    assert said in caplog.text


async def test_an_endless_loop_of_destinations_ends(caplog):
    bench = Bench(function(on_success="prices"), function("prices", on_success="orders"))
    bench.put(7)
    await bench.idle()
    assert (len(bench.runs_of("orders")), len(bench.runs_of("prices"))) == (16, 16)
    assert "it ran 16 times in this chain of invocations" in caplog.text


async def test_a_function_may_allow_an_endless_loop():
    bench = Bench(function(on_success="orders", recursive_loop="Allow"))
    bench.takes = lambda _: 1
    bench.put(7)
    await asyncio.sleep(99.5)
    assert len(bench.runs) == 100
    await bench.queues.cancel()
