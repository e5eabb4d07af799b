"""The notations of a function on the command line: its name and handler, its versions and aliases, its variables, ...

Must not know how a function is run: no handler is imported here, so the runtime reports a file that does not compile.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigurationError
from .routing import LATEST

__all__ = [
    "parse_alias",
    "parse_command",
    "parse_definition",
    "parse_destination",
    "parse_target",
    "parse_variable",
    "parse_version",
]

_HANDLER = re.compile(r"(\w[\w-]*/)+[^\W\d]\w*(\.[^\W\d]\w*)+")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def parse_variable(text: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Split `NAME=VALUE`; for `NAME` alone, take the value from `environment`."""
    name, equals, value = text.partition("=")
    if not equals and name not in environment:
        raise ConfigurationError(f"the variable {name!r} is not set here; set it, or write NAME=VALUE")
    return name, value if equals else environment[name]


def parse_definition(text: str) -> tuple[str, str]:
    """Split `NAME=TARGET`."""
    name, equals, target = text.partition("=")
    if not equals or not name or not target:
        raise ConfigurationError(f"{text!r} does not define a function; write NAME=FILE_OR_MODULE:FUNCTION")
    return name, target


def parse_target(target: str, directory: Path) -> tuple[str, Path]:
    """Convert `FILE_OR_MODULE:FUNCTION` to Lambda's handler setting and the directory to import it from.

    A file is relative to `directory` and imported from its own folder. A module is imported from `directory`, or from
    Python's search path. Lambda's own notation, `FOLDER/MODULE.FUNCTION`, is returned unchanged, relative to `directory`.
    """
    if _is_lambda_notation(target, directory):
        return target, directory.resolve()
    source, colon, function = target.rpartition(":")
    if not colon or not source or not function.isidentifier():
        raise ConfigurationError(f"{target!r} does not name a handler; write FILE_OR_MODULE:FUNCTION")
    path = directory / source
    if path.is_file():
        file = path.resolve()
        if "." in file.stem:
            raise ConfigurationError(f"Lambda cannot import {file.name!r}: rename the file, without a dot before the suffix")
        return f"{file.stem}.{function}", file.parent
    if source.endswith(".py") or "/" in source:
        raise ConfigurationError(f"no file {str(path)!r} for the handler {function!r}; write the path of an existing file")
    if _MODULE.fullmatch(source) is None:
        raise ConfigurationError(f"{source!r} is neither a file nor a module name; write FILE_OR_MODULE:FUNCTION")
    return f"{source}.{function}", directory.resolve()


def _is_lambda_notation(target: str, directory: Path) -> bool:
    """Whether the target is `FOLDER/MODULE.FUNCTION`, and the module exists. A file without a function is not."""
    path = directory / target
    if _HANDLER.fullmatch(target) is None or path.is_file():
        return False
    module = path.with_name(path.name.partition(".")[0])
    return module.is_dir() or any(module.parent.glob(f"{module.name}.*"))


def parse_version(text: str) -> tuple[str, str, str]:
    """Split `NAME:NUMBER=FOLDER`."""
    qualified, _, folder = text.partition("=")
    name, _, number = qualified.partition(":")
    if not (name and number and folder):
        raise ConfigurationError(f"{text!r} does not define a version; write NAME:NUMBER=FOLDER")
    return name, number, folder


def parse_alias(text: str) -> tuple[str, str, str | dict[str, float]]:
    """Split `NAME:ALIAS`, which leads to `$LATEST`, `NAME:ALIAS=VERSION`, and `NAME:ALIAS=VERSION:SHARE,VERSION:SHARE`."""
    qualified, equals, target = text.partition("=")
    name, _, alias = qualified.partition(":")
    problem = f"{text!r} does not define an alias; write NAME:ALIAS, NAME:ALIAS=VERSION, or NAME:ALIAS=VERSION:SHARE,..."
    if not name or not alias or (equals and not target):
        raise ConfigurationError(problem)
    if ":" not in target:
        return name, alias, target or LATEST
    shares: dict[str, float] = {}
    for part in target.split(","):
        version, _, share = part.partition(":")
        try:
            shares[version] = float(share)
        except ValueError:
            raise ConfigurationError(problem) from None
    return name, alias, shares


def parse_destination(text: str, directory: Path) -> Path | str:
    """The file of `file:PATH`, relative to `directory`, or the name of `function:NAME`."""
    kind, _, target = text.partition(":")
    if kind not in {"file", "function"} or not target:
        raise ConfigurationError(
            f"{text!r} is no destination; write file:PATH for lines of JSON, or function:NAME for a function of the endpoint"
        )
    return directory / target if kind == "file" else target


def parse_command(command: str) -> tuple[str, ...]:
    """Split a runtime command into words, as a shell does."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(f"cannot parse the runtime command: {error}") from None
    if not words:
        raise ConfigurationError("the runtime command is empty; write the command of a runtime client")
    return words
