"""How a botocore session reads files without harm to the process.

Two remedies:

- Large documents are decoded in pieces, and no garbage is collected meanwhile. A thread hands the interpreter over every 5 ms,
  but not in the middle of one call into C. Two such calls take longer when botocore is loaded: decoding its list of endpoints
  (1.2 MB), and the full collection that so many new objects trigger. Measured on the loop of a small program: 13 and 17 ms,
  and 5 ms with these remedies.
- Shared files that begin with a byte order mark, as some editors on Windows write them, are copied without it, because
  botocore cannot read one. A file of the user is never changed. Only this user can read a copy, and the copy is deleted at the
  end of the block that needs it.

Must not know the content of the files.
"""

import codecs
import contextlib
import gc
import json
import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

from ..shared_config import expanded

__all__ = ["PiecewiseFiles", "collector_paused", "decoded_in_pieces", "marks_removed"]

_LARGE = 100_000
"""Bytes from which a document is decoded in pieces."""

_FROZEN_BY_THE_INTERPRETER = 1000
"""CPython 3.12 begins with some hundred frozen objects of its own. A program that freezes its objects has thousands."""

_DEPTH = 4
"""Levels of nesting that are decoded separately. Each value below them is decoded in one piece."""

_SPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


# --- Documents of botocore --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def collector_paused() -> Generator[None]:
    """Collect no garbage during the block. The new objects count as old, and are examined by the next full collection.

    If the program has disabled the collector, or frozen objects of its own, it stays as it is.
    """
    if not gc.isenabled() or gc.get_freeze_count() > _FROZEN_BY_THE_INTERPRETER:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # together with unfreeze: moves all objects to the oldest generation, and examines none
        gc.unfreeze()
        gc.enable()


class Files(Protocol):
    """The part of a botocore loader that reads documents. `path` has no suffix."""

    def exists(self, path: str, /) -> bool: ...
    def load_file(self, path: str, /) -> Any: ...


class PiecewiseFiles:
    """Loads large documents in pieces, and leaves the others to `files`."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def exists(self, path: str) -> bool:
        return self._files.exists(path)

    def load_file(self, path: str) -> Any:
        document = Path(f"{path}.json")
        if not document.is_file() or document.stat().st_size < _LARGE:
            return self._files.load_file(path)
        with collector_paused():
            return decoded_in_pieces(document.read_text(encoding="utf-8"))


def decoded_in_pieces(text: str, depth: int = _DEPTH) -> Any:
    """The result of `json.loads`, with many short calls into C in place of one long one."""
    return _value(text, _skip_space(text, 0), depth)[0]


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """The value that begins here, and the index behind it."""
    if depth == 0 or text[at] not in "{[":
        return _decode(text, at)
    return _members(text, at, depth) if text[at] == "{" else _elements(text, at, depth)


def _members(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    at = _skip_space(text, at + 1)
    while text[at] != "}":
        name, at = _decode(text, at)
        members[name], at = _value(text, _skip_space(text, text.index(":", at) + 1), depth - 1)
        at = _skip_comma(text, at)
    return members, at + 1


def _elements(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    elements: list[Any] = []
    at = _skip_space(text, at + 1)
    while text[at] != "]":
        element, at = _value(text, at, depth - 1)
        elements.append(element)
        at = _skip_comma(text, at)
    return elements, at + 1


def _skip_comma(text: str, at: int) -> int:
    at = _skip_space(text, at)
    return _skip_space(text, at + 1) if text[at] == "," else at


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


# --- Shared files with a byte order mark ------------------------------------------------------------------------------


@contextlib.contextmanager
def marks_removed(session: Any) -> Generator[None]:
    """Let a botocore session read the config and the credentials file without their marks during the block. Blocks."""
    with contextlib.ExitStack() as copies:
        for variable in ("config_file", "credentials_file"):
            _use_copy(session, variable, copies)
        yield


def _use_copy(session: Any, variable: str, copies: contextlib.ExitStack) -> None:
    """Let the session read a copy of the file, if it has a mark. A function of its own, so that no local keeps the content."""
    content = _content_after_mark(expanded(session.get_config_variable(variable)))
    if content is None:
        return
    path = Path(copies.enter_context(tempfile.TemporaryDirectory(prefix="aiolambda-"))) / variable
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for a file that only this user may read
        file.write(content)
    session.set_config_variable(variable, str(path))


def _content_after_mark(path: str) -> bytes | None:
    """The content after the mark; `None` if the file has none, or cannot be read."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
                return file.read()
    except OSError:
        pass
    return None
