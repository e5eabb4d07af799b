"""The same files read by others: AWS's own translator of SAM templates, and python-dotenv."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolambda import ConfigurationError
from aiolambda.local.config_files import load_functions, parse_env_file

from ...support import sam_tools

Ask = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Calls a function of `tests/support/sam_tools.py` in the environment that has the packages."""
    python = os.environ.get("AIOLAMBDA_SAM_PYTHON")
    if not python or not Path(python).is_file():
        pytest.skip("no environment with aws-sam-translator and python-dotenv (AIOLAMBDA_SAM_PYTHON names its Python)")
    command = [python, "-W", "ignore", sam_tools.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tools:
        assert tools.stdin is not None
        assert tools.stdout is not None

        def ask(function: str, argument: str) -> Any:
            print(json.dumps([function, argument]), file=tools.stdin, flush=True)
            return json.loads(tools.stdout.readline())

        yield ask
        tools.stdin.close()


# A SAM template means the same as what AWS makes of it

TEXTS = st.sampled_from(["a", "b", 1, 1.5, True, {"Ref": "Stage"}, {"Fn::Sub": "${Stage}-${Other.Arn}"}, {"Ref": "Other"}])
LAYERS = st.lists(st.sampled_from([{"Ref": "Lower"}, {"Ref": "Upper"}]), max_size=2)
TARGETS = st.sampled_from(
    [
        {"Type": "Lambda", "Destination": {"Fn::GetAtt": ["Other", "Arn"]}},
        {"Type": "SQS", "Destination": {"Fn::GetAtt": ["Queue", "Arn"]}},
        {"Type": "SQS"},
    ]
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "MaximumRetryAttempts": st.integers(0, 2),
        "MaximumEventAgeInSeconds": st.integers(60, 100),
        "DestinationConfig": st.fixed_dictionaries({}, optional={"OnSuccess": TARGETS, "OnFailure": TARGETS}),
    },
)
TEXT_LISTS = st.lists(st.sampled_from(["a", "http://localhost:1"]), min_size=1, max_size=2)
CORS = st.fixed_dictionaries(
    {"AllowOrigins": TEXT_LISTS},
    optional={
        "AllowMethods": st.lists(st.sampled_from(["GET", "*"]), min_size=1),
        "AllowHeaders": TEXT_LISTS,
        "ExposeHeaders": TEXT_LISTS,
        "AllowCredentials": st.booleans(),
        "MaxAge": st.integers(0, 3),
    },
)
URLS = st.fixed_dictionaries(
    {"AuthType": st.sampled_from(["NONE", "AWS_IAM"])},
    optional={"InvokeMode": st.sampled_from(["BUFFERED", "RESPONSE_STREAM"]), "Cors": CORS},
)
PROPERTIES: dict[str, st.SearchStrategy[Any]] = {
    "Timeout": st.sampled_from([3, 10, {"Ref": "Limit"}]),
    "MemorySize": st.sampled_from([128, {"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}]),
    "ReservedConcurrentExecutions": st.integers(0, 5),
    "Environment": st.fixed_dictionaries({"Variables": st.dictionaries(st.sampled_from(["A", "B", "C"]), TEXTS, max_size=3)}),
    "Layers": LAYERS,
    "AutoPublishAlias": st.sampled_from(["live", "prod", {"Ref": "Stage"}]),
    "LoggingConfig": st.fixed_dictionaries(
        {}, optional={"LogFormat": st.sampled_from(["JSON", "Text"]), "ApplicationLogLevel": st.sampled_from(["DEBUG", "WARN"])}
    ),
    "RecursiveLoop": st.sampled_from(["Allow", "Terminate"]),
    "TenancyConfig": st.just({"TenantIsolationMode": "PER_TENANT"}),
    "EventInvokeConfig": EVENTS,
    "FunctionUrlConfig": URLS,
}
SETTINGS = st.fixed_dictionaries({}, optional=PROPERTIES)


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    shared, own = draw(SETTINGS), draw(SETTINGS)
    if "FunctionUrlConfig" in {**shared, **own}:  # AWS has no URLs of functions with tenants
        shared, own = ({name: value for name, value in part.items() if name != "TenancyConfig"} for part in (shared, own))
    orders: dict[str, Any] = {"Type": "AWS::Serverless::Function", "Properties": {"FunctionName": "orders", **own}}
    if shared and draw(st.booleans()):
        orders["IgnoreGlobals"] = draw(st.lists(st.sampled_from(sorted(shared)), unique=True))
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Stage": {"Type": "String", "Default": "dev"}, "Limit": {"Type": "Number", "Default": 7}},
        "Mappings": {"Sizes": {"dev": {"memory": 512}}},
        "Globals": {"Function": {"CodeUri": "s3://bucket/src", "Handler": "app.handler", "Runtime": "python3.12", **shared}},
        "Resources": {
            "Lower": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "s3://bucket/layer"}},
            "Upper": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "s3://bucket/other"}},
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Orders": orders,
            "Other": {"Type": "AWS::Serverless::Function"},
        },
    }


def on_this_machine(value: Any) -> Any:
    """A template with folders in place of the objects in S3, which the translator needs."""
    if isinstance(value, dict):
        return value["S3Key"] if "S3Key" in value else {key: on_this_machine(part) for key, part in value.items()}
    if isinstance(value, list):
        return [on_this_machine(part) for part in value]
    return value.removeprefix("s3://bucket/") if isinstance(value, str) else value


@settings(max_examples=40)  # the translator takes a quarter of a second for each
@given(template=templates())
def test_sam_template_means_what_aws_makes_of_it(tmp_path_factory, ask, template):
    folder = tmp_path_factory.getbasetemp() / "peer"
    for name in ("src", "layer", "other"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    translated = ask("cloudformation_of", json.dumps(template))
    read = []
    for content in (template, translated):
        (folder / "template.json").write_text(json.dumps(on_this_machine(content)))
        read.append(load_functions(folder / "template.json", environment={}))
    assert {resource["Type"] for resource in translated["Resources"].values()} >= {"AWS::Lambda::Function"}
    assert read[0].functions == read[1].functions
    assert len(read[0].functions) == 2


# `.env` files

SPACE = st.text(alphabet=" \t", max_size=2)
VALUES = st.one_of(
    st.text(alphabet="ab=#$\\", max_size=6),
    st.text(alphabet='ab =#$"\n\t', max_size=6).map(lambda text: f"'{text}'"),
    st.text(alphabet="ab =#$'\n\t", max_size=6).map(lambda text: f'"{text}"'),
    st.sampled_from([r'"\n\t\\\"\x"', r"'\n\\\''", '"a"b', "'a", '"', "a # b", "a#b"]),
)
ENTRIES = st.builds(
    "{}{}{}{}={}{}{}".format, SPACE, st.sampled_from(["", "export "]), st.sampled_from("ABC"), SPACE, SPACE, VALUES, SPACE
)
LINES = st.lists(ENTRIES | st.sampled_from(["", "# comment", "  # comment", "A", "=1", "1"]), max_size=4)


@given(lines=LINES)
def test_env_file_means_the_same_to_python_dotenv(ask, lines):
    text = "\n".join(lines)
    try:
        ours = parse_env_file(text)
    except ConfigurationError:
        return  # python-dotenv skips such a line
    theirs = ask("variables_of", text)
    beginning_with_a_comment = [name for name, value in theirs.items() if value is not None and value.startswith("#")]
    assert {**ours, **{name: theirs[name] for name in beginning_with_a_comment if ours.get(name) == ""}} == theirs
