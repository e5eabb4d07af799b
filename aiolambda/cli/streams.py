"""Where input comes from and output goes: the files that options name, and standard output when nobody reads it any more.

Owns that a closed pipe (`aiolambda ... | head -1`) ends in silence. Must not know what was written.
"""

import os
import sys
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import ConfigurationError

__all__ = ["STDIO", "let_go_of_stdout", "opened"]

STDIO = "-"
"""What stands for standard input or output where a file may be named."""


def opened(path: str, mode: str, purpose: str) -> BinaryIO:
    """The file, open. `ConfigurationError` where it cannot be, with the purpose: "write to"."""
    try:
        return cast("BinaryIO", Path(path).open(mode))
    except OSError as error:
        raise ConfigurationError(f"cannot {purpose} {path!r}: {error.strerror}") from error


def let_go_of_stdout() -> None:
    """Send what is still to come nowhere; without this the interpreter fails when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
