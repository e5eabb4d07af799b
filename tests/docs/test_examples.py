"""Each example of the manual type-checks strictly and runs as it stands on its page."""

import asyncio
import gc
import inspect
import re
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

import aiolambda
import aiolambda.errors.service
import aiolambda.testing
from aiolambda import Call, CallNext, CommandInput, CommandOutput, LambdaClient, ResourceNotFoundException, Timeouts
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.testing import FakeTransport, durable

from ..support import THOROUGH
from ..support.checkers import CHECKERS, check
from ..support.pages import FILES, FRAGMENTS, PROGRAMS, ROOT, Block, run_fragments

REPLAYED = r"""1 \{'order': 1\} False
2 \{'order': 2\} False
1 \{'order': 1\} True
2 \{'order': 2\} True
3 \{'order': 3\} False
"""
PRINTED = {
    "README.md": [r"\{'order': 7\}\n"],
    "docs/calls.md": [r"\{'order': 7\} Report\(.*\)\nNone b'\{\"order\": ?9\}'\n"],
    "docs/errors-and-retries.md": [""],
    "docs/event-loops.md": [r"\{'order': 1\}\n\{'order': 2\}\n", r"\{'order': 3\}\n"],
    "docs/fan-out.md": [r"100 None\n", r"(\d+ True\n){100}100 done, 0 failed, 0 not sent\n", REPLAYED, r"100 100\n"],
    "docs/index.md": [r"\{'order': 7\}\n"],
    "docs/own-session.md": [r"\{'order': 7\}\n"],
    "docs/local-endpoint.md": [r"\{'hello': 'you'\}\n", r"\[25.0\] \[1, 1, 2, 3\]\n", r"200 <h1>/tea</h1>\n"],
    "docs/several-machines.md": [r"200\n"],
    "docs/streaming.md": [r"b'tea'\n"],
    "docs/testing.md": [""],
}
"""By page: a pattern for the output of each of its programs."""
HANDLERS = """
def handler(event, context):
    return {"order": event["id"]}

def write(event, context):
    yield event["topic"]
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """AWS, for every program: a local endpoint with the functions that they call, on a loop in a thread of its own."""
    root = tmp_path_factory.mktemp("handlers")
    (root / "orders.py").write_text(HANDLERS)
    orders = LocalFunction(name="orders", handler="orders.handler", root=root)
    writer = LocalFunction(name="writer", handler="orders.write", root=root)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served = LocalEndpoint([orders, writer], region="eu-west-1")
    try:
        asyncio.run_coroutine_threadsafe(served.__aenter__(), loop).result()
        yield served
        asyncio.run_coroutine_threadsafe(served.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An empty folder to work in, and a region and keys to find."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return monkeypatch


def test_every_page_with_a_program_says_what_it_prints() -> None:
    pages = [program.page for program in PROGRAMS]
    assert {page: len(printed) for page, printed in PRINTED.items()} == {page: pages.count(page) for page in pages}


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_a_program_runs(
    program: Block, endpoint: LocalEndpoint, environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint.url)
    environment.setenv("AWS_ACCESS_KEY_ID", endpoint.credentials.access_key_id)
    environment.setenv("AWS_SECRET_ACCESS_KEY", endpoint.credentials.secret_access_key)
    exec(compile(program.text, str(program), "exec"), {"__name__": "__main__"})  # noqa: S102 - it stands in this checkout
    gc.collect()  # so that a socket left open is a warning, and so an error, of this test
    printed = PRINTED[program.page][[other for other in PROGRAMS if other.page == program.page].index(program)]
    captured = capfd.readouterr()
    assert re.fullmatch(printed, captured.out, re.DOTALL)
    assert captured.err == ""


@pytest.mark.parametrize("page", FRAGMENTS)
def test_the_fragments_of_a_page_run(page: str, environment: pytest.MonkeyPatch) -> None:
    if "from fastapi " in FRAGMENTS[page]:
        pytest.importorskip("fastapi", reason="fastapi is not installed")
    assert run_fragments(page)


@pytest.mark.parametrize("checker", CHECKERS if THOROUGH else CHECKERS[:1])
def test_the_examples_are_strictly_typed(checker: str, tmp_path: Path, cache: pytest.Cache) -> None:
    texts = {**{str(program): program.text for program in PROGRAMS}, **FRAGMENTS}
    texts = {re.sub(r"\W", "_", name): text for name, text in texts.items()}
    files = {name.removesuffix(".py"): text for named in FILES.values() for name, text in named.items()}
    assert len(files) == sum(map(len, FILES.values())), "two tutorials have a file of the same name"
    done = check(checker, texts | files, tmp_path, cache)
    assert done.returncode == 0, done.stdout + done.stderr


class Browser:
    """Asks an ASGI application for one page, and reads as much of the body as it wants."""

    def __init__(self, app: Any, path: str) -> None:
        self._left = asyncio.Event()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "app": app}
        self._task = asyncio.ensure_future(app(scope, self._receive, self._messages.put))

    async def _receive(self) -> dict[str, Any]:
        if not self._task_has_begun:
            self._task_has_begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    _task_has_begun = False

    async def status(self) -> int:
        return int((await self._messages.get())["status"])

    async def piece(self) -> bytes:
        return bytes((await self._messages.get())["body"])

    async def leave(self) -> None:
        self._left.set()
        await self._task


async def test_the_fastapi_recipe_streams_and_answers_404(environment: pytest.MonkeyPatch) -> None:
    """FastAPI calls the functions "written", "about" and "not_there" of the page."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    names = run_fragments("docs/streaming.md")
    async with names["lifespan"](names["app"]):
        assert names["app"].state.client.config.region == "eu-west-1"
    go_on = asyncio.Event()

    async def write(event: Any) -> AsyncGenerator[str]:
        yield event["topic"]
        await go_on.wait()
        yield "!"

    transport = FakeTransport({"writer": write})
    async with LambdaClient(transport=transport) as client:
        names["app"].state.client = client
        reader, leaver = Browser(names["app"], "/about/tea"), Browser(names["app"], "/about/ink")
        assert (await reader.status(), await reader.piece(), client.stats.in_flight) == (200, b"tea", 2)
        assert (await leaver.status(), await leaver.piece()) == (200, b"ink")
        await leaver.leave()
        assert client.stats.in_flight == 1
        go_on.set()
        assert [await reader.piece(), await reader.piece()] == [b"!", b""]
        await reader.leave()
        assert client.stats.in_flight == 0
        transport.fail("writer", ResourceNotFoundException)
        missing = Browser(names["app"], "/about/tea")
        assert (await missing.status(), await missing.piece()) == (404, b'{"detail":"nobody writes here"}')
        await missing.leave()


async def test_one_limit_is_changed_and_the_rest_is_kept() -> None:
    limits: list[Timeouts] = []

    async def seen(call: Call[CommandInput, CommandOutput], call_next: CallNext[CommandInput, CommandOutput]) -> CommandOutput:
        limits.append(call.timeouts)
        return await call_next(call)

    async with LambdaClient(
        transport=FakeTransport({"report": lambda event: event}), timeout=Timeouts(total=300, queue=5)
    ) as client:
        client.middleware_stack.add(seen)
        assert await run_fragments("docs/calls.md")["report"](client) == {"year": 2026}
    assert limits == [Timeouts(total=300, queue=5, read=120)]


TESTED = run_fragments("docs/testing.md")
"""The names of the page about tests, which has tests itself."""
TESTS_OF_PAGE = [
    "test_a_total",
    "test_busy_orders_have_no_total",
    "test_a_lost_answer_is_not_repeated",
    "test_a_timeout_of_the_function_is_raised",
    "test_a_cut_stream_is_an_error",
    "test_some_of_many_fail",
    "test_a_tail",
    "test_an_event_runs_later",
    "test_a_new_function_is_waited_for",
    "test_a_function_that_failed_is_given_up",
    "test_a_report_is_made_once",
    "test_a_report_waits_for_its_approval",
    "test_keys_are_renewed",
    "test_a_busy_client",
    "test_errors_have_sensible_facts",
]


def test_each_test_of_the_page_about_tests_is_run_here() -> None:
    assert [name for name in TESTED if name.startswith("test_")] == TESTS_OF_PAGE
    assert {"total_of_order", "total_once_ready", "orders", "write", "order_report"} <= set(TESTED)


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", TESTS_OF_PAGE)
async def test_a_test_of_the_manual_passes(name: str) -> None:
    done = TESTED[name]()
    if inspect.isawaitable(done):
        await done


def test_the_table_of_failures_has_calls_that_work() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    calls = re.findall(r"^\| .* \| `(fake\..*)` \|$", page, re.MULTILINE)
    names = {**vars(aiolambda), **vars(aiolambda.errors.service), **vars(aiolambda.testing), "orders": len}
    for call in calls:
        fake = FakeTransport({"orders": lambda event: event, "writer": lambda event: event})
        eval(call, {**names, "fake": fake})  # noqa: S307 - it stands in this checkout
        facts, states = fake._functions.facts_of("orders"), fake._states
        assert facts is not None
        set_now = [bool(states.states), bool(states.updates), bool(states.provisioned), facts.concurrency is not None]
        assert len(fake._rules) + sum(set_now) == 1, call
    assert len(calls) == 26


async def test_the_table_of_durable_steps_has_steps_that_work() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    steps = [eval(step, {"durable": durable}) for step in re.findall(r"^\| .* \| `(durable\..*)` \|$", page, re.MULTILINE)]  # noqa: S307 - it stands in this checkout
    fake = FakeTransport()
    async with LambdaClient(transport=fake) as client:
        for step in steps:
            fake.add_durable("reports", [step])
            await client.invoke_event("reports:live")
    assert len(fake.durable_executions) == len(steps) == 10


async def test_the_aioresponses_example_mocks_a_call(environment: pytest.MonkeyPatch) -> None:
    assert await run_fragments("docs/testing.md")["total_of"](2) == {"total": 6}


async def test_the_probing_connector_sets_keep_alive(environment: pytest.MonkeyPatch) -> None:
    names = run_fragments("docs/own-session.md")
    await names["probing_connector"]().close()
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
    with names["probed_socket"](address) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 15
