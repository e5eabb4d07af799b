"""Clusters for the tests, all ended with their test, and the noise of their shutdown left out."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

distributed = pytest.importorskip("distributed", reason="distributed is not installed")

from ...support.executions_server import CountingLambda, counting_lambda  # noqa: E402 - needs distributed

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOFWORKER", "AWS_SECRET_ACCESS_KEY": "secretOfWorker"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of the workers: child processes inherit them."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _quiet_shutdown() -> Iterator[None]:
    """Dask logs the connections that it loses as it closes, and the workers that tests kill."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
async def dask() -> AsyncIterator[object]:
    """A client of a cluster with two workers of one thread, all in this process and on this loop."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0", asynchronous=True
    )
    async with cluster, distributed.Client(cluster, asynchronous=True) as client:
        yield client


@pytest.fixture
async def processes() -> AsyncIterator[object]:
    """A client of a cluster with two worker processes of one thread, which their nannies restart."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", asynchronous=True
    )
    async with cluster, distributed.Client(cluster, asynchronous=True) as client:
        yield client


@pytest.fixture
def server() -> Iterator[CountingLambda]:
    """A Lambda that answers at once."""
    with counting_lambda() as running:
        yield running
