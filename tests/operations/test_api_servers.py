"""The control plane of Lambda as others wrote it: one scenario with real bytes, from the first version to the end."""

import asyncio
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import attrs
import pytest

from aiolambda import Credentials, LambdaClient, ResourceNotFoundException
from aiolambda.errors.service import ResourceConflictException
from aiolambda.operations import (
    CreateAliasCommand,
    CreateFunctionCommand,
    DeleteFunctionCommand,
    Environment,
    FunctionCode,
    GetAliasCommand,
    GetFunctionCommand,
    GetFunctionConfigurationCommand,
    ListFunctionsCommand,
    ListVersionsByFunctionCommand,
    PublishVersionCommand,
    UpdateFunctionCodeCommand,
)

from ..support import peers

KEYS = Credentials("AKIDEXAMPLE", "secret")
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@attrs.frozen
class Server:
    url: str
    role: str


@pytest.fixture(params=[peers.moto, peers.ministack], ids=["moto", "ministack"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    start: Callable[[Path], AbstractContextManager[str]] = request.param
    session = pytest.importorskip("botocore.session").get_session()
    with start(tmp_path / "log") as url:
        keys = {"aws_access_key_id": KEYS.access_key_id, "aws_secret_access_key": KEYS.secret_access_key}
        iam = session.create_client("iam", endpoint_url=url, region_name="us-east-1", **keys)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
        iam.close()
        yield Server(url, role)


def package(answer: str) -> bytes:
    """A function that returns this text."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", f"def handler(event, context):\n    return {answer!r}\n")
    return file.getvalue()


async def active(client: LambdaClient, name: str) -> None:
    async with asyncio.timeout(30):
        while True:
            output = await client.send(GetFunctionConfigurationCommand(function_name=name))
            if output.state in (None, "Active") and output.last_update_status in (None, "Successful"):
                return
            await asyncio.sleep(0.1)


async def test_a_function_lives_from_its_first_version_to_its_end(server: Server) -> None:
    async with LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url) as client:
        create = CreateFunctionCommand(
            function_name="orders",
            role=server.role,
            runtime="python3.12",
            handler="app.handler",
            code=FunctionCode(zip_file=package("first")),
            environment=Environment(variables={"STAGE": "a b&\u2603"}),
            timeout=7,
            publish=False,
        )
        created = await client.send(create)
        assert (created.function_name, created.timeout) == ("orders", 7)
        with pytest.raises(ResourceConflictException):
            await client.send(create)
        await active(client, "orders")
        version = (await client.send(PublishVersionCommand(function_name="orders"))).version
        assert version == "1"
        await client.send(CreateAliasCommand(function_name="orders", name="live", function_version=version))
        alias = await client.send(GetAliasCommand(function_name="orders", name="live"))
        assert (alias.name, alias.function_version) == ("live", "1")

        updated = await client.send(UpdateFunctionCodeCommand(function_name="orders", zip_file=package("second")))
        await active(client, "orders")
        assert updated.code_sha256 != created.code_sha256
        found = await client.send(GetFunctionCommand(function_name="orders"))
        assert found.configuration is not None
        assert (found.configuration.code_sha256, found.configuration.timeout) == (updated.code_sha256, 7)
        assert found.configuration.environment is not None
        assert found.configuration.environment.variables == {"STAGE": "a b&\u2603"}

        listed = await client.send(ListFunctionsCommand(max_items=50))
        assert [function.function_name for function in listed.functions or []] == ["orders"]
        versions = await client.send(ListVersionsByFunctionCommand(function_name="orders"))
        assert {one.version for one in versions.versions or []} == {"$LATEST", "1"}
        assert (await client.invoke("orders", {}, qualifier="$LATEST")).metadata.http_status_code == 200

        gone = await client.send(DeleteFunctionCommand(function_name="orders"))
        assert gone.metadata.http_status_code in (200, 204)
        with pytest.raises(ResourceNotFoundException):
            await client.send(GetFunctionCommand(function_name="orders"))
