"""Codecs convert values to payload bytes and back. `JsonCodec` is the default.

Another codec, such as one over `orjson`, `msgspec` or pydantic, is any object with `encode(value) -> bytes` and
`decode(data, type)`: `LambdaClient(codec=...)`. Must not know how the bytes are sent.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, NewType, TypeVar, Union, cast, get_args, get_origin, is_typeddict

import attrs

from .errors import InvalidInputError

__all__ = ["JsonCodec", "Mismatch"]

T = TypeVar("T")


class Mismatch(TypeError):
    """The payload does not fit the requested type. The text names types and members, never values."""


class _UnknownTypeError(Mismatch):
    """The codec does not support the requested type."""


class JsonCodec:
    """JSON of the standard library: compact, in UTF-8, without NaN.

    `encode` writes attrs classes and data classes as objects. `decode` supports plain JSON types, attrs classes and data
    classes, alone or in a union, a list or a dictionary. Members of such a class must have plain JSON types; for nested models
    use another codec. Unknown members are ignored. A megabyte of JSON blocks the event loop for about 5 to 20 ms in either
    direction.
    """

    def encode(self, value: object, /) -> bytes:
        """The value as JSON.

        Args:
            value: Plain JSON types, attrs classes and data classes, in any nesting.

        Raises:
            InvalidInputError: The value has no JSON form: an unknown type, NaN, a cycle, a lone surrogate.
        """
        try:
            return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            # The texts of the library name types and never values, except for lone surrogates.
            reason = type(error).__name__ if isinstance(error, UnicodeError) else str(error)
        raise InvalidInputError(f"payload cannot be encoded: {reason}", member="payload") from None

    def decode(self, data: bytes, type: type[T], /) -> T:
        """The data as a value of the type.

        Args:
            data: JSON, in UTF-8, UTF-16 or UTF-32.
            type: A plain JSON type, an attrs class or a data class, alone or in a union, a list or a dictionary.

        Raises:
            ValueError: The data is not JSON.
            TypeError: The value does not fit the type.
        """
        return cast("T", _made(json.loads(data), type))

    def __repr__(self) -> str:
        return "JsonCodec()"


def _plain(value: object) -> object:
    kind = type(value)
    if not _is_model(kind):
        raise TypeError(f"{kind.__name__} has no JSON form; pass bytes, or a codec that supports it: LambdaClient(codec=...)")
    return {name: getattr(value, name) for name in _fields(kind) if hasattr(value, name)}


def _made(value: object, asked: Any) -> object:
    """The value as the requested type. `Mismatch` if it does not fit."""
    if type(value) is asked:
        return value
    asked = _unwrapped(asked)
    kind = get_origin(asked) or asked
    if kind is Union or kind is UnionType:
        return _made_of_union(value, asked)
    if _is_model(kind) and isinstance(value, dict):
        return _instance(kind, cast("dict[str, object]", value))
    if not _fits(value, kind):
        raise Mismatch(f"the payload is JSON of type {type(value).__name__}, not {asked!r}")
    return _with_models(value, get_args(asked))


def _with_models(value: object, arguments: tuple[Any, ...]) -> object:
    """A list or dictionary with its members as the requested classes. Members of other types are not checked: that is slow."""
    if not arguments or not _holds_models(arguments[-1]):
        return value
    many = cast("Any", value)
    if isinstance(many, list) and len(arguments) == 1:
        return [_made(inner, arguments[0]) for inner in cast("list[object]", many)]
    if isinstance(many, dict) and len(arguments) == 2:
        return {name: _made(inner, arguments[1]) for name, inner in cast("dict[str, object]", many).items()}
    return value


def _made_of_union(value: object, asked: Any) -> object:
    """The value as the first type of the union that it fits."""
    failures: list[Exception] = []
    for option in get_args(asked):
        try:
            return _made(value, option)
        except _UnknownTypeError:
            raise
        except (TypeError, ValueError) as failure:  # a validator of a class may raise either
            if option is not type(None):
                failures.append(failure)
    if len(failures) == 1:  # `X | None` fails like X
        raise failures[0]
    raise Mismatch(f"the payload is JSON of type {type(value).__name__}, and fits no type of {asked!r}")


def _unwrapped(asked: Any) -> Any:
    """The type inside `Annotated` and `NewType`."""
    while True:
        if get_origin(asked) is Annotated:
            asked = asked.__origin__
        elif isinstance(asked, NewType):
            asked = asked.__supertype__
        else:
            return type(None) if asked is None else asked


def _fits(value: object, kind: Any) -> bool:
    """Whether a JSON value fits a type. A whole number fits `float`; `true` fits no number."""
    if kind is Any or kind is object:
        return True
    if kind is int or kind is float:
        return type(value) is int or type(value) is kind
    try:
        return isinstance(value, dict if is_typeddict(kind) else kind)
    except TypeError:
        pass
    raise _UnknownTypeError(f"JsonCodec does not support the type {kind!r}; pass a codec that does: LambdaClient(codec=...)")


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and (attrs.has(kind) or hasattr(kind, "__dataclass_fields__"))


def _holds_models(asked: Any) -> bool:
    asked = _unwrapped(asked)
    return _is_model(get_origin(asked) or asked) or any(_holds_models(inner) for inner in get_args(asked))


class _Constructor(NamedTuple):
    """The constructor of a class: its parameters, the field that each one sets, and the fields that no parameter sets."""

    parameters: Mapping[str, str]
    needed: frozenset[str]
    others: frozenset[str]
    takes_all: bool


def _fields(kind: Any) -> Mapping[str, str]:
    """The fields of a class, and their names in the constructor."""
    if attrs.has(kind):
        return {field.name: field.alias or field.name for field in attrs.fields(kind)}
    import dataclasses  # noqa: PLC0415 - most payloads are mappings

    return {field.name: field.name for field in dataclasses.fields(kind)}


@lru_cache(maxsize=256)
def _constructor(kind: Any) -> _Constructor:
    import inspect  # noqa: PLC0415 - as above

    fields = {alias: name for name, alias in _fields(kind).items()}
    given = inspect.signature(kind).parameters.values()
    named = [one for one in given if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    parameters = {one.name: fields.get(one.name, one.name) for one in named}
    return _Constructor(
        parameters=parameters,
        needed=frozenset(one.name for one in named if one.default is one.empty),
        others=frozenset(fields.values()) - frozenset(parameters.values()),
        takes_all=any(one.kind is one.VAR_KEYWORD for one in given),
    )


def _instance(kind: Any, members: Mapping[str, object]) -> object:
    """An instance of an attrs class or data class. A member is named like the field, as in `encode`, or like the parameter."""
    constructor = _constructor(kind)
    named = {alias: name if name in members else alias for alias, name in constructor.parameters.items()}
    arguments = {alias: members[name] for alias, name in named.items() if name in members}
    if missing := sorted(named[alias] for alias in constructor.needed - arguments.keys()):
        raise Mismatch(f"the payload has no member {missing[0]!r}, which {kind.__name__} requires")
    if constructor.takes_all:
        arguments |= {name: value for name, value in members.items() if name not in {*named.values(), *constructor.others}}
    instance = kind(**arguments)
    for name in constructor.others & members.keys():
        _set(instance, name, members[name])
    return instance


def _set(instance: object, name: str, value: object) -> None:
    try:
        setattr(instance, name, value)
    except AttributeError:  # the class is frozen
        object.__setattr__(instance, name, value)
