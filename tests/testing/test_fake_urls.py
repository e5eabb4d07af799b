"""Function URLs of `FakeTransport`: the event, the response, streams and scripted failures."""

from collections.abc import Iterator
from typing import Any

import pytest

from aiolambda import (
    ConfigurationError,
    ConnectionLostError,
    Delivery,
    LambdaClient,
    LambdaServiceException,
    TooManyRequestsException,
)
from aiolambda.testing import FakeTransport


def _nothing(event: object) -> object:
    return {}


URL = "https://abc.lambda-url.eu-west-1.on.aws"


async def test_a_url_calls_its_function_with_an_event() -> None:
    events: list[Any] = []
    fake = FakeTransport()
    fake.add_url(f"{URL}/", lambda event: events.append(event) or {"ok": True})
    async with LambdaClient(transport=fake) as client:
        output = await client.fetch(
            f"{URL}/orders/7%20a?b=c", "POST", json={"id": 7}, headers={"Cookie": "a=1; b=2", "X-Team": "tea"}
        )
    assert (output.status_code, output.json(), output.headers["content-type"]) == (200, {"ok": True}, "application/json")
    (event,) = events
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/orders/7%20a", "b=c")
    assert (event["cookies"], event["headers"]["x-team"], event["body"]) == (["a=1", "b=2"], "tea", '{"id":7}')
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["requestId"] == output.metadata.request_id
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"]
    assert fake.calls_of("abc")[0].payload == b'{"id":7}'


async def test_a_result_sets_status_headers_and_cookies() -> None:
    def handler(event: Any) -> Any:
        return {
            "statusCode": 201,
            "headers": {"X-Team": "tea"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "dGVh",
            "isBase64Encoded": True,
        }

    fake = FakeTransport()
    fake.add_url(URL, handler, function_name="orders")
    async with LambdaClient(transport=fake) as client:
        output = await client.fetch(URL, sign=False)
        assert (output.status_code, output.content, output.headers["x-team"]) == (201, b"tea", "tea")
        assert output.cookies == {"a": "1", "b": "2"}
        assert (await client.fetch(URL, "HEAD")).content == b""
        assert (await client.invoke("orders", {})).json()["statusCode"] == 201


async def test_a_generator_is_streamed() -> None:
    def handler(event: Any) -> Iterator[bytes]:
        yield b'{"statusCode":202,"cookies":["a=1"]}' + bytes(8)
        yield b"tea\n"
        yield b"time"

    fake = FakeTransport()
    fake.add_url(URL, handler)
    async with LambdaClient(transport=fake) as client, client.fetch_stream(URL) as stream:
        assert stream.status_code == 202
        assert [line async for line in stream.iter_lines()] == ["tea", "time"]


def _malformed(event: object) -> object:
    return {"statusCode": "tea"}


def _raises(event: Any) -> Any:
    raise ValueError("hidden")


@pytest.mark.parametrize("handler", [_raises, _malformed], ids=["raises", "malformed"])
async def test_a_failed_function_is_answered_with_502(handler: Any) -> None:
    fake = FakeTransport()
    fake.add_url(URL, handler)
    async with LambdaClient(transport=fake) as client:
        with pytest.raises(LambdaServiceException) as raised:
            await client.fetch(URL)
    assert (raised.value.status_code, raised.value.delivery) == (502, Delivery.UNKNOWN)
    assert "hidden" not in str(raised.value)


async def test_failures_of_a_script_meet_a_url_too() -> None:
    fake = FakeTransport()
    fake.add_url(URL, _nothing)
    fake.fail("abc", TooManyRequestsException("busy", retry_after=0), times=2)
    async with LambdaClient(transport=fake) as client:
        output = await client.fetch(URL, timeout=30)
        assert [one.delivery for one in output.metadata.history] == [Delivery.REFUSED] * 2 + [Delivery.EXECUTED]
        fake.fail("abc", ConnectionLostError("lost"))
        with pytest.raises(ConnectionLostError):
            await client.fetch(URL)


@pytest.mark.parametrize("url", ["abc", "https://user@host/", 7])
def test_a_wrong_url_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="add_url takes the URL of a function"):
        FakeTransport().add_url(url, _nothing)
