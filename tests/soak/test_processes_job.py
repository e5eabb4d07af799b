"""A map with processes at a fiftieth of its size: its claims hold, and a claim fails if the server has counted otherwise."""

import asyncio
from collections import Counter
from pathlib import Path

import attrs
import pytest

from .day_lambda import Counts
from .processes_job import Job, broken_claims, processes_job

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("idempotent", [False, True], ids=["once", "idempotent"])
def test_killed_workers_leave_exact_verdicts(tmp_path: Path, *, idempotent: bool) -> None:
    job, broken = asyncio.run(
        processes_job(items=2000, processes=2, kills=2, concurrency=100, idempotent=idempotent, seed=7, folder=tmp_path)
    )
    assert broken == [], job.report()
    assert job.killed == 2
    assert not job.left


def job_of(outcomes: dict[int, str], executions: dict[int, int]) -> Job:
    job = Job(items=len(outcomes), concurrency=1, idempotent=False)
    job.outcomes = outcomes
    job.counts = Counts(Counter(executions), 0, 0)
    return job


def test_claims_hold_for_what_agrees() -> None:
    job = job_of({0: "ok", 1: "unknown", 2: "unknown", 3: "not_delivered"}, {0: 1, 1: 1})
    assert not list(broken_claims(job))
    assert "2 executions of 2 items, at most 1 of one" in job.report()


@pytest.mark.parametrize(
    ("outcome", "executions"),
    [("ok", 0), ("ok", 2), ("function error", 2), ("unknown", 2), ("not_delivered", 1), ("refused", 1)],
)
def test_contradicting_verdict_is_a_broken_claim(outcome: str, executions: int) -> None:
    [claim] = broken_claims(job_of({0: outcome}, {0: executions}))
    assert claim == "1 verdicts contradict the executions, such as that of item 0"


def test_missing_and_double_results_are_a_broken_claim() -> None:
    job = job_of({0: "ok"}, {0: 1})
    assert list(broken_claims(attrs.evolve(job, items=2, outcomes=job.outcomes, counts=job.counts)))
    assert list(broken_claims(attrs.evolve(job, twice=1)))
    assert list(broken_claims(attrs.evolve(job, left=1)))
    assert list(broken_claims(attrs.evolve(job, growth=100.0)))
