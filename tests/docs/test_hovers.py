"""An editor shows the texts of settings, limits and figures at the place where they are written: asked of pyright's server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ..support import THOROUGH
from ..support.pages import ROOT

PROGRAM = """
from typing import Any

from aiolambda import Call, CallNext, LambdaClient, LambdaClientConfig, StandardRetry, Timeouts

client = LambdaClient(max_concurrency=200, retry=StandardRetry(max_attempts=5), timeout=Timeouts(queue=5))
LambdaClientConfig(region="eu-west-1")

async def noted(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    return await call_next(call)

client.middleware_stack.add(noted, step="build", priority="low")
client.middleware_stack.add_relative_to(noted, relation="before", to_middleware="retryMiddleware")

async def main() -> None:
    await client.invoke("orders", qualifier="live")
    async with client.map("resize", [1, 2], deadline=60) as run:
        async for result in run:
            print(result.duration, run.stats.rate)
"""
SERVER = Path(sys.executable).with_name("pyright-langserver")


class LanguageServer:
    """Speaks the language server protocol over the standard streams of a process: one question at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._asked = 0

    def ask(self, method: str, params: Mapping[str, Any] | None) -> Any:
        self._asked += 1
        self.tell(method, params, id=self._asked)
        while (message := self._receive()).get("id") != self._asked or "method" in message:
            if message.get("method") == "workspace/configuration":
                items = message["params"]["items"]
                self._send(id=message["id"], result=[_settings_of(item.get("section")) for item in items])
            elif "method" in message and "id" in message:
                self._send(id=message["id"], result=None)
        return message["result"]

    def tell(self, method: str, params: Mapping[str, Any] | None, **more: Any) -> None:
        self._send(method=method, params=params, **more)

    def _send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server has ended"
        return json.loads(self._process.stdout.read(length))


def _settings_of(section: str | None) -> Mapping[str, Any]:
    if section == "python":
        return {"pythonPath": sys.executable}
    return {"extraPaths": [str(ROOT)]} if section == "python.analysis" else {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LanguageServer, str]]:
    if not THOROUGH:
        pytest.skip("the thorough run asks the server, which takes seconds to start")
    if not SERVER.exists():
        pytest.skip("pyright is not installed")
    folder = tmp_path_factory.mktemp("hovers")
    uri = (folder / "program.py").as_uri()
    command = [SERVER, "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        asked = LanguageServer(process)
        try:
            text_document = {"hover": {"contentFormat": ["plaintext"]}}
            capabilities = {"textDocument": text_document, "workspace": {"configuration": True}}
            folders = [{"uri": folder.as_uri(), "name": "hovers"}]
            root = {"processId": os.getpid(), "rootUri": folder.as_uri(), "workspaceFolders": folders}
            asked.ask("initialize", {**root, "capabilities": capabilities})
            asked.tell("initialized", {})
            document = {"uri": uri, "languageId": "python", "version": 1, "text": PROGRAM}
            asked.tell("textDocument/didOpen", {"textDocument": document})
            yield asked, uri
            asked.ask("shutdown", None)
            asked.tell("exit", None)
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("LambdaClient(max", "max_concurrency: Invocations in flight at a time; further calls wait. Default 1,000."),
        ("max_concurrency=", "Invocations in flight at a time; further calls wait. Default 1,000."),
        ("Timeouts(queue", "queue: Seconds to wait for a slot, and for a connection to become free. Default `None`."),
        ("queue=", "Seconds to wait for a slot, and for a connection to become free. Default `None`."),
        ("max_attempts=", "The most requests of a call, the first one included. Default 3."),
        ("region=", 'The AWS region, such as `"eu-west-1"`. Looked up; without one, opening fails.'),
        ("step=", '`"initialize"` (the default), `"serialize"`, `"build"`, `"finalize"` or `"deserialize"`.'),
        ("priority=", "its place inside the step"),
        ("relation=", "the anchor"),
        ("qualifier=", "A version or an alias."),
        ("deadline=", "Seconds from the start of the run after which nothing more is sent."),
        ("duration, ", "Seconds that its last invocation took."),
        ("rate)", "Results per second over the last 5 s."),
    ],
)
def test_a_hover_shows_the_text(server: tuple[LanguageServer, str], written: str, text: str) -> None:
    asked, uri = server
    before = PROGRAM[: PROGRAM.index(written)]
    position = {"line": before.count("\n"), "character": len(before) - before.rindex("\n") - 1}
    found = asked.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
    assert text in re.sub(r"\s+", " ", found["contents"]["value"])
