"""Retry strategies: built-in ones and those of users."""

import asyncio
import datetime as dt
import logging
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    LambdaClient,
    LambdaServiceException,
    Metadata,
    NoRetry,
    RetryAction,
    StandardRetry,
)
from aiolambda.policy.classification import retry_action_of
from aiolambda.policy.retry import announced_maximum
from aiolambda.testing import FakeTransport

from ..support.retrying import Patient, Scripted, answer, client_of, clocked, throttle


@pytest.mark.virtual_time
async def test_strategy_is_not_asked_about_unsafe_retries() -> None:
    strategy = Patient()
    async with client_of(Scripted(answer(500)), retry=strategy) as client:
        with pytest.raises(LambdaServiceException):
            await client.invoke("orders")
    assert strategy.failures == []


@pytest.mark.virtual_time
async def test_strategy_gets_the_failure_details() -> None:
    strategy = Patient()
    transport = Scripted(ConnectError("refused"), throttle(retry_after="3"), throttle(x_amz_retry_after="1500"), answer())
    async with client_of(transport, retry=strategy) as client:
        await client.invoke("orders", timeout=1000)
    told = [(f.retry_action, f.attempt, f.retries, f.throttles, f.throttled_for, f.time_left) for f in strategy.failures]
    assert told == [
        (RetryAction.RETRY, 1, 0, 0, 0, 1000),
        (RetryAction.WAIT, 2, 1, 0, 0, 900),
        (RetryAction.WAIT, 3, 1, 1, 100, 800),
    ]
    assert [(f.retry_after, f.retry_hint) for f in strategy.failures] == [(None, None), (3, None), (None, 1.5)]


@pytest.mark.virtual_time
async def test_no_retry_sends_a_single_request() -> None:
    lost = ConnectionLostError("lost", delivery=Delivery.NOT_DELIVERED, stale_connection=True)
    for outcome in (ConnectError("refused"), throttle(), lost, clocked(dt.timedelta(hours=1))):
        transport = Scripted(outcome)
        async with client_of(transport, retry=NoRetry(), idempotent=True) as client:
            with pytest.raises(AiolambdaError):
                await client.invoke("orders")
        assert [request.headers["amz-sdk-request"] for request in transport.requests] == ["attempt=1; max=1"]


def test_each_client_has_its_own_retry_quota() -> None:
    assert LambdaClient()._state.context.retry is not LambdaClient()._state.context.retry
    assert announced_maximum(Patient()) is None


@pytest.mark.parametrize(
    ("code", "retry_action"),
    [
        ("TooManyRequests", RetryAction.WAIT),
        ("ProvisionedThroughputExceeded", RetryAction.WAIT),
        ("InvalidSignature", RetryAction.SET_CLOCK),
        ("ExpiredToken", RetryAction.RENEW_CREDENTIALS),
        ("ENINotReady", RetryAction.RETRY),
        ("KMSDisabled", RetryAction.NONE),
    ],
)
def test_code_without_suffix_has_the_same_retry_action(code: str, retry_action: RetryAction) -> None:
    for spelled in (code, f"{code}Exception"):
        error = LambdaServiceException("no", code=spelled, metadata=Metadata(http_status_code=502))
        assert retry_action_of(error) is retry_action


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
def test_invalid_strategy_settings_are_refused(settings: Any) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        StandardRetry(**settings)


@pytest.mark.virtual_time
async def test_long_slot_wait_is_warned_of_once() -> None:
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
    assert records == ["calls have waited 60 s for a slot: 1 in flight (the limit, see max_concurrency), 4 waiting"]
