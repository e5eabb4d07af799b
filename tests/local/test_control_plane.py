"""What the endpoint tells of functions in processes, read by our client, boto3 with its paginators and waiters, and the CLI."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from aiolambda import Credentials, LambdaClient
from aiolambda.local import EventInvokeConfig, LocalEndpoint, LocalFunction
from aiolambda.operations.api import commands

from ..support import peers
from ..support.local import HERE, function, serving, shared_endpoint
from ..support.other_clients import SCRIPTS

KEYS = Credentials("AKIDEXAMPLE", "secret")
ARN = "arn:aws:lambda:us-east-1:000000000000"


def orders(folder: Path, **settings):
    layer = folder / "common"
    layer.mkdir(exist_ok=True)
    return LocalFunction(
        name="orders",
        handler="local_handlers.handler",
        root=HERE,
        concurrency=3,
        timeout=20.5,
        memory_size=512,
        environment={"TABLE": "orders", "AWS_SECRET_ACCESS_KEY": "hidden"},
        layers=[layer],
        log_format="JSON",
        log_level="WARN",
        versions={"1": HERE, "2": HERE, "10": HERE},
        aliases={"live": "2", "canary": {"1": 0.9, "2": 0.1}},
        tenant_isolation=True,
        recursive_loop="Allow",
        events=EventInvokeConfig(maximum_retry_attempts=1, on_success="app", on_failure=folder / "failed.jsonl"),
        **settings,
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[LocalEndpoint]:
    functions = [function("app"), function("brief", durable=True), orders(tmp_path_factory.mktemp("orders"))]
    with shared_endpoint(*functions, region="us-east-1", credentials=KEYS, account_concurrency=500) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(served) -> Iterator[LocalEndpoint]:
    """The endpoint of all tests. What a test has set is gone after it."""
    yield served
    served.reset()


async def ask(endpoint, operation, **members):
    async with LambdaClient(
        region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials, proxy=""
    ) as client:
        return dict((await client.send(getattr(commands, f"{operation}Command")(**members))).raw)


async def test_a_description_is_that_of_the_definition(endpoint):
    answer = await ask(endpoint, "GetFunction", function_name="orders", qualifier="canary")
    described = answer["Configuration"]
    assert (
        described.items()
        >= {
            "FunctionName": "orders",
            "FunctionArn": f"{ARN}:function:orders:canary",
            "Version": "1",
            "Handler": "local_handlers.handler",
            "Timeout": 21,
            "MemorySize": 512,
            "PackageType": "Zip",
            "State": "Active",
        }.items()
    )
    assert described["Environment"] == {"Variables": {"TABLE": "orders"}}
    assert described["Layers"] == [{"Arn": f"{ARN}:layer:common:1", "CodeSize": 0}]
    assert described["LoggingConfig"].items() >= {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}.items()
    assert described["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    assert re.fullmatch(r"python3\.\d+", described["Runtime"])
    assert answer["Code"] == {"RepositoryType": "file", "Location": HERE.as_uri()}
    assert answer["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    assert "DurableConfig" in (await ask(endpoint, "GetFunctionConfiguration", function_name="brief"))


async def test_a_weighted_alias_has_its_weights(endpoint):
    answer = await ask(endpoint, "ListAliases", function_name="orders")
    canary, live = answer["Aliases"]
    assert (canary["FunctionVersion"], canary["RoutingConfig"]) == ("1", {"AdditionalVersionWeights": {"2": 0.1}})
    assert live["FunctionVersion"] == "2"
    assert "RoutingConfig" not in live


async def test_the_treatment_of_events_is_told(endpoint):
    answer = await ask(endpoint, "GetFunctionEventInvokeConfig", function_name="orders")
    destinations = answer["DestinationConfig"]
    assert (answer["MaximumRetryAttempts"], answer["MaximumEventAgeInSeconds"]) == (1, 21_600)
    assert destinations["OnSuccess"] == {"Destination": f"{ARN}:function:app"}
    assert destinations["OnFailure"]["Destination"].endswith("/failed.jsonl")
    listed = await ask(endpoint, "ListFunctionEventInvokeConfigs", function_name="orders")
    assert listed["FunctionEventInvokeConfigs"] == [answer]


async def test_a_handler_of_the_program_has_its_treatment_of_events():
    async with LocalEndpoint() as endpoint:
        endpoint.add("orders", len, events=EventInvokeConfig(maximum_retry_attempts=0, on_success=print))
        answer = await ask(endpoint, "GetFunctionEventInvokeConfig", function_name="orders")
        assert (answer["MaximumRetryAttempts"], answer["DestinationConfig"]) == (0, {"OnFailure": {}, "OnSuccess": {}})


async def test_recursion_layers_and_limits_are_told(endpoint):
    assert await ask(endpoint, "GetFunctionRecursionConfig", function_name="orders") == {"RecursiveLoop": "Allow"}
    (layer,) = (await ask(endpoint, "ListLayers"))["Layers"]
    assert (layer["LayerName"], layer["LatestMatchingVersion"]["Version"]) == ("common", 1)
    version = await ask(endpoint, "GetLayerVersion", layer_name=layer["LayerArn"], version_number=1)
    assert version["Content"]["Location"].endswith("/common")
    limits = (await ask(endpoint, "GetAccountSettings"))["AccountLimit"]
    reserved = sum(function.concurrency for function in endpoint.functions.values())
    assert limits["ConcurrentExecutions"] == 500
    assert limits["UnreservedConcurrentExecutions"] == 500 - reserved


async def test_a_function_of_another_region_is_not_found(endpoint):
    url = f"{endpoint.url}/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:orders"
    async with serving(orders(Path(endpoint.functions["orders"].layers[0]).parent), region="us-east-1") as unsigned:
        url = url.replace(endpoint.url, unsigned.endpoint.url)
        async with unsigned.session.get(url) as response:
            assert (response.status, response.headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")
            assert "not reachable in this region ('us-east-1')" in (await response.json())["Message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "functions"), ("GET", "functions/orders"), ("DELETE", "functions/orders")],
    ids=["list", "get", "not emulated"],
)
async def test_a_request_without_signature_is_refused(endpoint, method, path):
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{endpoint.url}/2015-03-31/{path}") as response,
    ):
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")


async def test_a_web_page_learns_nothing_without_signatures():
    async with serving() as unsigned:
        url = f"{unsigned.endpoint.url}/2015-03-31/functions"
        async with unsigned.session.get(url, headers={"Origin": "https://elsewhere.example"}) as response:
            assert (response.status, response.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
        async with unsigned.session.get(url) as response:
            assert response.status == 200


# Clients of others


async def boto3(endpoint, folder, *asked):
    """The answers that boto3 gives to these calls."""
    script = [peers.clients_python("boto3"), str(SCRIPTS / "boto3_reads.py")]
    return json.loads(await output_of(script, endpoint, folder, json.dumps(asked).encode()))


async def output_of(command, endpoint, folder, given=b""):
    """What a program writes that has the variables of the endpoint."""
    environment = {
        **endpoint.environment(),
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-1, env=environment, cwd=folder)
    out, err = await asyncio.wait_for(process.communicate(given), 120)
    return out if not process.returncode else out + err


def call(name, **given):
    return {"call": name, "input": given}


def pages(name, size, **given):
    return {"pages": name, "input": {**given, "PaginationConfig": {"PageSize": size}}}


@pytest.mark.slow
async def test_boto3_understands_the_answers(endpoint, tmp_path):
    name = {"FunctionName": "orders"}
    found, configuration, alias, concurrency, settings, mappings, events, tags, missing, unset, refused = await boto3(
        endpoint,
        tmp_path,
        call("get_function", **name, Qualifier="live"),
        call("get_function_configuration", FunctionName=f"{ARN}:function:orders:1"),
        call("get_alias", **name, Name="canary"),
        call("get_function_concurrency", **name),
        call("get_account_settings"),
        call("list_event_source_mappings", **name),
        call("get_function_event_invoke_config", **name),
        call("list_tags", Resource=f"{ARN}:function:orders"),
        call("get_function", FunctionName="order"),
        call("get_provisioned_concurrency_config", **name, Qualifier="live"),
        call("delete_function", **name),
    )
    assert (found["Configuration"]["Version"], found["Configuration"]["State"]) == ("2", "Active")
    assert (configuration["Version"], configuration["LastUpdateStatus"]) == ("1", "Successful")
    assert alias["RoutingConfig"]["AdditionalVersionWeights"] == {"2": 0.1}
    assert (concurrency, tags) == ({"ReservedConcurrentExecutions": 3}, {"Tags": {}})
    assert settings["AccountUsage"]["FunctionCount"] == 3
    assert (mappings, events["LastModified"][:2]) == ({"EventSourceMappings": []}, "20")
    assert (missing["Error"]["Code"], missing["Status"]) == ("ResourceNotFoundException", 404)
    assert missing["Error"]["Message"] == f"Function not found: {ARN}:function:order"
    assert unset["Error"]["Code"] == "ProvisionedConcurrencyConfigNotFoundException"
    assert (refused["Error"]["Code"], refused["Status"]) == ("UnknownOperationException", 404)
    assert refused["Error"]["Message"].startswith("DeleteFunction is not emulated here")


@pytest.mark.slow
async def test_boto3_turns_the_pages(endpoint, tmp_path):
    endpoint.set_provisioned_concurrency("orders:live", 5)
    functions, every, versions, aliases, provisioned, events, layers = await boto3(
        endpoint,
        tmp_path,
        pages("list_functions", 2),
        pages("list_functions", 2, FunctionVersion="ALL"),
        pages("list_versions_by_function", 3, FunctionName="orders"),
        pages("list_aliases", 1, FunctionName="orders"),
        pages("list_provisioned_concurrency_configs", 1, FunctionName="orders"),
        pages("list_function_event_invoke_configs", 1, FunctionName="orders"),
        pages("list_layers", 1),
    )
    assert [[one["FunctionName"] for one in page["Functions"]] for page in functions] == [["app", "brief"], ["orders"]]
    names = [one["FunctionArn"].partition(":function:")[2] for page in every for one in page["Functions"]]
    assert names == ["app:$LATEST", "brief:$LATEST", *(f"orders:{version}" for version in ("$LATEST", "1", "2", "10"))]
    assert [[one["Version"] for one in page["Versions"]] for page in versions] == [["$LATEST", "1", "2"], ["10"]]
    assert [[one["Name"] for one in page["Aliases"]] for page in aliases] == [["canary"], ["live"]]
    ((config,),) = (page["ProvisionedConcurrencyConfigs"] for page in provisioned)
    assert (config["Status"], config["FunctionArn"]) == ("READY", f"{ARN}:function:orders:live")
    assert len(events) == len(layers) == 1


@pytest.mark.slow
async def test_boto3_waits_for_states(endpoint, tmp_path):
    endpoint.set_state("orders", "Pending", times=2, reason_code="Creating")
    endpoint.set_update("app", "InProgress", times=2)
    endpoint.set_state("orders:1", "Pending", times=1)
    endpoint.set_update("brief", "Failed", reason="The image was deleted.", reason_code="ImageDeleted")
    given = {"FunctionName": "orders"}
    *waited, failed, missing = await boto3(
        endpoint,
        tmp_path,
        {"wait": "function_active_v2", "input": given},
        {"wait": "function_updated_v2", "input": {"FunctionName": "app"}},
        {"wait": "published_version_active", "input": {**given, "Qualifier": "1"}},
        {"wait": "function_exists", "input": given},
        {"wait": "function_updated", "input": {"FunctionName": "brief"}},
        {"wait": "function_exists", "input": {"FunctionName": "order"}},
    )
    assert waited == [None] * 4
    asked = [call.operation for call in endpoint.control_plane_calls]
    assert asked[:8] == ["GetFunction"] * 6 + ["GetFunctionConfiguration"] * 2
    assert failed["Last"]["LastUpdateStatusReasonCode"] == "ImageDeleted"
    assert "Max attempts exceeded" in missing["Error"]


@pytest.mark.slow
async def test_the_aws_cli_reads_and_waits(endpoint, tmp_path):
    async def aws(*arguments):
        return (await output_of([peers.aws_cli(), "lambda", *arguments], endpoint, tmp_path)).decode()

    names = await aws("list-functions", "--query", "Functions[].FunctionName", "--output", "text")
    assert names.split() == ["app", "brief", "orders"]
    versions = json.loads(await aws("list-versions-by-function", "--function-name", "orders", "--page-size", "1"))
    assert [version["Version"] for version in versions["Versions"]] == ["$LATEST", "1", "2", "10"]
    assert await aws("wait", "function-active-v2", "--function-name", "orders:live") == ""
    refused = await aws("publish-version", "--function-name", "orders")
    assert "(UnknownOperationException) when calling the PublishVersion operation: PublishVersion is not emulated" in refused
