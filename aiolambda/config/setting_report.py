"""A setting as it is told to people: its value, where that came from, and what could set it.

Owns the form. Must not know how a setting is found.
"""

from collections.abc import Iterable

import attrs

__all__ = ["Explained", "as_table"]


@attrs.frozen(kw_only=True)
class Explained:
    """One setting. `value` may be shown to anybody; `names` could set it, the first that is set wins.

    `problem` is why it has no value that could be used.
    """

    name: str
    value: str
    source: str
    names: tuple[str, ...]
    problem: str | None = None


def as_table(settings: Iterable[Explained]) -> str:
    """The settings in columns; a problem stands in a line of its own under its setting."""
    rows = [("setting", "value", "source", "set by, first wins")]
    notes: dict[int, str] = {}
    for setting in settings:
        rows.append((setting.name, setting.value, setting.source, ", ".join(setting.names)))
        if setting.problem is not None:
            notes[len(rows) - 1] = setting.problem
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)]
        lines.append("  ".join(cells).rstrip())
        if number in notes:
            lines.append(f"  ! {notes[number]}")
    return "\n".join(lines)
