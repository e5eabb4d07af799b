"""Helpers of the tests of hedged calls: a transport that answers each request after its time."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiolambda import LambdaClient
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Request, Response

from .retrying import KEYS, Outcome, answer, now

__all__ = ["Played", "client_of", "of_its_kind"]


class Played(FakeTransport):
    """Gives each request its outcome after so many seconds; the last one holds for all that follow.

    It notes when each request came, what it was, and the numbers of those that were cut.
    """

    def __init__(self, *plays: tuple[float, Outcome | Callable[[Request], Outcome]]) -> None:
        super().__init__({})
        self.plays = plays
        self.times: list[float] = []
        self.requests: list[Request] = []
        self.cut: list[int] = []
        self.in_flight = self.most = 0

    async def send(self, request: Request, /) -> Response:
        number = len(self.times)
        self.times.append(now())
        self.requests.append(request)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        seconds, outcome = self.plays[min(number, len(self.plays) - 1)]
        request.stage = "wait"
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cut.append(number)
            raise
        finally:
            self.in_flight -= 1
        if not isinstance(outcome, Response | BaseException):
            outcome = outcome(request)
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome
        return outcome


def of_its_kind(request: Request) -> Response:
    """The answer to an invocation of any type."""
    return answer({"Event": 202, "DryRun": 204}.get(request.headers.get("x-amz-invocation-type", ""), 200))


def client_of(transport: FakeTransport, **settings: Any) -> LambdaClient:
    """A client whose pauses are the longest that they could be."""
    client = LambdaClient(transport=transport, region="us-east-1", credentials=KEYS, **settings)
    client._state.jitter = lambda: 1.0
    return client
