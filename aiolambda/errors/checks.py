"""Checks of settings: types, flags, numbers, paths. A wrong value raises `ConfigurationError` as soon as it is given.

Owns the texts of these errors. Must not know the meaning of a setting.
"""

import inspect
from collections.abc import Callable
from typing import Any

import attrs

from ..types.mistakes import kind_of, nearest
from ..types.values import HEDGE_PERCENTILES, LONGEST_TIME, is_seconds, is_whole, shown
from . import ConfigurationError

__all__ = [
    "check_callable",
    "check_choice",
    "check_flag",
    "check_header_text",
    "check_hedge_after",
    "check_instance_with",
    "check_path",
    "check_plain_function",
    "check_seconds",
    "check_text",
    "check_timeout",
    "check_whole",
    "checked_by",
    "nearest",
    "problem_of_timeout",
]


def checked_by(
    check: Callable[..., None], *arguments: object, optional: bool = False, **limits: object
) -> "Callable[[object, attrs.Attribute[Any], Any], None]":
    """One of these checks as a validator of attrs. If `optional`, `None` passes."""

    def validate(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not (optional and value is None):
            check(attribute.name, value, *arguments, **limits)

    return validate


def check_flag(name: str, value: object) -> None:
    """`ConfigurationError` unless the value is `True`, `False` or `None`: a string such as "false" would be true."""
    if not (value is None or isinstance(value, bool)):
        raise ConfigurationError(f"{name} must be True, False or None; got {shown(value)}")


def check_choice(name: str, value: object) -> None:
    """`ConfigurationError` unless the value is `True` or `False`."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False; got {shown(value)}")


def check_seconds(name: str, value: object, *, optional: bool = True) -> None:
    """`ConfigurationError` unless the value is a number of seconds, 0 or more. If `optional`, `None` passes."""
    if not ((optional and value is None) or is_seconds(value)):
        choice = ", or None" if optional else ""
        raise ConfigurationError(f"{name} must be a number of seconds, 0 to {LONGEST_TIME:,}{choice}; got {shown(value)}")


def check_timeout(name: str, value: object) -> None:
    """`ConfigurationError` unless the value can be the `total` limit of calls."""
    problem = problem_of_timeout(name, value)
    if problem is not None:
        raise ConfigurationError(problem)


def problem_of_timeout(name: str, value: object, *, other: str = "Timeouts(...), ") -> str | None:
    """Why the value cannot be a time limit: seconds above 0, or `None` for no limit. `other` names a further choice."""
    if value is None or is_seconds(value, above_zero=True):
        return None
    return f"{name} must be a number of seconds, above 0 and at most {LONGEST_TIME:,}, {other}or None; got {shown(value)}"


def check_hedge_after(name: str, value: object) -> None:
    """`ConfigurationError` unless the value says when to hedge: seconds above 0, a percentile, or `None` for never."""
    if value is None or is_seconds(value, above_zero=True) or (isinstance(value, str) and value in HEDGE_PERCENTILES):
        return
    percentiles = ", ".join(repr(percentile) for percentile in HEDGE_PERCENTILES)
    raise ConfigurationError(
        f"{name} must be a number of seconds, above 0 and at most {LONGEST_TIME:,}, one of {percentiles}, or None; "
        f"got {shown(value)}"
    )


def check_whole(name: str, value: object, *, least: int, most: int | None = None) -> None:
    """`ConfigurationError` unless the value is a whole number in this range."""
    if not is_whole(value, least=least, most=most):
        limit = f"{least} or more" if most is None else f"{least} to {most:,}"
        raise ConfigurationError(f"{name} must be a whole number, {limit}; got {shown(value)}")


def check_text(name: str, value: object) -> None:
    """`ConfigurationError` unless the value is a string or `None`. The text does not show the value."""
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string; got {type(value).__name__}")


def check_header_text(name: str, value: str | None) -> None:
    """`ConfigurationError` unless the value is printable ASCII or `None`. The text does not show the value."""
    check_text(name, value)
    if value is not None and not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{name} becomes part of a header and must be printable ASCII")


def check_path(name: str, value: object) -> None:
    """`ConfigurationError` unless the value is a path or `None`."""
    if value is not None and not (isinstance(value, str) or hasattr(value, "__fspath__")):
        raise ConfigurationError(f"{name} must be a path; got {shown(value)}")


def check_callable(name: str, value: Callable[..., object] | None) -> None:
    """`ConfigurationError` unless the value is callable or `None`."""
    if value is not None and not callable(value):  # pyright: ignore[reportUnnecessaryComparison] - callers need not be typed
        raise ConfigurationError(f"{name} must be a function; got {shown(value)}")


def check_plain_function(name: str, value: Callable[..., object] | None) -> None:
    """`ConfigurationError` unless the value is `None`, or callable and not a coroutine function: nothing would await it."""
    check_callable(name, value)
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(getattr(value, "__call__", None)):  # noqa: B004 - its kind counts
        raise ConfigurationError(
            f"{name} must be a plain function, because nothing would await a coroutine; let it call asyncio.create_task"
        )


def check_instance_with(
    name: str,
    value: object,
    kind: str,
    *methods: str,
    protocol: type | None = None,
    remedy: Callable[[object], str] | None = None,
) -> None:
    """`ConfigurationError` unless the value is an instance with these methods. The text does not show the value.

    A class that derives from `protocol` has to define the first of the methods itself: the protocol's own does nothing. Where
    that is a plain function, the method has to be one, too. `remedy` gives the end of the text for a value without the methods.
    """
    if isinstance(value, type):
        raise ConfigurationError(f"{name} must be {kind}; got the class {value.__name__}: create an instance of it")
    missing = [method for method in methods if not callable(getattr(value, method, None))]
    if missing:
        said = "" if remedy is None else remedy(value)
        raise ConfigurationError(f"{name} must be {kind}; got {kind_of(value)}, which has no {missing[0]}(){said}")
    if protocol is None:
        return
    method, own = methods[0], type(value).__name__
    model = vars(protocol)[method]
    if getattr(type(value), method, None) is model:
        raise ConfigurationError(
            f"{name} must be {kind}; {own} derives from {protocol.__name__}, and has no {method}() of its own: define it"
        )
    if inspect.iscoroutinefunction(getattr(value, method)) and not inspect.iscoroutinefunction(model):
        raise ConfigurationError(
            f"{name} must be {kind}; {own}.{method}() is an async function: write a plain one, def {method}"
        )
