"""The operations that read configuration: the fake and the local endpoint answer them alike, so both have the same tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from aiolambda import (
    ConfigurationError,
    ConnectionLostError,
    InvocationTimeoutError,
    LambdaClient,
    LambdaServiceException,
    NoRetry,
    ResourceNotFoundException,
    TooManyRequestsException,
)
from aiolambda.emulation.control_plane.answers import EMULATED
from aiolambda.emulation.control_plane.routes import asked_of, operation_names
from aiolambda.errors.service import ResourceConflictException
from aiolambda.errors.waits import WaitError
from aiolambda.local import LocalEndpoint
from aiolambda.operations.api import commands
from aiolambda.operations.structure import Kind, table_of
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers, Request

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


@attrs.frozen
class Stage:
    """A stand-in and a client of it."""

    lambda_: Any
    client: LambdaClient

    async def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """The JSON answer of an operation. The client does not repeat it."""
        output = await self.client.send(getattr(commands, f"{operation}Command")(**members))
        return dict(output.raw)


@asynccontextmanager
async def fake(**settings: Any) -> AsyncIterator[Stage]:
    stand_in = FakeTransport()
    async with LambdaClient(transport=stand_in, retry=NoRetry()) as client:
        yield Stage(stand_in, client)


@asynccontextmanager
async def endpoint(**settings: Any) -> AsyncIterator[Stage]:
    async with (
        LocalEndpoint(**settings) as stand_in,
        LambdaClient(
            region=stand_in.region,
            endpoint_url=stand_in.url,
            credentials=stand_in.credentials,
            retry=NoRetry(),
            proxy="",
        ) as client,
    ):
        yield Stage(stand_in, client)


@pytest.fixture(params=[fake, endpoint], ids=["fake", "endpoint"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with request.param() as made:
        yield made


def handler(event: object) -> object:
    return event


@pytest.fixture
def orders(stage: Stage) -> Stage:
    """A function with two versions and an alias of one."""
    stage.lambda_.add("orders", handler, timeout=2.5)
    for version in ("1", "12"):
        stage.lambda_.add("orders", handler, qualifier=version)
    stage.lambda_.add("orders", handler, qualifier="live", version="12")
    return stage


def problems(content: object, kind: Kind, path: str) -> list[str]:
    """Members of an answer that the model does not have, or that have another type."""
    if content is None:
        return []
    if kind.structure is not None and isinstance(content, Mapping):
        members = table_of(kind.structure).by_api_name
        found = [f"{path}.{name}" for name in content if name not in members]
        for name in content.keys() & members.keys():
            found += problems(content[name], members[name].kind, f"{path}.{name}")
        return found
    if kind.inner is not None and isinstance(content, list | dict):
        values = content if isinstance(content, list) else content.values()
        return [problem for value in values for problem in problems(value, kind.inner, f"{path}[]")]
    known = {"str": str, "int": int, "bool": bool, "float": float, "time": float}
    return [] if kind.name in known and isinstance(content, known[kind.name]) else [f"{path}: {type(content).__name__}"]


READS = {
    "GetFunction": {"function_name": "orders"},
    "GetFunctionConfiguration": {"function_name": "orders", "qualifier": "live"},
    "GetAlias": {"function_name": "orders", "name": "live"},
    "GetFunctionConcurrency": {"function_name": "orders"},
    "GetFunctionRecursionConfig": {"function_name": "orders"},
    "GetProvisionedConcurrencyConfig": {"function_name": "orders", "qualifier": "live"},
    "GetRuntimeManagementConfig": {"function_name": "orders"},
    "GetAccountSettings": {},
    "ListAliases": {"function_name": "orders"},
    "ListEventSourceMappings": {"function_name": "orders"},
    "ListFunctionEventInvokeConfigs": {"function_name": "orders"},
    "ListFunctionUrlConfigs": {"function_name": "orders"},
    "ListFunctions": {"function_version": "ALL"},
    "ListLayerVersions": {"layer_name": "common"},
    "ListLayers": {},
    "ListProvisionedConcurrencyConfigs": {"function_name": "orders"},
    "ListTags": {"resource": f"{ARN}:orders"},
    "ListVersionsByFunction": {"function_name": "orders"},
}
NOT_SET = {
    "GetEventSourceMapping": {"uuid": "1"},
    "GetFunctionEventInvokeConfig": {"function_name": "orders"},
    "GetFunctionUrlConfig": {"function_name": "orders"},
    "GetLayerVersion": {"layer_name": "common", "version_number": 1},
    "GetPolicy": {"function_name": "orders"},
}
"""What this function has not."""


def test_every_emulated_operation_is_asked() -> None:
    assert READS.keys() | NOT_SET.keys() == EMULATED


@pytest.mark.parametrize("operation", sorted(READS))
async def test_an_answer_has_the_members_of_the_model(orders: Stage, operation: str) -> None:
    orders.lambda_.set_provisioned_concurrency("orders:live", 5)
    answer = await orders.ask(operation, **READS[operation])
    output = getattr(commands, f"{operation}Command").operation.output_class
    assert problems(answer, Kind("structure", structure=output), operation) == []
    assert answer or operation == "GetFunctionConcurrency"


@pytest.mark.parametrize("operation", sorted(NOT_SET))
async def test_what_is_not_set_is_not_found(orders: Stage, operation: str) -> None:
    with pytest.raises(ResourceNotFoundException):
        await orders.ask(operation, **NOT_SET[operation])


@pytest.mark.parametrize(
    "operation", sorted(name for name, members in {**READS, **NOT_SET}.items() if "function_name" in members)
)
async def test_an_unknown_function_is_not_found(stage: Stage, operation: str) -> None:
    members = {**READS, **NOT_SET}[operation]
    with pytest.raises(ResourceNotFoundException, match=f"Function not found: {ARN}:orders") as raised:
        await stage.ask(operation, **members)
    assert (raised.value.status_code, raised.value.fault) == (404, "client")


# Functions, versions and aliases


@pytest.mark.parametrize(
    ("name", "qualifier", "version", "arn"),
    [
        ("orders", None, "$LATEST", "orders"),
        ("orders", "$LATEST", "$LATEST", "orders:$LATEST"),
        ("orders", "1", "1", "orders:1"),
        ("orders:live", None, "12", "orders:live"),
        ("000000000000:function:orders", "live", "12", "orders:live"),
        (f"{ARN}:orders:12", None, "12", "orders:12"),
    ],
    ids=["name", "latest", "version", "alias in the name", "partial ARN", "ARN"],
)
async def test_a_qualifier_selects_a_version(orders: Stage, name: str, qualifier: str | None, version: str, arn: str) -> None:
    answer = await orders.ask("GetFunctionConfiguration", function_name=name, qualifier=qualifier)
    assert (answer["Version"], answer["FunctionArn"]) == (version, f"{ARN}:{arn}")
    assert (answer["State"], answer["LastUpdateStatus"], answer["Timeout"]) == ("Active", "Successful", 3)


async def test_an_arn_of_another_account_keeps_its_account(orders: Stage) -> None:
    answer = await orders.ask("GetFunctionConfiguration", function_name="123456789012:function:orders")
    assert answer["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:orders"


async def test_an_unknown_qualifier_is_not_found(orders: Stage) -> None:
    with pytest.raises(ResourceNotFoundException, match=f"{ARN}:orders:dead"):
        await orders.ask("GetFunction", function_name="orders", qualifier="dead")
    with pytest.raises(ResourceNotFoundException, match=f"Cannot find alias arn: {ARN}:orders:1"):
        await orders.ask("GetAlias", function_name="orders", name="1")


async def test_a_function_without_qualifiers_answers_to_all(stage: Stage) -> None:
    stage.lambda_.add("price", handler)
    answer = await stage.ask("GetFunctionConfiguration", function_name="price", qualifier="any")
    assert (answer["Version"], answer["FunctionArn"]) == ("$LATEST", f"{ARN}:price:any")
    assert (await stage.ask("ListAliases", function_name="price"))["Aliases"] == []


async def test_versions_are_listed_by_number(orders: Stage) -> None:
    assert [version.version async for version in orders.client.versions("orders", page_size=1)] == ["$LATEST", "1", "12"]
    (alias,) = [alias async for alias in orders.client.aliases("orders")]
    assert (alias.name, alias.function_version, alias.alias_arn) == ("live", "12", f"{ARN}:orders:live")
    assert [alias async for alias in orders.client.aliases("orders", function_version="1")] == []


@pytest.mark.parametrize("size", [1, 2, 50, None], ids=["one", "two", "all", "default"])
async def test_pages_have_each_function_once(stage: Stage, size: int | None) -> None:
    names = [f"f{number:02}" for number in range(60)]
    for name in reversed(names):
        stage.lambda_.add(name, handler)
    found = [function.function_name async for function in stage.client.functions(page_size=size)]
    assert found == names
    assert len(stage.lambda_.control_plane_calls) == -(-60 // (size or 50))


async def test_a_marker_stays_right_when_functions_come_and_go(stage: Stage) -> None:
    for name in ("a", "c", "d"):
        stage.lambda_.add(name, handler)
    first = await stage.ask("ListFunctions", max_items=1)
    stage.lambda_.add("b", handler)
    second = await stage.ask("ListFunctions", max_items=2, marker=first["NextMarker"])
    assert [function["FunctionName"] for function in second["Functions"]] == ["b", "c"]
    assert second["NextMarker"]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"max_items": 0}, "ValidationException"),
        ({"max_items": 10_001}, "ValidationException"),
        ({"marker": "%%"}, "InvalidParameterValueException"),
        ({"function_version": "1"}, "ValidationException"),
    ],
    ids=["no items", "too many", "marker", "version"],
)
async def test_a_wrong_page_is_refused(stage: Stage, members: dict[str, Any], code: str) -> None:
    with pytest.raises(LambdaServiceException) as raised:
        await stage.ask("ListFunctions", **members)
    assert (raised.value.code, raised.value.status_code) == (code, 400)


async def test_lists_of_functions_have_no_states(orders: Stage) -> None:
    orders.lambda_.set_state("orders", "Failed")
    assert [function.state async for function in orders.client.functions()] == [None]
    (latest, *_) = (await orders.ask("ListVersionsByFunction", function_name="orders"))["Versions"]
    assert latest["State"] == "Failed"


async def test_a_changed_function_has_another_revision(stage: Stage) -> None:
    stage.lambda_.add("orders", handler)
    before = await stage.ask("GetFunctionConfiguration", function_name="orders")
    assert await stage.ask("GetFunctionConfiguration", function_name="orders") == before
    stage.lambda_.add("orders", handler, timeout=9)
    after = await stage.ask("GetFunctionConfiguration", function_name="orders")
    assert after["RevisionId"] != before["RevisionId"]


async def test_the_account_has_a_limit_and_counts_functions(orders: Stage) -> None:
    limits = await orders.client.account_limits()
    assert (limits.concurrent_executions, limits.unreserved_concurrent_executions) == (1000, 1000)
    assert (await orders.ask("GetAccountSettings"))["AccountUsage"]["FunctionCount"] == 1


async def test_the_fake_tells_a_reserved_concurrency() -> None:
    async with fake() as stage:
        stage.lambda_.add("orders", handler, concurrency=950)
        assert await stage.ask("GetFunctionConcurrency", function_name="orders") == {"ReservedConcurrentExecutions": 950}
        assert (await stage.client.describe("orders")).reserved_concurrency == 950
        assert (await stage.client.account_limits()).unreserved_concurrent_executions == 100
        with pytest.raises(ConfigurationError, match="concurrency must be a whole number"):
            stage.lambda_.add("orders", handler, concurrency=-1)


async def test_the_fake_has_its_functions_in_the_region_of_the_client() -> None:
    fake = FakeTransport({"orders": lambda _, context: context.invoked_function_arn})
    async with LambdaClient(transport=fake, region="eu-west-1") as client:
        (function,) = [function async for function in client.functions()]
        arn = function.function_arn
        assert arn == "arn:aws:lambda:eu-west-1:000000000000:function:orders"
        assert (await client.describe(arn)).function_arn == arn
        assert (await client.invoke("orders")).json() == (await client.invoke(arn)).json() == arn


# States


@pytest.mark.virtual_time
async def test_states_are_told_in_order() -> None:
    async with fake() as stage:
        stage.lambda_.add("orders", handler)
        stage.lambda_.set_state("orders", "Pending", times=2, reason="The function is being created.", reason_code="Creating")
        await stage.client.wait_until("orders", "active", timeout=60)
        assert [call.operation for call in stage.lambda_.control_plane_calls] == ["GetFunction"] * 3


@pytest.mark.virtual_time
async def test_a_state_can_fail_with_its_reason() -> None:
    async with fake() as stage:
        stage.lambda_.add("orders", handler)
        stage.lambda_.set_state("orders", "Pending", times=1)
        stage.lambda_.set_state("orders", "Failed", reason="The image was deleted.", reason_code="ImageDeleted")
        with pytest.raises(WaitError, match="The image was deleted") as raised:
            await stage.client.wait_until("orders", "active")
        assert raised.value.reason_code == "ImageDeleted"


@pytest.mark.virtual_time
async def test_updates_and_provisioned_concurrency_can_be_waited_for() -> None:
    async with fake() as stage:
        stage.lambda_.add("orders", handler)
        stage.lambda_.set_update("orders", "InProgress", times=1)
        await stage.client.wait_until("orders", "updated", timeout=60)
        stage.lambda_.set_provisioned_concurrency("orders:live", 5, status="IN_PROGRESS", times=2)
        await stage.client.wait_until("orders", "provisioned", qualifier="live", timeout=60)
        assert len(stage.lambda_.control_plane_calls) == 2 + 3
        stage.lambda_.set_provisioned_concurrency("orders:live", 5, status="FAILED", reason="no capacity")
        with pytest.raises(WaitError, match="no capacity"):
            await stage.client.wait_until("orders:live", "provisioned")


async def test_a_state_without_times_stays_until_the_next(orders: Stage) -> None:
    async def state(**members: Any) -> str:
        answer = await orders.ask("GetFunctionConfiguration", function_name="orders", **members)
        return str(answer["State"])

    orders.lambda_.set_state("orders", "Inactive")
    assert [await state(), await state(), await state(qualifier="live")] == ["Inactive"] * 3
    orders.lambda_.set_state("orders:1", "Pending")
    assert [await state(qualifier="1"), await state(), await state(qualifier="$LATEST")] == ["Pending", "Inactive", "Inactive"]
    orders.lambda_.set_state("orders", "Active")
    assert await state() == "Active"
    orders.lambda_.reset()
    assert await state(qualifier="1") == "Active"


@pytest.mark.parametrize("state", ["Pending", "Failed"])
async def test_a_function_that_is_not_ready_is_not_invoked(orders: Stage, state: Any) -> None:
    orders.lambda_.set_state("orders", state, times=1)
    for _ in range(2):  # an invocation is no description, so it does not use up the state
        with pytest.raises(ResourceConflictException, match=f"in the following state: {state}"):
            await orders.client.invoke("orders", 1)
    await orders.client.describe("orders")
    assert (await orders.client.invoke("orders", 1)).json() == 1
    assert len(orders.lambda_.executions) == 1


async def test_provisioned_concurrency_is_that_of_a_qualifier(orders: Stage) -> None:
    name = {"function_name": "orders"}
    with pytest.raises(LambdaServiceException) as raised:
        await orders.ask("GetProvisionedConcurrencyConfig", **name, qualifier="live")
    assert (raised.value.code, raised.value.status_code) == ("ProvisionedConcurrencyConfigNotFoundException", 404)
    orders.lambda_.set_provisioned_concurrency("orders:live", 5, status="IN_PROGRESS", times=1)
    answer = await orders.ask("GetProvisionedConcurrencyConfig", **name, qualifier="live")
    assert (answer["Status"], answer["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    (listed,) = (await orders.ask("ListProvisionedConcurrencyConfigs", **name))["ProvisionedConcurrencyConfigs"]
    assert (listed["FunctionArn"], listed["Status"]) == (f"{ARN}:orders:live", "READY")
    assert listed["AvailableProvisionedConcurrentExecutions"] == 5


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (("set_state", "order", "Active"), "there is no function 'order'; did you mean orders"),
        (("set_state", "orders", "Pendin"), "there is no state 'Pendin'; did you mean Pending"),
        (("set_update", "orders", "Active"), "there is no status 'Active'; choose from Successful, InProgress, Failed"),
        (("set_provisioned_concurrency", "orders", 5), "write 'orders:live'"),
        (("set_provisioned_concurrency", "orders:live", 0), "executions must be a whole number"),
    ],
    ids=["name", "state", "update", "no qualifier", "count"],
)
def test_a_wrong_setting_is_refused(settings: tuple[Any, ...], text: str) -> None:
    method, *arguments = settings
    with pytest.raises(ConfigurationError, match=text):
        getattr(FakeTransport({"orders": handler}), method)(*arguments)


# Failures and records


async def test_an_operation_can_fail(orders: Stage) -> None:
    orders.lambda_.fail("orders", TooManyRequestsException, times=1, operation="GetFunction")
    assert (await orders.client.invoke("orders", 1)).json() == 1
    await orders.ask("GetFunctionConfiguration", function_name="orders")
    with pytest.raises(TooManyRequestsException):
        await orders.client.describe("orders")
    await orders.client.describe("orders")


async def test_invocations_fail_alone(orders: Stage) -> None:
    orders.lambda_.fail("*", TooManyRequestsException)
    await orders.client.describe("orders")
    with pytest.raises(TooManyRequestsException):
        await orders.client.invoke("orders", 1)


async def test_an_operation_that_is_not_emulated_can_fail_in_another_way(orders: Stage) -> None:
    orders.lambda_.fail("orders", ResourceConflictException, operation="PublishVersion")
    with pytest.raises(ResourceConflictException):
        await orders.ask("PublishVersion", function_name="orders")


async def test_an_operation_can_lose_its_answer_or_be_slow(orders: Stage) -> None:
    orders.lambda_.fail("*", ConnectionLostError, times=1, operation="ListFunctions")
    with pytest.raises(ConnectionLostError):
        await orders.ask("ListFunctions")
    orders.lambda_.delay("*", 30, times=1, operation="ListFunctions")
    with pytest.raises(InvocationTimeoutError):
        await orders.client.send(commands.ListFunctionsCommand(), timeout=0.05)


@pytest.mark.parametrize(
    ("failure", "settings", "text"),
    [
        (ValueError("no"), {}, "no function runs in GetFunction"),
        (TooManyRequestsException, {"payload": 1}, "payload= and when= are for invocations"),
        (TooManyRequestsException, {"operation": "getFunction"}, "did you mean GetFunction"),
        (TooManyRequestsException, {"operation": "Invoke"}, "one that runs no function"),
    ],
    ids=["exception", "payload", "spelling", "invocation"],
)
def test_a_failure_that_no_operation_has_is_refused(failure: Any, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        FakeTransport({"orders": handler}).fail("orders", failure, **{"operation": "GetFunction", **settings})


async def test_operations_are_recorded_apart_from_invocations(orders: Stage) -> None:
    await orders.client.describe("orders", qualifier="live")
    await orders.ask("GetAccountSettings")
    first, second = orders.lambda_.control_plane_calls
    assert (first.operation, first.function_name, first.qualifier, first.attempt) == ("GetFunction", "orders", "live", 1)
    assert (second.operation, second.function_name, second.body) == ("GetAccountSettings", None, b"")
    assert orders.lambda_.calls == []
    orders.lambda_.reset()
    assert orders.lambda_.control_plane_calls == []


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DeleteFunction", {"function_name": "orders"}),
        ("PublishVersion", {"function_name": "orders"}),
        ("ListFunctionVersionsByCapacityProvider", {"capacity_provider_name": "some"}),
    ],
    ids=["delete", "publish", "list"],
)
async def test_another_operation_is_refused_by_name(orders: Stage, operation: str, members: dict[str, Any]) -> None:
    with pytest.raises(LambdaServiceException, match=f"{operation} is not emulated here") as raised:
        await orders.ask(operation, **members)
    assert (raised.value.code, raised.value.status_code) == ("UnknownOperationException", 404)
    assert not raised.value.may_have_run


async def test_an_operation_with_much_code_is_refused_by_name(orders: Stage) -> None:
    with pytest.raises(LambdaServiceException, match="UpdateFunctionCode is not emulated here"):
        await orders.ask("UpdateFunctionCode", function_name="orders", zip_file=bytes(7_000_000))


# Routes

SAMPLES = {"FunctionName": "orders", "Name": "live", "VersionNumber": "1", "Resource": ARN}


@pytest.mark.parametrize("name", sorted(name for name in commands.__all__ if name.endswith("Command")))
def test_a_request_has_its_operation(name: str) -> None:
    operation = getattr(commands, name).operation
    path, _, query = operation.route.uri.partition("?")
    for label in table_of(operation.input_class).by_api_name.values():
        path = path.replace(f"{{{label.wire_name}}}", SAMPLES.get(label.wire_name, "x"))
    for spelled in (path, f"{path}/", path.removesuffix("/")):
        asked = asked_of(operation.route.method, spelled, query)
        assert asked is not None
        assert asked.operation == operation.name


def test_an_invocation_is_no_such_operation() -> None:
    assert operation_names().isdisjoint({"Invoke", "InvokeWithResponseStream"})
    assert len(operation_names()) == 89
    assert asked_of("POST", "/2015-03-31/functions/orders/invocations", "") is None
    assert asked_of("GET", "/2015-03-31/function", "") is None


async def test_the_fake_answers_below_the_path_of_an_endpoint() -> None:
    request = Request("GET", "http://lambda/proxy/2015-03-31/functions/orders?Qualifier=live", Headers(), b"")
    response = await FakeTransport({"orders": handler}).send(request)
    assert response.status == 200
