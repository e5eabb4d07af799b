"""How a map goes: the settings of one run, how its items are sent, and what may stop it.

Owns these values. Must not know what follows from them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_callable, check_choice, check_seconds, check_whole, checked_by
from ..operations.commands import InvokeCommand
from ..operations.invoke_types import InvokeCommandOutput
from ..types.values import shown
from .values import MapStats

__all__ = ["MapSettings", "Send", "StoppedBy"]

Send = Callable[[InvokeCommand, "asyncio.Future[None]"], Awaitable[InvokeCommandOutput]]
"""Sends a command; once the future is done, no further attempt is made."""
StoppedBy = Literal["deadline", "failures", "caller", "error"]


def _check_ratio(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigurationError(f"{attribute.name} is a share, 0 to 1, or None; got {shown(value)}")


@attrs.frozen(kw_only=True)
class MapSettings:
    """How a run goes. `lookahead` is how many items may be read that there is no room for."""

    ordered: bool = attrs.field(validator=checked_by(check_choice))
    retry_function_errors: int = attrs.field(validator=checked_by(check_whole, least=0))
    max_failures: int | None = attrs.field(validator=checked_by(check_whole, optional=True, least=0))
    max_failure_ratio: float | None = attrs.field(validator=_check_ratio)
    deadline: float | None = attrs.field(validator=checked_by(check_seconds))
    on_progress: Callable[[MapStats], None] | None = attrs.field(validator=checked_by(check_callable))
    held: int
    lookahead: int
