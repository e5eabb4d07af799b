"""The code of the page about describing and waiting, beside answers of Lambda, and its figures."""

from pathlib import Path
from typing import Any

import pytest

from aiolambda import Timeouts
from aiolambda.client import function_facts
from aiolambda.client.waits import CONDITIONS
from aiolambda.policy import concurrency

from ..support.function_service import FunctionService, client_of, found
from ..support.pages import ROOT, run_fragments
from .test_pages import rows_of

PAGE = "docs/how-to/wait-for-functions.md"


async def result(name: str, *arguments: object, **answers: Any) -> Any:
    function = run_fragments(PAGE)[name]
    async with client_of(FunctionService(**answers)) as client:
        return await function(client, *arguments)


async def test_a_function_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configuration = {"Version": "7", "Timeout": 30, "MemorySize": 512, "State": "Pending", "StateReason": "being created"}
    await result("show", "orders", function=found(Configuration=configuration))
    assert capsys.readouterr().out == ("version 7, timeout 30 s, memory 512 MiB\nPending: being created; last update None\n")


async def test_lists_are_read_page_by_page() -> None:
    pages = [
        found(Functions=[{"FunctionName": name, "Timeout": 3}], NextMarker=more) for name, more in (("a", "m"), ("b", None))
    ]
    assert await result("without_timeout_of_their_own", functions=pages) == ["a", "b"]
    layers = [found(Layers=[{"LayerName": "one"}], NextMarker="m"), found(Layers=[{"LayerName": "two"}])]
    assert await result("layers", layers=layers) == ["one", "two"]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("status", "is_updated", "said"),
    [
        ({"LastUpdateStatus": "Successful"}, True, ""),
        ({"LastUpdateStatus": "InProgress"}, False, "not yet: InProgress\n"),
        (
            {
                "LastUpdateStatus": "Failed",
                "LastUpdateStatusReason": "No image",
                "LastUpdateStatusReasonCode": "NoImage",
            },
            False,
            "it failed: NoImage: No image\n",
        ),
    ],
    ids=["updated", "in progress", "failed"],
)
async def test_a_deployment_waits(
    status: dict[str, str], is_updated: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await result("deploy", "orders", b"zip", code=found(), function=found(Configuration=status)) is is_updated
    assert capsys.readouterr().out == said


async def test_limits_follow_from_the_function() -> None:
    assert run_fragments(PAGE)["client"].config.timeout == Timeouts(read="function", connect=2)
    answers = {"function": found(Configuration={}), "account_settings": found(), "invocations": found(done=True)}
    assert await result("resize", [{"id": 1}, {"id": 2}], **answers) == 2


def test_the_figures_are_those_of_the_code() -> None:
    page = Path(ROOT / PAGE).read_text()
    rows = {row[0].strip('`"'): row for row in rows_of(page) if row[0].strip('`"') in CONDITIONS}
    assert set(rows) == set(CONDITIONS)
    for name, row in rows.items():
        waiter = CONDITIONS[name].waiter
        total = waiter.delay * waiter.most_attempts
        assert row[2:] == [f"`{waiter.operation}`", f"{waiter.delay} s", f"{total:,} s"]
    assert f"{function_facts.QUEUE_AND_START:g} s more" in page
    assert f"which has {function_facts._FETCH_LIMIT:g} s" in page
    assert f"in place of {concurrency._FIRST:g}. It starts at {concurrency._SCALES_BY:,g} at most" in page
