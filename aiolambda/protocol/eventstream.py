"""Frames of `application/vnd.amazon.eventstream`: bytes become messages, and messages bytes.

Laws: a message is given only once both checksums of its frame are right; no more is kept than the frame that is not whole yet,
and that is bounded; every byte is looked at as often in one piece as in a thousand.

Owns the layout of a frame and of its headers. Must not know what a message means, or where the bytes come from.
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
"""Bytes of one frame."""
_LONGEST_VALUE: Final = 0x7FFF

# A frame: its length, that of its headers, the checksum of these two; headers; payload; the checksum of all that.
_PRELUDE: Final = struct.Struct("!III")
_CHECKSUM: Final = struct.Struct("!I")
_LENGTHS: Final = _PRELUDE.size - _CHECKSUM.size
_AROUND: Final = _PRELUDE.size + _CHECKSUM.size
"""Bytes of a frame that are neither headers nor payload."""


class FrameError(ValueError):
    """Bytes that are no frame. The text never quotes them."""


class Byte(int):
    """A header of 8 bits; a plain `int` has 32."""


class Short(int):
    """A header of 16 bits."""


class Long(int):
    """A header of 64 bits."""


class Timestamp(int):
    """A header that is a time, in milliseconds since 1970."""


Header = bool | int | bytes | str | uuid.UUID
"""`True` and `False` have types of their own; so have the four kinds of `int` above."""


class Message(NamedTuple):
    """One frame: its headers, which may be shared with other messages, and its payload."""

    headers: Mapping[str, Header]
    payload: bytes


_new: Final = cast("Callable[[type[Message], tuple[Mapping[str, Header], bytes]], Message]", cast("Any", tuple).__new__)
"""Makes a message in half the time that its class takes."""


class Decoder:
    """`receive` bytes as they come, then take the `messages` that are whole."""

    def __init__(self, *, longest_headers: int = LONGEST_HEADERS, longest_payload: int = LONGEST_PAYLOAD) -> None:
        self._longest_headers = longest_headers
        self._longest_payload = longest_payload
        self._buffer = bytearray()
        self._at = 0  # where the next frame begins
        self._summed = 0  # bytes of it that its checksum has seen, if it is longer than what was there
        self._checksum = 0
        self._failure: FrameError | None = None
        self._known: tuple[bytes, Mapping[str, Header]] = (b"", {})  # the last headers: those of a stream hardly ever change

    @property
    def pending(self) -> int:
        """Bytes that no message was made of yet."""
        return len(self._buffer) - self._at

    def receive(self, data: bytes) -> None:
        """Take bytes, in pieces of any size. Not while `messages` are being taken."""
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data

    def messages(self) -> Iterator[Message]:
        """The messages that are whole, in order. `FrameError` for what is no frame, then and ever after."""
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
        """Checksum what is there of a long frame, so that its end does not take as long as all of it."""
        before, checksum = (self._summed, self._checksum) if self._summed else (_LENGTHS, seen)
        self._checksum = crc32(view[self._at + before : end], checksum)
        self._summed = end - self._at

    def _read_headers(self, block: bytes) -> tuple[bytes, Mapping[str, Header]]:
        try:
            return block, _decoded(block)
        except FrameError as error:
            raise self._failed(str(error)) from None

    def _refused(self, intact: bool, headers_length: int, payload_length: int) -> FrameError:
        """Lengths are believed only with the right checksum."""
        if not intact:
            return self._failed("the checksum of a prelude is wrong")
        if payload_length < 0:
            return self._failed("a message is shorter than its own headers")
        return self._failed(
            f"a message has {headers_length:,} bytes of headers and {payload_length:,} of payload, and the limits are "
            f"{self._longest_headers:,} and {self._longest_payload:,}"
        )

    def _failed(self, reason: str) -> FrameError:
        self._failure = FrameError(reason)
        return self._failure


def encode(headers: Mapping[str, Header], payload: bytes = b"") -> bytes:
    """The frame of a message. `ValueError` for a header that does not fit its type, and for what is over the limits."""
    block = b"".join(_encoded(name, value) for name, value in headers.items())
    if len(block) > LONGEST_HEADERS or len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"a message has at most {LONGEST_HEADERS:,} bytes of headers and {LONGEST_PAYLOAD:,} of payload")
    lengths = struct.pack("!II", len(block) + len(payload) + _AROUND, len(block))
    frame = b"".join((lengths, _CHECKSUM.pack(crc32(lengths)), block, payload))
    return frame + _CHECKSUM.pack(crc32(frame))


class _Fields:
    """A block of headers that is read from its front."""

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
        """Bytes behind their length."""
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
"""How the value of a header is read, by the number of its type."""


def _decoded(data: bytes) -> Mapping[str, Header]:
    headers: dict[str, Header] = {}
    fields = _Fields(data)
    while fields:
        name = fields.text(fields.take(fields.number(1, signed=False)))
        kind = fields.number(1, signed=False)
        if not name:
            raise FrameError("a header has no name")
        if name in headers:
            raise FrameError("a header stands twice")
        if kind >= len(_READERS):
            raise FrameError(f"a header has the type {kind}, and there are {len(_READERS)}")
        headers[name] = _READERS[kind](fields)
    return headers


_WIDTHS: Final[Mapping[type[int], tuple[int, int]]] = {
    Byte: (2, 1),
    Short: (3, 2),
    int: (4, 4),
    Long: (5, 8),
    Timestamp: (8, 8),
}
"""The number of a type, and the bytes of its values."""


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
