"""One endpoint that the tests of this folder share, if they only read its answers."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from aiolambda.local import LocalEndpoint

from ..support.local import AWS_RUNTIME, RAW_RUNTIME, Caller, function, shared_endpoint


@pytest.fixture(scope="package")
def shared() -> Iterator[LocalEndpoint]:
    """Serves `app` (also named `function`), `aws` in AWS's own runtime, `raw`, which returns bytes, and `untouched`.

    No test runs `untouched`, so that a test can prove that nothing ran.
    """
    functions = [function(name) for name in ("app", "function", "untouched")]
    functions += [function("aws", runtime=AWS_RUNTIME), function("raw", runtime=RAW_RUNTIME)]
    with shared_endpoint(*functions, verify_signatures=False, region="us-east-1") as endpoint:
        yield endpoint


@pytest.fixture
async def invoke(shared: LocalEndpoint) -> AsyncIterator[Caller]:
    """Invokes functions of the shared endpoint."""
    async with aiohttp.ClientSession() as session:
        yield Caller(shared, session)
