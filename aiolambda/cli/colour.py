"""Whether a stream gets colours, and the few that are used.

Law: `--color` wins over the environment, and the environment over the kind of the stream. Must not know what is coloured.
"""

import os
from typing import Literal, TextIO

__all__ = ["Colour", "Mode", "in_colour", "is_on", "painted", "set_mode"]

Colour = Literal["red", "yellow", "green", "dim"]
Mode = Literal["auto", "always", "never"]
_CODES = {"red": "1;31", "yellow": "33", "green": "32", "dim": "2"}
_mode: Mode = "auto"


def set_mode(mode: Mode) -> None:
    """Set the value of `--color` for this process."""
    global _mode  # noqa: PLW0603 - one command line, one mode
    _mode = mode


def is_on(stream: TextIO) -> bool:
    """Whether to colour text on this stream: as `--color` or the environment says, else if it is a terminal."""
    if _mode != "auto":
        return _mode == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if os.environ.get("TERM") == "dumb" or os.environ.get("CLICOLOR") == "0":
        return False
    try:
        return stream.isatty()
    except ValueError:  # the stream is closed
        return False


def painted(text: str, colour: Colour, stream: TextIO) -> str:
    """The text in this colour, if the stream gets colours."""
    return in_colour(text, colour) if is_on(stream) else text


def in_colour(text: str, colour: Colour) -> str:
    """The text in this colour."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
