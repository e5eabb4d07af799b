"""The chapters of the page about tests that are files: each test of theirs passes, in a pytest of its own."""

import re
from pathlib import Path

import pytest

from ..support.pages import FILES
from .test_plugin import STRICT, run_pytest

pytestmark = pytest.mark.slow

PAGE = FILES["docs/testing.md"]
TESTS = [name for name in PAGE if name.startswith("test_")]
NEEDED = {"test_shop_api.py": ("fastapi", "httpx2"), "test_stock_check.py": ("boto3",)}
"""By file: the modules that it needs beside those of every run."""


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_a_chapter_pass(name: str, tmp_path: Path) -> None:
    for module in NEEDED.get(name, ()):
        pytest.importorskip(module, reason=f"{module} is not installed")
    for file, text in PAGE.items():
        if file == name or file == name.removeprefix("test_"):
            (tmp_path / file).write_text(text)
    done = run_pytest(tmp_path, *STRICT, python=("-W", "error"))
    number = len(re.findall(r"^ *(?:async )?def test_", PAGE[name], re.MULTILINE))
    assert re.search(rf"^{number} passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_each_file_of_the_page_has_tests() -> None:
    assert {name for name in PAGE if name not in TESTS} == {
        name.removeprefix("test_") for name in TESTS if name.removeprefix("test_") in PAGE
    }
    assert len(TESTS) == 6
