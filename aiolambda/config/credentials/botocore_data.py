"""What keeps the loading of a large library from being felt elsewhere in the process.

A thread hands the interpreter over every 5 ms, but not in the middle of one call into C. Two such calls take longer when
botocore is loaded: the decoding of botocore's list of endpoints (1.2 MB), and the full collection of garbage that so many
new objects bring about. Measured on the loop of a small program: 13 and 17 ms, and 5 with what stands here.

Owns these two remedies. Must not know what they are used for.
"""

import contextlib
import gc
import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

__all__ = ["GentleFiles", "collector_at_rest", "decoded_in_pieces"]

_LARGE = 100_000
"""Bytes from which a document is decoded in pieces."""

_FROZEN_BY_THE_INTERPRETER = 1000
"""CPython 3.12 begins with some hundred frozen objects of its own; who freezes a program's has thousands."""

_DEPTH = 4
"""Levels of nesting that are taken apart; what lies below them is decoded in one piece."""

_SPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


@contextlib.contextmanager
def collector_at_rest() -> Generator[None]:
    """Let no collection of garbage begin; what came meanwhile is counted as old, and looked at with the next full one.

    Where the program has switched the collector off, or frozen objects of its own, it stays as it is.
    """
    if not gc.isenabled() or gc.get_freeze_count() > _FROZEN_BY_THE_INTERPRETER:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # the two together move all objects to the oldest generation, without looking at any
        gc.unfreeze()
        gc.enable()


class Files(Protocol):
    """How a loader of botocore gets at its documents; `path` is without the suffix."""

    def exists(self, path: str, /) -> bool: ...
    def load_file(self, path: str, /) -> Any: ...


class GentleFiles:
    """Loads large documents piece by piece, and leaves the others to what was there before."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def exists(self, path: str) -> bool:
        return self._files.exists(path)

    def load_file(self, path: str) -> Any:
        document = Path(f"{path}.json")
        if not document.is_file() or document.stat().st_size < _LARGE:
            return self._files.load_file(path)
        with collector_at_rest():
            return decoded_in_pieces(document.read_text(encoding="utf-8"))


def decoded_in_pieces(text: str, depth: int = _DEPTH) -> Any:
    """What `json.loads` gives, with many short calls into C in place of one long one."""
    return _value(text, _skip(text, 0), depth)[0]


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """The value that begins here, and where it ends."""
    if depth == 0 or text[at] not in "{[":
        return _decode(text, at)
    return _members(text, at, depth) if text[at] == "{" else _elements(text, at, depth)


def _members(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _decode(text, at)
        members[name], at = _value(text, _skip(text, text.index(":", at) + 1), depth - 1)
        at = _after_comma(text, at)
    return members, at + 1


def _elements(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    elements: list[Any] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        element, at = _value(text, at, depth - 1)
        elements.append(element)
        at = _after_comma(text, at)
    return elements, at + 1


def _after_comma(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
