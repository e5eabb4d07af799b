"""What the demo prints on: headings, and code as it stands.

Owns how these look. Must not know the story.
"""

import inspect
import textwrap
from collections.abc import Awaitable, Callable

__all__ = ["Stage"]


class Stage:
    """Prints headings and code, in colours where they help."""

    def __init__(self, colors: bool) -> None:
        self._colors = colors

    def heading(self, text: str) -> None:
        print(self._painted("1", f"\n{text}\n"))

    def code(self, *functions: Callable[..., Awaitable[object]]) -> None:
        for function in functions:
            print(self._painted("36", textwrap.indent(inspect.getsource(function), "    ")))

    def _painted(self, color: str, text: str) -> str:
        return f"\033[{color}m{text}\033[0m" if self._colors else text
