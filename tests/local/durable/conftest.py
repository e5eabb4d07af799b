"""An endpoint with durable functions that AWS's testing SDK runs, and a client of it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aiolambda import LambdaClient
from aiolambda.local import DurableConfig, LocalEndpoint, LocalFunction

from ...support import peers
from ...support.local import function, shared_endpoint
from .support import Durable


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer with AWS's SDK for handlers: it needs boto3, which cannot be installed beside aiobotocore."""
    (packages,) = peers.durable_python().parents[1].glob("lib/python3.*/site-packages")
    folder = tmp_path_factory.mktemp("layer")
    (folder / "python").symlink_to(packages)
    return folder


@pytest.fixture(scope="session")
def orders(layer: Path) -> LocalFunction:
    """A durable function with a version and an alias."""
    here = Path(peers.__file__).parent
    return function(
        "orders",
        "durable_handlers.handler",
        layers=[layer],
        durable=DurableConfig(execution_timeout=600, retention_days=7),
        versions={"1": here},
        aliases={"live": "1"},
    )


@pytest.fixture(scope="package")
def shared(orders: LocalFunction) -> Iterator[LocalEndpoint]:
    """Serves `orders` and `brief`, which are durable, and `plain`, which is not."""
    brief = function("brief", orders.handler, layers=orders.layers, durable=DurableConfig(execution_timeout=1))
    plain = function("plain", "durable_handlers.plain", layers=orders.layers)
    python = os.fspath(peers.durable_python())
    with shared_endpoint(orders, brief, plain, durable_python=python) as endpoint:
        yield endpoint


@pytest.fixture
async def durable(shared: LocalEndpoint, tmp_path: Path) -> AsyncIterator[Durable]:
    """Calls the durable functions, with a diary of the test."""
    async with LambdaClient(region=shared.region, endpoint_url=shared.url, credentials=shared.credentials) as client:
        yield Durable(shared, client, tmp_path / "diary")
