"""What every test has: the event loop that was chosen, a clean AWS environment, and nothing left behind."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme

from .support.loops import LoopFactory, chosen_loop
from .support.virtual import VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, LoopFactory]:
    """The virtual loop if the test is marked `virtual_time`, the chosen loop otherwise."""
    if item.get_closest_marker("virtual_time") is not None:
        return {"virtual": VirtualLoop}
    return {"chosen": chosen_loop()}


@pytest.fixture
def new_loop() -> LoopFactory:
    """For a test that makes its loops itself."""
    return chosen_loop()


_skips: list[tuple[str, str]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _skips.append((report.nodeid, report.longrepr[2].removeprefix("Skipped: ")))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail on a skip whose reason is not in the list that `AIOLAMBDA_SKIPS` names: in CI nothing is skipped unnoticed."""
    listed = os.environ.get("AIOLAMBDA_SKIPS")
    if listed is None or hasattr(session.config, "workerinput"):  # a worker of xdist, which tells the session that counts
        return
    allowed = {line.split("\t")[0] for line in Path(listed).read_text().splitlines() if line and not line.startswith("#")}
    for nodeid, reason in _skips:
        print(f"\nskipped{'' if reason in allowed else ', and not on the list'}: {nodeid}: {reason}")  # noqa: T201 - CI shows it
    if session.exitstatus == 0 and any(reason not in allowed for _, reason in _skips):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_ELSEWHERE = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "request_method")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the keys, profiles, proxies or metadata service of the machine that it runs on."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BOTOCORE_", "_X_AMZN_")) or name.lower() in _ELSEWHERE:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A private certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """The TLS context of a server on this machine, with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
