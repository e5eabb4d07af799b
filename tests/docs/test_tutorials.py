"""The tutorials, followed step by step: their files are written, their functions served, and their commands run."""

import asyncio
import json
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import aiolambda
from aiolambda import AiolambdaError, Delivery, RetryAction, Timeouts
from aiolambda.local import LocalEndpoint, LocalFunction

from ..support.cli import Ended, environment, environment_for, run
from ..support.pages import BLOCKS, FILES, ROOT
from ..support.programs import output_of
from .test_pages import rows_of

pytestmark = pytest.mark.slow

SERVICE = "docs/tutorials/fastapi-on-kubernetes.md"
ITEMS = "docs/tutorials/items-from-a-file.md"
TAKEN_FROM = {SERVICE: "docs/how-to/http-statuses.md"}
"""By tutorial: another page that a file of it is taken from."""


def lines_of(page: str, start: str) -> list[list[str]]:
    """The command lines of a page that begin with this text, as their arguments."""
    blocks = [block.text for block in BLOCKS if block.page == page and block.language == "sh"]
    return [shlex.split(line) for text in blocks for line in text.splitlines() if line.startswith(start)]


def write_files(page: str, folder: Path) -> None:
    for name, text in (FILES[page] | FILES.get(TAKEN_FROM.get(page, ""), {})).items():
        (folder / name).write_text(text)


def served(page: str, folder: Path) -> LocalEndpoint:
    """What the page tells its reader to serve."""
    ((_, _, definition, *_),) = lines_of(page, "aiolambda serve ")
    name, handler = definition.split("=")
    return LocalEndpoint([LocalFunction(name=name, handler=handler.replace(".py:", "."), root=folder)])


async def python(*arguments: str, folder: Path, env: dict[str, str]) -> asyncio.subprocess.Process:
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    env = {name: value for name, value in env.items() if name != "PYTEST_ADDOPTS"}
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=folder, env=env, **pipes)


async def ended(process: asyncio.subprocess.Process) -> Ended:
    stdout, stderr = await output_of(process, within=60)
    return Ended(process.returncode, stdout, stderr.decode())


# A FastAPI service


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for module in ("fastapi", "httpx2", "uvicorn"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    write_files(SERVICE, tmp_path)
    return tmp_path


async def test_the_tests_of_the_service_pass(shop: Path) -> None:
    (command,) = lines_of(SERVICE, "python -m pytest")
    tested = await ended(await python(*command[1:], folder=shop, env=environment()))
    assert b"3 passed" in tested.stdout, tested.stdout
    assert tested.code == 0


async def test_the_service_answers_while_it_stops(shop: Path) -> None:
    ((_, *options),) = lines_of(SERVICE, "uvicorn ")
    options[options.index("--port") + 1] = "0"
    async with served(SERVICE, shop) as endpoint, aiohttp.ClientSession() as browser:
        process = await python("-m", "uvicorn", *options, folder=shop, env=environment_for(endpoint))
        try:
            url = await address_of(process)
            assert await answer(browser, f"{url}/prices/2") == (200, {"total": 6})
            assert await answer(browser, f"{url}/prices/0") == (502, {"error": "FunctionError", "may_have_run": True})
            assert await answer(browser, f"{url}/live") == (200, {"live": True})
            slow = asyncio.ensure_future(answer(browser, f"{url}/prices/2?seconds=1"))
            while await answer(browser, f"{url}/ready") != (200, {"in_flight": 1, "waiting": 0}):
                assert not slow.done()
            process.send_signal(signal.SIGTERM)
            assert await slow == (200, {"total": 6})
            log = (await ended(process)).stderr
        finally:
            if process.returncode is None:
                process.kill()
    assert "Application shutdown complete" in log
    assert "Traceback" not in log


async def address_of(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    log = ""
    while (found := re.search(r"running on (http://[\d.:]+)", log)) is None:
        line = await asyncio.wait_for(process.stderr.readline(), 30)
        assert line, log
        log += line.decode()
    return found[1]


async def answer(browser: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with browser.get(url) as response:
        return response.status, await response.json()


def test_the_table_of_statuses_is_that_of_the_service(shop: Path) -> None:
    names: dict[str, Any] = {"__name__": "statuses"}
    exec(compile((shop / "statuses.py").read_text(), "statuses.py", "exec"), names)  # noqa: S102 - it stands in this checkout
    section = (ROOT / SERVICE).read_text().split("## Map errors to statuses")[1].split("\n## ")[0]
    rows = [(re.findall(r"`(\w+)`", row[0]), int(row[1])) for row in rows_of(section)]
    assert len(rows) == 4
    for errors, status in rows:
        for name in errors:
            kind = getattr(aiolambda, name)
            error = kind.__new__(kind)
            AiolambdaError.__init__(error, "text", delivery=Delivery.UNKNOWN if status in (502, 504) else Delivery.REFUSED)
            error.transient, error.error_type, error.retry_action = True, None, RetryAction.WAIT
            assert names["status_of"](error) == status, name


def test_limits_of_the_service_come_from_the_environment(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {"__name__": "settings"}
    exec(compile((shop / "settings.py").read_text(), "settings.py", "exec"), names)  # noqa: S102 - as above
    monkeypatch.setenv("SHOP_MAX_CONCURRENCY", "20")
    monkeypatch.setenv("SHOP_QUEUE_SECONDS", "0.5")
    config = names["client_from_environment"]().config
    assert (config.max_concurrency, config.timeout) == (20, Timeouts(total=10, queue=0.5, connect=2))
    monkeypatch.setenv("SHOP_TOTAL_SECONDS", "ten")
    with pytest.raises(ValueError, match="SHOP_TOTAL_SECONDS must be a number; got 'ten'"):
        names["client_from_environment"]()


async def test_a_request_that_the_server_cancels_is_a_502(shop: Path) -> None:
    """uvicorn waits for no request here, so that the test need not."""
    ((_, *options),) = lines_of(SERVICE, "uvicorn ")
    options[options.index("--port") + 1] = options[options.index("--timeout-graceful-shutdown") + 1] = "0"
    async with served(SERVICE, shop) as endpoint, aiohttp.ClientSession() as browser:
        process = await python("-m", "uvicorn", *options, folder=shop, env=environment_for(endpoint))
        try:
            url = await address_of(process)
            slow = asyncio.ensure_future(answer(browser, f"{url}/prices/2?seconds=2"))
            while (await answer(browser, f"{url}/ready"))[1]["in_flight"] == 0:
                assert not slow.done()
            process.send_signal(signal.SIGTERM)
            assert await slow == (502, {"error": "CancelledError", "may_have_run": True})
            assert "Application shutdown complete" in (await ended(process)).stderr
        finally:
            if process.returncode is None:
                process.kill()


def test_the_shutdown_fits_into_the_grace_period() -> None:
    text = (ROOT / SERVICE).read_text()
    parts = [int(row[1]) for row in rows_of(text.split("must fit into it:")[1].split("\n## ")[0])]
    (period,) = re.findall(r"^ +terminationGracePeriodSeconds: (\d+)$", text, re.MULTILINE)
    assert parts[0] == int(*re.findall(r"command: \[sleep, \"(\d+)\"\]", text))
    assert {str(parts[1])} == set(re.findall(r'--timeout-graceful-shutdown(?: |", ")(\d+)', text))
    assert {str(parts[2])} == set(re.findall(r"close\(grace=(\d+)\)", text))
    assert sum(parts[:3]) == parts[3] < int(period)


# Items from a file


@pytest.fixture
def items(tmp_path: Path) -> Path:
    write_files(ITEMS, tmp_path)
    return tmp_path


async def make_items(folder: Path, count: int) -> None:
    program = folder / "make_items.py"
    program.write_text(program.read_text().replace("20_000", str(count)))
    assert (await ended(await python("make_items.py", folder=folder, env=environment()))).code == 0
    assert len((folder / "items.jsonl").read_text().splitlines()) == count


async def test_a_map_that_was_interrupted_is_resumed(items: Path) -> None:
    """The function fails for the line 100: its message tells that the map is in the middle."""
    await make_items(items, 1000)
    async with served(ITEMS, items) as endpoint:
        process = await python("count_all.py", folder=items, env=environment_for(endpoint))
        assert process.stderr is not None
        assert await asyncio.wait_for(process.stderr.readline(), 60) == b"line 100: order 99 has no customer\n"
        process.send_signal(signal.SIGINT)
        interrupted = await ended(process)
        assert (interrupted.code, interrupted.stdout, interrupted.stderr) == (130, b"", "")
        resumed = await ended(await python("count_all.py", folder=items, env=environment_for(endpoint)))
    told = re.fullmatch(r"1000 done \((\d+) before\), 1 failed, 0 unknown\n", resumed.stdout.decode())
    assert told is not None, resumed
    assert 90 <= int(told[1]) < 1000
    assert (resumed.code, resumed.stderr) == (1, "line 100: order 99 has no customer\n")
    numbers = [json.loads(line)["id"] for line in (items / "results.jsonl").read_text().splitlines()]
    assert sorted(numbers) == [number for number in range(1000) if number != 99]


async def test_the_shell_maps_the_same_file(items: Path) -> None:
    await make_items(items, 120)
    first, again = lines_of(ITEMS, "aiolambda map ")
    async with served(ITEMS, items) as endpoint:
        mapped = await run(*first[1:], env=environment_for(endpoint), cwd=items)
        assert mapped.code == 1, mapped.stderr
        assert (items / "failed.jsonl").read_text() == '{"id": 99, "text": "order 99"}\n'
        assert len((items / "results.jsonl").read_text().splitlines()) == 120
        repaired = await run(*again[1:], env=environment_for(endpoint), cwd=items)
    assert repaired.code == 1, repaired.stderr
    assert len((items / "repaired.jsonl").read_text().splitlines()) == 1
