"""The process that runs durable executions: its start, its end, and processes that do not do what they should."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
import pytest

from aiolambda import ConfigurationError, LambdaClient, LambdaServiceException
from aiolambda.errors.service import InvalidParameterValueException, ResourceNotFoundException, ServiceException
from aiolambda.local import DurableConfig, LocalEndpoint, LocalFunction
from aiolambda.local.durable.peer import TOKEN_HEADER
from aiolambda.operations import (
    GetDurableExecutionCommand,
    ListDurableExecutionsByFunctionCommand,
    SendDurableExecutionCallbackSuccessCommand,
)

from ...support import peers
from ...support.local import becomes_true, function, is_running
from .support import Durable

pytestmark = pytest.mark.slow

ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders:1/durable-execution/a/b"


@asynccontextmanager
async def serving(function: LocalFunction, folder: Path, **options: object) -> AsyncIterator[Durable]:
    """An endpoint with one durable function."""
    async with (
        LocalEndpoint([function], **options) as endpoint,  # type: ignore[arg-type]
        LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials) as client,
    ):
        yield Durable(endpoint, client, folder / "diary")


def peer_of(durable: Durable) -> int:
    """The process id of the process of executions."""
    executions = durable.endpoint._durable
    assert executions is not None
    assert executions._peer is not None
    assert executions._peer.pid is not None
    return executions._peer.pid


@pytest.fixture
def python() -> str:
    return os.fspath(peers.durable_python())


# Without the SDK


@pytest.fixture
def unused() -> LocalFunction:
    """A durable function that is never run."""
    return function("orders", durable=DurableConfig())


def program(folder: Path, text: str) -> Path:
    path = folder / "python"
    path.write_text(text)
    path.chmod(0o755)
    return path


SILENT = f"""#!{sys.executable}
import os, socket, time
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(ANSWER)
    connection.close()
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'#!/bin/sh\nexec {sys.executable} -S "$@"\n', "does not have; install it there"),
        ("#!/bin/sh\nexit 7\n", "did not start: the process ended"),
        ("#!/bin/sh\necho no tea\nexit 7\n", "did not start: no tea"),
        ("#!/bin/sh\nexec 0<&-\nexec sleep 60\n", "did not start"),
        (SILENT.replace("ANSWER", "b''"), "did not start"),
        (SILENT.replace("ANSWER", "b'nonsense'"), "did not start"),
        (SILENT.replace("ANSWER", r"b'HTTP/1.1 200 OK\r\n\r\n[]'"), "did not start"),
        (SILENT.replace("ANSWER", r"b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'"), "did not start"),
    ],
    ids=["no package", "ends", "tells", "deaf", "silent", "nonsense", "list", "half"],
)
async def test_python_that_cannot_run_executions_is_told(tmp_path: Path, unused: LocalFunction, text: str, said: str) -> None:
    async with serving(unused, tmp_path, durable_python=program(tmp_path, text)) as durable:
        for _ in range(2):
            with pytest.raises(InvalidParameterValueException, match=said) as refused:
                await durable.invoke("steps")
            assert "AIOLAMBDA_DURABLE_PYTHON" in str(refused.value)
        assert not refused.value.may_have_run


FALSE = f"""#!{sys.executable}
import json, os, socket, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

class Handler(BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path.startswith("/aiolambda/ended"):
            started.wait()
            known = int(self.path.rpartition("=")[2])
            if known:
                time.sleep(60)
            self.answer(200, json.dumps({{"Ended": arns}}).encode())
        elif self.path == "/health":
            self.answer(200, b"{{}}")
        else:
            self.answer(*DETAILS)
    def do_PUT(self):
        self.answer(200, b"{{}}")
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        arn = "arn:aws:lambda:us-east-1:000000000000:function:orders:$LATEST/durable-execution/"
        arns.append(f"{{arn}}{{asked['ExecutionName']}}/{{asked['InvocationId']}}")
        self.answer(*START)
        started.set()
    def log_message(self, *_):
        pass

import threading
arns, started = [], threading.Event()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket.close()
server.socket = socket.socket(fileno=os.dup(0))
server.serve_forever()
"""
"""In place of the SDK, with some answers of its own."""


@pytest.mark.parametrize(
    ("start", "details", "status"),
    [
        ((201, b"{}"), (200, b'{"Status": "SUCCEEDED", "Result": "1"}'), 200),
        ((400, b'{"Type": "InvalidParameterValueException", "message": "no"}'), (200, b"{}"), 400),
        ((500, b"nonsense"), (200, b"{}"), 500),
        ((201, b"[]"), (200, b"{}"), 500),
        ((201, b"{}"), (200, b'{"Status": "SUCC'), 500),
        ((201, b"{}"), (200, b"{}"), 500),
        ((201, b"{}"), (404, b'{"Type": "ResourceNotFoundException", "Message": "gone"}'), 404),
    ],
    ids=["right", "refused", "nonsense", "list", "half", "empty", "gone"],
)
async def test_answers_of_a_wrong_process_are_errors(
    tmp_path: Path, unused: LocalFunction, start: tuple[int, bytes], details: tuple[int, bytes], status: int
) -> None:
    text = FALSE.replace("*START", f"*{start!r}").replace("*DETAILS", f"*{details!r}")
    async with serving(unused, tmp_path, durable_python=program(tmp_path, text)) as durable:
        if status == 200:
            assert (await durable.invoke("steps", name="one")).json() == 1
        else:
            with pytest.raises(LambdaServiceException) as failed:
                await durable.invoke("steps", name="one", idempotent=False)
            assert failed.value.status_code == status
            assert failed.value.code in ("InvalidParameterValueException", "ResourceNotFoundException", "ServiceException")
        await durable.endpoint.wait_idle()


async def test_python_that_is_missing_is_told(tmp_path: Path, unused: LocalFunction) -> None:
    async with serving(unused, tmp_path, durable_python=tmp_path / "gone") as durable:
        with pytest.raises(InvalidParameterValueException, match="durable executions need Python in '.*gone': No such file"):
            await durable.invoke("steps")


async def test_python_of_the_environment_is_used(
    tmp_path: Path, unused: LocalFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOLAMBDA_DURABLE_PYTHON", str(tmp_path / "elsewhere"))
    async with serving(unused, tmp_path) as durable:
        with pytest.raises(InvalidParameterValueException, match="elsewhere"):
            await durable.invoke("steps")


async def test_without_executions_nothing_is_found(tmp_path: Path, unused: LocalFunction) -> None:
    async with serving(unused, tmp_path, durable_python=tmp_path / "gone") as durable:
        with pytest.raises(ResourceNotFoundException):
            await durable.client.send(GetDurableExecutionCommand(durable_execution_arn=ARN))
        listed = await durable.client.send(ListDurableExecutionsByFunctionCommand(function_name="orders"))
        assert not listed.durable_executions


async def test_close_ends_a_start(tmp_path: Path, unused: LocalFunction) -> None:
    deaf = program(tmp_path, f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")  # it keeps the socket, and never answers
    async with serving(unused, tmp_path, durable_python=deaf) as durable:
        call = asyncio.create_task(durable.invoke("steps"))
        await becomes_true(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        await durable.endpoint.close()
        with pytest.raises(ServiceException):
            await call
    assert not is_running(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("given", [3, b"python"], ids=["number", "bytes"])
def test_wrong_durable_python_is_refused(given: object) -> None:
    with pytest.raises(ConfigurationError, match="durable_python must be the path of a Python"):
        LocalEndpoint(durable_python=given)  # type: ignore[arg-type]


# With the SDK


async def test_close_leaves_no_process(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        call = asyncio.create_task(durable.invoke("sleeps", members={"seconds": 60}, idempotent=False))
        waiting = await durable.begin("asks", members={"diary": str(tmp_path / "other")})
        await becomes_true(durable.noted)
        pids = [peer_of(durable), *durable.endpoint.runtime_pids("orders")]
        assert waiting
        await durable.endpoint.close()
        with pytest.raises(ServiceException, match="stopped while the function was running"):
            await call
    assert not any(is_running(pid) for pid in pids)


async def test_clear_ends_the_executions(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        arn = await durable.begin("asks")
        await becomes_true(durable.noted)
        pid = peer_of(durable)
        await durable.endpoint.clear()
        assert not is_running(pid)
        await durable.endpoint.wait_idle()
        with pytest.raises(ResourceNotFoundException):
            await durable.client.send(GetDurableExecutionCommand(durable_execution_arn=arn))
        durable.endpoint.add(orders)
        assert (await durable.invoke("steps", members={"names": []})).json() == {"steps": []}


async def test_process_that_dies_ends_the_executions(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        call = asyncio.create_task(durable.invoke("asks", name="again"))
        await becomes_true(durable.noted)
        os.kill(peer_of(durable), signal.SIGKILL)
        with pytest.raises(ServiceException):
            await call
        durable.diary.unlink()
        output = await durable.invoke("steps", name="again", members={"names": ["one"]})  # the name is free again
        assert output.json() == {"steps": ["one"]}


async def test_requests_without_the_token_are_refused(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable, aiohttp.ClientSession() as session:
        await durable.invoke("steps", members={"names": []})
        executions = durable.endpoint._durable
        assert executions is not None
        assert executions._peer is not None
        origin = executions._peer._origin
        assert origin.startswith("http://127.0.0.1:")
        for headers in ({}, {TOKEN_HEADER: "wrong"}):
            for method, path in (("GET", "/health"), ("POST", "/start-durable-execution"), ("PUT", "/aiolambda/functions")):
                async with session.request(method, origin + path, headers=headers) as answer:
                    assert answer.status == 403


async def test_another_token_begins_an_execution(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with (
        serving(orders, tmp_path, durable_python=python, verify_signatures=False) as durable,
        aiohttp.ClientSession() as session,
    ):
        url = f"{durable.endpoint.url}/2015-03-31/functions/orders:1/invocations"
        body = b'{"op": "steps", "names": [], "diary": ""}'
        for token in ("wrong", "w\u00fcrong"):
            async with session.post(url, data=body, headers={TOKEN_HEADER: token}) as answer:
                assert "X-Amz-Durable-Execution-Arn" in answer.headers


async def test_removed_function_fails_its_execution(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        arn = await durable.begin("asks")
        await becomes_true(durable.noted)
        durable.endpoint.remove("orders")
        callback = durable.noted()[0]
        await durable.client.send(SendDurableExecutionCallbackSuccessCommand(callback_id=callback, result=b"1"))
        assert (await durable.ended(arn)).status == "FAILED"


async def test_wait_idle_waits_for_an_execution(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        await durable.begin("waits")
        await durable.endpoint.wait_idle()
        (run,) = durable.endpoint.executions
        assert (run.invocation_type, run.result()) == ("Event", "waited")


async def test_reload_replays_on_the_new_code(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    source = Path(peers.__file__).with_name("durable_handlers.py").read_text()
    file = tmp_path / "durable_handlers.py"
    file.write_text(source)
    copied = attrs.evolve(orders, root=tmp_path, versions={}, aliases={})
    async with serving(copied, tmp_path, durable_python=python, reload=True) as durable:
        arn = await durable.begin("asks")
        await becomes_true(lambda: durable.noted() and not durable.endpoint._log.totals["orders"].running)
        file.write_text(source.replace('{"answer": callback', '{"new answer": callback'))
        os.utime(file, (1e9, 1e9))
        callback = durable.noted()[0]
        await durable.client.send(SendDurableExecutionCallbackSuccessCommand(callback_id=callback, result=b"1"))
        assert (await durable.ended(arn)).result == '{"new answer": "1"}'
        assert durable.noted() == [callback]


async def test_execution_runs_under_a_debugger(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python, debug=True) as durable:
        calls = [durable.invoke("steps", members={"names": ["one"]}) for _ in range(2)]
        assert [output.json() for output in await asyncio.gather(*calls)] == [{"steps": ["one"]}] * 2


async def test_handler_that_crashes_is_tried_again(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        call = asyncio.create_task(durable.invoke("sleeps", members={"seconds": 2}))
        await becomes_true(durable.noted)
        for pid in durable.endpoint.runtime_pids("orders"):
            os.kill(pid, signal.SIGKILL)
        assert (await call).json() == "slept"
        assert durable.noted() == ["asleep", "asleep"]


async def test_cancelled_call_leaves_the_execution(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        call = asyncio.create_task(durable.invoke("asks", name="left"))
        await becomes_true(durable.noted)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await durable.client.send(SendDurableExecutionCallbackSuccessCommand(callback_id=durable.noted()[0], result=b"1"))
        assert (await durable.invoke("asks", name="left")).json() == {"answer": "1"}


async def test_events_tell_the_execution(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    seen = []
    async with serving(orders, tmp_path, durable_python=python, on_invocation=seen.append) as durable:
        output = await durable.invoke("steps", function="orders:live", members={"names": []})
        with pytest.raises(LambdaServiceException):
            await durable.invoke("steps", function="orders:nope")
        await durable.endpoint.wait_idle()
    of_execution = [event for event in seen if event.durable_execution_arn is not None]
    assert [(event.status, event.qualifier, event.durable_execution_arn) for event in of_execution] == [
        ("running", "live", output.durable_execution_arn),
        ("succeeded", "live", output.durable_execution_arn),
    ]
    of_handler = [event.status for event in seen if event.version == "1"]
    assert of_handler == ["running", "succeeded"]


async def test_function_that_was_added_can_be_invoked(tmp_path: Path, orders: LocalFunction, python: str) -> None:
    async with serving(orders, tmp_path, durable_python=python) as durable:
        members = {"function": "late", "payload": {"n": 2}}
        failed = await durable.invoke("invokes", members=members)
        assert failed.function_error == "Unhandled"
        durable.endpoint.add("late", lambda event: {"double": 2 * event["n"]})
        assert (await durable.invoke("invokes", members=members)).json()["answered"] == {"double": 4}
