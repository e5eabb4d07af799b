"""Spans of fetches: those of an HTTP client, without the query of the URL."""

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from aiolambda.testing import FakeTransport

from ..support.telemetry import Sdk

URL = "https://abc.lambda-url.eu-west-1.on.aws"


def _answer(event: Any) -> Any:
    return {"statusCode": 404 if event["rawPath"] == "/none" else 200}


@pytest.mark.parametrize("attempts", [False, True])
async def test_a_fetch_has_an_http_span_without_its_query(sdk: Sdk, attempts: bool) -> None:
    fake = FakeTransport()
    fake.add_url(URL, _answer)
    async with sdk.client(fake, otel={"attempts": attempts}) as client:
        await client.fetch(f"{URL}/a?key=hidden", "PUT")
        await client.fetch(f"{URL}/none?key=hidden")
    put, get = (span for span in sdk.spans if span.parent is None)
    assert (put.name, put.kind, put.status.status_code) == ("PUT", SpanKind.CLIENT, StatusCode.UNSET)
    assert put.attributes is not None
    assert put.attributes["http.request.method"] == "PUT"
    assert put.attributes["url.full"] == f"{URL}/a"
    assert put.attributes["server.address"] == "abc.lambda-url.eu-west-1.on.aws"
    assert put.attributes["server.port"] == 443
    assert put.attributes["http.response.status_code"] == 200
    assert put.attributes["aiolambda.delivery"] == "executed"
    assert "rpc.system" not in put.attributes
    assert (get.name, get.status.status_code) == ("GET", StatusCode.ERROR)
    assert get.attributes is not None
    assert get.attributes["error.type"] == "404"
    assert "hidden" not in "".join(str(span.to_json()) for span in sdk.spans)
