"""What the API tells of function URLs, read by our client."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiolambda import LambdaClient, ResourceNotFoundException
from aiolambda.local import FunctionUrl, LocalEndpoint, UrlCors
from aiolambda.operations import GetFunctionUrlConfigCommand, ListFunctionUrlConfigsCommand

from ...support.local import HERE, function
from ...support.url_requests import send

CORS = UrlCors(allow_origins=["*"], max_age=60)
ARN = "arn:aws:lambda:eu-west-1:000000000000:function"


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalEndpoint]:
    url = FunctionUrl(auth_type="NONE", invoke_mode="RESPONSE_STREAM", cors=CORS)
    orders = function("orders", versions={"1": HERE}, aliases={"live": "1"}, url=url)
    async with LocalEndpoint([orders, function("plain")], region="eu-west-1") as endpoint:
        yield endpoint


@pytest.fixture
async def client(endpoint: LocalEndpoint) -> AsyncIterator[LambdaClient]:
    async with LambdaClient(region="eu-west-1", endpoint_url=endpoint.url, credentials=endpoint.credentials) as client:
        yield client


async def test_configured_url_is_told(endpoint: LocalEndpoint, client: LambdaClient) -> None:
    config = await client.send(GetFunctionUrlConfigCommand(function_name="orders"))
    assert (config.function_url, config.function_arn) == (endpoint.function_url("orders"), f"{ARN}:orders")
    assert (config.auth_type, config.invoke_mode) == ("NONE", "RESPONSE_STREAM")
    assert config.creation_time == config.last_modified_time
    cors = config.cors
    assert cors is not None
    assert (cors.allow_origins, cors.max_age, cors.allow_credentials) == (["*"], 60, False)
    assert not cors.allow_methods


async def test_alias_shares_the_configuration(endpoint: LocalEndpoint, client: LambdaClient) -> None:
    config = await client.send(GetFunctionUrlConfigCommand(function_name="orders", qualifier="live"))
    assert (config.function_url, config.function_arn) == (endpoint.function_url("orders:live"), f"{ARN}:orders:live")
    listed = await client.send(ListFunctionUrlConfigsCommand(function_name="orders"))
    assert [one.function_url for one in listed.function_url_configs or []] == [
        endpoint.function_url("orders"),
        endpoint.function_url("orders:live"),
    ]


@pytest.mark.parametrize(
    "members",
    [{"function_name": "plain"}, {"function_name": "orders", "qualifier": "1"}, {"function_name": "unknown"}],
    ids=["not configured", "version", "no function"],
)
async def test_other_urls_are_not_found(client: LambdaClient, members: Any) -> None:
    with pytest.raises(ResourceNotFoundException):
        await client.send(GetFunctionUrlConfigCommand(**members))


async def test_function_without_a_configuration_lists_none(client: LambdaClient) -> None:
    listed = await client.send(ListFunctionUrlConfigsCommand(function_name="plain"))
    assert listed.function_url_configs == []


async def test_function_of_this_process_is_told(endpoint: LocalEndpoint, client: LambdaClient) -> None:
    endpoint.add("here", lambda event: event["rawPath"], url=FunctionUrl(auth_type="NONE"))
    config = await client.send(GetFunctionUrlConfigCommand(function_name="here"))
    assert (await send(str(config.function_url), "a")).json() == "/a"
    assert config.cors is None
