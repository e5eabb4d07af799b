"""Blocking work runs in threads of the package: the default executor may be busy, and no exit waits for these threads."""

import asyncio
import concurrent.futures
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aiolambda import ConfigurationError, ConnectError, Credentials, InvocationTimeoutError, LambdaClient, Timeouts
from aiolambda.client import startup
from aiolambda.threads import Threads

from .config.test_config import set_all
from .support.programs import output_of
from .support.servers import RawServer, always, answer, raw_server

KEYS = Credentials("AKIDEXAMPLE", "secret")
LOOK_UP = "aiolambda name look-up"


@pytest.fixture
async def busy() -> Any:
    """The one thread of the loop's default executor is not to be had."""
    go_on, executor = threading.Event(), concurrent.futures.ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(executor)
    blocked = loop.run_in_executor(None, go_on.wait)
    yield
    go_on.set()
    await blocked


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text("[profile tea]\nregion = eu-west-1\naws_access_key_id = AKIDTEA\naws_secret_access_key = s\n")
    set_all(monkeypatch, {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "tea"})


def named(server: RawServer) -> str:
    """Its address by a name, which must be looked up."""
    return f"http://localhost:{server.port}"


@pytest.mark.usefixtures("busy", "profile")
async def test_busy_default_executor_delays_no_call(tmp_path: Path) -> None:
    async with asyncio.timeout(60), raw_server(always(answer())) as server:
        async with LambdaClient(endpoint_url=named(server)) as client:
            await client.invoke("f", b"x" * 2_000_000)
            async with client.map("f", [{}] * 3, journal=tmp_path / "journal") as run:
                assert [result.output.status_code async for result in run if result.output is not None] == [200] * 3
    assert [len(body) for _, body in server.requests] == [2_000_000, 2, 2, 2]
    assert b"Credential=AKIDTEA/" in server.requests[0][0]


@pytest.fixture
def looks_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which names are looked up."""
    threads, look_up = list[str](), socket.getaddrinfo

    def noted(*args: Any, **options: Any) -> Any:
        threads.append(threading.current_thread().name)
        return look_up(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    return threads


@pytest.mark.parametrize("by", ["direct", "proxy"])
async def test_names_are_looked_up_in_our_own_thread(by: str, looks_up: list[str]) -> None:
    async with raw_server(always(answer())) as server:
        url, proxy = (named(server), None) if by == "direct" else ("http://lambda.test", named(server))
        async with LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url=url, proxy=proxy) as client:
            await client.invoke("f")
    assert looks_up == [LOOK_UP]


async def test_failed_look_up_is_a_connect_error_with_its_cause() -> None:
    client = LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url="http://nowhere.invalid", retry=None)
    async with client:
        with pytest.raises(ConnectError, match=r"cannot connect to nowhere\.invalid") as caught:
            await client.invoke("f", timeout=Timeouts(total=None, connect=60))
    assert isinstance(caught.value.__cause__, socket.gaierror)


async def test_client_that_can_start_no_thread_says_so(profile: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    # a thread of an earlier test may still run in the shared instance, and would do the work
    monkeypatch.setattr(startup, "_THREADS", Threads("opening", most=64))
    client = LambdaClient()
    with monkeypatch.context() as patch, pytest.raises(ConfigurationError, match="no thread can be started for opening"):
        patch.setattr(threading.Thread, "start", refuse)
        await client.open()
    await client.open()
    await client.close()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No look-up ends before the test does."""
    go_on = threading.Event()

    def hang(*args: Any, **options: Any) -> Any:
        go_on.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    go_on.set()


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize(
    ("limits", "exceeded"), [(Timeouts(total=0.05), "total"), (Timeouts(connect=0.05, total=None), "connect")]
)
async def test_limits_hold_for_a_hanging_look_up(limits: Timeouts, exceeded: str) -> None:
    from aiolambda import StandardRetry

    once = StandardRetry(max_attempts=1)
    client = LambdaClient(region="eu-west-1", credentials=KEYS, endpoint_url="http://slow.test", retry=once)
    async with asyncio.timeout(60), client:
        with pytest.raises(InvocationTimeoutError) as caught:
            await client.invoke("f", timeout=limits)
    assert (caught.value.exceeded, caught.value.may_have_run) == (exceeded, False)


async def test_total_limit_holds_while_the_client_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that gives the keys waits for a pipe that the test opens at its end."""
    pipe, config = tmp_path / "pipe", tmp_path / "config"
    os.mkfifo(pipe)
    config.write_text(f"[default]\nregion = eu-west-1\ncredential_process = cat {pipe}\n")
    set_all(monkeypatch, {"AWS_CONFIG_FILE": str(config)})
    client = LambdaClient(endpoint_url="http://127.0.0.1:9")
    try:
        with pytest.raises(InvocationTimeoutError) as caught:
            await asyncio.wait_for(client.invoke("f", timeout=0.05), 60)
        assert (caught.value.exceeded, caught.value.may_have_run) == ("total", False)
        await asyncio.wait_for(client.close(), 60)
    finally:
        await until(lambda: not ours() or written(pipe))
    await until(lambda: not ours())


def written(pipe: Path) -> bool:
    """Write to a pipe, if a program reads it by now. The limit may have expired before the program began."""
    try:
        end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.write(end, b"{}")
    os.close(end)
    return True


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():
            await asyncio.sleep(0.001)


def ours(prefix: str = "aiolambda") -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


@pytest.mark.usefixtures("profile")
async def test_closed_client_leaves_no_thread(tmp_path: Path) -> None:
    async with raw_server(always(answer())) as server:
        async with LambdaClient(endpoint_url=named(server)) as client:
            await client.invoke("f", b"x" * 2_000_000)
            async with client.map("f", [{}], journal=tmp_path / "journal") as run:
                assert [result async for result in run]
        await until(lambda: not ours())
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("asyncio", "journal"))]


HANG = """
import asyncio, socket, sys, threading, time
def hang(*args, **options):
    begun.set()
    time.sleep(600)
begun, socket.getaddrinfo = threading.Event(), hang
from aiolambda import AiolambdaError, LambdaClient
from tests.support.loops import chosen_loop
async def main():
    client = LambdaClient(endpoint_url=sys.argv[1])
    call = asyncio.ensure_future(client.invoke("f"))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    await client.close(grace=0)
    try:
        await call
    except AiolambdaError as error:
        print(type(error).__name__)
with asyncio.Runner(loop_factory=chosen_loop()) as runner:
    runner.run(main())
"""

_REGION = {"AWS_REGION": "eu-west-1"}
_KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
_ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": __file__}
HANGING = {
    "the endpoint": ("http://slow.test", _KEYS),
    "the container": ("http://127.0.0.1:9", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://slow.test/"}),
    "STS": ("http://127.0.0.1:9", _ROLE),
}
"""The endpoint, and variables that cause a look-up of a server's name."""


@pytest.mark.parametrize("name", HANGING)
async def test_hanging_look_up_does_not_delay_exit(name: str) -> None:
    endpoint, variables = HANGING[name]
    environment = {**os.environ, **_REGION, **variables, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HANG, endpoint, stdout=-1, stderr=-1, env=environment)
    out, complaints = await output_of(process, within=120)
    assert (out, complaints) == (b"ClientClosedError\n", b"")
