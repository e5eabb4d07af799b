"""`.env` files: lines of `NAME=VALUE`. Nothing in a value is run or replaced: `$` is an ordinary character.

The notation is that of python-dotenv: comments, `export`, single and double quotes, and values in quotes that span lines. A
line in another form is an error here. No error shows a value, because it may be a secret.
"""

import re
from pathlib import Path

from ...errors import ConfigurationError
from .function_file import read_text

__all__ = ["load_env_file", "parse_env_file"]

_ENTRY = re.compile(
    r"""
    [ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_][A-Za-z0-9_]*) [ \t]* =
    (?:
        [ \t]* '(?P<single>(?:[^'\\]|\\.)*)' [ \t]* (?:\#[^\n]*)?
      | [ \t]* "(?P<double>(?:[^"\\]|\\.)*)" [ \t]* (?:\#[^\n]*)?
      | (?P<plain>[ \t]*+(?!['"])[^\n]*)
    ) (?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_EMPTY = re.compile(r"[ \t]*(?:\#[^\n]*)?(?:\n|\Z)")
_COMMENT = re.compile(r"[ \t]\#.*")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'"}


def load_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file. `ConfigurationError` if it cannot be read, or a line has another form."""
    text = read_text(path)
    try:
        return parse_env_file(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}, {error}") from None


def parse_env_file(text: str) -> dict[str, str]:
    """The variables of the text of a `.env` file. If a name stands twice, the last value counts.

    ::

        assert parse_env_file("export TABLE=orders  # of the shop") == {"TABLE": "orders"}

    Raises:
        ConfigurationError: A line is neither `NAME=VALUE` nor a comment. The error has its number, and does not show it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        if (empty := _EMPTY.match(text, position)) is not None:
            position = empty.end()
            continue
        entry = _ENTRY.match(text, position)
        if entry is None:
            raise ConfigurationError(_problem(text, position))
        variables[entry["name"]] = _value(entry)
        position = entry.end()
    return variables


def _value(entry: re.Match[str]) -> str:
    if (single := entry["single"]) is not None:
        return re.sub(r"\\([\\'])", r"\1", single)
    if (double := entry["double"]) is not None:
        return re.sub(r"""\\([abfnrtv\\"'])""", lambda escape: _ESCAPES[escape[1]], double)
    return _COMMENT.sub("", entry["plain"]).strip(" \t")


def _problem(text: str, position: int) -> str:
    number = text.count("\n", 0, position) + 1
    _, equals, value = text[position:].partition("\n")[0].partition("=")
    if equals and value.lstrip(" \t").startswith(("'", '"')):
        return f"line {number}: the quoted value is not closed, or has text after it"
    return f"line {number}: write NAME=VALUE; a name has letters, digits and _"
