"""Definitions of local functions: the name, the handler and its directory, versions and aliases, limits, configuration.

Must not know how a function is run: no handler is imported here, so the runtime reports a file that does not compile.
"""

import inspect
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import attrs

from ..emulation.url_config import FunctionUrl
from ..errors import ConfigurationError
from ..errors.checks import check_whole
from ..types.mistakes import explains_arguments, kind_of
from ..types.values import is_seconds, shown
from .durable_config import DurableConfig
from .event_config import EventInvokeConfig
from .routing import Route, problem_of_route, route_of

__all__ = ["LocalFunction", "function_of_callable"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_VERSION = re.compile(r"[1-9][0-9]{0,15}")
_ALIAS = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9_-]{1,128}")

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
    ("layers", (tuple, list), "a sequence of folders, as Paths"),
    ("versions", (Mapping,), "a mapping of version numbers to folders, such as {'1': Path('build/1')}"),
    ("aliases", (Mapping,), "a mapping of aliases to versions, such as {'live': '1'}"),
    ("events", (EventInvokeConfig,), "an EventInvokeConfig"),
    ("url", (FunctionUrl, type(None)), "a FunctionUrl, or None"),
    ("durable", (bool, DurableConfig), "True, False or a DurableConfig"),
)
"""The members whose types are checked, and what they must be."""

_CHOICES: Mapping[str, tuple[object, ...]] = {
    "log_format": ("Text", "JSON"),
    "log_level": (None, "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
    "tenant_isolation": (None, True, False),
    "recursive_loop": ("Terminate", "Allow"),
}
"""The members that have a few values only."""

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
        handler: Lambda's `Handler` setting, `module.function` or `folder/module.function`.
        root: The directory that the handler is imported from and runs in.
        concurrency: The reserved concurrency: the most concurrent invocations, and so runtime processes. Default 10.
            With 0, every invocation is throttled.
        timeout: The longest duration of an invocation, in seconds. Default 60.
        memory_size: The size that the function reads in its context, in MB. Default 128. It is not enforced.
        runtime: The command of another runtime client, with `{handler}` as a placeholder.
            Default `None`: the built-in Python one.
        environment: The variables of the function's configuration. Default none.
            From this program's own environment, a function inherits only the search paths of programs and modules (`PATH`,
            `HOME`, `PYTHONPATH`, ...).
        layers: The folders of layers, the lowest first. Their `python`, `nodejs`, `bin` and `lib` are searched as on Lambda.
            Default none.
        log_format: `"Text"` or `"JSON"`. Default `"Text"`.
        log_level: The lowest level of the records that the function logs. Default `None`: Python's, or `INFO` with JSON.
        versions: The published versions: the number of each, and the folder with its code. Default none: `$LATEST` alone.
        aliases: The aliases: the name of each and its version, or its versions with their shares. Default none.
        tenant_isolation: Whether calls must have a tenant id; each tenant then has processes of its own.
            `False` refuses tenant ids. Default `None`: a call may have one.
        durable: `DurableConfig(...)` runs each call as a durable execution, with checkpoints, waits and callbacks.
            `True` gives each call the name and the ARN of one, and runs the handler once. Default `False`.
        recursive_loop: `"Terminate"` stops a function that invokes itself without end, `"Allow"` lets it go on.
            Default `"Terminate"`.
        events: What becomes of an `Event`: retries, age limit, destinations. Default `EventInvokeConfig()`.
        url: The configuration of the function URL. Default `None`: `FunctionUrl()`, which the API does not tell.

    Raises:
        ConfigurationError: A value is out of its range, or a variable is one that Lambda reserves.
    """

    name: str
    """The name of the function: 1 to 64 letters, digits, - and _."""
    handler: str
    """Lambda's `Handler` setting, `module.function` or `folder/module.function`."""
    root: Path
    """The directory that the handler is imported from and runs in."""
    concurrency: int = DEFAULT_CONCURRENCY
    """The reserved concurrency: the most concurrent invocations, and so runtime processes. Default 10."""
    timeout: float = DEFAULT_TIMEOUT
    """The longest duration of an invocation, in seconds. Default 60."""
    memory_size: int = DEFAULT_MEMORY_SIZE
    """The size that the function reads in its context, in MB. Default 128. It is not enforced."""
    runtime: tuple[str, ...] | None = None
    """The command of another runtime client, with `{handler}` as a placeholder. Default `None`: the built-in Python one."""
    environment: Mapping[str, str] = attrs.field(factory=dict[str, str], hash=False, repr=False)
    """The variables of the function's configuration. Default none. From this program's own environment, a function inherits
    only the search paths of programs and modules (`PATH`, `HOME`, `PYTHONPATH`, ...)."""
    layers: Sequence[Path] = ()
    """The folders of layers, the lowest first. Default none."""
    log_format: Literal["Text", "JSON"] = "Text"
    """`"Text"` or `"JSON"`. Default `"Text"`."""
    log_level: str | None = None
    """The lowest level of the records that the function logs. Default `None`: Python's, or `INFO` with JSON."""
    versions: Mapping[str, Path] = attrs.field(factory=dict[str, Path], hash=False)
    """The published versions: the number of each, and the folder with its code. Default none."""
    aliases: Mapping[str, str | Mapping[str, float]] = attrs.field(factory=dict[str, "str | Mapping[str, float]"], hash=False)
    """The aliases: the name of each and its version, or its versions with their shares. Default none."""
    tenant_isolation: bool | None = None
    """Whether calls must have a tenant id. `False` refuses tenant ids. Default `None`: a call may have one."""
    durable: bool | DurableConfig = False
    """`DurableConfig(...)` runs each call as a durable execution. `True` only names one for each call. Default `False`."""
    recursive_loop: Literal["Terminate", "Allow"] = "Terminate"
    """`"Terminate"` stops a function that invokes itself without end, `"Allow"` lets it go on. Default `"Terminate"`."""
    events: EventInvokeConfig = attrs.field(factory=EventInvokeConfig, hash=False)
    """What becomes of an `Event`: retries, age limit, destinations. Default `EventInvokeConfig()`."""
    url: FunctionUrl | None = attrs.field(default=None, hash=False)
    """The configuration of the function URL. Default `None`: `FunctionUrl()`, which the API does not tell."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or _NAME.fullmatch(self.name) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"a function name must be 1 to 64 letters, digits, - and _; got {shown(self.name)}")
        self._check_types()
        check_whole(f"the concurrency of function {self.name!r}", self.concurrency, least=0)
        check_whole(f"the memory_size of function {self.name!r}", self.memory_size, least=1)
        if not is_seconds(self.timeout, above_zero=True) or self.timeout > LONGEST_TIMEOUT:
            limits = f"above 0 and at most {LONGEST_TIMEOUT:,.0f} seconds"
            raise ConfigurationError(f"the timeout of function {self.name!r} must be {limits}; got {shown(self.timeout)}")
        problem = next(filter(None, self._problems()), None)
        if problem is not None:
            raise ConfigurationError(f"function {self.name!r}: {problem}")

    def folder_of(self, version: str) -> Path:
        """The folder with the code of a version, as an absolute path.

        Args:
            version: A version number, or `$LATEST`.
        """
        return Path(self.versions.get(version, self.root)).absolute()

    def route(self, alias: str) -> Route | None:
        """The versions of an alias with their shares; `None` if there is no such alias.

        Args:
            alias: The name of the alias.
        """
        return route_of(self.aliases[alias]) if alias in self.aliases else None

    def _problems(self) -> Iterator[str | None]:
        yield from (_problem_of_variable(name, value) for name, value in self.environment.items())
        for member, allowed in _CHOICES.items():
            value: object = getattr(self, member)
            if value not in allowed:
                yield f"{member} must be {' or '.join(map(repr, allowed))}; got {shown(value)}"
        for number, folder in self.versions.items():
            yield _problem_of_version(number, folder)
        yield from (_problem_of_layer(layer) for layer in self.layers)
        for alias, target in self.aliases.items():
            yield _problem_of_alias(alias, target, self.versions)

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


def _problem_of_version(number: object, folder: object) -> str | None:
    if not isinstance(number, str) or _VERSION.fullmatch(number) is None:
        return f"a version must be a whole number from 1 on, as text; got {shown(number)}"
    is_path = isinstance(folder, str | os.PathLike)
    return None if is_path else f"the folder of version {number!r} must be a path; got {kind_of(folder)}"


def _problem_of_layer(layer: object) -> str | None:
    if not isinstance(layer, str | os.PathLike):
        return f"a layer must be a folder, as a Path; got {kind_of(layer)}"
    folder = Path(cast("str | os.PathLike[str]", layer))
    if folder.is_dir():
        return None
    return f"the layer {str(folder)!r} is not a folder; unpack the layer, and give the folder with its python or nodejs"


def _problem_of_alias(alias: str, target: object, versions: Collection[str]) -> str | None:
    if _ALIAS.fullmatch(alias) is None:
        return f"an alias must be letters, digits, - and _, and not a number; got {shown(alias)}"
    problem = problem_of_route(target, versions)
    return None if problem is None else f"the alias {alias!r} {problem}"


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
