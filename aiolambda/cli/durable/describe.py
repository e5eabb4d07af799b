"""`aiolambda durable describe`: show the state of an execution.

Must not know how an execution is asked for.
"""

import argparse
from typing import Any

from ...client.client import LambdaClient
from ..answers import write_answer
from .options import add_arn, add_reading_options, described

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Show the status of a durable execution, its times, and its pause if there is one. 'durable wait' has the result.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_arn(parser)
    add_reading_options(parser)


def run(options: argparse.Namespace) -> int:
    """Describe the execution."""

    async def ask(client: LambdaClient) -> dict[str, Any]:
        return described(await client.durable_execution(options.arn).describe())

    return write_answer(options, ask, default="table")
