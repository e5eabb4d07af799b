"""The code of the page about durable executions, beside the fake."""

import json
import re
from typing import Any

import pytest

from aiolambda import LambdaClient
from aiolambda.policy import polling
from aiolambda.testing import FakeTransport
from aiolambda.testing.durable import Callback, Fail, Step, Succeed, Wait

from ..support.pages import ROOT, run_fragments

PAGE = "docs/durable-executions.md"


@pytest.fixture
def fake() -> FakeTransport:
    return FakeTransport()


async def result(name: str, fake: FakeTransport, *arguments: object) -> Any:
    function = run_fragments(PAGE)[name]
    async with LambdaClient(transport=fake) as client:
        return await function(client, *arguments)


async def started(fake: FakeTransport, *script: Any) -> str:
    fake.add_durable("orders", script)
    async with LambdaClient(transport=fake) as client:
        return (await client.start_durable("orders:$LATEST", {}, name="order-7")).arn


@pytest.mark.virtual_time
async def test_an_order_is_started_and_awaited(fake: FakeTransport) -> None:
    fake.add_durable("orders", [Step("charge"), Wait("pack", seconds=600), Succeed({"total": 3})], qualifier="live")
    assert await result("order", fake, 7) == {"total": 3}
    assert [execution.name for execution in fake.durable_executions] == ["order-7"]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([Succeed("yes")], '"yes"'),
        ([Fail("CardDeclined", "no money")], "FAILED: CardDeclined: no money"),
        ([Wait("pack", seconds=600)], "not yet: RUNNING"),
    ],
    ids=["succeeded", "failed", "running"],
)
async def test_each_outcome_has_its_text(script: list[Any], said: str, fake: FakeTransport) -> None:
    arn = await started(fake, *script)
    assert await result("outcome", fake, arn) == said


@pytest.mark.virtual_time
async def test_many_are_awaited_at_once(fake: FakeTransport) -> None:
    arn = await started(fake, Wait("pack", seconds=60), Succeed(3))
    assert await result("totals", fake, [arn, arn, arn]) == [3, 3, 3]


@pytest.mark.virtual_time
async def test_steps_are_followed(fake: FakeTransport) -> None:
    arn = await started(fake, Step("charge"), Wait("pack", seconds=60), Step("send"), Succeed())
    assert await result("steps", fake, arn) == ["charge", "send"]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("name", "more", "answer"),
    [("approve", (), {"approved": True}), ("review", (b"a b",), {"words": 2})],
    ids=["approve", "review"],
)
async def test_a_callback_is_answered(
    name: str, more: tuple[bytes, ...], answer: dict[str, object], fake: FakeTransport
) -> None:
    arn = await started(fake, Callback("approval"), Succeed("done"))
    await result(name, fake, fake.callbacks[0].id, *more)
    async with LambdaClient(transport=fake) as client:
        [given] = [event.raw async for event in client.durable_execution(arn).history() if event.type == "CallbackSucceeded"]
    details = given.callback_succeeded_details
    assert details is not None
    assert json.loads(details.result.payload or "") == answer
    assert await result("outcome", fake, arn) == '"done"'


@pytest.mark.virtual_time
async def test_a_pause_is_shown(fake: FakeTransport, capsys: pytest.CaptureFixture[str]) -> None:
    arn = await started(fake, Wait("pack", seconds=60), Succeed())
    await result("hold", fake, arn)
    assert capsys.readouterr().out == "PAUSED True\n"


async def test_an_execution_is_found_by_its_name(fake: FakeTransport) -> None:
    arn = await started(fake, Succeed())
    assert await result("find", fake, "order-7") == arn
    assert await result("find", fake, "order-8") is None


def test_the_pauses_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| [\w ]+ \| ([\d.]+)", (ROOT / PAGE).read_text(), re.MULTILINE)
    first, factor, paused = map(float, rows)
    pauses = [polling.poll_pause(number, jitter=1.0, is_paused=False) for number in range(20)]
    assert (pauses[0], pauses[1] / pauses[0], pauses[-1]) == (first, factor, 10)
    assert polling.poll_pause(0, jitter=1.0, is_paused=True) == paused
