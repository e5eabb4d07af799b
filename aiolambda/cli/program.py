"""The program `aiolambda`: parse the command line, run the command, and turn errors into messages and exit codes.

Imports only the module of the chosen command, so that `invoke` does not load the HTTP server of `serve`. Must not know what
a command does.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol, cast

from ..errors import AiolambdaError
from ..version import __version__
from . import colour, exit_codes, files
from .help_texts import EPILOG, EPILOGS, USAGES
from .interrupts import InterruptedBeforeSending, sigterm_as_interrupt
from .logs import logging_to_stderr, print_traceback
from .options import Parser, add_connection_options, add_general_options, add_timeout, file_name
from .wording import in_options

__all__ = ["build_parser", "main"]

_COMMANDS = {
    "invoke": (".invoke", "invoke a function"),
    "map": (".map", "invoke a function for every line of a file"),
    "serve": (".serve.command", "serve local functions behind the Lambda API"),
    "functions": (".functions", "list the functions of the account"),
    "describe": (".describe", "show the state and the settings of a function"),
    "wait": (".wait", "wait until a function is ready"),
    "call": (".call", "call any other operation of the Lambda API"),
    "doctor": (".doctor.command", "check whether invocations can work from here, and explain problems"),
    "demo": (".demo.command", "show the features in a few seconds, without an AWS account"),
    "completion": (".completion", "print the completions of bash, zsh or fish"),
}
"""Module and summary of each command."""


_READING = ("functions", "describe", "wait")
"""The commands that change nothing."""
_STILL_RUNNING = {
    **dict.fromkeys(("invoke", "map"), "; functions that were invoked may still run"),
    "doctor": "; no function was invoked",
    "call": "; the operation may have been carried out",
}
"""What an interruption of a command leaves behind."""


class _Command(Protocol):
    """The interface of a command's module."""

    DESCRIPTION: str

    def add_options(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> int: ...


def build_parser(arguments: Sequence[str] | None = None) -> Parser:
    """The parser. With arguments, only the command that they name has its options, and so only its module is loaded."""
    return _build(arguments, argparse.Namespace())


def _build(arguments: Sequence[str] | None, early: argparse.Namespace) -> Parser:
    parser = Parser(
        prog="aiolambda",
        usage="%(prog)s [options] COMMAND ...",
        description="Invoke AWS Lambda functions, and serve local functions on this machine.",
        epilog=EPILOG,
    )
    version = f"%(prog)s {__version__} (Python {platform.python_version()})"
    parser.add_argument("--version", action="version", version=version, help="print the version, and stop")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", prog="aiolambda", parser_class=Parser)
    commands.type = file_name  # gets all arguments of the command, which checks them itself
    for name, (module_name, summary) in _COMMANDS.items():
        usage = f"aiolambda {name} {USAGES.get(name, '[options]')}"
        command = commands.add_parser(name, help=summary, usage=usage, epilog=EPILOGS[name], early=early)
        if arguments is None or name in arguments:
            module = cast("_Command", import_module(module_name, __package__))
            command.description = module.DESCRIPTION
            module.add_options(command)
            add_general_options(command)
            command.set_defaults(run=module.run, command=name)
    help = commands.add_parser(
        "help", help="show the help of a command", usage="aiolambda help [COMMAND]", epilog=EPILOGS["help"]
    )
    help.add_argument("topic", nargs="?", metavar="COMMAND", choices=tuple(_COMMANDS), help="name of the command")
    add_connection_options(parser)
    add_timeout(parser, "time limit; each command says of what")
    add_general_options(parser)
    parser.suppress_defaults()
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments. Help, the version and usage errors raise `SystemExit`."""
    early = argparse.Namespace()
    parser = _build(arguments, early)
    if not arguments:
        summaries = "\n".join(f"  {name:<12}{summary}" for name, (_, summary) in _COMMANDS.items())
        files.print_error(f"{parser.format_usage()}\ncommands:\n{summaries}\n\naiolambda help [COMMAND] says more.")
        raise SystemExit(exit_codes.USAGE)
    options = parser.parse_args(arguments, early)
    if "topic" in options:
        topic = [] if options.topic is None else [options.topic]
        return _parse([*topic, "--help"])
    return options


def main(arguments: Sequence[str] | None = None, *, on_loaded: Callable[[], object] | None = None) -> int:
    """Run one command and return its exit code. Expected errors are printed to stderr, without a traceback.

    `on_loaded` is called before the command runs.
    """
    output = files.open_standard_streams()
    with sigterm_as_interrupt() as received:
        code = _run_and_flush(sys.argv[1:] if arguments is None else arguments, output, on_loaded)
    files.flush(sys.stderr)
    return received.code if code == exit_codes.INTERRUPTED else code


def _run_and_flush(arguments: Sequence[str], output: files.StandardOutput, on_loaded: Callable[[], object] | None) -> int:
    code = exit_codes.DONE
    try:
        code = _run(arguments, on_loaded)
        sys.stdout.flush()
    except OSError:
        if output.failure is None:
            raise
    if output.failure is None:
        return code
    files.discard(sys.stdout)
    if code == exit_codes.DONE and not isinstance(output.failure, BrokenPipeError):  # a closed pipe is not an error
        files.print_error(f"aiolambda: cannot write to standard output: {output.failure.strerror}", is_failure=True)
        code = exit_codes.USAGE
    return code


def _run(arguments: Sequence[str], on_loaded: Callable[[], object] | None) -> int:
    try:
        options = _parse(arguments)
        options.arguments = arguments
        if on_loaded is not None:
            on_loaded()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else exit_codes.USAGE
    except KeyboardInterrupt:  # while the module of the command was loaded
        files.print_error("aiolambda: interrupted: nothing was sent")
        return exit_codes.INTERRUPTED
    colour.set_mode(options.color)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        with logging_to_stderr(is_verbose=options.verbose, is_debug=options.debug):
            return run(options)
    except AiolambdaError as error:
        if options.debug:
            print_traceback(error)
        files.print_error(f"aiolambda: {in_options(str(error))}", is_failure=True)
        return exit_codes.code_of(error, reads=options.command in _READING)
    except InterruptedBeforeSending:
        files.print_error("aiolambda: interrupted: nothing was sent")
        return exit_codes.INTERRUPTED
    except KeyboardInterrupt:
        files.print_error(f"aiolambda: interrupted{_STILL_RUNNING.get(options.command, '')}")
        return exit_codes.INTERRUPTED
