"""Helpers of the tests in tests/client/."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from aiolambda import (
    Call,
    CallNext,
    LambdaClient,
)
from aiolambda.testing import FakeTransport

from . import virtual

AnyCall = Call[Any, Any]

AnyNext = CallNext[Any, Any]


def echo(event: object) -> object:
    return event


async def sleep(event: Any) -> object:
    await asyncio.sleep(event["s"])
    return "slept"


def fake_client(**settings: Any) -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"echo": echo, "sleep": sleep}), **settings)


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """The test, run in virtual time."""

    def run() -> None:
        virtual.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def calls_of(client: LambdaClient) -> FakeTransport:
    transport = client.config.transport
    assert isinstance(transport, FakeTransport)
    return transport
