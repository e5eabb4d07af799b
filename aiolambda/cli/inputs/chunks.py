"""The bytes of an input, piece by piece: decompressed, and without a byte order mark.

Law: a piece has 64 KiB at most (of zstd, a few MiB at worst), however far the data expand.

Must not know what the bytes mean.
"""

import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Literal, cast

from ...errors import ConfigurationError
from ..options import missing_extra
from ..payloads import check_encoding
from .values import InputError

__all__ = ["SIZE", "Compression", "decompressed", "without_mark"]

SIZE = 64 * 1024
"""Bytes to read at once."""
_SLICE = 1024
"""Bytes of zstd to decompress at once: its library gives all that they expand to."""

Compression = Literal["gz", "zst"]


def decompressed(chunks: Iterator[bytes], compression: Compression | None) -> Iterator[bytes]:
    """The chunks, decompressed. Raises `InputError` for damaged or incomplete data, `ConfigurationError` without zstandard."""
    if compression is None:
        return chunks
    return _gunzipped(chunks) if compression == "gz" else _zstd_of(chunks, *_zstd())


def without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks without a byte order mark at their start. Raises `ConfigurationError` for UTF-16."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(BOM_UTF8):
            break
    check_encoding(start, "the file of items")
    if start := start.removeprefix(BOM_UTF8):
        yield start
    yield from chunks


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Also of several members in a row, as `cat a.gz b.gz` makes them, with zeros after the last one."""
    member: Any = None
    for chunk in chunks:
        rest = chunk
        while member is not None or (rest := rest.lstrip(b"\0")):
            member = member or zlib.decompressobj(wbits=31)
            try:
                data = member.decompress(rest, SIZE)
            except zlib.error:
                raise _damaged("gzip") from None
            if data:
                yield data
            if member.eof:
                rest, member = member.unused_data, None
            elif not (rest := member.unconsumed_tail) and len(data) < SIZE:
                break  # it needs another chunk
    if member is not None:
        raise _incomplete("gzip")


def _zstd_of(chunks: Iterator[bytes], new_frame: Callable[[], Any], failure: type[Exception]) -> Iterator[bytes]:
    frame: Any = None
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            rest = chunk[start : start + _SLICE]
            while rest:
                frame = new_frame() if frame is None else frame
                try:
                    data = frame.decompress(rest)
                except failure:
                    raise _damaged("zstd") from None
                if data:
                    yield data
                rest = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    if frame is not None:
        raise _incomplete("zstd")


def _zstd() -> tuple[Callable[[], Any], type[Exception]]:
    """The maker of a decompressor of one frame, and its error: of Python 3.14, else of the package `zstandard`."""
    try:
        standard = cast("Any", import_module("compression.zstd"))
    except ImportError:
        pass
    else:
        return standard.ZstdDecompressor, standard.ZstdError
    try:
        package = cast("Any", import_module("zstandard"))
    except ImportError:
        raise missing_zstd() from None
    return lambda: package.ZstdDecompressor().decompressobj(), package.ZstdError


def missing_zstd() -> ConfigurationError:
    """The error for a `.zst` file that cannot be read."""
    return missing_extra("a .zst file", "zstandard", extra="zst")


def _damaged(name: str) -> InputError:
    return InputError(f"the input is not {name}, or it is damaged: the compressed data cannot be read on")


def _incomplete(name: str) -> InputError:
    return InputError(f"the input is incomplete: its {name} data end before their end mark")
