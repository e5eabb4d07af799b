"""The built manual: no warning, a Markdown copy of every page, and `llms.txt`."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aiolambda import LambdaClient

from ..support.pages import MANUAL, ROOT

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in ("sphinx", "furo", "myst_parser", "sphinx_llm_friendly"):
        if importlib.util.find_spec(module) is None:
            pytest.skip("the extra docs is not installed")
    folder = tmp_path_factory.mktemp("manual")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / "cache"), "-b", "html"]
    done = subprocess.run([*command, str(DOCS), str(folder / "html")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder / "html"


def names() -> list[str]:
    """The pages. That of the security policy includes a file, and is left out without it."""
    return [page.relative_to(DOCS).with_suffix("").as_posix() for page in MANUAL]


def test_every_page_has_a_markdown_copy(built: Path) -> None:
    for name in names():
        copy = (built / f"{name}.md").read_text()
        assert copy.startswith("# "), name
        assert "{toctree}" not in copy
        assert "{eval-rst}" not in copy
        assert f'href="{name.rpartition("/")[2]}.md"' in (built / f"{name}.html").read_text(), "the page names its copy"


def test_the_copy_of_the_reference_has_docstrings(built: Path) -> None:
    first_line = (LambdaClient.__doc__ or "").splitlines()[0]
    assert first_line
    assert [page.name for page in built.rglob("*.md") if first_line in page.read_text().splitlines()] != []


def test_llms_txt_lists_every_page_by_caption(built: Path) -> None:
    lines = (built / "llms.txt").read_text().splitlines()
    assert lines[:2] == ["# aiolambda", ""]
    assert lines[2].startswith("> aiolambda is an asyncio client for AWS Lambda.")
    captions = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert captions == ["Tutorials", "How-to guides", "Reference", "Explanation"]
    listed = [re.fullmatch(r"- \[[^]]+\]\(([\w/-]+)\.md\): \S.*", line) for line in lines if line.startswith("- ")]
    assert sorted(found[1] if found else "" for found in listed) == sorted({*names()} - {"index"})


def test_each_line_of_llms_txt_leads_to_a_copy(built: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (built / "llms.txt").read_text()):
        assert (built / target).is_file(), target


def test_the_search_has_the_order_of_the_manual(built: Path) -> None:
    assert (DOCS / "search_order.js").read_text().strip() in (built / "_static" / "language_data.js").read_text()
