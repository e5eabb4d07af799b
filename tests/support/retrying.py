"""Helpers of the tests in tests/pipeline/."""

import asyncio
import datetime as dt
import email.utils
from collections.abc import Callable, Sequence
from typing import Any

from aiolambda import (
    Credentials,
    Failure,
    LambdaClient,
    RetryStrategy,
)
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request, Response

Outcome = Response | BaseException

KEYS = Credentials("AKIDEXAMPLE", "secret")


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
    client._state.jitter = lambda: 1.0
    return client


def now() -> float:
    return asyncio.get_running_loop().time()


class Patient(RetryStrategy):
    """Waits for a hundred seconds, whatever happens."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def pause(self, failure: Failure, /) -> float | None:
        self.failures.append(failure)
        return 100.0

    def succeeded(self, failures: Sequence[Failure], /) -> None:
        """Nothing is kept."""


def clocked(offset: dt.timedelta, code: str = "InvalidSignatureException") -> Callable[[Request], Outcome]:
    """A server whose clock is ahead by so much, and that takes signatures of five minutes around it."""

    def serve(request: Request) -> Outcome:
        served = dt.datetime.now(dt.UTC) + offset
        signed = dt.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        date = email.utils.format_datetime(served, usegmt=True)
        return answer(date=date) if abs(served - signed) < dt.timedelta(minutes=5) else answer(403, code, date=date)

    return serve


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
