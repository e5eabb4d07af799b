"""The parser of all commands: short messages for wrong arguments with the nearest right one, and help that wraps.

Law: no message repeats an argument that may be a payload or a secret. Must not know the commands and their options.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol, cast

from ..types import mistakes
from . import exit_codes, files

__all__ = ["Commands", "Formatter", "Parser", "nearest", "text"]

_HINTS = {"-p": "a payload follows -p", "-f": "a file follows -f", "--function": "the function follows --function"}
"""By option: how to write an argument too many, in a command that has this option."""
_VERIFIED = ("--ca-bundle", "--ca-bundle FILE trusts certificates of your own; TLS is always verified")
_OF_OTHERS = {
    "--cli-connect-timeout": ("--connect-timeout", "write --connect-timeout"),
    "--cli-read-timeout": ("--timeout", "write --timeout, which bounds the whole call"),
    "--insecure": _VERIFIED,
    "--no-verify": _VERIFIED,
    "--no-verify-ssl": _VERIFIED,
}
"""Options of the AWS CLI and of curl: our option, and what to write instead."""
_INVALID_CHOICE = re.compile(
    r"(?P<start>.*invalid choice: '(?P<wrong>.*)') \((?:choose from|maybe you meant:) (?P<choices>.*)\)", re.DOTALL
)

_SYNONYMS: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(words.split()), option)
    for words, option in (
        ("data event body", "--payload"),
        ("in input items infile in-file input-file data event payload payload-file", "--file"),
        ("in input infile in-file input-file file", "--payload-file"),
        ("out outfile out-file results", "--output"),
        ("workers parallel parallelism jobs threads max-workers max-parallel j", "--concurrency"),
        ("resume continue checkpoint state state-file", "--journal"),
        ("errors error-file failures failures-file", "--failed"),
        ("retry retries max-retries", "--retry-function-errors"),
        ("async invocation-type", "--event"),
        ("async event", "--invocation-type"),
        ("endpoint url", "--endpoint-url"),
        ("logs log", "--tail"),
        ("filter jmespath", "--query"),
        ("format", "--output"),
    )
)
"""What people call an option. The first option that the command has is the one that is meant."""
_NAMES = frozenset(("function-name", "function", "name", "fn"))


class Formatter(argparse.HelpFormatter):
    """Wraps paragraphs at the terminal's width. Indented lines, such as examples and tables, stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        blocks = [
            block
            if block.startswith(" ") or "\n " in block
            else textwrap.fill(block, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
            for block in text.strip("\n").split("\n\n")
        ]
        return "\n\n".join(blocks)


class Commands(Protocol):
    """The commands of a parser."""

    def add_parser(self, name: str, **settings: Any) -> "Parser":
        """Add a command."""
        ...


class Parser(argparse.ArgumentParser):
    """A parser whose options have the type `text` by default, and no abbreviations.

    `early` has the options that were written before the command. They become defaults, so an option after it wins.
    """

    def __init__(self, *args: Any, early: argparse.Namespace | None = None, **settings: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, "formatter_class": Formatter, **settings})
        self.register("type", None, text)
        self.color = False  # Python 3.14 colours help itself, and does not know --color
        self._positionals.title = "arguments"
        self._early = early
        self._has_commands = False

    def add_commands(self) -> "Commands":
        """Take commands, one of which must be given. Each is a parser of this class."""
        commands = self.add_subparsers(title="commands", required=True, metavar="COMMAND", prog=self.prog, parser_class=Parser)
        commands.type = str  # gets all arguments of the command, which checks them itself
        self._has_commands = True
        return commands

    def every_action(self) -> Iterator[argparse.Action]:
        """The options and arguments of this parser and of its commands."""
        for action in self._actions:
            yield action
            commands = cast("object", action.choices)
            if isinstance(commands, Mapping):
                for parser in cast("Mapping[str, Parser]", commands).values():
                    yield from parser.every_action()

    def has_option(self, name: str) -> bool:
        """Whether the parser has this option."""
        return name in self._option_string_actions

    def suppress_defaults(self) -> None:
        """Leave options that were not given out of the namespace."""
        for action in self._actions:
            action.default = argparse.SUPPRESS

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - the base class has overloads
        self, args: Any = None, namespace: Any = None
    ) -> Any:
        """Parse like the base class. An unknown argument is an error of the parser that met it, not of the outermost one."""
        early: dict[str, object] = {} if self._early is None else vars(self._early)
        known = {action.dest for action in self._actions}
        for name in early:
            if name not in known and not self._has_commands:
                self.error(f"this command has no option --{name.replace('_', '-')}")
        self.set_defaults(**early)
        found, extras = super().parse_known_args(args, namespace)
        if extras:
            self._refuse(extras)
        return found, extras

    def error(self, message: str) -> NoReturn:
        """Print one line of usage and one of error, and stop with the exit code of usage errors."""
        if match := _INVALID_CHOICE.fullmatch(message):
            choices = re.findall(r"[\w-]+", match["choices"])
            close = nearest(match["wrong"], choices)
            message = f"{match['start']}; {close or 'choose from ' + ', '.join(choices)}"
        files.print_error(f"{self.format_usage()}{self.prog}: error: {message}")
        sys.exit(exit_codes.USAGE)

    def _option_with_choice(self, name: str) -> str:
        """The question "did you mean ...?" with the option and its choice of this name: `--event`; empty if there is none."""
        for action in self._actions:
            choice = mistakes.nearest(name, map(str, action.choices or ()), likeness=1.0)
            if action.option_strings and choice is not None:
                return f"did you mean {action.option_strings[-1]} {choice}?"
        return ""

    def _refuse(self, extras: Sequence[str]) -> NoReturn:
        options = [extra for extra in extras if extra.startswith("-")]
        if not options:
            known = self._option_string_actions
            hints = [hint for option, hint in _HINTS.items() if option in known]
            self.error(f"too many arguments{': ' if hints else ''}{', '.join(hints)}")
        first = options[0]
        name = first.partition("=")[0] if first.startswith("--") else first[:2]
        close = self._meant(name)
        self.error(f"unknown option {name}" + (f"; {close}" if close else ""))

    def _meant(self, name: str) -> str:
        """The hint for an unknown option; empty if nothing is near: a wrong hint does more harm than none."""
        known, word = self._option_string_actions, name.lstrip("-").lower().replace("_", "-")
        if word in _NAMES and any(action.dest == "function_name" for action in self._actions):
            return "the name of the function is an argument, without an option"
        ours, hint = _OF_OTHERS.get(name, ("", ""))
        if close := hint if ours in known else self._option_with_choice(name):
            return close
        synonym = next((option for words, option in _SYNONYMS if word in words and option in known), None)
        return f"did you mean {synonym}?" if synonym else nearest(name, known)


def nearest(wrong: str, choices: Iterable[str]) -> str:
    """The question "did you mean ...?" with the nearest choice; empty if none is near."""
    found = mistakes.nearest(wrong, choices)
    return f"did you mean {found}?" if found else ""


def text(value: str) -> str:
    """Check that the value is text. Python represents bytes that are not UTF-8 as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("the value contains bytes that are not UTF-8") from None
    return value
