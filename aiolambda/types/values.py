"""Values that a caller hands in or is handed: settings, credentials, verdicts, metadata.

Owns what these values are and how they print. Must not know what makes them, what raises them, or that there is a network.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Any, Final, Literal, final

import attrs

__all__ = [
    "LONGEST_TIME",
    "UNSET",
    "Attempt",
    "ClientStats",
    "Credentials",
    "Delivery",
    "InvocationType",
    "LogType",
    "Metadata",
    "PayloadLimits",
    "ResponseLimits",
    "RetryAction",
    "TcpKeepAlive",
    "ThrottleReason",
    "Timeouts",
    "Unset",
    "is_seconds",
    "is_whole",
    "shown",
    "text_of",
]

InvocationType = Literal["RequestResponse", "Event", "DryRun"]
LogType = Literal["None", "Tail"]


class Delivery(StrEnum):
    """How far an invocation got; the verdict of a call is the worst of its attempts."""

    NOT_DELIVERED = "not_delivered"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    """An `Event` that Lambda queued: it may run it up to three times, or drop it."""
    EXECUTED = "executed"

    @property
    def may_have_run(self) -> bool:
        return self not in (Delivery.NOT_DELIVERED, Delivery.REFUSED)


class RetryAction(StrEnum):
    """What could make a failed attempt succeed, if it may be repeated at all."""

    NONE = "none"
    """Nothing that waiting or asking again would change."""
    RETRY = "retry"
    """Trying again, after a pause."""
    WAIT = "wait"
    """Waiting: the service throttled the call."""
    REPEAT = "repeat"
    """Another connection: the one that was taken had ended before the request reached the peer."""
    SET_CLOCK = "set_clock"
    """Signing with the service's time: the clock of this machine is wrong."""
    RENEW_CREDENTIALS = "renew_credentials"
    """Signing with fresh credentials: those that were used have expired."""


class ThrottleReason(StrEnum):
    """Which limit a 429 speaks of (the `Reason` of `TooManyRequestsException`)."""

    CONCURRENT_INVOCATION_LIMIT_EXCEEDED = "ConcurrentInvocationLimitExceeded"
    FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED = "FunctionInvocationRateLimitExceeded"
    RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RESERVED_FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED = "ReservedFunctionInvocationRateLimitExceeded"
    CALLER_RATE_LIMIT_EXCEEDED = "CallerRateLimitExceeded"
    CONCURRENT_SNAPSHOT_CREATE_LIMIT_EXCEEDED = "ConcurrentSnapshotCreateLimitExceeded"


@final
class Unset(Enum):
    """The type of `UNSET`: "not given", where `None` already means "no limit"."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


LONGEST_TIME: Final = 1_000_000_000
"""Seconds, some 32 years: the longest that every event loop can wait."""
_MOST_SHOWN = 40
"""Characters of a text that is quoted in an error."""
_LONGEST_KEEP_ALIVE = 32_767
_MOST_PROBES = 127
"""What Linux takes for the keep-alive of a socket (tcp(7))."""


def is_seconds(value: object, *, above_zero: bool = False) -> bool:
    """Whether it is a number of seconds that a loop can wait: no bool, no NaN, not negative, at most `LONGEST_TIME`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= LONGEST_TIME or (value == 0 and not above_zero)


def is_whole(value: object, *, least: int, most: int | None = None) -> bool:
    """Whether it is a whole number in this range; no bool."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value >= least and (most is None or value <= most)


def shown(value: object) -> str:
    """A wrong value as an error may quote it: numbers and short texts as they are, of everything else only the type."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return "a whole number with more than 20 digits"  # Python writes out only some thousands of them
    if value is None or isinstance(value, int | float):
        return repr(value)
    return repr(value) if isinstance(value, str) and len(value) <= _MOST_SHOWN else f"a value of type {type(value).__name__}"


def _limit(*, above_zero: bool, may_be_unset: bool = False) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """Accepts a number of seconds, or `None` for no limit."""
    range = "above 0" if above_zero else "0 or more"

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        is_unset = may_be_unset and isinstance(value, Unset)
        if not (value is None or is_unset or is_seconds(value, above_zero=above_zero)):
            raise ValueError(
                f"{attribute.name} is a number of seconds, {range} and at most {LONGEST_TIME:,}, or None for no limit; "
                f"got {shown(value)}"
            )

    return check


def _whole(most: int | None = None) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """Accepts a whole number from 1 on."""
    range = "1 or more" if most is None else f"1 to {most:,}"

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not is_whole(value, least=1, most=most):
            raise ValueError(f"{attribute.name} must be a whole number, {range}; got {shown(value)}")

    return check


def _check_probe_time(instance: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
    if not (is_seconds(value, above_zero=True) and value <= _LONGEST_KEEP_ALIVE):
        raise ValueError(
            f"{attribute.name} must be a number of seconds above 0, at most {_LONGEST_KEEP_ALIVE:,}; got {shown(value)}"
        )


@attrs.frozen(kw_only=True)
class Timeouts:
    """Limits of one call, in seconds; `None` is no limit.

    `total` covers everything from `send` to the output. `queue` is the longest wait for a slot or for a turn to connect,
    `connect` the longest time to open a connection (name resolution, TCP, TLS), `read` the longest silence while an answer
    is awaited, or while nothing of a large payload gets through (unset: 1,860 for a synchronous call, 60 for `Event` and
    `DryRun`), `idle` the longest silence between the chunks of a stream. `read` also bounds the time from the first byte of an
    answer's head to its end, and from there to the end of a body that is not a stream's.
    """

    total: float | None = attrs.field(default=None, validator=_limit(above_zero=False))
    queue: float | None = attrs.field(default=None, validator=_limit(above_zero=False))
    connect: float | None = attrs.field(default=5.0, validator=_limit(above_zero=True))
    read: float | Unset | None = attrs.field(default=UNSET, validator=_limit(above_zero=True, may_be_unset=True))
    idle: float | None = attrs.field(default=None, validator=_limit(above_zero=True))

    def with_read_limit(self, read: float) -> "Timeouts":
        """These limits, with this one for `read` where none was given."""
        return attrs.evolve(self, read=read) if self.read is UNSET else self


@attrs.frozen(kw_only=True)
class TcpKeepAlive:
    """When the kernel probes a silent connection: after `idle` seconds, every `interval` seconds, `count` times.

    On Linux the same sum (`idle + interval * count`) bounds how long sent bytes may stay unacknowledged.
    """

    idle: float = attrs.field(default=45, validator=_check_probe_time)
    interval: float = attrs.field(default=15, validator=_check_probe_time)
    count: int = attrs.field(default=3, validator=_whole(most=_MOST_PROBES))


@attrs.frozen(kw_only=True)
class PayloadLimits:
    """The service's limits, checked before anything is sent: bytes of payload by invocation type, characters of context.

    Raise them when Lambda raises its own. Source: the "Lambda quotas" page and the API reference of Invoke.
    """

    request_response: int = attrs.field(default=6 * 1024 * 1024, validator=_whole())
    event: int = attrs.field(default=1024 * 1024, validator=_whole())
    client_context: int = attrs.field(default=3583, validator=_whole())


@attrs.frozen(kw_only=True)
class ResponseLimits:
    """The bounds of an answer. One that passes a bound is a `ConnectionLostError`, and its connection is closed.

    `body` is how many bytes a body may have that is kept in memory: that of every answer but a stream. `head` is how many bytes
    a head may have, together with its trailers. `interim` is how many heads with a status of 1xx may come before the answer.
    """

    body: int = attrs.field(default=16 * 1024 * 1024, validator=_whole())
    head: int = attrs.field(default=64 * 1024, validator=_whole())
    interim: int = attrs.field(default=16, validator=_whole())


def masked(access_key_id: str) -> str:
    """The form in which an access key id may be shown: `AKIA...MPLE`."""
    return f"{access_key_id[:4]}...{access_key_id[-4:]}" if len(access_key_id) >= 12 else "..."


def _token(value: str | None) -> str | None:
    """An empty session token is none, wherever the keys come from: AWS refuses it."""
    return value or None


def _is_text(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{attribute.name} is a string; got {type(value).__name__}")  # and not the value: it may be a secret


def _is_moment(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, dt.datetime):
        raise TypeError(f"{attribute.name} is a datetime with a time zone, or None; got {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError(f"{attribute.name} is a datetime with a time zone, such as tzinfo=datetime.UTC; got {value!r}")


@attrs.frozen
class Credentials:
    """AWS keys; `expires_at` (aware) is when they stop working, `None` for never. An empty session token is `None`.

    `TypeError` or `ValueError` for what no keys are: a key that is no string, or an expiry without a time zone.
    """

    access_key_id: str = attrs.field(repr=masked, validator=_is_text)
    secret_access_key: str = attrs.field(repr=lambda _: "...", validator=_is_text)
    session_token: str | None = attrs.field(
        default=None,
        converter=_token,
        repr=lambda value: "None" if value is None else "...",
        validator=attrs.validators.optional(_is_text),
    )
    expires_at: dt.datetime | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(_is_moment))


@attrs.frozen(kw_only=True)
class Attempt:
    """One request that was sent: its verdict, its duration in seconds and the HTTP status, if one came."""

    delivery: Delivery
    duration: float
    status_code: int | None


def _ids_only(headers: Mapping[str, str]) -> str:
    return f"<{len(headers)} headers>"


@attrs.frozen(kw_only=True)
class Metadata:
    """What is known of an answer beside its content. `total_retry_delay` is in seconds."""

    http_status_code: int
    request_id: str | None = None
    extended_request_id: str | None = None
    cf_id: str | None = None
    trace_id: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=_ids_only)
    attempts: int = 1
    total_retry_delay: float = 0.0
    history: tuple[Attempt, ...] = ()


@attrs.frozen(kw_only=True)
class ClientStats:
    """A client's counters at one moment: calls that hold a slot, calls that wait for one, and verdicts since it was built."""

    in_flight: int
    waiting: int
    executed: int
    retried: int
    unknown: int
    throttled: Mapping[ThrottleReason, int]


def text_of(value: object) -> object:
    """The string behind an enum member; anything else as it is. Callers give `InvocationType` values either way."""
    return value.value if isinstance(value, Enum) else value
