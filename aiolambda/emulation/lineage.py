"""Recursion: the functions that a chain of invocations has passed, in the `Lineage` field of the trace header.

Lambda adds the field to the trace id that a function gets, and AWS SDKs send it on. So a function that invokes itself, directly
or through others, is counted.

Must not know requests.
Source: "Recursive loop detection" of the developer guide: a function is stopped after about 16 invocations in a chain. The form
of the field is that of headers which functions have logged, such as `Lineage=1:a87bd80c:0`.
"""

import hashlib
from functools import lru_cache

__all__ = ["LIMIT", "extended"]

LIMIT = 16
"""Invocations of one function in a chain. The next one is stopped."""

_FIELD = "lineage="
_VERSION = "1"
_LONGEST = 64
"""Functions in a chain that are kept, so that the header stays small."""


def extended(trace_id: str, function_arn: str) -> tuple[str, int]:
    """The trace id for an invocation of this function, and how often the chain has invoked it before.

    `function_arn` has no qualifier. An entry that cannot be read is dropped.
    """
    fields = [field for field in trace_id.split(";") if field]
    if _FIELD not in trace_id.lower():  # most chains begin here
        return ";".join([*fields, f"Lineage={_VERSION}:{_name_of(function_arn)}:0"]), 0
    counts: dict[str, int] = {}
    for field in fields:
        if field.lower().startswith(_FIELD):
            counts |= _counts_of(field[len(_FIELD) :])
    name = _name_of(function_arn)
    before = counts.pop(name, -1) + 1
    counts = dict(list(counts.items())[-_LONGEST:]) | {name: before}
    lineage = "|".join(f"{_VERSION}:{name}:{count}" for name, count in counts.items())
    others = [field for field in fields if not field.lower().startswith(_FIELD)]
    return ";".join([*others, f"Lineage={lineage}"]), before


@lru_cache(maxsize=1024)
def _name_of(function_arn: str) -> str:
    return hashlib.sha256(function_arn.encode()).hexdigest()[:8]


def _counts_of(text: str) -> dict[str, int]:
    """Parse `1:NAME:COUNT|...`; an older form has `NAME:COUNT`, and commas."""
    counts: dict[str, int] = {}
    for entry in text.replace(",", "|").split("|"):
        *_, name, count = ["", *entry.strip().split(":")]
        if name and count.isascii() and count.isdigit() and len(count) <= 6:
            counts[name] = int(count)
    return counts
