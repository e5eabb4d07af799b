"""The line that installs the package, and the other project whose files use the same folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import aiolambda
from aiolambda.version import INSTALL, install_line

PACKAGE = Path(aiolambda.__file__).parent
ROOT = PACKAGE.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_CONTRIBUTORS = ("-e", "dev", "docs")


def imported(folder: Path, *files: str) -> str:
    """The last line that `import aiolambda` prints, if the package in this folder has these files of another project, too."""
    package = folder / "aiolambda"
    package.mkdir()
    for name in ("__init__.py", "version.py"):
        (package / name).write_bytes((PACKAGE / name).read_bytes())
    for name in files:
        (package / name).touch()
    run = subprocess.run(
        [sys.executable, "-c", "import aiolambda"], cwd=folder, capture_output=True, text=True, check=False, env={}
    )
    return run.stderr.splitlines()[-1]


def test_import_beside_the_other_project_is_refused(tmp_path: Path) -> None:
    assert imported(tmp_path, "mq.py") == (
        "ImportError: another project, the package index's `aiolambda`, is installed into the folder of aiolambda-client; "
        f"each has overwritten files of the other. Run: pip uninstall -y aiolambda aiolambda-client && {INSTALL}"
    )


def test_import_alone_goes_past_that_check(tmp_path: Path) -> None:
    assert "another project" not in imported(tmp_path)
    assert not (PACKAGE / "mq.py").exists()


def test_readme_has_the_install_line() -> None:
    assert INSTALL in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_install_lines_of_the_pages_are_the_constant(page: Path) -> None:
    for command, extras in re.findall(r"(pip install [^`\n]*?\[([a-z,]+)\]'?)", page.read_text()):
        if not any(word in command for word in OF_CONTRIBUTORS):
            assert command == install_line(extras)


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_has_an_install_line_of_its_own(module: Path) -> None:
    if module.name != "version.py":
        assert "pip install" not in module.read_text()
