"""A payload that is an open file: read from where it stands to its end, in a thread, and no further than a payload may be long.

Owns the reading, and the refusal of what cannot be read. Must not know what is made of the bytes.
"""

import inspect
import io
from typing import Any, cast

from ..errors import InvalidInputError, InvalidPayloadSizeError
from ..threads import Threads

__all__ = ["check", "read"]

_THREADS = Threads("payload files", most=32)
"""A group of their own: a pipe may let its reader wait for as long as it likes."""
_IN_TEXT_MODE = "is open in text mode; open it in binary mode ('rb')"


def check(file: object) -> None:
    """`InvalidInputError` for a file that cannot be read, as far as can be seen before."""
    if isinstance(file, io.TextIOBase):
        raise _refused(_IN_TEXT_MODE)
    if getattr(file, "closed", False) is True:
        raise _refused("is closed")


async def read(file: object, longest: int) -> bytes:
    """The bytes of a file that is open in binary mode. `InvalidInputError` if it cannot be read, or has more than `longest`."""
    check(file)
    try:
        content = await _THREADS.run(lambda: _content(file, longest))
    except OSError as error:  # no thread can be started
        raise _refused(f"cannot be read: {error.strerror}") from None
    if isinstance(content, InvalidInputError):
        raise content
    return content


def _content(file: object, longest: int) -> bytes | InvalidInputError:
    """What is in the file, or why it is refused: an error that was raised here would keep what was read in its frames."""
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
            f"payload is a file with more than {longest:,} bytes, and that is the limit", size=None, limit=longest
        )
    if not data and _is_behind_its_begin(file):
        return _refused("is at its end, and has nothing left to read; seek(0) goes back to its begin")
    return bytes(data)


def _piece(file: object, size: int) -> bytes | bytearray | memoryview | str:
    """At most so many bytes, if the file keeps to it, and nothing at its end; or the text of a refusal."""
    try:
        piece: object = cast("Any", file).read(size)
    except io.UnsupportedOperation:
        return "is not open for reading"
    except OSError as error:
        return f"cannot be read: {error.strerror or type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - it may be anybody's object, and its text may quote what it reads
        return f"cannot be read: {type(error).__name__}"
    return _checked(piece)


def _checked(piece: object) -> bytes | bytearray | memoryview | str:
    """What a file gave, if it is bytes; or the text of a refusal."""
    if inspect.iscoroutine(piece):
        piece.close()
        return "is asynchronous; await its read(), and give the bytes"
    if isinstance(piece, str):
        return _IN_TEXT_MODE
    if not isinstance(piece, bytes | bytearray | memoryview):
        return f"gave {type(piece).__name__} in place of bytes when it was read"
    return cast("bytes | bytearray | memoryview", piece)


def _is_behind_its_begin(file: object) -> bool:
    """Whether something was read of it before; a pipe cannot tell."""
    try:
        return bool(cast("Any", file).tell() > 0)
    except Exception:  # noqa: BLE001 - as above
        return False


def _refused(reason: str) -> InvalidInputError:
    return InvalidInputError(f"payload is a file that {reason}", member="payload")
