"""The head of a journal: which tables it has, which map and format it is of, and how many runs it has seen.

Owns the checks that come before a row is read. Must not know the rows.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from .journal_files import OTHER_FILE, damaged
from .journal_old import OLD_FORMATS, OLD_TABLES
from .journal_rows import TABLES, map_checksum

if TYPE_CHECKING:
    import sqlite3

__all__ = ["FORMAT", "LOG_FOLLOWS", "LOG_IS_IN", "check_format", "check_identity", "check_tables", "read_map"]

FORMAT = "5"
"""The version of the tables and of the records in them."""
LOG_FOLLOWS = "follows"
"""The row `log` in a file from whose log something may be missing. The first change of each log replaces it by `LOG_IS_IN`."""
LOG_IS_IN = "is in"

_RUN_NUMBER = re.compile(r"[0-9]{1,18}")


def check_tables(db: "sqlite3.Connection", path: Path) -> Mapping[str, str]:
    """The tables of the file; none if it is empty. `ConfigurationError` for other tables, or if SQLite finds damage."""
    found: dict[str, str] = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type <> 'index'"))
    if not found:
        return {}
    if found not in (TABLES, OLD_TABLES):
        raise ConfigurationError(
            f"the file {str(path)!r} is not a journal of this version of aiolambda, or is damaged: it has other "
            f"tables; {OTHER_FILE}, or resume with the version of aiolambda that wrote it"
        )
    faults = [str(fault) for (fault,) in db.execute("PRAGMA integrity_check(1)")]
    if faults != ["ok"]:
        raise damaged(path, f"SQLite finds {faults[0].splitlines()[-1]!r}")
    return found


def read_map(db: "sqlite3.Connection", path: Path) -> tuple[dict[str, str], int]:
    """The rows of the table `map` without their checksum, and the number of the last run; 0 if there was none."""
    known: dict[Any, Any] = dict(db.execute("SELECT name, value FROM map"))
    if not known:
        return {}, 0
    stored_sum, run = known.pop("sum", ""), known.get("run")
    if not all(isinstance(part, str) for row in known.items() for part in row) or stored_sum != map_checksum(known):
        raise damaged(path, "the rows of its table 'map' were changed")
    if run is None or _RUN_NUMBER.fullmatch(run) is None:
        raise damaged(path, "the number of its last run is not a number")
    return known, int(run)


def check_format(known: Mapping[str, str], tables: Mapping[str, str], path: Path) -> None:
    """`ConfigurationError` if the format is not one that this version can continue, or not that of the tables."""
    found = known.get("format", json.dumps(FORMAT))
    formats = OLD_FORMATS if tables == OLD_TABLES else (FORMAT,)
    if found not in map(json.dumps, formats):
        raise ConfigurationError(
            f"the journal {str(path)!r} has the format {found}, and this version of aiolambda uses "
            f'"{FORMAT}"; {OTHER_FILE}, or resume with the version of aiolambda that wrote it'
        )


def check_identity(known: Mapping[str, str], identity: Mapping[str, str | None], path: Path) -> dict[str, str]:
    """The rows with those of this map. `ConfigurationError` if the journal is of another map."""
    whole = dict(known)
    for name, value in identity.items():
        asked = json.dumps(value)
        if whole.setdefault(name, asked) != asked:
            raise ConfigurationError(
                f"the journal {str(path)!r} is of another map: its {name} is {known[name]}, and that of this map is "
                f"{asked}; {OTHER_FILE}"
            )
    return whole
