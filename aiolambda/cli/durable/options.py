"""Options and forms that the commands of durable executions share.

Must not know a command.
"""

import argparse
import datetime as dt
from typing import Any

import attrs

from ...operations.durable import DurableExecutionDescription
from ...protocol import timestamps
from ..answers import add_asking_options
from ..options import add_connect_timeout, add_connection_options, add_timeout

__all__ = ["add_arn", "add_error_options", "add_reading_options", "add_request_options", "described", "error_members", "moment"]

_API_NAMES = {
    "arn": "DurableExecutionArn",
    "name": "DurableExecutionName",
    "status": "Status",
    "function_arn": "FunctionArn",
    "version": "Version",
    "started": "StartTimestamp",
    "ended": "EndTimestamp",
    "times_out": "ExpectedExecutionTimeoutTimestamp",
    "paused": "PauseRequestTimestamp",
    "pause_reason": "PauseReason",
    "is_timeout_paused": "ExecutionTimeoutPaused",
    "trace_id": "XAmznTraceId",
}


def add_arn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arn", metavar="ARN", help="ARN of the execution, as 'durable start' and 'durable list' write it")


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """For a command that sends one request and writes nothing."""
    add_timeout(parser, "time limit of the request (default: none)")
    add_connect_timeout(parser)
    add_connection_options(parser)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """For a command that writes a table by default."""
    add_asking_options(parser, default="table")


def add_error_options(parser: argparse.ArgumentParser, default: str) -> None:
    """The members of an error that somebody gives to an execution."""
    parser.add_argument("--error-type", metavar="TYPE", help=f"type of the error (default: {default})")
    parser.add_argument("--message", metavar="TEXT", help="text of the error (default: none)")
    parser.add_argument("--data", metavar="TEXT", help="data of the error, such as JSON (default: none)")


def error_members(options: argparse.Namespace) -> dict[str, Any]:
    """The members of the error that the options give."""
    return {"error_type": options.error_type, "message": options.message, "data": options.data}


def moment(text: str) -> dt.datetime:
    """Parse a time in the form of ISO 8601, or seconds since 1970."""
    try:
        return timestamps.moment_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError("it is not a time in the form of ISO 8601, such as 2026-11-30T10:00:00Z") from None


def described(found: DurableExecutionDescription) -> dict[str, Any]:
    """The members that an execution has, under their names in the API."""
    members = attrs.asdict(found, recurse=False)
    members["is_timeout_paused"] = found.is_timeout_paused or None
    return {
        api_name: timestamps.iso_of(value) if isinstance(value, dt.datetime) else value
        for name, api_name in _API_NAMES.items()
        if (value := members[name]) not in (None, "")
    }
