"""`aiolambda wait`: wait until a function is ready.

Must not know what is asked while it waits.
"""

import argparse

from ..types.values import UNSET
from . import exit_codes
from .clients import make_client
from .interrupts import run_in_loop
from .options import add_connect_timeout, add_connection_options, add_timeout

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Wait until a function is ready, and write nothing. It asks every 1 or 5 seconds, and ends if the function can no longer become
ready, with the reason.

'active': the function was created. 'updated': its last update was successful. 'exists': it is found. 'published': a published
version is active. 'provisioned': the provisioned concurrency is allocated. The last two need a qualifier, as in orders:live.
"""
_CONDITIONS = ("active", "updated", "exists", "published", "provisioned")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="function name, name:qualifier, partial ARN or ARN")
    parser.add_argument("condition", metavar="CONDITION", choices=_CONDITIONS, help=", ".join(_CONDITIONS))
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    add_timeout(parser, "time limit of the whole wait (default: 20 for exists, 300 to 1,560 for the others)")
    add_connect_timeout(parser)
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Wait for the function."""
    run_in_loop(_wait(options))
    return exit_codes.DONE


async def _wait(options: argparse.Namespace) -> None:
    async with make_client(options) as client:
        limit = UNSET if options.timeout is None else options.timeout
        await client.wait_until(options.function_name, options.condition, qualifier=options.qualifier, timeout=limit)
