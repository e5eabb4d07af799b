"""Codecs: how values become payload bytes, and back.

Owns the standard library's JSON as the default. Must not know what carries the bytes.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast, is_typeddict

import attrs

from .errors import InvalidInputError

__all__ = ["JsonCodec"]

T = TypeVar("T")


def _plain(value: object) -> object:
    import dataclasses  # noqa: PLC0415 - most payloads are mappings

    if attrs.has(type(value)):
        return attrs.asdict(cast("Any", value), recurse=False)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form; give bytes, or a client a codec that knows it")


def _json_type(asked: Any) -> Any:
    """What JSON can hold of a type: a whole number is good for a `float`, and an object for a `TypedDict`."""
    kind = getattr(asked, "__origin__", asked)
    return dict if is_typeddict(kind) else (int, float) if kind is float else kind


class JsonCodec:
    """The standard library's JSON: compact, UTF-8, no NaN; attrs and data classes are written as objects.

    `decode` gives plain JSON types, and one attrs or data class whose members they are; for nested models take a codec
    that knows them. A megabyte of JSON takes some 5 to 20 ms of the event loop's time, in either direction.
    """

    def encode(self, value: object, /) -> bytes:
        """JSON in UTF-8. `InvalidInputError` for what has no JSON form: a type, NaN, a cycle, a lone surrogate."""
        try:
            return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            # The library's own texts name types, never values, but for that of a surrogate.
            reason = type(error).__name__ if isinstance(error, UnicodeError) else error
            raise InvalidInputError(f"payload cannot be encoded: {reason}", member="payload") from None

    def decode(self, data: bytes, type: type[T], /) -> T:
        """A value of the type. `ValueError` where the data is not JSON, `TypeError` where it is of another shape."""
        import dataclasses  # noqa: PLC0415 - as above

        value = json.loads(data)
        if (attrs.has(type) or dataclasses.is_dataclass(type)) and isinstance(value, Mapping):
            return cast("T", type(**cast("dict[str, Any]", value)))
        try:
            fits = isinstance(value, _json_type(type))
        except TypeError:
            raise TypeError(f"JsonCodec does not know the type {type!r}; give the client a codec that does") from None
        if not fits:
            raise TypeError(f"the payload is JSON of type {value.__class__.__name__}, not {type!r}")
        return cast("T", value)
