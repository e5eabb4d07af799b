"""A TOML file of functions: `[functions.NAME]` for each, `[defaults]` for all, and the endpoint's settings at the top.

Owns the syntax and the settings of the endpoint. Must not know the keys of a function.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ...errors import ConfigurationError
from ...errors.checks import check_whole
from ...protocol.names import plain_name_of
from ...types.mistakes import nearest
from ..functions import LocalFunction
from .function_file import EndpointSettings, FunctionFile
from .toml_functions import FUNCTION_KEYS, FunctionTable, Surroundings
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
    defaults = FunctionTable.read(top.table("defaults"), surroundings)
    tables = top.table("functions")
    if not tables.values:
        raise ConfigurationError(f"{path} has no function; write a table [functions.NAME] with its handler")
    own = [FunctionTable.read(tables.table(name), surroundings) for name in tables.values]
    functions = tuple(one.function(defaults, surroundings.folder) for one in own)
    files = dict.fromkeys([path, *surroundings.env_files])
    return FunctionFile(functions=functions, settings=settings, notes=tuple(_notes(functions)), files=tuple(files))


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
        check_whole(f"{top.title} account_concurrency", settings["account_concurrency"], least=0)
    return cast("EndpointSettings", settings)


def _notes(functions: Sequence[LocalFunction]) -> Iterator[str]:
    """Destinations that are not in the file. The endpoint may have such functions from elsewhere."""
    names = [function.name for function in functions]
    for function in functions:
        for target in (function.events.on_success, function.events.on_failure):
            if isinstance(target, str) and plain_name_of(target) not in names:
                meant = nearest(plain_name_of(target), names)
                hint = "" if meant is None else f"; did you mean {meant}?"
                yield f"{function.name}: the destination {target} is not a function of the file{hint}"
