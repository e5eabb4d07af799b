"""The middlewares of the manual do as their page says."""

import asyncio
from typing import Any

import pytest

from aiolambda import ConnectError, FunctionError, InvokeCommand, LambdaClient, Request, Response
from aiolambda.testing import FakeTransport

from ..support.pages import run_fragments


@pytest.fixture
def page() -> dict[str, Any]:
    return run_fragments("docs/middleware.md")


class Flaky(FakeTransport):
    """Refuses the first connection."""

    async def send(self, request: Request, /) -> Response:
        if not self.calls:
            await super().send(request)
            raise ConnectError("cannot connect")
        return await super().send(request)


def padded(event: Any) -> bytes:
    if event == "fail":
        raise ValueError(event)
    return b'  {"ok":true}  '


async def through(middleware: Any, step: Any = "initialize", transport: FakeTransport | None = None) -> FakeTransport:
    """Two invocations through one middleware of the page."""
    transport = transport or FakeTransport({"orders": padded})
    async with LambdaClient(transport=transport) as client:
        client.middleware_stack.add(middleware, step=step)
        for _ in range(2):
            await client.invoke("orders", b"{}")
    return transport


async def test_once_more_repeats_an_undelivered_call(page: dict[str, Any]) -> None:
    assert len((await through(page["once_more"], transport=Flaky({"orders": padded}))).calls) == 3


async def test_the_canary_keeps_a_qualifier_that_is_given(page: dict[str, Any]) -> None:
    urls: list[str] = []

    class Looking(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            urls.append(request.url.split("/functions/")[1])
            return await super().send(request)

    async with LambdaClient(transport=Looking({"orders": padded})) as client:
        client.middleware_stack.add(page["canary"], only=InvokeCommand)
        await client.invoke("orders")
        await client.invoke("orders", qualifier="7")
    assert urls == ["orders/invocations?Qualifier=canary", "orders/invocations?Qualifier=7"]


async def test_the_team_header_is_signed(page: dict[str, Any]) -> None:
    headers = (await through(page["team"], step="build")).calls[0].headers
    assert headers["x-team"] == "tea"
    assert "x-team" in headers["authorization"]


async def test_the_output_is_stripped(page: dict[str, Any]) -> None:
    async with LambdaClient(transport=FakeTransport({"orders": padded})) as client:
        client.middleware_stack.add(page["stripped"], step="deserialize", only=InvokeCommand)
        assert (await client.invoke("orders")).payload == b'{"ok":true}'


@pytest.mark.parametrize("name", ["delete-orders", "arn:aws:lambda:us-east-1:123456789012:function:delete-orders:7"])
async def test_deletes_are_refused_by_any_name(page: dict[str, Any], name: str) -> None:
    async with LambdaClient(region="us-east-1", transport=FakeTransport({"orders": padded})) as client:
        client.middleware_stack.add(page["no_deletes"])
        with pytest.raises(PermissionError):
            await client.invoke(name)
        await client.invoke("orders")


async def test_the_gauge_counts_down_at_each_end_of_a_call(page: dict[str, Any]) -> None:
    async def forever(event: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with LambdaClient(transport=FakeTransport({"orders": padded, "forever": forever})) as client:
        client.middleware_stack.add(page["gauge"])
        with pytest.raises(FunctionError):
            await client.invoke("orders", '"fail"')
        task = asyncio.ensure_future(client.invoke("forever"))
        while not page["running"]:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert page["running"] == set()


async def test_the_middlewares_of_a_client_and_a_command_join(page: dict[str, Any]) -> None:
    transport = FakeTransport({"orders": padded})
    async with LambdaClient(transport=transport) as client:
        command = page["with_middlewares"](client)
        assert isinstance(command, InvokeCommand)
        await client.send(command)
    assert transport.calls[0].headers["x-team"] == "tea"
