"""The generated classes: how they are built, compared, shown and copied, and what they refuse."""

import base64
import copy
import datetime as dt
import enum
import inspect
import json
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aiolambda.operations
from aiolambda import InvalidInputError, JsonCodec, Metadata, PayloadLimits, Request, Response
from aiolambda.operations import (
    AddPermissionCommand,
    AliasRoutingConfiguration,
    CreateFunctionCommand,
    Environment,
    FunctionCode,
    FunctionCodeLocation,
    GetAccountSettingsCommand,
    GetDurableExecutionCommand,
    GetFunctionCommand,
    GetFunctionCommandInput,
    GetFunctionConfigurationCommand,
    GetFunctionConfigurationCommandOutput,
    ListDurableExecutionsByFunctionCommand,
    PauseDurableExecutionCommand,
    TagResourceCommand,
    UpdateAliasCommand,
    UpdateFunctionCodeCommand,
    VpcConfig,
)
from aiolambda.operations.structure import Structure, built, python_name, table_of

from ..support.api_values import COMMANDS, least
from ..support.checkers import CHECKERS, check, refused_lines

COMMAND = CreateFunctionCommand(
    function_name="orders",
    role="arn:aws:iam::123456789012:role/orders",
    code=FunctionCode(zip_file=b"the code"),
    environment=Environment(variables={"TOKEN": "the secret"}),
    vpc_config=VpcConfig(subnet_ids=["a", "b"]),
)


def request_of(command: Any) -> Request:
    request: Request = command.operation.request(command.input, endpoint="https://h", codec=JsonCodec(), limits=PayloadLimits())
    return request


# Building


def test_member_that_is_none_is_not_set() -> None:
    assert GetFunctionCommandInput(function_name="f", qualifier=None) == GetFunctionCommandInput(function_name="f")
    assert GetFunctionCommandInput(function_name="f").qualifier is None


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"function_nam": "f"}, "GetFunctionCommandInput has no argument 'function_nam'; did you mean function_name?"),
        ({"FunctionName": "f"}, "GetFunctionCommandInput has no argument 'FunctionName'; did you mean function_name?"),
        ({}, "GetFunctionCommandInput needs function_name=..."),
        ({"function_name": None}, "GetFunctionCommandInput needs function_name=..."),
    ],
    ids=["misspelt", "of the API", "missing", "none"],
)
def test_wrong_members_are_named(members: dict[str, Any], said: str) -> None:
    for make in (GetFunctionCommandInput, GetFunctionCommand):
        with pytest.raises(TypeError) as raised:
            make(**members)
        assert str(raised.value) == said


def test_command_takes_one_input() -> None:
    input = GetFunctionCommandInput(function_name="f")
    assert GetFunctionCommand(input).input is input
    wrong: Any = GetFunctionCommand
    for arguments, members in [(("orders",), {}), ((input, input), {}), ((input,), {"qualifier": "1"})]:
        with pytest.raises(TypeError, match=r"GetFunctionCommand takes one GetFunctionCommandInput, or its members by keyword"):
            wrong(*arguments, **members)


def test_names_of_the_api_make_inner_structures() -> None:
    made = CreateFunctionCommand.from_api(
        {
            "FunctionName": "orders",
            "Role": COMMAND.input.role,
            "Code": {"ZipFile": b"the code"},
            "Environment": {"Variables": {"TOKEN": "the secret"}},
            "VpcConfig": {"SubnetIds": ["a", "b"]},
        }
    )
    assert made.input == COMMAND.input


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"FunctionNam": "f"}, "GetFunction has no member 'FunctionNam'; did you mean FunctionName?"),
        ({}, "GetFunctionCommandInput needs the member 'FunctionName'"),
        ([("FunctionName", "f")], "GetFunctionCommandInput.from_api takes a mapping; got a list"),
    ],
    ids=["unknown", "missing", "list"],
)
def test_wrong_names_of_the_api_are_named(members: Any, said: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        GetFunctionCommand.from_api(members)
    assert str(raised.value) == said


def test_signature_has_the_members() -> None:
    assert str(inspect.signature(GetFunctionCommandInput)) == "(*, function_name, qualifier=None)"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("FunctionName", "function_name"),
        ("KMSKeyArn", "kms_key_arn"),
        ("S3ObjectVersion", "s3_object_version"),
        ("MaxVCpuCount", "max_vcpu_count"),
        ("ExecutionEnvironmentMemoryGiBPerVCpu", "execution_environment_memory_gib_per_vcpu"),
        ("PrincipalOrgID", "principal_org_id"),
    ],
)
def test_names_are_those_of_python(name: str, plain: str) -> None:
    assert python_name(name) == plain


def test_members_are_those_of_the_annotations() -> None:
    for command in COMMANDS.values():
        for kind in (command.operation.input_class, command.operation.output_class):
            declared = {name for part in kind.__mro__ for name in inspect.get_annotations(part)}
            assert table_of(kind).members.keys() == declared - {"_members", "metadata", "raw"}


# Values


def test_structures_do_not_change() -> None:
    changed: Any = COMMAND.input
    with pytest.raises(AttributeError, match=r"does not change; write evolve\(role=\.\.\.\)"):
        changed.role = "another"
    with pytest.raises(AttributeError, match=r"does not change; write evolve\(timeout=None\)"):
        del changed.timeout
    assert COMMAND.input.evolve(timeout=3).timeout == 3
    assert COMMAND.input.evolve(environment=None).environment is None
    with pytest.raises(TypeError, match="needs role="):
        COMMAND.input.evolve(role=None)


def test_equal_structures_have_one_hash() -> None:
    one, other = (GetFunctionCommandInput(**members) for members in (BY_NAME, dict(reversed(BY_NAME.items()))))
    assert (one == other, hash(one) == hash(other)) == (True, True)
    assert one != GetFunctionCommandInput(function_name="f")
    assert one != BY_NAME


BY_NAME = {"function_name": "f", "qualifier": "live"}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_commands_and_outputs_are_pickled(protocol: int) -> None:
    output = GetFunctionConfigurationCommandOutput(function_name="f", metadata=Metadata(http_status_code=200), raw={"New": 1})
    assert pickle.loads(pickle.dumps(COMMAND, protocol)).input == COMMAND.input
    again = pickle.loads(pickle.dumps(output, protocol))
    assert (again, again.raw) == (output, {"New": 1})
    assert copy.deepcopy(COMMAND.input) == COMMAND.input


def test_repr_hides_code_and_secrets() -> None:
    assert repr(COMMAND) == (
        "CreateFunctionCommand(CreateFunctionCommandInput(function_name='orders', "
        "role='arn:aws:iam::123456789012:role/orders', code=FunctionCode(zip_file=<8 bytes>), "
        "vpc_config=VpcConfig(subnet_ids=['a', 'b']), environment=Environment(variables=<given>)))"
    )


def test_repr_hides_presigned_urls_and_tokens() -> None:
    assert repr(FunctionCodeLocation(location="https://secret", repository_type="S3")) == (
        "FunctionCodeLocation(repository_type='S3', location=<given>)"
    )
    added = AddPermissionCommand(function_name="f", statement_id="s", action="a", principal="p", event_source_token="secret")
    assert repr(added).endswith("principal='p', event_source_token=<given>))")


def test_output_is_no_dictionary() -> None:
    output: Any = GetFunctionConfigurationCommandOutput(function_name="f")
    with pytest.raises(TypeError, match=r"is not a dictionary: write output\.function_name"):
        output["FunctionName"]


def test_output_of_your_own_has_defaults() -> None:
    output = GetFunctionConfigurationCommandOutput(function_name="f")
    assert (output.metadata.http_status_code, output.metadata.attempts, output.raw) == (200, 0, {})


# Requests


class Qualifier(enum.Enum):
    LIVE = "live"


def test_member_of_an_enum_stands_for_its_value() -> None:
    qualifier: Any = Qualifier.LIVE
    assert request_of(GetFunctionCommand(function_name="f", qualifier=qualifier)).url.endswith("?Qualifier=live")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_path_cannot_be_left(name: str) -> None:
    with pytest.raises(InvalidInputError, match="FunctionName"):
        request_of(GetFunctionCommand(function_name=name))
    assert request_of(GetFunctionCommand(function_name="../x?y")).url == "https://h/2015-03-31/functions/..%2Fx%3Fy"


SECRET = "the secret"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"function_name": 7}, "function_name must be a string; got an int"),
        ({"timeout": SECRET}, "timeout must be a whole number; got a string"),
        ({"timeout": True}, "timeout must be a whole number; got a bool"),
        ({"publish": 1}, "publish must be True or False; got an int"),
        ({"layers": SECRET}, "layers must be a list; got a string"),
        ({"layers": [SECRET, 1]}, "layers[1] must be a string; got an int"),
        ({"tags": [SECRET]}, "tags must be a mapping; got a list"),
        ({"tags": {1: SECRET}}, "tags has a key that is not a string"),
        ({"tags": {SECRET: 1}}, "tags[...] must be a string; got an int"),
        ({"code": {"ZipFile": SECRET}}, "code must be a FunctionCode; got a dict"),
        ({"code": FunctionCode(zip_file=SECRET)}, "code.zip_file must be bytes; got a string"),  # type: ignore[arg-type]
    ],
    ids=["string", "int", "bool", "flag", "list", "item", "map", "key", "value", "structure", "bytes"],
)
def test_wrong_type_is_refused_without_its_value(members: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        request_of(CreateFunctionCommand(COMMAND.input.evolve(**members)))
    assert (str(raised.value), SECRET in said) == (said, False)


def test_lone_surrogate_is_refused_in_a_url() -> None:
    with pytest.raises(InvalidInputError, match="qualifier has characters that UTF-8 does not have"):
        request_of(GetFunctionCommand(function_name="f", qualifier="a\ud800"))


def test_moment_needs_a_time_zone() -> None:
    with pytest.raises(InvalidInputError, match="started_after must be a datetime with a time zone; got a datetime"):
        request_of(ListDurableExecutionsByFunctionCommand(function_name="f", started_after=dt.datetime(2026, 1, 1)))  # noqa: DTZ001 - the mistake


def test_buffers_are_bytes() -> None:
    for code in (b"zip", bytearray(b"zip"), memoryview(b"zip")):
        made: Any = UpdateFunctionCodeCommand(function_name="f", zip_file=code)  # type: ignore[arg-type]
        assert request_of(made).body == b'{"ZipFile": "emlw"}'


def test_long_code_is_written_as_short_code_is() -> None:
    code = bytes(range(256)) * 8192
    command = CreateFunctionCommand(COMMAND.input.evolve(code=FunctionCode(zip_file=code)))
    expected = {**json.loads(request_of(COMMAND).body), "Code": {"ZipFile": base64.b64encode(code).decode()}}
    assert request_of(command).body == json.dumps(expected).encode()


@pytest.mark.parametrize(("number", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
def test_numbers_that_json_lacks_are_text(number: float, text: str) -> None:
    routing = AliasRoutingConfiguration(additional_version_weights={"1": number})
    body = request_of(UpdateAliasCommand(function_name="f", name="a", routing_config=routing)).body
    assert body == f'{{"RoutingConfig": {{"AdditionalVersionWeights": {{"1": "{text}"}}}}}}'.encode()
    output = output_of(UpdateAliasCommand(function_name="f", name="a"), body)
    assert repr(output.routing_config.additional_version_weights["1"]) == repr(number)


def test_missing_token_is_random() -> None:
    first, second = (request_of(PauseDurableExecutionCommand(durable_execution_arn="a")).body for _ in range(2))
    assert first != second
    assert request_of(PauseDurableExecutionCommand(durable_execution_arn="a", client_token="mine")).body == (
        b'{"ClientToken": "mine"}'
    )


def test_operation_without_members_has_no_body() -> None:
    request = request_of(GetAccountSettingsCommand())
    assert (request.method, request.url, request.body, dict(request.headers)) == (
        "GET",
        "https://h/2016-08-19/account-settings",
        b"",
        {},
    )


# Answers


def output_of(command: Any, body: bytes, status: int = 200) -> Any:
    return command.operation.output(
        command.input, Response(status, {}, body), metadata=Metadata(http_status_code=status), codec=JsonCodec()
    )


def test_unknown_members_and_choices_are_kept() -> None:
    output = output_of(GetFunctionConfigurationCommand(function_name="f"), b'{"State": "Newer", "New": {"A": [1]}}')
    assert (output.state, output.raw["New"]) == ("Newer", {"A": [1]})


def test_missing_member_that_the_model_needs_is_none() -> None:
    mapping = output_of(TagResourceCommand(resource="a", tags={}), b"", status=204)
    assert (mapping.metadata.http_status_code, mapping.raw) == (204, {})
    for command in COMMANDS.values():
        kind = command.operation.output_class
        empty = output_of(command(least(command.operation.input_class)), b"{}")
        assert [getattr(empty, name) for name in table_of(kind).required] == [None] * len(table_of(kind).required)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "its body is not JSON"),
        (b"[1]", "its body is not a JSON object"),
        (b'{"Layers": {}}', "a list of its body is not a JSON array"),
        (b'{"VpcConfig": []}', "a structure or a map of its body is not a JSON object"),
        (b"\xff", "its body is not JSON"),
    ],
    ids=["page", "list", "no list", "no structure", "no text"],
)
def test_answer_of_another_form_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(aiolambda.ConnectionLostError) as raised:
        output_of(GetFunctionConfigurationCommand(function_name="f"), body)
    assert str(raised.value) == f"the answer to GetFunctionConfiguration cannot be read: {said}"


@pytest.mark.parametrize(
    "value", ['"soon"', "1e300", "NaN", "true", "[]", '"Mon, 99 Nov 2026 12:00:00 GMT"'], ids=lambda value: value[:6]
)
def test_wrong_moment_is_refused_without_its_value(value: str) -> None:
    body = f'{{"StartTimestamp": {value}}}'.encode()
    with pytest.raises(aiolambda.ConnectionLostError) as raised:
        output_of(GetDurableExecutionCommand(durable_execution_arn="a"), body)
    assert "a timestamp " in str(raised.value)
    assert value.strip('"') not in str(raised.value)


@pytest.mark.parametrize(
    "value",
    ["1796040000", "1796040000.0", '"1796040000"', '"2026-11-30T12:00:00Z"', '"Mon, 30 Nov 2026 12:00:00 GMT"'],
    ids=["whole", "float", "text", "ISO 8601", "HTTP"],
)
def test_moment_is_read_in_any_form(value: str) -> None:
    output = output_of(GetDurableExecutionCommand(durable_execution_arn="a"), f'{{"StartTimestamp": {value}}}'.encode())
    assert output.start_timestamp == dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)


def test_a_built_structure_is_that_of_its_constructor() -> None:
    for name in ("VpcConfig", "Environment"):
        kind: type[Structure] = getattr(aiolambda.operations, name)
        assert built(kind, {}) == kind()


# Names


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_module_alone_loads_nothing() -> None:
    code = """
import sys
import aiolambda.operations
print(sorted(name for name in sys.modules if name.startswith("aiolambda")))
"""
    assert printed(code) == "['aiolambda', 'aiolambda.operations', 'aiolambda.types']"


def test_client_loads_no_operation_that_is_not_used() -> None:
    code = "import sys; from aiolambda import LambdaClient, InvokeCommand; print('aiolambda.operations.api' in sys.modules)"
    assert printed(code) == "False"


def test_every_name_is_found() -> None:
    names: list[str] = aiolambda.operations.__all__  # type: ignore[attr-defined]
    assert len([name for name in names if name.endswith("Command")]) == 93
    assert {"InvokeCommand", "InvokeWithResponseStreamCommandOutput", "FunctionConfiguration"} <= set(names)
    assert set(names) <= set(dir(aiolambda.operations))
    for name in names:
        assert getattr(aiolambda.operations, name).__name__ == name


def test_star_import_gives_every_name() -> None:
    code = "from aiolambda.operations import *; import aiolambda.operations as o; print(set(o.__all__) <= set(dir()))"
    assert printed(code) == "True"


def test_wrong_name_names_the_nearest() -> None:
    with pytest.raises(AttributeError) as raised:
        aiolambda.operations.GetFuncionCommand  # type: ignore[attr-defined] # noqa: B018 - the mistake
    assert str(raised.value) == (
        "module 'aiolambda.operations' has no attribute 'GetFuncionCommand'; did you mean GetFunctionCommand?"
    )
    with pytest.raises(AttributeError):
        aiolambda.operations.zebra  # type: ignore[attr-defined] # noqa: B018 - as above


# Type checkers


RIGHT = """
from aiolambda import LambdaClient
from aiolambda.operations import FunctionCode, FunctionConfiguration, GetFunctionCommand, GetFunctionCommandInput
from aiolambda.operations import CreateFunctionCommand, ListFunctionsCommand


async def main(client: LambdaClient) -> FunctionConfiguration | None:
    await client.send(GetFunctionCommand(GetFunctionCommandInput(function_name="f"), idempotent=True))
    await client.send(CreateFunctionCommand(function_name="f", role="r", code=FunctionCode(zip_file=b""), timeout=3))
    page = await client.send(ListFunctionsCommand())
    for function in page.functions or []:
        print(function.memory_size, function.function_name, page.metadata.request_id)
    output = await client.send(GetFunctionCommand(function_name="f", qualifier="live"))
    return output.configuration
"""
WRONG = """
from aiolambda import LambdaClient
from aiolambda.operations import GetFunctionCommand, GetFunctionCommandInput, TagResourceCommand


async def main(client: LambdaClient) -> None:
    GetFunctionCommandInput()
    GetFunctionCommandInput(function_nam="f")
    GetFunctionCommandInput(function_name=7)
    GetFunctionCommand()
    GetFunctionCommand(function_nam="f")
    GetFunctionCommand(function_name=7)
    TagResourceCommand(resource="a", tags={"a": 1})
    input = GetFunctionCommandInput(function_name="f")
    input.qualifier = "live"
    output = await client.send(GetFunctionCommand(input))
    output.configuraton
"""


@pytest.mark.parametrize("checker", CHECKERS)
def test_type_checkers_refuse_a_missing_or_misspelt_member(checker: str, tmp_path: Path, cache: pytest.Cache) -> None:
    done = check(checker, {"right": RIGHT, "wrong": WRONG}, tmp_path, cache)
    assert refused_lines(done) == {("wrong", number) for number in (7, 8, 9, 10, 11, 12, 13, 15, 17)}, done.stdout
