"""Facts of an attempt that are found once, and kept in one place."""

import asyncio
import json
from functools import partial
from typing import Any

import attrs
import pytest

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConnectError,
    Delivery,
    LambdaClient,
    NoRetry,
    Request,
    Response,
    TooManyRequestsException,
)
from aiolambda.protocol import json_body
from aiolambda.testing import FakeTransport
from aiolambda.transport import AiohttpTransport
from aiolambda.types.interfaces import can_abort, can_detach, can_reserve, is_offline

from ..support.retrying import KEYS, Scripted, answer, client_of, throttle

BEHIND = {"relation": "after", "to_middleware": "deserializerMiddleware"}


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[bytes | str]:
    """The bodies that were parsed as JSON, in order."""
    parsed: list[bytes | str] = []

    def counting(payload: bytes | str) -> object:
        parsed.append(payload)
        return json.loads(payload)

    monkeypatch.setattr(json_body, "loads", counting)
    return parsed


@pytest.mark.virtual_time
async def test_a_throttled_answer_is_parsed_once(parses: list[bytes | str]) -> None:
    refused = throttle()
    async with client_of(Scripted(refused, answer())) as client:
        await client.invoke("orders")
        assert client.stats.throttled
    assert parses == [refused.body]


async def test_changed_error_response_is_parsed_again(parses: list[bytes | str]) -> None:
    async def decrypts(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        response = await call_next(call)
        response.body = b'{"Reason":"CallerRateLimitExceeded","message":"slow down"}'
        return response

    async with client_of(Scripted(answer(429, "TooManyRequestsException", b"x")), retry=NoRetry()) as client:
        client.middleware_stack.add_relative_to(decrypts, **BEHIND)
        with pytest.raises(TooManyRequestsException, match="slow down") as raised:
            await client.invoke("orders")
    assert raised.value.reason == "CallerRateLimitExceeded"
    assert len(parses) == 2


async def test_middleware_behind_deserializer_can_replace_response() -> None:
    seen: list[object] = []

    async def replaces(call: Call[Any, Any], call_next: CallNext[Any, Response]) -> Any:
        response = await call_next(call)
        seen.append(response is call.response)
        return Response(200, response.headers, b'"replaced"')

    async def looks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        output = await call_next(call)
        seen.append(call.response and call.response.body)
        return output

    async with client_of(Scripted(answer(body=b'"sent"'))) as client:
        client.middleware_stack.add_relative_to(replaces, **BEHIND)
        client.middleware_stack.add(looks, step="finalize")
        assert (await client.invoke("orders")).json() == "replaced"
    assert seen == [True, b'"replaced"']


async def test_middleware_behind_deserializer_must_return_response() -> None:
    async def forgets(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)

    async with client_of(Scripted(answer())) as client:
        client.middleware_stack.add_relative_to(forgets, **BEHIND)
        with pytest.raises(AiolambdaError, match=r"must return a Response, .* it returned NoneType") as raised:
            await client.invoke("orders")
    assert raised.value.delivery is Delivery.EXECUTED


async def test_sent_does_not_depend_on_the_stage() -> None:
    class Queueing(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            requests.append(request)
            response = await super().send(request)
            request.stage = "queue"
            return response

    async def twice(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        await call_next(call)
        return await call_next(call)

    requests: list[Request] = []
    async with LambdaClient(transport=Queueing({"orders": lambda event: event})) as client:
        client.middleware_stack.add_relative_to(twice, **BEHIND)
        await client.invoke("orders")
    assert len({id(request) for request in requests}) == 2
    assert all(request.sent for request in requests)
    assert not requests[0].copy().sent


@pytest.mark.virtual_time
async def test_a_requests_number_leaves_a_header_of_a_middleware_alone() -> None:
    async def marks(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.headers["amz-sdk-request"] = "mine"
        try:
            return await call_next(call)
        except ConnectError:
            numbers.append(call.attempt)
            return await call_next(call)

    numbers: list[int] = []
    transport = Scripted(ConnectError("refused"), answer())
    async with client_of(transport) as client:
        client.middleware_stack.add(marks, step="finalize")
        client.middleware_stack.add(partial(_noted, numbers), step="deserialize")
        await client.invoke("orders")
    assert [request.headers["amz-sdk-request"] for request in transport.requests] == ["mine", "mine"]
    assert numbers == [1, 1, 2]


async def _noted(numbers: list[int], call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    numbers.append(call.attempt)
    return await call_next(call)


async def test_body_changed_behind_build_is_signed_with_its_length() -> None:
    async def shortens(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        call.request.body = b"{}"
        return await call_next(call)

    transport = Scripted(answer())
    async with client_of(transport) as client:
        client.middleware_stack.add(shortens, step="finalize")
        client.middleware_stack.remove("contentLengthMiddleware")
        await client.invoke("orders", {"id": 7})
    headers = transport.requests[0].headers
    assert headers["content-length"] == "2"
    assert "content-length;" in headers["authorization"]


@pytest.mark.parametrize("name", ["hostHeaderMiddleware", "contentLengthMiddleware"])
async def test_host_and_length_are_always_signed(name: str) -> None:
    transport = Scripted(answer())
    async with client_of(transport) as client:
        client.middleware_stack.remove(name)
        await client.invoke("orders", {"id": 7})
    headers = transport.requests[0].headers
    assert (headers["host"], headers["content-length"]) == ("lambda.us-east-1.amazonaws.com", "8")
    assert "content-length;" in headers["authorization"]
    assert "host;" in headers["authorization"]


class Plain:
    """A transport of a user, which has only the two methods that a call needs."""

    closed = False

    async def send(self, request: Request, /) -> Response:
        return answer(body=b'"plain"')

    async def close(self) -> None:
        self.closed = True


async def test_a_transport_with_only_send_and_close_will_do() -> None:
    transport: Any = Plain()
    async with LambdaClient(transport=transport, region="us-east-1", credentials=KEYS) as client:
        assert (await client.invoke("orders")).json() == "plain"
    assert transport.closed


def test_transport_without_detach_follows_its_client() -> None:
    transport: Any = Plain()
    client = LambdaClient(transport=transport, region="us-east-1", credentials=KEYS)
    assert [asyncio.run(client.invoke("orders")).json() for _ in range(2)] == ["plain", "plain"]
    asyncio.run(client.close())


def abilities(transport: Any) -> tuple[bool, bool, bool, bool]:
    return can_reserve(transport), can_detach(transport), can_abort(transport), is_offline(transport)


class Forwarding:
    """Wraps a transport or a provider, and forwards all that it does not define."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_optional_methods_of_transports_are_found() -> None:
    aiohttp = AiohttpTransport(keep_alive=None, idle_connection_timeout=1)
    assert abilities(aiohttp) == abilities(Forwarding(aiohttp)) == (True, True, True, False)
    assert abilities(FakeTransport({})) == abilities(Forwarding(FakeTransport({}))) == (False, True, True, True)
    assert abilities(Plain()) == (False, False, False, False)


async def test_wrapped_fake_transport_needs_no_region() -> None:
    transport: Any = Forwarding(FakeTransport({"orders": lambda event: event}))
    async with LambdaClient(transport=transport) as client:
        assert (await client.invoke("orders", 7)).json() == 7


async def test_evolved_request_does_not_share_sent_headers() -> None:
    """A middleware sends a second request while the first waits: that one must stay as it was signed."""
    requests: list[Request] = []

    class Slow(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            requests.append(request)
            await asyncio.sleep(0)
            return await super().send(request)

    async def hedge(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        first = asyncio.ensure_future(call_next(call))
        while not requests:
            await asyncio.sleep(0)
        signed = dict(requests[0].headers)
        call.request = attrs.evolve(call.request, body=b'{"longer": "body"}')
        output = await call_next(call)
        await first
        assert dict(requests[0].headers) == signed
        assert requests[1].headers["content-length"] != signed["content-length"]
        return output

    async with LambdaClient(transport=Slow({"orders": lambda event: event}), region="us-east-1", credentials=KEYS) as client:
        client.middleware_stack.add(hedge, step="finalize")
        await client.invoke("orders", {})
    assert len(requests) == 2


async def test_middleware_behind_deserializer_that_returns_none() -> None:
    async def forgot(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        return None

    async with LambdaClient(transport=FakeTransport({"orders": lambda event: event})) as client:
        client.middleware_stack.add_relative_to(forgot, relation="after", to_middleware="deserializerMiddleware")
        with pytest.raises(AiolambdaError, match="must return a Response.*it returned NoneType") as raised:
            await client.invoke("orders", {})
        assert raised.value.delivery is Delivery.NOT_DELIVERED
