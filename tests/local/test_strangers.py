"""Strangers on this machine: processes that the endpoint did not start, and web pages of other origins."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from aiolambda.emulation.api_errors import ApiError
from aiolambda.local.api import cross_origin
from aiolambda.local.runtime import socket_owner
from aiolambda.local.runtime.invocations import Invocation
from aiolambda.local.runtime.runtime_api import RuntimeApiServer

from ..support.local import HERE, becomes_true, function, in_both_runtimes, read_soon, running_process, serving

# The Runtime API of a process


async def tried(address, session, request_id):
    """Try each request that could interfere with the invocation of another process, and return the statuses."""
    url = f"http://{address}/2018-06-01/runtime"
    statuses = []
    for method, path in (
        ("GET", "invocation/next"),
        ("POST", f"invocation/{request_id}/response"),
        ("POST", f"invocation/{request_id}/error"),
        ("POST", "init/error"),
    ):
        async with asyncio.timeout(10), session.request(method, f"{url}/{path}", data=b'"forged"') as response:
            statuses.append(response.status)
    return statuses


@in_both_runtimes
async def test_foreign_process_cannot_use_the_runtime_api(invoke, app, tmp_path):
    address = (await invoke(app, {"op": "describe"})).json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
    idle = await tried(address, invoke.session, "1")
    event = {"op": "sleep", "seconds": 0.5, "started": str(tmp_path / "pid")}
    call = asyncio.create_task(invoke(app, event))
    pid = int(await read_soon(tmp_path / "pid"))
    busy = await tried(address, invoke.session, "1")
    answer = await call
    assert (answer.error, answer.json()) == (None, pid)
    assert (await invoke(app)).json() == pid
    assert idle == busy == [403] * 4


async def test_foreign_process_cannot_forge_a_response(invoke, tmp_path):
    address = (await invoke(payload={"op": "describe"})).json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
    event = {"op": "tell request id", "file": str(tmp_path / "id"), "seconds": 0.3}
    call = asyncio.create_task(invoke(payload=event))
    request_id = await read_soon(tmp_path / "id")
    assert await tried(address, invoke.session, request_id) == [403] * 4
    answer = await call
    assert (answer.error, answer.json()) == (None, request_id)


async def test_function_cannot_use_the_api_of_another():
    async with serving(function("front"), function("back")) as invoke:
        seen = (await invoke("back", {"op": "describe"})).json()
        answer = await invoke("front", {"op": "ask", "address": seen["environment"]["AWS_LAMBDA_RUNTIME_API"]})
    assert answer.json() == 403


async def test_runtime_behind_a_launcher_is_admitted():
    runtime = ("/bin/sh", "-c", f"{sys.executable} {HERE / 'local_raw_runtime.py'}; true")
    async with serving(function(runtime=runtime)) as invoke:
        assert (await invoke(payload=b'{"a": 1}')).body == b'{"a": 1}'


async def test_request_waits_until_its_process_is_known():
    api = RuntimeApiServer()
    try:
        url = f"http://{api.start()}/2018-06-01/runtime/invocation/next"
        api.dispatch(Invocation(request_id="1", payload=b"[1]", function_arn="arn:x", trace_id="Root=1"), 0)
        async with aiohttp.ClientSession() as session:
            polling = asyncio.create_task(session.get(url))
            await asyncio.wait({polling}, timeout=0.05)
            assert not polling.done()
            await api.admit(os.getsid(0))
            async with await polling as response:
                assert await response.read() == b"[1]"
    finally:
        await api.close()


@asynccontextmanager
async def runtime_api():
    """A Runtime API that has admitted nobody yet, and its address."""
    api = RuntimeApiServer()
    host, _, port = api.start().rpartition(":")
    try:
        yield api, (host, int(port))
    finally:
        await api.close()


def request(method, path, body=b""):
    return f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def test_connection_reset_by_a_stranger_is_not_that_of_the_runtime():
    """The runtime may get the port that the stranger has given up, so that both connections have the same addresses."""
    async with runtime_api() as (api, address):
        for _ in range(10):  # another program of this machine may take the port in between
            with socket.create_connection(address) as stranger:
                taken = stranger.getsockname()
                stranger.sendall(request("POST", "init/error", b'{"errorType": "Forged", "errorMessage": "by a stranger"}'))
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
            with contextlib.suppress(OSError):
                connection = socket.create_connection(address, source_address=taken)
                break
        with connection as runtime:
            await api.admit(os.getsid(0))
            runtime.sendall(request("GET", "invocation/next"))
            async with asyncio.timeout(10):
                assert await api.ready is None


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


async def test_strangers_before_the_process_take_no_files():
    """They wait in the kernel, which drops those that are too many."""
    async with runtime_api() as (_, address):
        before = open_files()
        strangers = [socket.socket() for _ in range(200)]
        for stranger in strangers:
            stranger.setblocking(False)
            stranger.connect_ex(address)
        await asyncio.sleep(0.05)
        assert open_files() < before + len(strangers) + 10
        for stranger in strangers:
            stranger.close()


async def test_silent_strangers_are_few_and_soon_gone():
    """They send no head, so that the refusal has to wait for it."""
    async with runtime_api() as (api, address):
        await api.admit(1)
        strangers = [await asyncio.open_connection(*address) for _ in range(30)]
        ends = [asyncio.create_task(reader.read()) for reader, _ in strangers]
        try:
            done, waiting = await asyncio.wait(ends, timeout=0.5)
            assert len(done) >= 14
            assert len(waiting) <= 16
            async with asyncio.timeout(10):
                assert {await end for end in ends} == {b""}
        finally:
            for _, writer in strangers:
                writer.close()


async def test_nobody_is_served_after_the_end_of_the_process():
    """Another process may have its number by then."""
    async with runtime_api() as (api, address), aiohttp.ClientSession() as session:
        await api.admit(os.getsid(0))
        api.dismiss()
        assert await tried(f"{address[0]}:{address[1]}", session, "1") == [403] * 4


async def test_runtime_api_is_closed_before_its_process_is_known():
    api = RuntimeApiServer()
    host, _, port = api.start().rpartition(":")
    await api.close()
    await api.admit(os.getsid(0))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))


async def test_a_process_that_ended_leaves_its_runtime_api_to_nobody(monkeypatch):
    dismissed = []
    async with running_process(function()) as process:
        monkeypatch.setattr(process._api, "dismiss", lambda: dismissed.append(True))
        os.kill(process.pid, signal.SIGKILL)
        await becomes_true(lambda: dismissed)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


PROGRAM = (
    "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); print(flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize("is_ours", [True, False])
async def test_socket_belongs_to_its_session(listener, is_ours):
    command = [sys.executable, "-c", PROGRAM, str(listener.getsockname()[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=not is_ours) as process:
        assert process.stdout is not None
        process.stdout.readline()
        connection, client = listener.accept()
        with connection:
            assert await socket_owner.is_owned_by_session(os.getsid(process.pid), client, listener.getsockname())
            assert await socket_owner.is_owned_by_session(os.getsid(0), client, listener.getsockname()) is is_ours
        process.communicate()


async def test_dual_stack_socket_is_found(listener):
    with socket.socket(socket.AF_INET6) as connection:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        connection.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        accepted, client = listener.accept()
        with accepted:
            assert await socket_owner.is_owned_by_session(os.getsid(0), client, listener.getsockname())


async def test_closed_socket_has_no_owner(listener):
    with socket.create_connection(listener.getsockname()) as connection:
        accepted, client = listener.accept()
    with accepted:
        connection.close()
        assert not await socket_owner.is_owned_by_session(os.getsid(0), client, listener.getsockname())


def test_lsof_output_names_the_socket_holder():
    listing = (
        "p41\nf5\nn127.0.0.1:51248->127.0.0.1:9001\nf6\nn127.0.0.1:51250->127.0.0.1:9001\n"
        "p42\nf3\nn127.0.0.1:9001->127.0.0.1:51248\np43\nf9\nn127.0.0.1:51248->127.0.0.1:9001\n"
    )
    server = ("127.0.0.1", 9001)
    assert list(socket_owner.owners(listing, ("127.0.0.1", 51248), server)) == [41, 43]
    assert list(socket_owner.owners(listing, ("127.0.0.1", 51249), server)) == []
    assert list(socket_owner.owners("", ("127.0.0.1", 51248), server)) == []


# Web pages

HERE_HOSTS = [
    "127.0.0.1:9001",
    "127.0.0.1",
    "localhost:9001",
    "LOCALHOST",
    "app.localhost:9001",
    "[::1]:9001",
    "172.17.0.1:9001",
]


@pytest.mark.parametrize("host", [*HERE_HOSTS, "host.docker.internal:9001"])
def test_sdk_request_is_accepted(host):
    cross_origin.check({"host": host, "user-agent": "aws-sdk-js/3", "sec-fetch-mode": "cors"})  # Node's fetch sends the last


def test_same_origin_page_is_accepted():
    cross_origin.check({"host": "localhost:5173", "origin": "http://localhost:5173", "sec-fetch-site": "same-origin"})


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"origin": "https://evil.example"}, "web page of another origin"),
        ({"origin": "null"}, "web page of another origin"),
        ({"origin": ""}, "web page of another origin"),
        ({"origin": "http://127.0.0.1:9002"}, "web page of another origin"),
        ({"origin": "http://localhost:9001"}, "web page of another origin"),
        ({"sec-fetch-site": "cross-site"}, "web page of another origin"),
        ({"sec-fetch-site": "same-site"}, "web page of another origin"),
        ({"sec-fetch-site": "none,cross-site"}, "web page of another origin"),
        ({"host": "evil.example:9001"}, "does not name this machine"),
        ({"host": "evil.example:9001", "origin": "http://evil.example:9001"}, "does not name this machine"),
        ({"host": "127.0.0.1.evil.example"}, "does not name this machine"),
        ({"host": "localhost.evil.example"}, "does not name this machine"),
        ({"host": "evil-localhost"}, "does not name this machine"),
        ({"host": "127.0.0.1:9001,evil.example"}, "does not name this machine"),
        ({"host": "evil@127.0.0.1"}, "does not name this machine"),
        ({"host": ""}, "does not name this machine"),
    ],
    ids=str,
)
def test_cross_origin_headers_are_refused(headers, said):
    with pytest.raises(ApiError) as caught:
        cross_origin.check({"host": "127.0.0.1:9001", **headers})
    assert (caught.value.status, caught.value.code) == (403, "AccessDeniedException")
    assert said in caught.value.members["message"]


@pytest.mark.parametrize(
    "path", ["2015-03-31/functions/untouched/invocations", "2021-11-15/functions/untouched/response-streaming-invocations"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Content-Type": "text/plain"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
    ids=str,
)
async def test_cross_origin_request_runs_nothing(invoke, path, headers):
    async with invoke.session.post(f"{invoke.endpoint.url}/{path}", data=b"{}", headers=headers) as response:
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert invoke.endpoint.runtime_pids("untouched") == []


async def test_signed_endpoint_accepts_any_host():
    async with serving(verify_signatures=True) as invoke:
        answer = await invoke(headers={"Host": "lambda.example"})
    assert answer.code == "MissingAuthenticationTokenException"
