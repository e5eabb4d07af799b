"""The command line: `aiolambda invoke`, `map`, `serve`, `doctor`, `demo` and `completion`.

This module is loaded before any command, so it loads nothing itself: Ctrl-C while the rest loads ends without a traceback.
"""

import signal
from collections.abc import Sequence
from importlib import import_module

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit code. Without arguments, take those of the process, which ends afterwards."""
    try:
        code: int = import_module(".program", __name__).main(arguments)
        if arguments is None:  # Ctrl-C while the interpreter ends must end it, not print a traceback
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:
        from .exit_codes import INTERRUPTED  # noqa: PLC0415 - see above
        from .files import print_error  # noqa: PLC0415 - see above

        print_error("aiolambda: interrupted")
        return INTERRUPTED
    return code
