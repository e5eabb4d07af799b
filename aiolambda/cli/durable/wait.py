"""`aiolambda durable wait`: wait for the end of an execution, and write its result.

Must not know what is asked while it waits.
"""

import argparse
from contextlib import AbstractContextManager
from typing import BinaryIO

from .. import exit_codes
from ..clients import make_client
from ..files import check_is_open, open_output, print_error, truncate, write_whole
from ..interrupts import run_in_loop
from ..options import add_connect_timeout, add_connection_options, add_timeout
from ..results import Form, NotJsonError, add_output_options, form_of, is_terminal
from .options import add_arn

__all__ = ["DESCRIPTION", "add_options", "open_result", "run", "write_result"]

DESCRIPTION = """\
Wait until a durable execution has ended, and write its result to stdout, unchanged. If it failed, timed out or was stopped,
write its error to stderr. An interruption ends the wait alone: the execution goes on.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_arn(parser)
    add_timeout(parser, "time limit of the whole wait (default: none)")
    add_connect_timeout(parser)
    add_output_options(parser, "the result")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Wait for the execution, and write its result."""
    form = form_of(options)
    check_is_open(options.output)
    with open_result(options) as file:
        return write_result(options, form, file, run_in_loop(_wait(options)))


async def _wait(options: argparse.Namespace) -> bytes:
    async with make_client(options) as client:
        return (await client.durable_execution(options.arn).result(timeout=options.timeout)).payload


def open_result(options: argparse.Namespace) -> AbstractContextManager[BinaryIO]:
    """The place that a result is written to."""
    return open_output(options.output, "write the result to")


def write_result(options: argparse.Namespace, form: Form, file: BinaryIO, payload: bytes) -> int:
    """Write the result of an execution in the form that was asked for, and return the exit code."""
    truncate(file)
    is_formed = True
    if not form.is_unchanged and payload:
        try:
            payload = form.of_payload(payload, indent=is_terminal(file))
        except NotJsonError as error:
            reason = f"--query fails on the result ({error})" if error.args else "the result is not JSON"
            print_error(f"aiolambda: the execution has succeeded, but {reason}; it is written unchanged", is_failure=True)
            is_formed = False
    if payload and file.isatty() and not payload.endswith(b"\n"):
        payload += b"\n"
    is_written = write_whole(payload, file, "the execution has succeeded, but its result cannot be written")
    return exit_codes.DONE if is_written and is_formed else exit_codes.MAY_HAVE_RUN
