"""Debugging of runtime processes: at the terminal of this program, or with debugpy.

Owns the choice of the debugger and its ports. Must not know how a process is started.
Source: "Command line reference" of debugpy's wiki.
"""

import importlib.util
import itertools
import os

from ...errors import ConfigurationError
from ...types.values import is_whole, shown

__all__ = ["DEBUG_TIMEOUT", "Debugger", "debugger_of"]

DEBUG_TIMEOUT = 86_400.0
"""Seconds. The timeout that a function under a debugger sees. It is short enough for a timer of JavaScript."""
_STDIN = 0


class Debugger:
    """The debugger of all processes of an endpoint. `port` is the first one for debugpy; `None` debugs at the terminal."""

    def __init__(self, port: int | None = None) -> None:
        self._port = port
        self._taken: set[int] = set()

    @property
    def stdin(self) -> int | None:
        """The standard input of this program, for `breakpoint()`. `None` with debugpy, or if this program has none."""
        try:
            os.fstat(_STDIN)
        except OSError:
            return None
        return _STDIN if self._port is None else None

    def take_port(self) -> int | None:
        """The next free port for debugpy, until `release_port`. `None` without debugpy."""
        if self._port is None:
            return None
        port = next(number for number in itertools.count(self._port) if number not in self._taken)
        self._taken.add(port)
        return port

    def release_port(self, port: int | None) -> None:
        """The process that took it has ended."""
        if port is not None:
            self._taken.discard(port)


def options_of_debugpy(port: int) -> tuple[str, ...]:
    """Python's options that run a script under debugpy, which first waits for a client."""
    # debugpy cannot see into frozen modules, and warns about them.
    return ("-X", "frozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client")


def debugger_of(debug: object) -> Debugger | None:
    """The debugger of a setting: `False`, `True` for the terminal, or a port for debugpy. `None` is none."""
    if isinstance(debug, bool):
        return Debugger() if debug else None
    if not isinstance(debug, int) or not is_whole(debug, least=1, most=65_535):
        raise ConfigurationError(f"debug must be True, False, or a port from 1 to 65,535 for debugpy; got {shown(debug)}")
    if importlib.util.find_spec("debugpy") is None:
        raise ConfigurationError("debug with a port needs debugpy, which is not installed; install the package debugpy")
    return Debugger(debug)
