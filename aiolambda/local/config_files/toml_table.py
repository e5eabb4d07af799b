"""A table of a TOML file that knows its place, so that an error names the file, the table and the key.

Must not know the meaning of a key. No error shows a text of the file, because it may be a secret.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar, cast

import attrs

from ...errors import ConfigurationError
from ...types.mistakes import Remedies, kind_of, unknown_name

__all__ = ["Table", "a_number", "a_table", "a_text", "a_whole_number", "list_of_texts", "texts", "true_or_false"]

Value = TypeVar("Value")


class Unfit(Exception):
    """A value has the wrong type. The text says what was expected."""


Kind = Callable[[object], Value]
"""Returns a value that has the type, and raises `Unfit` otherwise."""


@attrs.frozen
class Table:
    """The values of a table, its path in the file, and its file."""

    file: Path
    path: tuple[str, ...]
    values: Mapping[str, object]

    @property
    def title(self) -> str:
        """How an error names the table."""
        return f"{self.file}:" if not self.path else f"{self.file}: [{'.'.join(map(_quoted, self.path))}]"

    def place(self, key: str) -> str:
        """How an error names a key of the table."""
        return f"{self.title} {_quoted(key)}"

    def check_keys(self, known: Iterable[str], remedies: Remedies) -> None:
        """`ConfigurationError` for a key that is not known."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                owner = self.title if self.path else f"{self.file}: the top of the file"
                raise ConfigurationError(unknown_name(owner, "key", key, known, remedies))

    def get(self, key: str, kind: Kind[Value]) -> Value:
        """The value of a key. `ConfigurationError` if it has another type."""
        try:
            return kind(self.values[key])
        except Unfit as expected:
            raise self.mistake(key, f"must be {expected}; got {kind_of(self.values[key])}") from None

    def table(self, key: str) -> "Table":
        """The table under a key; an empty one if there is none."""
        values: Mapping[str, object] = self.get(key, a_table) if key in self.values else {}
        return Table(self.file, (*self.path, key), values)

    def mistake(self, key: str, text: str) -> ConfigurationError:
        """The error for the value of a key."""
        return ConfigurationError(f"{self.place(key)} {text}")


def a_text(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit("a text in quotes")
    return value


def a_whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("a whole number")
    return value


def a_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit("a number")
    return value


def true_or_false(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit("true or false")
    return value


def list_of_texts(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[object]", value)):
        raise Unfit("a list of texts in quotes")
    return cast("list[str]", value)


def texts(value: object) -> list[str]:
    """A list of texts, or one text alone."""
    return [value] if isinstance(value, str) else list_of_texts(value)


def a_table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Unfit("a table")
    return cast("dict[str, object]", value)


def _quoted(key: str) -> str:
    """A key as TOML writes it."""
    return key if key and all(letter.isalnum() or letter in "_-" for letter in key) and key.isascii() else repr(key)
