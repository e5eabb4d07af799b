"""A payload that is an open file: it is read in a thread, from its position to its end, up to the limit of a payload.

Owns the reading, and the errors of files that cannot be read. Must not know the use of the bytes.
"""

import inspect
import io
from typing import Any, cast

from ..errors import InvalidInputError, InvalidPayloadSizeError
from ..threads import Threads

__all__ = ["check", "read"]

_THREADS = Threads("payload files", most=32)
"""A separate group: reading a pipe may take any time."""
_IN_TEXT_MODE = "is open in text mode; open it in binary mode ('rb')"


def check(file: object) -> None:
    """`InvalidInputError` for a file in text mode, or one that is closed."""
    if isinstance(file, io.TextIOBase):
        raise _refused(_IN_TEXT_MODE)
    if getattr(file, "closed", False) is True:
        raise _refused("is closed")


async def read(file: object, longest: int) -> bytes:
    """The bytes of a file in binary mode. `InvalidInputError` if it cannot be read, or has more than `longest` bytes."""
    check(file)
    try:
        content = await _THREADS.run(lambda: _content(file, longest))
    except OSError as error:  # no thread can be started
        raise _refused(f"cannot be read: {error.strerror}") from None
    if isinstance(content, InvalidInputError):
        raise content
    return content


def _content(file: object, longest: int) -> bytes | InvalidInputError:
    """The content of the file, or an error. It is returned, not raised: its traceback would hold the content."""
    data = bytearray()
    while len(data) <= longest:
        piece = _piece(file, longest + 1 - len(data))
        if isinstance(piece, str):
            return _refused(piece)
        if not piece:
            break
        data += piece
    if len(data) > longest:
        return InvalidPayloadSizeError(
            f"payload is a file with more than {longest:,} bytes, which is the limit", size=None, limit=longest
        )
    if not data and _is_past_start(file):
        return _refused("is at its end, and has nothing left to read; seek(0) goes back to its start")
    return bytes(data)


def _piece(file: object, size: int) -> bytes | bytearray | memoryview | str:
    """The next bytes, at most `size` if the file obeys, none at its end; or the text of a refusal."""
    try:
        piece: object = cast("Any", file).read(size)
    except io.UnsupportedOperation:
        return "is not open for reading"
    except OSError as error:
        return f"cannot be read: {error.strerror or type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - any object of the user; its error text may quote the content
        return f"cannot be read: {type(error).__name__}"
    return _checked(piece)


def _checked(piece: object) -> bytes | bytearray | memoryview | str:
    """The result of a read, if it is bytes; or the text of a refusal."""
    if inspect.iscoroutine(piece):
        piece.close()
        return "is asynchronous; await its read(), and pass the bytes"
    if isinstance(piece, str):
        return _IN_TEXT_MODE
    if not isinstance(piece, bytes | bytearray | memoryview):
        return f"returned {type(piece).__name__} instead of bytes when it was read"
    return cast("bytes | bytearray | memoryview", piece)


def _is_past_start(file: object) -> bool:
    """Whether the file was read before; a pipe cannot tell."""
    try:
        return bool(cast("Any", file).tell() > 0)
    except Exception:  # noqa: BLE001 - as above
        return False


def _refused(reason: str) -> InvalidInputError:
    return InvalidInputError(f"payload is a file that {reason}", member="payload")
