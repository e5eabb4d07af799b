"""Versions, aliases, ARNs, tenants, durable names, concurrency and recursion: which process runs a call, if any does."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest

from aiolambda import (
    ConfigurationError,
    Delivery,
    DurableExecutionAlreadyStartedException,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    ResourceNotFoundException,
    TooManyRequestsException,
)
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.local.routing import choose

from ..support.local import becomes_true, read_soon

CODE = """
import os, time
from pathlib import Path

def handler(event, context):
    if "ran" in event:
        with open(event["ran"], "a") as file:
            file.write("x")
    while "until" in event and not os.path.exists(event["until"]):
        time.sleep(0.005)
    if event.get("fail"):
        raise ValueError("no tea")
    return {
        "code": CODE, "pid": os.getpid(), "version": context.function_version, "arn": context.invoked_function_arn,
        "root": os.environ["LAMBDA_TASK_ROOT"], "stream": context.log_stream_name, "tenant": context.tenant_id,
    }
"""
RECURSIVE = """
import json, os, urllib.error, urllib.request

def handler(event, context):
    if event["depth"] >= event["most"]:
        return {"depth": event["depth"], "code": None}
    url = f"{os.environ['AWS_ENDPOINT_URL_LAMBDA']}/2015-03-31/functions/{event['next']}/invocations"
    body = event | {"depth": event["depth"] + 1, "next": context.function_name}
    headers = {"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}  # as an AWS SDK does
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as error:
        return {"depth": event["depth"], "code": error.headers["x-amzn-ErrorType"]}
"""


def folder(path: Path, code: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "app.py").write_text(f"CODE = {code!r}\n{CODE}")
    return path


def function(root: Path, **settings) -> LocalFunction:
    return LocalFunction(**{"name": "orders", "handler": "app.handler", "root": root, "timeout": 30.0, **settings})


def client_of(endpoint: LocalEndpoint, **settings) -> LambdaClient:
    return LambdaClient(
        region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials, proxy="", **settings
    )


async def test_a_version_runs_the_code_of_its_folder(tmp_path):
    versions = {"1": folder(tmp_path / "1", "one"), "2": folder(tmp_path / "2", "two")}
    served = function(folder(tmp_path / "src", "new"), versions=versions, aliases={"live": "1", "head": "$LATEST"})
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        outputs = {
            qualifier: await client.invoke("orders", {}, qualifier=qualifier, log_type="Tail")
            for qualifier in (None, "$LATEST", "1", "2", "live", "head")
        }
    answers = {qualifier: output.json() for qualifier, output in outputs.items()}
    codes = {None: "new", "$LATEST": "new", "1": "one", "2": "two", "live": "one", "head": "new"}
    assert {qualifier: answer["code"] for qualifier, answer in answers.items()} == codes
    executed = {None: "$LATEST", "$LATEST": "$LATEST", "1": "1", "2": "2", "live": "1", "head": "$LATEST"}
    assert {qualifier: output.executed_version for qualifier, output in outputs.items()} == executed
    assert {qualifier: answer["version"] for qualifier, answer in answers.items()} == executed
    assert answers["live"]["pid"] == answers["1"]["pid"]
    assert answers["live"]["arn"].endswith(":function:orders:live")
    assert "/[1]" in answers["live"]["stream"]
    assert answers["2"]["root"] == str(tmp_path / "2")
    assert "Version: 1\n" in outputs["live"].log_tail


@pytest.mark.parametrize("qualifier", ["3", "dead", "LIVE"])
async def test_an_unknown_qualifier_is_not_found(tmp_path, qualifier):
    served = function(folder(tmp_path, "new"), aliases={"live": "$LATEST"})
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        with pytest.raises(ResourceNotFoundException, match=rf"function:orders:{qualifier}") as caught:
            await client.invoke("orders", {}, qualifier=qualifier)
    assert caught.value.delivery is Delivery.REFUSED
    assert endpoint.executions == []


async def test_a_weighted_alias_divides_the_calls(tmp_path):
    root = folder(tmp_path, "same")
    served = function(
        root, versions={"1": root, "2": root}, aliases={"live": {"1": 0.5, "2": 0.5}, "blue": {"1": 0.0, "2": 1.0}}
    )
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        live = Counter([(await client.invoke("orders:live", {})).executed_version for _ in range(60)])
        blue = {(await client.invoke("orders:blue", {})).executed_version for _ in range(10)}
    assert set(live) == {"1", "2"}
    assert min(live.values()) > 5
    assert blue == {"2"}


def test_a_route_gives_each_version_its_share():
    route = {"1": 0.1, "2": 0.2, "$LATEST": 0.7}
    chosen = Counter(choose(route, number / 1000) for number in range(1000))
    assert chosen == {"1": pytest.approx(100, abs=1), "2": pytest.approx(200, abs=1), "$LATEST": pytest.approx(700, abs=1)}
    assert choose({"1": 0.3333333, "2": 0.3333333, "3": 0.3333333}, 0.99999999) == "1"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"aliases": {"live": "1"}}, "the alias 'live' leads to the version '1', which does not exist; known: $LATEST"),
        ({"aliases": {"12": "$LATEST"}}, "an alias must be letters, digits, - and _, and not a number; got '12'"),
        ({"aliases": {"live": {"$LATEST": 0.5}}}, "has shares that add up to 0.5; they must add up to 1"),
        ({"aliases": {"live": {"$LATEST": 1.5}}}, "has a share of 1.5 for version $LATEST"),
        ({"aliases": {"live": 1}}, "must lead to a version, or to versions with their shares; got an int"),
        ({"versions": {"v1": Path()}}, "a version must be a whole number from 1 on, as text; got 'v1'"),
        ({"versions": {1: Path()}}, "a version must be a whole number from 1 on, as text; got 1"),
        ({"versions": {"1": 7}}, "the folder of version '1' must be a path"),
        ({"log_format": "json"}, "log_format must be 'Text' or 'JSON'; got 'json'"),
        ({"recursive_loop": "Never"}, "recursive_loop must be 'Terminate' or 'Allow'"),
    ],
)
def test_a_wrong_configuration_is_told(settings, said):
    with pytest.raises(ConfigurationError) as caught:
        function(Path(), **settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("orders", "arn:aws:lambda:us-east-1:000000000000:function:orders"),
        ("orders:live", "arn:aws:lambda:us-east-1:000000000000:function:orders:live"),
        ("123456789012:function:orders", "arn:aws:lambda:us-east-1:123456789012:function:orders"),
        ("123456789012:function:orders:live", "arn:aws:lambda:us-east-1:123456789012:function:orders:live"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:orders", "arn:aws:lambda:eu-west-1:123456789012:function:orders"),
    ],
)
async def test_the_function_sees_the_arn_of_the_call(tmp_path, name, arn):
    served = function(folder(tmp_path, "new"), aliases={"live": "$LATEST"})
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint, use_arn_region=True) as client:
        assert (await client.invoke(name, {})).json()["arn"] == arn


async def test_each_tenant_has_processes_of_its_own(tmp_path):
    served = function(folder(tmp_path, "new"))
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        seen = [
            (tenant, (await client.invoke("orders", {}, tenant_id=tenant)).json())
            for tenant in ("blue", "green", None, "blue", "green", None)
        ]
    assert {execution.version for execution in endpoint.executions} == {"$LATEST"}
    assert [answer["tenant"] for _, answer in seen] == [tenant for tenant, _ in seen]
    assert len({answer["pid"] for _, answer in seen}) == 3
    assert {(tenant, answer["pid"]) for tenant, answer in seen[:3]} == {(tenant, answer["pid"]) for tenant, answer in seen[3:]}


async def test_idle_processes_of_other_tenants_make_room(tmp_path):
    served = function(folder(tmp_path, "new"), concurrency=2)
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        for tenant in ("a", "b", "c", "d"):
            await client.invoke("orders", {}, tenant_id=tenant)
            assert len(endpoint.runtime_pids("orders")) <= 2
        used_last = set(endpoint.runtime_pids("orders"))
        assert (await client.invoke("orders", {}, tenant_id="d")).json()["pid"] in used_last


@pytest.mark.parametrize(
    ("isolation", "tenant", "said"),
    [(True, None, "Add a valid tenant ID"), (False, "blue", "Remove the tenant ID")],
)
async def test_tenant_isolation_is_enforced(tmp_path, isolation, tenant, said):
    served = function(folder(tmp_path, "new"), tenant_isolation=isolation)
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        with pytest.raises(LambdaServiceException, match=said):
            await client.invoke("orders", {}, tenant_id=tenant)
        await client.invoke("orders", {}, tenant_id=None if tenant else "blue")
    assert len(endpoint.executions) == 1


async def test_a_concurrency_of_zero_throttles_each_call(tmp_path):
    served = function(folder(tmp_path, "new"), concurrency=0)
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        with pytest.raises(TooManyRequestsException) as caught:
            await client.invoke("orders", {}, timeout=0.5)
    assert caught.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_the_account_has_a_limit_for_all_functions(tmp_path):
    root, until = folder(tmp_path, "new"), tmp_path / "until"
    served = [function(root), function(root, name="stock")]
    async with LocalEndpoint(served, account_concurrency=1) as endpoint, client_of(endpoint) as client:
        running = asyncio.create_task(client.invoke("orders", {"ran": str(tmp_path / "ran"), "until": str(until)}))
        await read_soon(tmp_path / "ran")
        with pytest.raises(TooManyRequestsException) as caught:
            await client.invoke("stock", {}, timeout=0.5)
        until.touch()
        await running
        await client.invoke("stock", {})
    assert caught.value.reason == "ConcurrentInvocationLimitExceeded"


async def test_a_durable_name_runs_once(tmp_path):
    served = function(folder(tmp_path, "new"), aliases={"live": "$LATEST"})
    ran = tmp_path / "ran"
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        first = await client.invoke("orders:live", {"ran": str(ran)}, durable_execution_name="order-7")
        second = await client.invoke("orders:live", {"ran": str(ran)}, durable_execution_name="order-7")
        with pytest.raises(DurableExecutionAlreadyStartedException) as caught:
            await client.invoke("orders:live", {"ran": str(ran), "other": 1}, durable_execution_name="order-7")
        third = await client.invoke("orders:live", {"ran": str(ran)}, durable_execution_name="order-8")
    assert first.payload == second.payload
    assert first.durable_execution_arn == second.durable_execution_arn
    assert first.durable_execution_arn.startswith(
        "arn:aws:lambda:us-east-1:000000000000:function:orders:$LATEST/durable-execution/order-7/"
    )
    assert third.durable_execution_arn != first.durable_execution_arn
    assert caught.value.delivery is Delivery.REFUSED
    assert ran.read_text() == "xx"


async def test_a_durable_name_waits_for_the_execution_that_runs(tmp_path):
    served = function(folder(tmp_path, "new"), durable=True, concurrency=1)
    ran, until = tmp_path / "ran", tmp_path / "until"
    event = {"ran": str(ran), "until": str(until)}
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        receipt = await client.invoke_event("orders:$LATEST", event, durable_execution_name="order-7")
        await read_soon(ran)
        again = await client.invoke_event("orders:$LATEST", event, durable_execution_name="order-7")
        waiting = asyncio.create_task(client.invoke("orders:$LATEST", event, durable_execution_name="order-7"))
        await becomes_true(lambda: len(endpoint.calls) == 3)
        assert not waiting.done()
        until.touch()
        output = await waiting
    assert receipt.durable_execution_arn == again.durable_execution_arn == output.durable_execution_arn
    assert output.json()["code"] == "new"
    assert ran.read_text() == "x"


async def test_a_durable_name_keeps_the_function_error(tmp_path):
    served = function(folder(tmp_path, "new"), durable=True)
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        command = InvokeCommand(function_name="orders:$LATEST", payload={"fail": 1}, durable_execution_name="order-7")
        outputs = [await client.send(command) for _ in range(2)]
    assert [output.function_error for output in outputs] == ["Unhandled", "Unhandled"]
    assert outputs[0].payload == outputs[1].payload
    assert len(endpoint.executions) == 1


async def test_a_throttled_execution_frees_its_name(tmp_path):
    served = function(folder(tmp_path, "new"), durable=True, concurrency=1)
    ran, until = tmp_path / "ran", tmp_path / "until"
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        running = asyncio.create_task(client.invoke("orders:$LATEST", {"ran": str(ran), "until": str(until)}))
        await read_soon(ran)
        with pytest.raises(TooManyRequestsException):
            await client.invoke("orders:$LATEST", {}, durable_execution_name="order-7", timeout=0.5)
        until.touch()
        assert (await running).durable_execution_arn is not None
        output = await client.invoke("orders:$LATEST", {"other": 1}, durable_execution_name="order-7")
    assert output.json()["code"] == "new"


async def test_an_execution_that_could_not_begin_frees_its_name(tmp_path, monkeypatch):
    def fail() -> tuple[int, int]:
        raise MemoryError

    served = function(folder(tmp_path, "new"), durable=True)
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client, asyncio.timeout(30):
        with monkeypatch.context() as patched, pytest.raises(LambdaServiceException):
            patched.setattr(os, "pipe", fail)
            await client.invoke("orders:$LATEST", {}, durable_execution_name="order-7")
        output = await client.invoke("orders:$LATEST", {"other": 1}, durable_execution_name="order-7")
    assert output.json()["code"] == "new"


async def test_a_durable_function_needs_a_qualifier(tmp_path):
    served = function(folder(tmp_path, "new"), durable=True)
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        with pytest.raises(LambdaServiceException, match="unqualified ARN"):
            await client.invoke("orders", {})
    assert endpoint.executions == []


async def test_closing_ends_a_call_that_waits_for_an_execution(tmp_path):
    served = function(folder(tmp_path, "new"), durable=True)
    event = {"ran": str(tmp_path / "ran"), "until": str(tmp_path / "never")}
    async with LocalEndpoint([served]) as endpoint, client_of(endpoint) as client:
        await client.invoke_event("orders:$LATEST", event, durable_execution_name="order-7")
        await read_soon(tmp_path / "ran")
        waiting = asyncio.create_task(client.invoke("orders:$LATEST", event, durable_execution_name="order-7"))
        await becomes_true(lambda: len(endpoint.calls) == 2)
        await endpoint.close()
        async with asyncio.timeout(20):
            with pytest.raises(Exception, match="stopped|lost|connect"):
                await waiting


@pytest.mark.parametrize("others", [[], ["stock"]], ids=["itself", "another"])
async def test_a_function_in_a_loop_is_stopped(tmp_path, others):
    (tmp_path / "app.py").write_text(RECURSIVE)
    served = [function(tmp_path, name=name, concurrency=20) for name in ("orders", *others)]
    async with LocalEndpoint(served, verify_signatures=False) as endpoint, client_of(endpoint) as client:
        event = {"depth": 1, "most": 100, "next": (others or ["orders"])[0]}
        output = await client.invoke("orders", event, timeout=60)
    assert output.json()["code"] == "RecursiveInvocationException"
    most = Counter(execution.function_name for execution in endpoint.executions)
    assert set(most.values()) == {16}
    assert output.json()["depth"] == sum(most.values())


async def test_a_loop_may_be_allowed(tmp_path):
    (tmp_path / "app.py").write_text(RECURSIVE)
    served = function(tmp_path, concurrency=20, recursive_loop="Allow")
    async with LocalEndpoint([served], verify_signatures=False) as endpoint, client_of(endpoint) as client:
        output = await client.invoke("orders", {"depth": 1, "most": 18, "next": "orders"}, timeout=60)
    assert output.json() == {"depth": 18, "code": None}
