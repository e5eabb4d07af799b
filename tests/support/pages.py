"""The pages of the manual and the blocks of code in them.

Owns the finding of blocks, and the difference between files, programs and fragments. Must not know pytest, or the purpose of a
block.
"""

import logging
import re
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MANUAL = tuple(sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts))
PAGES = (README, ROOT / "CONTRIBUTING.md", *MANUAL)

_FILE = re.compile(r"# (\w+\.py)(, continued)?\n")
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>.*)\n(?P<text>(?s:.*?))^(?P=indent)(?P=fence)$", re.MULTILINE
)


@attrs.frozen
class Block:
    """A fenced block. `line` is that of its first fence, `language` the word after that fence."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that the reader saves the block in, or adds it to: it stands in the first line."""
        named = _FILE.match(self.text)
        return named[1] if named else None

    @property
    def is_program(self) -> bool:
        return self.file is None and ("asyncio.run(" in self.text or "asyncio.Runner(" in self.text)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(name_of(page), text.count("\n", 0, match.start()) + 1, match["language"].strip(), match["text"])
        for match in _FENCE.finditer(text)
    ]


def prose_of(page: Path) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", page.read_text())


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
PROGRAMS = [block for block in PYTHON if block.is_program]
FILES: dict[str, dict[str, str]] = {}
"""By page: the files that its reader makes, with their text."""
FRAGMENTS: dict[str, str] = {}
"""By page: the other Python blocks, joined in their order. They share their names."""
for _block in PYTHON:
    if _block.file is not None:
        _files = FILES.setdefault(_block.page, {})
        _files[_block.file] = f"{_files[_block.file]}\n\n{_block.text}" if _block.file in _files else _block.text
    elif not _block.is_program:
        FRAGMENTS[_block.page] = f"{FRAGMENTS[_block.page]}\n\n{_block.text}" if _block.page in FRAGMENTS else _block.text


def run_fragments(page: str) -> dict[str, Any]:
    """The names that the fragments of a page define. Logging stays as it was: a page may set it up."""
    names: dict[str, Any] = {"__name__": "fragments"}
    logger, root = logging.getLogger("aiolambda"), logging.getLogger()
    level, handlers = logger.level, root.handlers[:]
    try:
        exec(compile(FRAGMENTS[page], page, "exec"), names)  # noqa: S102 - this code stands in the manual of this checkout
    finally:
        logger.setLevel(level)
        root.handlers[:] = handlers
    return names
