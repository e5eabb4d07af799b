"""Percent-encoding as RFC 3986 and Signature Version 4 want it.

Owns how text becomes part of a URL. Must not know what the text means.
"""

from functools import lru_cache
from urllib.parse import quote

__all__ = ["canonical_path", "canonical_query", "encode_label"]

_UNRESERVED = "-_.~"


@lru_cache(maxsize=1024)
def encode_label(text: str) -> str:
    """One path segment or query value: everything but the unreserved characters is encoded, `/` and `:` too."""
    return quote(text, safe=_UNRESERVED)


def without_dot_segments(path: str) -> str:
    """The path without `.`, `..` and empty segments; a trailing slash stays.

    As botocore and JS resolve it: RFC 3986 would end `/a/.` in a slash too.
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    trailing = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{trailing}"


@lru_cache(maxsize=1024)
def canonical_path(path: str, normalize: bool = True, double_encode: bool = True) -> str:  # noqa: FBT002 - a cache that is asked by keyword takes twice as long
    """The path of the canonical request: resolved, and encoded once more than on the wire (every service but S3)."""
    path = path or "/"
    if normalize:
        path = without_dot_segments(path)
    return quote(path, safe=_UNRESERVED + "/") if double_encode else path


def canonical_query(query: str) -> str:
    """The query of the canonical request: the pairs as they are encoded on the wire, sorted by name, then value."""
    if not query:
        return ""
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
