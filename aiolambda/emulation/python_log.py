"""What Lambda's Python runtime makes of log records: lines of text, or of JSON.

The source is awslambdaric 4.2. Records in JSON have the same bytes here.

Must not import this package or slow modules: the built-in runtime loads this file by its path, once for each process.
"""

import json
import logging
import time
import traceback
from collections.abc import Mapping
from typing import Protocol

__all__ = ["LogHandler", "set_up"]

TIME = "%Y-%m-%dT%H:%M:%SZ"
_TEXT = ("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")

_OWN = frozenset({*vars(logging.makeLogRecord({})), "aws_request_id", "tenant_id"} - {"taskName"})
"""The attributes of a record that are no extras of the program."""
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class Output(Protocol):
    def write(self, text: str, /) -> object: ...


class LogHandler(logging.Handler):
    """Writes records with the ids of the current invocation. The error of a faulty record is raised, as on Lambda."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.request_id = ""
        self.tenant_id: str | None = None
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self.request_id
        record.tenant_id = self.tenant_id
        text = self.format(record)
        self._output.write(text if text.endswith("\n") else f"{text}\n")


class JsonFormatter(logging.Formatter):
    """A record as a JSON object of its text, error, request and extras."""

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelno = min(50, max(0, record.levelno)) // 10 * 10
        record.levelname = logging.getLevelName(level)
        text: object = record.msg
        is_object = isinstance(text, dict) and not record.args
        members: dict[str, object] = {
            "timestamp": self.formatTime(record, TIME),
            "level": record.levelname,
            "message": text if is_object else record.getMessage(),
            "logger": record.name,
            **_error_of(record),
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if record.exc_info else None,
        }
        if getattr(record, "tenant_id", None) is not None:
            members["tenantId"] = getattr(record, "tenant_id", None)
        extras = {name: value for name, value in vars(record).items() if name not in _OWN and name not in members}
        return _encode({name: value for name, value in (members | extras).items() if value is not None}) + "\n"


def _error_of(record: logging.LogRecord) -> dict[str, object]:
    """The members of the exception of a record. Raises for `logger.exception` outside of `except`, as on Lambda."""
    if not record.exc_info:
        return {"stackTrace": None, "errorType": None, "errorMessage": None}
    kind, error, trace = record.exc_info
    name = kind.__name__  # type: ignore[union-attr] # see above
    return {"stackTrace": traceback.format_tb(trace), "errorType": name, "errorMessage": str(error)}


def set_up(output: Output, variables: Mapping[str, str]) -> LogHandler:
    """Let the root logger write to `output`, in the format and at the level that the variables say."""
    logging.Formatter.converter = time.gmtime
    handler = LogHandler(output)
    handler.setFormatter(JsonFormatter() if is_json(variables) else logging.Formatter(*_TEXT))
    root = logging.getLogger()
    root.addHandler(handler)
    level = variables.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = "DEBUG" if level == "TRACE" else level
    if level in logging.getLevelNamesMapping():
        root.setLevel(level)
    return handler


def is_json(variables: Mapping[str, str]) -> bool:
    """Whether the log format is JSON."""
    return variables.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
