"""The retry strategy of the manual, through the tests that its page shows, and the contract that the page states."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from aiolambda import (
    AccessDeniedException,
    ConfigurationError,
    ConnectError,
    Failure,
    InvocationTimeoutError,
    RetryAction,
    RetryStrategy,
)

from ..support.pages import ROOT, run_fragments
from ..support.retrying import Scripted, answer, client_of, throttle
from .test_pages import rows_of

PAGE = "docs/how-to/retry-strategy.md"
NAMES = run_fragments(PAGE)
PLAIN = ("test_pauses_grow_and_end", "test_retry_after_is_obeyed", "test_few_calls_retry_while_a_service_is_down")
AWAITED = ("test_a_refused_call_is_sent_again", "test_a_call_that_may_have_run_is_not_sent_again")


def test_every_test_of_the_page_is_run_here() -> None:
    assert {name for name in NAMES if name.startswith("test_")} == {*PLAIN, *AWAITED}
    assert {"failure", "make_client", "pause", "succeeded"} <= {*NAMES, *vars(NAMES["Breaker"])}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_test_of_the_page_passes(name: str) -> None:
    NAMES[name]()


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", AWAITED)
async def test_an_awaited_test_of_the_page_passes(name: str) -> None:
    await NAMES[name]()


def test_the_client_of_the_page_takes_the_strategy() -> None:
    assert isinstance(NAMES["make_client"]().config.retry, NAMES["Breaker"])


def test_the_table_has_each_fact_of_a_failure() -> None:
    table = (ROOT / PAGE).read_text().split("`Failure` has the facts")[1].split("\n## ")[0]
    named = [name.strip("` ") for row in rows_of(table) for name in row[0].split(",")]
    assert sorted(named) == sorted(field.name for field in attrs.fields(Failure))


class Answers(RetryStrategy):
    """Gives this for a pause, and keeps the failures."""

    def __init__(self, pause: Any = 1.0, problem: Exception | None = None) -> None:
        self._pause, self._problem = pause, problem
        self.asked: list[Failure] = []
        self.ends: list[Sequence[Failure]] = []

    def pause(self, failure: Failure, /) -> float | None:
        self.asked.append(failure)
        if self._problem is not None:
            raise self._problem
        return self._pause  # type: ignore[no-any-return]

    def succeeded(self, failures: Sequence[Failure], /) -> None:
        self.ends.append(list(failures))


@pytest.mark.virtual_time
async def test_succeeded_gets_the_failures_of_the_call() -> None:
    strategy = Answers()
    async with client_of(Scripted(ConnectError("refused"), answer()), retry=strategy) as client:
        for _ in range(2):
            await client.invoke("orders")
    assert [len(failures) for failures in strategy.ends] == [1, 0]


@pytest.mark.virtual_time
async def test_a_strategy_is_not_asked_about_a_lost_permission() -> None:
    strategy = Answers()
    async with client_of(Scripted(answer(403, "AccessDeniedException")), retry=strategy) as client:
        with pytest.raises(AccessDeniedException):
            await client.invoke("orders")
    assert strategy.asked == []


@pytest.mark.virtual_time
async def test_the_client_does_not_add_retry_after() -> None:
    transport = Scripted(throttle(retry_after="7"), answer())
    async with client_of(transport, retry=Answers(pause=2)) as client:
        await client.invoke("orders")
    assert transport.times == [0, 2]


@pytest.mark.virtual_time
async def test_the_total_limit_ends_a_pause() -> None:
    async with client_of(Scripted(ConnectError("refused")), retry=Answers(pause=60)) as client:
        with pytest.raises(InvocationTimeoutError) as raised:
            await client.invoke("orders", timeout=5)
    assert (raised.value.stage, raised.value.elapsed) == ("backoff", 5)


@pytest.mark.virtual_time
async def test_an_exception_of_a_strategy_ends_the_call() -> None:
    for strategy, kind in ((Answers(problem=KeyError("bug")), KeyError), (Answers(pause="1"), ConfigurationError)):
        async with client_of(Scripted(ConnectError("refused")), retry=strategy) as client:
            with pytest.raises(kind):
                await client.invoke("orders")
    assert strategy.asked[0].retry_action is RetryAction.RETRY
