"""Make the pictures of the command line in this folder: `python docs/pictures/make.py`.

Each command of `SHOWN` runs in a pseudo-terminal, with an environment of its own and against a local endpoint. A terminal
emulator reads its output, and the screen becomes an SVG for each theme. Values that differ between runs are replaced, except
durations. Must not be imported for more than its tables: the emulator is part of the extra `docs`.
"""

import asyncio
import contextlib
import io
import itertools
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from aiolambda.local import LocalEndpoint, LocalFunction

FOLDER = Path(__file__).parent
COLUMNS = (80, 120)
SHOWN = {
    "demo": "demo",
    "map": "map orders -f items.jsonl -o results.jsonl --concurrency 20",
    "doctor": "doctor --function orders",
    "help": "--help",
}
"""The arguments of `aiolambda` by the name of the picture."""
SHOWN_AT = {"map": re.compile(r"\([67]\d%\)")}
"""The words on the screen at the moment of the picture. Without them it is the end, at which a map has erased its progress."""
THEMES = {
    "light": TerminalTheme(
        (255, 255, 255),
        (31, 35, 40),
        [
            (36, 41, 47),
            (207, 34, 46),
            (17, 99, 41),
            (140, 90, 0),
            (9, 105, 218),
            (130, 80, 223),
            (27, 124, 131),
            (110, 119, 129),
        ],
        [
            (87, 96, 106),
            (164, 14, 38),
            (26, 127, 55),
            (99, 60, 1),
            (33, 139, 255),
            (164, 117, 249),
            (49, 146, 170),
            (140, 149, 159),
        ],
    ),
    "dark": TerminalTheme(
        (13, 17, 23),
        (230, 237, 243),
        [
            (72, 79, 88),
            (255, 123, 114),
            (63, 185, 80),
            (210, 153, 34),
            (88, 166, 255),
            (188, 140, 255),
            (57, 197, 207),
            (177, 186, 196),
        ],
        [
            (110, 118, 129),
            (255, 161, 152),
            (86, 211, 100),
            (227, 179, 65),
            (121, 192, 255),
            (210, 168, 255),
            (86, 212, 221),
            (255, 255, 255),
        ],
    ),
}
"""Background, foreground, the eight colours and the eight bright ones."""

_FRAMES = {"light": "rgba(0,0,0,0.25)", "dark": "rgba(255,255,255,0.35)"}
_FONTS = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
_ROWS = 200
"""Of the terminal: no command prints more lines, so none scrolls away."""
_TIME_LIMIT = 120.0
"""Seconds for a command."""
_ITEMS = 300
_HANDLERS = """\
import time


def handler(event, context):
    time.sleep(0.05)
    if event["id"] % 100 == 99:
        raise ValueError("this order has no lines")
    return {"id": event["id"], "total": 3 * event["id"]}
"""
_REPLACED = (
    (rb"127\.0\.0\.1:\d+", b"127.0.0.1:9000"),
    (rb"'pid': \d+", b"'pid': 4242"),
    (rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"8bb9d29d-3d8a-4eb3-8b1a-cf69c4a1e7b8"),
    (re.escape(os.fsencode(FOLDER.parents[1])) + rb"/", b""),
    (rb"AKIA\.\.\.\w{4}", b"AKIA...MPLE"),
    (rb"\x1b\[2m", b"\x1b[90m"),  # the emulator does not know dim text
)
"""Patterns in the output of a command, and their replacements. They precede the emulator, which wraps the lines."""


@attrs.frozen(kw_only=True)
class _Picture:
    name: str
    columns: int
    theme: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.columns}-{self.theme}.svg"


PICTURES = [_Picture(name=name, columns=columns, theme=theme) for name in SHOWN for columns in COLUMNS for theme in THEMES]


async def make() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(_HANDLERS)
        (folder / "items.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(_ITEMS)))
        function = LocalFunction(name="orders", handler="app.handler", root=folder, concurrency=20, timeout=30.0)
        async with LocalEndpoint([function]) as endpoint:
            for shown, arguments in SHOWN.items():
                for columns in COLUMNS:
                    output = await asyncio.to_thread(_output_of, arguments, columns, folder, _environment(endpoint, folder))
                    prompt = f"\x1b[32m$\x1b[0m \x1b[1maiolambda {arguments}\x1b[0m\r\n".encode()
                    screen = _screen_of(prompt + _replaced(output), columns, SHOWN_AT.get(shown))
                    for picture in PICTURES:
                        if (picture.name, picture.columns) == (shown, columns):
                            (FOLDER / picture.file).write_text(_svg_of(screen, picture))


def _environment(endpoint: LocalEndpoint, folder: Path) -> dict[str, str]:
    """The whole environment of a command: a terminal with 256 colours, and no settings of AWS but the endpoint's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "AWS_ENDPOINT_URL_LAMBDA": endpoint.url,
        "AWS_REGION": endpoint.region,
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _output_of(arguments: str, columns: int, folder: Path, environment: dict[str, str]) -> bytes:
    """What the command writes to a terminal of this width. A failure or a command without an end is an error."""
    command = [sys.executable, "-m", "aiolambda", *arguments.split()]
    terminal, end = pty.openpty()
    try:
        termios.tcsetwinsize(end, (_ROWS, columns))
        process = subprocess.Popen(  # noqa: S603 - the commands of the table
            command, stdin=end, stdout=end, stderr=end, cwd=folder, env=environment, start_new_session=True
        )
    finally:
        os.close(end)
    try:
        output = b"".join(_read(terminal, time.monotonic() + _TIME_LIMIT))
        code = process.wait(timeout=_TIME_LIMIT)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)
    if code not in (0, 1):
        raise RuntimeError(f"aiolambda {arguments} exited with {code}:\n{output.decode(errors='replace')}")
    return output


def _read(terminal: int, deadline: float) -> Iterator[bytes]:
    """The bytes until the last process has closed its end."""
    while select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # EIO: Linux says so at the end
            return
        if not data:
            return
        yield data
    raise TimeoutError(f"a command has not ended after {_TIME_LIMIT:.0f} s")


def _replaced(output: bytes) -> bytes:
    for pattern, replacement in _REPLACED:
        output = re.sub(pattern, replacement, output)
    return output


def _screen_of(output: bytes, columns: int, moment: re.Pattern[str] | None) -> list[Text]:
    """The lines of the terminal at a moment, or after this output, without the blank ones at the end."""
    import pyte  # noqa: PLC0415 - a test reads the tables without the extra docs

    screen = pyte.Screen(columns, _ROWS)
    stream = pyte.ByteStream(screen)
    for frame in re.split(rb"(?=\r?\x1b\[2K)", output):  # a display erases its line before it writes the next one
        stream.feed(frame)
        if moment is not None and moment.search("\n".join(screen.display)):
            break
    else:
        if moment is not None:
            raise RuntimeError(f"the screen never showed {moment.pattern}")
    lines = [_line_of([row[column] for column in range(columns)]) for row in (screen.buffer[number] for number in range(_ROWS))]
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _line_of(cells: list[Any]) -> Text:
    """A line, without the spaces at its end. A cell is a `pyte.screens.Char`."""
    parts = ((style, "".join(cell.data for cell in run)) for style, run in itertools.groupby(cells, _style_of))
    line = Text.assemble(*((text, style) for style, text in parts))
    line.rstrip()
    return line


def _style_of(cell: Any) -> Style:
    return Style(
        color=_colour_of(cell.fg),
        bgcolor=_colour_of(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        reverse=cell.reverse,
    )


def _colour_of(name: str) -> str:
    """The name that rich has for a colour of pyte: `brown` is yellow, and six digits are one of the 256 colours."""
    name = name.replace("brown", "yellow")
    return f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else re.sub("^bright", "bright_", name)


def _svg_of(lines: list[Text], picture: _Picture) -> str:
    console = Console(record=True, width=picture.columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title="", theme=THEMES[picture.theme], unique_id=picture.file.removesuffix(".svg"))
    svg = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", svg, flags=re.DOTALL)  # they name other hosts
    svg = svg.replace("Fira Code, monospace", _FONTS).replace("rgba(255,255,255,0.35)", _FRAMES[picture.theme])
    return re.sub(r"\s*\n", "\n", svg)


if __name__ == "__main__":
    asyncio.run(make())
