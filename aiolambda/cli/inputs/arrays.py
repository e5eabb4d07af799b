"""The elements of a JSON array, byte for byte as they stand there.

Laws: of the array, one element and one chunk are in memory; the structure is checked here, and short elements as a whole.

Must not know what an element is for.
"""

import re
from collections.abc import Iterator

from .separated import is_json, too_long
from .values import LONGEST, InputError, Record

__all__ = ["array_elements"]

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_NEXT = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb')*+(["\[\]{},]?)', re.DOTALL)
"""Up to the next mark of the structure: a quote there opens a string that the buffer does not have to its end."""
_NEXT_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb')*+(["\[\]{}]?)', re.DOTALL)
"""The same inside an element, whose commas mean nothing here."""
_INSIDE = re.compile(rb'["\\]')
_BLANK = b" \t\r\n"
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")
_OPENING, _CLOSING = b"[{", b"]}"


def array_elements(chunks: Iterator[bytes]) -> Iterator[Record]:
    """The elements, each with the line where it begins. Raises `InputError` if the input is not one JSON array."""
    scanner = _Scanner()
    for chunk in chunks:
        yield from scanner.feed(chunk)
    scanner.finish()


class _Scanner:
    """Finds the commas between elements. Strings may hold any character, so it follows them."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        """From the start of the element on."""
        self._at = 0
        """The place in the buffer up to which it is scanned."""
        self._line = 1
        """The line where the buffer starts."""
        self._depth = 0
        """0 before and after the array."""
        self._in_string = False
        self._count = 0
        self._has_ended = False

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The elements that end in this chunk."""
        self._buffer += chunk
        while True:
            if self._depth == 0:
                if not self._begin():
                    return
            elif self._in_string:
                if not self._leave_string():
                    break
            elif mark := self._next_mark():
                yield from self._step(mark)
            else:
                break
        if len(self._buffer) > LONGEST:
            raise too_long(self._start_line())

    def finish(self) -> None:
        """Raise `InputError` if the array has not ended."""
        if self._depth > 0:
            raise InputError(
                "expected , or ] after the last element, and the input ends: the JSON array is incomplete",
                line=self._line + self._buffer.count(b"\n"),
            )

    def _begin(self) -> bool:
        """Go to the first element. Returns whether there is one."""
        self._drop(self._blank())
        if not self._buffer:
            return False
        if self._has_ended:
            raise InputError("expected the end of the input after the JSON array", line=self._line)
        if self._buffer[0] != ord("["):
            raise InputError("expected a JSON array, which begins with [", line=self._line)
        self._drop(1)
        self._depth = 1
        return True

    def _next_mark(self) -> bytes:
        """Go behind the next mark of the structure. Empty if the buffer has none."""
        found = (_NEXT if self._depth == 1 else _NEXT_INSIDE).match(self._buffer, self._at)
        assert found is not None  # noqa: S101 - the pattern matches nothing, too
        self._at = found.end()
        return bytes(found[1])

    def _leave_string(self) -> bool:
        """Go to the end of the string. Returns whether the buffer has it."""
        while (found := _INSIDE.search(self._buffer, self._at)) is not None:
            if found[0] == b'"':
                self._at, self._in_string = found.end(), False
                return True
            if found.end() == len(self._buffer):  # the escaped character is in the next chunk
                self._at = found.start()
                return False
            self._at = found.end() + 1
        self._at = len(self._buffer)
        return False

    def _step(self, mark: bytes) -> Iterator[Record]:
        if mark == b'"':
            self._in_string = True
        elif mark in _OPENING:
            self._depth += 1
        elif mark in _CLOSING and self._depth > 1:
            self._depth -= 1
        elif self._depth == 1:  # a comma between elements, or the end
            yield from self._element(mark)

    def _element(self, mark: bytes) -> Iterator[Record]:
        line = self._start_line()
        element = bytes(self._buffer[: self._at - 1]).strip(_BLANK)
        is_end = mark != b","
        if mark == b"}":
            raise InputError("expected , or ] after an element", line=line)
        if element:
            if not is_json(element):
                raise InputError("expected JSON as an element of the array", line=line)
            yield Record(line, element, element)
        elif not is_end or self._count:
            raise InputError("expected an element of the JSON array before the comma or bracket", line=line)
        self._count += 1
        self._drop(self._at)
        if is_end:
            self._depth, self._has_ended = 0, True

    def _start_line(self) -> int:
        """The line where the element begins, after the white space before it."""
        return self._line + self._buffer.count(b"\n", 0, self._blank())

    def _blank(self) -> int:
        """The number of bytes of white space at the start of the buffer."""
        found = _NOT_BLANK.search(self._buffer)
        return len(self._buffer) if found is None else found.start()

    def _drop(self, size: int) -> None:
        self._line += self._buffer.count(b"\n", 0, size)
        del self._buffer[:size]
        self._at = 0
