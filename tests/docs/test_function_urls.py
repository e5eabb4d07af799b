"""The code of the page about function URLs, beside the local endpoint."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiolambda import LambdaClient
from aiolambda.local import FunctionUrl, LocalEndpoint

from ..support.pages import run_fragments

PAGE = "docs/function-urls.md"
OPEN = FunctionUrl(auth_type="NONE")


def page(event: dict[str, Any]) -> dict[str, Any]:
    http = event["requestContext"]["http"]
    if event["rawPath"] == "/orders":
        return {"statusCode": 200, "body": json.dumps({"id": json.loads(event["body"])["id"], "method": http["method"]})}
    return {"statusCode": 404 if event["rawPath"] == "/none" else 200, "body": "one\ntwo\n"}


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    async with LocalEndpoint() as endpoint:
        endpoint.add("page", page, url=OPEN)
        yield endpoint


async def result(name: str, endpoint: LocalEndpoint, *arguments: object, **settings: Any) -> Any:
    function = run_fragments(PAGE)[name]
    given = {"region": endpoint.region, "endpoint_url": endpoint.url, "credentials": endpoint.credentials}
    async with LambdaClient(**{**given, **settings}) as client:
        return await function(client, *arguments)


async def test_an_order_is_posted(endpoint: LocalEndpoint) -> None:
    assert await result("order", endpoint, endpoint.function_url("page"), 7) == {"id": 7, "method": "POST"}


async def test_each_answer_has_its_text(endpoint: LocalEndpoint) -> None:
    url = endpoint.function_url("page")
    assert await result("outcome", endpoint, url) == "done"
    assert await result("outcome", endpoint, f"{url}none") == "the function answered 404"
    await endpoint.close()
    assert await result("outcome", endpoint, url) == "it has not run"


async def test_a_response_is_streamed(endpoint: LocalEndpoint) -> None:
    assert await result("lines", endpoint, endpoint.function_url("page")) == ["one", "two"]


async def test_many_urls_are_checked(endpoint: LocalEndpoint) -> None:
    url = endpoint.function_url("page")
    assert await result("check", endpoint, [url, f"{url}none"]) == {url: 200, f"{url}none": 404}


async def test_a_local_url_is_signed(endpoint: LocalEndpoint) -> None:
    endpoint.add("page", page)  # with a signature
    function = run_fragments(PAGE)["local"]
    async with LambdaClient(region=endpoint.region, credentials=endpoint.credentials) as client:
        assert await function(endpoint, client) == "one\ntwo\n"
