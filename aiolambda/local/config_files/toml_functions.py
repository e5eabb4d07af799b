"""The tables of functions in a TOML file: their keys, their defaults, and the functions that they become.

The keys are the names of the members of `LocalFunction`, and `env_file`. Paths are relative to the folder of the file. Must not
know the ranges of the values, which `LocalFunction` checks.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ...emulation.url_config import FunctionUrl, UrlCors
from ...errors import ConfigurationError
from ..durable_config import DurableConfig
from ..event_config import Destination, EventInvokeConfig
from ..functions import LocalFunction
from ..notation import parse_command, parse_destination, parse_target, parse_variable
from .env_files import load_env_file
from .function_file import existing_path, make_function
from .toml_table import Table, a_number, a_text, a_whole_number, list_of_texts, texts, true_or_false

__all__ = ["CORS_KEYS", "DURABLE_KEYS", "EVENT_KEYS", "FUNCTION_KEYS", "URL_KEYS", "FunctionTable", "Surroundings"]

Members = dict[str, Any]
"""Members of `LocalFunction` by name; `environment` and `events` are dictionaries."""


@attrs.frozen
class Surroundings:
    """What the values of a file refer to, and the `.env` files that were read so far."""

    folder: Path
    environment: Mapping[str, str] = attrs.field(repr=False)
    env_files: list[Path] = attrs.field(factory=list[Path])


@attrs.frozen
class FunctionTable:
    """The table of a function, or that of the defaults, with its values as members."""

    table: Table
    members: Members = attrs.field(repr=False)

    @classmethod
    def read(cls, table: Table, surroundings: Surroundings) -> "FunctionTable":
        """Convert the values of a table. `ConfigurationError` names the key that is wrong."""
        table.check_keys(FUNCTION_KEYS, _REMEDIES)
        members: Members = {key: table.get(key, kind) for key, kind in _PLAIN.items() if key in table.values}
        for key, convert in _CONVERTED.items():
            if key in table.values:
                members[key] = convert(table, key, surroundings)
        if variables := {**members.pop("env_file", {}), **members.pop("environment", {})}:
            members["environment"] = variables
        return cls(table, members)

    def function(self, defaults: "FunctionTable", folder: Path) -> LocalFunction:
        """The function of this table, whose values win over the defaults. `folder` is the root if there is none."""
        own, shared = self.members, defaults.members
        members: Members = {"root": folder, **shared, **own, "name": self.table.path[-1]}
        for name in ("environment", "events"):
            members[name] = {**shared.get(name, {}), **own.get(name, {})}
        members["events"] = EventInvokeConfig(**members["events"])

        def holder(member: str) -> Table:
            return defaults.table if member in shared and member not in own else self.table

        if "handler" not in members:
            raise ConfigurationError(f'{self.table.title} has no handler; write handler = "module.function"')
        if ":" in members["handler"]:
            try:
                members["handler"], members["root"] = parse_target(members["handler"], members["root"])
            except ConfigurationError as error:
                raise holder("handler").mistake("handler", f"is wrong: {error}") from None
        return make_function(members, lambda member: self.table.title if member == "name" else holder(member).place(member))


def _folder(table: Table, key: str, text: str, surroundings: Surroundings) -> Path:
    path = existing_path(text, surroundings.folder)
    if path is None or not path.is_dir():
        raise table.mistake(key, f"must be a folder, relative to the folder of the file; there is no folder {text!r}")
    return path


def _root(table: Table, key: str, surroundings: Surroundings) -> Path:
    return _folder(table, key, table.get(key, a_text), surroundings)


def _layers(table: Table, key: str, surroundings: Surroundings) -> tuple[Path, ...]:
    return tuple(_folder(table, key, text, surroundings) for text in table.get(key, list_of_texts))


def _versions(table: Table, key: str, surroundings: Surroundings) -> dict[str, Path]:
    versions = table.table(key)
    return {number: _root(versions, number, surroundings) for number in versions.values}


def _aliases(table: Table, key: str, surroundings: Surroundings) -> dict[str, str | dict[str, float]]:
    aliases = table.table(key)
    return {alias: _route(aliases, alias) for alias in aliases.values}


def _route(aliases: Table, alias: str) -> str | dict[str, float]:
    if not isinstance(aliases.values[alias], dict):
        return aliases.get(alias, a_text)
    shares = aliases.table(alias)
    return {version: shares.get(version, a_number) for version in shares.values}


def _runtime(table: Table, key: str, surroundings: Surroundings) -> tuple[str, ...]:
    try:
        return parse_command(table.get(key, a_text))
    except ConfigurationError as error:
        raise table.mistake(key, f"is wrong: {error}") from None


def _environment(table: Table, key: str, surroundings: Surroundings) -> dict[str, str]:
    """A table of names and values, or a list of `NAME=VALUE` and `NAME` as on the command line."""
    if isinstance(table.values[key], dict):
        variables = table.table(key)
        return {name: variables.get(name, a_text) for name in variables.values}
    try:
        return dict(parse_variable(text, surroundings.environment) for text in table.get(key, list_of_texts))
    except ConfigurationError as error:
        raise table.mistake(key, f"is wrong: {error}") from None


def _env_file(table: Table, key: str, surroundings: Surroundings) -> dict[str, str]:
    variables: dict[str, str] = {}
    for text in table.get(key, texts):
        file = surroundings.folder / text
        try:
            variables |= load_env_file(file)
        except ConfigurationError as error:
            raise table.mistake(key, f"is wrong: {error}") from None
        surroundings.env_files.append(file)
    return variables


def _durable(table: Table, key: str, surroundings: Surroundings) -> bool | DurableConfig:
    """Whether a function only has names of executions, or a table of the limits of executions with checkpoints."""
    if not isinstance(table.values[key], dict):
        return table.get(key, true_or_false)
    durable = table.table(key)
    durable.check_keys(DURABLE_KEYS, {})
    members = {name: durable.get(name, a_whole_number) for name in durable.values}
    try:
        return DurableConfig(**members)
    except ConfigurationError as error:
        raise ConfigurationError(f"{durable.title} {error}") from None


def _events(table: Table, key: str, surroundings: Surroundings) -> Members:
    events = table.table(key)
    events.check_keys(EVENT_KEYS, {})
    members: Members = {name: events.get(name, kind) for name, kind in _EVENT_NUMBERS.items() if name in events.values}
    members |= {name: _destination(events, name, surroundings) for name in _DESTINATIONS if name in events.values}
    try:
        EventInvokeConfig(**members)
    except ConfigurationError as error:
        raise ConfigurationError(f"{events.title} {error}") from None
    return members


def _destination(table: Table, key: str, surroundings: Surroundings) -> Destination:
    try:
        return parse_destination(table.get(key, a_text), surroundings.folder)
    except ConfigurationError as error:
        raise table.mistake(key, f"is wrong: {error}") from None


def _url(table: Table, key: str, surroundings: Surroundings) -> FunctionUrl:
    url = table.table(key)
    url.check_keys(URL_KEYS, dict.fromkeys(CORS_KEYS, "write it in the table cors of the URL"))
    members: Members = {name: url.get(name, kind) for name, kind in _URL_TEXTS.items() if name in url.values}
    if "cors" in url.values:
        members["cors"] = _cors(url.table("cors"))
    try:
        return FunctionUrl(**members)
    except ConfigurationError as error:
        raise ConfigurationError(f"{url.title} {error}") from None


def _cors(cors: Table) -> UrlCors:
    cors.check_keys(CORS_KEYS, {})
    members: Members = {name: cors.get(name, kind) for name, kind in _CORS.items() if name in cors.values}
    try:
        return UrlCors(**members)
    except ConfigurationError as error:
        raise ConfigurationError(f"{cors.title} {error}") from None


_PLAIN: Mapping[str, Callable[[object], object]] = {
    "handler": a_text,
    "concurrency": a_whole_number,
    "timeout": a_number,
    "memory_size": a_whole_number,
    "log_format": a_text,
    "log_level": a_text,
    "tenant_isolation": true_or_false,
    "recursive_loop": a_text,
}
"""The keys whose values become members as they are, and their types."""
_CONVERTED: Mapping[str, Callable[[Table, str, Surroundings], object]] = {
    "root": _root,
    "layers": _layers,
    "versions": _versions,
    "aliases": _aliases,
    "runtime": _runtime,
    "environment": _environment,
    "env_file": _env_file,
    "durable": _durable,
    "events": _events,
    "url": _url,
}
_URL_TEXTS: Mapping[str, Callable[[object], object]] = {"auth_type": a_text, "invoke_mode": a_text}
_CORS: Mapping[str, Callable[[object], object]] = {
    "allow_origins": list_of_texts,
    "allow_methods": list_of_texts,
    "allow_headers": list_of_texts,
    "expose_headers": list_of_texts,
    "allow_credentials": true_or_false,
    "max_age": a_whole_number,
}
_EVENT_NUMBERS: Mapping[str, Callable[[object], object]] = {
    "maximum_retry_attempts": a_whole_number,
    "maximum_event_age": a_number,
    "retry_delay": a_number,
    "duplicates": a_number,
}
_DESTINATIONS = ("on_success", "on_failure")

FUNCTION_KEYS = (*_PLAIN, *_CONVERTED)
DURABLE_KEYS = ("execution_timeout", "retention_days")
EVENT_KEYS = (*_EVENT_NUMBERS, *_DESTINATIONS)
URL_KEYS = (*_URL_TEXTS, "cors")
CORS_KEYS = tuple(_CORS)
_REMEDIES = {
    "code_uri": "write root",
    "env": "did you mean environment?",
    "name": "the name of a function is that of its table, [functions.NAME]",
    **dict.fromkeys(("port", "region", "account_concurrency", "verify_signatures"), "write it at the top of the file"),
    **dict.fromkeys(DURABLE_KEYS, "write it in the table durable of the function"),
    **dict.fromkeys(EVENT_KEYS, "write it in the table events of the function"),
    **dict.fromkeys(URL_KEYS, "write it in the table url of the function"),
}
"""Where to write keys that belong elsewhere, and the names that others have."""
