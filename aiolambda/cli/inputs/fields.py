"""A field of an item, by its name or a path such as `customer.id`.

Must not know who asks for it.
"""

from collections.abc import Sequence
from typing import Any, cast

__all__ = ["MISSING", "field_of", "is_in_header"]

MISSING: Any = object()
"""In place of a field that an item does not have."""


def field_of(item: object, path: str) -> Any:
    """The field with this whole name, else that at the end of the path; `MISSING` if there is none. Numbers count elements."""
    if (whole := _member_of(item, path)) is not MISSING:
        return whole
    value: Any = item
    for name in path.split("."):
        if (value := _member_of(value, name)) is MISSING:
            break
    return value


def _member_of(value: object, name: str) -> Any:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).get(name, MISSING)
    if isinstance(value, list) and name.isdecimal() and name.isascii() and len(name) < 10:
        elements = cast("Sequence[Any]", value)
        return elements[int(name)] if int(name) < len(elements) else MISSING
    return MISSING


def is_in_header(header: Sequence[str], path: str) -> bool:
    """Whether rows with this header can have the field."""
    return path in header or path.partition(".")[0] in header
