"""The functions of CloudFormation in the values of a template: `Ref`, `Fn::Sub`, `Fn::If` and others.

A value that only AWS knows becomes `Unknown`, with the reason. Must not know resources or parameters: `References` does.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from .values import NO_VALUE, Unknown, Values, as_text, function_in, is_list, is_mapping, reason_in

__all__ = ["References", "Resolver"]

LONGEST_TEXT = 100_000
"""Characters. Texts that functions make of each other can double again and again."""

_DYNAMIC_REFERENCE = "{{resolve:"
_DYNAMIC = "it is a dynamic reference, which AWS resolves"
_VARIABLE = re.compile(r"\$\{(!?)([^{}]*)\}")


class References(Protocol):
    """The names that a template can refer to."""

    def ref(self, name: str) -> object:
        """The value of `Ref`."""
        ...

    def attribute(self, name: str, attribute: str) -> object:
        """The value of `Fn::GetAtt`."""
        ...


class _Unresolved(Exception):
    """A function has no value. The text is the reason."""


class Resolver:
    """Replaces the functions in values by their results."""

    def __init__(self, references: References, conditions: Values, mappings: Values) -> None:
        self._references = references
        self._conditions = conditions
        self._mappings = mappings
        self._truths: dict[str, bool | Unknown] = {}
        self._functions: Mapping[str, Callable[[object], object]] = {
            "Ref": self._ref,
            "Fn::Base64": self._base64,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        self._decisions: Mapping[str, Callable[[object], bool | Unknown]] = {
            "Condition": self.condition,
            "Fn::And": self._and,
            "Fn::Equals": self._equals,
            "Fn::Not": self._not,
            "Fn::Or": self._or,
        }

    def resolve(self, value: object) -> object:
        """The value without functions. A part that cannot be known is `Unknown`; the whole may be `NO_VALUE`."""
        if isinstance(value, str):
            return Unknown(_DYNAMIC) if _DYNAMIC_REFERENCE in value else value
        if is_list(value):
            items = map(self.resolve, value)
            return [item for item in items if item is not NO_VALUE]
        if not is_mapping(value):
            return value
        name = function_in(value)
        if name is not None:
            return self._result(name, value[name])
        pairs = ((key, self.resolve(part)) for key, part in value.items())
        return {key: part for key, part in pairs if part is not NO_VALUE}

    def condition(self, name: object) -> bool | Unknown:
        """Whether a condition of the template holds."""
        if not isinstance(name, str) or name not in self._conditions:
            return Unknown(f"the template has no condition {name}" if isinstance(name, str) else "a condition has no name")
        if name not in self._truths:
            self._truths[name] = Unknown(f"the condition {name} depends on itself")
            self._truths[name] = self._truth(self._conditions[name])
        return self._truths[name]

    def _result(self, name: str, argument: object) -> object:
        function = self._functions.get(name)
        if function is None:
            return Unknown(f"{name} cannot be evaluated here")
        try:
            return function(argument)
        except _Unresolved as reason:
            return Unknown(str(reason))

    # Functions

    def _ref(self, argument: object) -> object:
        return self._references.ref(_checked_name("Ref", argument))

    def _get_att(self, argument: object) -> object:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        name, attribute = _arguments("Fn::GetAtt", parts, 2)
        return self._references.attribute(_checked_name("Fn::GetAtt", name), self._text("Fn::GetAtt", attribute))

    def _sub(self, argument: object) -> str:
        text, values = _arguments("Fn::Sub", argument, 2) if is_list(argument) else (argument, dict[str, object]())
        if not isinstance(text, str) or not is_mapping(values):
            raise _Unresolved("Fn::Sub needs a text, or a text and a mapping")
        return _joined("", self._substituted(text, values))

    def _substituted(self, text: str, values: Values) -> Iterator[str]:
        """The parts of the text. Each variable is evaluated once, because its value may be such a text, too."""
        evaluated: dict[str, str] = {}
        position = 0
        for variable in _VARIABLE.finditer(text):
            yield text[position : variable.start()]
            is_literal, name = bool(variable[1]), variable[2].strip()
            if not is_literal and name not in evaluated:
                evaluated[name] = self._variable(name, values)
            yield "${" + variable[2] + "}" if is_literal else evaluated[name]
            position = variable.end()
        yield text[position:]

    def _variable(self, name: str, values: Values) -> str:
        if name in values:
            return self._text("Fn::Sub", values[name])
        return self._text("Fn::Sub", {"Fn::GetAtt": name} if "." in name else {"Ref": name})

    def _join(self, argument: object) -> str:
        delimiter, items = _arguments("Fn::Join", argument, 2)
        texts = (self._text("Fn::Join", item) for item in self._list("Fn::Join", items))
        return _joined(self._text("Fn::Join", delimiter), texts)

    def _split(self, argument: object) -> list[str]:
        delimiter, text = (self._text("Fn::Split", part) for part in _arguments("Fn::Split", argument, 2))
        if not delimiter:
            raise _Unresolved("Fn::Split needs a delimiter")
        return text.split(delimiter)

    def _select(self, argument: object) -> object:
        index, items = _arguments("Fn::Select", argument, 2)
        number, values = self._text("Fn::Select", index), self._list("Fn::Select", items)
        if not (number.isdecimal() and len(number) < 10 and int(number) < len(values)):
            raise _Unresolved("Fn::Select has an index outside of its list")
        return values[int(number)]

    def _find_in_map(self, argument: object) -> object:
        name, first, second, *default = _arguments("Fn::FindInMap", argument, 3, 4)
        keys = [self._text("Fn::FindInMap", key) for key in (name, first, second)]
        found: object = self._mappings
        for key in keys:
            found = found.get(key) if is_mapping(found) else None
        if found is None and default and is_mapping(default[0]):
            found = default[0].get("DefaultValue")
        if found is None:
            raise _Unresolved(f"the mapping {keys[0]} has no value for {keys[1]}, {keys[2]}")
        return self.resolve(found)

    def _if(self, argument: object) -> object:
        name, then, otherwise = _arguments("Fn::If", argument, 3)
        holds = self.condition(name)
        return holds if isinstance(holds, Unknown) else self.resolve(then if holds else otherwise)

    def _base64(self, argument: object) -> str:
        return base64.b64encode(self._text("Fn::Base64", argument).encode()).decode()

    # Conditions

    def _truth(self, value: object) -> bool | Unknown:
        name = function_in(value) or ""
        decide = self._decisions.get(name)
        if decide is None or not is_mapping(value):
            return Unknown(f"a condition must be one of {', '.join(self._decisions)}")
        try:
            return decide(value[name])
        except _Unresolved as reason:
            return Unknown(str(reason))

    def _equals(self, argument: object) -> bool:
        left, right = (self._known(part) for part in _arguments("Fn::Equals", argument, 2))
        texts = as_text(left), as_text(right)
        return left == right if None in texts else texts[0] == texts[1]

    def _not(self, argument: object) -> bool | Unknown:
        truth = self._truth(*_arguments("Fn::Not", argument, 1))
        return truth if isinstance(truth, Unknown) else not truth

    def _and(self, argument: object) -> bool | Unknown:
        return self._decided("Fn::And", argument, decisive=False)

    def _or(self, argument: object) -> bool | Unknown:
        return self._decided("Fn::Or", argument, decisive=True)

    def _decided(self, function: str, argument: object, *, decisive: bool) -> bool | Unknown:
        """`decisive` if a part has this truth, even if another part is unknown."""
        truths = [self._truth(part) for part in _arguments(function, argument, *range(1, 11))]
        if decisive in truths:
            return decisive
        return next((truth for truth in truths if isinstance(truth, Unknown)), not decisive)

    # Arguments

    def _known(self, value: object) -> object:
        resolved = self.resolve(value)
        reason = reason_in(resolved)
        if reason is not None:
            raise _Unresolved(reason)
        return resolved

    def _text(self, function: str, value: object) -> str:
        text = as_text(self._known(value))
        if text is None:
            raise _Unresolved(f"{function} needs a text")
        return text

    def _list(self, function: str, value: object) -> list[object]:
        """A list. Its items may be unknown."""
        values = self.resolve(value)
        if isinstance(values, Unknown):
            raise _Unresolved(values.reason)
        if not is_list(values):
            raise _Unresolved(f"{function} needs a list")
        return values


def _arguments(function: str, value: object, *lengths: int) -> list[object]:
    if not is_list(value) or len(value) not in lengths:
        raise _Unresolved(f"{function} needs a list of {' or '.join(map(str, lengths))} arguments")
    return value


def _checked_name(function: str, value: object) -> str:
    if not isinstance(value, str):
        raise _Unresolved(f"{function} needs a name")
    return value


def _joined(delimiter: str, texts: Iterable[str]) -> str:
    parts: list[str] = []
    length = 0
    for text in texts:
        parts.append(text)
        length += len(text) + len(delimiter)
        if length > LONGEST_TEXT:
            raise _Unresolved(f"the text is longer than {LONGEST_TEXT:,} characters")
    joined = delimiter.join(parts)
    if _DYNAMIC_REFERENCE in joined:
        raise _Unresolved(_DYNAMIC)
    return joined
