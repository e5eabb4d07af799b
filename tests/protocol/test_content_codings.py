"""Content codings: bodies with and without them, and damaged ones."""

import contextlib
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda.protocol.content_codings import CodingError, TooLong, codings_in, decoded

_CODE = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
_LIMIT = 100_000


@given(st.binary(max_size=50_000), st.lists(st.sampled_from(sorted(_CODE)), max_size=5))
def test_codings_are_undone_in_reverse(body: bytes, codings: list[str]) -> None:
    content = body
    for coding in codings:
        content = _CODE[coding](content)
    assert decoded(content, codings, _LIMIT) == body


@given(st.binary(max_size=200), st.integers(0, 300), st.binary(max_size=3), st.sampled_from(sorted(_CODE)))
def test_damage_is_an_error_of_the_coding(body: bytes, at: int, damage: bytes, coding: str) -> None:
    whole = _CODE[coding](body)
    content = whole[:at] + damage + whole[at + len(damage) :]
    with contextlib.suppress(CodingError, TooLong):
        assert len(decoded(content, [coding], 50)) <= 50


@pytest.mark.parametrize("cut", [1, 8, 12], ids=["last-byte", "trailer", "data"])
def test_a_body_without_its_end_is_refused(cut: int) -> None:
    with pytest.raises(CodingError, match="not valid gzip, or is cut short"):
        decoded(gzip.compress(b"tea" * 9)[:-cut], ["gzip"], _LIMIT)


def test_the_limit_bounds_the_memory_of_a_bomb() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(TooLong):
        decoded(bomb, ["gzip"], 9_999_999)
    assert len(decoded(bomb, ["gzip"], 10_000_000)) == 10_000_000


def test_deflate_may_lack_its_header() -> None:
    assert decoded(zlib.compress(b"tea", wbits=-15), ["deflate"], 3) == b"tea"


def test_names_are_read_from_all_fields() -> None:
    assert codings_in(["GZIP, identity", "", " deflate"]) == ["gzip", "deflate"]
