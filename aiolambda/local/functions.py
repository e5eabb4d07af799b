"""Which functions an endpoint serves: a name, where the handler is, and the limits it runs under.

Owns the notation `NAME=FILE_OR_MODULE:FUNCTION` and what it means. Must not know how a function is run: nothing is imported
here, so a file that does not compile is the runtime's to report.
"""

import re
import shlex
from pathlib import Path

import attrs

from ..errors import ConfigurationError

__all__ = ["LocalFunction", "parse_command", "parse_definition", "parse_target"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

DEFAULT_CONCURRENCY = 10
"""What a new AWS account has."""
DEFAULT_TIMEOUT = 60.0
"""Seconds. Lambda's own default is 3: too short for a handler with a debugger in it."""
DEFAULT_MEMORY_SIZE = 128


@attrs.frozen(kw_only=True)
class LocalFunction:
    """A function to serve.

    `handler` is Lambda's `Handler` setting (`module.function`), `root` the directory it is imported from and run in,
    `concurrency` how many runtime processes it may have, `timeout` the longest an invocation may take, in seconds.
    `memory_size` (MB) is what the function is told; nothing enforces it. `runtime` is the command of another runtime
    client, in which `{handler}` stands for the handler; `None` is the built-in one for Python.
    """

    name: str
    handler: str
    root: Path
    concurrency: int = DEFAULT_CONCURRENCY
    timeout: float = DEFAULT_TIMEOUT
    memory_size: int = DEFAULT_MEMORY_SIZE
    runtime: tuple[str, ...] | None = None

    def __attrs_post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ConfigurationError(f"a function's name is 1 to 64 letters, digits, - and _; got {self.name!r}")
        if self.concurrency < 1:
            raise ConfigurationError(f"function {self.name!r} needs a concurrency of at least 1; got {self.concurrency}")
        if not self.timeout > 0:
            raise ConfigurationError(f"function {self.name!r} needs a timeout above 0 seconds; got {self.timeout}")


def parse_definition(text: str) -> tuple[str, str]:
    """`NAME=TARGET` as name and target."""
    name, equals, target = text.partition("=")
    if not equals or not name or not target:
        raise ConfigurationError(f"{text!r} does not define a function; write NAME=FILE_OR_MODULE:FUNCTION")
    return name, target


def parse_target(target: str, directory: Path) -> tuple[str, Path]:
    """`FILE_OR_MODULE:FUNCTION` as Lambda's handler setting and the directory that it is found in.

    A file is taken relative to `directory` and imported from its own; a module is imported from `directory`, or from
    wherever Python finds it.
    """
    place, colon, function = target.rpartition(":")
    if not colon or not place or not function.isidentifier():
        raise ConfigurationError(f"{target!r} does not name a handler; write FILE_OR_MODULE:FUNCTION")
    path = directory / place
    if path.is_file():
        return _handler_in_file(path.resolve(), function)
    if place.endswith(".py") or "/" in place:
        raise ConfigurationError(f"there is no file {str(path)!r} to take the handler {function!r} from")
    if _MODULE.fullmatch(place) is None:
        raise ConfigurationError(f"{place!r} is neither a file nor the name of a module")
    return f"{place}.{function}", directory.resolve()


def _handler_in_file(path: Path, function: str) -> tuple[str, Path]:
    if "." in path.stem:
        raise ConfigurationError(f"Lambda cannot import {path.name!r}: a dot in the name of the file parts packages")
    return f"{path.stem}.{function}", path.parent


def parse_command(command: str) -> tuple[str, ...]:
    """The words of a runtime command, as a shell parts them."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(f"the runtime command cannot be read: {error}") from None
    if not words:
        raise ConfigurationError("the runtime command is empty")
    return words
