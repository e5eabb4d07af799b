"""The bodies of tests that use the fixtures of the plugin; each form of a test runs the same ones. Copied into child runs."""

import threading
from unittest.mock import patch

import pytest

from aiolambda import FunctionError, LambdaClient, TooManyRequestsException


def price():
    return 3


def orders(event, context):
    return {"total": event["id"] * price(), "name": context.function_name}


async def invokes(local, client, fake):
    assert local.calls == local.executions == []
    local.add("orders", orders)
    with patch(f"{__name__}.price", return_value=5):
        assert (await client.invoke("orders", {"id": 7})).json() == {"total": 35, "name": "orders"}
    assert [call.json() for call in local.calls] == [{"id": 7}]


async def streams(local, client, fake):
    assert local.calls == local.executions == []
    go_on = threading.Event()

    async def write(event):
        yield "green "
        assert go_on.wait(10)
        yield "tea"

    local.add("writer", write)
    async with client.stream("writer") as stream:
        async for chunk in stream:
            assert chunk in (b"green ", b"tea")
            go_on.set()
    assert local.executions[0].response == b"green tea"


async def queues(local, client, fake):
    assert local.calls == local.executions == []
    local.add("orders", lambda event: event["id"])
    for number in range(3):
        await client.invoke_event("orders", {"id": number})
    await local.wait_idle()
    assert [execution.result() for execution in local.executions_of("orders")] == [0, 1, 2]
    local.wait_idle_sync(1)


async def fails(local, client, fake):
    assert local.calls == local.executions == []
    local.add("orders", orders)
    local.fail("orders", TooManyRequestsException("busy", retry_after=0), times=1)
    local.fail("orders", ValueError("no tea"), payload={"id": 9})
    assert (await client.invoke("orders", {"id": 7})).json()["total"] == 21
    with pytest.raises(FunctionError, match="ValueError: no tea"):
        await client.invoke("orders", {"id": 9})
    assert [call.attempt for call in local.calls] == [1, 2, 1]


async def fakes(local, client, fake):
    assert fake.calls == []
    fake.add("orders", orders)
    async with LambdaClient(transport=fake) as faked:
        assert (await faked.invoke("orders", {"id": 7})).json()["total"] == 21
    local.add("orders", orders)
    stream = client.stream("orders", {"id": 7})
    await stream.__aenter__()  # left open: the fixture closes the client
    await client.invoke("orders", {"id": 7})


BODIES = [invokes, streams, queues, fails, fakes]
