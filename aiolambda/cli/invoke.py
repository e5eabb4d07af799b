"""`aiolambda invoke`: one invocation, its payload on stdout, everything else on stderr.

Owns the options, and which stream gets what. Must not know how an invocation is sent.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import ConfigurationError, FunctionError
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandOutput
from . import exit_codes
from .files import STDIO, destination, empty, give_up, standard_input, tell
from .options import add_connection_options, client_of, file_name, seconds

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "invoke a function"
DESCRIPTION = "Invoke a function. Its payload goes to stdout exactly as it comes, all else to stderr."

_PURPOSE = "write the answer to"
_WITHOUT_PAYLOAD = {
    202: "accepted: Lambda has queued the event and will run the function later",
    204: "the dry run succeeded: these credentials may invoke this function; nothing has run",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="name, name:qualifier, partial ARN or ARN")
    payload = parser.add_mutually_exclusive_group()
    payload.add_argument("-p", "--payload", metavar="JSON", help="the payload, as JSON")
    file: dict[str, Any] = {"type": file_name, "metavar": "FILE"}
    payload.add_argument("-f", "--payload-file", **file, help="a file that holds the payload; - is stdin")
    parser.add_argument("-o", "--output", **file, default=STDIO, help="where the answer goes; - is stdout, the default")
    parser.add_argument("--invocation-type", choices=("RequestResponse", "Event", "DryRun"), default="RequestResponse")
    parser.add_argument("--log-type", choices=("None", "Tail"), help="Tail prints the last 4 KB of the log to stderr")
    parser.add_argument("--tail", dest="log_type", action="store_const", const="Tail", help="short for --log-type Tail")
    parser.add_argument("--stream", action="store_true", help="print the answer as the function writes it")
    parser.add_argument("--client-context", metavar="JSON", help="a JSON object for the function's context, or its base64")
    parser.add_argument("--qualifier", metavar="VERSION", help="a version or an alias")
    parser.add_argument("--tenant-id", metavar="ID")
    parser.add_argument("--durable-execution-name", metavar="NAME")
    add_connection_options(parser)
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="limit of the whole call; none by default")


def run(options: argparse.Namespace) -> int:
    """Invoke, and print what came; the payload of a failed function is printed too."""
    if options.stream:
        return _run_streaming(options)
    command = InvokeCommand(
        function_name=options.function_name,
        payload=_payload(options),
        invocation_type=options.invocation_type,
        log_type=options.log_type,
        client_context=_client_context(options.client_context),
        qualifier=options.qualifier,
        tenant_id=options.tenant_id,
        durable_execution_name=options.durable_execution_name,
    )
    with destination(options.output, _PURPOSE) as file:
        output = asyncio.run(_send(command, options))
        _tell(output)
        empty(file)
        written = _write(output.payload, file)
    if not written:
        return exit_codes.MAY_HAVE_RUN
    return exit_codes.DONE if output.function_error is None else exit_codes.FUNCTION_ERROR


def _run_streaming(options: argparse.Namespace) -> int:
    """Invoke, and print what comes, as it comes; what ends it too early is an error behind all that had come."""
    if options.invocation_type != "RequestResponse" or options.durable_execution_name is not None:
        raise ConfigurationError("--stream goes with neither --invocation-type nor --durable-execution-name")
    payload, client_context = _payload(options), _client_context(options.client_context)
    with destination(options.output, _PURPOSE) as file:
        try:
            asyncio.run(_stream(options, payload, client_context, file))
        except FunctionError as error:
            _tell_failure(error)
            return exit_codes.FUNCTION_ERROR
        except BrokenPipeError:  # a reader who has gone wants no more of it
            give_up(file)
        except _NotWritten as error:
            give_up(file)
            tell(f"aiolambda: the function runs, but its answer cannot be written: {error}")
            return exit_codes.MAY_HAVE_RUN
    return exit_codes.DONE


async def _stream(
    options: argparse.Namespace, payload: bytes | None, client_context: Mapping[str, object] | str | None, file: BinaryIO
) -> None:
    async with (
        client_of(options) as client,
        client.stream(
            options.function_name,
            payload,
            qualifier=options.qualifier,
            log_type=options.log_type,
            client_context=client_context,
            tenant_id=options.tenant_id,
        ) as stream,
    ):
        empty(file)
        try:
            async for chunk in stream:
                _print(chunk, file)
        finally:
            _tell_log(stream.log_tail)


class _NotWritten(Exception):
    """The place for the answer takes no more of it."""


def _print(chunk: bytes, file: BinaryIO) -> None:
    try:
        file.write(chunk)
        file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _NotWritten(error.strerror) from None


async def _send(command: InvokeCommand, options: argparse.Namespace) -> InvokeCommandOutput:
    async with client_of(options) as client:
        return await client.send(command)


def _payload(options: argparse.Namespace) -> bytes | None:
    """The payload's bytes, as they were given; what is typed must be JSON, what is in a file is the caller's affair."""
    if options.payload is not None:
        text = cast("str", options.payload)
        _parsed(text, "--payload")
        return text.encode()
    if options.payload_file is None:
        return None
    if options.payload_file == STDIO:
        return standard_input().read()
    try:
        return Path(options.payload_file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the payload from {options.payload_file!r}: {error.strerror}") from error


def _parsed(text: str, option: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigurationError(f"what {option} was given is not JSON; a JSON string needs quotes of its own") from None


def _client_context(text: str | None) -> Mapping[str, object] | str | None:
    if text is None or not text.lstrip().startswith("{"):
        return text
    return cast("Mapping[str, object]", _parsed(text, "--client-context"))


def _tell(output: InvokeCommandOutput) -> None:
    """Print what is not payload."""
    _tell_log(output.log_tail)
    if output.status_code in _WITHOUT_PAYLOAD:
        tell(f"aiolambda: {_WITHOUT_PAYLOAD[output.status_code]}")
    try:
        output.raise_for_function_error()
    except FunctionError as error:
        _tell_failure(error)


def _tell_log(tail: str | None) -> None:
    if tail is not None:
        tell(tail.rstrip("\n"))


def _tell_failure(error: FunctionError) -> None:
    notes: list[str] = getattr(error, "__notes__", [])
    tell("\n".join([f"aiolambda: {error}", *notes]))


def _write(payload: bytes, file: BinaryIO) -> bool:
    """Write the payload; whether it could be. A reader who has gone wants no more of it, which is no error."""
    try:
        file.write(payload)
        if payload and file.isatty():
            file.write(b"\n")
        file.flush()
    except BrokenPipeError:
        give_up(file)
    except OSError as error:
        give_up(file)
        tell(f"aiolambda: the function has run, but its answer cannot be written: {error.strerror}")
        return False
    return True
