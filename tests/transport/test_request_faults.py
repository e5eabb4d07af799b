"""Bodies, headers and limits that are wrong, and nothing left behind."""

import asyncio
import gc
import traceback
import weakref
from typing import Any

import pytest

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConfigurationError,
    Credentials,
    Delivery,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    QueueTimeoutError,
    Request,
    Timeouts,
)
from aiolambda.transport.connect_queue import MAX_CONNECTING
from aiolambda.types.http import Headers

from ..support.servers import Connection, always, answer, raw_server
from ..support.transports import KEYS, client_for, request_to, transport_to, unreachable

TENANT = "hunter4"


async def test_body_changed_after_signing_is_sent_whole() -> None:
    async def change(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.body = b'{"longer":"than before"}'
        return await call_next(call)

    async with raw_server(always(answer())) as server, client_for(server) as client:
        client.middleware_stack.add(change, step="deserialize")
        await client.invoke("f", b"{}")
    assert server.requests[0][1] == b'{"longer":"than before"}'


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b"garbage\r\n\r\n"]
)
async def test_tracebacks_hide_proxy_password_and_headers(data: bytes) -> None:
    keys = Credentials("AKIDEXAMPLE", "secret", "hunter3")

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.write(data)

    async with raw_server(script) as proxy:
        for endpoint in ("https://lambda.invalid", "http://lambda.invalid"):
            via = proxy.url.replace("http://", "http://user:hunter2@")
            async with LambdaClient(region="us-east-1", credentials=keys, endpoint_url=endpoint, proxy=via) as client:
                with pytest.raises(AiolambdaError) as raised:
                    await client.invoke("f", tenant_id=TENANT)
                shown = "".join(traceback.format_exception(raised.value)) + repr(client.config)
                cause: BaseException | None = raised.value
                while cause is not None:
                    shown += repr(cause)
                    cause = cause.__cause__
                assert "hunter" not in shown


@pytest.mark.parametrize(
    "proxy", ["user:hunter2@h:8080", "//user:hunter2@h", "socks5://h:1", "http://", "http://h h", "http://h:99999"]
)
def test_invalid_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy is not") as raised:
        LambdaClient(proxy=proxy)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"), [("x-a", "a\r\nx-b: c"), ("x-a", "a\x00"), ("x a", "b"), ("", "b"), ("x-a\r\n", "b")]
)
async def test_invalid_header_is_refused_before_sending(name: str, value: str) -> None:
    async def spoil(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.headers[name] = value
        return await call_next(call)

    async with raw_server(always(answer())) as server, client_for(server) as client:
        client.middleware_stack.add(spoil, step="finalize")
        with pytest.raises(InvalidInputError, match="contains a character that HTTP cannot carry") as raised:
            await client.invoke("f")
        assert (raised.value.delivery, client.stats.failed) == (Delivery.NOT_DELIVERED, {Delivery.NOT_DELIVERED: 1})
    assert (server.connections, server.requests) == (0, [])


async def test_invalid_header_settings_are_refused_at_open() -> None:
    with pytest.raises(ConfigurationError, match="session_token"):
        await LambdaClient(region="us-east-1", credentials=Credentials("AKIDEXAMPLE", "s", "token\n")).open()
    with pytest.raises(ConfigurationError, match="user_agent_extra"):
        LambdaClient(user_agent_extra="a\r\nb")


async def test_context_of_the_caller_keeps_no_request() -> None:
    async with raw_server(always(answer())) as server, transport_to() as transport:
        request = request_to(server)
        kept = weakref.ref(request.headers)
        await transport.send(request)
        del request
        gc.collect()
        assert kept() is None


async def test_call_waiting_to_connect_is_not_delivered() -> None:
    with unreachable() as endpoint:
        async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=endpoint) as client:
            limits = [Timeouts(total=1, connect=5)] * MAX_CONNECTING + [Timeouts(total=0.3, connect=5)] * 5
            calls = [asyncio.create_task(client.invoke("f", timeout=limit)) for limit in limits]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert client.stats.failed == {Delivery.NOT_DELIVERED: len(limits)}
    stages = [outcome.stage for outcome in outcomes if isinstance(outcome, InvocationTimeoutError) and not outcome.may_have_run]
    assert stages == ["connect"] * MAX_CONNECTING + ["queue"] * 5


async def test_idle_connection_of_another_host_is_not_used() -> None:
    """The turns are for the host of the request: what lies idle for another is no connection for this one."""
    with unreachable() as endpoint:
        async with raw_server(always(answer())) as server, transport_to() as transport:
            await transport.send(request_to(server))
            elsewhere = Timeouts(queue=0.2, connect=5)

            async def send() -> None:
                await transport.send(Request("POST", f"{endpoint}/x", Headers({"host": "h"}), b"", elsewhere))

            calls = [asyncio.create_task(send()) for _ in range(MAX_CONNECTING + 1)]
            done, waiting = await asyncio.wait(calls, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            assert [type(task.exception()) for task in done] == [QueueTimeoutError]
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)


async def test_hundred_calls_leave_nothing_behind() -> None:
    async def script(connection: Connection) -> None:
        for data in (answer(), answer("500 Oops"), b""):
            await connection.read_request()
            await connection.write(data)

    before = len(asyncio.all_tasks())
    async with raw_server(script) as server, client_for(server, max_concurrency=10) as client:
        outcomes = await asyncio.gather(
            *(client.send(InvokeCommand(function_name="f")) for _ in range(100)), return_exceptions=True
        )
        assert client.stats.in_flight == client.stats.waiting == 0
    assert all(isinstance(outcome, AiolambdaError) or not isinstance(outcome, BaseException) for outcome in outcomes)
    gc.collect()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before
