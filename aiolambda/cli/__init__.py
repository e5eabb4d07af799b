"""The command line: `aiolambda invoke`, `map`, `serve`, `doctor` and `demo`, their options, output and exit codes.

Must not hold logic that programs need: that belongs in the layers below.
"""

from .main import main

__all__ = ["main"]
