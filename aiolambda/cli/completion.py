"""`aiolambda completion`: print the completions of a shell.

Must not know the commands: the parser lists them.
"""

import argparse
from importlib import import_module
from typing import Any, cast

from . import exit_codes
from .options import file_name, missing_extra
from .parser import Parser

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = "Print a script that completes commands, options and files in a shell. It needs the extra 'cli'."


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    try:
        shtab = cast("Any", import_module("shtab"))
    except ImportError:
        raise missing_extra("completion", "shtab") from None
    parser: Parser = import_module(".program", __package__).build_parser()
    for action in parser.every_action():
        if action.type is file_name and action.choices is None:
            action.complete = shtab.FILE  # type: ignore[attr-defined] # shtab reads it, and argparse does not know it
        if action.dest == "operation":
            action.choices = import_module(".operations", __package__).operation_names()
    print(shtab.complete(parser, options.shell))
    return exit_codes.DONE
