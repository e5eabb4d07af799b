"""The command line: `aiolambda invoke`, `map`, `serve`, `functions`, `describe`, `wait`, `call`, `doctor`, `demo` and others.

This module is loaded before any command, so it loads nothing itself. `aiolambda.__main__` is the program.
"""

import signal
from collections.abc import Callable, Sequence
from importlib import import_module

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, *, on_loaded: Callable[[], object] | None = None) -> int:
    """Run one command, and return its exit code. Without arguments, take those of the process, which ends afterwards.

    `on_loaded` is called when the command is loaded, before it runs.
    """
    try:
        code: int = import_module(".program", __name__).main(arguments, on_loaded=on_loaded)
        _end_at_next_interrupt(arguments)
        if arguments is None:
            import_module(".interrupts", __name__).die_of_signal(code)
    except KeyboardInterrupt:
        _end_at_next_interrupt(arguments)
        from .exit_codes import INTERRUPTED  # noqa: PLC0415 - see above
        from .files import print_error  # noqa: PLC0415 - see above
        from .interrupts import die_of_signal  # noqa: PLC0415 - see above

        print_error("aiolambda: interrupted")
        if arguments is None:
            die_of_signal(INTERRUPTED)
        return INTERRUPTED
    return code


def _end_at_next_interrupt(arguments: Sequence[str] | None) -> None:
    """Ctrl-C while the interpreter ends must end it, not print a traceback."""
    if arguments is None and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
