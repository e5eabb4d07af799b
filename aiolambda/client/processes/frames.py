"""The frames of the pipe between a map and its workers: a length, and the pickle of a list of messages.

A message is a tuple whose first member is its kind. To a worker go `setup`, `run`, `cancel`, `end`, `credentials` and `close`;
from it come `ready`, `failed`, `begun`, `done`, `credentials` and `log`.

Law: the members of a message are plain values: text, bytes, numbers, and tuples and lists of these. An object of another class
is in a pickle of its own, as bytes: so one that cannot be loaded damages no frame.

Owns the form. Must not know what a message means, or read a pipe.
"""

import io
import pickle
import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["FULL_FRAME", "LARGEST_FRAME", "DamagedFrameError", "FrameReader", "Message", "frame_of"]

Message = tuple[Any, ...]

FULL_FRAME = 1 << 20
"""Bytes of payloads, after which the rest goes into another frame: each is made, and read, in one turn of a loop."""
LARGEST_FRAME = 1 << 30
"""Bytes. A length beyond it is no length: something else wrote to the pipe."""

_LENGTH = struct.Struct(">I")


class DamagedFrameError(Exception):
    """The bytes are not those of a frame."""


class _Pickler(pickle.Pickler):
    """Refuses what is not plain. It is asked about other classes only, so that plain values take no time more."""

    def reducer_override(self, obj: Any, /) -> Any:
        raise TypeError(f"an object of the class {type(obj).__name__} is no plain value")


def frame_of(messages: list[Message]) -> bytes:
    """The bytes of a frame with these messages. `TypeError` if they hold something else than plain values."""
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(messages)
    content = stream.getvalue()
    if len(content) > LARGEST_FRAME:
        raise DamagedFrameError(f"a frame has {len(content):,} bytes, and may have {LARGEST_FRAME:,}")
    return _LENGTH.pack(len(content)) + content


class FrameReader:
    """Takes bytes as they arrive, and yields the messages of each frame that is whole."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        """Bytes in the parts."""
        self._needed = _LENGTH.size
        """Bytes from which on there is something to do."""

    @property
    def is_between_frames(self) -> bool:
        """Whether no part of a frame has come."""
        return self._held == 0

    def feed(self, data: bytes) -> Iterator[list[Message]]:
        """The messages of the frames that are whole now. `DamagedFrameError` if the bytes are not those of frames."""
        self._parts.append(data)
        self._held += len(data)
        if self._held < self._needed:
            return
        content = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        at = 0
        while True:
            end = at + _LENGTH.size
            if len(content) >= end:
                (length,) = _LENGTH.unpack_from(content, at)
                if length > LARGEST_FRAME:
                    raise DamagedFrameError("a frame has an impossible length")
                end += length
            if len(content) < end:
                break
            yield _messages_in(content[at + _LENGTH.size : end])
            at = end
        rest = content[at:]
        self._parts, self._held, self._needed = ([rest] if rest else []), len(rest), end - at


def _messages_in(content: bytes) -> list[Message]:
    try:
        messages: object = pickle.loads(content)  # noqa: S301 - of a process of this program
    except Exception as error:  # noqa: BLE001 - nonsense may raise anything
        raise DamagedFrameError(f"a frame cannot be read: {type(error).__name__}") from None
    if not isinstance(messages, list):
        raise DamagedFrameError("a frame has no messages")
    return messages  # pyright: ignore[reportUnknownVariableType] - of the other end of the pipe, which is ours
