"""The program `aiolambda`: parse the command line, run the command, and turn errors into messages and exit codes.

Imports only the module of the chosen command, so that `invoke` does not load the HTTP server of `serve`. Must not know what
a command does.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol, cast

from ..errors import AiolambdaError
from . import exit_codes, files
from .interrupts import sigterm_as_interrupt
from .options import Parser

__all__ = ["main"]

_EPILOG = f"exit codes:\n{exit_codes.TABLE}"
_COMMANDS = {
    "invoke": (".invoke", "invoke a function"),
    "map": (".map", "invoke a function for every line of a file"),
    "serve": (".serve", "serve local functions behind the Lambda API"),
    "doctor": (".doctor.command", "check whether invocations can work from here, and explain problems"),
    "demo": (".demo.command", "show the features in a few seconds, without an AWS account"),
}
"""Module and summary of each command."""


class _Command(Protocol):
    """The interface of a command's module."""

    DESCRIPTION: str

    def add_options(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> int: ...


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these arguments: only the command that they name has its options."""
    parser = argparse.ArgumentParser(
        prog="aiolambda",
        description="Invoke AWS Lambda functions, and serve local functions on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    for name, (module_name, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in arguments:
            module = cast("_Command", import_module(module_name, __package__))
            command.description = module.DESCRIPTION
            module.add_options(command)
            command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Expected errors are printed to stderr, without a traceback."""
    output = files.open_standard_streams()
    with sigterm_as_interrupt():
        code = _run_and_flush(sys.argv[1:] if arguments is None else arguments, output)
    files.flush(sys.stderr)
    return code


def _run_and_flush(arguments: Sequence[str], output: files.StandardOutput) -> int:
    code = exit_codes.DONE
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError:
        if output.failure is None:
            raise
    if output.failure is None:
        return code
    files.discard(sys.stdout)
    if code == exit_codes.DONE and not isinstance(output.failure, BrokenPipeError):  # a closed pipe is not an error
        files.print_error(f"aiolambda: cannot write to standard output: {output.failure.strerror}")
        code = exit_codes.USAGE
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        options = build_parser(arguments).parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else exit_codes.USAGE
    except KeyboardInterrupt:  # while the module of the command was loaded
        files.print_error("aiolambda: interrupted: nothing was sent")
        return exit_codes.INTERRUPTED
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except AiolambdaError as error:
        files.print_error(f"aiolambda: {error}")
        return exit_codes.code_of(error)
    except KeyboardInterrupt:
        files.print_error("aiolambda: interrupted; functions that were invoked may still run")
        return exit_codes.INTERRUPTED
