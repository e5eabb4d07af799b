"""Several items in one payload, a JSON array, and the answers of a function to them.

Laws: a batch has N items at most, and no more bytes than asked for, unless its only item is longer. The same items in the same
order make the same batches.

Must not know how a batch is sent.
"""

from collections.abc import Iterator, Sequence

import attrs

from .arrays import array_elements
from .values import InputError, Line

__all__ = ["Batch", "answers_of", "batches_of"]


@attrs.frozen
class Batch:
    """Items that are sent together. `first_index` is the index of the first of them."""

    first_index: int
    lines: Sequence[Line] = attrs.field(repr=False)

    @property
    def content(self) -> bytes:
        """The payload."""
        return b"[" + b",".join(line.content for line in self.lines) + b"]"


def batches_of(lines: Iterator[Line], *, most: int, largest: int) -> Iterator[Batch]:
    """The lines in batches. If the input turns out to be wrong, what was read before comes first, and then the error."""
    pending: list[Line] = []
    size, index = 2, 0
    try:
        for line in lines:
            if pending and (len(pending) >= most or size + len(line.content) > largest):
                yield Batch(index, pending)
                index, pending, size = index + len(pending), [], 2
            pending.append(line)
            size += len(line.content) + 1
    except InputError:
        if pending:
            yield Batch(index, pending)
        raise
    if pending:
        yield Batch(index, pending)


def answers_of(payload: bytes, count: int) -> list[bytes] | None:
    """The elements of the answer to a batch of so many items; `None` if it is no array with one for each item."""
    try:
        answers = [record.source for record in array_elements(iter([payload]))]
    except InputError:
        return None
    return answers if len(answers) == count else None
