"""The program `aiolambda`: parse the command line, run the command, and turn errors into messages and exit codes.

Imports only the module of the chosen command, so that `invoke` does not load the HTTP server of `serve`. Must not know what
a command does.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from ..errors import AiolambdaError
from ..version import __version__
from . import colour, exit_codes, files
from .help_texts import EPILOG, EPILOGS, USAGES
from .interrupts import InterruptedBeforeSending, sigterm_as_interrupt
from .logs import logging_to_stderr, print_traceback
from .options import Parser, add_connection_options, add_general_options, add_timeout
from .wording import in_options

__all__ = ["build_parser", "main"]

_COMMANDS: Mapping[str, tuple[str | None, str]] = {
    "invoke": (".invoke", "invoke a function"),
    "map": (".map", "invoke a function for every item of a file"),
    "fetch": (".fetch", "send a request to the URL of a function"),
    "journal": (".journal", "look at the journal of a map, and compact it"),
    "serve": (".serve.command", "serve local functions behind the Lambda API"),
    "functions": (".functions", "list the functions of the account"),
    "describe": (".describe", "show the state and the settings of a function"),
    "wait": (".wait", "wait until a function is ready"),
    "call": (".call", "call any other operation of the Lambda API"),
    "durable": (None, "start durable executions, and follow them to their end"),
    "durable start": (".durable.start", "start a durable execution"),
    "durable wait": (".durable.wait", "wait for the end of an execution, and write its result"),
    "durable describe": (".durable.describe", "show the state of an execution"),
    "durable history": (".durable.history", "write the events of an execution"),
    "durable callbacks": (".durable.callbacks", "list the callbacks that an execution waits for"),
    "durable list": (".durable.list", "list the executions of a function"),
    "durable stop": (".durable.changes:STOP", "stop an execution for good"),
    "durable pause": (".durable.changes:PAUSE", "pause an execution"),
    "durable resume": (".durable.changes:RESUME", "let a paused execution go on"),
    "durable delete": (".durable.changes:DELETE", "delete an execution that has ended"),
    "callback": (None, "answer the callbacks of durable executions"),
    "callback succeed": (".durable.answers:SUCCEED", "answer a callback with a result"),
    "callback fail": (".durable.answers:FAIL", "answer a callback with an error"),
    "callback heartbeat": (".durable.answers:HEARTBEAT", "keep a callback from expiring"),
    "doctor": (".doctor.command", "check whether invocations can work from here, and explain problems"),
    "demo": (".demo.command", "show the features in a few seconds, without an AWS account"),
    "completion": (".completion", "print the completions of bash, zsh or fish"),
}
"""Module and summary of each command. One without a module is a group of commands, whose names follow its own.

A name after a colon is that of an object in the module.
"""


_READING = frozenset(
    {"functions", "describe", "wait", "journal"}
    | {f"durable {name}" for name in ("wait", "describe", "history", "callbacks", "list")}
)
"""The commands that change nothing."""
_STILL_RUNNING = {
    **dict.fromkeys(("invoke", "map", "fetch"), "; functions that were invoked may still run"),
    "doctor": "; no function was invoked",
    **dict.fromkeys(
        ("call", "durable stop", "durable pause", "durable resume", "durable delete"),
        "; the operation may have been carried out",
    ),
    "durable start": "; the execution may have been started, and goes on",
    "durable wait": "; the execution goes on",
    **dict.fromkeys(("callback succeed", "callback fail"), "; the callback may have been answered"),
}
"""What an interruption of a command leaves behind."""


class _Command(Protocol):
    """The interface of a command: a module, or an object in one."""

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
    commands = parser.add_commands()
    groups = {"": commands}
    for name, (module_name, summary) in _COMMANDS.items():
        group, _, last = name.rpartition(" ")
        usage = f"aiolambda {name} {USAGES.get(name, '[options]')}"
        command = groups[group].add_parser(last, help=summary, usage=usage, epilog=EPILOGS[name], early=early)
        if module_name is None:
            command.description = f"{summary[0].upper()}{summary[1:]}. 'aiolambda {name} COMMAND --help' says more."
            groups[name] = command.add_commands()
        elif arguments is None or set(name.split()).issubset(arguments):
            module = _command_of(module_name)
            command.description = module.DESCRIPTION
            module.add_options(command)
            add_general_options(command)
            command.set_defaults(run=module.run, command=name)
    help = commands.add_parser(
        "help", help="show the help of a command", usage="aiolambda help [COMMAND]", epilog=EPILOGS["help"]
    )
    topics, subtopics = (
        dict.fromkeys(name.split(" ")[place] for name in _COMMANDS if name.count(" ") >= place) for place in (0, 1)
    )
    help.add_argument("topic", nargs="?", metavar="COMMAND", choices=tuple(topics), help="name of the command")
    help.add_argument("subtopic", nargs="?", metavar="COMMAND", choices=tuple(subtopics), help="name of one in its group")
    add_connection_options(parser)
    add_timeout(parser, "time limit; each command says of what")
    add_general_options(parser)
    parser.suppress_defaults()
    return parser


def _command_of(place: str) -> _Command:
    module_name, _, name = place.partition(":")
    module = import_module(module_name, __package__)
    return cast("_Command", getattr(module, name) if name else module)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments. Help, the version and usage errors raise `SystemExit`."""
    early = argparse.Namespace()
    parser = _build(arguments, early)
    if not arguments:
        summaries = "\n".join(f"  {name:<12}{summary}" for name, (_, summary) in _COMMANDS.items() if " " not in name)
        files.print_error(f"{parser.format_usage()}\ncommands:\n{summaries}\n\naiolambda help [COMMAND] says more.")
        raise SystemExit(exit_codes.USAGE)
    options = parser.parse_args(arguments, early)
    if "topic" in options:
        topic = [name for name in (options.topic, options.subtopic) if name is not None]
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
