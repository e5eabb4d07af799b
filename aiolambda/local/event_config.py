"""What becomes of an `Event` after it was accepted: retries, age limit, destinations.

Must not know how an event runs. The names are those of Lambda's `PutFunctionEventInvokeConfig`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ..errors import ConfigurationError, InvalidInputError
from ..errors.checks import check_seconds, check_whole
from ..protocol import names
from ..types.mistakes import explains_arguments, kind_of
from ..types.values import is_seconds, shown

__all__ = ["Destination", "EventInvokeConfig", "Receiver"]

Receiver = Callable[[Mapping[str, Any]], object]
"""A function of the record. It may be a coroutine function."""
Destination = Path | str | Receiver
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

    A record has the form of Lambda's invocation records. A function of the record is called on a thread, with one record at a
    time. A record that cannot be delivered is logged on the logger `aiolambda.local.events`.

    Args:
        maximum_retry_attempts: How often an event runs again if the function fails: 0 to 2. Default 2.
        maximum_event_age: The age at which an event is given up, in seconds. Default 21,600 (6 hours), which is also the most.
        retry_delay: Seconds before the first retry; the second waits twice as long. Default 1; Lambda waits for 60.
        on_success: The destination of the records of events that succeeded. Default `None`: nowhere.
            A `Path` gets lines of JSON. A name means a function of the endpoint, which gets the record as an event. A function
            is called with the record.
        on_failure: The destination of the records of events that were given up. Default `None`: nowhere.
        duplicates: The share of events that run twice, as Lambda may do: 0 to 1. Default 0.
            The choice is the same in each run of the program.

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
        if not is_seconds(self.maximum_event_age, above_zero=True) or self.maximum_event_age > LONGEST_AGE:
            limits = f"above 0 and at most {LONGEST_AGE:,.0f} seconds"
            raise ConfigurationError(f"maximum_event_age must be {limits}; got {shown(self.maximum_event_age)}")
        check_seconds("retry_delay", self.retry_delay, optional=False)
        for name, value in (("on_success", self.on_success), ("on_failure", self.on_failure)):
            target: object = value
            if not (target is None or isinstance(target, str | Path) or callable(target)):
                form = "a Path, the name of a function, or a function of the record"
                raise ConfigurationError(f"{name} must be {form}; got {kind_of(target)}")
            if isinstance(target, str):
                _check_name(name, target)
        share = self.duplicates
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"duplicates must be a share from 0 to 1; got {shown(share)}")


def _check_name(member: str, target: str) -> None:
    """`ConfigurationError` unless the text can be the name of a function of an endpoint."""
    try:
        names.check_function_name(target)
        is_name = "." not in names.plain_name_of(target)
    except InvalidInputError:
        is_name = False
    if not is_name:
        raise ConfigurationError(f"{member} must be the name of a function; got {shown(target)}: for a file, write Path(...)")
