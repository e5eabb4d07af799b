"""The pytest plugin: its fixtures and marker, in each form of a test, and with nothing left behind."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aiolambda.testing
from aiolambda import ConfigurationError, ConnectionLostError, LambdaClient, TooManyRequestsException
from aiolambda.local import LocalEndpoint
from aiolambda.testing import FakeTransport, serve_in_thread
from aiolambda.testing.endpoint_thread import EndpointThread
from aiolambda.testing.marker import Marked

from ..support import THOROUGH, kit_bodies
from ..support.local import PACKAGE_DIRECTORY

pytestmark = pytest.mark.slow

BODIES = Path(kit_bodies.__file__)
NAMES = [body.__name__ for body in kit_bodies.BODIES]
FIXTURES = "aiolambda_local, aiolambda_client, aiolambda_fake"


def functions(decorator: str) -> str:
    """A test for each body, as a coroutine function."""
    body = "{decorator}\nasync def test_{name}({fixtures}):\n    await {name}({fixtures})\n"
    return "\n\n".join(body.format(decorator=decorator, name=name, fixtures=FIXTURES) for name in NAMES)


SYNC_BODY = "def test_{name}({fixtures}):\n    asyncio.run({name}({fixtures}))\n"
SYNC = "\n\n".join(SYNC_BODY.format(name=name, fixtures=FIXTURES) for name in NAMES)
METHODS = "".join(f"    async def test_{name}(self):\n        await {name}(*self.fixtures)\n\n" for name in NAMES)
CASE = f"""
class TestCase(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _fixtures(self, {FIXTURES}):
        self.fixtures = {FIXTURES}

{METHODS}
"""
ANYIO = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n\n\n" + functions("@pytest.mark.anyio")
IMPORTS = "import asyncio\nimport unittest\n\nimport pytest\n\nfrom kit_bodies import *\n\n\n"
OF_ASYNCIO = ["-o", "asyncio_default_fixture_loop_scope=function", "-o"]
STRICT = [*OF_ASYNCIO, "asyncio_mode=strict"]
FORMS: dict[str, tuple[dict[str, str], list[str]]] = {
    "strict": ({"marked": functions("@pytest.mark.asyncio"), "case": CASE, "sync": SYNC}, STRICT),
    "auto": ({"unmarked": functions(""), "case": CASE, "sync": SYNC}, [*OF_ASYNCIO, "asyncio_mode=auto"]),
    "anyio": ({"anyio": ANYIO, "case": CASE, "sync": SYNC}, ["-p", "no:asyncio"]),
}
"""By name: the files of tests, and the options of pytest. `-p no:asyncio` is a run without pytest-asyncio."""

LEFT = """
import json
import os
import threading
import time
from pathlib import Path

import pytest


def sockets():
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return 0
    links = []
    for one in folder.iterdir():
        try:
            links.append(os.readlink(one))
        except OSError:
            pass
    return sum(link.startswith("socket:") for link in links)


def children():
    folder = Path("/proc/self/task")
    found = []
    for task in folder.glob("*/children"):
        try:
            found += task.read_text().split()
        except OSError:  # that thread has ended
            pass
    return found


def left():
    threads = [one.name for one in threading.enumerate() if one is not threading.main_thread()]
    # Python 3.11 waits for a child process in a thread, which ends a moment after the process.
    threads = [name for name in threads if not name.startswith(("execnet", "asyncio-waitpid"))]
    return {"threads": threads, "sockets": sockets(), "children": children()}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    session.config.before = left()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if os.environ.get("PYTEST_XDIST_WORKER") or session.config.getoption("numprocesses", None) is None:
        Path(f"left-{os.getpid()}.json").write_text(json.dumps([session.config.before, left()]))
"""


def run_pytest(
    folder: Path, *options: str, python: tuple[str, ...] = ("-X", "dev", "-W", "error"), **settings: Any
) -> "subprocess.CompletedProcess[str]":
    """Run pytest in a process of its own, with the plugin of this checkout."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "AWS_ENDPOINT"))
    }
    command = [sys.executable, *python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *options]
    environment["PYTHONPATH"] = PACKAGE_DIRECTORY
    return subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, timeout=200, check=False, **settings
    )


def write(folder: Path, **files: str) -> None:
    shutil.copy(BODIES, folder)
    (folder / "conftest.py").write_text(LEFT)
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(IMPORTS + textwrap.dedent(text))


def check_nothing_is_left(folder: Path) -> int:
    """Each process of pytest ends with the threads, sockets and child processes with which it began."""
    reports = [json.loads(path.read_text()) for path in folder.glob("left-*.json")]
    for before, after in reports:
        assert after == before
    return len(reports)


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "workers"),
    [(form, workers) for form in FORMS for workers in (0, 2) if THOROUGH or not workers or form == "strict"],
)
def test_the_same_bodies_pass_in_each_form(form, workers, tmp_path):
    files, options = FORMS[form]
    write(tmp_path, **files)
    done = run_pytest(tmp_path, *options, *(["-n", str(workers)] if workers else []))
    assert re.search(rf"^{len(NAMES) * len(files)} passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert check_nothing_is_left(tmp_path) == (workers or 1)


MANY = """
def test_many(_, aiolambda_local, aiolambda_client):
    assert aiolambda_local.calls == []
    aiolambda_local.add("orders", lambda event: event)
    assert asyncio.run(aiolambda_client.invoke("orders", 7)).json() == 7
"""


def test_a_thousand_tests_share_one_endpoint(tmp_path):
    number = 1000 if THOROUGH else 20
    write(tmp_path, many=f"@pytest.mark.parametrize('_', range({number}))\n{MANY.strip()}")
    done = run_pytest(tmp_path, *STRICT)
    assert re.search(rf"^{number} passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert check_nothing_is_left(tmp_path) == 1


FAILING = """
clients = []


def test_first(aiolambda_local, aiolambda_client):
    clients.append(aiolambda_client)
    aiolambda_local.add("orders", lambda event: event)
    aiolambda_local.fail("orders", ValueError)

    async def main():
        call = asyncio.create_task(aiolambda_client.invoke("orders"))
        await asyncio.sleep(0)
        await aiolambda_client.invoke_event("orders")
        raise LookupError("the test fails")

    asyncio.run(main())


def test_second(aiolambda_local, aiolambda_client):
    from aiolambda import ClientClosedError, ResourceNotFoundException
    with pytest.raises(ClientClosedError):
        asyncio.run(clients[0].invoke("orders"))
    assert aiolambda_local.calls == aiolambda_local.executions == []
    with pytest.raises(ResourceNotFoundException):
        asyncio.run(aiolambda_client.invoke("orders"))
    aiolambda_local.add("orders", lambda event: event)
    asyncio.run(aiolambda_client.invoke("orders", 7))
"""


def test_a_test_that_fails_leaves_nothing(tmp_path):
    write(tmp_path, failing=FAILING)
    done = run_pytest(tmp_path, *STRICT)
    assert re.search(r"^1 failed, 1 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert "LookupError: the test fails" in done.stdout
    assert check_nothing_is_left(tmp_path) == 1


PROCESS = """
pids = []


def test_first(aiolambda_local, aiolambda_client):
    aiolambda_local.add("orders", orders, process=True)
    assert asyncio.run(aiolambda_client.invoke("orders", {"id": 7})).json() == {"total": 21, "name": "orders"}
    pids.extend(aiolambda_local.runtime_pids("orders"))


def test_second(aiolambda_local):
    import os
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
"""


def test_a_process_ends_with_its_test(tmp_path):
    write(tmp_path, process=PROCESS)
    done = run_pytest(tmp_path, *STRICT)
    assert re.search(r"^2 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert check_nothing_is_left(tmp_path) == 1


def test_a_run_may_leave_the_plugin_out(tmp_path):
    write(
        tmp_path,
        without="""
        def test_a(aiolambda_local):
            pass

        def test_b(pytestconfig):
            assert not any(marker.startswith("aiolambda") for marker in pytestconfig.getini("markers"))
            from aiolambda.testing import serve_in_thread
            with serve_in_thread() as endpoint:
                assert endpoint.url
        """,
    )
    done = run_pytest(tmp_path, "-p", "no:aiolambda", *STRICT)
    assert re.search(r"^1 passed, 1 error", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert "fixture 'aiolambda_local' not found" in done.stdout


def test_the_plugin_loads_no_client():
    program = (
        "import pytest, sys; before = set(sys.modules); import aiolambda.testing.plugin; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True, timeout=60)
    loaded = {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert loaded == {"aiolambda", "aiolambda.types", "aiolambda.testing", "aiolambda.testing.plugin"}


def test_the_package_loads_its_names_on_first_use():
    assert set(aiolambda.testing.__all__) <= set(dir(aiolambda.testing))
    with pytest.raises(AttributeError, match="module 'aiolambda.testing' has no attribute 'Fake'"):
        _ = aiolambda.testing.Fake


# --- in the process of the test ---------------------------------------------------------------------------------------


def test_a_breakpoint_stops_a_handler(tmp_path):
    write(
        tmp_path,
        breakpoint="""
        def handler(event):
            doubled = 2 * event
            breakpoint()
            return doubled

        def test_it(aiolambda_local, aiolambda_client):
            aiolambda_local.add("orders", handler)
            assert asyncio.run(aiolambda_client.invoke("orders", 21)).json() == 43
        """,
    )
    done = run_pytest(tmp_path, *STRICT, python=(), input="p 'value', doubled\ndoubled = 43\nc\n")
    assert "('value', 42)" in done.stdout, done.stdout + done.stderr
    assert re.search(r"^1 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_coverage_measures_a_handler(tmp_path):
    write(tmp_path, covered=SYNC_BODY.format(name="invokes", fixtures=FIXTURES))
    options = ["--cov=kit_bodies", "--cov-report=json:covered.json", f"--cov-config={os.devnull}"]
    done = run_pytest(tmp_path, *STRICT, *options, python=())
    assert re.search(r"^1 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    (measured,) = json.loads((tmp_path / "covered.json").read_text())["files"].values()
    lines = BODIES.read_text().splitlines()
    assert 1 + lines.index("def orders(event, context):") + 1 in measured["executed_lines"]


@pytest.fixture(scope="module")
def _aiolambda_thread() -> Iterator[EndpointThread]:
    """In place of that of the plugin, so that this module leaves no thread to the others."""
    thread = EndpointThread(LocalEndpoint())
    thread.start()
    yield thread
    thread.close()


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.mark.aiolambda(functions={"orders": lambda event: event}, delays={"orders": 0.0})
class TestMarker:
    @pytest.mark.aiolambda(
        functions={"resize": lambda event: event}, failures={"orders": [TooManyRequestsException("busy", retry_after=0)]}
    )
    async def test_markers_add_up(self, aiolambda_local: LocalEndpoint, aiolambda_client: LambdaClient):
        assert (await aiolambda_client.invoke("orders", 7)).json() == 7
        assert (await aiolambda_client.invoke("resize", 8)).json() == 8
        assert [call.attempt for call in aiolambda_local.calls] == [1, 2, 1]

    @pytest.mark.aiolambda(failures={"orders": ConnectionLostError})
    async def test_a_fake_has_them_too(self, aiolambda_fake: FakeTransport):
        async with LambdaClient(transport=aiolambda_fake) as client:
            with pytest.raises(ConnectionLostError):
                await client.invoke("orders")


@pytest.mark.parametrize(
    ("positional", "named", "text"),
    [
        (({"orders": print},), {}, "takes keywords only"),
        ((), {"function": {}}, "no argument 'function'; did you mean functions"),
        ((), {"x": {}}, "it has functions, failures, delays"),
        ((), {"functions": [print]}, "functions of the marker aiolambda must be a mapping by function name; got a list"),
    ],
)
def test_a_wrong_marker_is_told(positional, named, text):
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        Marked.of([(positional, named)])


def test_the_environment_leads_programs_to_the_endpoint(aiolambda_local, aiolambda_env):
    aiolambda_local.add("orders", lambda event: event["id"])
    assert os.environ["AWS_REGION"] == os.environ["AWS_DEFAULT_REGION"] == aiolambda_local.region
    assert {**os.environ, **aiolambda_env} == dict(os.environ)

    async def main() -> Any:
        async with LambdaClient() as client:
            return (await client.invoke("orders", {"id": 7})).json()

    assert asyncio.run(main()) == 7
    command = [sys.executable, "-m", "aiolambda", "invoke", "orders", "-p", '{"id": 8}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "8"), done.stderr


def test_the_environment_is_restored(tmp_path, monkeypatch):
    write(
        tmp_path,
        restored="""
        import os

        def test_a(aiolambda_env):
            assert os.environ["AWS_REGION"] == "us-east-1"
            assert "AWS_PROFILE" not in os.environ

        def test_b():
            assert os.environ["AWS_PROFILE"] == "other"
            assert not {"AWS_REGION", "AWS_ENDPOINT_URL_LAMBDA"} & set(os.environ)
        """,
    )
    monkeypatch.setenv("AWS_PROFILE", "other")
    done = run_pytest(tmp_path, *STRICT)
    assert re.search(r"^2 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


# --- unittest ---------------------------------------------------------------------------------------------------------


class TestPlainUnittest(unittest.TestCase):
    def test_an_endpoint_is_a_context_manager(self):
        endpoint = self.enterContext(serve_in_thread())
        endpoint.add("orders", lambda event: event)
        client = LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials)

        async def main() -> Any:
            async with client:
                await client.invoke_event("orders", 8)
                return (await client.invoke("orders", 7)).json()

        assert asyncio.run(main()) == 7
        endpoint.wait_idle_sync()
        assert sorted(execution.result() for execution in endpoint.executions) == [7, 8]


def test_an_endpoint_that_cannot_start_leaves_no_thread():
    with serve_in_thread() as endpoint:
        port = int(endpoint.url.rpartition(":")[2])
        with pytest.raises(ConfigurationError, match="choose another port"):
            with serve_in_thread(LocalEndpoint(port=port)):
                pass
