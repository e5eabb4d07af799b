"""How a map goes: the settings of one run, how its items are sent, and what may stop it.

Owns these values. Must not know what follows from them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import attrs

from ..commands import InvokeCommand
from ..invocation import InvokeCommandOutput
from ..map_values import MapStats

__all__ = ["MapSettings", "Send", "StoppedBy"]

Send = Callable[[InvokeCommand, "asyncio.Future[None]"], Awaitable[InvokeCommandOutput]]
"""Sends a command; once the future is done, no further attempt is made."""
StoppedBy = Literal["deadline", "failures", "caller", "error"]


@attrs.frozen(kw_only=True)
class MapSettings:
    """How a run goes. `lookahead` is how many items may be read that there is no room for."""

    ordered: bool
    retry_function_errors: int
    max_failures: int | None
    max_failure_ratio: float | None
    deadline: float | None
    on_progress: Callable[[MapStats], None] | None
    held: int
    lookahead: int
