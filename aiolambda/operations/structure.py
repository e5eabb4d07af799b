"""Structures of the API: values with the members of the service's model, under Python names. One base class for all of them.

Laws: a member that is `None` is not set, and is not sent. A structure does not change, and its repr shows no secret.

Owns how a structure is built, compared and shown, and the table of its members. Must not know how it crosses the wire.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, TypeVar, cast, dataclass_transform

from ..errors import InvalidInputError
from ..types.mistakes import NotDictionary, kind_of, unknown_name

if TYPE_CHECKING:
    from inspect import Signature

__all__ = ["Kind", "Member", "Place", "Structure", "Table", "built", "python_name", "table_of"]

Place = Literal["body", "uri", "query", "header", "status", "payload"]
"""Where a member stands in a message. `payload` is the whole body."""

_PLACES = frozenset({"uri", "query", "header", "status", "payload", "body"})
_FLAGS = frozenset({"required", "sensitive", "token"})
_SCALARS = frozenset({"str", "int", "float", "bool", "blob", "json", "time", "time-epoch", "time-iso", "time-http"})
_ACRONYMS = {"GiB": "Gib", "VCpu": "Vcpu"}
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

S = TypeVar("S", bound="Structure")


def python_name(name: str) -> str:
    """The Python name of a member: `KMSKeyArn` is `kms_key_arn`."""
    for spelled, plain in _ACRONYMS.items():
        name = name.replace(spelled, plain)
    return _WORD.sub("_", name).lower()


class Kind(NamedTuple):
    """The type of a member: a scalar, such as `str`, or `list`, `map` or `structure` with its inner type or class."""

    name: str
    inner: "Kind | None" = None
    structure: "type[Structure] | None" = None


class Member(NamedTuple):
    """A member of a structure. `token` says that a request without it gets a random one, the same in all attempts."""

    name: str
    api_name: str
    kind: Kind
    place: Place
    wire_name: str
    required: bool
    sensitive: bool
    token: bool


class Table(NamedTuple):
    """The members of a structure: all, by Python name; by API name; and the names of those that must be given."""

    members: Mapping[str, Member]
    by_api_name: Mapping[str, Member]
    required: frozenset[str]


_TABLES: dict[type, Table] = {}


def table_of(kind: "type[Structure]") -> Table:
    """The table of a structure. It is made of the class's `_members` when it is first needed."""
    table = _TABLES.get(kind)
    if table is None:
        table = _TABLES[kind] = _table(kind)
    return table


def _table(kind: "type[Structure]") -> Table:
    members = [_member(line, kind._scope) for line in kind._members]  # pyright: ignore[reportPrivateUsage] - of this module
    return Table(
        {member.name: member for member in members},
        {member.api_name: member for member in members},
        frozenset(member.name for member in members if member.required),
    )


def _member(line: str, scope: "Callable[[], Mapping[str, Any]]") -> Member:
    """The member of a line such as `"Qualifier str query"`: name, type, flags, place, and its name there if that differs."""
    name, kind, *words = line.split()
    flags = _FLAGS.intersection(words)
    rest = [word for word in words if word not in _FLAGS]
    place = rest[0] if rest and rest[0] in _PLACES else "body"
    return Member(
        python_name(name),
        name,
        _kind(kind, scope),
        cast("Place", place),
        rest[1] if len(rest) > 1 else name,
        "required" in flags,
        "sensitive" in flags,
        "token" in flags,
    )


def _kind(text: str, scope: "Callable[[], Mapping[str, Any]]") -> Kind:
    """The type of a text: `str`, `[str]` for a list, `{str}` for a map, or the name of a structure."""
    if text in _SCALARS:
        return Kind(text)
    if text[0] in "[{":
        return Kind("list" if text[0] == "[" else "map", _kind(text[1:-1], scope))
    return Kind("structure", structure=scope()[text])


class _ShownSignature:
    """The signature that `help()` and completions show: the members, which `__init__` takes as `**members`."""

    def __get__(self, instance: object, owner: "type[Structure]") -> "Signature":
        from inspect import Parameter, Signature  # noqa: PLC0415 - only `help()` needs it

        members = table_of(owner).members.values()
        ordered = sorted(members, key=lambda member: not member.required)
        return Signature(
            [
                Parameter(member.name, Parameter.KEYWORD_ONLY, default=Parameter.empty if member.required else None)
                for member in ordered
            ]
        )


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Structure(NotDictionary):
    """The base of the API's structures. A subclass states its members as annotations, and once more in `_members`.

    The constructor takes the members by keyword. It raises `TypeError` for a name that the structure does not have, or if a
    needed member is missing. The request checks the types of the values.
    """

    _members: ClassVar[tuple[str, ...]] = ()
    """A line for each member, for `table_of`."""
    if not TYPE_CHECKING:
        __signature__ = _ShownSignature()

    def __init__(self, **members: Any) -> None:
        table = table_of(type(self))
        given = {name: value for name, value in members.items() if value is not None}
        if members.keys() <= table.members.keys() and table.required <= given.keys():
            self.__dict__.update(given)
            return
        problem = _problem_of(type(self), members, given)
        del members, given  # a traceback that is printed with locals would show them
        raise TypeError(problem)

    @classmethod
    def _scope(cls) -> Mapping[str, Any]:
        """The classes that the lines name."""
        return {}

    @classmethod
    def from_api(cls, members: Mapping[str, object], /) -> Self:
        """The structure from the member names of the API, as in boto3, with mappings for inner structures.

        Args:
            members: The members under their names in the API.

        Raises:
            InvalidInputError: It has no such member, or one is missing.
        """
        table = table_of(cls)
        if not isinstance(members, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise InvalidInputError(f"{cls.__name__}.from_api takes a mapping; got {kind_of(members)}", member="input")
        unknown = next((name for name in members if name not in table.by_api_name), None)
        if unknown is not None:
            text = unknown_name(cls.__name__.removesuffix("CommandInput"), "member", unknown, table.by_api_name)
            raise InvalidInputError(text, member=str(unknown)[:40])
        values = {
            table.by_api_name[name].name: _from_api(value, table.by_api_name[name].kind) for name, value in members.items()
        }
        missing = [member.api_name for member in table.members.values() if member.required and values.get(member.name) is None]
        if missing:
            needed = ", ".join(repr(name) for name in missing)
            raise InvalidInputError(f"{cls.__name__} needs the member {needed}", member=python_name(missing[0]))
        return built(cls, {name: value for name, value in values.items() if value is not None})

    def evolve(self, **changes: Any) -> Self:
        """A copy with other values for some members. `None` removes a member.

        ::

            call.input = call.input.evolve(qualifier="live")

        Args:
            changes: The members to change, by keyword.

        Raises:
            TypeError: There is no such member, or a needed one is removed.
        """
        return type(self)(**{**self.__dict__, **changes})

    __replace__ = evolve

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; write evolve({name}=...) for a copy with another value")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; write evolve({name}=None) for a copy without it")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._set_members() == other._set_members()

    def __hash__(self) -> int:
        return hash((type(self), frozenset(self._set_members().items())))

    def __repr__(self) -> str:
        table, values = table_of(type(self)), self._set_members()
        shown = [f"{name}={_shown(values[name], member)}" for name, member in table.members.items() if name in values]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _set_members(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if value is not None}


def built(kind: type[S], values: Mapping[str, object]) -> S:
    """A structure of values that need no check, by Python name."""
    made = object.__new__(kind)
    made.__dict__.update(values)
    return made


def _from_api(value: object, kind: Kind) -> object:
    """A value with structures in place of mappings. A value of another type stays: the request refuses it."""
    if kind.structure is not None:
        return kind.structure.from_api(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else value
    if kind.name == "list" and kind.inner is not None and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_from_api(one, kind.inner) for one in cast("Sequence[object]", value)]
    if kind.name == "map" and kind.inner is not None and isinstance(value, Mapping):
        return {name: _from_api(one, kind.inner) for name, one in cast("Mapping[object, object]", value).items()}
    return value


def _problem_of(kind: type[Structure], members: Mapping[str, object], given: Iterable[str]) -> str:
    """Why these are not the members of a structure. The text shows no value."""
    table = table_of(kind)
    unknown = next((name for name in members if name not in table.members), None)
    if unknown is not None:
        return unknown_name(kind.__name__, "argument", unknown, table.members)
    missing = [f"{name}=..." for name in table.members if name in table.required and name not in set(given)]
    return f"{kind.__name__} needs {', '.join(missing)}"


def _shown(value: object, member: Member) -> str:
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    return "<given>" if member.sensitive else repr(value)
