"""The values that readers give: a record as it stands in the input, the item made of it, and the error of a wrong input.

Must not know any form of input.
"""

from typing import Any, NamedTuple

from ...errors import ConfigurationError

__all__ = ["LONGEST", "InputError", "Line", "Record"]

LONGEST = 16 * 1024 * 1024
"""Bytes of one element. Lambda takes 6 MiB at most, and an element may shrink on its way to a payload."""


class Line(NamedTuple):
    """An item: the number of its line in the input, from 1 on, and its payload.

    `source` has its bytes in the input if the payload differs from them, and `key` its name if the user chose one.
    """

    number: int
    content: bytes
    source: bytes | None = None
    key: str | None = None

    @property
    def origin(self) -> bytes:
        """Its bytes in the input."""
        return self.content if self.source is None else self.source


class Record(NamedTuple):
    """An element of the input: its line, its bytes there, and its JSON as bytes; if `content` is `None`, as `value`."""

    number: int
    source: bytes
    content: bytes | None
    value: Any = None


class InputError(ConfigurationError):
    """The input is wrong at a line. `ConfigurationError`, because nothing can be sent for it."""

    def __init__(self, message: str, *, line: int | None = None, unit: str = "line") -> None:
        super().__init__(message if line is None else f"{unit} {line:,}: {message}")
        self.line = line

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self),), {"line": self.line}
