"""Helpers of the tests in tests/client/."""

import asyncio
from typing import Any

from aiolambda import (
    Call,
    CallNext,
    LambdaClient,
)
from aiolambda.testing import FakeTransport

AnyCall = Call[Any, Any]

AnyNext = CallNext[Any, Any]


def echo(event: object) -> object:
    return event


async def sleep(event: Any) -> object:
    await asyncio.sleep(event["s"])
    return "slept"


def fake_client(**settings: Any) -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"echo": echo, "sleep": sleep}), **settings)


def calls_of(client: LambdaClient) -> FakeTransport:
    transport = client.config.transport
    assert isinstance(transport, FakeTransport)
    return transport
