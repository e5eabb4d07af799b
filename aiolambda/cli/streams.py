"""Standard output, when nobody reads it any more.

Owns that a closed pipe (`aiolambda ... | head -1`) ends in silence. Must not know what was written.
"""

import os
import sys

__all__ = ["let_go_of_stdout"]


def let_go_of_stdout() -> None:
    """Send what is still to come nowhere; without this the interpreter fails when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
