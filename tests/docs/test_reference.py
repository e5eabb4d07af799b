"""The pages of figures and exit codes agree with the code."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

import aiolambda
from aiolambda import StandardRetry, Timeouts
from aiolambda.cli import exit_codes, help_texts
from aiolambda.operations.invoke import QUEUEING_READ_LIMIT, SYNCHRONOUS_READ_LIMIT

from ..support.pages import ROOT
from .test_pages import rows_of

PACKAGE = Path(aiolambda.__file__).parent
REFERENCE = ROOT / "docs" / "reference"
UNITS = {"": 1, "s": 1, "characters": 1, "KiB": 1024, "MiB": 1024 * 1024}
LIMITS = [row for row in rows_of((REFERENCE / "limits.md").read_text()) if len(row) == 4]


def is_module(names: list[str]) -> bool:
    return PACKAGE.joinpath(*names).with_suffix(".py").is_file()


def value_of(path: str) -> Any:
    """The constant, or the default of a field or a parameter, with a name such as `types.values.Timeouts.total`."""
    names = path.split(".")
    lengths = range(len(names), 0, -1)
    length = next(length for length in lengths if is_module(names[:length]))
    found: Any = importlib.import_module(".".join(["aiolambda", *names[:length]]))
    for name in names[length:]:
        if inspect.isclass(found) and attrs.has(found):
            found = getattr(attrs.fields(found), name).default
        elif inspect.isfunction(found) or not hasattr(found, name):
            found = inspect.signature(found).parameters[name].default
        else:
            found = getattr(found, name)
    return found


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: row[2].strip("`"))
def test_a_limit_is_that_of_the_code(row: list[str]) -> None:
    figure, value = row[1], value_of(row[2].strip("`"))
    if figure == "none":
        assert value is None
        return
    number, unit = re.fullmatch(r"([\d,]+) ?(\w*)", figure, re.ASCII).groups()  # type: ignore[union-attr]
    assert value == int(number.replace(",", "")) * UNITS[unit]


def test_the_exit_codes_are_those_of_the_help() -> None:
    codes, commands = map(rows_of, re.split(r"\n(?=\| command)", (REFERENCE / "exit-codes.md").read_text()))
    assert {int(code): meaning for code, meaning, _ in codes} == exit_codes.MEANINGS
    listed = {name.strip("`"): {int(code) for code in numbers.split(", ")} for name, numbers, _ in commands}
    assert listed == {name: set(meanings) for name, meanings in help_texts.CODES.items()}


def test_worst_times_of_a_call_are_those_of_the_limits() -> None:
    attempts, connect, read = StandardRetry().max_attempts, Timeouts().connect, SYNCHRONOUS_READ_LIMIT
    assert isinstance(connect, float)
    page = (ROOT / "docs" / "calls.md").read_text()
    assert f"{attempts} attempts of {connect:g} s, and short pauses: {attempts * connect:g} s" in page
    assert f"{attempts} attempts of {connect:g} s and {read:,g} s: {attempts * (connect + read):,g} s" in page
    assert f"| {read:,g} s; {QUEUEING_READ_LIMIT:g} s for `Event` and `DryRun` |" in page
