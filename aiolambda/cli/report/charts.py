"""Charts as SVG inside HTML, with labels as HTML, so that they stay readable at any width.

Laws: every text is escaped; colours are the classes of the page's style sheet. Must not know what the figures mean.
"""

from collections.abc import Sequence
from html import escape

import attrs

__all__ = ["Series", "bars", "lines"]

_HEIGHT = 100.0


@attrs.frozen
class Series:
    """A name, the class of its colour, and a figure for each step of the x axis."""

    name: str
    colour: str
    figures: Sequence[float]


def bars(caption: str, series: Sequence[Series], *, labels: Sequence[str], unit: str) -> str:
    """A chart of stacked bars."""
    steps = max(len(one.figures) for one in series)
    most = max((sum(one.figures[step] for one in series) for step in range(steps)), default=0.0)
    shapes: list[str] = []
    for step in range(steps):
        base = _HEIGHT
        for one in series:
            height = one.figures[step] / most * _HEIGHT if most else 0.0
            base -= height
            if height:
                shapes.append(f'<rect class="{one.colour}" x="{step}.05" y="{base:.2f}" width=".9" height="{height:.2f}"/>')
    return _figure(caption, series, "".join(shapes), steps, most, labels, unit)


def lines(caption: str, series: Sequence[Series], *, labels: Sequence[str], unit: str) -> str:
    """A chart of lines, which step from one figure to the next."""
    steps = max(len(one.figures) for one in series)
    most = max((figure for one in series for figure in one.figures), default=0.0)
    shapes: list[str] = []
    for one in series:
        heights = [_HEIGHT - (figure / most * _HEIGHT if most else 0.0) for figure in one.figures]
        path = "".join(f"{'L' if step else 'M'}{step} {height:.2f}H{step + 1}" for step, height in enumerate(heights))
        shapes.append(f'<path class="line {one.colour}" d="{path}"/>')
    return _figure(caption, series, "".join(shapes), steps, most, labels, unit)


def _figure(
    caption: str, series: Sequence[Series], shapes: str, steps: int, most: float, labels: Sequence[str], unit: str
) -> str:
    legend = "".join(f'<li><span class="key {one.colour}"></span>{escape(one.name)}</li>' for one in series)
    top = f"{most:,.0f}" if most >= 10 else f"{most:,.3g}"
    ticks = "".join(f"<span>{escape(label)}</span>" for label in labels)
    said = escape(f"{caption}: at most {top} {unit}", quote=True)
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption><ul class=legend>{legend}</ul>"
        f"<div class=top>{escape(f'{top} {unit}')}</div>"
        f'<svg role="img" aria-label="{said}" viewBox="0 0 {max(steps, 1)} {_HEIGHT:.0f}" preserveAspectRatio="none">'
        f"{shapes}</svg><div class=axis>{ticks}</div></figure>"
    )
