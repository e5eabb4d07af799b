"""`aiolambda durable list`: list the durable executions of a function.

Must not know how a page follows another one.
"""

import argparse
from itertools import count
from typing import Any, get_args

from ...client.client import LambdaClient
from ...operations.durable import DurableStatus
from ..answers import write_answer
from ..options import whole_above_zero
from .options import add_reading_options, described, moment

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
List the durable executions of a function, with their status and ARN.
"""
_COLUMNS = ("Status", "StartTimestamp", "DurableExecutionName", "DurableExecutionArn")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="function name, name:qualifier, partial ARN or ARN")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function (default: all)")
    parser.add_argument("--name", metavar="NAME", help="only the executions with this name")
    parser.add_argument(
        "--status", action="append", metavar="STATUS", choices=get_args(DurableStatus), help="only with this status; repeatable"
    )
    parser.add_argument("--started-after", type=moment, metavar="TIME", help="only those that started after this time")
    parser.add_argument("--started-before", type=moment, metavar="TIME", help="only those that started before this time")
    parser.add_argument("--oldest-first", action="store_true", help="begin with the oldest (default: the newest)")
    parser.add_argument("--limit", type=whole_above_zero, metavar="N", help="list at most N executions (default: all)")
    add_reading_options(parser)


def run(options: argparse.Namespace) -> int:
    """List the executions."""

    async def ask(client: LambdaClient) -> list[dict[str, Any]]:
        executions = client.durable_executions(
            options.function_name,
            qualifier=options.qualifier,
            name=options.name,
            statuses=options.status,
            started_after=options.started_after,
            started_before=options.started_before,
            oldest_first=options.oldest_first,
        )
        found: list[dict[str, Any]] = []
        numbers = range(options.limit) if options.limit else count()
        for _ in numbers:
            execution = await anext(executions, None)
            if execution is None:
                break
            found.append(described(execution))
        return found

    return write_answer(options, ask, default="table", summary=_summary)


def _summary(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: execution.get(name) for name in _COLUMNS} for execution in found]
