"""The payload of `invoke`, and the file of `map`, in the forms that people know from other tools.

Laws: a message never contains the payload. Reading never waits on a terminal, or long on a pipe, without a message.

Must not know what is done with the payload.
"""

import json
import os
import select
import stat
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import TextIO, cast

from ..errors import ConfigurationError
from .files import STDIO, print_error, standard_input

__all__ = ["PATIENCE", "bytes_of", "check_encoding", "file_of", "is_piped", "parse_json", "payload_of", "tell_if_terminal"]

PATIENCE = 2.0
"""Seconds before a message says that a pipe is waited for."""
_SCHEMES = ("fileb://", "file://", "@")


def payload_of(text: str | None, file: str | None, *, option: str = "--payload", noun: str = "payload") -> bytes | None:
    """The payload of `-p` or `-f`, else of a pipe on standard input; `None` if there is none.

    The bytes are kept, except for a byte order mark. They must be JSON, unless `fileb://` names their file. `option` and `noun`
    are for messages.
    """
    if text is not None and text != STDIO and not text.startswith(_SCHEMES):
        return _payload_of_argument(text, option)
    given = text if text is not None else file
    if given is None:
        return _payload_of_pipe() if is_piped() else None
    path = file_of(given)
    if path == STDIO:
        tell_if_terminal(f"the {noun}")
        return _checked(standard_input().read(), "standard input", noun)
    data = _read(path, noun)
    return data if given.startswith("fileb://") else _checked(data, repr(path), noun)


def bytes_of(text: str) -> bytes:
    """The bytes of an argument, of the file in `@FILE`, or of standard input for `-`. They may be anything."""
    if text != STDIO and not text.startswith(_SCHEMES):
        return text.encode()
    path = file_of(text)
    if path == STDIO:
        tell_if_terminal("the body")
        return standard_input().read()
    return _read(path, "body")


def file_of(given: str) -> str:
    """The name of the file in `@NAME`, `file://NAME` and `fileb://NAME`. A file that has such a name itself comes first."""
    if given.startswith(_SCHEMES) and not _exists(given):
        for scheme in _SCHEMES:
            if given.startswith(scheme):
                return given.removeprefix(scheme)
    return given


def is_piped() -> bool:
    """Whether standard input is a pipe or a redirected file. A terminal, /dev/null and a socket are not read unasked."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # closed, or replaced by a caller in this process
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def tell_if_terminal(subject: str) -> None:
    """Say that a person has to type, if standard input is a terminal."""
    stdin = cast("TextIO | None", sys.stdin)
    if stdin is not None and stdin.isatty():
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        print_error(f"aiolambda: reading {subject} from the terminal; end it with {end}")


def check_encoding(data: bytes, source: str) -> None:
    """Raise `ConfigurationError` if the data begin as UTF-16 does."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise ConfigurationError(f"{source} is UTF-16, but Lambda takes UTF-8; convert it: iconv -f UTF-16 -t UTF-8")


def parse_json(data: str | bytes, subject: str, hint: str = "") -> object:
    """Parse JSON. The error names the line and column, and does not repeat the text."""
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        place = f"{error.msg}, line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1:,} is not UTF-8"
    except (ValueError, RecursionError):
        place = "its numbers are too long, or it is nested too deeply"
    raise ConfigurationError(f"{subject} is not JSON ({place}){hint}")


def _payload_of_argument(text: str, option: str) -> bytes:
    if _exists(text) and option == "--payload":
        hint = "; a file has this name: to send its content, use -f in place of -p"
    elif option == "--payload":
        hint = "; write a string with its quotes: '\"text\"'"
    else:
        hint = "; for a file, write @FILE"
    parse_json(text, f"the value of {option}", hint)
    return text.encode()


def _payload_of_pipe() -> bytes | None:
    """Read standard input, though no option says so. Nothing in it is no payload."""
    stream = standard_input()
    if sys.platform != "win32" and not select.select([stream], [], [], PATIENCE)[0]:
        print_error("aiolambda: waiting for the payload on standard input (-p gives one, </dev/null sends none)")
    return _checked(stream.read(), "standard input") or None


def _read(path: str, noun: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name contains a null character"
        raise ConfigurationError(f"cannot read the {noun} from {path!r}: {reason}") from error


def _checked(data: bytes, source: str, noun: str = "payload") -> bytes:
    """The data without a byte order mark of UTF-8. Raises `ConfigurationError` if they are not JSON."""
    check_encoding(data, source)
    data = data.removeprefix(BOM_UTF8)
    if data:
        parse_json(data, f"the {noun} in {source}")
    return data


def _exists(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
