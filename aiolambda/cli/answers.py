"""Commands that ask the API and write its answer: the connection, the form and the file of the answer.

Must not know what is asked.
"""

import argparse
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs

from ..client.client import LambdaClient
from . import exit_codes
from .clients import make_client
from .files import check_is_open, open_output, print_error, truncate, write_whole
from .interrupts import run_in_loop
from .options import add_connect_timeout, add_connection_options, add_timeout
from .results import Form, NotJsonError, add_answer_options, form_of, is_terminal

__all__ = ["add_asking_options", "write_answer"]

Ask = Callable[[LambdaClient], Awaitable[Any]]


def add_asking_options(parser: argparse.ArgumentParser, *, default: str, timeout: str = "time limit of each request") -> None:
    """Options of the connection and of the form, for `write_answer`."""
    add_timeout(parser, f"{timeout} (default: none)")
    add_connect_timeout(parser)
    add_answer_options(parser, default)
    add_connection_options(parser)


def write_answer(
    options: argparse.Namespace,
    ask: Ask,
    *,
    default: Literal["json", "table"],
    summary: Callable[[Any], Any] | None = None,
    unwritten: int = exit_codes.USAGE,
) -> int:
    """Ask, and write what was answered. `unwritten` is the exit code if that fails.

    `default` is the form without -o and --query. `summary` gives what a form for people shows.
    """
    form = form_of(options)
    form = Form(form.format or ("json" if form.select is not None else default), form.select)
    check_is_open(options.output)
    with open_output(options.output, "write the answer to") as file:
        answer = run_in_loop(_ask(options, ask))
        truncate(file)
        is_queried = True
        if form.select is None and form.format != "json" and summary is not None:
            answer = summary(answer)
        try:
            shown = form.of_value(answer, indent=is_terminal(file))
        except NotJsonError as error:
            print_error(f"aiolambda: --query fails on this answer ({error}); it is written whole", is_failure=True)
            is_queried, shown = False, attrs.evolve(form, select=None).of_value(answer, indent=is_terminal(file))
        is_written = write_whole(shown, file, "the answer cannot be written")
    return exit_codes.DONE if is_queried and is_written else unwritten


async def _ask(options: argparse.Namespace, ask: Ask) -> Any:
    async with make_client(options) as client:
        return await ask(client)
