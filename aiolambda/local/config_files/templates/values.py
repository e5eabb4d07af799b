"""The values of a template: plain ones, those that only AWS knows, and those that call a function of CloudFormation.

Must not know the functions.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final, TypeGuard

import attrs

__all__ = ["NO_VALUE", "Unknown", "Values", "as_text", "function_in", "is_list", "is_mapping", "parts_of", "reason_in"]

Values = Mapping[str, object]


@attrs.frozen
class Unknown:
    """Stands for a value that is not known. The reason is a clause, such as "the parameter Stage has no default"."""

    reason: str


class _NoValue(Enum):
    NO_VALUE = "AWS::NoValue"


NO_VALUE: Final = _NoValue.NO_VALUE
"""The value of `AWS::NoValue`: the property is absent."""


def is_mapping(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def parts_of(value: object) -> Iterable[object]:
    """The values in a mapping, or the items of a list; nothing for any other value."""
    return value.values() if is_mapping(value) else value if is_list(value) else ()


def function_in(value: object) -> str | None:
    """The name of the function that a value calls; `None` if the value is a plain one."""
    if not is_mapping(value) or len(value) != 1:
        return None
    (name,) = value
    return name if name in {"Ref", "Condition"} or name.startswith("Fn::") else None


def reason_in(value: object) -> str | None:
    """The reason why a part of a value is not known; `None` if all of it is known."""
    if isinstance(value, Unknown):
        return value.reason
    return next(filter(None, map(reason_in, parts_of(value))), None)


def as_text(value: object) -> str | None:
    """A text, number or truth as CloudFormation writes it; `None` for any other value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
