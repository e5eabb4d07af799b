"""Figures and their presentation: values by round, ratios within a round, median and range, as Markdown and as JSON.

Must not know how anything is measured.
"""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from benchmarks.environments import OURS


@attrs.frozen
class Spread:
    """The median of some numbers, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Spread":
        return cls(statistics.median(numbers), min(numbers), max(numbers))

    def text(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)} to {_short(self.high)})"


@attrs.frozen
class Figure:
    """One line of a table: a value of each peer for each round. `values` has this project's own under its name.

    `is_compared`: shown as ratios. A figure near zero is shown as it is.
    """

    section: str
    case: str
    unit: str
    values: dict[str, list[float]]
    notes: dict[str, Any] = attrs.field(factory=dict)
    is_compared: bool = True

    def ratios(self, peer: str) -> Spread:
        """Of this project's to the peer's, round by round."""
        pairs = zip(self.values[OURS], self.values[peer], strict=True)
        return Spread.of([ours / theirs if theirs else float("inf") for ours, theirs in pairs])

    @property
    def peers(self) -> list[str]:
        return [peer for peer in self.values if peer != OURS]

    def as_json(self) -> dict[str, Any]:
        spreads = {peer: attrs.asdict(Spread.of(values)) for peer, values in self.values.items()}
        ratios = {peer: attrs.asdict(self.ratios(peer)) for peer in self.peers} if self.is_compared else {}
        return {**attrs.asdict(self), "spreads": spreads, "ratios": ratios}


def markdown(figures: Iterable[Figure]) -> str:
    """A table for each section: this project's median, then its ratio to each peer as median (range)."""
    sections: dict[str, list[Figure]] = {}
    for figure in figures:
        sections.setdefault(figure.section, []).append(figure)
    return "\n".join(f"### {title}\n\n{_section(found)}" for title, found in sections.items())


def _section(figures: list[Figure]) -> str:
    peers = list(dict.fromkeys(peer for figure in figures for peer in figure.peers))
    lines = [["", OURS, *(f"{'/ ' * figures[0].is_compared}{peer}" for peer in peers)]]
    for figure in figures:
        ours = Spread.of(figure.values[OURS])
        own = _short(ours.median) if peers and figure.is_compared else ours.text()
        lines.append([figure.case, f"{own} {figure.unit}", *(_cell(figure, peer) for peer in peers)])
    return table(lines)


def _cell(figure: Figure, peer: str) -> str:
    if peer not in figure.values:
        return ""
    return figure.ratios(peer).text() if figure.is_compared else Spread.of(figure.values[peer]).text()


def table(lines: list[list[str]]) -> str:
    """Markdown; the first line is its head."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    text = [[value.ljust(width) for value, width in zip(line, widths, strict=True)] for line in lines]
    text.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(line)} |\n" for line in text)


def _short(number: float) -> str:
    """Three digits that count, or all of the integer."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
