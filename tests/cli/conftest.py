"""One endpoint that the tests of this folder share, if they only read its answers, and the program in this process."""

from collections.abc import Iterator

import pytest

from aiolambda.local import LocalEndpoint

from ..support.cli import Program
from ..support.local import RAW_RUNTIME, function, shared_endpoint


@pytest.fixture(scope="package")
def endpoint() -> Iterator[LocalEndpoint]:
    """Verifies signatures, and serves `app`, and `raw`, which returns bytes."""
    with shared_endpoint(function(), function("raw", runtime=RAW_RUNTIME), verify_signatures=True) as endpoint:
        yield endpoint


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Program:
    return Program(monkeypatch, capsysbinary)
