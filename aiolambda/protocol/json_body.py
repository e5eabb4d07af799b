"""JSON bodies of untrusted shape: the members of an object, and their texts in printable characters.

Owns the tolerance: invalid UTF-8 is replaced, and errors never quote a body. Must not know the meaning of a member.
"""

import json
from collections.abc import Mapping
from typing import cast

__all__ = ["loads", "object_of", "text_in", "writable"]


def object_of(payload: bytes | str) -> Mapping[str, object]:
    """The members of a JSON object; empty if the body is anything else. Invalid UTF-8 is replaced."""
    try:
        content = loads(payload)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, object]", content) if isinstance(content, dict) else {}


def text_in(content: Mapping[str, object], name: str) -> str | None:
    """The text of a member in printable characters; `None` if it is missing or not a string."""
    value = content.get(name)
    return writable(value) if isinstance(value, str) else None


def loads(payload: bytes | str) -> object:
    """The value of a JSON text. Invalid UTF-8 is replaced. Raises `ValueError` or `RecursionError`."""
    try:
        return json.loads(payload)
    except UnicodeDecodeError:
        return json.loads(cast("bytes", payload).decode("utf-8-sig", "replace"))


def writable(text: str) -> str:
    """The text without lone surrogates, which cannot be written to a file or a terminal."""
    return text.encode(errors="replace").decode()
