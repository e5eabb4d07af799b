"""How a map goes: the settings of one run, how its items are sent, and what may stop it.

Owns these values. Must not know what follows from them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs

from ..checks import check_callable, check_choice, check_seconds, check_whole
from ..commands import InvokeCommand
from ..errors import ConfigurationError
from ..invocation import InvokeCommandOutput
from ..map_values import MapStats
from ..models import shown

__all__ = ["MapSettings", "Send", "StoppedBy"]

Send = Callable[[InvokeCommand, "asyncio.Future[None]"], Awaitable[InvokeCommandOutput]]
"""Sends a command; once the future is done, no further attempt is made."""
StoppedBy = Literal["deadline", "failures", "caller", "error"]


def _checked(check: Callable[..., None], **limits: int) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """A validator that asks a check of `checks`, by the setting's name."""

    def validate(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        check(attribute.name, value, **limits)

    return validate


def _check_most(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        check_whole(attribute.name, value, least=0)


def _check_ratio(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigurationError(f"{attribute.name} is a share, 0 to 1, or None; got {shown(value)}")


@attrs.frozen(kw_only=True)
class MapSettings:
    """How a run goes. `lookahead` is how many items may be read that there is no room for."""

    ordered: bool = attrs.field(validator=_checked(check_choice))
    retry_function_errors: int = attrs.field(validator=_checked(check_whole, least=0))
    max_failures: int | None = attrs.field(validator=_check_most)
    max_failure_ratio: float | None = attrs.field(validator=_check_ratio)
    deadline: float | None = attrs.field(validator=_checked(check_seconds))
    on_progress: Callable[[MapStats], None] | None = attrs.field(validator=_checked(check_callable))
    held: int
    lookahead: int
