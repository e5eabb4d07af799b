"""The functions that the options of `aiolambda serve` define: nothing here serves them."""

import argparse
import asyncio
from pathlib import Path

import pytest

from aiolambda import ConfigurationError
from aiolambda.cli.program import build_parser
from aiolambda.cli.serve.command import _Pace, _Server, run
from aiolambda.cli.serve.functions import FunctionSource
from aiolambda.cli.serve.instructions import instructions
from aiolambda.local import DurableConfig, EventInvokeConfig, FunctionUrl, LocalEndpoint, LocalFunction

HOUR = 3600.0
CONFIG = """\
region = "eu-west-1"

[defaults]
timeout = 5

[functions.orders]
handler = "app.handler"
memory_size = 512
environment = { TABLE = "orders", STAGE = "file" }
layers = ["layers/one"]
aliases = { live = "$LATEST", old = "$LATEST" }
events = { maximum_retry_attempts = 1, on_failure = "file:failed.jsonl" }

[functions.other]
handler = "app.handler"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("def handler(event, context): ...\n")
    for name in ("layers/one", "layers/two", "build/1"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path
    return tmp_path


def options(*arguments: str) -> argparse.Namespace:
    return build_parser(["serve"]).parse_args(["serve", *arguments])


def functions(*arguments: str) -> list[LocalFunction]:
    return FunctionSource(options(*arguments)).read()


def test_without_options_a_function_has_the_defaults(folder):
    assert functions("orders=app.py:handler") == [LocalFunction(name="orders", handler="app.handler", root=folder)]


def test_every_option_has_its_member(folder, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "hunter2")
    (folder / "first.env").write_text("A=1\nB=1\nC=1\n")
    (folder / "second.env").write_text("B=2\nC=2\n")
    (function,) = functions(
        *("orders=app.py:handler", "--concurrency", "2", "--timeout", "3", "--memory-size", "256"),
        *("--env", "C=3", "--env", "API_TOKEN", "--env-file", "first.env", "--env-file", "second.env"),
        *("--layer", "layers/one", "--layer", "layers/two", "--runtime", "node run.mjs {handler}"),
        *("--function-version", "orders:1=build/1", "--alias", "orders:live", "--alias", "orders:next=1"),
        *("--alias", "orders:canary=1:0.9,$LATEST:0.1", "--log-format", "JSON", "--log-level", "WARN"),
        *("--tenant-isolation", "--durable", "--retries", "0", "--event-age", "60", "--retry-delay", "0.5"),
        *("--on-success", "function:audit", "--on-failure", "file:failed.jsonl", "--duplicates", "0.1"),
    )
    assert function == LocalFunction(
        name="orders",
        handler="app.handler",
        root=folder,
        concurrency=2,
        timeout=3.0,
        memory_size=256,
        runtime=("node", "run.mjs", "{handler}"),
        environment={"A": "1", "B": "2", "C": "3", "API_TOKEN": "hunter2"},
        layers=(folder / "layers/one", folder / "layers/two"),
        log_format="JSON",
        log_level="WARN",
        versions={"1": folder / "build/1"},
        aliases={"live": "$LATEST", "next": "1", "canary": {"1": 0.9, "$LATEST": 0.1}},
        tenant_isolation=True,
        durable=True,
        events=EventInvokeConfig(
            maximum_retry_attempts=0,
            maximum_event_age=60.0,
            retry_delay=0.5,
            on_success="audit",
            on_failure=folder / "failed.jsonl",
            duplicates=0.1,
        ),
    )


def test_durable_timeout_makes_functions_durable(folder):
    (folder / "aiolambda.toml").write_text(
        '[functions.orders]\nhandler = "app.handler"\ndurable = {execution_timeout = 9, retention_days = 3}\n'
    )
    arguments = ("other=app.py:handler", "--config", "aiolambda.toml", "--durable")
    orders, other = functions(*arguments, "--durable-timeout", "60")
    assert orders.durable == DurableConfig(execution_timeout=60, retention_days=3)
    assert other.durable == DurableConfig(execution_timeout=60)
    orders, other = functions(*arguments)
    assert (orders.durable, other.durable) == (DurableConfig(execution_timeout=9, retention_days=3), True)


def test_options_win_over_the_file(folder):
    (folder / "aiolambda.toml").write_text(CONFIG)
    arguments = ("--config", "aiolambda.toml", "--timeout", "9", "--env", "STAGE=option", "--layer", "layers/two")
    versions = ("--alias", "orders:live=1", "--function-version", "orders:1=build/1")
    orders, other = functions(*arguments, *versions, "--retries", "2", "--runtime", "node run.mjs")
    assert (orders.timeout, orders.memory_size, other.timeout, other.memory_size) == (9.0, 512, 9.0, 128)
    assert orders.environment == {"TABLE": "orders", "STAGE": "option"}
    assert other.environment == {"STAGE": "option"}
    assert orders.layers == (folder / "layers/one", folder / "layers/two"), "the options' are above"
    assert orders.aliases == {"live": "1", "old": "$LATEST"}
    assert (orders.versions, other.versions) == ({"1": folder / "build/1"}, {})
    assert (orders.events.maximum_retry_attempts, orders.events.on_failure) == (2, folder / "failed.jsonl")
    assert orders.runtime is None, "the file has its own setting"


def test_file_keeps_what_no_option_names(folder):
    (folder / "aiolambda.toml").write_text(CONFIG)
    source = FunctionSource(options("--config", "aiolambda.toml"))
    orders, _ = source.read()
    assert (orders.timeout, orders.concurrency, orders.durable) == (5.0, 10, False)
    assert source.settings == {"region": "eu-west-1"}


def test_argument_replaces_the_function_of_the_file(folder):
    (folder / "aiolambda.toml").write_text(CONFIG)
    orders, other = functions("--config", "aiolambda.toml", "orders=app:handler")
    assert (orders.memory_size, orders.environment, orders.aliases) == (128, {}, {})
    assert other.timeout == 5.0


def test_source_names_the_files_that_it_reads(folder):
    (folder / "aiolambda.toml").write_text(CONFIG)
    with (folder / "aiolambda.toml").open("a") as file:
        file.write('env_file = "other.env"\n')
    for name in (".env", "other.env"):
        (folder / name).write_text("A=1\n")
    source = FunctionSource(options("--config", "aiolambda.toml", "--env-file", ".env"))
    assert list(source) == [folder / "aiolambda.toml", folder / ".env"]
    source.read()
    assert list(source) == [folder / "aiolambda.toml", folder / ".env", folder / "other.env"]


def test_template_has_parameters_and_notes(folder):
    (folder / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nParameters:\n  Table: {Type: String}\nResources:\n  Orders:\n"
        "    Type: AWS::Serverless::Function\n    Properties:\n      FunctionName: orders\n      CodeUri: .\n"
        "      Handler: app.handler\n      Runtime: python3.11\n"
        "      Environment: {Variables: {TABLE: !Ref Table}}\n"
    )
    (function,) = functions("--config", "template.yaml", "--parameter", "Table=orders-dev")
    assert (function.name, dict(function.environment)) == ("orders", {"TABLE": "orders-dev"})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "no function to serve: name one, as in aiolambda serve hello=examples.py:handler, or a file with --config"),
        (["a=app.py:handler", "a=app:handler"], "the function 'a' is defined twice"),
        (["a=app.py:handler", "--parameter", "A=hunter2"], "--parameter is for the template of --config"),
        (["--config", "missing.toml"], "cannot read the file"),
        (["--config", "aiolambda.toml", "--parameter", "hunter2"], "write --parameter NAME=VALUE"),
        (["--config", "empty.json"], "empty.json has no function"),
        (["a=app.py:handler", "--env-file", "missing.env"], "cannot read the file"),
        (["a=app.py:handler", "--layer", "missing"], "no folder 'missing' for the layer"),
        (["a=app.py:handler", "--function-version", "a:1=missing"], "no folder 'missing' for the version"),
        (["a=app.py:handler", "--function-version", "a=build/1"], "write NAME:NUMBER=FOLDER"),
        (["a=app.py:handler", "--function-version", "a:x=build/1"], "a version must be a whole number"),
        (["a=app.py:handler", "--alias", "a"], "write NAME:ALIAS, NAME:ALIAS=VERSION"),
        (["a=app.py:handler", "--alias", "a:live="], "write NAME:ALIAS, NAME:ALIAS=VERSION"),
        (["a=app.py:handler", "--alias", "a:live=1:x"], "write NAME:ALIAS, NAME:ALIAS=VERSION"),
        (["a=app.py:handler", "--alias", "a:live=7"], "leads to the version '7', which does not exist"),
        (["orders=app.py:handler", "--alias", "order:live"], "there is no function 'order'; did you mean orders?"),
        (["a=app.py:handler", "--alias", "zzz:live"], "there is no function 'zzz'; known: a"),
        (["a=app.py:handler", "--on-failure", "failed.jsonl"], "write file:PATH for lines of JSON, or function:NAME"),
        (["a=app.py:handler", "--retries", "3"], "maximum_retry_attempts must be a whole number, 0 to 2"),
        (["a=app.py:handler", "--timeout", "0"], "the timeout of function 'a'"),
        (["a=app.py:handler", "--runtime", "'"], "cannot parse the runtime command"),
    ],
)
def test_wrong_option_names_the_remedy(arguments, text, folder):
    (folder / "aiolambda.toml").write_text(CONFIG)
    (folder / "empty.json").write_text('{"Resources": {"Table": {"Type": "AWS::DynamoDB::Table"}}}')
    with pytest.raises(ConfigurationError) as raised:
        functions(*arguments)
    assert text in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_checks_slow_down_if_each_causes_the_next():
    pace, now, delays = _Pace(), 0.0, []
    for _ in range(12):
        delay = pace.delay([Path("cache.json")], now)
        delays.append(delay)
        now += delay + 1
    assert delays == [0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert pace.delay([Path("app.py")], now) == 0
    assert [pace.delay([Path("app.py")], now + 100 * number) for number in range(1, 10)] == [0] * 9


@pytest.mark.parametrize("delay", [0.0, HOUR], ids=["at once", "later"])
async def test_only_the_last_check_that_began_counts(folder, delay):
    (folder / "broken.py").write_text("raise LookupError('old code')\n")
    server = _Server(options("a=broken.py:handler", "b=app.py:handler", "--reload", "--port", "0"))
    said: list[object] = []
    server._show = said.append
    async with server._endpoint as endpoint:
        server._begin_check(["a", "b"])
        (first,) = server._checks
        await asyncio.sleep(0)
        server._begin_check(["a"], delay)
        (second,) = server._checks - {first}
        await first
        if delay:
            second.cancel()
        await asyncio.wait({second})
        assert len(endpoint.runtime_pids("b")) == 1
    assert sum("a cannot start" in str(text) for text in said) == 1


async def test_a_function_that_is_gone_is_not_checked():
    server = _Server(options("a=app.py:handler", "b=app.py:handler", "--reload", "--port", "0"))
    async with server._endpoint as endpoint:
        server._begin_check(["a", "b"])
        endpoint.remove("a")
        (check,) = server._checks
        await check
        assert len(endpoint.runtime_pids("b")) == 1
        server._begin_check(["b"])
        endpoint.remove("b")
        (check,) = server._checks
        await check


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--debug", "--debug-port", "5678"], "--debug is for the terminal and --debug-port for debugpy; use one of them"),
        (["--debug", "--quiet"], "a debugger needs the output of the functions; remove --quiet"),
        (["--debug-port", "0"], "debug must be True, False, or a port from 1 to 65,535"),
        (["--access-key", "A"], "--access-key and --secret-key must be used together"),
        (["--account-concurrency", "-1"], "account_concurrency must be a whole number"),
    ],
)
def test_wrong_option_of_the_endpoint_names_the_remedy(arguments, text):
    with pytest.raises(ConfigurationError, match=text):
        run(options("a=app.py:handler", *arguments))


# What is printed


async def test_instructions_tell_the_function_urls(folder):
    orders = LocalFunction(name="orders", handler="app.handler", root=folder, aliases={"live": "$LATEST"})
    page = LocalFunction(name="page", handler="app.handler", root=folder, url=FunctionUrl(auth_type="NONE"))
    async with LocalEndpoint([orders, page]) as endpoint:
        lines = instructions(endpoint).splitlines()
    assert [line for line in lines if "/_url/" in line] == [
        f"#     {endpoint.url}/_url/orders/ (AWS_IAM)",
        f"#     {endpoint.url}/_url/page/ (NONE)",
    ]
