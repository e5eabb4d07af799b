"""How a map goes: the settings of one run.

Owns these values. Must not know what follows from them.
"""

from collections.abc import Callable

import attrs

from ..map_values import MapStats

__all__ = ["MapSettings"]


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
