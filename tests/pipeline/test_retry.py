"""Retries: what is sent again, when, and how often. Whatever waits, waits in virtual time."""

import asyncio
import contextlib
import datetime as dt
import email.utils
import gc
import logging
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import attrs
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
    Failure,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    Metadata,
    NoRetry,
    QueueTimeoutError,
    RetryAction,
    RetryStrategy,
    StandardRetry,
    ThrottleReason,
    Timeouts,
    TooManyRequestsException,
    TransportError,
)
from aiolambda.policy.classification import remedy_of
from aiolambda.policy.retry import announced_maximum
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request, Response

from ..support import suites, virtual

Outcome = Response | BaseException
KEYS = Credentials("AKIDEXAMPLE", "secret")


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """The test, run in virtual time."""

    def run() -> None:
        virtual.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def answer(status: int = 200, code: str | None = None, body: bytes = b"{}", **headers: str) -> Response:
    fields = {"x-amzn-requestid": "an-id"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if code is not None:
        fields["x-amzn-errortype"] = code
    return Response(status, Headers(fields), body)


def throttle(**headers: str) -> Response:
    return answer(429, "TooManyRequestsException", b'{"Reason":"CallerRateLimitExceeded"}', **headers)


class Scripted(FakeTransport):
    """Gives the outcomes one after another, the last one for ever, and notes when each request came, and what it was."""

    def __init__(self, *outcomes: Outcome | Callable[[Request], Outcome]) -> None:
        super().__init__({})
        self.outcomes = list(outcomes)
        self.times: list[float] = []
        self.requests: list[Request] = []

    async def send(self, request: Request, /) -> Response:
        self.times.append(asyncio.get_running_loop().time())
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if not isinstance(outcome, Response | BaseException):
            outcome = outcome(request)
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome  # or the frame would keep the error, and the error the frame
        return outcome


def client_of(transport: Scripted, **settings: Any) -> LambdaClient:
    """A client whose pauses are the longest that they could be."""
    client = LambdaClient(transport=transport, region="us-east-1", credentials=settings.pop("credentials", KEYS), **settings)
    client._wiring.jitter = lambda: 1.0
    return client


def now() -> float:
    return asyncio.get_running_loop().time()


# --- what is sent again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [ConnectError("refused"), answer(502, "ResourceNotReadyException")], ids=["connect", "passes"]
)
def test_what_has_not_run_is_tried_three_times_with_growing_pauses(fault: Outcome) -> None:
    async def run() -> None:
        transport = Scripted(fault)
        async with client_of(transport) as client:
            with pytest.raises(AiolambdaError) as raised:
                await client.invoke("orders")
            assert client.stats.retried == 2
        assert transport.times == pytest.approx([0, 0.05, 0.15])
        assert raised.value.may_have_run is False

    virtual.run(run())


UNKNOWN = [
    ConnectionLostError("lost"),
    InvocationTimeoutError("silence", exceeded="read", stage="wait"),
    answer(500),
    answer(503),
]


@pytest.mark.parametrize("fault", UNKNOWN, ids=["lost", "silent", "500", "503"])
@pytest.mark.parametrize(
    ("client_says", "command_says", "call_says", "attempts"),
    [
        (None, None, None, 1),
        (True, None, None, 3),
        (None, True, None, 3),
        (None, None, True, 3),
        (True, False, None, 1),
        (True, None, False, 1),
        (False, True, None, 3),
        (False, False, True, 3),
        (True, True, False, 1),
    ],
)
def test_what_may_have_run_is_tried_again_only_if_that_does_no_harm(
    fault: Outcome, client_says: bool | None, command_says: bool | None, call_says: bool | None, attempts: int
) -> None:
    async def run() -> None:
        transport = Scripted(fault)
        async with client_of(transport, idempotent=client_says) as client:
            with pytest.raises(AiolambdaError) as raised:
                await client.send(InvokeCommand(function_name="orders", idempotent=command_says), idempotent=call_says)
            assert client.stats.unknown == attempts
        assert len(transport.times) == attempts
        assert raised.value.delivery is Delivery.UNKNOWN

    virtual.run(run())


@virtually
async def test_a_dry_run_is_tried_again_unless_the_client_the_command_or_the_call_says_otherwise() -> None:
    attempts: list[int] = []
    for client_says, command_says, call_says in [
        (None, None, None),
        (False, None, None),
        (None, False, None),
        (None, None, False),
    ]:
        transport = Scripted(answer(500))
        async with client_of(transport, idempotent=client_says) as client:
            command = InvokeCommand(function_name="orders", invocation_type="DryRun", idempotent=command_says)
            with pytest.raises(LambdaServiceException):
                await client.send(command, idempotent=call_says)
        attempts.append(len(transport.times))
    assert attempts == [3, 1, 1, 1]


@virtually
async def test_a_dry_run_that_a_middleware_makes_a_real_one_is_no_longer_idempotent() -> None:
    async def for_real(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.input = attrs.evolve(call.input, invocation_type="RequestResponse")
        return await call_next(call)

    transport = Scripted(answer(500))
    async with client_of(transport) as client:
        client.middleware_stack.add(for_real)
        with pytest.raises(LambdaServiceException):
            await client.dry_run("orders")
    assert len(transport.times) == 1


@virtually
async def test_a_durable_name_is_idempotent_once_the_function_has_shown_itself_durable() -> None:
    transport = Scripted(answer(500), answer(x_amz_durable_execution_arn="arn:aws:lambda:durable"), answer(500), answer())
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders", {"id": 7}, durable_execution_name="order-7")
        await client.invoke("orders", {"id": 7}, durable_execution_name="order-7")
        await client.invoke("orders", {"id": 7}, durable_execution_name="order-8")
        assert [request.headers["x-amz-durable-execution-name"] for request in transport.requests] == [
            "order-7",
            "order-7",
            "order-8",
            "order-8",
        ]
        assert {request.body for request in transport.requests} == {b'{"id":7}'}
        transport.outcomes = [answer(500), answer()]
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders", {"id": 7})  # without a name it runs anew each time
        with pytest.raises(LambdaServiceException):
            transport.outcomes = [answer(500), answer()]
            await client.invoke("stock", {"id": 7}, durable_execution_name="order-9")


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "KMSDisabledException",
        "RuntimeAliasDeletedException",
        "RuntimeVersionDeletedException",
        "SomethingNew",
    ],
)
@pytest.mark.parametrize("idempotent", [None, True])
def test_what_no_repeat_would_change_is_raised_at_once(code: str, idempotent: bool | None) -> None:
    async def run() -> None:
        transport = Scripted(answer(502 if code.startswith("KMS") else 403, code))
        async with client_of(transport) as client:
            with pytest.raises(LambdaServiceException):
                await client.invoke("orders", idempotent=idempotent)
        assert transport.times == [0]

    virtual.run(run())


@virtually
async def test_an_answer_of_the_function_is_never_followed_by_another_request() -> None:
    transport = Scripted(answer(x_amz_function_error="Unhandled", body=b'{"errorMessage":"no"}'))
    async with client_of(transport, idempotent=True) as client:
        output = await client.send(InvokeCommand(function_name="orders"))
        assert output.function_error == "Unhandled"
    assert len(transport.times) == 1


@pytest.mark.parametrize(
    "fault", [ConnectError("certificate", transient=False), QueueTimeoutError("full")], ids=["not transient", "queue"]
)
def test_a_failure_that_lasts_is_raised_at_once(fault: Outcome) -> None:
    async def run() -> None:
        transport = Scripted(fault)
        async with client_of(transport, idempotent=True) as client:
            with pytest.raises(TransportError):
                await client.invoke("orders")
        assert transport.times == [0]

    virtual.run(run())


@virtually
async def test_an_error_that_a_middleware_raised_or_made_of_another_is_not_tried_again() -> None:
    async def audit(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "audited":
            await client.invoke("auditor")
        return await call_next(call)

    async def translate(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except ConnectError as error:
            raise TransportError("translated", delivery=Delivery.NOT_DELIVERED) from error

    transport = Scripted(ConnectError("refused"))
    async with client_of(transport) as client:
        client.middleware_stack.add(audit, step="finalize", name="audit")
        with pytest.raises(ConnectError):
            await client.invoke("audited")
        assert len(transport.times) == 3  # those of the auditor: the audited call was never sent
        client.middleware_stack.remove("audit")
        client.middleware_stack.add(translate, step="finalize")
        with pytest.raises(TransportError, match="translated"):
            await client.invoke("orders")
        assert len(transport.times) == 4


@virtually
async def test_a_request_that_a_middleware_sent_twice_is_judged_by_both() -> None:
    async def once_more(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except ConnectionLostError:
            return await call_next(call)

    transport = Scripted(ConnectionLostError("lost"), throttle(), answer())
    async with client_of(transport) as client:
        client.middleware_stack.add(once_more, step="finalize")
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders")
    assert (len(transport.times), raised.value.delivery) == (2, Delivery.UNKNOWN)


@virtually
async def test_two_sends_of_one_request_at_a_time_are_told_apart() -> None:
    """The second is still connecting when the first one, which was read, is lost."""

    class Hedged(Scripted):
        async def send(self, request: Request, /) -> Response:
            self.requests.append(request)
            if len(self.requests) > 1:
                request.stage = "connect"
                await asyncio.sleep(100)
            request.stage = "wait"
            await asyncio.sleep(2)
            return answer()

    async def hedge(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        first = asyncio.ensure_future(call_next(call))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(call_next(call))
        await asyncio.sleep(0.5)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        raise ConnectError("both were given up")

    async with client_of(Hedged(answer())) as client:
        client.middleware_stack.add(hedge, step="finalize")
        with pytest.raises(ConnectError) as raised:
            await client.invoke("orders")
    assert sorted(attempt.delivery for attempt in raised.value.history) == [Delivery.NOT_DELIVERED, Delivery.UNKNOWN]
    assert raised.value.may_have_run


@virtually
async def test_an_error_out_of_a_nested_call_of_the_same_function_keeps_its_own_attempts() -> None:
    async def check_first(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if "nested" not in client.middleware_stack.identify():
            return await call_next(call)
        client.middleware_stack.remove("nested")
        return await client.invoke(call.function_name)

    async with client_of(Scripted(lambda _: ConnectError("refused"))) as client:
        client.middleware_stack.add(check_first)
        client.middleware_stack.add(check_first, name="nested", step="build")
        with pytest.raises(ConnectError) as raised:
            await client.invoke("orders")
    assert raised.value.attempts == 3


# --- a pooled connection that had ended ------------------------------------------------------------------------------


@virtually
async def test_a_request_that_a_lost_idle_connection_never_delivered_goes_at_once_on_another() -> None:
    lost = ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    transport = Scripted(*[lost] * 9, ConnectError("refused"), ConnectError("refused"), answer())
    strategy = StandardRetry()
    async with client_of(transport, retry=strategy) as client:
        output = await client.invoke("orders")
        assert strategy.tokens == 500 - 14
    assert transport.times == pytest.approx([0] * 10 + [0.05, 0.15])
    assert output.metadata.attempts == 12
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == [f"attempt={n}" for n in range(1, 13)]


@virtually
async def test_ten_idle_connections_that_are_lost_in_a_row_end_the_call() -> None:
    transport = Scripted(ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True))
    async with client_of(transport) as client:
        with pytest.raises(ConnectionLostError) as raised:
            await client.invoke("orders")
    assert (raised.value.attempts, raised.value.delivery, now()) == (11, Delivery.NOT_DELIVERED, 0)


# --- throttles -------------------------------------------------------------------------------------------------------


@virtually
async def test_a_throttled_call_is_not_sent_again_before_lambda_asked_for_it() -> None:
    transport = Scripted(throttle(retry_after="7"), throttle(retry_after="7"), answer())
    client = client_of(transport)
    client._wiring.jitter = lambda: 0.0
    async with client:
        output = await client.invoke("orders")
        assert client.stats.throttled == {ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: 2}
    assert transport.times == [0, 7, 14]
    assert output.metadata.total_retry_delay == 14


@virtually
async def test_a_date_in_retry_after_is_compared_with_the_date_of_the_answer() -> None:
    served = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    date, until = (email.utils.format_datetime(when, usegmt=True) for when in (served, served + dt.timedelta(seconds=9)))
    transport = Scripted(throttle(date=date, retry_after=until), answer())
    client = client_of(transport)
    client._wiring.jitter = lambda: 0.0
    async with client:
        await client.invoke("orders")
    assert transport.times == [0, 9]


@virtually
async def test_a_wait_for_which_the_call_has_no_time_fails_at_once_and_says_how_long_it_was_to_be() -> None:
    transport = Scripted(throttle(retry_after="30"))
    async with client_of(transport) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders", timeout=20)
        assert (now(), raised.value.retry_after, raised.value.reason) == (0, 30, "CallerRateLimitExceeded")
        assert (raised.value.delivery, raised.value.metadata.attempts) == (Delivery.REFUSED, 1)
        transport.outcomes = [throttle(retry_after="61")]
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders")
        assert now() == 0


@virtually
async def test_a_server_that_throttles_for_fifty_seconds_loses_no_call() -> None:
    begun = now()
    transport = Scripted(lambda _: throttle() if now() - begun < 50 else answer())
    strategy = StandardRetry()
    client = LambdaClient(transport=transport, retry=strategy, max_concurrency=500)
    async with client:
        outputs = await asyncio.gather(*(client.invoke("orders") for _ in range(500)))
    assert min(output.metadata.attempts for output in outputs) > 3
    assert strategy.tokens == 500
    assert now() < 60


@virtually
async def test_a_throttled_call_ends_with_its_deadline_or_after_a_minute_where_it_has_none() -> None:
    async with LambdaClient(transport=Scripted(throttle())) as client:
        for timeout, longest in [(None, 60), (25, 25), (300, 300)]:
            begun = now()
            with pytest.raises(TooManyRequestsException):
                await client.invoke("orders", timeout=timeout)
            assert longest - 1 <= now() - begun < longest


@virtually
async def test_throttles_that_count_as_attempts_end_a_call_after_three() -> None:
    transport = Scripted(throttle())
    strategy = StandardRetry(throttling="attempts")
    async with client_of(transport, retry=strategy) as client:
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders")
    assert transport.times == [0, 1, 3]
    assert strategy.tokens == 490
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == [f"attempt={n}; max=3" for n in (1, 2, 3)]


@virtually
async def test_a_throttled_call_does_not_slow_a_healthy_one_beside_it() -> None:
    transport = Scripted(lambda request: throttle(retry_after="5") if "/slow/" in request.url and now() < 20 else answer())
    async with client_of(transport, max_concurrency=1) as client:
        throttled = asyncio.create_task(client.invoke("slow"))
        await asyncio.sleep(1)
        await client.invoke("healthy")
        assert (now(), client.stats.in_flight) == (1, 0)
        await throttled
        assert now() >= 20


@virtually
async def test_a_retry_that_is_due_goes_before_those_that_have_not_begun() -> None:
    order: list[str] = []

    class Slow(Scripted):
        async def send(self, request: Request, /) -> Response:
            name = request.url.split("/")[-2]
            order.append(name)
            await asyncio.sleep(1)
            return answer(502, "ENINotReadyException") if name == "first" and order.count("first") == 1 else answer()

    async with client_of(Slow(answer()), max_concurrency=1) as client:
        names = ["first", "a", "b", "c"]
        await asyncio.gather(*(client.invoke(name) for name in names))
    assert order == ["first", "a", "first", "b", "c"]


# --- time ------------------------------------------------------------------------------------------------------------


class Patient(RetryStrategy):
    """Waits for a hundred seconds, whatever happens."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def pause(self, failure: Failure, /) -> float | None:
        self.failures.append(failure)
        return 100.0

    def succeeded(self, failures: Sequence[Failure], /) -> None:
        """Nothing is kept."""


@virtually
async def test_the_total_limit_ends_a_pause_and_says_what_came_before_it() -> None:
    transport = Scripted(ConnectError("refused"))
    async with client_of(transport, retry=Patient()) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("orders", timeout=30)
    error = raised.value
    assert (error.exceeded, error.stage, error.elapsed, error.attempts) == ("total", "backoff", 30, 1)
    assert (error.delivery, now()) == (Delivery.NOT_DELIVERED, 30)
    assert isinstance(error.last_error, ConnectError)


@virtually
async def test_the_total_limit_in_a_pause_does_not_hide_that_an_attempt_may_have_run() -> None:
    async with client_of(Scripted(ConnectionLostError("lost")), retry=Patient(), idempotent=True) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("orders", timeout=30)
    assert raised.value.may_have_run
    assert [attempt.delivery for attempt in raised.value.history] == [Delivery.UNKNOWN]


@virtually
async def test_a_back_off_that_the_deadline_cuts_short_is_drawn_from_what_is_left() -> None:
    transport = Scripted(throttle())
    client = client_of(transport)
    client._wiring.jitter = lambda: 0.5
    async with client:
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders", timeout=8)
    assert transport.times == pytest.approx(
        [0, 0.5, 1.5, 3.5, 5.725, 6.8375, 7.39375, 7.671875, 7.8109375, 7.88046875, 7.915234375], abs=1e-9
    )


@pytest.mark.parametrize(("left", "sent"), [(3.04, 1), (3.06, 2), (3.2, 2), (60.0, 2)])
def test_an_attempt_after_a_pause_that_was_asked_for_has_time_to_be_answered(left: float, sent: int) -> None:
    """Jitter takes at most half of what the service and the answer leave of the call's time."""

    class Slow(Scripted):
        async def send(self, request: Request, /) -> Response:
            response = await super().send(request)
            await asyncio.sleep(0.02 if response.status == 200 else 0)
            return response

    async def run() -> None:
        transport = Slow(throttle(retry_after="3"), answer())
        async with client_of(transport) as client:
            if sent == 2:
                await client.invoke("orders", timeout=left)
                assert transport.times[1] >= 3
            else:
                with pytest.raises(TooManyRequestsException) as raised:
                    await client.invoke("orders", timeout=left)
                assert (raised.value.retry_after, raised.value.may_have_run) == (3, False)
        assert len(transport.times) == sent

    virtual.run(run())


@virtually
async def test_a_pause_without_end_that_the_service_asks_for_fails_the_call_and_says_what_was_asked() -> None:
    transport = Scripted(throttle(retry_after="99999999999"))
    async with client_of(transport, retry=StandardRetry(max_throttle_wait=None)) as client:
        with pytest.raises(TooManyRequestsException) as raised:
            await client.invoke("orders")
    assert raised.value.retry_after == 99999999999


@pytest.mark.parametrize("limit", ["queue", "read"])
def test_a_limit_that_passes_after_a_throttle_says_what_the_call_was_waiting_out(limit: str) -> None:
    class Held(Scripted):
        async def send(self, request: Request, /) -> Response:
            await asyncio.sleep(50 if "/hold/" in request.url else 0)
            return await super().send(request)

    async def run() -> None:
        silence = InvocationTimeoutError("silence", exceeded="read", stage="wait")
        transport = Held(throttle(), silence if limit == "read" else answer())
        async with client_of(transport, max_concurrency=1) as client:
            call = asyncio.create_task(client.invoke("orders", timeout=Timeouts(queue=2)))
            await asyncio.sleep(0.5)
            holding = asyncio.create_task(client.invoke("hold")) if limit == "queue" else None
            with pytest.raises(InvocationTimeoutError) as raised:
                await call
            if holding is not None:
                await holding
        assert raised.value.exceeded == limit
        assert isinstance(raised.value.last_error, TooManyRequestsException)
        assert raised.value.total_retry_delay == 1

    virtual.run(run())


@virtually
async def test_a_call_that_is_cancelled_in_its_pause_sends_nothing_more() -> None:
    transport = Scripted(throttle(retry_after="10"))
    async with client_of(transport) as client:
        task = asyncio.create_task(client.invoke("orders"))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(100)
        assert (len(transport.times), client.stats.in_flight, client.stats.waiting) == (1, 0, 0)


@virtually
async def test_asyncio_timeout_wait_for_and_a_task_group_end_a_retrying_call_as_they_end_anything() -> None:
    transport = Scripted(throttle(retry_after="10"))
    async with client_of(transport) as client:
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(5):
                await client.invoke("orders")
        assert not isinstance(raised.value, AiolambdaError)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.invoke("orders"), 5)
        with pytest.raises(ExceptionGroup) as group:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.invoke("orders"))
                tasks.create_task(client.invoke("denied", timeout=1))
        assert group.group_contains(TooManyRequestsException)
    assert len(transport.times) == 4


@virtually
async def test_a_client_that_closes_cuts_a_pause() -> None:
    transport = Scripted(throttle(retry_after="50"))
    client = client_of(transport)
    task = asyncio.create_task(client.invoke("orders"))
    await asyncio.sleep(5)
    await client.close(grace=3)
    with pytest.raises(ClientClosedError) as raised:
        await task
    assert (now(), raised.value.delivery, len(transport.times)) == (8, Delivery.REFUSED, 1)


@pytest.mark.parametrize("timeout", [0.3, 1, 5])
def test_a_throttled_call_with_little_time_is_tried_again_within_it(timeout: float) -> None:
    async def run() -> None:
        begun = now()
        transport = Scripted(lambda _: throttle() if now() - begun < timeout / 2 else answer())
        async with LambdaClient(transport=transport) as client:
            await asyncio.gather(*(client.invoke("orders", timeout=timeout) for _ in range(100)))
        assert len(transport.times) >= 200

    virtual.run(run())


@virtually
async def test_nothing_is_sent_earlier_than_the_service_asked_not_even_to_correct_something() -> None:
    provider = Rotating()
    transport = Scripted(answer(403, "ExpiredTokenException", retry_after="7"), answer())
    async with client_of(transport, credentials=provider) as client:
        await client.invoke("orders")
    assert transport.times == [0, 1 + 7]


@pytest.mark.parametrize("pause", [-1, float("nan"), float("inf"), "1", 10**400])
def test_a_strategy_that_gives_no_pause_is_an_error_that_names_it(pause: Any) -> None:
    class Wrong(Patient):
        def pause(self, failure: Failure, /) -> float | None:
            return pause

    async def run() -> None:
        transport = Scripted(ConnectError("refused"))
        async with client_of(transport, retry=Wrong()) as client:
            with pytest.raises(ConfigurationError, match="Wrong object .* gave a pause of"):
                await client.invoke("orders")
        assert len(transport.times) == 1

    virtual.run(run())


async def test_a_strategy_that_never_pauses_does_not_stop_the_loop() -> None:
    class Eager(Patient):
        def pause(self, failure: Failure, /) -> float | None:
            return 0.0

    async with LambdaClient(transport=Scripted(ConnectError("refused")), retry=Eager()) as client:
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("orders", timeout=0.05)


# --- clocks and credentials ------------------------------------------------------------------------------------------


def clocked(offset: dt.timedelta, code: str = "InvalidSignatureException") -> Callable[[Request], Outcome]:
    """A server whose clock is ahead by so much, and that takes signatures of five minutes around it."""

    def serve(request: Request) -> Outcome:
        served = dt.datetime.now(dt.UTC) + offset
        signed = dt.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        date = email.utils.format_datetime(served, usegmt=True)
        return answer(date=date) if abs(served - signed) < dt.timedelta(minutes=5) else answer(403, code, date=date)

    return serve


@pytest.mark.parametrize("minutes", [-600, -6, 6, 600])
@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"])
def test_a_wrong_clock_is_corrected_once_and_for_the_calls_that_follow(minutes: int, code: str) -> None:
    async def run() -> None:
        transport = Scripted(clocked(dt.timedelta(minutes=minutes), code))
        async with client_of(transport) as client:
            await client.invoke("orders")
            assert (len(transport.times), now()) == (2, 0)
            await client.invoke("orders")
            assert len(transport.times) == 3

    virtual.run(run())


@virtually
async def test_a_date_of_somebody_with_a_wrong_clock_is_forgotten() -> None:
    """A gateway whose clock is ten minutes fast stands before a service that is on time, and refuses for another reason."""
    fast = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10), usegmt=True)
    serve = clocked(dt.timedelta(0))
    transport = Scripted(answer(403, "InvalidSignatureException", date=fast), serve, serve)
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("denied")
        assert client._wiring.clock_offset == dt.timedelta(0)
        await client.invoke("orders")
    assert len(transport.times) == 3


@virtually
async def test_a_corrected_clock_is_kept_when_the_corrected_call_fails_for_another_reason() -> None:
    serve = clocked(dt.timedelta(hours=1))

    def without_the_function(request: Request) -> Outcome:
        outcome = serve(request)
        assert isinstance(outcome, Response)
        return outcome if outcome.status != 200 else answer(404, "ResourceNotFoundException")

    transport = Scripted(without_the_function)
    async with client_of(transport) as client:
        for _ in range(3):
            with pytest.raises(LambdaServiceException):
                await client.invoke("orders")
    assert len(transport.times) == 4


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 01 Jan 1700 00:00:00 GMT"])
def test_an_impossible_date_corrects_nothing(date: str) -> None:
    async def run() -> None:
        transport = Scripted(answer(403, "RequestExpired", date=date), answer())
        async with client_of(transport) as client:
            with pytest.raises(LambdaServiceException):
                await client.invoke("orders")
            await client.invoke("orders")

    virtual.run(run())


@virtually
async def test_calls_that_are_refused_together_for_the_clock_all_recover() -> None:
    transport = Scripted(clocked(dt.timedelta(hours=1)))
    async with client_of(transport) as client:
        await asyncio.gather(*(client.invoke("orders") for _ in range(20)))
    assert len(transport.times) <= 40


@pytest.mark.parametrize("code", ["InvalidSignatureException", "AccessDeniedException", "SignatureDoesNotMatch"])
def test_a_signature_that_is_refused_for_another_reason_is_raised_at_once(code: str) -> None:
    async def run() -> None:
        for headers in ({"date": email.utils.format_datetime(dt.datetime.now(dt.UTC), usegmt=True)}, {}, {"date": "soon"}):
            transport = Scripted(answer(403, code, **headers))
            async with client_of(transport) as client:
                with pytest.raises(LambdaServiceException):
                    await client.invoke("orders")
            assert len(transport.times) == 1

    virtual.run(run())


@virtually
async def test_a_clock_that_stays_refused_is_corrected_only_once() -> None:
    hours = iter(range(1, 10))

    def wandering(request: Request) -> Outcome:
        served = dt.datetime.now(dt.UTC) + dt.timedelta(hours=next(hours))
        return answer(403, "RequestTimeTooSkewed", date=email.utils.format_datetime(served, usegmt=True))

    transport = Scripted(wandering)
    async with client_of(transport) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert len(transport.times) == 2


class Rotating:
    """Credentials that are renewed when they are refused."""

    def __init__(self, *, renews: bool = True) -> None:
        self.number = 1
        self.refused: list[Credentials] = []
        self.renews = renews

    async def get_credentials(self) -> Credentials:
        return Credentials(f"AKIDEXAMPLE{self.number}", "secret")

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        self.refused.append(rejected)
        await asyncio.sleep(1)
        self.number += self.renews
        return await self.get_credentials()


@virtually
async def test_expired_credentials_are_renewed_once_without_holding_a_slot() -> None:
    def serve(request: Request) -> Outcome:
        if "AKIDEXAMPLE2/" in request.headers["authorization"]:
            return answer()
        return answer(403, "ExpiredTokenException", b'{"message":"The security token included in the request is expired"}')

    transport, provider = Scripted(serve), Rotating()
    async with client_of(transport, credentials=provider, max_concurrency=1) as client:
        call = asyncio.create_task(client.invoke("orders"))
        await asyncio.sleep(0.5)
        assert client.stats.in_flight == 0
        await call
    assert (len(transport.times), provider.refused, now()) == (2, [Credentials("AKIDEXAMPLE1", "secret")], 1)


@virtually
async def test_keys_that_expire_while_a_call_waits_for_its_slot_are_fetched_without_holding_one() -> None:
    """Here they come from a function, which the provider invokes with the same client and its only slot."""
    began = dt.datetime.now(dt.UTC)

    class Brokered:
        fetches = 0
        fetching = False

        async def get_credentials(self) -> Credentials:
            self.fetches += 1
            if self.fetches > 2 and not self.fetching:
                self.fetching = True
                await client.invoke("broker")
                self.fetching = False
            return Credentials(
                "AKIDEXAMPLE", "secret", expires_at=began + dt.timedelta(seconds=1 if self.fetches <= 2 else 1e6)
            )

    class Held(Scripted):
        async def send(self, request: Request, /) -> Response:
            await asyncio.sleep(3 if "/hold/" in request.url else 0)
            return await super().send(request)

    transport = Held(answer())
    client = client_of(transport, credentials=Brokered(), max_concurrency=1)
    client._wiring.now = lambda: began + dt.timedelta(seconds=now())
    async with client:
        holding = asyncio.create_task(client.invoke("hold"))
        await asyncio.sleep(0.1)
        await client.invoke("orders", timeout=60)
        await holding
    assert ([request.url.split("/")[-2] for request in transport.requests], now()) == (["hold", "broker", "orders"], 3)


@pytest.mark.parametrize("provider", [KEYS, Rotating(renews=False)], ids=["static", "not renewed"])
def test_expired_credentials_that_cannot_be_renewed_are_raised_at_once(provider: Any) -> None:
    async def run() -> None:
        transport = Scripted(answer(403, "ExpiredTokenException"))
        async with client_of(transport, credentials=provider) as client:
            with pytest.raises(LambdaServiceException):
                await client.invoke("orders")
        assert len(transport.times) == 1

    virtual.run(run())


@virtually
async def test_fresh_credentials_that_are_refused_too_are_raised() -> None:
    transport = Scripted(answer(403, "ExpiredTokenException"))
    async with client_of(transport, credentials=Rotating()) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert len(transport.times) == 2


@virtually
async def test_credentials_that_fail_to_be_renewed_say_why_and_that_nothing_ran() -> None:
    class Broken(Rotating):
        async def refresh(self, rejected: Credentials, /) -> Credentials:
            raise ConfigurationError("the session of profile 'dev' has ended")

    async with client_of(Scripted(answer(403, "ExpiredTokenException")), credentials=Broken()) as client:
        with pytest.raises(ConfigurationError, match="has ended") as raised:
            await client.invoke("orders")
    assert (raised.value.delivery, type(raised.value.__context__).__name__) == (Delivery.REFUSED, "ExpiredTokenException")


# --- every attempt afresh --------------------------------------------------------------------------------------------


@virtually
async def test_every_attempt_is_signed_anew_and_has_the_same_bytes_and_invocation_id() -> None:
    transport = Scripted(ConnectError("refused"), ConnectError("refused"), answer())
    times = iter(dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n) for n in range(100))
    client = client_of(transport)
    client._wiring.now = lambda: next(times)
    async with client:
        output = await client.invoke("orders", {"id": 7})
    dates = [request.headers["x-amz-date"] for request in transport.requests]
    assert sorted(set(dates)) == dates
    assert len({request.headers["authorization"] for request in transport.requests}) == 3
    assert {request.headers["amz-sdk-invocation-id"] for request in transport.requests}.__len__() == 1
    assert {request.body for request in transport.requests} == {b'{"id":7}'}
    metadata = output.metadata
    assert [attempt.delivery for attempt in metadata.history] == ["not_delivered", "not_delivered", "executed"]
    assert [attempt.status_code for attempt in metadata.history] == [None, None, 200]
    assert (metadata.attempts, metadata.total_retry_delay) == (3, pytest.approx(0.15))


@virtually
async def test_the_verdict_of_a_call_is_the_worst_of_its_attempts_and_its_error_has_them_all() -> None:
    transport = Scripted(ConnectionLostError("lost"), answer(403, "AccessDeniedException"))
    async with client_of(transport, idempotent=True) as client:
        with pytest.raises(AccessDeniedException) as raised:
            await client.invoke("orders")
    assert (raised.value.delivery, raised.value.metadata.attempts) == (Delivery.UNKNOWN, 2)
    assert [attempt.delivery for attempt in raised.value.metadata.history] == ["unknown", "refused"]


@virtually
async def test_a_call_that_needed_retries_leaves_nothing_that_only_the_collector_frees() -> None:
    async def note(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        noted.append(weakref.ref(call))
        return await call_next(call)

    def refused(request: Request) -> Outcome:
        return ConnectError("refused")  # one of its own each time: an error keeps its traceback, and that keeps the call

    noted: list[weakref.ref[Call[Any, Any]]] = []
    gc.disable()
    try:
        async with client_of(Scripted(refused, lambda _: answer(), refused)) as client:
            client.middleware_stack.add(note)
            await client.invoke("orders")
            with contextlib.suppress(ConnectError):
                await client.invoke("orders")
            assert [kept() for kept in noted] == [None, None]
    finally:
        gc.enable()


@virtually
async def test_tokens_that_a_retry_took_come_back_whatever_followed_it() -> None:
    strategy = StandardRetry()
    async with client_of(Scripted(), retry=strategy) as client:
        for _ in range(50):
            transport = client.config.transport
            assert isinstance(transport, Scripted)
            transport.outcomes = [ConnectError("refused"), throttle(), answer()]
            await client.invoke("orders")
    assert strategy.tokens == 500


@virtually
async def test_a_limit_that_ends_the_last_wait_as_the_warning_is_due_disturbs_nobody() -> None:
    async def sleep(event: Any) -> None:
        await asyncio.sleep(event)

    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    async with LambdaClient(transport=FakeTransport({"sleep": sleep}), max_concurrency=1) as client:
        holder = asyncio.create_task(client.invoke("sleep", 100))
        await asyncio.sleep(1)
        with pytest.raises(InvocationTimeoutError):
            await client.invoke("sleep", 1, timeout=60)
        await holder
    assert raised == []


# --- strategies ------------------------------------------------------------------------------------------------------


@virtually
async def test_a_strategy_is_never_asked_about_what_must_not_be_repeated() -> None:
    strategy = Patient()
    async with client_of(Scripted(answer(500)), retry=strategy) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert strategy.failures == []


@virtually
async def test_a_strategy_is_told_what_it_needs_to_decide() -> None:
    strategy = Patient()
    transport = Scripted(ConnectError("refused"), throttle(retry_after="3"), throttle(x_amz_retry_after="1500"), answer())
    async with client_of(transport, retry=strategy) as client:
        await client.invoke("orders", timeout=1000)
    told = [(f.remedy, f.attempt, f.retries, f.throttles, f.throttled_for, f.time_left) for f in strategy.failures]
    assert told == [
        (RetryAction.RETRY, 1, 0, 0, 0, 1000),
        (RetryAction.WAIT, 2, 1, 0, 0, 900),
        (RetryAction.WAIT, 3, 1, 1, 100, 800),
    ]
    assert [(f.retry_after, f.retry_hint) for f in strategy.failures] == [(None, None), (3, None), (None, 1.5)]


@virtually
async def test_without_retries_one_request_is_sent_whatever_happens() -> None:
    lost = ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    for outcome in (ConnectError("refused"), throttle(), lost, clocked(dt.timedelta(hours=1))):
        transport = Scripted(outcome)
        async with client_of(transport, retry=NoRetry(), idempotent=True) as client:
            with pytest.raises(AiolambdaError):
                await client.invoke("orders")
        assert [request.headers["amz-sdk-request"] for request in transport.requests] == ["attempt=1; max=1"]


def test_two_clients_of_one_config_have_a_quota_each() -> None:
    assert LambdaClient()._wiring.retry is not LambdaClient()._wiring.retry
    assert announced_maximum(Patient()) is None


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("TooManyRequests", RetryAction.WAIT),
        ("ProvisionedThroughputExceeded", RetryAction.WAIT),
        ("InvalidSignature", RetryAction.SET_CLOCK),
        ("ExpiredToken", RetryAction.RENEW_CREDENTIALS),
        ("ENINotReady", RetryAction.RETRY),
        ("KMSDisabled", RetryAction.NONE),
    ],
)
def test_a_code_without_its_suffix_has_the_remedy_of_the_code(code: str, remedy: RetryAction) -> None:
    for spelled in (code, f"{code}Exception"):
        error = LambdaServiceException("no", code=spelled, metadata=Metadata(http_status_code=502))
        assert remedy_of(error) is remedy


@pytest.mark.parametrize(
    "settings",
    [
        {"max_attempts": 0},
        {"max_attempts": True},
        {"throttling": "never"},
        {"max_throttle_wait": -1},
        {"max_backoff": -1},
        {"max_backoff": 0},
    ],
)
def test_a_strategy_of_impossible_numbers_is_refused(settings: Any) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        StandardRetry(**settings)


@virtually
async def test_a_long_wait_for_a_slot_is_warned_of_once() -> None:
    records: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    logger = logging.getLogger("aiolambda.tests.kept")
    logger.setLevel(logging.WARNING)
    logger.handlers, logger.propagate = [Kept()], False

    async def sleep(event: Any) -> None:
        await asyncio.sleep(event)

    async with LambdaClient(transport=FakeTransport({"sleep": sleep}), max_concurrency=1, logger=logger) as client:
        for _ in range(3):  # short waits, though the queue is never empty
            await asyncio.gather(*(client.invoke("sleep", 10) for _ in range(5)))
        assert records == []
        await asyncio.gather(*(client.invoke("sleep", 30) for _ in range(6)))
    assert records == ["calls have waited 60 s for a slot: 1 are in flight, all that max_concurrency allows, and 4 wait"]


# --- the suites ------------------------------------------------------------------------------------------------------

STANDARD = "retry-sep/standard-2.1.json"


def strategy_of(given: dict[str, Any]) -> StandardRetry:
    names = {"max_attempts": "max_attempts", "max_backoff_time": "max_backoff"}
    strategy = StandardRetry(throttling="attempts", **{names[key]: value for key, value in given.items() if key in names})
    strategy.tokens = given.get("initial_retry_tokens", 500)
    return strategy


def answer_of(case: dict[str, Any]) -> Response:
    return Response(
        case["status_code"],
        Headers(
            {
                "x-amzn-requestid": "an-id",
                **case.get("headers", {}),
                **({"x-amzn-errortype": case["error_code"]} if "error_code" in case else {}),
            }
        ),
        b"{}",
    )


async def follow(responses: list[dict[str, Any]], strategy: StandardRetry) -> None:
    """Play the responses of a case, in one call after another, and compare what is known after each."""
    seen: list[tuple[float, int]] = []
    steps = iter(responses)

    def serve(request: Request) -> Outcome:
        seen.append((now(), strategy.tokens))
        return answer_of(next(steps)["response"])

    async with client_of(Scripted(serve), retry=strategy, idempotent=True) as client:
        while len(seen) < len(responses):
            try:
                await client.invoke("orders")
                outcome = "success"
            except LambdaServiceException:
                outcome = "failed"
            expected = responses[len(seen) - 1]["expected"]
            assert (outcome == "success") is (expected["outcome"] == "success")
            assert strategy.tokens == expected["retry_quota"]
    for number, response in enumerate(responses):
        if response["expected"]["outcome"] == "retry_request":
            after = seen[number + 1]
            assert after[0] - seen[number][0] == pytest.approx(response["expected"]["delay"])
            assert after[1] == response["expected"]["retry_quota"]


def test_the_standard_mode_passes_its_suite() -> None:
    """14 of 19: the other five are of long polling, which Lambda does not have."""
    suite = suites.load(STANDARD)
    cases = [*suite["cases"], *suite["multi_invocation"]]
    assert (len(cases), len(suite["multi_threaded"]), len(suite["long_polling"])) == (13, 1, 5)
    for case in cases:
        virtual.run(follow(case["responses"], strategy_of(case["given"])))


def test_calls_that_share_a_quota_pass_their_case() -> None:
    case = suites.load(STANDARD)["multi_threaded"][0]
    strategy = strategy_of(case["given"])
    # The expected quotas tell the order in which the two calls failed, and then succeeded.
    numbered = [(thread, number) for thread, steps in enumerate(case["threads"]) for number in range(len(steps))]
    expectation = {at: case["threads"][at[0]][at[1]]["expected"] for at in numbered}
    failed = [at for at in numbered if expectation[at]["outcome"] == "retry_request"]
    succeeded = [at for at in numbered if expectation[at]["outcome"] == "success"]
    failed.sort(key=lambda at: expectation[at]["retry_quota"], reverse=True)
    succeeded.sort(key=lambda at: expectation[at]["retry_quota"])
    failures: dict[int, list[Failure]] = {0: [], 1: []}
    for thread, number in [*failed, *succeeded]:
        expected = expectation[thread, number]
        if expected["outcome"] == "success":
            strategy.succeeded(failures[thread])
        else:
            failure = Failure(
                error=TransportError("lost"),
                remedy=RetryAction.RETRY,
                delivery=Delivery.UNKNOWN,
                attempt=number + 1,
                retries=number,
                jitter=1,
            )
            assert strategy.pause(failure) is not None
            failures[thread].append(failure)
        assert strategy.tokens == expected["retry_quota"]
    assert strategy.tokens == case["expected_final_quota"]


DIFFERENT = {"EC2ThrottledException": "the function could not be set up: retried among the attempts, not as a throttle"}
EXCEPTIONS = {"ConnectionError": ConnectError("refused"), "HTTPClientError": ConnectionLostError("lost")}


def test_errors_are_classified_as_in_their_suite() -> None:
    """28 of 28 are retried or not as there; one of them for another reason."""
    rows = suites.load("retry-sep/classification.json")["rows"]
    assert len(rows) == 28
    for row in rows:
        outcome: Outcome = EXCEPTIONS[row["exception"]] if row["exception"] else answer(row["status"], row["error_code"])

        class Noting(Patient):
            def pause(self, failure: Failure, /) -> float | None:
                self.failures.append(failure)
                return None

        strategy = Noting()

        async def run(outcome: Outcome = outcome, strategy: RetryStrategy = strategy) -> None:
            async with client_of(Scripted(outcome), retry=strategy, idempotent=True) as client:
                with contextlib.suppress(AiolambdaError):
                    await client.invoke("orders")

        virtual.run(run())
        assert bool(strategy.failures) is row["retry"], row
        if row["error_code"] not in DIFFERENT:
            waits = bool(strategy.failures) and strategy.failures[0].remedy is RetryAction.WAIT
            assert waits is ("throttling" in row["kinds"]), row


def test_the_header_of_each_attempt_is_that_of_the_suite_without_its_time_to_live() -> None:
    """2 of 2 but for `ttl`, which the JavaScript SDK does not send either: a call's limit is not for the service to know."""
    cases = suites.load("retry-sep/request-headers.json")["cases"]
    assert len(cases) == 2
    for case in cases:
        transport = Scripted(*(answer(given["status"], date=given["headers"]["Date"]) for given in case["responses"]))

        async def run(transport: Scripted = transport, maximum: int = case["max_attempts"]) -> None:
            strategy = StandardRetry(max_attempts=maximum, throttling="attempts")
            async with client_of(transport, retry=strategy, idempotent=True) as client:
                await client.invoke("orders", timeout=Timeouts(read=10))

        virtual.run(run())
        parts = [request.headers["amz-sdk-request"].split("; ") for request in transport.requests]
        theirs = [[part for part in text.split("; ") if not part.startswith("ttl=")] for text in case["amz_sdk_request"]]
        theirs[0] = [*theirs[0], f"max={case['max_attempts']}"]  # since version 2.1 of the specification
        assert parts == theirs


# --- what counts -----------------------------------------------------------------------------------------------------


@virtually
async def test_every_request_that_is_sent_counts_in_the_header_too() -> None:
    async def once_more(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        try:
            return await call_next(call)
        except ConnectError:
            return await call_next(call)

    transport = Scripted(ConnectError("refused"), ConnectError("refused"), answer())
    async with client_of(transport) as client:
        client.middleware_stack.add(once_more, step="finalize")
        output = await client.invoke("orders")
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == ["attempt=1", "attempt=2", "attempt=3"]
    assert output.metadata.attempts == 3


@virtually
async def test_a_lost_idle_connection_is_repeated_at_once_whatever_the_strategy_of_the_user_says() -> None:
    lost = ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    strategy = Patient()
    transport = Scripted(lost, lost, lost, answer())
    async with client_of(transport, retry=strategy) as client:
        await client.invoke("orders")
    assert (transport.times, strategy.failures) == ([0, 0, 0, 0], [])
    once = Scripted(lost)
    async with client_of(once, retry=NoRetry()) as client:
        with pytest.raises(ConnectionLostError):
            await client.invoke("orders")
    assert len(once.times) == 1


@pytest.mark.parametrize("settings", [{"quota": None}, {"quota": -1}, {"max_backoff": None}, {"quota": True}])
def test_a_number_that_is_none_is_refused_where_it_is_given(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        StandardRetry(**settings)
