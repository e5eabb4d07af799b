"""The command line: `aiolambda invoke`, `map`, `serve`, `doctor` and `demo`, with their options, output and exit codes."""

from .main import main

__all__ = ["main"]
