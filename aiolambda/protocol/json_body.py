"""A JSON body that may be anything: read as an object, and its members as text that can be written.

Never raises for a body that is not JSON, and never shows one. Must not know what the members mean.
"""

import json
from collections.abc import Mapping
from typing import cast

__all__ = ["loads", "object_of", "text_in", "writable"]


def object_of(payload: bytes | str) -> Mapping[str, object]:
    """The members of a JSON object; none where it is something else. A byte that is not UTF-8 costs its character only."""
    try:
        content = loads(payload)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, object]", content) if isinstance(content, dict) else {}


def text_in(content: Mapping[str, object], name: str) -> str | None:
    """The text of a member, if it is one, in characters that can be written."""
    value = content.get(name)
    return writable(value) if isinstance(value, str) else None


def loads(payload: bytes | str) -> object:
    """The value of a JSON text. A byte that is not UTF-8 costs its character only. Raises `ValueError` or `RecursionError`."""
    try:
        return json.loads(payload)
    except UnicodeDecodeError:
        return json.loads(cast("bytes", payload).decode("utf-8-sig", "replace"))


def writable(text: str) -> str:
    """The text without halves of surrogate pairs, which no file and no terminal takes."""
    return text.encode(errors="replace").decode()
