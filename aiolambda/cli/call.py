"""`aiolambda call`: any operation of the API, with its input as JSON.

Owns the options and how the pages of an answer become one. Must not know an operation.
"""

import argparse
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ..client.client import LambdaClient
from ..errors import ConfigurationError
from . import exit_codes
from .answers import add_asking_options, write_answer

if TYPE_CHECKING:
    from ..operations.api_operation import OperationOutput

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Call an operation of the Lambda API, and write its answer as JSON. 'invoke' and 'map' invoke functions.

The name of the operation may be in any form: GetFunction, get-function, get_function. The input has the names of the API. Bytes
are base64, or fileb://FILE; times are in the form of ISO 8601, or seconds.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", metavar="OPERATION", help="operation of the API, such as GetFunction or get-function")
    parser.add_argument("--json", metavar="JSON", help="input as a JSON object; @FILE or file://FILE reads a file, - stdin")
    parser.add_argument("--all-pages", action="store_true", help="ask for all pages of a list, and write them as one answer")
    parser.add_argument("--idempotent", action="store_true", help="repeat if it may have been done: twice does no harm")
    add_asking_options(parser, default="json")


def run(options: argparse.Namespace) -> int:
    """Call the operation."""
    from ..operations.api_operation import PagedCommand  # noqa: PLC0415 - help and completions need no commands
    from .operations import answer_of, command_of  # noqa: PLC0415 - as above

    command = command_of(options.operation, options.json, idempotent=options.idempotent or None)
    paged = cast("PagedCommand[Any, OperationOutput] | None", command if isinstance(command, PagedCommand) else None)
    if options.all_pages and paged is None:
        raise ConfigurationError(f"--all-pages: the answer of {command.operation.name} does not come in pages; leave it out")

    async def ask(client: LambdaClient) -> dict[str, Any]:
        if paged is None or not options.all_pages:
            return answer_of(await client.send(command))
        return _joined([answer_of(page) async for page in client.pages(paged)])

    return write_answer(options, ask, default="json", unwritten=exit_codes.MAY_HAVE_RUN)


def _joined(pages: Iterable[Mapping[str, object]]) -> dict[str, Any]:
    """One answer with the items of all pages."""
    whole: dict[str, Any] = {}
    for page in pages:
        for name, value in page.items():
            if isinstance(value, list):
                whole.setdefault(name, []).extend(cast("list[object]", value))
            elif name != "NextMarker":
                whole[name] = value
    return whole
