"""Which functions an endpoint serves: a name, where the handler is, and the limits it runs under.

Owns the notation `NAME=FILE_OR_MODULE:FUNCTION` and what it means. Must not know how a function is run: nothing is imported
here, so a file that does not compile is the runtime's to report.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_whole
from ..types.values import is_seconds, shown

__all__ = ["LocalFunction", "parse_command", "parse_definition", "parse_target", "parse_variable"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_HANDLER = re.compile(r"(\w[\w-]*/)+[^\W\d]\w*(\.[^\W\d]\w*)+")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

DEFAULT_CONCURRENCY = 10
"""What a new AWS account has."""
DEFAULT_TIMEOUT = 60.0
"""Seconds. Lambda's own default is 3: too short for a handler with a debugger in it."""
DEFAULT_MEMORY_SIZE = 128
LONGEST_TIMEOUT = 5400.0
"""Seconds. Lambda takes as much for a function on managed instances; a synchronous call waits 1,800."""

KEYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
"""Reserved on Lambda. Here a function may be given keys of AWS in place of those of the endpoint."""
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_RESERVED = re.compile(
    r"AWS_(REGION|DEFAULT_REGION|ACCESS_KEY|EXECUTION_ENV)|LAMBDA_(TASK_ROOT|RUNTIME_DIR)|"
    r"AWS_LAMBDA_(FUNCTION_(NAME|VERSION|MEMORY_SIZE)|INITIALIZATION_TYPE|LOG_(GROUP|STREAM)_NAME|MAX_CONCURRENCY|RUNTIME_API)"
)
"""Source: "Working with Lambda environment variables" of the developer guide."""


@attrs.frozen(kw_only=True)
class LocalFunction:
    """A function to serve.

    `handler` is Lambda's `Handler` setting (`module.function`), `root` the directory it is imported from and run in,
    `concurrency` how many runtime processes it may have, `timeout` the longest an invocation may take, in seconds.
    `memory_size` (MB) is what the function is told; nothing enforces it. `runtime` is the command of another runtime
    client, in which `{handler}` stands for the handler; `None` is the built-in one for Python. `environment` are the
    variables of the function's configuration; of this program's own environment a function finds no others than the places
    of programs and modules.
    """

    name: str
    handler: str
    root: Path
    concurrency: int = DEFAULT_CONCURRENCY
    timeout: float = DEFAULT_TIMEOUT
    memory_size: int = DEFAULT_MEMORY_SIZE
    runtime: tuple[str, ...] | None = None
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"a function's name is 1 to 64 letters, digits, - and _; got {shown(self.name)}")
        check_whole(f"the concurrency of function {self.name!r}", self.concurrency, least=1)
        check_whole(f"the memory_size of function {self.name!r}", self.memory_size, least=1)
        if not is_seconds(self.timeout, above_zero=True) or self.timeout > LONGEST_TIMEOUT:
            limits = f"above 0 and at most {LONGEST_TIMEOUT:,.0f} seconds"
            raise ConfigurationError(f"function {self.name!r} needs a timeout {limits}; got {shown(self.timeout)}")
        for name, value in self.environment.items():
            fault = _fault_of_variable(name, value)
            if fault is not None:
                raise ConfigurationError(f"function {self.name!r}: {fault}")


def _fault_of_variable(name: str, value: object) -> str | None:
    """The value is not shown: it may be a secret."""
    if _VARIABLE.fullmatch(name) is None:
        return f"the name of a variable is a letter, then letters, digits and _; got {name!r}"
    if _RESERVED.fullmatch(name) is not None:
        return f"the variable {name} is reserved, because Lambda sets it; choose another name"
    if not isinstance(value, str) or "\0" in value:
        return f"the value of the variable {name} must be text without NUL characters"
    return None


def parse_variable(text: str, surroundings: Mapping[str, str]) -> tuple[str, str]:
    """`NAME=VALUE` as name and value; for `NAME` alone the value is that of the surroundings."""
    name, equals, value = text.partition("=")
    if not equals and name not in surroundings:
        raise ConfigurationError(f"the variable {name!r} is not set here; set it, or write NAME=VALUE")
    return name, value if equals else surroundings[name]


def parse_definition(text: str) -> tuple[str, str]:
    """`NAME=TARGET` as name and target."""
    name, equals, target = text.partition("=")
    if not equals or not name or not target:
        raise ConfigurationError(f"{text!r} does not define a function; write NAME=FILE_OR_MODULE:FUNCTION")
    return name, target


def parse_target(target: str, directory: Path) -> tuple[str, Path]:
    """`FILE_OR_MODULE:FUNCTION` as Lambda's handler setting and the directory that it is found in.

    A file is taken relative to `directory` and imported from its own; a module is imported from `directory`, or from
    wherever Python finds it. Lambda's own notation, `PATH/MODULE.FUNCTION`, stays as it is and starts at `directory`.
    """
    if _is_handler(target, directory):
        return target, directory.resolve()
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


def _is_handler(target: str, directory: Path) -> bool:
    """Whether this names a module in a folder, and a function of it, as Lambda does; a file without a function does not."""
    place = directory / target
    if _HANDLER.fullmatch(target) is None or place.is_file():
        return False
    module = place.with_name(place.name.partition(".")[0])
    return module.is_dir() or any(module.parent.glob(f"{module.name}.*"))


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
