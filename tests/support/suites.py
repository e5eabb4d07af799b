"""Where the public conformance suites are, and how a test gets at their data. Must not know what a case means."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

__all__ = ["load"]

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "suites"
_MISSING = "conformance suites are not beside this checkout"


def folder() -> Path:
    """The folder of the suites: `AIOLAMBDA_SUITES`, or `../shared/suites` beside the checkout."""
    return Path(os.environ.get("AIOLAMBDA_SUITES") or _BESIDE_THE_CHECKOUT)


def load(name: str) -> Any:
    """The content of a suite's file, such as `sigv4/cases.json`. Skips the test if the suites are not there."""
    path = folder() / name
    return _content(path) if path.is_file() else _without(path)


@cache
def _content(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _without(path: Path) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{_MISSING}, and CI must have them: {path}")
    pytest.skip(_MISSING)
