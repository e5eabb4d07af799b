"""`aiolambda durable callbacks`: list the callbacks that an execution waits for.

Must not know how they are found in the history.
"""

import argparse
from typing import Any

from ...client.client import LambdaClient
from ..answers import write_answer
from .options import add_arn, add_reading_options

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
List the callbacks that a durable execution waits for now, oldest first. 'aiolambda callback' answers one by its id.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_arn(parser)
    add_reading_options(parser)


def run(options: argparse.Namespace) -> int:
    """List the callbacks."""

    async def ask(client: LambdaClient) -> list[dict[str, Any]]:
        open_now = await client.durable_execution(options.arn).callbacks()
        return [{"Name": callback.name, "CallbackId": callback.id} for callback in open_now]

    return write_answer(options, ask, default="table")
