"""The pytest plugin: fixtures for code that invokes functions. pytest loads it by itself.

All fixtures are synchronous, so that they work in each kind of test: with pytest-asyncio in both modes, with anyio on asyncio,
in `unittest` cases, and in tests without a loop.

Laws: importing this module loads neither aiohttp nor the client. A test leaves nothing behind for the next one.
"""

from collections.abc import Iterator

import pytest

from ..types import TYPE_CHECKING

if TYPE_CHECKING:
    from ..client.client import LambdaClient
    from ..local import LocalEndpoint
    from .endpoint_thread import EndpointThread
    from .fake_transport import FakeTransport
    from .marker import Marked

__all__ = ["aiolambda_client", "aiolambda_env", "aiolambda_fake", "aiolambda_local"]

_MARKER = "aiolambda"
_OTHER_SOURCES = (
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
"""Variables that would lead a program away from the endpoint."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(functions={{name: handler}}, failures={{name: error}}, delays={{name: seconds}}): "
        "the functions, failures and delays that aiolambda_local and aiolambda_fake have in this test",
    )


def _marked(request: pytest.FixtureRequest) -> "Marked":
    """What the markers of the test say, the nearest last."""
    from .marker import Marked  # noqa: PLC0415 - a run without these fixtures need not load it

    markers = reversed(list(request.node.iter_markers(_MARKER)))
    return Marked.of([(marker.args, marker.kwargs) for marker in markers])


@pytest.fixture(scope="session")
def _aiolambda_thread() -> "Iterator[EndpointThread]":
    from ..local import LocalEndpoint  # noqa: PLC0415 - as above
    from .endpoint_thread import EndpointThread  # noqa: PLC0415 - as above

    thread = EndpointThread(LocalEndpoint())
    thread.start()
    yield thread
    thread.close()


@pytest.fixture
def aiolambda_local(request: pytest.FixtureRequest, _aiolambda_thread: "EndpointThread") -> "Iterator[LocalEndpoint]":
    """A local endpoint. All tests of a process share it, but its functions, failures and records are those of the test."""
    endpoint = _aiolambda_thread.endpoint
    try:
        _marked(request).apply_to(endpoint)
        yield endpoint
    finally:
        _aiolambda_thread.run(endpoint.clear())


@pytest.fixture
def aiolambda_client(aiolambda_local: "LocalEndpoint") -> "Iterator[LambdaClient]":
    """A client of `aiolambda_local`. It opens itself at its first call, and is closed after the test."""
    from ..client.client import LambdaClient  # noqa: PLC0415 - as above

    client = LambdaClient(
        region=aiolambda_local.region, endpoint_url=aiolambda_local.url, credentials=aiolambda_local.credentials, proxy=""
    )
    yield client
    client.abort()


@pytest.fixture
def aiolambda_fake(request: pytest.FixtureRequest) -> "FakeTransport":
    """A `FakeTransport`."""
    from .fake_transport import FakeTransport  # noqa: PLC0415 - as above

    fake = FakeTransport()
    _marked(request).apply_to(fake)
    return fake


@pytest.fixture
def aiolambda_env(aiolambda_local: "LocalEndpoint") -> "Iterator[dict[str, str]]":
    """The variables that lead boto3, the AWS CLI, subprocesses and new clients to `aiolambda_local`. The test has them set."""
    variables = aiolambda_local.environment()
    with pytest.MonkeyPatch.context() as patch:
        for name in _OTHER_SOURCES:
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, "127.0.0.1", prepend=",")
        yield variables
