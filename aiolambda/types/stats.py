"""The counters of a client, as its user reads them.

Owns their names, which are those of `MapStats` for the same numbers. Must not know who counts.
"""

from collections.abc import Mapping

import attrs

from .events import Outcome
from .values import Delivery, ThrottleReason

__all__ = ["ClientStats"]


def _shown(counts: Mapping[object, int]) -> str:
    return repr({key if key is None else str(key): count for key, count in counts.items()})


@attrs.frozen(kw_only=True)
class ClientStats:
    """The counters of a client at one moment.

    `in_flight`, `waiting`, `rate` and the percentiles are of this moment. The others grow from the moment that the client was
    built. The calls of its maps are among them: an item that is sent twice makes two calls.

    Args:
        in_flight: Calls that hold a slot now.
        waiting: Calls that wait for a slot now.
        done: Calls that have ended. A stream ends when it is closed.
        outcomes: The ended calls by outcome. Every outcome is a key.
        failed: The ended calls that failed, by verdict: errors, and functions that failed. Cancelled calls are not among them.
        refused: The calls with the outcome `REFUSED`, by error code. The 51st code and those after it count as `"other"`.
        throttled: The throttled requests, by reason; `None` if Lambda gave none.
        attempts: Requests that were sent, and have ended.
        retries: Those of them that were not the first of their call.
        hedged: Calls that were sent a second time, by `hedge_after`.
            The second is a call of its own: `done` counts both, and the one that is cut has the outcome `CANCELLED`.
        hedges_won: Those of them whose second request had the first answer.
        rate: Ended calls per second over the last 5 s.
        percentiles: The duration of the calls that ended in the last 5 minutes, in seconds, by per cent (50, 90, 99, 100).
            They are exact to 5 %, and 100 is the longest. Cancelled calls count too.
        queue_percentiles: The seconds that these calls waited for a slot or a connection, by per cent.
        billed_ms: Milliseconds that are billed, with `log_type="Tail"`.
        cold_starts: Cold starts, with `log_type="Tail"`. A restored snapshot counts as one.
    """

    in_flight: int = 0
    """Calls that hold a slot now."""
    waiting: int = 0
    """Calls that wait for a slot now."""
    done: int = 0
    """Calls that have ended. A stream ends when it is closed."""
    outcomes: Mapping[Outcome, int] = attrs.field(factory=dict[Outcome, int], repr=_shown)
    """The ended calls by outcome. Every outcome is a key."""
    failed: Mapping[Delivery, int] = attrs.field(factory=dict[Delivery, int], repr=_shown)
    """The ended calls that failed, by verdict: errors, and functions that failed. Cancelled calls are not among them."""
    refused: Mapping[str, int] = attrs.field(factory=dict[str, int])
    """The calls with the outcome `REFUSED`, by error code. The 51st code and those after it count as `"other"`."""
    throttled: Mapping[ThrottleReason | None, int] = attrs.field(factory=dict[ThrottleReason | None, int], repr=_shown)
    """The throttled requests, by reason; `None` if Lambda gave none."""
    attempts: int = 0
    """Requests that were sent, and have ended."""
    retries: int = 0
    """Those of them that were not the first of their call."""
    hedged: int = 0
    """Calls that were sent a second time, by `hedge_after`. The second is a call of its own: `done` counts both, and the one
    that is cut has the outcome `CANCELLED`."""
    hedges_won: int = 0
    """Those of them whose second request had the first answer."""
    rate: float = 0.0
    """Ended calls per second over the last 5 s."""
    percentiles: Mapping[int, float] = attrs.field(factory=dict[int, float])
    """The duration of the calls that ended in the last 5 minutes, in seconds, by per cent (50, 90, 99, 100).
    They are exact to 5 %, and 100 is the longest. Cancelled calls count too."""
    queue_percentiles: Mapping[int, float] = attrs.field(factory=dict[int, float])
    """The seconds that these calls waited for a slot or a connection, by per cent."""
    billed_ms: float = 0.0
    """Milliseconds that are billed, with `log_type="Tail"`."""
    cold_starts: int = 0
    """Cold starts, with `log_type="Tail"`. A restored snapshot counts as one."""
