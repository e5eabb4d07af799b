"""Items that go back to a file, in the form of the input they came from, so that the same options read them again.

Must not know which items those are.
"""

from .formats import Format
from .values import Line

__all__ = ["Returned"]


class Returned:
    """The content of one file: `before` the first item, each item, and the `end`. Without an item it is empty."""

    def __init__(self, format: Format, header: bytes) -> None:
        self._is_array = format == "json"
        self._end = b"\0" if format == "nul" else b"\n"
        self._header = header + self._end if header else b""
        self._has_item = False

    def of(self, line: Line) -> bytes:
        """The next item."""
        if self._is_array:
            before = b",\n" if self._has_item else b"[\n"
            self._has_item = True
            return before + line.origin
        before = b"" if self._has_item else self._header
        self._has_item = True
        return before + line.origin + self._end

    @property
    def end(self) -> bytes:
        """What follows the last item."""
        return b"\n]\n" if self._is_array and self._has_item else b""
