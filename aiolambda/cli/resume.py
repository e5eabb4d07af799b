"""The command that goes on with an interrupted map.

Law: no secret of the command line is repeated: stderr is often kept as a log.
"""

import shlex
from collections.abc import Iterable

__all__ = ["command_line"]

_SECRET = ("--tenant-id", "--proxy")
_HIDDEN = "..."


def command_line(arguments: Iterable[str]) -> str:
    """The command as a line for a shell. The values of options that may hold a secret are left out."""
    words = ["aiolambda"]
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if words[-1] in _SECRET:
            words.append(_HIDDEN)
        elif equals and name in _SECRET:
            words.append(f"{name}={_HIDDEN}")
        else:
            words.append(argument)
    return shlex.join(words)
