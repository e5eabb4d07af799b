"""The pages of the manual have the form that lets their examples be run, and agree with the code that they describe."""

import ast
import re
import shlex
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import aiolambda
import aiolambda.errors
from aiolambda import LambdaClient
from aiolambda.cli import help_texts
from aiolambda.cli.program import build_parser

from ..support.pages import BLOCKS, FRAGMENTS, MANUAL, PAGES, PYTHON, README, ROOT, Block, name_of, prose_of

NOT_RUN = {
    *("sh", "text", "toml", "yaml", "json", "dockerfile", "{toctree}", "{eval-rst}"),
    *("{include} ../../CHANGELOG.md", "{include} ../../SECURITY.md"),
}
OF_OTHER_CLIENTS = {"js", "py"}
"""The languages of code for another client or an orchestrator, which may be missing, so it is not run like the rest;
`tests/local/test_chapter.py` runs that of the local endpoint, `tests/docs/test_orchestrators.py` that of the orchestrators."""
DESIGN = (ROOT / "docs" / "design.md").read_text()
SHELL = [
    (block, line)
    for block in BLOCKS
    if block.language == "sh"
    for line in block.text.replace("\\\n", " ").splitlines()
    if line.startswith("aiolambda ")
]


def rows_of(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [line for number, line in enumerate(lines) if not _is_rule(line) and not _is_rule(lines[(number + 1) % len(lines)])]


def _is_rule(line: list[str]) -> bool:
    return all(set(cell) == {"-"} for cell in line)


# Form


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_python_or_in_a_known_language(block: Block) -> None:
    assert block.language in {"python", *NOT_RUN, *OF_OTHER_CLIENTS} or block.language.startswith("{image} ")
    if block.language in OF_OTHER_CLIENTS:
        assert block.page.startswith("docs/how-to/") or block.page == "docs/local-endpoint.md"
    elif block.language != "python":
        assert re.search(r"^\s*(>>>|import |from \w+ import|async |await |def )", block.text, re.MULTILINE) is None


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "py"], ids=str)
def test_code_of_another_client_is_python(block: Block) -> None:
    compile(block.text, str(block), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_stands_in_fences_alone(page: Path) -> None:
    """An indented block, or a fence that is never closed, would not be run."""
    assert re.search(r"^(```|~~~)|\n\n(    |\t)", prose_of(page), re.MULTILINE) is None


def test_the_readme_is_short_and_has_one_test_command() -> None:
    text = README.read_text()
    assert text.count("\n") <= 125
    assert len(re.findall(r"^python3 -m venv .*pytest$", text, re.MULTILINE)) == 1


def test_the_first_program_has_ten_lines() -> None:
    assert PYTHON[0].page == "README.md"
    assert len([line for line in PYTHON[0].text.splitlines() if line]) == 10


@pytest.mark.parametrize("block", [block for block in PYTHON if block.page == "docs/middleware.md"][1:-1], ids=str)
def test_a_middleware_has_at_most_ten_lines(block: Block) -> None:
    assert block.text.strip().count("\n") < 10


# Links, commands, modules


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", prose_of(page)):
        target = page.parent / file if file else page
        assert target.is_file(), file
        assert not anchor or anchor in anchors_of(target), f"{file}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().replace(" ", "-").lower() for heading in headings}


def test_the_index_has_four_kinds_of_pages() -> None:
    captions = re.findall(r"^:caption: (.*)$", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE)
    assert captions == ["Tutorials", "How-to guides", "Reference", "Explanation"]


@pytest.mark.parametrize("page", MANUAL, ids=name_of)
def test_a_page_stands_in_one_list_of_pages(page: Path) -> None:
    lists = [block.text for block in BLOCKS if block.language == "{toctree}"]
    name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
    pattern = f"{name.rpartition('/')[0]}/*"
    assert sum(name in text.split() or pattern in text.split() for text in lists) == (name != "index")


@pytest.mark.parametrize(("block", "line"), SHELL, ids=str)
def test_the_command_line_takes_a_command(block: Block, line: str) -> None:
    arguments = shlex.split(line)[1:]
    build_parser(arguments).parse_args(arguments)


@pytest.mark.parametrize("page", MANUAL, ids=name_of)
def test_the_options_that_a_page_names_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (*help_texts.EPILOGS, "--help"):
        with pytest.raises(SystemExit):
            build_parser(command.split()).parse_args([*command.split(), "--help"])
    known = capsys.readouterr().out
    named = re.findall(r"`(?:aiolambda [\w ]+ |(?:start|list) )?(--[\w-]+)", prose_of(page))
    assert [option for option in named if f"{option} " not in known and f"{option}]" not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_extras_that_a_page_installs_exist(page: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"(?:install|uv run).*(?:\.|PATH_OF_THE_CHECKOUT)\[([\w,]+)\]", page.read_text())
    assert {extra for names in named for extra in names.split(",")} <= set(extras)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_modules_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"python -m ((?:tests|benchmarks|aiolambda)[.\w]*[.]\w+)", page.read_text())
    assert [name for name in named if name != "tests.soak.NAME" and find_spec(name) is None] == []


def test_contributing_names_every_soak_proof() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Prove what takes long\n")[1].split("\n## ")[0]
    files = (ROOT / "tests" / "soak").glob("*.py")
    proofs = {file.stem for file in files if "\nif __name__ ==" in file.read_text(encoding="utf-8")}
    assert {row[0].strip("`") for row in rows_of(section)} == proofs


# The reference and the pictures


def test_the_reference_has_every_public_name() -> None:
    text = "\n".join(page.read_text() for page in sorted((ROOT / "docs" / "reference").glob("*.md")))
    listed = re.findall(r"^\.\. auto\w+:: aiolambda\.(\w+)$", text, re.MULTILINE)
    listed = [name for name in listed if name not in ("errors", "credentials", "testing", "local")]
    public = {*aiolambda.__all__, *aiolambda.errors.__all__} - {"credentials", "errors"}
    assert sorted([*listed, *aiolambda.errors.__all__]) == sorted(public)


def test_layers_picture_matches_contracts_and_folders() -> None:
    picture = DESIGN.split("```text\n")[1].split("```")[0]
    drawn = {
        name: row
        for row, line in enumerate(re.split(r"^(?=\w)", picture, flags=re.MULTILINE))
        for name in re.findall(r"(\w+)(?:/|\.py)", line)
    }
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    contracted = [name for layer in layers for name in layer.split(" | ") if name != "version"]
    assert sorted(drawn) == sorted(contracted)
    assert [drawn[name] for name in contracted] == sorted(drawn[name] for name in contracted)
    package = Path(aiolambda.__file__).parent
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__", "version"}
    assert set(re.findall(r"(\w+)/", picture)) == folders
    assert set(re.findall(r"(\w+)\.py", picture)) == modules


def test_layers_table_names_every_package() -> None:
    table = DESIGN.split("## The pipeline")[0]
    named = {name.strip() for row in rows_of(table) for name in re.findall(r"`([\w.]+)`", row[0])}
    assert {name for name in named if "." not in name} == set(re.findall(r"(\w+)/", DESIGN.split("```")[1]))


def test_steps_table_matches_the_stack() -> None:
    table = DESIGN.split("## The pipeline")[1].split("\n## ")[0]
    stack = str(LambdaClient().middleware_stack)
    for step, _, built_in, _ in rows_of(table):
        section = re.split(r"^  (?=\w)", stack, flags=re.MULTILINE)
        (text,) = (part for part in section if part.startswith(step))
        assert re.findall(r"`(\w+Middleware)`", built_in) == re.findall(r"^    (\w+)", text, re.MULTILINE), step


def test_error_tree_has_every_class() -> None:
    page = (ROOT / "docs" / "errors-and-retries.md").read_text()
    tree = page.split("## Read the errors")[1].split("```text\n")[1].split("```")[0]
    drawn = re.findall(r"^[│ ]*(?:[├└]─ )?(\w+(?:Error|Exception))\b", tree, re.MULTILINE)
    errors = [getattr(aiolambda.errors, name) for name in aiolambda.errors.__all__]
    service = "aiolambda.errors.service"
    ours = [error.__name__ for error in errors if isinstance(error, type) and error.__module__ != service]
    assert sorted(drawn) == sorted(ours)


def test_each_function_of_a_fragment_is_called() -> None:
    """A definition alone runs nothing: a test of this folder names each function that a fragment defines."""
    tests = "\n".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    defined = [name for text in FRAGMENTS.values() for name in re.findall(r"^(?:async )?def (\w+)", text, re.MULTILINE)]
    assert [name for name in defined if f'"{name}"' not in tests] == []
