"""Definitions of local functions: the name, the handler and its directory, and the limits.

Owns the notation `NAME=FILE_OR_MODULE:FUNCTION`. Must not know how a function is run: no handler is imported here, so the
runtime reports a file that does not compile.
"""

import inspect
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_whole
from ..types.mistakes import explains_arguments, kind_of
from ..types.values import is_seconds, shown

__all__ = ["LocalFunction", "function_of_callable", "parse_command", "parse_definition", "parse_target", "parse_variable"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_HANDLER = re.compile(r"(\w[\w-]*/)+[^\W\d]\w*(\.[^\W\d]\w*)+")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

DEFAULT_CONCURRENCY = 10
"""The limit of a new AWS account."""
DEFAULT_TIMEOUT = 60.0
"""Seconds. Lambda's default of 3 is too short for a handler under a debugger."""
DEFAULT_MEMORY_SIZE = 128
LONGEST_TIMEOUT = 5400.0
"""Seconds. Lambda's maximum for a function on managed instances; a synchronous call waits at most 1,800."""

_FORMS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("handler", (str,), "Lambda's Handler setting, such as 'module.function'"),
    ("root", (str, os.PathLike), "the directory of the handler, as a Path"),
    ("runtime", (tuple, list, type(None)), "a command as a tuple of strings, or None"),
    ("environment", (Mapping,), "a mapping of names to values"),
)
"""The members whose types are checked, and what they must be."""

CREDENTIAL_VARIABLES = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
"""Lambda reserves these. Here a function may have AWS credentials instead of the endpoint's."""
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_RESERVED = re.compile(
    r"AWS_(REGION|DEFAULT_REGION|ACCESS_KEY|EXECUTION_ENV)|LAMBDA_(TASK_ROOT|RUNTIME_DIR)|"
    r"AWS_LAMBDA_(FUNCTION_(NAME|VERSION|MEMORY_SIZE)|INITIALIZATION_TYPE|LOG_(GROUP|STREAM)_NAME|MAX_CONCURRENCY|RUNTIME_API)"
)
"""Source: "Working with Lambda environment variables" of the developer guide."""


@explains_arguments
@attrs.frozen(kw_only=True)
class LocalFunction:
    """A function to serve.

    ::

        LocalFunction(name="orders", handler="app.orders.handler", root=Path("src"))

    Args:
        name: The name of the function: 1 to 64 letters, digits, - and _.
        handler: Lambda's `Handler` setting, `module.function`.
        root: The directory that the handler is imported from and runs in.
        concurrency: The most runtime processes, and so of concurrent invocations. Default 10.
        timeout: The longest duration of an invocation, in seconds. Default 60.
        memory_size: The size that the function reads in its context, in MB. Default 128. It is not enforced.
        runtime: The command of another runtime client, with `{handler}` as a placeholder.
            Default `None`: the built-in Python one.
        environment: The variables of the function's configuration. Default none.
            From this program's own environment, a function inherits only the search paths of programs and modules (`PATH`,
            `HOME`, `PYTHONPATH`, ...).

    Raises:
        ConfigurationError: A value is out of its range, or a variable is one that Lambda reserves.
    """

    name: str
    """The name of the function: 1 to 64 letters, digits, - and _."""
    handler: str
    """Lambda's `Handler` setting, `module.function`."""
    root: Path
    """The directory that the handler is imported from and runs in."""
    concurrency: int = DEFAULT_CONCURRENCY
    """The most runtime processes, and so of concurrent invocations. Default 10."""
    timeout: float = DEFAULT_TIMEOUT
    """The longest duration of an invocation, in seconds. Default 60."""
    memory_size: int = DEFAULT_MEMORY_SIZE
    """The size that the function reads in its context, in MB. Default 128. It is not enforced."""
    runtime: tuple[str, ...] | None = None
    """The command of another runtime client, with `{handler}` as a placeholder. Default `None`: the built-in Python one."""
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False, repr=False)
    """The variables of the function's configuration. Default none. From this program's own environment, a function inherits
    only the search paths of programs and modules (`PATH`, `HOME`, `PYTHONPATH`, ...)."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"a function name must be 1 to 64 letters, digits, - and _; got {shown(self.name)}")
        self._check_types()
        check_whole(f"the concurrency of function {self.name!r}", self.concurrency, least=1)
        check_whole(f"the memory_size of function {self.name!r}", self.memory_size, least=1)
        if not is_seconds(self.timeout, above_zero=True) or self.timeout > LONGEST_TIMEOUT:
            limits = f"above 0 and at most {LONGEST_TIMEOUT:,.0f} seconds"
            raise ConfigurationError(f"the timeout of function {self.name!r} must be {limits}; got {shown(self.timeout)}")
        for name, value in self.environment.items():
            problem = _problem_of_variable(name, value)
            if problem is not None:
                raise ConfigurationError(f"function {self.name!r}: {problem}")

    def _check_types(self) -> None:
        for member, kinds, form in _FORMS:
            value = getattr(self, member)
            if not isinstance(value, kinds):
                raise ConfigurationError(f"the {member} of function {self.name!r} must be {form}; got {kind_of(value)}")


def _problem_of_variable(name: str, value: object) -> str | None:
    """Describe the problem without the value, which may be a secret."""
    if _VARIABLE.fullmatch(name) is None:
        return f"the name of a variable must be a letter followed by letters, digits and _; got {name!r}"
    if _RESERVED.fullmatch(name) is not None:
        return f"the variable {name} is reserved, because Lambda sets it; choose another name"
    if not isinstance(value, str) or "\0" in value:
        return f"the value of the variable {name} must be text without NUL characters"
    return None


def function_of_callable(name: str, handler: object, timeout: float) -> LocalFunction:
    """The function whose processes import a handler of this process. `ConfigurationError` if they cannot."""
    module, path = getattr(handler, "__module__", None), getattr(handler, "__qualname__", "")
    if not inspect.isfunction(handler) or not isinstance(module, str) or not path.isidentifier():
        raise ConfigurationError(
            f"the handler of {name!r} must be a function at the top of a module, so that a process can import it; "
            f"got {path or kind_of(handler)}"
        )
    file = Path(handler.__code__.co_filename)
    parts = [file.stem] if module == "__main__" else module.split(".")
    if not file.is_file() or file.stem != parts[-1]:
        raise ConfigurationError(f"the handler of {name!r} is not in a file of its module {module!r}; move it into one")
    return LocalFunction(name=name, handler=".".join([*parts, path]), root=file.parents[len(parts) - 1], timeout=timeout)


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


def parse_command(command: str) -> tuple[str, ...]:
    """Split a runtime command into words, as a shell does."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(f"cannot parse the runtime command: {error}") from None
    if not words:
        raise ConfigurationError("the runtime command is empty; write the command of a runtime client")
    return words
