"""Who else is on this machine: processes that the endpoint did not start, and that its Runtime API does not hear."""

import asyncio
import os
import socket
import subprocess
import sys

import aiohttp
import pytest

from aiolambda.local import peers
from aiolambda.local.invocations import Invocation
from aiolambda.local.runtime_api import RuntimeApi

from .local_support import HERE, function, read_soon, serving
from .test_local_runtime import both_runtimes

# The Runtime API of a process


async def tried(address, session, request_id):
    """The status of each way in which a process can interfere with an invocation of another."""
    url = f"http://{address}/2018-06-01/runtime"
    statuses = []
    for method, path in (
        ("GET", "invocation/next"),
        ("POST", f"invocation/{request_id}/response"),
        ("POST", f"invocation/{request_id}/error"),
        ("POST", "init/error"),
    ):
        async with session.request(method, f"{url}/{path}", data=b'"forged"') as response:
            statuses.append(response.status)
    return statuses


@both_runtimes
async def test_a_stranger_cannot_touch_an_invocation(runtime, tmp_path):
    async with serving(function(runtime=runtime)) as invoke:
        address = (await invoke(payload={"op": "describe"})).json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
        idle = await tried(address, invoke.session, "1")
        event = {"op": "sleep", "seconds": 0.5, "started": str(tmp_path / "pid")}
        call = asyncio.create_task(invoke(payload=event))
        pid = int(await read_soon(tmp_path / "pid"))
        busy = await tried(address, invoke.session, "1")
        answer = await call
        assert (answer.error, answer.json()) == (None, pid)
        assert (await invoke()).json() == pid
    assert idle == busy == [403] * 4


async def test_a_stranger_with_the_right_request_id_cannot_forge_an_answer(tmp_path):
    async with serving() as invoke:
        address = (await invoke(payload={"op": "describe"})).json()["environment"]["AWS_LAMBDA_RUNTIME_API"]
        event = {"op": "tell request id", "file": str(tmp_path / "id"), "seconds": 0.3}
        call = asyncio.create_task(invoke(payload=event))
        request_id = await read_soon(tmp_path / "id")
        assert await tried(address, invoke.session, request_id) == [403] * 4
        answer = await call
    assert (answer.error, answer.json()) == (None, request_id)


async def test_functions_of_one_endpoint_are_strangers_to_each_other():
    async with serving(function("front"), function("back")) as invoke:
        seen = (await invoke("back", {"op": "describe"})).json()
        answer = await invoke("front", {"op": "ask", "address": seen["environment"]["AWS_LAMBDA_RUNTIME_API"]})
    assert answer.json() == 403


async def test_a_runtime_behind_a_launcher_is_no_stranger():
    runtime = ("/bin/sh", "-c", f"{sys.executable} {HERE / 'local_raw_runtime.py'}; true")
    async with serving(function(runtime=runtime)) as invoke:
        assert (await invoke(payload=b'{"a": 1}')).body == b'{"a": 1}'


async def test_a_connection_waits_until_its_process_is_known():
    api = RuntimeApi()
    try:
        url = f"http://{await api.start()}/2018-06-01/runtime/invocation/next"
        api.dispatch(Invocation(request_id="1", payload=b"[1]", function_arn="arn:x", trace_id="Root=1"), 0)
        async with aiohttp.ClientSession() as session:
            polling = asyncio.create_task(session.get(url))
            await asyncio.wait({polling}, timeout=0.05)
            assert not polling.done()
            api.admit(os.getsid(0))
            async with await polling as response:
                assert await response.read() == b"[1]"
    finally:
        await api.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


PROGRAM = (
    "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); print(flush=True); sys.stdin.read()"
)


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_socket_is_held_by_the_session_of_its_process(listener, is_ours):
    command = [sys.executable, "-c", PROGRAM, str(listener.getsockname()[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=not is_ours) as process:
        assert process.stdout is not None
        process.stdout.readline()
        connection, client = listener.accept()
        with connection:
            assert await peers.is_held_in_session(os.getsid(process.pid), client, listener.getsockname())
            assert await peers.is_held_in_session(os.getsid(0), client, listener.getsockname()) is is_ours
        process.communicate()


async def test_a_socket_for_both_families_is_seen(listener):
    with socket.socket(socket.AF_INET6) as connection:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        connection.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        accepted, client = listener.accept()
        with accepted:
            assert await peers.is_held_in_session(os.getsid(0), client, listener.getsockname())


async def test_a_socket_that_was_closed_is_held_by_no_process(listener):
    with socket.create_connection(listener.getsockname()) as connection:
        accepted, client = listener.accept()
    with accepted:
        connection.close()
        assert not await peers.is_held_in_session(os.getsid(0), client, listener.getsockname())


def test_the_listing_of_lsof_names_the_holder_of_the_clients_end():
    listing = (
        "p41\nf5\nn127.0.0.1:51248->127.0.0.1:9001\nf6\nn127.0.0.1:51250->127.0.0.1:9001\n"
        "p42\nf3\nn127.0.0.1:9001->127.0.0.1:51248\np43\nf9\nn127.0.0.1:51248->127.0.0.1:9001\n"
    )
    server = ("127.0.0.1", 9001)
    assert list(peers.holders(listing, ("127.0.0.1", 51248), server)) == [41, 43]
    assert list(peers.holders(listing, ("127.0.0.1", 51249), server)) == []
    assert list(peers.holders("", ("127.0.0.1", 51248), server)) == []
