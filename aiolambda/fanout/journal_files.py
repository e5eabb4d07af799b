"""The files of a journal on the disk: private to their owner, and whole.

Beside the file, a killed run leaves SQLite's write-ahead log. SQLite itself ignores a log from the first wrong frame on, and
says nothing. Source: "WAL-mode File Format" of the SQLite documentation.

Must not know what the files contain.
"""

import contextlib
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import ConfigurationError

__all__ = [
    "OTHER_FILE",
    "REMEDY",
    "damaged",
    "explained",
    "is_too_short",
    "log_fault",
    "private_file",
    "restrict_to_owner",
    "row_shown",
]

OTHER_FILE = "give another file, with which every item is sent again"
REMEDY = f"restore the file from a copy, or {OTHER_FILE}"
_SMALLEST_PAGE = 512
"""Bytes of the smallest page that SQLite has."""
_OWNER_BITS = 0o700
"""The bits of a file's mode that are kept."""


_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_SUMMED = 24
"""Bytes of the header that its checksum covers."""
_MAGICS = {0x377F0682: "<", 0x377F0683: ">"}
"""The order of the bytes in the words that checksums add up."""
_LARGEST_PAGE = 65536
_MASK = 0xFFFFFFFF


def damaged(path: Path, fault: str) -> ConfigurationError:
    """The error for a file whose content differs from the content that was written."""
    return ConfigurationError(f"the journal {str(path)!r} is damaged: {fault}; {REMEDY}")


def explained(path: Path, error: BaseException, *, other: str = "give another file") -> BaseException:
    """The error that the caller receives for one of SQLite or of the file system. `other` is the remedy for a file in use."""
    if isinstance(error, ImportError):
        return ConfigurationError("this Python has no sqlite3, which journal= needs; use a Python that has it")
    import sqlite3  # noqa: PLC0415 - loaded by the first journal, never by `import aiolambda`

    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        fault = f"another run uses it; wait for the end of that run, or {other}"
    elif isinstance(error, OSError):
        fault = f"{error.strerror or error}; check its path and its disk"
    elif isinstance(error, sqlite3.Error):
        is_full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        fault = f"{error}; free some space on its disk" if is_full else f"{error}; {REMEDY}"
    elif isinstance(error, UnicodeDecodeError):  # from SQLite's own message, which quotes the file
        fault = f"malformed database schema; {REMEDY}"
    else:
        return error
    return ConfigurationError(f"the journal {str(path)!r} cannot be used: {fault}")


def row_shown(key: object, number: int) -> str:
    """How an error names the row of an item: by its key, or by its number if the key is no text."""
    return f"the row of the item {key!r}" if isinstance(key, str) else f"row {number} of its table 'items'"


def is_too_short(size: int) -> bool:
    """Whether a file of so many bytes is the rest of one: SQLite would take it for an empty database."""
    return 0 < size < _SMALLEST_PAGE


def private_file(given: Path) -> str:
    """Create the file for its owner alone, if it does not exist. Returns its real path."""
    try:
        path = os.path.realpath(given)  # Path.resolve raises a RuntimeError for a loop of links
        with contextlib.suppress(FileExistsError):  # an existing file stays closed: closing it would end another run's lock
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if is_too_short(Path(path).stat().st_size):
            raise damaged(given, "it is too short")
    except PermissionError as error:
        raise ConfigurationError(
            f"the journal {str(given)!r} cannot be used: {error.strerror}; give a file that this user owns"
        ) from None
    except ValueError:
        raise ConfigurationError(
            f"the journal {str(given)!r} cannot be used: no file can have this name; give another name"
        ) from None
    return path


def restrict_to_owner(path: str) -> None:
    """Let only the owner access the file, and the files that SQLite has put beside it."""
    for file in map(Path, (path, f"{path}-wal", f"{path}-shm", f"{path}-journal")):
        with contextlib.suppress(FileNotFoundError):
            mode = file.stat().st_mode
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & ~_OWNER_BITS:
                file.chmod(stat.S_IMODE(mode) & _OWNER_BITS)


def log_fault(path: Path) -> str:
    """The fault of the log in this file; empty if it is whole, or another process writes it at this moment.

    A last transaction that was not written to its end is no fault.
    """
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            fault = _fault_of(file)
            after = os.fstat(file.fileno())
    except FileNotFoundError:
        return ""
    return fault if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size) else ""


def _fault_of(file: BinaryIO) -> str:
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return ""
    magic, _, page_size, _, *salts, first, second = _HEADER.unpack(head)
    order = _MAGICS.get(magic, "<")
    checksum = _checksum(head[:_SUMMED], (0, 0), order)
    if magic not in _MAGICS or checksum != (first, second) or page_size > _LARGEST_PAGE:
        return "the header of its log was changed"
    is_whole = True
    for frame, page in _frames(file, page_size):
        _, ends_transaction, *frame_salts, first, second = _FRAME.unpack(frame)
        checksum = _checksum(frame[:8] + page, checksum, order)
        is_whole = is_whole and checksum == (first, second) and frame_salts == salts
        if ends_transaction and not is_whole:
            return "a part of its log was changed"
    return ""


def _frames(file: BinaryIO, page_size: int) -> Iterator[tuple[bytes, bytes]]:
    while True:
        frame, page = file.read(_FRAME.size), file.read(page_size)
        if len(page) < page_size:
            return
        yield frame, page


def _checksum(data: bytes, start: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = start
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
