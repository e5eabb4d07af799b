"""The page about the inputs of `aiolambda map`: its table is mapped with each of its commands."""

import json
import shlex
from pathlib import Path

import pytest

from aiolambda.cli.inputs.formats import FORMATS
from aiolambda.local import LocalEndpoint, LocalFunction

from ..support.cli import Program, environment_for
from ..support.pages import BLOCKS, FILES, ROOT

PAGE = "docs/how-to/map-files.md"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Program:
    return Program(monkeypatch, capsysbinary)


async def test_each_command_of_the_page_maps_its_table(program: Program, tmp_path: Path) -> None:
    blocks = [block for block in BLOCKS if block.page == PAGE]
    table = next(block.text for block in blocks if block.language == "text")
    (tmp_path / "orders.csv").write_text(table)
    for name, text in FILES[PAGE].items():
        (tmp_path / name).write_text(text)
    lines = [line for block in blocks if block.language == "sh" for line in block.text.splitlines()]
    functions = [LocalFunction(name=name, handler=f"totals.{name}", root=tmp_path) for name in ("one", "many")]
    async with LocalEndpoint(functions) as endpoint:
        for line in lines[1:]:
            ended = await program(*shlex.split(line)[1:], env=environment_for(endpoint), cwd=tmp_path)
            assert ended.code == 0, line + ended.stderr
    assert len(lines) == 6
    totals = [{"id": 1, "total": 7.0}, {"id": 2, "total": 24.0}]
    results, batched, templated = (
        [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("results", "batched", "templated")
    )
    assert [result["payload"] for result in results] == [result["payload"] for result in batched] == totals
    assert f"`{json.dumps(results[1]['item'], separators=(',', ':'))}`" in (ROOT / PAGE).read_text()
    assert f"`{json.dumps(templated[0]['item'], separators=(',', ':'))}`" in (ROOT / PAGE).read_text()
    assert (tmp_path / "second.jsonl").read_text() == ""


async def test_the_error_of_the_page_is_that_of_the_command(program: Program, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id,name,count,price\n1,tea,2,3.50\n2,cups,6\n")
    ended = await program("map", "one", "-f", "orders.csv", env={"AWS_REGION": "us-east-1"}, cwd=tmp_path)
    assert (ended.code, ended.stdout) == (2, b"")
    assert f"```text\n{ended.stderr}```" in (ROOT / PAGE).read_text()


def test_the_page_has_every_format() -> None:
    text = (ROOT / PAGE).read_text()
    table = text.split("## Choose the form of the input")[1].split("\n\n")[1]
    assert [form for form in FORMATS if f"`{form}`" not in table] == []
