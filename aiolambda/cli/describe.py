"""`aiolambda describe`: show the state and the settings of a function.

Must not know how a function is asked for.
"""

import argparse
from typing import Any

import attrs

from ..client.client import LambdaClient
from .answers import add_asking_options, write_answer

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Show the state of a function, its last update, version, timeout, memory and reserved concurrency.

It needs the permission lambda:GetFunction. 'aiolambda call GetFunction' has everything, with the environment variables.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="function name, name:qualifier, partial ARN or ARN")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    add_asking_options(parser, default="table")


def run(options: argparse.Namespace) -> int:
    """Describe the function."""

    async def ask(client: LambdaClient) -> dict[str, Any]:
        found = await client.describe(options.function_name, qualifier=options.qualifier)
        members = attrs.asdict(found, recurse=False)
        del members["configuration"]
        described = {_api_name(name): value for name, value in members.items()}
        return {**described, "Runtime": found.configuration.runtime, "Handler": found.configuration.handler}

    return write_answer(options, ask, default="table", summary=_summary)


def _summary(described: dict[str, Any]) -> dict[str, Any]:
    """Without what there is not."""
    return {name: value for name, value in described.items() if value is not None}


_API_NAMES = {
    "memory": "MemorySize",
    "reserved_concurrency": "ReservedConcurrentExecutions",
    "last_update_reason": "LastUpdateStatusReason",
    "last_update_reason_code": "LastUpdateStatusReasonCode",
}
"""The members whose names are not those of the API in another spelling."""


def _api_name(name: str) -> str:
    return _API_NAMES.get(name) or "".join(word.capitalize() for word in name.split("_"))
