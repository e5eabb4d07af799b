"""Content codings: which a body has, and the body without them.

Owns the formats and the bounds of decompression. Must not know the response that a body belongs to.
Source: RFC 9110, 8.4.1 ("Content Codings").
"""

import zlib
from collections.abc import Sequence

__all__ = ["CodingError", "TooLong", "codings_in", "decoded"]

_PIECE = 16 * 1024
"""Bytes that are decompressed at a time: what follows the end of a member is copied."""
_MOST_CODINGS = 5
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""The formats of zlib by the name of a content coding; 47 finds the header of either."""
_RAW = -15


class CodingError(Exception):
    """The body cannot be decompressed. The text says why, and never quotes the body."""


class TooLong(Exception):
    """The decompressed body would be larger than the limit."""


def codings_in(fields: Sequence[str]) -> list[str]:
    """The codings of `Content-Encoding` fields, in the order in which they were applied."""
    codings = [part.strip().lower() for field in fields for part in field.split(",")]
    return [coding for coding in codings if coding not in ("", "identity")]


def decoded(content: bytes, codings: Sequence[str], limit: int) -> bytes:
    """The body without its codings, of at most `limit` bytes. `CodingError` if it is damaged, `TooLong` if it is larger."""
    if len(codings) > _MOST_CODINGS:
        raise CodingError(f"the body has {len(codings)} content codings; decompress() takes {_MOST_CODINGS}")
    for coding in reversed(codings):
        content = _without(content, coding, limit)
    return content


def _without(content: bytes, coding: str, limit: int) -> bytes:
    window = _WINDOWS.get(coding)
    if window is None:
        raise CodingError(f"the body has the content coding {coding[:40]!r}; decompress() knows gzip and deflate")
    windows = (window, _RAW) if coding == "deflate" else (window,)  # some servers send deflate without its header
    for one in windows:
        try:
            return _inflated(content, one, limit)
        except zlib.error:
            continue
    raise CodingError(f"the body is not valid {coding}, or is cut short")


def _inflated(content: bytes, window: int, limit: int) -> bytes:
    """The decompressed bytes. `zlib.error` for damaged bytes, and for a body without its end."""
    whole, data, at = bytearray(), memoryview(content), 0
    inflater = zlib.decompressobj(window)
    while at < len(data):
        if inflater.eof:  # a body of gzip may have several members
            inflater = zlib.decompressobj(window)
        piece = data[at : at + _PIECE]
        whole += inflater.decompress(piece, limit + 1 - len(whole))
        if len(whole) > limit:
            raise TooLong
        at += len(piece) - len(inflater.unused_data)
    if not inflater.eof:
        raise zlib.error("no end")
    return bytes(whole)
