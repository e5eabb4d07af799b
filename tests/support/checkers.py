"""mypy and pyright in strict mode, run on small programs.

Owns how each is called. Must not know the purpose of a program.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from .pages import ROOT

CHECKERS = ("mypy", "pyright")

_ERROR = re.compile(r"(\w+)\.py:(\d+)(?::\d+ -|:) error:")


def check(checker: str, programs: Mapping[str, str], folder: Path, cache: pytest.Cache) -> "subprocess.CompletedProcess[str]":
    """Check the programs, by name; they are written into the folder. Skips the test if the checker is not installed."""
    pytest.importorskip(checker, reason=f"{checker} is not installed")
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}))
    mypy = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache.mkdir('mypy')}", str(folder)]
    options = {"mypy": mypy, "pyright": ["--pythonpath", sys.executable, "-p", str(folder)]}
    return subprocess.run(
        [sys.executable, "-m", checker, *options[checker]],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        check=False,
    )


def refused_lines(done: "subprocess.CompletedProcess[str]") -> set[tuple[str, int]]:
    """Program and line of each error."""
    return {(name, int(line)) for name, line in _ERROR.findall(done.stdout)}
