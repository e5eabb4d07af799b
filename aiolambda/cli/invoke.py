"""`aiolambda invoke`: invoke a function, and write its payload to stdout and everything else to stderr.

Owns the options and the output. Must not know how an invocation is sent.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import BinaryIO, cast

from ..errors import ConfigurationError, FunctionError
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandOutput
from ..types.values import UNSET
from . import exit_codes
from .clients import make_client
from .files import check_is_open, open_output, print_error, stop_writing, truncate, write_whole
from .interrupts import InterruptedBeforeSending, run_in_loop
from .options import add_connect_timeout, add_connection_options, add_timeout, check_hedge, file_name, hedge_seconds
from .payloads import parse_json, payload_of
from .results import Form, NotJsonError, add_output_options, form_of, is_terminal

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Invoke a function. Write its payload to stdout, unchanged, and everything else to stderr.

The payload comes from -p, from -f, or from a pipe on standard input. Without any of them none is sent, and the function
receives an empty event.
"""

_PURPOSE = "write the response to"
_WITHOUT_PAYLOAD = {
    202: "accepted: Lambda has queued the event and will run the function later",
    204: "the dry run succeeded: these credentials may invoke the function; it did not run",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="function name, name:qualifier, partial ARN or ARN")
    payload = parser.add_mutually_exclusive_group()
    payload.add_argument("-p", "--payload", metavar="JSON", help="payload as JSON; @FILE or file://FILE reads a file, - stdin")
    payload.add_argument(
        "-f",
        "--payload-file",
        type=file_name,
        metavar="FILE",
        help="file with the payload; - reads stdin; fileb://FILE: any bytes",
    )
    parser.add_argument(
        "--invocation-type",
        choices=("RequestResponse", "Event", "DryRun"),
        default="RequestResponse",
        help="Event queues the event; DryRun checks the permission without running the function (default: %(default)s)",
    )
    parser.add_argument("--log-type", choices=("None", "Tail"), help="Tail prints the last 4 KB of the log to stderr")
    parser.add_argument("--tail", dest="log_type", action="store_const", const="Tail", help="same as --log-type Tail")
    parser.add_argument("--stream", action="store_true", help="write the response as the function streams it")
    parser.add_argument("--client-context", metavar="JSON", help="client context: a JSON object, or its base64 form")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    parser.add_argument("--tenant-id", metavar="ID", help="tenant, for functions with tenant isolation")
    parser.add_argument("--durable-execution-name", metavar="NAME", help="name of the durable execution")
    parser.add_argument("--idempotent", action="store_true", help="retry if it may have run: running twice does no harm")
    parser.add_argument(
        "--hedge-after",
        type=hedge_seconds,
        metavar="SECONDS",
        help="with --idempotent: send the call a second time if it has no answer after this time; the first answer wins",
    )
    add_timeout(parser, "time limit of the whole call (default: none)")
    add_connect_timeout(parser)
    add_output_options(parser, "the payload")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Invoke the function and write its payload, also if it failed."""
    form = form_of(options)
    if options.stream or options.invocation_type == "RequestResponse":
        check_is_open(options.output)
    try:
        payload, client_context = payload_of(options.payload, options.payload_file), _client_context(options.client_context)
    except KeyboardInterrupt:
        raise InterruptedBeforeSending from None
    if payload is None and options.invocation_type != "DryRun" and sys.stderr.isatty():
        print_error("aiolambda: no payload given, so none is sent: the function receives an empty event (-p gives one)")
    kind = options.invocation_type
    check_hedge(options, without_answer=None if kind == "RequestResponse" else f"--invocation-type {kind}")
    if options.stream:
        return _run_streaming(options, form, payload, client_context)
    command = InvokeCommand(
        function_name=options.function_name,
        payload=payload,
        invocation_type=options.invocation_type,
        log_type=options.log_type,
        client_context=client_context,
        qualifier=options.qualifier,
        tenant_id=options.tenant_id,
        durable_execution_name=options.durable_execution_name,
        idempotent=options.idempotent or None,
    )
    with open_output(options.output, _PURPOSE) as file:
        output = run_in_loop(_send(command, options))
        _print_log(output.log_tail)
        if output.status_code in _WITHOUT_PAYLOAD:
            print_error(f"aiolambda: {_WITHOUT_PAYLOAD[output.status_code]}")
        try:
            output.raise_for_function_error()
        except FunctionError as error:
            _print_function_error(error)
        truncate(file)
        is_formed, shown = _formed(output, form, file)
        if not _write_payload(shown, file) or not is_formed:
            return exit_codes.MAY_HAVE_RUN
    return exit_codes.DONE if output.function_error is None else exit_codes.FUNCTION_ERROR


def _formed(output: InvokeCommandOutput, form: Form, file: BinaryIO) -> tuple[bool, bytes]:
    """The payload in the form that was asked for, and whether that succeeded. A query applies to a success only."""
    if form.is_unchanged or not output.payload:
        return True, output.payload
    if output.function_error is not None:
        form = Form(form.format, None)
    try:
        return True, form.of_payload(output.payload, indent=is_terminal(file))
    except NotJsonError as error:
        reason = f"--query fails on this response ({error})" if error.args else "the response is not JSON"
        print_error(f"aiolambda: the function has run, but {reason}; it is written unchanged", is_failure=True)
        return False, output.payload


def _run_streaming(
    options: argparse.Namespace, form: Form, payload: bytes | None, client_context: Mapping[str, object] | str | None
) -> int:
    """Invoke the function and write its chunks as they arrive. An early end is reported after the received chunks."""
    if options.invocation_type != "RequestResponse" or options.durable_execution_name is not None:
        raise ConfigurationError("--stream cannot be used with --invocation-type or --durable-execution-name")
    if options.hedge_after is not None:
        raise ConfigurationError("--stream cannot be used with --hedge-after: a stream is not sent a second time")
    if not form.is_unchanged:
        raise ConfigurationError("--stream cannot be used with --query or -o json|text: a stream is written as it comes")
    with open_output(options.output, _PURPOSE) as file:
        try:
            run_in_loop(_stream(options, payload, client_context, file))
        except FunctionError as error:
            _print_function_error(error)
            return exit_codes.FUNCTION_ERROR
        except BrokenPipeError:  # the reader has closed the pipe, which is not an error
            stop_writing(file)
        except _WriteError as error:
            stop_writing(file)
            print_error(f"aiolambda: the function runs, but its response cannot be written: {error}", is_failure=True)
            return exit_codes.MAY_HAVE_RUN
    return exit_codes.DONE


async def _stream(
    options: argparse.Namespace, payload: bytes | None, client_context: Mapping[str, object] | str | None, file: BinaryIO
) -> None:
    async with (
        make_client(options) as client,
        client.stream(
            options.function_name,
            payload,
            qualifier=options.qualifier,
            log_type=options.log_type,
            client_context=client_context,
            tenant_id=options.tenant_id,
            idempotent=options.idempotent or None,
        ) as stream,
    ):
        truncate(file)
        try:
            async for chunk in stream:
                _write_chunk(chunk, file)
        finally:
            _print_log(stream.log_tail)


class _WriteError(Exception):
    """The output cannot be written. Not an `OSError`, which the client may also raise."""


def _write_chunk(chunk: bytes, file: BinaryIO) -> None:
    try:
        file.write(chunk)
        file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _WriteError(error.strerror) from None


async def _send(command: InvokeCommand, options: argparse.Namespace) -> InvokeCommandOutput:
    async with make_client(options) as client:
        return await client.send(command, hedge_after=UNSET if options.hedge_after is None else options.hedge_after)


def _client_context(text: str | None) -> Mapping[str, object] | str | None:
    if text is None or not text.lstrip().startswith("{"):
        return text
    return cast("Mapping[str, object]", parse_json(text, "the value of --client-context"))


def _print_log(tail: str | None) -> None:
    if tail is not None:
        print_error(tail.rstrip("\n"))


def _print_function_error(error: FunctionError) -> None:
    notes: list[str] = getattr(error, "__notes__", [])
    print_error("\n".join([f"aiolambda: {error}", *notes]), is_failure=True)


def _write_payload(payload: bytes, file: BinaryIO) -> bool:
    """Write the payload, on a terminal as whole lines, and return whether that succeeded."""
    if payload and file.isatty() and not payload.endswith(b"\n"):
        payload += b"\n"
    return write_whole(payload, file, "the function has run, but its response cannot be written")
