"""The job over a Dask cluster at a fiftieth of its size: its claims hold, and each can fail."""

import asyncio
import logging
from collections import Counter

import attrs
import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from .dask_job import Outcome, dask_job

# Dask leaves sockets to the collector that were connecting to a worker as it died.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Exception ignored in. <socket")]


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(logging.getLogger("distributed"), "level", logging.CRITICAL)


@pytest.mark.usefixtures("_environment")
def test_job_of_a_killed_worker_agrees_with_the_server() -> None:
    outcome = asyncio.run(dask_job(items=2000, kill=True, concurrency=100, seconds=0.05))
    claims = [claim for claim in outcome.broken() if "MB" not in claim]  # the process has run other tests
    assert claims == [], outcome.report()
    assert outcome.refusals >= 1
    assert outcome.peak <= 200  # the invocations of the killed worker may still run


GOOD = Outcome(3, {0: "ok", 1: "unknown", 2: "not_delivered"}, Counter({0: 1, 1: 1}), 1.0, 100.0, 0, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"executions": Counter({0: 2, 1: 1})}, "1 items were executed twice"),
        ({"executions": Counter({0: 1, 2: 1})}, "1 verdicts contradict"),
        ({"verdicts": {0: "ok", 1: "unknown"}}, "1 items have no result"),
        ({"megabytes": 200.0}, "needed 200 MB"),
    ],
    ids=["twice", "verdict", "missing", "memory"],
)
def test_claim_fails_if_it_does_not_hold(change: dict[str, object], said: str) -> None:
    assert GOOD.broken() == []
    assert said in " ".join(attrs.evolve(GOOD, **change).broken())
