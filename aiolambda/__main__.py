"""The program `aiolambda`, which `python -m aiolambda` runs, too.

Laws: Ctrl-C never prints a traceback. It is handled before anything else of the package is loaded. Until the command is
loaded it ends the process at once: an exception could get lost in the import system, or in an extension module.

Importing this module starts that, so only the console script does. Must not know the commands.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # is part of the interpreter; `signal` loads other modules, and Ctrl-C may come meanwhile


def _end(number: int, frame: object) -> None:
    try:
        os.write(2, b"aiolambda: interrupted: nothing was sent\n")
    finally:  # stderr may be closed
        if os.name == "posix":  # die of the signal, as later: a loop of the shell goes on after any exit code
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(130)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not if the program was started to ignore it
    signal.signal(signal.SIGINT, _end)


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    from .cli import main as run  # noqa: PLC0415 - see above

    return run(on_loaded=_raise_again)


def _raise_again() -> None:
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
