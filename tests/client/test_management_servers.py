"""Servers that others wrote answer for functions: create, publish, alias, update, wait, invoke and delete, with real bytes."""

import contextlib
import io
import json
import re
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiolambda import Credentials, LambdaClient, ResourceNotFoundException, Timeouts, WaitTimeoutError
from aiolambda.operations import (
    CreateAliasCommand,
    CreateFunctionCommand,
    DeleteAliasCommand,
    DeleteFunctionCommand,
    FunctionCode,
    ListFunctionsCommand,
    PublishVersionCommand,
    PutFunctionConcurrencyCommand,
    UpdateAliasCommand,
    UpdateFunctionCodeCommand,
)

from ..support.peers import ministack, moto

SERVERS = {"moto": moto, "ministack": ministack}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(SERVERS[request.param](tmp_path / "server.log"))


def package(answer: str) -> bytes:
    """The code of a function that returns this text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("app.py", f"def handler(event, context):\n    return {{'said': {answer!r}, 'event': event}}\n")
    return buffer.getvalue()


def role_at(server: str) -> str:
    """The ARN of a role that a function may have, which moto wants to know."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    members = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "r", "AssumeRolePolicyDocument": policy}
    scope = "AKIDEXAMPLE/20261130/us-east-1/iam/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    asked = urllib.request.Request(server, urllib.parse.urlencode(members).encode(), headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        found = re.search(r"<Arn>([^<]+)</Arn>", answer.read().decode())
    assert found is not None
    return found[1]


async def test_a_function_lives_from_its_creation_to_its_deletion(server: str, request: pytest.FixtureRequest) -> None:
    keys = Credentials("AKIDEXAMPLE", "secret")
    async with LambdaClient(region="us-east-1", credentials=keys, endpoint_url=server, timeout=60) as client:
        with pytest.raises(WaitTimeoutError, match="the function does not exist"):
            await client.wait_until("orders", "exists", timeout=0.5)
        created = await client.send(
            CreateFunctionCommand(
                function_name="orders",
                role=role_at(server),
                runtime="python3.12",
                handler="app.handler",
                code=FunctionCode(zip_file=package("first")),
                timeout=20,
                memory_size=256,
            )
        )
        await client.wait_until("orders", "exists", timeout=10)
        await client.wait_until("orders", "active", timeout=10)
        first = await client.describe("orders")
        assert (first.function_name, first.version, first.timeout, first.memory) == ("orders", "$LATEST", 20, 256)
        assert (first.is_ready, first.reserved_concurrency) == (True, None)

        version = await client.send(PublishVersionCommand(function_name="orders"))
        assert version.version == "1"
        await client.wait_until("orders", "published", qualifier="1", timeout=10)
        await client.send(CreateAliasCommand(function_name="orders", name="live", function_version="1"))

        updated = await client.send(UpdateFunctionCodeCommand(function_name="orders", zip_file=package("second")))
        assert updated.code_sha256 != created.code_sha256
        await client.wait_until("orders", "updated", timeout=10)
        second = await client.send(PublishVersionCommand(function_name="orders"))
        await client.send(UpdateAliasCommand(function_name="orders", name="live", function_version=second.version))

        assert [one.version async for one in client.versions("orders")] == ["$LATEST", "1", "2"]
        assert [(one.name, one.function_version) async for one in client.aliases("orders")] == [("live", "2")]
        assert [one.function_name async for one in client.functions()] == ["orders"]
        assert len([page async for page in client.pages(ListFunctionsCommand())]) == 1
        assert [mapping async for mapping in client.event_source_mappings("orders")] == []

        await client.send(PutFunctionConcurrencyCommand(function_name="orders", reserved_concurrent_executions=7))
        assert (await client.describe("orders")).reserved_concurrency == 7
        output = await client.invoke("orders", {"id": 7}, timeout=Timeouts(read="function"))
        assert (output.status_code, output.function_error) == (200, None)
        if "ministack" in request.node.name:  # moto runs no code
            assert output.json() == {"said": "second", "event": {"id": 7}}

        await client.send(DeleteAliasCommand(function_name="orders", name="live"))
        await client.send(DeleteFunctionCommand(function_name="orders"))
        with pytest.raises(ResourceNotFoundException):
            await client.describe("orders")


async def test_account_limits_are_answered(tmp_path: Path) -> None:
    keys = Credentials("AKIDEXAMPLE", "secret")
    with ministack(tmp_path / "server.log") as server:  # moto does not know the operation
        async with LambdaClient(region="us-east-1", credentials=keys, endpoint_url=server) as client:
            limits = await client.account_limits()
    assert limits.concurrent_executions
