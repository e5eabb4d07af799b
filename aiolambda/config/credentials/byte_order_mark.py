"""Shared files that begin with a byte order mark, as some editors of Windows write them: botocore cannot read one.

Laws: a file of the user is never changed; a copy is readable by this user alone, and gone with the block that needs it.

Owns these copies. Must not know what stands in the files.
"""

import codecs
import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..shared_config import expanded

__all__ = ["marks_removed"]

_VARIABLES = ("config_file", "credentials_file")
"""What botocore calls the two files."""


@contextlib.contextmanager
def marks_removed(session: Any) -> Generator[None]:
    """Let a botocore session read its files without their marks, while the block lasts. Blocks."""
    with contextlib.ExitStack() as copies:
        for variable in _VARIABLES:
            _copy(session, variable, copies)
        yield


def _copy(session: Any, variable: str, copies: contextlib.ExitStack) -> None:
    """Let the session read a copy of a file that has a mark. The content is in no local while the block goes on."""
    content = _behind_mark(expanded(session.get_config_variable(variable)))
    if content is not None:
        folder = copies.enter_context(tempfile.TemporaryDirectory(prefix="aiolambda-"))
        session.set_config_variable(variable, _written(Path(folder) / variable, content))


def _behind_mark(path: str) -> bytes | None:
    """What stands behind the mark; `None` where there is none, or no file that can be read."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
                return file.read()
    except OSError:
        pass
    return None


def _written(path: Path, content: bytes) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for a file that nobody else may read
        file.write(content)
    return str(path)
