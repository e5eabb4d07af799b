"""The doctor's report for people: problems first with their remedy, then the rest, the changed settings, and the verdict last.

Laws: no line has more than 80 columns, whatever a value is. The first character of a check's line is its sign, which alone is
coloured. Must not perform checks, and must not know secrets.
"""

import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TextIO

from ...config.explain import Explained
from .. import colour
from .check import Check, State

__all__ = ["as_text", "with_colours"]

_ORDER: tuple[State, ...] = ("problem", "warning", "ok", "skipped")
_SIGNS: dict[State, str] = {"problem": "✗", "warning": "!", "ok": "✓", "skipped": "-"}
_PLAIN_SIGNS: dict[State, str] = {"problem": "x", "warning": "!", "ok": "+", "skipped": "-"}
_COLOURS: dict[State, Literal["red", "yellow", "green", "dim"]] = {
    "problem": "red",
    "warning": "yellow",
    "ok": "green",
    "skipped": "dim",
}
_MOST_COLUMNS = 80
_LEAST_COLUMNS = 40
_NAME_COLUMNS = 14
"""The sign, the name of a check and the spaces after them."""


def as_text(checks: Iterable[Check], settings: Iterable[Explained], *, shows_all: bool, stream: TextIO) -> str:
    """The report, for a stream with this encoding. `shows_all` shows also the settings that have their defaults."""
    columns = min(_MOST_COLUMNS, max(_LEAST_COLUMNS, shutil.get_terminal_size().columns))
    signs = _SIGNS if _takes("".join(_SIGNS.values()), stream) else _PLAIN_SIGNS
    found = sorted(checks, key=lambda check: _ORDER.index(check.state))
    lines = [line for check in found for line in _check_lines(check, signs, columns)]
    lines += ["", *_setting_lines(list(settings), columns, shows_all=shows_all), ""]
    return "\n".join([*lines, *_wrapped(_verdict(found, signs), columns, first="", rest="  ")])


def with_colours(report: str, stream: TextIO) -> str:
    """Colour the signs, if the stream gets colours."""
    states: dict[str, State] = {sign: state for signs in (_SIGNS, _PLAIN_SIGNS) for state, sign in signs.items()}
    return "\n".join(
        colour.painted(line[0], _COLOURS[states[line[0]]], stream) + line[1:]
        if line[:1] in states and line[1:2] == " "
        else line
        for line in report.split("\n")
    )


def _check_lines(check: Check, signs: dict[State, str], columns: int) -> Iterator[str]:
    indent = " " * _NAME_COLUMNS
    yield from _wrapped(check.text, columns, first=f"{signs[check.state]} {check.name}".ljust(_NAME_COLUMNS), rest=indent)
    if check.advice is not None:
        yield from _wrapped(check.advice, columns, first=f"{indent}> ", rest=f"{indent}  ")


def _setting_lines(settings: Sequence[Explained], columns: int, *, shows_all: bool) -> Iterator[str]:
    shown = [row for row in settings if shows_all or not row.is_default or row.problem is not None]
    if not shown:
        yield "Every setting has its default; --all shows them."
        return
    yield "All settings:" if shows_all else "Settings that differ from their default (--all shows the rest):"
    for row in shown:
        yield from _wrapped(f"{row.name} = {row.value} ({row.source})", columns, first="  ", rest="      ")
        if row.problem is not None:
            yield from _wrapped(row.problem, columns, first="      ! ", rest="        ")
        if shows_all:
            yield from _wrapped(f"set by {', '.join(row.names)}", columns, first="      ", rest="      ")


def _verdict(checks: Sequence[Check], signs: dict[State, str]) -> str:
    problems, warnings = (sum(check.state == state for check in checks) for state in ("problem", "warning"))
    if problems:
        solved = "the problem is solved" if problems == 1 else f"the {problems} problems are solved"
        return f"{signs['problem']} no invocation can work until {solved}"
    if warnings:
        return f"{signs['warning']} invocations can work, with {warnings} warning{'s' * (warnings > 1)}"
    return f"{signs['ok']} invocations can work"


def _takes(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _wrapped(text: str, columns: int, *, first: str, rest: str) -> Iterator[str]:
    """Lines of at most so many columns. A word that does not fit, such as a URL, gets lines of its own, with little indent."""
    line = first
    is_empty = True
    for paragraph in text.split("\n"):
        for word in paragraph.split(" "):
            if not is_empty and _width(line) + 1 + _width(word) > columns:
                yield line.rstrip()
                line, is_empty = rest, True
            if is_empty and _width(line) + _width(word) > columns:
                if line.strip():
                    yield line.rstrip()
                *full, end = (f"  {piece}" for piece in _pieces(word, columns - 2))
                yield from full
                line, is_empty = end, False
                continue
            line, is_empty = f"{line}{'' if is_empty else ' '}{word}", False
        yield line.rstrip()
        line, is_empty = rest, True


def _pieces(word: str, columns: int) -> Iterator[str]:
    piece = ""
    for character in word:
        if _width(piece) + _width(character) > columns:
            yield piece
            piece = ""
        piece += character
    yield piece


def _width(text: str) -> int:
    """Columns on a terminal: East Asian characters and emoji take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
