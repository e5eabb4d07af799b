"""`aiolambda durable history`: write the events of an execution as they come.

Must not know how a history is read.
"""

import argparse
import datetime as dt
from typing import Any, BinaryIO, cast

from ...operations.durable_events import DurableEvent
from ...operations.structure import Structure, table_of
from ...protocol import timestamps
from .. import exit_codes
from ..clients import make_client
from ..files import check_is_open, escape_controls, open_output, print_error, stop_writing, truncate
from ..interrupts import run_in_loop
from ..options import add_connect_timeout, add_connection_options, add_timeout
from ..results import Form, NotJsonError, add_output_options, form_of
from .options import add_arn

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Write the events of a durable execution, a line for each: time, number, type and name. With -o json, each line is the event with
its details, under the names of the API.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_arn(parser)
    parser.add_argument("--follow", action="store_true", help="wait for new events until the execution has ended")
    parser.add_argument("--no-data", action="store_true", help="leave out inputs, results and errors")
    parser.add_argument("--newest-first", action="store_true", help="begin with the last event")
    add_timeout(parser, "time limit of each request (default: none)")
    add_connect_timeout(parser)
    add_output_options(parser, "an event")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write the history."""
    form = form_of(options)
    check_is_open(options.output)
    with open_output(options.output, "write the history to") as file:
        return run_in_loop(_write(options, form, file))


async def _write(options: argparse.Namespace, form: Form, file: BinaryIO) -> int:
    has_begun, code = False, exit_codes.DONE
    async with make_client(options) as client:
        events = client.durable_execution(options.arn).history(
            follow=options.follow,
            include_data=not (options.no_data or form.is_unchanged),
            newest_first=options.newest_first,
        )
        async for event in events:
            if not has_begun:
                truncate(file)
                has_begun = True
            try:
                line = _line_of(event) if form.is_unchanged else form.of_value(_as_json(event.raw), indent=False)
            except NotJsonError as error:
                print_error(f"aiolambda: --query fails on event {event.event_id} ({error})", is_failure=True)
                return exit_codes.USAGE
            try:
                file.write(line)
                file.flush()
            except BrokenPipeError:  # the reader has closed the pipe, which is not an error
                stop_writing(file)
                break
            except OSError as error:
                stop_writing(file)
                print_error(f"aiolambda: the history cannot be written: {error.strerror}", is_failure=True)
                code = exit_codes.USAGE
                break
    return code


def _line_of(event: DurableEvent) -> bytes:
    time = "-" if event.timestamp is None else timestamps.iso_of(event.timestamp)
    number = "-" if event.event_id is None else str(event.event_id)
    parts = [time, number, event.type, *([] if event.name is None else [event.name])]
    return escape_controls("  ".join(part.replace("\n", " ") for part in parts)).encode(errors="backslashreplace") + b"\n"


def _as_json(value: object) -> Any:
    """A value of the API as JSON, with members under their names in the API."""
    if isinstance(value, Structure):
        members = table_of(type(value)).members
        found = {member.api_name: getattr(value, name, None) for name, member in members.items()}
        return {name: _as_json(member) for name, member in found.items() if member is not None}
    if isinstance(value, dt.datetime):
        return timestamps.iso_of(value)
    return [_as_json(one) for one in cast("list[object]", value)] if isinstance(value, list) else value
