"""The notation `NAME=FILE_OR_MODULE:FUNCTION`, and the lines that Lambda writes into a log."""

from pathlib import Path

import pytest

from aiolambda import ConfigurationError
from aiolambda.emulation.function_log import FunctionLog, Usage, report_line
from aiolambda.local import LocalFunction
from aiolambda.local.notation import parse_command, parse_definition, parse_target, parse_variable


def test_a_file_is_imported_from_its_own_directory(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.py").touch()
    assert parse_target("shop/orders.py:handler", tmp_path) == ("orders.handler", tmp_path / "shop")
    assert parse_target(f"{tmp_path}/shop/orders.py:handler", Path("/")) == ("orders.handler", tmp_path / "shop")


def test_a_file_may_be_of_another_language(tmp_path):
    (tmp_path / "index.mjs").touch()
    assert parse_target("index.mjs:handler", tmp_path) == ("index.handler", tmp_path)


def test_module_is_imported_from_the_working_directory(tmp_path):
    assert parse_target("shop.orders:handler", tmp_path) == ("shop.orders.handler", tmp_path)


def test_lambda_folder_notation_is_accepted(tmp_path):
    (tmp_path / "handlers" / "orders").mkdir(parents=True)
    (tmp_path / "handlers" / "app.py").touch()
    for target in ("handlers/app.handler", "handlers/orders.handler"):
        assert parse_target(target, tmp_path) == (target, tmp_path)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("orders", "does not name a handler"),
        (":handler", "does not name a handler"),
        ("orders.py:", "does not name a handler"),
        ("orders.py:not a name", "does not name a handler"),
        ("missing.py:handler", "no file"),
        ("missing/orders:handler", "no file"),
        ("not-a-module:handler", "neither a file nor a module name"),
        ("two.dots.py:handler", "rename the file, without a dot"),
        ("handlers/app.py", "does not name a handler"),
        ("handlers/missing.handler", "does not name a handler"),
        ("missing/app.handler", "does not name a handler"),
        ("handlers/app", "does not name a handler"),
        ("handlers/.", "does not name a handler"),
        ("/", "does not name a handler"),
        (".py:handler", "no file"),
    ],
)
def test_invalid_target_is_named(tmp_path, target, said):
    (tmp_path / "two.dots.py").touch()
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "app.py").touch()
    with pytest.raises(ConfigurationError, match=said):
        parse_target(target, tmp_path)


def test_a_definition_is_a_name_and_a_target():
    assert parse_definition("hello=examples.py:handler") == ("hello", "examples.py:handler")
    for text in ("hello", "=examples.py:handler", "hello="):
        with pytest.raises(ConfigurationError, match="NAME=FILE_OR_MODULE:FUNCTION"):
            parse_definition(text)


def test_variable_is_given_or_inherited():
    surroundings = {"TOKEN": "a=b", "EMPTY": ""}
    texts = ("TABLE=orders", "TABLE=a=b", "TABLE=", "TOKEN", "EMPTY")
    pairs = [("TABLE", "orders"), ("TABLE", "a=b"), ("TABLE", ""), ("TOKEN", "a=b"), ("EMPTY", "")]
    assert [parse_variable(text, surroundings) for text in texts] == pairs
    with pytest.raises(ConfigurationError, match="variable 'MISSING' is not set here"):
        parse_variable("MISSING", surroundings)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("", "secret", "the name of a variable"),
        ("1A", "secret", "the name of a variable"),
        ("A-B", "secret", "the name of a variable"),
        ("\u00c4", "secret", "the name of a variable"),
        ("_HANDLER", "secret", "the name of a variable"),
        ("AWS_REGION", "secret", "AWS_REGION is reserved"),
        ("AWS_LAMBDA_RUNTIME_API", "secret", "AWS_LAMBDA_RUNTIME_API is reserved"),
        ("LAMBDA_TASK_ROOT", "secret", "LAMBDA_TASK_ROOT is reserved"),
        ("TABLE", "secret\0", "must be text without NUL"),
        ("TABLE", 7, "must be text without NUL"),
    ],
)
def test_invalid_variable_is_named_without_its_value(name, value, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        LocalFunction(name="app", handler="app.handler", root=Path(), environment={name: value})
    assert "secret" not in str(caught.value)


def test_repr_hides_variable_values():
    assert "secret" not in repr(LocalFunction(name="app", handler="app.f", root=Path(), environment={"TOKEN": "secret"}))


def test_runtime_command_is_split_like_a_shell():
    assert parse_command("python -m ric '{handler} x'") == ("python", "-m", "ric", "{handler} x")
    for command in ("", "python '"):
        with pytest.raises(ConfigurationError, match="runtime command"):
            parse_command(command)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "a b"},
        {"name": ""},
        {"name": "x" * 65},
        {"concurrency": -1},
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": 5400.1},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
    ],
)
def test_invalid_function_settings_are_refused(settings):
    with pytest.raises(ConfigurationError):
        LocalFunction(**({"name": "app", "handler": "app.handler", "root": Path()} | settings))


def test_a_function_may_run_for_ninety_minutes():
    assert LocalFunction(name="app", handler="app.handler", root=Path(), timeout=5400).timeout == 5400


def test_report_line_has_lambdas_fields():
    usage = Usage(duration=12.341, memory_size=128, max_memory_used=34, init_duration=100.5)
    assert report_line("1-2", usage) == (
        "REPORT RequestId: 1-2\tDuration: 12.34 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\tMax Memory Used: 34 MB\t"
        "Init Duration: 100.50 ms\t\n"
    )


def test_log_tail_holds_one_invocation_only():
    log = FunctionLog()
    usage = Usage(duration=1, memory_size=128, max_memory_used=1)
    log.start("1")
    log.write(b"a" * 20_000)
    first = log.end("1", usage)
    log.start("2")
    log.write(b"no newline")
    second = log.end("2", usage)
    assert len(first) == 4096
    assert second.startswith(b"START RequestId: 2 Version: $LATEST\nno newline\nEND RequestId: 2\nREPORT RequestId: 2\t")
