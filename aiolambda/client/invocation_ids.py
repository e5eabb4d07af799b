"""The invocation ids of calls: version 4 UUIDs of random bits.

Law: two calls have the same id by chance alone, in a forked process, too: `random` begins anew there.

Owns their form. Must not know the use of an id.
"""

import random

__all__ = ["InvocationIds"]

_ALIKE = 1000
"""Ids in a row that differ in their last 48 bits alone. That two of them are the same has a chance of one in 500 million."""


class InvocationIds:
    """The ids of one client. Only the last part is made for each: a whole UUID takes three times as long."""

    def __init__(self) -> None:
        self._begin, self._left = "", 0

    def next(self) -> str:
        """Another id, such as `c0ffee00-0000-4000-8000-000000000000`."""
        if not self._left:
            digits = random.getrandbits(80).to_bytes(10).hex()
            variant = "89ab"[int(digits[16], 16) % 4]
            self._begin = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:]}-"
            self._left = _ALIKE
        self._left -= 1
        return f"{self._begin}{random.getrandbits(48).to_bytes(6).hex()}"
