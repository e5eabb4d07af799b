"""What the endpoint tells about itself at `GET /_local/executions`, which is no path of Lambda: counts and executions as JSON.

Must not know HTTP, or who may ask.
"""

import datetime as dt
import itertools
import json
from collections.abc import Mapping

import attrs

from ...emulation import api_errors
from ..invocation_log import InvocationEvent, InvocationLog, Totals

__all__ = ["EXECUTIONS_PATH", "HEALTH_PATH", "executions"]

EXECUTIONS_PATH = "/_local/executions"
HEALTH_PATH = "/_local/health"
_LIMITS = range(1, 1001)
_DEFAULT_LIMIT = 100


def executions(log: InvocationLog, query: Mapping[str, str]) -> bytes:
    """The counts, and as many of the executions as `limit` says, the latest first; `function` selects those of one function.

    Raises an `ApiError` if the query is wrong.
    """
    function_name, limit = query.get("function"), _limit_of(query.get("limit"))
    counts = {name: attrs.asdict(totals) for name, totals in dict(log.totals).items() if function_name in (None, name)}
    names = attrs.fields_dict(Totals)
    content = {
        "totals": {name: sum(totals[name] for totals in counts.values()) for name in names} | {"refused": log.refused},
        "functions": counts,
        "executions": [_members_of(event) for event in itertools.islice(log.executions(function_name), limit)],
    }
    return json.dumps(content).encode()


def _members_of(event: InvocationEvent) -> Mapping[str, object]:
    started = event.started.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    duration = None if event.duration is None else round(event.duration, 6)
    members = attrs.asdict(event) | {"started": started, "duration": duration}
    if event.durable_execution_arn is None:
        del members["durable_execution_arn"]
    return members


def _limit_of(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if limit not in _LIMITS:
        raise api_errors.invalid_value("limit", f"Member must be a whole number from 1 to {_LIMITS[-1]}")
    return limit
