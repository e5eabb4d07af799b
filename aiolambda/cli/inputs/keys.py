"""The names of items, by one of their fields.

Law: each item has a name of its own; a second item with the same name is an error that has both lines.

Must not know what the names are for.
"""

import hashlib
import json
from typing import Any

from .fields import MISSING, field_of
from .values import InputError

__all__ = ["Keys"]


class Keys:
    """Gives the key of each item. Keeps some 100 bytes for each, to find duplicates."""

    def __init__(self, field: str) -> None:
        self.field = field
        self._numbers: dict[bytes, int] = {}

    def key_of(self, value: Any, number: int, unit: str) -> str:
        """The field as text. Raises `InputError` if it is missing, is no string or number, or is that of an earlier item."""
        found = field_of(value, self.field)
        if found is MISSING:
            raise InputError(f"expected a field {self.field!r}, for --key", line=number, unit=unit)
        if not isinstance(found, str | int | float) or found == "":
            raise InputError(f"expected a string or a number in {self.field!r}, for --key", line=number, unit=unit)
        key = found if isinstance(found, str) else json.dumps(found)
        digest = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).digest()
        if (first := self._numbers.get(digest)) is not None:
            raise InputError(
                f"expected a key of its own in {self.field!r}, for --key; {unit} {first:,} has the same", line=number, unit=unit
            )
        self._numbers[digest] = number
        return key
