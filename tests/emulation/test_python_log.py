"""Log records in JSON have the bytes of awslambdaric, AWS's own runtime client."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aiolambda.emulation import python_log


class Odd:
    def __str__(self) -> str:
        return "an odd value"


def info() -> tuple[Any, Any, Any]:
    try:
        raise ValueError("é ☃ no tea")
    except ValueError:
        return sys.exc_info()


INFO = info()
RECORDS: dict[str, dict[str, Any]] = {
    "text": {"msg": "é ☃ 😀 \u2028 </b>"},
    "arguments": {"msg": "%s of %d", "args": ("tea", 3)},
    "named arguments": {"msg": "%(what)s", "args": ({"what": "tea"},)},
    "object": {"msg": {"a": [1, 2.5, None], "b": "é"}},
    "object with arguments": {"msg": {"a": 1}, "args": ({"b": 2},)},
    "list": {"msg": [1, 2]},
    "odd object": {"msg": {"a": Odd(), "b": {1}}},
    "nothing": {"msg": None},
    "error": {"msg": "failed", "exc_info": INFO},
    "error without traceback": {"msg": "failed", "exc_info": (ValueError, ValueError("x"), None)},
    "stack": {"msg": "here", "stack_info": "Stack (most recent call last):"},
    "extras": {"msg": "x", "extra": {"order": 7, "odd": Odd(), "none": None, "nested": {"a": b"x"}}},
    "extras of the format": {"msg": "x", "extra": {"level": "?", "location": "?", "requestId": "?", "tenantId": "?"}},
    "formatted before": {"msg": "x", "extra": {"asctime": "now", "taskName": "Task-1"}},
    "unknown level": {"msg": "x", "levelno": 35, "levelname": "NOTICE"},
    "level below": {"msg": "x", "levelno": -5},
    "level above": {"msg": "x", "levelno": 99},
    "nan": {"msg": {"a": float("nan")}},
    "surrogate": {"msg": "\ud800"},
}
FAULTY: dict[str, dict[str, Any]] = {
    "wrong arguments": {"msg": "%d", "args": ("tea",)},
    "no error": {"msg": "x", "exc_info": (None, None, None)},
    "keys": {"msg": {(1, 2): 3}},
}


def record_of(settings: dict[str, Any]) -> logging.LogRecord:
    settings = dict(settings)
    extra, level = settings.pop("extra", {}), settings.pop("levelno", logging.WARNING)
    arguments = {"args": (), "exc_info": None, **settings}
    stack, name = arguments.pop("stack_info", None), arguments.pop("levelname", None)
    record = logging.LogRecord("shop.orders", level, "/var/task/app.py", 7, func="handler", sinfo=stack, **arguments)
    record.created, record.msecs = 1_700_000_000.123, 123.0
    vars(record).update(extra)
    if name is not None:
        record.levelname = name
    return record


def outcome(run: Callable[[], str]) -> object:
    try:
        return run()
    except Exception as error:
        return type(error), str(error)


def ours(settings: dict[str, Any], tenant_id: str | None) -> str:
    output = io.StringIO()
    handler = python_log.LogHandler(output)
    handler.setFormatter(python_log.JsonFormatter())
    handler.request_id, handler.tenant_id = "id-1", tenant_id
    handler.handle(record_of(settings))
    return output.getvalue()


def of_aws(settings: dict[str, Any], tenant_id: str | None) -> str:
    utils = pytest.importorskip("awslambdaric.lambda_runtime_log_utils", reason="awslambdaric is not installed")
    record = record_of(settings)
    record.aws_request_id, record.tenant_id = "id-1", tenant_id
    return str(utils.JsonFormatter().format(record))


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    before, logging.Formatter.converter = logging.Formatter.converter, __import__("time").gmtime
    yield
    logging.Formatter.converter = before


@pytest.mark.parametrize("tenant_id", [None, "blue"])
@pytest.mark.parametrize("name", [*RECORDS, *FAULTY])
def test_a_record_has_the_bytes_of_awslambdaric(name: str, tenant_id: str | None) -> None:
    settings = (RECORDS | FAULTY)[name]
    mine, theirs = (outcome(lambda run=run: run(settings, tenant_id)) for run in (ours, of_aws))  # type: ignore[misc]
    assert mine == theirs
    assert isinstance(mine, str) == (name in RECORDS)


def test_a_record_says_what_happened_and_where() -> None:
    members = json.loads(ours(RECORDS["error"], "blue"))
    assert members["stackTrace"][0].startswith(f'  File "{__file__}", line ')
    del members["stackTrace"]
    assert members == {
        "timestamp": "2023-11-14T22:13:20Z",
        "level": "WARNING",
        "message": "failed",
        "logger": "shop.orders",
        "errorType": "ValueError",
        "errorMessage": "é ☃ no tea",
        "requestId": "id-1",
        "location": "/var/task/app.py:handler:7",
        "tenantId": "blue",
    }


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield root
    root.setLevel(level)
    root.handlers[:] = handlers


LEVELS = {
    "TRACE": logging.DEBUG,
    "debug": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "": logging.WARNING,
    "LOUD": logging.WARNING,
}


@pytest.mark.parametrize("level", LEVELS)
def test_the_level_is_that_of_the_variable(root_logger: logging.Logger, level: str) -> None:
    root_logger.setLevel(logging.WARNING)
    python_log.set_up(io.StringIO(), {"AWS_LAMBDA_LOG_LEVEL": level})
    assert root_logger.level == LEVELS[level]


@pytest.mark.parametrize(("log_format", "is_json"), [("JSON", True), ("json", True), ("Text", False), (None, False)])
def test_the_format_is_that_of_the_variable(root_logger: logging.Logger, log_format: str | None, is_json: bool) -> None:
    output = io.StringIO()
    handler = python_log.set_up(output, {} if log_format is None else {"AWS_LAMBDA_LOG_FORMAT": log_format})
    handler.request_id = "id-1"
    logging.getLogger("shop").warning("no %s", "tea")
    if is_json:
        assert json.loads(output.getvalue())["message"] == "no tea"
    else:
        assert output.getvalue().startswith("[WARNING]\t")
        assert output.getvalue().endswith("Z\tid-1\tno tea\n")


def test_the_file_loads_no_slow_module() -> None:
    import subprocess

    program = f"import sys, logging; exec(open({python_log.__file__!r}).read()); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert {"decimal", "asyncio", "aiolambda", "typing_extensions", "inspect"}.isdisjoint(done.stdout.split())
