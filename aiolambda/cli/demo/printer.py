"""The output of the demo: headings, and the source code of functions."""

import inspect
import textwrap
from collections.abc import Awaitable, Callable

__all__ = ["Printer"]


class Printer:
    """Prints headings and code, in colours if `use_colors`."""

    def __init__(self, *, use_colors: bool) -> None:
        self._use_colors = use_colors

    def heading(self, text: str) -> None:
        self._print("1", f"\n{text}\n")

    def code(self, *functions: Callable[..., Awaitable[object]]) -> None:
        for function in functions:
            self._print("36", textwrap.indent(inspect.getsource(function), "    "))

    def _print(self, color: str, text: str) -> None:
        print(f"\033[{color}m{text}\033[0m" if self._use_colors else text)
