"""Codecs: how values become payload bytes, and back.

Owns the standard library's JSON as the default. Must not know what carries the bytes.
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
    """A value that is not of the type that was asked for. The text names types and members, never values."""


class _UnknownTypeError(Mismatch):
    """A type that this codec cannot compare a value with."""


class JsonCodec:
    """The standard library's JSON: compact, UTF-8, no NaN; attrs and data classes are written as objects.

    `decode` gives plain JSON types, and attrs and data classes, alone or in a union, a list or a dictionary. The members of
    such a class are plain JSON types: for nested models take a codec that knows them. A member that the class does not have
    is passed over. A megabyte of JSON takes some 5 to 20 ms of the event loop's time, in either direction.
    """

    def encode(self, value: object, /) -> bytes:
        """JSON in UTF-8. `InvalidInputError` for what has no JSON form: a type, NaN, a cycle, a lone surrogate."""
        try:
            return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            # The library's own texts name types, never values, but for that of a surrogate.
            reason = type(error).__name__ if isinstance(error, UnicodeError) else str(error)
        raise InvalidInputError(f"payload cannot be encoded: {reason}", member="payload") from None

    def decode(self, data: bytes, type: type[T], /) -> T:
        """A value of the type. `ValueError` if the data is not JSON, `TypeError` if it is of another shape."""
        return cast("T", _made(json.loads(data), type))


def _plain(value: object) -> object:
    kind = type(value)
    if not _is_model(kind):
        raise TypeError(f"{kind.__name__} has no JSON form; give bytes, or a client a codec that knows it")
    return {name: getattr(value, name) for name in _fields(kind) if hasattr(value, name)}


def _made(value: object, asked: Any) -> object:
    """The value as the type that is asked for. `Mismatch` if it is of another shape."""
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
    """A list or a dictionary with the classes that are asked for in it; other members are not looked at, for there are many."""
    if not arguments or not _holds_models(arguments[-1]):
        return value
    many = cast("Any", value)
    if isinstance(many, list) and len(arguments) == 1:
        return [_made(inner, arguments[0]) for inner in cast("list[object]", many)]
    if isinstance(many, dict) and len(arguments) == 2:
        return {name: _made(inner, arguments[1]) for name, inner in cast("dict[str, object]", many).items()}
    return value


def _made_of_union(value: object, asked: Any) -> object:
    """The value as the first type that it fits."""
    failures: list[Exception] = []
    for option in get_args(asked):
        try:
            return _made(value, option)
        except _UnknownTypeError:
            raise
        except (TypeError, ValueError) as failure:  # a validator of a class may raise either
            if option is not type(None):
                failures.append(failure)
    if len(failures) == 1:  # `X | None`, which says what X does
        raise failures[0]
    raise Mismatch(f"the payload is JSON of type {type(value).__name__}, and fits none of {asked!r}")


def _unwrapped(asked: Any) -> Any:
    """The type that `Annotated` and `NewType` speak of."""
    while True:
        if get_origin(asked) is Annotated:
            asked = asked.__origin__
        elif isinstance(asked, NewType):
            asked = asked.__supertype__
        else:
            return type(None) if asked is None else asked


def _fits(value: object, kind: Any) -> bool:
    """Whether JSON of this type is good for a type: a whole number is for a `float`, a truth value is for no number."""
    if kind is Any or kind is object:
        return True
    if kind is int or kind is float:
        return type(value) is int or type(value) is kind
    try:
        return isinstance(value, dict if is_typeddict(kind) else kind)
    except TypeError:
        pass
    raise _UnknownTypeError(f"JsonCodec does not know the type {kind!r}; give the client a codec that does")


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and (attrs.has(kind) or hasattr(kind, "__dataclass_fields__"))


def _holds_models(asked: Any) -> bool:
    asked = _unwrapped(asked)
    return _is_model(get_origin(asked) or asked) or any(_holds_models(inner) for inner in get_args(asked))


class _Constructor(NamedTuple):
    """What makes an instance of a class: its parameters with the fields that they set, and the fields that it does not set."""

    parameters: Mapping[str, str]
    needed: frozenset[str]
    others: frozenset[str]
    takes_all: bool


def _fields(kind: Any) -> Mapping[str, str]:
    """The fields of a class, and the names that the constructor has for them."""
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
    """An instance of an attrs or data class. A member has the name of the field, as in `encode`, or of the constructor."""
    constructor = _constructor(kind)
    named = {alias: name if name in members else alias for alias, name in constructor.parameters.items()}
    arguments = {alias: members[name] for alias, name in named.items() if name in members}
    if missing := sorted(named[alias] for alias in constructor.needed - arguments.keys()):
        raise Mismatch(f"the payload has no member {missing[0]!r}, and {kind.__name__} needs one")
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
