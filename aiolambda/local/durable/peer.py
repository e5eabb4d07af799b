"""The process with AWS's testing SDK: its start, requests to it, its end.

Laws: it listens on a port of 127.0.0.1 that the kernel chose, and answers only requests with the token of this object. A
request that raises may have been obeyed.

Must not know what the requests mean.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import attrs
from yarl import URL

from ...types.values import Credentials
from ..runtime.output_pipe import OutputPipe
from ..runtime.process_groups import ProcessGroups, SupervisedProcess

__all__ = ["TOKEN_HEADER", "DurablePeer", "PeerSettings", "PeerUnavailable"]

PACKAGE = "aws-durable-execution-sdk-python-testing"
PYTHON_VARIABLE = "AIOLAMBDA_DURABLE_PYTHON"
TOKEN_HEADER = "X-Aiolambda-Durable"  # noqa: S105 - the name of a header
_SCRIPT = str(Path(__file__).with_name("testing_server.py"))
_MODULE = "aws_durable_execution_sdk_python_testing"
_INVOCATION_LIMIT = 600_000
"""Seconds, a week: the endpoint itself ends the invocations that take too long."""
_START_LIMIT = 60.0
_ANSWER_LIMIT = 60.0
"""Seconds for an answer. The longest takes 20, which is that of executions that have not ended."""
_EXIT_GRACE = 0.5
"""Seconds to wait for the end of a process that has closed its socket."""
_KEPT_OUTPUT = 4096
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
_INHERITED_BY_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""The variables for the Python of this program only: they would lead another one astray."""


class PeerUnavailable(Exception):
    """The process did not start, or has ended. The text says why, and what to do."""


@attrs.frozen(kw_only=True)
class PeerSettings:
    """What the process must know. `python` is its Python; `None` is that of the environment, or of this program."""

    python: str | None
    url: str
    region: str
    arn_prefix: str
    credentials: Credentials

    @property
    def chosen_python(self) -> str:
        """The Python that runs the process."""
        return self.python or os.environ.get(PYTHON_VARIABLE) or sys.executable


class DurablePeer:
    """Call `start`, then `ask`, and `close` in any case. It is used up afterwards."""

    def __init__(self, settings: PeerSettings, groups: ProcessGroups) -> None:
        self._settings = settings
        self._groups = groups
        self._output = bytearray()
        self._pipe: OutputPipe | None = None
        self._process: SupervisedProcess | None = None
        self._exit: asyncio.Task[int] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._origin = ""
        self.token = secrets.token_urlsafe(32)
        """What the process and this object show each other."""

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._exit is not None and not self._exit.done()

    async def start(self) -> None:
        """Start the process, and wait until it answers. Raises `PeerUnavailable` if it does not."""
        await self._spawn()
        if self._exit is None:
            raise PeerUnavailable("the process of durable executions was not started")
        try:
            await self.ask("GET", "/health", within=_START_LIMIT)  # it waits in the backlog until the process takes it
        except PeerUnavailable:
            await asyncio.wait({self._exit}, timeout=_EXIT_GRACE)
            raise PeerUnavailable(self._reason_of_no_start()) from None

    async def _spawn(self) -> None:
        python = self._settings.chosen_python
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            self._origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            pipe = self._pipe = OutputPipe(self._keep)
            try:
                process = self._process = await self._groups.spawn(
                    (python, "-P", "-X", "utf8", _SCRIPT),
                    stdin=listener.fileno(),
                    output=pipe.write_end,
                    environment=self._environment(),
                    directory=Path("/"),
                )
            except OSError as error:
                reason = error.strerror or str(error)
                raise PeerUnavailable(f"durable executions need Python in {python!r}: {reason}; {_remedy()}") from None
            finally:
                pipe.close_write_end()
        # Before anything that can be cancelled: `close` kills only a process whose exit is awaited.
        self._exit = asyncio.create_task(process.wait(), name=f"exit of durable executions {process.pid}")
        pipe.follow()
        self._session = aiohttp.ClientSession(
            headers={TOKEN_HEADER: self.token},
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            auto_decompress=False,
        )

    def _environment(self) -> dict[str, str]:
        settings, credentials = self._settings, self._settings.credentials
        names = (*_INHERITED, *(_INHERITED_BY_OWN if settings.chosen_python == sys.executable else ()))
        environment = {name: os.environ[name] for name in names if name in os.environ} | {
            "AWS_ENDPOINT_URL_LAMBDA": settings.url,
            "AWS_REGION": settings.region,
            "AWS_DEFAULT_REGION": settings.region,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AIOLAMBDA_DURABLE_SETTINGS": json.dumps(
                {
                    "token": self.token,
                    "region": settings.region,
                    "arn_prefix": settings.arn_prefix,
                    "invocation_limit": _INVOCATION_LIMIT,
                }
            ),
        }
        if credentials.session_token is not None:
            environment["AWS_SESSION_TOKEN"] = credentials.session_token
        return environment

    def _keep(self, output: bytes) -> None:
        self._output = (self._output + output)[-_KEPT_OUTPUT:]

    def _reason_of_no_start(self) -> str:
        if self._pipe is not None:
            self._pipe.drain()
        last = self._output.decode(errors="replace").strip().rpartition("\n")[2]
        python = self._settings.chosen_python
        if f"'{_MODULE}'" in last:
            return f"durable executions need the package {PACKAGE}, which {python} does not have; {_remedy()}"
        return f"the durable executions of {python} did not start: {last or 'the process ended'}; {_remedy()}"

    async def ask(
        self, method: str, path: str, query: str = "", body: bytes = b"", *, within: float = _ANSWER_LIMIT
    ) -> tuple[int, Mapping[str, Any]]:
        """The status and the JSON object of an answer. `path` and `query` are encoded. Raises `PeerUnavailable` without one."""
        if self._session is None:
            raise PeerUnavailable("the process of durable executions was not started")
        url = URL(f"{self._origin}{path}?{query}" if query else f"{self._origin}{path}", encoded=True)
        try:
            async with asyncio.timeout(within), self._session.request(method, url, data=body or None) as answer:
                content: Any = json.loads(await answer.read() or b"{}")
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:  # RuntimeError: the session was closed
            raise PeerUnavailable(f"the process of durable executions did not answer: {type(error).__name__}") from error
        if not isinstance(content, dict):
            raise PeerUnavailable("the process of durable executions answered with something else than an object")
        return answer.status, cast("dict[str, Any]", content)

    async def close(self) -> None:
        """Kill the process, if it runs."""
        if self._session is not None:
            await self._session.close()
        if self._process is not None and self.is_running:
            self._process.kill()
        if self._exit is not None:
            await asyncio.wait({self._exit})
        if self._pipe is not None:
            self._pipe.close()


def _remedy() -> str:
    return (
        f"install it there, or into an environment of its own, and name its Python with durable_python=, --durable-python or "
        f"{PYTHON_VARIABLE}"
    )
