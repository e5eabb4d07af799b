"""Helpers of the tests of `aiolambda.local`: endpoints with the test functions, and a plain HTTP caller."""

import asyncio
import base64
import importlib.util
import io
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

import aiolambda
from aiolambda import Credentials
from aiolambda.local import LocalEndpoint, LocalFunction
from aiolambda.local.runtime.environment import SharedEnvironment
from aiolambda.local.runtime.invocations import Invocation
from aiolambda.local.runtime.process import RuntimeProcess
from aiolambda.local.runtime.process_groups import ProcessGroups

from .loops import chosen_loop

HERE = Path(__file__).parent
PACKAGE_DIRECTORY = str(Path(aiolambda.__file__).parent.parent)
"""The folder of the package under test: the checkout, or an installed wheel."""
RAW_RUNTIME = (sys.executable, str(HERE / "local_raw_runtime.py"))
AWS_RUNTIME = (sys.executable, "-m", "awslambdaric", "{handler}")

needs_awslambdaric = pytest.mark.skipif(
    importlib.util.find_spec("awslambdaric") is None, reason="awslambdaric is not installed (it builds on Linux only)"
)
both_runtimes = pytest.mark.parametrize(
    "runtime", [None, pytest.param(AWS_RUNTIME, marks=needs_awslambdaric)], ids=["built-in", "awslambdaric"]
)
in_both_runtimes = pytest.mark.parametrize(
    "app", ["app", pytest.param("aws", marks=needs_awslambdaric)], ids=["built-in", "awslambdaric"]
)
"""The functions of the shared endpoint that have the same handler."""


@attrs.frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str | None:
        return self.headers.get("X-Amz-Function-Error")

    @property
    def code(self) -> str | None:
        return self.headers.get("x-amzn-ErrorType")

    @property
    def log(self) -> str:
        return base64.b64decode(self.headers["X-Amz-Log-Result"]).decode()


@attrs.frozen
class Caller:
    """Invokes over plain HTTP, unsigned."""

    endpoint: LocalEndpoint
    session: aiohttp.ClientSession

    async def __call__(
        self, name: str = "app", payload: object = b"", *, query: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        url = f"{self.endpoint.url}/2015-03-31/functions/{name}/invocations{query}"
        async with self.session.post(url, data=io.BytesIO(body), headers=headers) as response:
            return Answer(response.status, response.headers, await response.read())


_MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
"""A function finds these only if its configuration says so; without them no runtime is measured."""


def function(name: str = "app", handler: str = "local_handlers.handler", **settings: Any) -> LocalFunction:
    settings = {"root": HERE, "concurrency": 4, "timeout": 20.0, **settings}
    environment = {**_MEASURED, **settings.pop("environment", {})}
    return LocalFunction(name=name, handler=handler, environment=environment, **settings)


@asynccontextmanager
async def serving(*functions: LocalFunction, **settings: Any) -> AsyncIterator[Caller]:
    endpoint = LocalEndpoint(functions or [function()], **{"verify_signatures": False, **settings})
    async with endpoint, aiohttp.ClientSession() as session:
        yield Caller(endpoint, session)


@asynccontextmanager
async def running_process(function: LocalFunction, **options: Any) -> AsyncIterator[RuntimeProcess]:
    """A process without an endpoint around it, started."""
    groups = ProcessGroups()
    shared = SharedEnvironment(
        url="http://127.0.0.1:1", region="us-east-1", credentials=Credentials("AKID", "s"), inherited=dict(os.environ)
    )
    process = RuntimeProcess(function, shared, groups, **options)
    try:
        await process.start()
        yield process
    finally:
        await process.close()
        await groups.close()


def invocation(payload: object = None, request_id: str = "1", **members: Any) -> Invocation:
    """The input of a process."""
    members = {"function_arn": "arn:aws:lambda:us-east-1:000000000000:function:app", "trace_id": "Root=1", **members}
    return Invocation(request_id=request_id, payload=json.dumps(payload).encode(), **members)


@contextmanager
def shared_endpoint(*functions: LocalFunction, **settings: Any) -> Iterator[LocalEndpoint]:
    """An endpoint that serves in a thread, so that tests with event loops of their own can share it."""
    endpoint = LocalEndpoint(functions, **settings)
    serving: Future[asyncio.AbstractEventLoop] = Future()
    ended = asyncio.Event()

    async def serve() -> None:
        async with endpoint:
            serving.set_result(asyncio.get_running_loop())
            await ended.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=chosen_loop()) as runner:
                runner.run(serve())
        except BaseException as error:
            if serving.done():
                raise
            serving.set_exception(error)

    thread = threading.Thread(target=run, name="shared endpoint")
    thread.start()
    loop = serving.result()
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def is_running(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc/self").exists()
    return status.rpartition(")")[2].split()[0] != "Z"


async def becomes_true(condition: Any, *, limit: float = 10.0) -> None:
    """Wait for something that another process does; fail after `limit` seconds."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.01)


async def read_soon(path: Path) -> str:
    """Wait until another process has written the file, and return its content."""
    await becomes_true(lambda: path.exists() and path.read_text())
    return path.read_text()
