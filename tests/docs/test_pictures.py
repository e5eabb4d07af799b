"""The pictures of the command line: the table of their script, the files and the pages agree, and no picture is out of date.

A picture loads nothing, and names no folder of the machine that made it. Must not run the script, which takes half a minute.
"""

import argparse
import importlib.util
import inspect
import re
import textwrap
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from aiolambda.cli.demo import command
from aiolambda.cli.program import build_parser

from ..support.pages import BLOCKS, README, ROOT

FOLDER = ROOT / "docs" / "pictures"
FILES = sorted(FOLDER.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
DEMONSTRATED = (command.an_invocation, command.a_function_error, command.timed, command.a_middleware, command.a_thousand)
GREEN, YELLOW, CYAN = 2, 3, 6
OWN_COLOURS = {"demo": (CYAN,), "map": (GREEN,), "doctor": (GREEN,), "help": ()}
COMMANDS = [
    name for action in build_parser([])._actions if isinstance(action, argparse._SubParsersAction) for name in action.choices
]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stem_of(file: Path) -> str:
    return file.stem


def pictures_of(name: str) -> list[Path]:
    return [file for file in FILES if file.stem.startswith(f"{name}-")]


def root_of(file: Path) -> ET.Element:
    return ET.fromstring(file.read_text())  # noqa: S314 - a file of this checkout


def shown(file: Path) -> list[str]:
    """The lines of the terminal in a picture that have text."""
    lines: dict[float, list[tuple[float, str]]] = defaultdict(list)
    for text in root_of(file).iter(f"{SVG}text"):
        lines[float(text.attrib["y"])].append((float(text.attrib["x"]), (text.text or "").replace("\xa0", " ")))
    cells = 12.2  # pixels; spaces between two texts are not drawn
    found: list[str] = []
    for _, texts in sorted(lines.items()):
        line = ""
        for x, text in sorted(texts):
            line = line.ljust(round(x / cells)) + text
        found.append(line.rstrip())
    return [line for line in found if line]


def images(page: str) -> list[tuple[str, str, str]]:
    """The picture, class and alternative text of each image of a page."""
    found = [block for block in BLOCKS if block.page == page and block.language.startswith("{image} ")]
    options = [dict(re.findall(r"^:(\w+): (.+)$", block.text, re.MULTILINE)) for block in found]
    return [
        (block.language.rpartition("/")[2], given["class"], given["alt"]) for block, given in zip(found, options, strict=True)
    ]


# The table, the files, the pages


def test_each_picture_of_the_table_is_a_file() -> None:
    module = script()
    names = {picture.file for picture in module.PICTURES}
    assert len(names) == len(module.SHOWN) * len(module.COLUMNS) * len(module.THEMES)
    assert {file.name for file in FILES} == names


def test_the_page_of_pictures_shows_all_of_them() -> None:
    assert sorted(name for name, _, _ in images("docs/reference/pictures.md")) == [file.name for file in FILES]


@pytest.mark.parametrize(
    ("page", "name"), [("command-line", "help"), ("doctor", "doctor"), ("fan-out", "map"), ("local-endpoint", "demo")]
)
def test_a_page_shows_its_command_in_80_columns(page: str, name: str) -> None:
    assert [file for file, _, _ in images(f"docs/{page}.md")] == [f"{name}-80-light.svg", f"{name}-80-dark.svg"]


def test_an_image_leads_to_a_picture_of_its_theme() -> None:
    pages = {block.page for block in BLOCKS if block.language.startswith("{image} ")}
    for block in BLOCKS:
        if block.language.startswith("{image} "):
            assert (ROOT / block.page).parent.joinpath(block.language.split()[1]).resolve() in FILES, str(block)
    for file, theme, text in (image for page in pages for image in images(page)):
        assert theme == f"only-{file.removesuffix('.svg').rpartition('-')[2]}"
        assert len(text) > 20


def test_the_readme_shows_the_demo_in_both_themes() -> None:
    text = README.read_text()
    named = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert named == ["docs/pictures/demo-80-dark.svg", "docs/pictures/demo-80-light.svg"]
    assert 'media="(prefers-color-scheme: dark)" srcset="docs/pictures/demo-80-dark.svg"' in text


# The content


@pytest.mark.parametrize("file", FILES, ids=stem_of)
def test_a_picture_loads_nothing_and_names_no_folder(file: Path) -> None:
    text = file.read_text()
    root = root_of(file)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "style", "defs", "clipPath", "rect", "g", "circle", "text")
    }
    assert not [name for element in root.iter() for name in element.attrib if name.endswith("href")]
    assert not re.search(r"url\((?!#)|@import|@font-face", text)
    links = re.findall(r"https?://[^\s<'\"&;]+", text.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert set(links) <= {"http://127.0.0.1:9000", "http://[USER:PASSWORD@]HOST:PORT"}  # words of the output
    assert not re.search(r"/(tmp|home|root|work|Users|usr|var)\b", text)


@pytest.mark.parametrize("file", FILES, ids=stem_of)
def test_a_picture_has_the_command_and_no_broken_line(file: Path) -> None:
    name, columns, _ = file.stem.split("-")
    lines = shown(file)
    assert lines[0] == f"$ aiolambda {script().SHOWN[name]}"
    assert max(map(len, lines)) <= int(columns)


@pytest.mark.parametrize("file", FILES, ids=stem_of)
def test_a_picture_has_the_colours_of_its_theme(file: Path) -> None:
    name, _, theme = file.stem.split("-")
    module, text = script(), file.read_text()
    colours = module.THEMES[theme]
    assert f'fill="{colours.background_color.hex}"' in text
    assert f"fill: {colours.foreground_color.hex}" in text
    for colour in OWN_COLOURS[name]:
        assert f"fill: {colours.ansi_colors[colour].hex}" in text


@pytest.mark.parametrize("file", pictures_of("help"), ids=stem_of)
def test_the_help_has_every_command(file: Path) -> None:
    assert "help" in COMMANDS
    named = re.findall(r"^    (\w+) ", "\n".join(shown(file)), re.MULTILINE)
    assert named == COMMANDS


@pytest.mark.parametrize("file", pictures_of("demo"), ids=stem_of)
def test_the_demo_is_shown_to_its_end(file: Path) -> None:
    lines = shown(file)
    code = [inspect.getsource(function) for function in DEMONSTRATED]
    printed = [*textwrap.indent("".join(code), "    ").splitlines(), *command._TO_AWS.splitlines()]
    assert [line for line in printed if line and line not in lines] == []
    assert lines[-1] == printed[-1]
    assert [line for line in lines if "killed (kill -9)" in line and not line.startswith("    killed")] == []


@pytest.mark.parametrize("file", pictures_of("map"), ids=stem_of)
def test_the_map_is_shown_under_way(file: Path) -> None:
    text = " ".join(shown(file)[1:])
    assert re.search(r"\d+ of 300 done \([67]\d%\), \d failed, \d+/s, \d:\d\d left, \d+ of 20 in flight", text)
    assert "━" in text


@pytest.mark.parametrize("file", pictures_of("doctor"), ids=stem_of)
def test_the_doctor_finds_no_problem(file: Path) -> None:
    lines = shown(file)
    assert lines[-1] == "✓ invocations can work"
    assert {line[0] for line in lines[1:]} <= {"✓", " ", "S"}
