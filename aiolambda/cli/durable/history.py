"""`aiolambda durable history`: write the events of an execution as they come.

Must not know how a history is read.
"""

import argparse
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, BinaryIO, cast

from ...operations.durable_events import DurableEvent
from ...operations.structure import Structure, table_of
from ...protocol import timestamps
from .. import exit_codes
from ..clients import make_client
from ..files import check_is_open, escape_controls, open_output, print_error, truncate, write_pieces
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
    async with make_client(options) as client:
        events = client.durable_execution(options.arn).history(
            follow=options.follow,
            include_data=not (options.no_data or form.is_unchanged),
            newest_first=options.newest_first,
        )
        try:
            is_written = await write_pieces(_lines_of(events, form, file), file, "the history cannot be written")
        except _QueryFails as failure:
            print_error(f"aiolambda: --query fails on event {failure}", is_failure=True)
            return exit_codes.USAGE
    return exit_codes.DONE if is_written else exit_codes.USAGE


class _QueryFails(Exception):
    """An event to which the query cannot be applied. The text has its number."""


async def _lines_of(events: AsyncIterator[DurableEvent], form: Form, file: BinaryIO) -> AsyncGenerator[bytes]:
    """A line for each event. The file is emptied when the first one is there."""
    has_begun = False
    async for event in events:
        if not has_begun:
            truncate(file)
            has_begun = True
        try:
            yield _line_of(event) if form.is_unchanged else form.of_value(_as_json(event.raw), indent=False)
        except NotJsonError as error:
            raise _QueryFails(f"{event.event_id} ({error})") from None


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
