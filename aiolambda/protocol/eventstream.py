"""Frames of `application/vnd.amazon.eventstream`: decodes bytes to messages, and encodes messages to bytes.

Laws: a message is returned only after both checksums of its frame were verified. The buffer holds at most one incomplete frame,
whose size is limited. The work does not depend on the size of the pieces in which the bytes come.

Owns the layout of a frame and its headers. Must not know the meaning of a message, or the origin of the bytes.
Source: "Amazon Event Stream" of the Smithy specification. The limits are those of the AWS SDKs.
"""

import struct
import uuid
from binascii import crc32
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

__all__ = ["Byte", "Decoder", "FrameError", "Header", "Long", "Message", "Short", "Timestamp", "encode"]

LONGEST_HEADERS: Final = 128 * 1024
LONGEST_PAYLOAD: Final = 24 * 1024 * 1024
"""Limits in bytes, for one frame."""
_LONGEST_VALUE: Final = 0x7FFF

# A frame: its length, the length of its headers, the checksum of these two; headers; payload; the checksum of all of it.
_PRELUDE: Final = struct.Struct("!III")
_CHECKSUM: Final = struct.Struct("!I")
_LENGTHS: Final = _PRELUDE.size - _CHECKSUM.size
_AROUND: Final = _PRELUDE.size + _CHECKSUM.size
"""Bytes of a frame that are neither headers nor payload."""


class FrameError(ValueError):
    """The bytes are not a valid frame. The text never quotes them."""


class Byte(int):
    """A header value of 8 bits; a plain `int` has 32."""


class Short(int):
    """A header value of 16 bits."""


class Long(int):
    """A header value of 64 bits."""


class Timestamp(int):
    """A header value that is a time: milliseconds since 1970."""


Header = bool | int | bytes | str | uuid.UUID
"""The type of a header value. On the wire, `True`, `False` and the four kinds of `int` above have types of their own."""


class Message(NamedTuple):
    """One frame: headers and payload. Messages may share the mapping of headers."""

    headers: Mapping[str, Header]
    payload: bytes


_new: Final = cast("Callable[[type[Message], tuple[Mapping[str, Header], bytes]], Message]", cast("Any", tuple).__new__)
"""Creates a message in half the time of a call of its class."""


class Decoder:
    """Decodes a stream: pass bytes to `receive`, then iterate over the complete `messages`."""

    def __init__(self, *, longest_headers: int = LONGEST_HEADERS, longest_payload: int = LONGEST_PAYLOAD) -> None:
        self._longest_headers = longest_headers
        self._longest_payload = longest_payload
        self._buffer = bytearray()
        self._at = 0  # the start of the next frame
        self._summed = 0  # bytes of an incomplete frame that are in the checksum already
        self._checksum = 0
        self._failure: FrameError | None = None
        self._known: tuple[bytes, Mapping[str, Header]] = (b"", {})  # the last headers; in a stream they hardly ever change

    @property
    def pending(self) -> int:
        """Bytes that are not part of a returned message."""
        return len(self._buffer) - self._at

    def receive(self, data: bytes) -> None:
        """Add bytes, in pieces of any size. Must not be called while `messages` is being iterated."""
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data

    def messages(self) -> Iterator[Message]:
        """The complete messages, in order. `FrameError` for an invalid frame, now and at each later call."""
        if self._failure is not None:
            raise self._failure
        at, buffer, (known, headers) = self._at, self._buffer, self._known
        longest_headers, longest_payload = self._longest_headers, self._longest_payload
        with memoryview(buffer) as view:
            available = len(view)
            while available - at >= _PRELUDE.size:
                length, headers_length, checksum = _PRELUDE.unpack_from(view, at)
                seen = crc32(view[at : at + _LENGTHS])
                payload_at = at + _PRELUDE.size + headers_length
                end = at + length - _CHECKSUM.size
                if seen != checksum or headers_length > longest_headers or not 0 <= end - payload_at <= longest_payload:
                    raise self._refused(seen == checksum, headers_length, end - payload_at)
                if end + _CHECKSUM.size > available:
                    self._sum_up(view, seen, min(end, available))
                    return
                summed = _LENGTHS
                if self._summed:
                    summed, seen, self._summed = self._summed, self._checksum, 0
                if crc32(view[at + summed : end], seen) != _CHECKSUM.unpack_from(view, end)[0]:
                    raise self._failed("the checksum of a message is wrong")
                if headers_length != len(known) or not buffer.startswith(known, at + _PRELUDE.size):
                    known, headers = self._known = self._read_headers(view[at + _PRELUDE.size : payload_at].tobytes())
                self._at = at = end + _CHECKSUM.size
                yield _new(Message, (headers, view[payload_at:end].tobytes()))

    def _sum_up(self, view: memoryview, seen: int, end: int) -> None:
        """Add the new bytes of an incomplete frame to its checksum, so that no byte is summed twice."""
        before, checksum = (self._summed, self._checksum) if self._summed else (_LENGTHS, seen)
        self._checksum = crc32(view[self._at + before : end], checksum)
        self._summed = end - self._at

    def _read_headers(self, block: bytes) -> tuple[bytes, Mapping[str, Header]]:
        try:
            return block, _decoded(block)
        except FrameError as error:
            raise self._failed(str(error)) from None

    def _refused(self, intact: bool, headers_length: int, payload_length: int) -> FrameError:
        """The error for a prelude. Its lengths are quoted only if their checksum is right."""
        if not intact:
            return self._failed("the checksum of a prelude is wrong")
        if payload_length < 0:
            return self._failed("a message is shorter than its own headers")
        return self._failed(
            f"a message has {headers_length:,} bytes of headers and {payload_length:,} of payload; the limits are "
            f"{self._longest_headers:,} and {self._longest_payload:,}"
        )

    def _failed(self, reason: str) -> FrameError:
        self._failure = FrameError(reason)
        return self._failure


def encode(headers: Mapping[str, Header], payload: bytes = b"") -> bytes:
    """The frame of a message. `ValueError` if a header does not fit its type, or if the message exceeds the limits."""
    block = b"".join(_encoded(name, value) for name, value in headers.items())
    if len(block) > LONGEST_HEADERS or len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"a message has at most {LONGEST_HEADERS:,} bytes of headers and {LONGEST_PAYLOAD:,} of payload")
    lengths = struct.pack("!II", len(block) + len(payload) + _AROUND, len(block))
    frame = b"".join((lengths, _CHECKSUM.pack(crc32(lengths)), block, payload))
    return frame + _CHECKSUM.pack(crc32(frame))


class _Fields:
    """A reader of a block of headers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise FrameError("a header is longer than the headers")
        self._at += count
        return taken

    def number(self, count: int, *, signed: bool = True) -> int:
        return int.from_bytes(self.take(count), signed=signed)

    def counted(self) -> bytes:
        """Bytes that follow their length."""
        return self.take(self.number(2, signed=False))

    def text(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise FrameError("a header is not UTF-8") from None


_READERS: Final[tuple[Callable[[_Fields], Header], ...]] = (
    lambda _: True,
    lambda _: False,
    lambda fields: Byte(fields.number(1)),
    lambda fields: Short(fields.number(2)),
    lambda fields: fields.number(4),
    lambda fields: Long(fields.number(8)),
    lambda fields: fields.counted(),
    lambda fields: fields.text(fields.counted()),
    lambda fields: Timestamp(fields.number(8)),
    lambda fields: uuid.UUID(bytes=fields.take(16)),
)
"""The reader of a header value, by the number of its type."""


def _decoded(data: bytes) -> Mapping[str, Header]:
    headers: dict[str, Header] = {}
    fields = _Fields(data)
    while fields:
        name = fields.text(fields.take(fields.number(1, signed=False)))
        kind = fields.number(1, signed=False)
        if not name:
            raise FrameError("a header has no name")
        if name in headers:
            raise FrameError("a message has two headers of one name")
        if kind >= len(_READERS):
            raise FrameError(f"a header has the unknown type {kind}")
        headers[name] = _READERS[kind](fields)
    return headers


_WIDTHS: Final[Mapping[type[int], tuple[int, int]]] = {
    Byte: (2, 1),
    Short: (3, 2),
    int: (4, 4),
    Long: (5, 8),
    Timestamp: (8, 8),
}
"""The number of each type, and the size of its values in bytes."""


def _encoded(name: str, value: Header) -> bytes:
    spelled = name.encode()
    if not 0 < len(spelled) < 256:
        raise ValueError(f"the name of a header has 1 to 255 bytes; got {len(spelled)}")
    return bytes((len(spelled),)) + spelled + _encoded_value(value)


def _encoded_value(value: Header) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        kind, width = _WIDTHS[type(value)]
        try:
            return bytes((kind,)) + int(value).to_bytes(width, signed=True)
        except OverflowError:
            raise ValueError(f"a header of {8 * width} bits cannot hold {value}") from None
    if isinstance(value, uuid.UUID):
        return b"\x09" + value.bytes
    kind, data = (7, value.encode()) if isinstance(value, str) else (6, value)
    if len(data) > _LONGEST_VALUE:
        raise ValueError(f"the value of a header has at most {_LONGEST_VALUE:,} bytes; got {len(data):,}")
    return struct.pack("!BH", kind, len(data)) + data
