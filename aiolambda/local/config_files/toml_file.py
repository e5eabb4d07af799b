"""A TOML file of functions: `[functions.NAME]` for each, `[defaults]` for all, and the endpoint's settings at the top.

Owns the syntax, the defaults, and the settings of the endpoint. Must not know the keys of a function.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ...errors import ConfigurationError
from ...errors.checks import check_whole
from ...protocol.names import plain_name_of
from ...types.mistakes import nearest
from ..event_config import EventInvokeConfig
from ..functions import LocalFunction
from ..notation import parse_target
from .function_file import EndpointSettings, FunctionFile, make_function
from .toml_members import FUNCTION_KEYS, Members, Surroundings, members_of
from .toml_table import Table, a_text, a_whole_number, true_or_false

__all__ = ["read_toml"]

_SETTINGS = {
    "port": a_whole_number,
    "region": a_text,
    "account_concurrency": a_whole_number,
    "verify_signatures": true_or_false,
}
_IN_A_FUNCTION = dict.fromkeys(FUNCTION_KEYS, "write it in [defaults], or in the [functions.NAME] of a function")


def read_toml(path: Path, text: str, environment: Mapping[str, str]) -> FunctionFile:
    """The functions and settings of a TOML file. `ConfigurationError` names the table and the key that is wrong."""
    top = Table(path, (), _parsed(path, text))
    top.check_keys([*_SETTINGS, "defaults", "functions"], _IN_A_FUNCTION)
    settings = _settings(top)
    surroundings = Surroundings(path.resolve().parent, environment)
    defaults = top.table("defaults")
    default_members = members_of(defaults, surroundings)
    tables = [top.table("functions").table(name) for name in top.table("functions").values]
    if not tables:
        raise ConfigurationError(f"{path} has no function; write a table [functions.NAME] with its handler")
    functions = [_function(table, members_of(table, surroundings), defaults, default_members, surroundings) for table in tables]
    files = dict.fromkeys([path, *surroundings.env_files])
    return FunctionFile(functions=tuple(functions), settings=settings, notes=tuple(_notes(functions)), files=tuple(files))


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # its text has the line and the column
        raise ConfigurationError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: the values are nested too deeply") from None


def _settings(top: Table) -> EndpointSettings:
    settings = {key: top.get(key, kind) for key, kind in _SETTINGS.items() if key in top.values}
    if "port" in settings:
        check_whole(f"{top.title} port", settings["port"], least=0, most=65_535)
    if "account_concurrency" in settings:
        check_whole(f"{top.title} account_concurrency", settings["account_concurrency"], least=1)
    return cast("EndpointSettings", settings)


def _function(
    table: Table, own: Members, defaults: Table, default_members: Members, surroundings: Surroundings
) -> LocalFunction:
    members = {**default_members, **own}
    for merged in ("environment", "events"):
        members[merged] = {**default_members.get(merged, {}), **own.get(merged, {})}
    if "handler" not in members:
        raise ConfigurationError(f'{table.title} has no handler; write handler = "module.function"')
    holders = {key: table if key in own else defaults for key in members}
    folder = members.setdefault("root", surroundings.folder)
    if ":" in members["handler"]:
        try:
            members["handler"], members["root"] = parse_target(members["handler"], folder)
        except ConfigurationError as error:
            raise holders["handler"].mistake("handler", f"is wrong: {error}") from None
    members["events"] = EventInvokeConfig(**members["events"])
    members["name"] = table.path[-1]
    return make_function(members, lambda member: holders[member].place(member) if member in holders else table.title)


def _notes(functions: Sequence[LocalFunction]) -> Iterator[str]:
    """Destinations that are not in the file. The endpoint may have such functions from elsewhere."""
    names = [function.name for function in functions]
    for function in functions:
        for target in (function.events.on_success, function.events.on_failure):
            if isinstance(target, str) and plain_name_of(target) not in names:
                meant = nearest(plain_name_of(target), names)
                hint = "" if meant is None else f"; did you mean {meant}?"
                yield f"{function.name}: the destination {target} is not a function of the file{hint}"
