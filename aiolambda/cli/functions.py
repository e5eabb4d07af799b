"""`aiolambda functions`: list the functions of the account.

Must not know how a page follows another one.
"""

import argparse
from typing import Any

from ..client.client import LambdaClient
from .answers import add_asking_options, write_answer

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
List the functions of the account in the region. -o json has everything that Lambda tells of them.

It needs the permission lambda:ListFunctions.
"""
_COLUMNS = ("FunctionName", "Version", "Runtime", "MemorySize", "Timeout", "LastModified")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all-versions", action="store_true", help="also list the published versions")
    add_asking_options(parser, default="table")


def run(options: argparse.Namespace) -> int:
    """List the functions."""

    async def ask(client: LambdaClient) -> list[Any]:
        from ..operations import ListFunctionsCommand  # noqa: PLC0415 - help and completions do not need it

        command = ListFunctionsCommand(function_version="ALL" if options.all_versions else None)
        found: list[Any] = []
        async for page in client.pages(command):
            functions = page.raw.get("Functions")
            found += functions if isinstance(functions, list) else []
        return found

    return write_answer(options, ask, default="table", summary=_summary)


def _summary(functions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: function.get(name) for name in _COLUMNS} for function in functions]
