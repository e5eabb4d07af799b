"""Packed results come back as they were, or not at all."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda.fanout import journal_packing
from aiolambda.fanout.journal_packing import Packed, Packer, PackingError

LONG = b"x" * 40_000


@pytest.mark.parametrize("payload", [None, b"", b"\0", b"{}", b"\xff" * 100, LONG, random.Random(1).randbytes(50_000)])  # noqa: S311 - no secret
@pytest.mark.parametrize("record", ["{}", '{"a": "\\u0000é"}', "é" * 10_000])
def test_a_result_comes_back(record: str, payload: bytes | None) -> None:
    packer, reader = Packer(), Packer()
    for number in range(3):
        packed = packer.pack(record, payload, shape=2)
        assert (packed.sample is not None) == (number == 0)
        if packed.sample is not None:
            reader.learn(2, packed.sample)
        assert reader.unpack(packed) == (record, payload)


def test_a_long_payload_has_a_column_of_its_own() -> None:
    packed = Packer().pack("{}", LONG, shape=2)
    assert packed.payload is not None
    assert len(packed.payload) < 1000
    noise = random.Random(2).randbytes(50_000)  # noqa: S311 - no secret
    assert Packer().pack("{}", noise, shape=2).payload == b"\0" + noise


@given(content=st.binary(max_size=60), payload=st.none() | st.binary(max_size=20), dictionary=st.integers(0, 2))
def test_other_bytes_are_an_error(content: bytes, payload: bytes | None, dictionary: int) -> None:
    try:
        record, found = Packer().unpack(Packed(dictionary, content, payload))
    except PackingError as error:
        assert error.__context__ is None  # noqa: PT017 - either end is right
        return
    assert isinstance(record, str)
    assert found is None or isinstance(found, bytes)


def test_a_bomb_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_packing, "_LARGEST", 1000)
    bomb = Packer().pack("x" * 2000, None, shape=0)
    with pytest.raises(PackingError, match="cannot be decompressed"):
        Packer().unpack(bomb)


def test_the_common_dictionary_belongs_to_the_format() -> None:
    """Another text would make the journals of earlier runs unreadable: it needs another number of the format."""
    assert zlib.crc32(journal_packing._COMMON) == 10502054
