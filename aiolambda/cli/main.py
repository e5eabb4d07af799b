"""The program `aiolambda`: its commands, and how each way to end becomes an exit code.

Owns the parsing of the command line and the last word on errors. Must not know what a command does.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from ..errors import AiolambdaError
from . import exit_codes, files, invoke, serve
from . import map as map_command
from .demo import command as demo
from .doctor import command as doctor
from .interrupts import terminated_as_interrupted
from .options import Parser

__all__ = ["main"]

_EXIT_CODES = f"exit codes:\n{exit_codes.TABLE}"
_COMMANDS = {"invoke": invoke, "map": map_command, "serve": serve, "doctor": doctor, "demo": demo}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aiolambda",
        description="Invoke AWS Lambda functions, and serve your own on this machine.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; an error that was to be expected is one text on stderr."""
    output = files.prepare()
    with terminated_as_interrupted():
        code = _run_and_flush(arguments, output)
    files.settle(sys.stderr)
    return code


def _run_and_flush(arguments: Sequence[str] | None, output: files.Output) -> int:
    code = exit_codes.DONE
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError:
        if output.failure is None:
            raise
    if output.failure is None:
        return code
    files.let_go_of(sys.stdout)
    if code == exit_codes.DONE and not isinstance(output.failure, BrokenPipeError):  # a reader who has gone wants no more of it
        files.tell(f"aiolambda: cannot write to standard output: {output.failure.strerror}")
        code = exit_codes.USAGE
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else exit_codes.USAGE
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except AiolambdaError as error:
        files.tell(f"aiolambda: {error}")
        return exit_codes.code_of(error)
    except KeyboardInterrupt:
        files.tell("aiolambda: interrupted; what was sent may still run")
        return exit_codes.INTERRUPTED
