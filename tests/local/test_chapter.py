"""The code of the chapter "Lambda on your machine" for clients that others wrote: each is run by its own client."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiolambda.local import LocalEndpoint, LocalFunction

from ..support import peers
from ..support.local import shared_endpoint
from ..support.pages import ROOT, Block, blocks_of

BLOCKS = blocks_of(ROOT / "docs" / "local-endpoint.md")
HANDLER = "def handler(event, context):\n    return {'hello': event['name']}\n"
ANSWERS = ("{'hello': 'you'}", '{"hello": "you"}')


def only(language: str) -> Block:
    (block,) = [block for block in BLOCKS if block.language == language and block.file is None]
    return block


def line_of(program: str) -> str:
    (line,) = [
        line for block in BLOCKS if block.language == "sh" for line in block.text.splitlines() if line.startswith(program)
    ]
    return line


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "examples.py").write_text(HANDLER)
    with shared_endpoint(LocalFunction(name="hello", handler="examples.handler", root=folder)) as served:
        yield served


@pytest.fixture
def environment(endpoint: LocalEndpoint) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_") and "proxy" not in name.lower()
    }
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**inherited, **nothing, **endpoint.environment()}


def output_of(*command: str | Path, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(command, check=False, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_boto3_calls_the_function(environment: dict[str, str], tmp_path: Path) -> None:
    python = peers.clients_python("boto3")
    assert output_of(python, "-c", only("py").text, environment=environment, folder=tmp_path) in ANSWERS


def test_the_sdk_for_javascript_calls_the_function(environment: dict[str, str], tmp_path: Path) -> None:
    modules = peers.node_modules("@aws-sdk/client-lambda")
    (tmp_path / "call.mjs").write_text(only("js").text)
    (tmp_path / "node_modules").symlink_to(modules)
    assert output_of(modules / ".bin" / "node", "call.mjs", environment=environment, folder=tmp_path) in ANSWERS


def test_the_cli_of_aws_calls_the_function(environment: dict[str, str], tmp_path: Path) -> None:
    program = Path(peers.aws_cli())
    environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"
    output_of("sh", "-c", line_of("aws lambda invoke "), environment=environment, folder=tmp_path)
    assert (tmp_path / "answer.json").read_text() in ANSWERS


def script_of(part: str) -> str:
    (script,) = [
        block.text for block in BLOCKS if block.language == "sh" and block.text.startswith("curl") and part in block.text
    ]
    return f"{script.rstrip()} -sS --noproxy '*'"


def test_curl_calls_the_url_of_a_function(environment: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    answer = output_of("sh", "-c", f"{script_of('/_url/')} -w '%{{http_code}}'", environment=environment, folder=tmp_path)
    assert answer == "Internal Server Error502"  # the event has no name


def test_curl_reads_the_executions(environment: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    shown = output_of("sh", "-c", script_of("/_local/executions"), environment=environment, folder=tmp_path)
    assert '"totals"' in shown
