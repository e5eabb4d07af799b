"""For every test: its event loop, a clean AWS environment, and the workers that run it."""

import gc
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, settings

from .support import THOROUGH
from .support.loops import CHOSEN, LoopFactory, LoopName, chosen_loop
from .support.virtual import VirtualLoop

# A developer's run generates few examples, the same ones each time. The checks generate many, once: no example needs uvloop.
settings.register_profile(
    "quick", deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=300)
settings.load_profile("thorough" if THOROUGH and CHOSEN == "asyncio" else "quick")

# Hundreds of child processes import the package. Without bytecode, each would spend 0.2 s on compiling it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# --- event loops ------------------------------------------------------------------------------------------------------


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, LoopFactory]:
    """The virtual loop if the test is marked `virtual_time`, the chosen loop otherwise."""
    if item.get_closest_marker("virtual_time") is not None:
        return {"virtual": VirtualLoop}
    return {"chosen": chosen_loop()}


def pytest_configure(config: pytest.Config) -> None:
    """Ignore an error of aiofastnet: a `StreamWriter` asks its transport as it is collected, which any thread may do."""
    if "aiofastnet" in CHOSEN:
        ignored = "ignore:Exception ignored in. <function StreamWriter.__del__:pytest.PytestUnraisableExceptionWarning"
        config.addinivalue_line("filterwarnings", ignored)


@pytest.fixture
def new_loop() -> LoopFactory:
    """For a test that makes its loops itself."""
    return chosen_loop()


@pytest.fixture(scope="session")
def loop_name() -> LoopName:
    """The chosen loop, for a test that starts a program."""
    return CHOSEN


# --- selections -------------------------------------------------------------------------------------------------------

TESTS = Path(__file__).parent
PLACES_BY_MARKER = {
    # The tests of connections and loops also run with the checks of `python -X dev`. In others, these disturb stderr.
    "development_mode": "client transport local/test_endpoint.py test_loops.py",
    # Long, and the oldest and the newest Python are enough.
    "long": "client/processes contrib docs/test_orchestrators.py pipeline/test_hooks.py pipeline/test_places.py test_faults.py"
    " transport/test_network.py transport/test_session_faults.py",
    # Modules of the package that are loaded late or by their path, programs, and child processes.
    "installed": "cli client/processes/test_map.py client/test_send.py config/test_config.py contrib/dask/test_settings.py"
    " docs/test_examples.py local test_loops.py test_threads.py telemetry/test_instrumentor.py testing/test_plugin.py",
    # Only transport and local import aiohttp. These tests use fakes, or connections like those of the other tests.
    "no_aiohttp": "cli client/processes config/test_credential_chain.py config/test_credentials.py config/test_refreshable.py"
    " config/test_settings.py config/test_shared_config.py config/test_wrong_settings.py contrib docs emulation fanout policy"
    " protocol soak telemetry test_benchmarks.py test_codecs.py",
    # Only config imports botocore. These tests pass their keys as arguments, or use botocore as an oracle.
    "no_botocore": "cli/test_files.py cli/test_invoke.py cli/test_map.py cli/test_serve.py cli/test_signals.py client"
    " config/test_profile_keys.py contrib docs emulation fanout local operations pipeline policy protocol soak telemetry"
    " transport test_benchmarks.py test_budget.py test_codecs.py test_faults.py test_loops.py test_threads.py",
}
"""Folders and files of `tests/`, by the marker that all of their tests get: see `.ci/run`. Each run but those of the wheel
and of development mode has all other files, so also new ones."""
if missing := [place for places in PLACES_BY_MARKER.values() for place in places.split() if not (TESTS / place).exists()]:
    raise pytest.UsageError(f"PLACES_BY_MARKER in tests/conftest.py names files that do not exist: {', '.join(missing)}")


# --- workers ----------------------------------------------------------------------------------------------------------


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Two more than the cores, since many tests wait. None for single files: they would start later than the tests end."""
    if any(Path(argument.partition("::")[0]).is_dir() for argument in config.args):
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores + 2
    return 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that a run may leave out, and put slow files first: a worker that starts one last ends last."""
    for item in items:
        path = item.path.relative_to(TESTS)
        for marker, places in PLACES_BY_MARKER.items():
            if any(path.is_relative_to(place) for place in places.split()):
                item.add_marker(marker)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: the garbage collector need not look at them each time."""
    gc.collect()
    gc.freeze()


# --- skipped tests ----------------------------------------------------------------------------------------------------

_skips: list[tuple[str, str]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _skips.append((report.nodeid, report.longrepr[2].removeprefix("Skipped: ")))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Print each skipped test, and fail if its reason is not in the file `AIOLAMBDA_SKIPS`: CI skips nothing unnoticed."""
    listed = os.environ.get("AIOLAMBDA_SKIPS")
    if listed is None or hasattr(session.config, "workerinput"):  # a worker of xdist reports to the main process
        return
    allowed = {line.split("\t")[0] for line in Path(listed).read_text().splitlines() if line and not line.startswith("#")}
    for nodeid, reason in _skips:
        print(f"\nskipped{'' if reason in allowed else ', and not on the list'}: {nodeid}: {reason}")  # noqa: T201 - CI shows it
    if session.exitstatus == 0 and any(reason not in allowed for _, reason in _skips):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# --- the environment --------------------------------------------------------------------------------------------------

_OTHER_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "request_method")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the keys, profiles, proxies or metadata service of the machine that it runs on."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BOTOCORE_", "_X_AMZN_")) or name.lower() in _OTHER_VARIABLES:
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
