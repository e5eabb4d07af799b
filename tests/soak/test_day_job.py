"""The day's job at a fiftieth of its size: its claims hold, and a claim fails if the server has counted something else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from .day_claims import Pass, claims
from .day_job import day_job

pytestmark = pytest.mark.slow
ITEMS = 2000


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> list[Pass]:
    """Both passes of a job that was ended four times, in the four ways, and whose claims hold."""
    folder: Path = tmp_path_factory.mktemp("day")
    job, broken = asyncio.run(day_job(items=ITEMS, kills=4, seed=7, concurrency=50, folder=folder))
    assert broken == [], job.report()
    return job.passes


def test_job_that_was_killed_agrees_with_the_server(passes: list[Pass]) -> None:
    first, second = passes
    assert first.unknown
    assert first.failed
    assert second.counts.executions.total() > ITEMS


def without_a_result(this: Pass) -> Pass:
    return attrs.evolve(this, results=this.results[1:])


def with_another_execution(this: Pass) -> Pass:
    answered = next(number for number in range(ITEMS) if number not in this.unknown)
    counts = attrs.evolve(this.counts, executions=this.counts.executions + type(this.counts.executions)([answered]))
    return attrs.evolve(this, counts=counts)


def with_another_total(name: str) -> Callable[[Pass], Pass]:
    return lambda this: attrs.evolve(this, summary={**this.summary, name: this.summary[name] + 0.001})


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (without_a_result, "each item has one result"),
        (with_another_total("ok"), "the summary counts the results"),
        (without_a_result, "the journal exports the results"),
        (with_another_execution, "no item ran more than once, or twice if it is sent again"),
        (with_another_execution, "billed invocations are the recorded executions"),
        (with_another_total("billed_ms"), "billed time is that of the recorded executions"),
        (with_another_total("gb_seconds"), "GB-seconds are those of the recorded executions"),
        (with_another_total("price"), "the money is that of the recorded executions"),
    ],
    ids=["results", "counts", "export", "executions", "invocations", "time", "gb_seconds", "money"],
)
def test_claim_fails_if_a_count_is_wrong(change: Callable[[Pass], Pass], claim: str, passes: list[Pass]) -> None:
    first = passes[0]
    assert not claims(change(first), items=ITEMS, unrecorded=first.unknown, is_first=True)[claim]
