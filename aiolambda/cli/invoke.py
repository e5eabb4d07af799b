"""`aiolambda invoke`: one invocation, its payload on stdout, everything else on stderr.

Owns the options, and which stream gets what. Must not know how an invocation is sent.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from ..commands import InvokeCommand
from ..errors import ConfigurationError, FunctionError
from ..invocation import InvokeCommandOutput
from . import exits
from .connection import add_connection_options, client_of, seconds
from .streams import STDIO, let_go_of_stdout, opened

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "invoke a function"
DESCRIPTION = "Invoke a function. Its payload goes to stdout exactly as it comes, all else to stderr."

_WITHOUT_PAYLOAD = {
    202: "accepted: Lambda has queued the event and will run the function later",
    204: "the dry run succeeded: these credentials may invoke this function; nothing has run",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="name, name:qualifier, partial ARN or ARN")
    payload = parser.add_mutually_exclusive_group()
    payload.add_argument("-p", "--payload", metavar="JSON", help="the payload, as JSON")
    payload.add_argument("-f", "--payload-file", metavar="FILE", help="a file that holds the payload; - is stdin")
    parser.add_argument("-o", "--output", metavar="FILE", default=STDIO, help="where the answer goes; - is stdout, the default")
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
    with _destination(options.output) as destination:
        output = asyncio.run(_send(command, options))
        _tell(output)
        if options.output != STDIO:
            _empty(destination)
        written = _write(output.payload, destination)
    if not written:
        return exits.MAY_HAVE_RUN
    return exits.DONE if output.function_error is None else exits.FUNCTION_ERROR


def _run_streaming(options: argparse.Namespace) -> int:
    """Invoke, and print what comes, as it comes; what ends it too early is an error behind all that had come."""
    if options.invocation_type != "RequestResponse" or options.durable_execution_name is not None:
        raise ConfigurationError("--stream goes with neither --invocation-type nor --durable-execution-name")
    payload, client_context = _payload(options), _client_context(options.client_context)
    with _destination(options.output) as destination:
        try:
            asyncio.run(_stream(options, payload, client_context, destination))
        except FunctionError as error:
            _tell_failure(error)
            return exits.FUNCTION_ERROR
        except BrokenPipeError:  # a reader who has gone wants no more of it
            let_go_of_stdout()
        except _NotWritten as error:
            print(f"aiolambda: the function runs, but its answer cannot be written: {error}", file=sys.stderr)
            return exits.MAY_HAVE_RUN
    return exits.DONE


async def _stream(
    options: argparse.Namespace, payload: bytes | None, client_context: Mapping[str, object] | str | None, destination: BinaryIO
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
        if options.output != STDIO:
            _empty(destination)
        try:
            async for chunk in stream:
                _print(chunk, destination)
        finally:
            _tell_log(stream.log_tail)


class _NotWritten(Exception):
    """The place for the answer takes no more of it."""


def _print(chunk: bytes, destination: BinaryIO) -> None:
    try:
        destination.write(chunk)
        destination.flush()
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
        return sys.stdin.buffer.read()
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


@contextmanager
def _destination(path: str) -> Generator[BinaryIO, None, None]:
    """Where the payload will go; opened before anything is sent, emptied only when there is something to put in."""
    if path == STDIO:
        yield sys.stdout.buffer
        return
    file = opened(path, "ab", "write the answer to")
    try:
        yield file
    finally:
        with suppress(OSError):  # whoever writes flushes, and has told what cannot be written
            file.close()


def _empty(file: BinaryIO) -> None:
    """What the file held before; a pipe or a device holds nothing, and cannot be truncated."""
    with suppress(OSError):
        file.truncate(0)


def _tell(output: InvokeCommandOutput) -> None:
    """Print what is not payload."""
    _tell_log(output.log_tail)
    if output.status_code in _WITHOUT_PAYLOAD:
        print(f"aiolambda: {_WITHOUT_PAYLOAD[output.status_code]}", file=sys.stderr)
    try:
        output.raise_for_function_error()
    except FunctionError as error:
        _tell_failure(error)


def _tell_log(tail: str | None) -> None:
    if tail is not None:
        print(tail.rstrip("\n"), file=sys.stderr)


def _tell_failure(error: FunctionError) -> None:
    notes: list[str] = getattr(error, "__notes__", [])
    print(f"aiolambda: {error}", *notes, sep="\n", file=sys.stderr)


def _write(payload: bytes, destination: BinaryIO) -> bool:
    """Write the payload; whether it could be. A reader who has gone wants no more of it, which is no error."""
    try:
        destination.write(payload)
        if payload and destination.isatty():
            destination.write(b"\n")
        destination.flush()
    except BrokenPipeError:
        let_go_of_stdout()
    except OSError as error:
        print(f"aiolambda: the function has run, but its answer cannot be written: {error.strerror}", file=sys.stderr)
        return False
    return True
