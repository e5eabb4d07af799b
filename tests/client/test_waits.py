"""Waiting for a function: when it ends, how often it asks, and what its errors say."""

import asyncio
import pickle
from typing import Any

import pytest

from aiolambda import (
    AccessDeniedException,
    ClientClosedError,
    InvalidInputError,
    InvocationTimeoutError,
    NoRetry,
    ResourceNotFoundException,
    StandardRetry,
    Timeouts,
    WaitError,
    WaitTimeoutError,
)

from ..support.function_service import FunctionService, client_of, failure, found

pytestmark = pytest.mark.virtual_time


def state(state: str | None, reason: str | None = None, code: str | None = None) -> Any:
    return found(Configuration={"State": state, "StateReason": reason, "StateReasonCode": code})


def update(status: str, reason: str | None = None, code: str | None = None) -> Any:
    said = {"LastUpdateStatus": status, "LastUpdateStatusReason": reason, "LastUpdateStatusReasonCode": code}
    return found(Configuration={"State": "Active", **said})


NOT_FOUND = failure("ResourceNotFoundException", 404, "Function not found: f")
PENDING, ACTIVE = state("Pending", "The function is being created.", "Creating"), state("Active")


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("condition", "answers", "seconds", "path"),
    [
        ("active", {"function": [PENDING, PENDING, ACTIVE]}, 2, "f?Qualifier=1"),
        ("active", {"function": [state(None), state("Inactive"), state("Newer"), ACTIVE]}, 3, "f?Qualifier=1"),
        ("updated", {"function": [update("InProgress"), update("Successful")]}, 1, "f?Qualifier=1"),
        ("exists", {"function": [NOT_FOUND, NOT_FOUND, state("Failed")]}, 2, "f?Qualifier=1"),
        ("published", {"configuration": [found(State="Pending"), found(State="Active")]}, 5, "f/configuration?Qualifier=1"),
        (
            "provisioned",
            {"provisioned_concurrency": [found(Status="IN_PROGRESS"), found(Status="READY")]},
            5,
            "f/provisioned-concurrency?Qualifier=1",
        ),
    ],
    ids=["active", "active, other states", "updated", "exists", "published", "provisioned"],
)
async def test_a_wait_ends_once_its_condition_is_met(condition: Any, answers: Any, seconds: float, path: str) -> None:
    service = FunctionService(**answers)
    async with client_of(service) as client:
        assert await client.wait_until("f", condition, qualifier="1") is None
    assert now() == seconds
    assert service.requests[0].url.rpartition("/functions/")[2] == path
    assert len(service.requests) == sum(map(len, answers.values())) + len(service.requests) - 1


@pytest.mark.parametrize(
    ("condition", "answers", "text", "facts"),
    [
        (
            "active",
            {"function": [PENDING, state("Failed", "The image is gone.", "ImageDeleted")]},
            "the function did not become active: State is Failed, ImageDeleted: The image is gone. (function 'f:1')",
            ("Failed", "The image is gone.", "ImageDeleted"),
        ),
        (
            "updated",
            {"function": update("Failed", "No more subnets.", "OutOfIPs")},
            "the update of the function failed: LastUpdateStatus is Failed, OutOfIPs: No more subnets. (function 'f:1')",
            ("Failed", "No more subnets.", "OutOfIPs"),
        ),
        (
            "published",
            {"configuration": found(State="Failed")},
            "the function did not become active: State is Failed (function 'f:1')",
            ("Failed", None, None),
        ),
        (
            "provisioned",
            {"provisioned_concurrency": found(Status="FAILED", StatusReason="FUNCTION_ERROR_INIT_FAILURE")},
            "provisioned concurrency was not allocated: Status is FAILED: FUNCTION_ERROR_INIT_FAILURE (function 'f:1')",
            ("FAILED", "FUNCTION_ERROR_INIT_FAILURE", None),
        ),
    ],
    ids=["active", "updated", "published", "provisioned"],
)
async def test_a_wait_that_fails_says_why(condition: Any, answers: Any, text: str, facts: Any) -> None:
    async with client_of(FunctionService(**answers)) as client:
        with pytest.raises(WaitError) as raised:
            await client.wait_until("f:1", condition)
    error = raised.value
    assert (type(error), str(error), error.condition) == (WaitError, text, condition)
    assert (error.status, error.reason, error.reason_code) == facts
    assert (error.function_name, error.may_have_run) == ("f:1", False)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.reason, again.condition) == (text, error.reason, condition)


@pytest.mark.parametrize(
    ("condition", "answer", "seconds", "questions"),
    [
        ("active", {"function": PENDING}, 300, 300),
        ("updated", {"function": update("InProgress")}, 300, 300),
        ("exists", {"function": NOT_FOUND}, 20, 20),
        ("published", {"configuration": found(State="Pending")}, 1560, 312),
        ("provisioned", {"provisioned_concurrency": found(Status="IN_PROGRESS")}, 900, 180),
    ],
    ids=["active", "updated", "exists", "published", "provisioned"],
)
async def test_a_wait_has_the_time_of_the_model(condition: Any, answer: Any, seconds: float, questions: int) -> None:
    service = FunctionService(**answer)
    async with client_of(service) as client:
        with pytest.raises(WaitTimeoutError, match=rf" after {seconds} s: "):
            await client.wait_until("f", condition, qualifier="1")
    assert (now(), len(service.requests)) == (seconds, questions)


async def test_a_wait_that_is_over_says_what_it_waited_for() -> None:
    async with client_of(FunctionService(function=PENDING)) as client:
        with pytest.raises(TimeoutError) as raised:
            await client.wait_until("f", "active", timeout=2.5)
    async with client_of(FunctionService(function=NOT_FOUND)) as client:
        with pytest.raises(WaitTimeoutError) as not_found:
            await client.wait_until("f", "exists", timeout=3)
    error = raised.value
    assert isinstance(error, WaitTimeoutError)
    assert (error.status, error.reason_code) == ("Pending", "Creating")
    assert str(error) == (
        "the function is not active after 2.5 s: State is Pending, Creating: The function is being created. (function 'f')"
    )
    assert now() == 5.5
    assert str(not_found.value) == "the function does not exist after 3 s: Function not found: f (function 'f')"


async def test_a_wait_without_a_limit_goes_on() -> None:
    service = FunctionService(function=[*[PENDING] * 1000, ACTIVE])
    async with client_of(service) as client:
        await client.wait_until("f", "active", timeout=None)
    assert now() == 1000


@pytest.mark.parametrize(
    ("condition", "answer", "kind"),
    [
        ("active", NOT_FOUND, ResourceNotFoundException),
        ("updated", NOT_FOUND, ResourceNotFoundException),
        ("exists", failure("AccessDeniedException", 403), AccessDeniedException),
    ],
    ids=["active", "updated", "exists"],
)
async def test_an_error_that_no_acceptor_knows_is_raised(condition: Any, answer: Any, kind: type[Exception]) -> None:
    service = FunctionService(function=answer)
    async with client_of(service) as client:
        with pytest.raises(kind):
            await client.wait_until("f", condition)
    assert len(service.requests) == 1


async def never(request: Any) -> Any:
    await asyncio.Event().wait()


async def test_a_question_without_an_answer_ends_with_the_wait() -> None:
    async with client_of(FunctionService(function=[PENDING, never])) as client:
        with pytest.raises(WaitTimeoutError, match="State is Pending") as raised:
            await client.wait_until("f", "active", timeout=10)
    assert now() == 10
    assert isinstance(raised.value.__cause__, InvocationTimeoutError)


async def test_a_question_ends_by_the_limit_of_the_client_too() -> None:
    async with client_of(FunctionService(function=never), timeout=Timeouts(total=4)) as client:
        with pytest.raises(InvocationTimeoutError, match="did not end within 4"):
            await client.wait_until("f", "active", timeout=10)
    assert now() == 4


@pytest.mark.parametrize("retry", [StandardRetry(), NoRetry()], ids=["retries", "no retries"])
async def test_throttles_are_waited_for_until_the_wait_is_over(retry: Any) -> None:
    throttled = failure("TooManyRequestsException", 429, "Rate exceeded")
    async with client_of(FunctionService(function=[throttled, throttled, ACTIVE]), retry=retry) as client:
        await client.wait_until("f", "active")
    async with client_of(FunctionService(function=[PENDING, throttled]), retry=retry) as client:
        with pytest.raises(WaitTimeoutError, match="is not active after 60 s: State is Pending"):
            await client.wait_until("f", "active", timeout=60)
    async with client_of(FunctionService(function=throttled), retry=retry) as client:
        with pytest.raises(WaitTimeoutError, match="is not active after 60 s: Rate exceeded"):
            await client.wait_until("f", "active", timeout=60)


async def test_a_wait_ends_if_its_client_closes() -> None:
    client = client_of(FunctionService(function=PENDING))
    await client.open()
    waiting = asyncio.create_task(client.wait_until("f", "active"))
    await asyncio.sleep(2.5)
    await client.close()
    with pytest.raises(ClientClosedError):
        await waiting
    assert now() == 3


async def test_a_cancelled_wait_asks_nothing_more() -> None:
    service = FunctionService(function=PENDING)
    async with client_of(service) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await client.wait_until("f", "active")
        await asyncio.sleep(10)
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("arguments", "settings", "text"),
    [
        (("f", "actve"), {}, "condition must be one of active, updated, exists, published, provisioned; got 'actve': "),
        (("f", None), {}, "condition must be one of active, updated, exists, published, provisioned; got None: "),
        (("f", "published"), {}, "waiting until 'published' needs a version or an alias: write qualifier=..."),
        (("f", "provisioned"), {}, "waiting until 'provisioned' needs a version or an alias: write qualifier=..."),
        (("f", "active"), {"timeout": 0}, "timeout must be a number of seconds, above 0"),
        (
            ("f", "active"),
            {"timeout": Timeouts(total=1)},
            "timeout must be a number of seconds, above 0 and at most 1,000,000,000, or None; got a value of type Timeouts",
        ),
    ],
    ids=["condition", "none", "published", "provisioned", "zero", "limits"],
)
async def test_a_wrong_argument_is_refused(arguments: Any, settings: Any, text: str) -> None:
    service = FunctionService()
    async with client_of(service) as client:
        with pytest.raises(InvalidInputError) as raised:
            await client.wait_until(*arguments, **settings)
    assert str(raised.value).startswith(text)
    assert service.requests == []


async def test_a_qualifier_in_an_arn_is_enough() -> None:
    service = FunctionService(provisioned_concurrency=found(Status="READY"))
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f:live"
    async with client_of(service) as client:
        await client.wait_until(arn, "provisioned")
    assert service.queries() == ["Qualifier=live"]
