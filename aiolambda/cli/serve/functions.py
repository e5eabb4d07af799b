"""The functions of `aiolambda serve`: those of the command line and of a file, with what the options change in them.

Must not know how functions are served, or when they are read again.
"""

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ...errors import ConfigurationError
from ...local import DurableConfig, LocalFunction
from ...local.notation import (
    parse_alias,
    parse_command,
    parse_definition,
    parse_destination,
    parse_target,
    parse_variable,
    parse_version,
)
from ...types.mistakes import nearest

if TYPE_CHECKING:
    from ...local.config_files import EndpointSettings

__all__ = ["FunctionSource"]

_MEMBERS = ("concurrency", "timeout", "memory_size", "log_format", "log_level")
"""The options that are members of a function under the same name."""
_EVENT_MEMBERS = {
    "retries": "maximum_retry_attempts",
    "event_age": "maximum_event_age",
    "retry_delay": "retry_delay",
    "duplicates": "duplicates",
}


class FunctionSource:
    """Reads the functions that the options name. It iterates over the files that it reads.

    After `read`, `settings` are those that the file has for the endpoint, and `notes` what in it has no effect.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        if not options.functions and options.config is None:
            raise ConfigurationError(
                "no function to serve: name one, as in aiolambda serve hello=examples.py:handler, or a file with --config"
            )
        if options.parameter and options.config is None:
            raise ConfigurationError("--parameter is for the template of --config")
        self._options = options
        self._directory = Path.cwd()
        self._files: tuple[Path, ...] = ()
        """The files that the last read of the file of functions led to."""
        self.settings: EndpointSettings = {}
        self.notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Path]:
        options = self._options
        names: list[str] = [*options.env_file] if options.config is None else [options.config, *options.env_file]
        yield from dict.fromkeys((*(self._directory / name for name in names), *self._files))

    def read(self) -> list[LocalFunction]:
        """The functions, first those of the file. Raises `ConfigurationError` if something in the options or files is wrong."""
        named = {function.name: function for function in self._of_file()}
        named |= self._of_command_line()
        if not named:
            raise ConfigurationError(f"{self._options.config} has no function that can be served here")
        shared = self._shared_members()
        own = self._own_members(named)
        return [_changed(function, shared, own[name]) for name, function in named.items()]

    def _of_file(self) -> Iterable[LocalFunction]:
        """The functions of the file, before the options change them."""
        options = self._options
        if options.config is None:
            return ()
        from ...local.config_files import load_functions  # noqa: PLC0415 - most runs have no file, and the start is quick

        region = {} if options.region is None else {"region": options.region}
        file = load_functions(
            self._directory / options.config,
            parameters=dict(_named_value(text) for text in options.parameter),
            environment=os.environ,
            runtime=self._runtime(),
            **region,
        )
        self.settings, self.notes, self._files = file.settings, file.notes, file.files
        return file.functions

    def _of_command_line(self) -> dict[str, LocalFunction]:
        """The functions that the arguments define, before the options change them."""
        defined: dict[str, LocalFunction] = {}
        for definition in self._options.functions:
            name, target = parse_definition(definition)
            if name in defined:
                raise ConfigurationError(f"the function {name!r} is defined twice; function names must be unique")
            handler, root = parse_target(target, self._directory)
            defined[name] = LocalFunction(name=name, handler=handler, root=root, runtime=self._runtime())
        return defined

    def _shared_members(self) -> dict[str, Any]:
        """The members that the options set in every function. `environment`, `layers` and `events` are additions."""
        options = self._options
        members = {name: getattr(options, name) for name in _MEMBERS if getattr(options, name) is not None}
        members |= {name: True for name in ("tenant_isolation", "durable") if getattr(options, name)}
        if options.durable_timeout is not None:
            members["durable"] = DurableConfig(execution_timeout=options.durable_timeout)
        members["environment"] = self._environment()
        members["layers"] = [self._folder(text, "layer") for text in options.layer]
        given = {name: getattr(options, option) for option, name in _EVENT_MEMBERS.items()}
        events = {name: value for name, value in given.items() if value is not None}
        for name in ("on_success", "on_failure"):
            if (destination := getattr(options, name)) is not None:
                events[name] = parse_destination(destination, self._directory)
        return {**members, "events": events}

    def _runtime(self) -> tuple[str, ...] | None:
        return None if self._options.runtime is None else parse_command(self._options.runtime)

    def _environment(self) -> dict[str, str]:
        variables: dict[str, str] = {}
        if self._options.env_file:
            from ...local.config_files import load_env_file  # noqa: PLC0415 - as above

            for name in self._options.env_file:
                variables |= load_env_file(self._directory / name)
        return variables | dict(parse_variable(text, os.environ) for text in self._options.env)

    def _own_members(self, names: Iterable[str]) -> dict[str, dict[str, dict[str, Any]]]:
        """For each function the `versions` and `aliases` that options add."""
        own: dict[str, dict[str, dict[str, Any]]] = {name: {"versions": {}, "aliases": {}} for name in names}
        for text in self._options.function_version:
            name, number, folder = parse_version(text)
            _known(own, name)["versions"][number] = self._folder(folder, "version")
        for text in self._options.alias:
            name, alias, target = parse_alias(text)
            _known(own, name)["aliases"][alias] = target
        return own

    def _folder(self, text: str, purpose: str) -> Path:
        path = (self._directory / text).resolve()
        if not path.is_dir():
            raise ConfigurationError(f"no folder {text!r} for the {purpose}; write the path of an existing folder")
        return path


def _changed(function: LocalFunction, shared: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]) -> LocalFunction:
    """The function with the members of the options, which are added to its own or take their place."""
    members = {
        **shared,
        "durable": _durable_of(function, shared.get("durable", False)),
        "environment": {**function.environment, **shared["environment"]},
        "layers": (*function.layers, *shared["layers"]),
        "versions": {**function.versions, **own["versions"]},
        "aliases": {**function.aliases, **own["aliases"]},
        "events": attrs.evolve(function.events, **shared["events"]),
    }
    return attrs.evolve(function, **members)


def _durable_of(function: LocalFunction, given: bool | DurableConfig) -> bool | DurableConfig:
    """What the options make of a function that may be durable by itself: they set the limit, and take nothing away."""
    own = function.durable
    if isinstance(own, DurableConfig) and isinstance(given, DurableConfig):
        return attrs.evolve(own, execution_timeout=given.execution_timeout)
    return own if isinstance(own, DurableConfig) else given or own


def _known(own: Mapping[str, dict[str, dict[str, Any]]], name: str) -> dict[str, dict[str, Any]]:
    if name not in own:
        meant = nearest(name, own)
        hint = f"did you mean {meant}?" if meant is not None else f"known: {', '.join(own)}"
        raise ConfigurationError(f"there is no function {name!r}; {hint}")
    return own[name]


def _named_value(text: str) -> tuple[str, str]:
    """Split `NAME=VALUE`. The error does not show the value, which may be a secret."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigurationError("a --parameter has no name or no value; write --parameter NAME=VALUE")
    return name, value
