"""`aiolambda functions`, `describe`, `wait` and `call`: what they write, and their exit codes."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from aiolambda.cli import main
from aiolambda.cli.operations import command_of, operation_names
from aiolambda.cli.tables import table_lines
from aiolambda.errors import ConfigurationError, InvalidInputError
from aiolambda.errors.service import ServiceException
from aiolambda.local import LocalEndpoint
from aiolambda.operations.api import commands
from aiolambda.operations.structure import table_of

from ..support.cli import Program, environment, environment_for, run
from ..support.local import HERE, function, shared_endpoint
from ..support.pages import ROOT

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


@pytest.fixture(scope="module")
def served() -> Iterator[LocalEndpoint]:
    orders = function("orders", versions={"1": HERE, "2": HERE}, aliases={"live": "2"}, environment={"TOKEN": "hunter2"})
    with shared_endpoint(orders, function("price"), region="us-east-1") as endpoint:
        yield endpoint


@pytest.fixture
def ask(served: LocalEndpoint, program: Program) -> Iterator[Any]:
    """Runs a command against the endpoint, whose script is forgotten afterwards."""

    async def asked(*arguments: str, **settings: Any) -> Any:
        return await program(*arguments, env=environment_for(served), **settings)

    yield asked
    served.reset()


# functions


async def test_functions_are_a_table_of_a_few_columns(ask: Any) -> None:
    ended = await ask("functions")
    head, first, second = ended.stdout.decode().splitlines()
    assert (ended.code, ended.stderr) == (0, "")
    assert head.split() == ["FunctionName", "Version", "Runtime", "MemorySize", "Timeout", "LastModified"]
    assert first.split()[:2] == ["orders", "$LATEST"]
    assert second.split()[3:5] == ["128", "20"]
    assert first.index("$LATEST") == head.index("Version")


async def test_functions_in_other_forms(ask: Any, tmp_path: Any) -> None:
    whole = json.loads((await ask("functions", "-o", "json", "--all-versions")).stdout)
    assert [entry["FunctionArn"].removeprefix(ARN) for entry in whole] == [
        *(f":orders:{version}" for version in ("$LATEST", "1", "2")),
        ":price:$LATEST",
    ]
    assert (await ask("functions", "--query", "[].FunctionName")).stdout == b'["orders","price"]\n'
    assert (await ask("functions", "--query", "[].FunctionName", "-o", "text")).stdout == b"orders\tprice\n"
    queried = await ask("functions", "--query", "[].{name: FunctionName, limit: Timeout}", "-o", "table")
    assert queried.stdout == b"name    limit\norders  20\nprice   20\n"
    text = await ask("functions", "-o", "text", "-o", str(tmp_path / "out"))
    assert (text.stdout, len((tmp_path / "out").read_text().splitlines())) == (b"", 2)


# describe


async def test_a_description_shows_no_environment(ask: Any) -> None:
    ended = await ask("describe", "orders:live")
    lines = dict(line.split(maxsplit=1) for line in ended.stdout.decode().splitlines())
    assert ended.code == 0
    assert lines["FunctionArn"] == f"{ARN}:orders:live"
    assert (lines["Version"], lines["State"], lines["ReservedConcurrentExecutions"]) == ("2", "Active", "4")
    assert "StateReason" not in lines
    described = await ask("describe", "orders", "--qualifier", "1", "-o", "json")
    assert json.loads(described.stdout).items() >= {"Version": "1", "Timeout": 20, "StateReason": None}.items()
    assert b"hunter2" not in ended.stdout + described.stdout
    assert (await ask("describe", "orders", "--query", "Timeout")).stdout == b"20\n"


async def test_an_unknown_function_is_exit_code_3(ask: Any) -> None:
    ended = await ask("describe", "order")
    assert (ended.code, ended.stdout) == (3, b"")
    assert f"Function not found: {ARN}:order" in ended.stderr


async def test_reading_has_no_exit_code_4(ask: Any, served: LocalEndpoint) -> None:
    served.fail("*", ServiceException, operation="GetFunction")
    assert (await ask("describe", "orders", "--timeout", "0.2")).code == 3
    served.fail("*", ServiceException, operation="PublishVersion")
    ended = await ask("call", "PublishVersion", "--json", '{"FunctionName": "orders"}')
    assert (ended.code, ended.stdout) == (4, b"")


# wait


async def test_a_wait_ends_when_the_function_is_ready(ask: Any, served: LocalEndpoint) -> None:
    ended = await ask("wait", "orders", "updated")
    assert (ended.code, ended.stdout, ended.stderr) == (0, b"", "")
    assert [call.operation for call in served.control_plane_calls] == ["GetFunction"]
    served.set_provisioned_concurrency("orders:live", 5)
    assert (await ask("wait", "orders", "provisioned", "--qualifier", "live")).code == 0


async def test_a_wait_tells_failure_from_delay(ask: Any, served: LocalEndpoint) -> None:
    served.set_state("orders", "Failed", reason="The image was deleted.", reason_code="ImageDeleted")
    failed = await ask("wait", "orders", "active")
    assert failed.code == 1
    assert "ImageDeleted: The image was deleted." in failed.stderr
    served.set_state("orders", "Pending")
    late = await ask("wait", "orders", "active", "--timeout", "0.1")
    assert late.code == 3
    assert "after 0.1 s: State is Pending" in late.stderr
    unqualified = await ask("wait", "orders", "published")
    assert unqualified.code == 2


# call


@pytest.mark.parametrize("name", ["GetAlias", "get-alias", "get_alias", "getAlias"])
async def test_an_operation_has_its_name_in_any_form(ask: Any, name: str) -> None:
    ended = await ask("call", name, "--json", '{"FunctionName": "orders", "Name": "live"}')
    assert json.loads(ended.stdout).items() >= {"Name": "live", "FunctionVersion": "2"}.items()


async def test_the_input_comes_from_a_file_or_a_pipe(ask: Any, tmp_path: Any) -> None:
    (tmp_path / "input.json").write_text('{"FunctionName": "orders"}')
    from_file = await ask("call", "get-function-concurrency", "--json", f"@{tmp_path / 'input.json'}")
    from_pipe = await ask("call", "get-function-concurrency", "--json", "-", stdin=b'{"FunctionName": "orders"}')
    assert from_file.stdout == from_pipe.stdout == b'{"ReservedConcurrentExecutions":4}\n'


async def test_an_answer_is_a_table_or_text(ask: Any) -> None:
    arguments = ("call", "list-aliases", "--json", '{"FunctionName": "orders"}')
    head, row = (await ask(*arguments, "-o", "table")).stdout.decode().splitlines()
    assert (head.split()[:2], row.split()[:2]) == (["AliasArn", "Name"], [f"{ARN}:orders:live", "live"])
    assert (await ask(*arguments, "-o", "text")).stdout.startswith(b"None\nALIASES\t")


async def test_all_pages_are_one_answer(ask: Any, served: LocalEndpoint) -> None:
    arguments = ("call", "list-versions-by-function", "--json", '{"FunctionName": "orders", "MaxItems": 1}')
    first = json.loads((await ask(*arguments)).stdout)
    assert (len(first["Versions"]), bool(first["NextMarker"])) == (1, True)
    whole = json.loads((await ask(*arguments, "--all-pages")).stdout)
    assert ([version["Version"] for version in whole["Versions"]], "NextMarker" in whole) == (["$LATEST", "1", "2"], False)
    assert len(served.control_plane_calls) == 1 + 3
    assert (await ask("call", "get-account-settings", "--all-pages")).code == 2


async def test_an_operation_that_is_refused_is_exit_code_3(ask: Any) -> None:
    ended = await ask("call", "DeleteFunction", "--json", '{"FunctionName": "orders"}')
    assert (ended.code, ended.stdout) == (3, b"")
    assert "DeleteFunction is not emulated here" in ended.stderr


async def test_a_query_that_does_not_fit_writes_the_whole_answer(ask: Any) -> None:
    arguments = ("--query", "length(@.FunctionCount)")
    ended = await ask("call", "get-account-settings", *arguments)
    assert (ended.code, "AccountLimit" in json.loads(ended.stdout)) == (4, True)
    assert "--query fails on this answer (JMESPathTypeError)" in ended.stderr
    assert (await ask("describe", "orders", "--query", "length(Timeout)")).code == 2


async def test_the_program_calls_in_a_process_of_its_own(served: LocalEndpoint) -> None:
    ended = await run("call", "get-account-settings", "--query", "AccountUsage.FunctionCount", env=environment_for(served))
    assert (ended.code, ended.stdout, ended.stderr) == (0, b"2\n", "")


async def test_a_full_disk_is_an_error(served: LocalEndpoint) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        ended = await run("functions", env=environment_for(served), stdout=full.fileno())
    assert ended.code == 2
    assert "No space left on device" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["getfunktion"], "there is no operation 'getfunktion'; did you mean GetFunction?"),
        (["frobnicate"], "there is no operation 'frobnicate'"),
        (["invoke"], "invoke runs a function: use aiolambda invoke NAME"),
        (["GetFunction"], "needs the member 'FunctionName'"),
        (["GetFunction", "--json", '{"FunctionNam": "f"}'], "has no member 'FunctionNam'; did you mean FunctionName?"),
        (["GetFunction", "--json", "[1]"], "--json must be a JSON object"),
        (["GetFunction", "--json", "{"], "the value of --json is not JSON"),
        (["UpdateFunctionCode", "--json", '{"FunctionName": "f", "ZipFile": "%"}'], "ZipFile must be base64"),
        (["UpdateFunctionCode", "--json", '{"FunctionName": "f", "ZipFile": "fileb://no"}'], "cannot read ZipFile from 'no'"),
        (["GetFunction", "-o", "yaml"], "use json, text or table, or ./yaml for a file"),
    ],
    ids=["near", "far", "invoke", "missing", "unknown", "array", "not JSON", "base64", "file", "format"],
)
def test_a_wrong_call_is_a_usage_error(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(AWS_REGION="us-east-1", AWS_ENDPOINT_URL_LAMBDA="http://127.0.0.1:1").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    assert main(["call", *arguments]) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert text in stderr


def test_every_operation_can_be_called() -> None:
    assert len(operation_names()) == 89
    for name in operation_names():
        kind = getattr(commands, f"{name}Command")
        given = {member.api_name for member in _required(kind)}
        if given:
            with pytest.raises(InvalidInputError, match="needs the member"):
                command_of(name, None, idempotent=None)
        else:
            assert type(command_of(name, None, idempotent=None)) is kind


def _required(kind: Any) -> list[Any]:
    return [member for member in table_of(kind.operation.input_class).members.values() if member.required]


def test_bytes_and_times_are_read(tmp_path: Any) -> None:
    (tmp_path / "code.zip").write_bytes(b"PK")
    typed = {"FunctionName": "f", "ZipFile": f"fileb://{tmp_path / 'code.zip'}"}
    command: Any = command_of("UpdateFunctionCode", json.dumps(typed), idempotent=True)
    assert (command.input.zip_file, command.idempotent) == (b"PK", True)
    encoded = {"FunctionName": "f", "ZipFile": base64.b64encode(b"PK").decode()}
    command = command_of("UpdateFunctionCode", json.dumps(encoded), idempotent=None)
    assert command.input.zip_file == b"PK"
    listed = {"FunctionName": "f", "StartedAfter": "2026-11-30T08:00:00Z"}
    command = command_of("ListDurableExecutionsByFunction", json.dumps(listed), idempotent=None)
    assert command.input.started_after.isoformat() == "2026-11-30T08:00:00+00:00"


def test_only_typed_input_may_name_files(tmp_path: Any) -> None:
    (tmp_path / "secret").write_bytes(b"hunter2")
    (tmp_path / "input.json").write_text(json.dumps({"FunctionName": "f", "ZipFile": f"fileb://{tmp_path / 'secret'}"}))
    with pytest.raises(ConfigurationError, match="ZipFile must be base64"):
        command_of("UpdateFunctionCode", f"@{tmp_path / 'input.json'}", idempotent=None)


# Tables


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ([{"a": 1, "b": None}, {"a": "long", "c": [1]}], ["a     b  c", "1     -  -", "long  -  [1]"]),
        ({"Items": [{"a": "é"}, {"a": "茶"}], "NextMarker": None}, ["a", "é", "茶"]),
        ([["茶", 1], ["tea", 2]], ["茶   1", "tea  2"]),
        ({"a": {"b": 1}, "cd": "two\nlines"}, ['a   {"b": 1}', "cd  two lines"]),
        (["a", 1, None], ["a", "1", "-"]),
        ("text", ["text"]),
        ([], []),
        ({}, []),
    ],
    ids=["objects", "list in an object", "rows", "object", "values", "text", "no items", "no members"],
)
def test_a_value_is_a_table(value: Any, lines: list[str]) -> None:
    assert list(table_lines(value)) == lines


@pytest.mark.parametrize("command", ["invoke", "map", "describe"])
def test_other_commands_load_no_operation(command: str) -> None:
    script = f"import sys; from aiolambda.cli.program import build_parser; build_parser(['{command}']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "aiolambda.operations.api.commands" not in done.stdout.split()
    assert "aiolambda.cli.tables" not in done.stdout.split()
