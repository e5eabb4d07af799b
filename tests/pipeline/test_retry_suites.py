"""The conformance suites of retries."""

import contextlib
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    ConnectError,
    ConnectionLostError,
    Delivery,
    Failure,
    LambdaServiceException,
    RetryAction,
    RetryStrategy,
    StandardRetry,
    Timeouts,
    TransportError,
)
from aiolambda.types.http import Headers, Request, Response

from ..support import suites, virtual
from ..support.retrying import Outcome, Patient, Scripted, answer, client_of, now

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


def test_shared_retry_quota_passes_its_case() -> None:
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
                retry_action=RetryAction.RETRY,
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
            waits = bool(strategy.failures) and strategy.failures[0].retry_action is RetryAction.WAIT
            assert waits is ("throttling" in row["kinds"]), row


def test_attempt_header_follows_the_suite() -> None:
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
