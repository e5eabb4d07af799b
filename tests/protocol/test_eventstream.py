"""Event-stream frames: the public vectors, random frames in random pieces, and botocore's decoder beside ours."""

import base64
import datetime as dt
import struct
import tracemalloc
import uuid
from binascii import crc32
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolambda.protocol.eventstream import (
    LONGEST_HEADERS,
    LONGEST_PAYLOAD,
    Byte,
    Decoder,
    FrameError,
    Long,
    Message,
    Short,
    Timestamp,
    encode,
)

from ..support import suites

CHUNK = {":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"}


def decoded(*pieces: bytes) -> list[Message]:
    decoder = Decoder()
    messages: list[Message] = []
    for piece in pieces:
        decoder.receive(piece)
        messages += decoder.messages()
    assert not decoder.pending
    return messages


def by_botocore(data: bytes) -> list[Message]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [Message(event.headers, event.payload) for event in buffer]


def plain(message: Message) -> tuple[dict[str, Any], bytes]:
    """A message as botocore has it: a UUID is bytes there, and all whole numbers are alike."""
    headers = {name: value.bytes if isinstance(value, uuid.UUID) else value for name, value in message.headers.items()}
    return headers, message.payload


def vectors(*, good: bool) -> list[dict[str, Any]]:
    return [
        vector for vector in suites.load("eventstream/vectors.json")["vectors"] if ("error" in vector["expect"]) is not good
    ]


def splits(data: bytes) -> list[tuple[bytes, ...]]:
    """Whole, byte by byte, and in two pieces, wherever these can be cut."""
    one_by_one = tuple(data[at : at + 1] for at in range(len(data)))
    return [(data,), one_by_one, *((data[:at], data[at:]) for at in range(1, len(data)))]


def test_frame_suite_is_complete() -> None:
    assert (len(vectors(good=True)), len(vectors(good=False))) == (17, 19)


def test_valid_frames_decode_from_any_pieces() -> None:
    for vector in vectors(good=True):
        data, expected = base64.b64decode(vector["bytes"]), vector["expect"]
        for pieces in splits(data):
            (message,) = decoded(*pieces)
            assert message.payload == base64.b64decode(expected["payload"]), vector["name"]
        assert len(data) == expected["total_length"]
        assert plain(message) == plain(by_botocore(data)[0]), vector["name"]


def test_invalid_frames_are_refused_in_any_pieces() -> None:
    for vector in vectors(good=False):
        data = base64.b64decode(vector["bytes"])
        for pieces in splits(data):
            with pytest.raises(FrameError):
                decoded(*pieces)


def test_decoded_frames_encode_to_the_same_bytes() -> None:
    for vector in vectors(good=True):
        data = base64.b64decode(vector["bytes"])
        (message,) = decoded(data)
        assert encode(message.headers, message.payload) == data, vector["name"]


HEADERS = st.dictionaries(
    st.text(min_size=1, max_size=40).filter(lambda name: 0 < len(name.encode(errors="replace")) < 256 and name.isprintable()),
    st.one_of(
        st.booleans(),
        st.integers(-(2**7), 2**7 - 1).map(Byte),
        st.integers(-(2**15), 2**15 - 1).map(Short),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(-(2**63), 2**63 - 1).map(Long),
        st.integers(-(2**63), 2**63 - 1).map(Timestamp),
        st.binary(max_size=200),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
        st.uuids(),
    ),
    max_size=8,
)
MESSAGES = st.lists(st.builds(Message, HEADERS, st.binary(max_size=2000)), max_size=6)


@settings(derandomize=False)
@given(messages=MESSAGES, data=st.data())
def test_random_frames_decode_as_by_botocore(messages: list[Message], data: st.DataObject) -> None:
    frames = b"".join(encode(message.headers, message.payload) for message in messages)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(frames)), max_size=12)))
    pieces = [frames[start:end] for start, end in zip([0, *cuts], [*cuts, len(frames)], strict=True)]
    ours = decoded(*pieces)
    assert ours == messages
    assert [[type(value) for value in message.headers.values()] for message in ours] == [
        [type(value) for value in message.headers.values()] for message in messages
    ]
    assert [plain(message) for message in ours] == [plain(message) for message in by_botocore(frames)]


@settings(derandomize=False)
@given(message=st.builds(Message, HEADERS, st.binary(max_size=100)), data=st.data())
def test_frame_with_a_flipped_bit_is_refused(message: Message, data: st.DataObject) -> None:
    frame = bytearray(encode(message.headers, message.payload))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameError):
        decoded(bytes(frame))
    with pytest.raises(ParserError):
        by_botocore(bytes(frame))


def test_decoder_stops_at_the_first_bad_frame() -> None:
    good, bad = encode(CHUNK, b"1"), bytearray(encode(CHUNK, b"2"))
    bad[-1] ^= 1
    decoder = Decoder()
    decoder.receive(good + bad + good)
    messages = decoder.messages()
    assert next(messages).payload == b"1"
    with pytest.raises(FrameError, match="checksum of a message"):
        next(messages)
    decoder.receive(good)
    with pytest.raises(FrameError):
        next(decoder.messages())


def prelude(length: int, headers_length: int) -> bytes:
    lengths = struct.pack("!II", length, headers_length)
    return lengths + struct.pack("!I", crc32(lengths))


@pytest.mark.parametrize(
    ("length", "headers_length", "text"),
    [
        (LONGEST_PAYLOAD + 17, 0, "25,165,825 of payload"),
        (LONGEST_HEADERS + 17, LONGEST_HEADERS + 1, "131,073 bytes of headers"),
        (0xFFFFFFFF, 0xFFFFFFF0 - 1, "bytes of headers"),
        (15, 0, "shorter than its own headers"),
        (16, 1, "shorter than its own headers"),
        (0, 0, "shorter than its own headers"),
    ],
)
def test_impossible_lengths_are_refused_at_once(length: int, headers_length: int, text: str) -> None:
    decoder = Decoder()
    decoder.receive(prelude(length, headers_length))
    with pytest.raises(FrameError, match=text):
        next(decoder.messages())


def test_largest_frame_is_accepted() -> None:
    payload = bytes(LONGEST_PAYLOAD)
    assert decoded(encode({}, payload))[0].payload == payload


def test_decoder_keeps_only_the_incomplete_frame() -> None:
    frame = encode(CHUNK, bytes(1024))
    decoder = Decoder()
    tracemalloc.start()
    try:
        for _ in range(4000):
            decoder.receive(frame)
            for message in decoder.messages():
                assert len(message.payload) == 1024
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_repeated_headers_are_parsed_once() -> None:
    frames = [
        encode(CHUNK, b"a"),
        encode(CHUNK, b"b"),
        encode({}, b"c"),
        encode({**CHUNK, "x": Byte(1)}, b"d"),
        encode(CHUNK, b""),
    ]
    first, second, third, fourth, fifth = decoded(b"".join(frames))
    assert first.headers is second.headers
    assert (third.headers, fourth.headers["x"], fifth.headers) == ({}, 1, CHUNK)


@pytest.mark.parametrize(
    ("headers", "payload", "text"),
    [
        ({"": True}, b"", "1 to 255 bytes"),
        ({"é" * 128: True}, b"", "1 to 255 bytes"),
        ({"a": Byte(128)}, b"", "8 bits"),
        ({"a": 2**31}, b"", "32 bits"),
        ({"a": Long(2**63)}, b"", "64 bits"),
        ({"a": "x" * 32768}, b"", "at most 32,767 bytes"),
        ({"a": bytes(32768)}, b"", "at most 32,767 bytes"),
        ({str(number): bytes(32767) for number in range(5)}, b"", "bytes of headers"),
        ({}, bytes(LONGEST_PAYLOAD + 1), "of payload"),
    ],
)
def test_unencodable_frame_is_refused(headers: dict[str, Any], payload: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        encode(headers, payload)


def test_timestamp_is_in_milliseconds() -> None:
    moment = dt.datetime(2026, 11, 25, 12, 0, 0, 123000, dt.UTC)
    (message,) = decoded(encode({"at": Timestamp(moment.timestamp() * 1000)}))
    assert dt.datetime.fromtimestamp(int(message.headers["at"]) / 1000, dt.UTC) == moment  # type: ignore[arg-type]
