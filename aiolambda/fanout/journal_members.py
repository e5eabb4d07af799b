"""The members of a stored record, checked one by one: each has one of its types, and each number is finite.

Must not know which members a result has.
"""

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, cast

from ..types.values import Metadata

__all__ = [
    "NUMBER",
    "TEXT",
    "Content",
    "UnreadableError",
    "is_sound",
    "load_metadata",
    "member_of",
    "members_of",
    "metadata_record",
    "object_of",
]

Content = Mapping[str, Any]

NUMBER = (int, float)
TEXT = (str, NoneType)
_METADATA: Mapping[str, tuple[type, ...]] = {
    "http_status_code": (int,),
    "request_id": TEXT,
    "trace_id": TEXT,
    "attempts": (int,),
    "total_retry_delay": NUMBER,
}


class UnreadableError(Exception):
    """A record is not a result that `dump` made. The text names the member, and never contains a value."""


def metadata_record(metadata: Metadata) -> dict[str, Any]:
    return {name: getattr(metadata, name) for name in _METADATA} | {"headers": dict(metadata.headers)}


def is_sound(value: object) -> bool:
    """Whether a value is something else than a number that is infinite, NaN or too large for a float."""
    try:
        return not isinstance(value, int | float) or math.isfinite(value)
    except OverflowError:
        return False


def object_of(value: object, name: str) -> Content:
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is not a JSON object")
    return cast("Content", value)


def member_of(content: Content, name: str, *kinds: type) -> Any:
    value: Any = content.get(name)
    if type(value) not in kinds:
        raise UnreadableError(f"{name} is missing or of another type")
    if float not in kinds:
        return value
    if not is_sound(value):
        raise UnreadableError(f"{name} is not a finite number")
    return float(value)


def members_of(content: Content, table: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    return {name: member_of(content, name, *kinds) for name, kinds in table.items()}


def load_metadata(content: object, tail: str | None = None) -> Metadata:
    """The metadata. A header that is null stands for the log tail."""
    whole = object_of(content, "metadata")
    headers = object_of(whole.get("headers"), "headers")
    if tail is not None:
        headers = {name: tail if value is None else value for name, value in headers.items()}
    return Metadata(**members_of(whole, _METADATA), headers={name: member_of(headers, name, str) for name in headers})
