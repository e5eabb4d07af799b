"""What `JsonCodec` makes of JSON: plain types, attrs and data classes, alone, in unions and in containers; and back."""

import collections.abc
import dataclasses
import typing
from typing import Annotated, Any, Generic, NewType, TypedDict, TypeVar

import attrs
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import JsonCodec

T = TypeVar("T")
MAYBE: Any = typing.Optional
EITHER: Any = typing.Union
"""The old spellings, which a linter would replace by the new."""
CODEC = JsonCodec()


@attrs.frozen
class Order:
    id: int
    lines: tuple["Line", ...] = ()


@dataclasses.dataclass
class Line:
    tea: str


class Tea(TypedDict):
    name: str


class Cup(TypedDict, Generic[T]):
    holds: T


@attrs.define
class Box(Generic[T]):
    holds: T


OrderId = NewType("OrderId", int)


@pytest.mark.parametrize(
    ("data", "type", "value"),
    [
        (b'{"id": 7, "lines": []}', Order, Order(7, [])),  # type: ignore[arg-type]
        (b'{"tea": "green"}', Line, Line("green")),
        (b'{"name": "green"}', Tea, {"name": "green"}),
        (b'{"a": 1}', dict, {"a": 1}),
        (b'{"a": 1}', dict[str, int], {"a": 1}),
        (b"[1]", list[int], [1]),
        (b"1", int, 1),
        (b"1", float, 1),
        (b"1.5", float, 1.5),
        (b'"tea"', str, "tea"),
        (b"true", bool, True),
        (b"null", type(None), None),
        (b"null", None, None),
        (b"[null]", Any, [None]),
        (b"[null]", object, [None]),
        (b"1", OrderId, 1),
        (b"1", Annotated[int, "a number"], 1),
        (b'{"id": 7}', Annotated[Order, "one"], Order(7)),
        (b'{"holds": 1}', Box[int], Box(1)),
        (b'{"holds": 1}', Cup[int], {"holds": 1}),
        (b'{"holds": {"id": 7}}', Cup[Order], {"holds": {"id": 7}}),
        (b'{"a": 1}', collections.abc.Mapping[str, int], {"a": 1}),
        (b"[1]", typing.List[int], [1]),  # noqa: UP006 - as old code has it
        (b'[{"id": 7}]', list[Order], [Order(7)]),
        (b'{"a": {"id": 7}}', dict[str, Order], {"a": Order(7)}),
        (b'{"a": [{"tea": "green"}, null]}', dict[str, list[Line | None]], {"a": [Line("green"), None]}),
        (b'{"tea": "green"}', Order | Line, Line("green")),
        (b'{"id": 7}', Order | dict, Order(7)),
        (b'{"ID": 7}', Order | dict, {"ID": 7}),
    ],
)
def test_json_is_decoded_as_the_given_type(data: bytes, type: Any, value: object) -> None:
    decoded = CODEC.decode(data, type)
    assert decoded == value
    assert decoded.__class__ is value.__class__


@pytest.mark.parametrize("inner", [int, str, Order, Line, list[int], dict[str, Any], list[Order], OrderId, Tea, Box[int]])
@pytest.mark.parametrize("data", [b"null", b"7", b'"x"', b'{"id": 7}', b'[{"id": 7}]', b"[1]", b'{"tea": ""}', b'{"holds": 1}'])
def test_all_spellings_of_optional_are_equal(inner: Any, data: bytes) -> None:
    def outcome(asked: Any) -> object:
        try:
            return CODEC.decode(data, asked)
        except TypeError:
            return TypeError

    bare = None if data == b"null" else outcome(inner)
    spellings = [
        MAYBE[inner],
        inner | None,
        None | inner,
        EITHER[inner, None],
        EITHER[None, inner],
        Annotated[inner | None, "x"],
        MAYBE[Annotated[inner, "x"]],
        NewType("Maybe", MAYBE[inner]),
    ]
    assert [outcome(spelled) for spelled in spellings] == [bare] * len(spellings)
    listed = [outcome(list[spelled]) for spelled in spellings]
    assert listed == listed[:1] * len(listed)


@pytest.mark.parametrize(
    ("data", "type", "error"),
    [
        (b"{", dict, ValueError),
        (b"", dict, ValueError),
        (b"\xff", str, ValueError),
        (b"[]", dict, TypeError),
        (b"[]", Order, TypeError),
        (b"[]", Tea, TypeError),
        (b'{"unknown": 1}', Order, TypeError),
        (b"{}", Line, TypeError),
        (b'"1"', float, TypeError),
        (b"1.5", int, TypeError),
        (b"{}", list[int], TypeError),
        (b"true", int, TypeError),
        (b"true", float, TypeError),
        (b"true", OrderId, TypeError),
        (b"1", bool, TypeError),
        (b"1", MAYBE[str], TypeError),
        (b"{}", Order | Line, TypeError),
        (b"[{}]", list[Order], TypeError),
        (b"[1]", list[Order | None], TypeError),
        (b"1", "int", TypeError),
        (b"1", T, TypeError),
        (b"1", typing.Literal[1], TypeError),
    ],
)
def test_wrong_shape_and_invalid_json_are_errors(data: bytes, type: Any, error: Any) -> None:
    with pytest.raises(error):
        CODEC.decode(data, type)


@pytest.mark.parametrize(
    ("data", "type", "says"),
    [
        (b'{"SECRET": 1}', Order, "the payload has no member 'id', which Order requires"),
        (b'{"SECRET": 1}', MAYBE[Order], "the payload has no member 'id', which Order requires"),
        (b'"SECRET"', Order | Line, "the payload is JSON of type str, and fits no type of "),
        (b'"SECRET"', Order, "the payload is JSON of type str, not "),
        (
            b"1",
            typing.Literal[1],
            "JsonCodec does not support the type typing.Literal; pass a codec that does",
        ),
        (b"1", typing.Literal[1] | None, "JsonCodec does not support the type typing.Literal"),
    ],
)
def test_shape_error_hides_the_values(data: bytes, type: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says) as raised:
        CODEC.decode(data, type)
    assert "SECRET" not in str(raised.value)


# --- members ---------------------------------------------------------------------------------------------------------


@attrs.define
class Priced:
    """With what attrs has: a private name, an alias, a default, a field that the constructor does not take."""

    _cents: int
    class_: str = attrs.field(alias="kind", kw_only=True, default="tea")
    seen: int = attrs.field(init=False, default=0)
    unset: int = attrs.field(init=False, eq=False, repr=False)
    checked: int = attrs.field(init=False, default=1, validator=attrs.validators.instance_of(int))


@attrs.frozen
class Frozen:
    id: int
    doubled: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "doubled", self.id * 2)


@dataclasses.dataclass
class Plain:
    id: int
    factor: dataclasses.InitVar[int] = 2
    seen: list[int] = dataclasses.field(init=False, default_factory=list)
    unset: int = dataclasses.field(init=False, repr=False, compare=False)
    kind: typing.ClassVar[str] = "plain"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slotted:
    id: int
    total: int = dataclasses.field(init=False, default=3)


@pydantic.dataclasses.dataclass
class Validated:
    id: int
    seen: int = dataclasses.field(init=False, default=0)


@dataclasses.dataclass(init=False)
class OwnInit:
    id: int
    more: dict[str, Any]

    def __init__(self, id: int, **more: Any) -> None:
        self.id, self.more = id, more


LATER = b'"later":{"nested":[1]},"self":1,"__class__":1,"cls":1'


@pytest.mark.parametrize(
    ("data", "type", "value"),
    [
        (b'{"id":7,%b}' % LATER, Order, Order(7)),
        (b'{"tea":"green",%b}' % LATER, Line, Line("green")),
        (b'{"_cents":5,%b}' % LATER, Priced, Priced(5)),
        (b'{"cents":5,"kind":"cup"}', Priced, Priced(5, kind="cup")),
        (b'{"_cents":5,"cents":6,"class_":"cup"}', Priced, Priced(5, kind="cup")),
        (b'{"id":7,"kind":"other",%b}' % LATER, Plain, Plain(7)),
        (b'{"id":7,"factor":3}', Plain, Plain(7, factor=3)),
        (b'{"id":7,%b}' % LATER, Validated, Validated(7)),
    ],
)
def test_unknown_members_are_ignored(data: bytes, type: Any, value: object) -> None:
    assert CODEC.decode(data, type) == value


def test_catch_all_constructor_gets_all_members() -> None:
    assert CODEC.decode(b'{"id":7,"tea":"green"}', OwnInit) == OwnInit(7, tea="green")


def changed(value: Any, **members: object) -> Any:
    for name, member in members.items():
        object.__setattr__(value, name, member)
    return value


@pytest.mark.parametrize(
    "value",
    [
        Order(7),
        Line("green"),
        Priced(5),
        changed(Priced(5, kind="cup"), seen=9, unset=3),
        Frozen(7),
        changed(Frozen(7), doubled=100),
        Plain(7),
        changed(Plain(7), seen=[1, 2], unset=8),
        Slotted(id=7),
        changed(Slotted(id=7), total=100),
        changed(Validated(7), seen=2),
    ],
)
def test_value_round_trips_with_all_fields(value: Any) -> None:
    back = CODEC.decode(CODEC.encode(value), type(value))
    if isinstance(value, Order):
        back = attrs.evolve(back, lines=tuple(back.lines))
    assert back == value
    assert getattr(back, "unset", None) == getattr(value, "unset", None)


def test_field_set_outside_init_is_validated() -> None:
    with pytest.raises(TypeError):
        CODEC.decode(b'{"_cents":5,"checked":"no"}', Priced)


@attrs.define
class Free:
    a: Any
    _b: Any = None
    c: Any = attrs.field(init=False, default=None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES, VALUES, st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=3))
def test_any_members_round_trip_beside_others(a: Any, b: Any, c: Any, others: dict[str, Any]) -> None:
    value = changed(Free(a, b), c=c)
    assert CODEC.decode(CODEC.encode(value), Free) == value
    assert CODEC.decode(CODEC.encode(others | {"a": a, "_b": b, "c": c}), Free) == value
    assert CODEC.decode(CODEC.encode([value, None]), list[MAYBE[Free]]) == [value, None]
