"""The checks of what a caller sets: types, flags, numbers. A wrong value is refused where it is given, before it does harm.

Owns the words of these refusals. Must not know what a setting is for.
"""

from collections.abc import Callable
from typing import Any

import attrs

from ..types.values import LONGEST_TIME, is_seconds, is_whole, shown
from . import ConfigurationError

__all__ = [
    "check_callable",
    "check_choice",
    "check_flag",
    "check_header_text",
    "check_instance_with",
    "check_path",
    "check_seconds",
    "check_text",
    "check_whole",
    "checked_by",
]


def checked_by(
    check: Callable[..., None], *arguments: object, optional: bool = False, **limits: int
) -> "Callable[[object, attrs.Attribute[Any], Any], None]":
    """A validator of attrs that asks one of these checks, by the field's name; `optional`: not about `None`."""

    def validate(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not (optional and value is None):
            check(attribute.name, value, *arguments, **limits)

    return validate


def check_flag(name: str, value: object) -> None:
    """`ConfigurationError` unless it is `True`, `False` or `None`: a text such as 'false' would be true."""
    if not (value is None or isinstance(value, bool)):
        raise ConfigurationError(f"{name} is True, False or None; got {shown(value)}")


def check_choice(name: str, value: object) -> None:
    """The same for a flag that has no `None`."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} is True or False; got {shown(value)}")


def check_seconds(name: str, value: object, *, optional: bool = True) -> None:
    """`ConfigurationError` unless it is a number of seconds from 0 on, or, if that is `optional`, `None`."""
    if not ((optional and value is None) or is_seconds(value)):
        choice = ", or None" if optional else ""
        raise ConfigurationError(f"{name} is a number of seconds, 0 to {LONGEST_TIME:,}{choice}; got {shown(value)}")


def check_whole(name: str, value: object, *, least: int, most: int | None = None) -> None:
    """`ConfigurationError` unless it is a whole number in this range."""
    if not is_whole(value, least=least, most=most):
        limit = f"{least} or more" if most is None else f"{least} to {most:,}"
        raise ConfigurationError(f"{name} is a whole number, {limit}; got {shown(value)}")


def check_text(name: str, value: object) -> None:
    """`ConfigurationError` unless it is a string or `None`; the value is not shown."""
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{name} is a string; got {type(value).__name__}")


def check_header_text(name: str, value: str | None) -> None:
    """`ConfigurationError` unless it can be part of a header, or is `None`; the value is not shown."""
    check_text(name, value)
    if value is not None and not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{name} goes into a header, and holds a character that none may")


def check_path(name: str, value: object) -> None:
    """`ConfigurationError` unless it is a path, or `None`."""
    if value is not None and not (isinstance(value, str) or hasattr(value, "__fspath__")):
        raise ConfigurationError(f"{name} is a path; got {shown(value)}")


def check_callable(name: str, value: Callable[..., object] | None) -> None:
    """`ConfigurationError` unless it can be called, or is `None`."""
    if value is not None and not callable(value):  # pyright: ignore[reportUnnecessaryComparison] - callers need not be typed
        raise ConfigurationError(f"{name} is a function; got {shown(value)}")


def check_instance_with(name: str, value: object, kind: str, *methods: str) -> None:
    """`ConfigurationError` unless it is an object, not a class, with these methods. The value is not shown."""
    if isinstance(value, type):
        raise ConfigurationError(f"{name} is {kind}; got the class {value.__name__}: make one of it")
    missing = [method for method in methods if not callable(getattr(value, method, None))]
    if missing:
        raise ConfigurationError(f"{name} is {kind}; got {type(value).__name__}, which has no {missing[0]}()")
