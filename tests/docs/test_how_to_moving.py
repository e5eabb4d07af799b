"""The pages for those who come from other clients: our half of each pair runs, and each setting that they name exists."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import attrs
import pytest

from aiolambda import InvokeCommandInput, InvokeCommandOutput, LambdaClient, Request, Response, StandardRetry, Timeouts
from aiolambda.config.client_config import ClientSettings
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.testing import FakeTransport

from ..support.pages import BLOCKS, ROOT, run_fragments
from .test_pages import rows_of

NAMES = ("from-aiobotocore", "from-boto3", "from-js-v3")
THEIRS = {"from-aiobotocore": "py", "from-boto3": "py", "from-js-v3": "js"}


@pytest.fixture(params=NAMES)
def page(request: pytest.FixtureRequest) -> dict[str, Any]:
    return run_fragments(f"docs/how-to/{request.param}.md")


def text_of(name: str) -> str:
    return (ROOT / "docs" / "how-to" / f"{name}.md").read_text()


def order(event: Any) -> Any:
    if event["id"] == 0:
        raise ValueError("no order")
    return {"order": event["id"]}


async def write(event: Any) -> AsyncGenerator[str]:
    yield event["topic"]
    yield "!"


def client_of(**settings: Any) -> LambdaClient:
    return LambdaClient(transport=FakeTransport({"orders": order, "writer": write}), **settings)


async def test_the_pairs_of_a_page_run(page: dict[str, Any]) -> None:
    async with client_of() as client:
        assert await page["call"](client) == {"order": 7}
        assert await page["outcome"](client) == "done"
        assert await page["stream"](client) == b"tea!"
        assert await page["many"](client, [1, 2, 3]) == [{"order": number} for number in (1, 2, 3)]
    page["LambdaClient"] = client_of
    assert await page["main"]() == {"order": 7}


async def test_each_outcome_has_its_branch(page: dict[str, Any]) -> None:
    class Throttled(FakeTransport):
        async def send(self, request: Request, /) -> Response:
            headers = {"x-amzn-errortype": "TooManyRequestsException", "retry-after": "99"}
            return Response(429, headers, b'{"Reason":"CallerRateLimitExceeded"}')

    def failing(event: Any) -> None:
        raise ValueError("no order")

    outcomes = []
    for transport in (FakeTransport({"orders": failing}), FakeTransport({}), Throttled({})):
        async with LambdaClient(transport=transport) as client:
            outcomes.append(await page["outcome"](client))
    assert outcomes == [
        "the function failed: ValueError: no order",
        "no such function",
        "throttled, and no time left to wait: CallerRateLimitExceeded",
    ]


@pytest.mark.parametrize("value", [None, "hello", '{"admin": true}', "7", {"id": 7}, [1]])
async def test_a_value_that_keeps_its_dumps_arrives(value: Any) -> None:
    async with LambdaClient(transport=FakeTransport({"echo": lambda event: {"seen": event}})) as client:
        assert (await client.invoke("echo", json.dumps(value))).json() == {"seen": value}
        assert (await client.invoke("echo")).json() == {"seen": {}}


async def test_the_lifespan_pair_opens_a_client() -> None:
    page = run_fragments("docs/how-to/from-aiobotocore.md")
    page["LambdaClient"] = client_of
    async with page["lifespan"](None) as state:
        assert (await state["client"].invoke("orders", {"id": 1})).json() == {"order": 1}


def test_the_settings_of_a_page_are_taken(page: dict[str, Any]) -> None:
    config = page["configured"]().config
    assert isinstance(config.retry, StandardRetry)
    assert (config.retry.max_attempts, config.timeout, config.max_concurrency) == (5, Timeouts(connect=5, read=120), 100)
    assert page["command"].input.log_type == "Tail"


@pytest.mark.virtual_time
async def test_the_javascript_page_stops_and_sends() -> None:
    page = run_fragments("docs/how-to/from-js-v3.md")

    async def forever(event: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with LambdaClient(transport=FakeTransport({"orders": forever})) as client:
        with pytest.raises(TimeoutError):
            await page["impatient"](client)
        assert await page["cancelled"](client)
        await asyncio.sleep(0)
    async with client_of() as client:
        page["add_team"](client)
        assert await page["send"](client) == {"order": 7}
        assert client.config.transport.calls[0].headers["x-team"] == "tea"  # type: ignore[union-attr]
        assert page["team"].__name__ in str(client.middleware_stack)


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_that_a_page_names_exists(name: str) -> None:
    settings = {*ClientSettings.__annotations__, *(field.name for field in attrs.fields(InvokeCommandInput))}
    here = [row[1] for row in rows_of(text_of(name)) if len(row) == 2]
    named = {setting for cell in here for setting in re.findall(r"`(\w+)=", cell)}
    assert named
    assert named <= settings | {"priority", "override", "tags"}


@pytest.mark.parametrize("name", NAMES)
def test_each_member_of_an_answer_exists(name: str) -> None:
    section = text_of(name).split("| in the answer | here |")[1].split("\n\n")[0]
    members = set(re.findall(r"`(\w+)`", " ".join(row[1] for row in rows_of(section))))
    known = {*dir(InvokeCommandOutput), *(field.name for field in attrs.fields(InvokeCommandOutput))}
    of_metadata = {"request_id", "http_status_code", "headers", "attempts", "history", "FunctionError"}
    assert members - known <= of_metadata


@pytest.mark.parametrize("name", NAMES)
def test_each_pair_has_both_halves(name: str) -> None:
    blocks = [block.language for block in BLOCKS if block.page == f"docs/how-to/{name}.md"]
    assert blocks.count(THEIRS[name]) >= 5
    assert blocks.count("python") >= blocks.count(THEIRS[name])


HANDLERS = """
def orders(event, context):
    return {"order": event["id"]}

def write(event, context):
    yield event["topic"]
"""


async def test_the_code_for_aiobotocore_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its half of the pairs, on the same endpoint as ours."""
    session = pytest.importorskip("aiobotocore.session", reason="aiobotocore is not installed")
    blocks = [block.text for block in BLOCKS if block.page == "docs/how-to/from-aiobotocore.md" and block.language == "py"]
    names: dict[str, Any] = {"__name__": "theirs"}
    (tmp_path / "handlers.py").write_text(HANDLERS)
    functions = [
        LocalFunction(name="orders", handler="handlers.orders", root=tmp_path),
        LocalFunction(name="writer", handler="handlers.write", root=tmp_path),
    ]
    async with LocalEndpoint(functions, region="eu-west-1") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", endpoint.credentials.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", endpoint.credentials.secret_access_key)
        await asyncio.to_thread(exec, "\n".join(blocks), names)  # it calls asyncio.run
        assert names["result"] == {"order": 7}
        async with session.get_session().create_client("lambda", region_name="eu-west-1") as client:
            assert await names["outcome"](client) == "done"
            assert await names["stream"](client) == b"tea"
            assert await names["many"](client, [1, 2]) == [{"order": 1}, {"order": 2}]
        async with names["lifespan"](None) as state:
            assert await names["outcome"](state["client"]) == "done"
    async with names["configured"]() as client:
        config = client.meta.config
    assert (config.retries["total_max_attempts"], config.read_timeout, config.max_pool_connections) == (5, 120, 100)
