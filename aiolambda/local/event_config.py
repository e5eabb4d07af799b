"""What becomes of an `Event` after it was accepted: retries, age limit, destinations.

Must not know how an event runs. The names are those of Lambda's `PutFunctionEventInvokeConfig`.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_seconds, check_whole
from ..types.mistakes import explains_arguments, kind_of
from ..types.values import shown

__all__ = ["Destination", "EventInvokeConfig"]

Destination = Path | str | Callable[[Mapping[str, Any]], object]
"""A file that gets a line of JSON for each record, the name of a function of the same endpoint, or a function of the record."""

MOST_RETRIES = 2
LONGEST_AGE = 21_600.0
"""Seconds: 6 hours."""
RETRY_DELAY = 1.0
"""Seconds. Lambda waits for a minute, which is too long for a person who waits."""


@explains_arguments
@attrs.frozen(kw_only=True)
class EventInvokeConfig:
    """The treatment of the events of a function.

    ::

        events = EventInvokeConfig(maximum_retry_attempts=1, on_failure=Path("failed.jsonl"))
        LocalFunction(name="orders", handler="app.handler", root=Path("src"), events=events)

    Args:
        maximum_retry_attempts: How often an event runs again if the function fails: 0 to 2. Default 2.
        maximum_event_age: The age at which an event is given up, in seconds. Default 21,600 (6 hours).
        retry_delay: Seconds before the first retry; the second waits twice as long. Default 1; Lambda waits for 60.
        on_success: The destination of the records of events that succeeded. Default `None`: nowhere.
            A `Path` gets lines of JSON; a `str` names a function of the endpoint; a callable gets the record.
        on_failure: The same for events that were given up. Default `None`: nowhere.
        duplicates: The share of events that run twice, as Lambda may do: 0 to 1. Default 0.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    maximum_retry_attempts: int = MOST_RETRIES
    """How often an event runs again if the function fails: 0 to 2. Default 2."""
    maximum_event_age: float = LONGEST_AGE
    """The age at which an event is given up, in seconds. Default 21,600 (6 hours)."""
    retry_delay: float = RETRY_DELAY
    """Seconds before the first retry; the second waits twice as long. Default 1; Lambda waits for 60."""
    on_success: Destination | None = None
    """The destination of the records of events that succeeded. Default `None`: nowhere."""
    on_failure: Destination | None = None
    """The destination of the records of events that were given up. Default `None`: nowhere."""
    duplicates: float = 0.0
    """The share of events that run twice, as Lambda may do: 0 to 1. Default 0."""

    def __attrs_post_init__(self) -> None:
        check_whole("maximum_retry_attempts", self.maximum_retry_attempts, least=0, most=MOST_RETRIES)
        check_seconds("maximum_event_age", self.maximum_event_age, optional=False)
        check_seconds("retry_delay", self.retry_delay, optional=False)
        for name, value in (("on_success", self.on_success), ("on_failure", self.on_failure)):
            target: object = value
            if not (target is None or isinstance(target, str | os.PathLike) or callable(target)):
                form = "a Path, the name of a function, or a function of the record"
                raise ConfigurationError(f"{name} must be {form}; got {kind_of(target)}")
        share = self.duplicates
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"duplicates must be a share from 0 to 1; got {shown(share)}")
