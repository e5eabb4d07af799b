"""Values that callers pass in or get back: timeouts, limits, credentials, verdicts, metadata.

Owns their fields, their checks and how they print. Must not know the code that makes them, or that there is a network.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Any, Final, Literal, final

import attrs

from .mistakes import explains_arguments

__all__ = [
    "HEDGE_PERCENTILES",
    "LONGEST_TIME",
    "UNSET",
    "Attempt",
    "Credentials",
    "Delivery",
    "HedgeAfter",
    "InvocationType",
    "LogType",
    "Metadata",
    "PayloadLimits",
    "ResponseLimits",
    "RetryAction",
    "TcpKeepAlive",
    "ThrottleReason",
    "Timeouts",
    "Unfrozen",
    "Unset",
    "is_seconds",
    "is_whole",
    "new_attempt",
    "shown",
    "text_of",
]

InvocationType = Literal["RequestResponse", "Event", "DryRun"]
"""How Lambda runs the function: wait for its answer, queue an event, or check the permission only."""
LogType = Literal["None", "Tail"]
"""Whether the answer carries the last 4 KiB of the function's log: `"Tail"` asks for it."""
HedgeAfter = float | Literal["p90", "p95", "p99"]
"""When a call that has no answer is sent a second time: after so many seconds, or after the time in which this share of the
function's answers have come."""
HEDGE_PERCENTILES = ("p90", "p95", "p99")


class Delivery(StrEnum):
    """How far an invocation got. The verdict of a call is the worst of its attempts; the members are in that order.

    For a call that manages functions it says how far the operation got: executed means that it was carried out.
    """

    NOT_DELIVERED = "not_delivered"
    """The request did not reach Lambda, or it was a dry run. The function did not run."""
    REFUSED = "refused"
    """Lambda answered with an error before it started the function. The function did not run."""
    UNKNOWN = "unknown"
    """The request may have reached Lambda. The function may have run."""
    ACCEPTED = "accepted"
    """Lambda queued an `Event`. It may run the function up to three times, or drop the event."""
    EXECUTED = "executed"
    """The function ran, with or without an error of its own."""

    @property
    def may_have_run(self) -> bool:
        """Whether the function may have run: unknown, accepted or executed."""
        return self not in (Delivery.NOT_DELIVERED, Delivery.REFUSED)


class RetryAction(StrEnum):
    """The change that could make a failed attempt succeed. Whether it may be repeated at all is another question."""

    NONE = "none"
    """None: waiting or trying again does not help."""
    RETRY = "retry"
    """Try again after a pause."""
    WAIT = "wait"
    """Wait: the service throttled the call."""
    REPEAT = "repeat"
    """Send again at once on another connection: the server had closed this one before the request reached it."""
    SET_CLOCK = "set_clock"
    """Sign with the time of the service: the clock of this machine is wrong."""
    RENEW_CREDENTIALS = "renew_credentials"
    """Sign with fresh credentials: those that were used have expired."""


class ThrottleReason(StrEnum):
    """The limit that caused a 429: the `Reason` of `TooManyRequestsException`."""

    CONCURRENT_INVOCATION_LIMIT_EXCEEDED = "ConcurrentInvocationLimitExceeded"
    """The account has too many invocations in flight in this region."""
    FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED = "FunctionInvocationRateLimitExceeded"
    """The function gets too many requests per second."""
    RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
    """The function uses up its reserved concurrency."""
    RESERVED_FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED = "ReservedFunctionInvocationRateLimitExceeded"
    """The function gets more requests per second than its reserved concurrency allows."""
    CALLER_RATE_LIMIT_EXCEEDED = "CallerRateLimitExceeded"
    """The caller sends too many requests per second."""
    CONCURRENT_SNAPSHOT_CREATE_LIMIT_EXCEEDED = "ConcurrentSnapshotCreateLimitExceeded"
    """The account has too many SnapStart snapshots in the making."""


@final
class Unset(Enum):
    """The type of `UNSET`, which means "not given": `None` already means "no limit"."""

    UNSET = "unset"
    """The only value of this type."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
""""Not given": the default of an argument for which `None` means "no limit"."""


LONGEST_TIME: Final = 1_000_000_000
"""Seconds, about 32 years: every event loop can wait that long."""
_MOST_SHOWN = 40
"""Characters of a string that an error may quote."""
_LONGEST_KEEP_ALIVE = 32_767
_MOST_PROBES = 127
"""The highest values that Linux accepts for TCP keep-alive, in seconds and as a count (tcp(7))."""


def is_seconds(value: object, *, above_zero: bool = False) -> bool:
    """Whether the value is a number of seconds from 0 to `LONGEST_TIME`; a bool or NaN is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= LONGEST_TIME or (value == 0 and not above_zero)


def is_whole(value: object, *, least: int, most: int | None = None) -> bool:
    """Whether the value is a whole number in this range; a bool is not."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value >= least and (most is None or value <= most)


def shown(value: object) -> str:
    """A wrong value as an error may quote it: numbers and short strings as they are, anything else as its type."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return "a whole number with more than 20 digits"  # Python refuses to write out a few thousand digits
    if value is None or isinstance(value, int | float):
        return repr(value)
    return repr(value) if isinstance(value, str) and len(value) <= _MOST_SHOWN else f"a value of type {type(value).__name__}"


def _limit(*, above_zero: bool, is_of_read: bool = False) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """A validator that accepts a number of seconds, or `None` for no limit."""
    range = "above 0" if above_zero else "0 or more"
    more = ", 'function' for the function's own timeout" if is_of_read else ""

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        is_word = is_of_read and (isinstance(value, Unset) or text_of(value) == "function")
        if not (value is None or is_word or is_seconds(value, above_zero=above_zero)):
            raise ValueError(
                f"{attribute.name} must be a number of seconds, {range} and at most {LONGEST_TIME:,}{more}, or None for no "
                f"limit; got {shown(value)}"
            )

    return check


def _whole(most: int | None = None) -> "Callable[[object, attrs.Attribute[Any], object], None]":
    """A validator that accepts a whole number, 1 or more."""
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


@explains_arguments
@attrs.frozen(kw_only=True)
class Timeouts:
    """The time limits of one call, in seconds. `None` is no limit.

    ::

        output = await client.invoke("orders", {"id": 7}, timeout=Timeouts(total=30, connect=2))

    A limit that expires raises `InvocationTimeoutError`, or `QueueTimeoutError` for `queue`.

    Args:
        total: Seconds from the start of the call to its output, with all attempts and pauses. Default `None`.
            In a map it starts when the item gets its slot.
        queue: Seconds to wait for a slot, and for a connection to become free. Default `None`.
        connect: Seconds to open a connection: name resolution, TCP, TLS and the proxy. Default 5.
        read: Seconds of silence while the answer is awaited. Default 1,860; 60 if no function runs meanwhile.
            It also limits the time in which the server takes no byte of a large payload, the time from the first byte of the
            answer's head to the end of the head, and from there to the end of a body that is not streamed.
            `"function"` is the timeout of the function and 30 s more. The client asks Lambda for it, once in five minutes for
            each function and qualifier, and needs the permission `lambda:GetFunction`. Without it the default holds.
        idle: Seconds of silence between two chunks of a stream. Default `None`.

    Raises:
        ValueError: A limit is not a number of seconds.
    """

    total: float | None = attrs.field(default=None, validator=_limit(above_zero=True))
    """Seconds from the start of the call to its output, with all attempts and pauses. Default `None`. In a map it starts when
    the item gets its slot."""
    queue: float | None = attrs.field(default=None, validator=_limit(above_zero=False))
    """Seconds to wait for a slot, and for a connection to become free. Default `None`."""
    connect: float | None = attrs.field(default=5.0, validator=_limit(above_zero=True))
    """Seconds to open a connection: name resolution, TCP, TLS and the proxy. Default 5."""
    read: float | Literal["function"] | Unset | None = attrs.field(
        default=UNSET, validator=_limit(above_zero=True, is_of_read=True)
    )
    """Seconds of silence while the answer is awaited. Default 1,860; 60 if no function runs meanwhile. It also limits the time
    in which the server takes no byte of a large payload, the time from the first byte of the answer's head to the end of the
    head, and from there to the end of a body that is not streamed. `"function"` is the timeout of the function and 30 s more.
    The client asks Lambda for it, once in five minutes for each function and qualifier, and needs the permission
    `lambda:GetFunction`. Without it the default holds."""
    idle: float | None = attrs.field(default=None, validator=_limit(above_zero=True))
    """Seconds of silence between two chunks of a stream. Default `None`."""

    def with_read_limit(self, read: float) -> "Timeouts":
        """These limits, with `read` filled in if it is unset.

        Args:
            read: Seconds, or any limit that stands for the default of this call.
        """
        return attrs.evolve(self, read=read) if self.read is UNSET else self


@explains_arguments
@attrs.frozen(kw_only=True)
class TcpKeepAlive:
    """When the kernel probes a silent connection, so that a dead peer is found.

    On Linux, sent bytes may stay unacknowledged for `idle + interval * count` seconds. Times are rounded up to whole seconds.

    Args:
        idle: Seconds of silence before the first probe. Default 45.
        interval: Seconds between two probes. Default 15.
        count: Unanswered probes after which the connection ends. Default 3.

    Raises:
        ValueError: A value is out of the range that Linux accepts.
    """

    idle: float = attrs.field(default=45, validator=_check_probe_time)
    """Seconds of silence before the first probe. Default 45."""
    interval: float = attrs.field(default=15, validator=_check_probe_time)
    """Seconds between two probes. Default 15."""
    count: int = attrs.field(default=3, validator=_whole(most=_MOST_PROBES))
    """Unanswered probes after which the connection ends. Default 3."""


@explains_arguments
@attrs.frozen(kw_only=True)
class PayloadLimits:
    """The limits of Lambda for a request. They are checked before sending; raise them when Lambda raises its own.

    Source: the "Lambda quotas" page and the API reference of Invoke.

    Args:
        request_response: Bytes of the payload of a synchronous call or a stream. Default 6 MiB.
        event: Bytes of the payload of an `Event`. Default 1 MiB.
        client_context: Characters of the base64-encoded client context. Default 3,583.

    Raises:
        ValueError: A limit is not a whole number of 1 or more.
    """

    request_response: int = attrs.field(default=6 * 1024 * 1024, validator=_whole())
    """Bytes of the payload of a synchronous call or a stream. Default 6 MiB."""
    event: int = attrs.field(default=1024 * 1024, validator=_whole())
    """Bytes of the payload of an `Event`. Default 1 MiB."""
    client_context: int = attrs.field(default=3583, validator=_whole())
    """Characters of the base64-encoded client context. Default 3,583."""


@explains_arguments
@attrs.frozen(kw_only=True)
class ResponseLimits:
    """The limits of an answer. If an answer exceeds one, the call raises `ConnectionLostError` and the connection is closed.

    Args:
        body: Bytes of a body that is read into memory, so of every answer that is not a stream. Default 16 MiB.
        head: Bytes of the head and the trailers together. Default 64 KiB.
        interim: Heads with a status of 1xx before the answer. Default 16.

    Raises:
        ValueError: A limit is not a whole number of 1 or more.
    """

    body: int = attrs.field(default=16 * 1024 * 1024, validator=_whole())
    """Bytes of a body that is read into memory, so of every answer that is not a stream. Default 16 MiB."""
    head: int = attrs.field(default=64 * 1024, validator=_whole())
    """Bytes of the head and the trailers together. Default 64 KiB."""
    interim: int = attrs.field(default=16, validator=_whole())
    """Heads with a status of 1xx before the answer. Default 16."""


def masked(access_key_id: str) -> str:
    """An access key id with its middle hidden: `AKIA...MPLE`."""
    return f"{access_key_id[:4]}...{access_key_id[-4:]}" if len(access_key_id) >= 12 else "..."


def _token(value: str | None) -> str | None:
    """`None` for an empty session token: AWS refuses an empty one."""
    return value or None


def _is_text(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{attribute.name} must be a string; got {type(value).__name__}")  # the value may be a secret


def _is_moment(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, dt.datetime):
        raise TypeError(f"{attribute.name} must be a datetime with a time zone, or None; got {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError(f"{attribute.name} must be a datetime with a time zone, such as tzinfo=datetime.UTC; got {value!r}")


@explains_arguments
@attrs.frozen
class Credentials:
    """AWS keys. Printing them shows neither the secret nor the token.

    ::

        client = LambdaClient(region="eu-west-1", credentials=Credentials("AKID...", "secret"))

    Args:
        access_key_id: The access key id, a string.
        secret_access_key: The secret access key, a string. It is never printed.
        session_token: The token of temporary keys. Default `None`, for long-term keys; an empty string becomes `None`.
        expires_at: The end of their validity, a `datetime` with a time zone. Default `None`: they do not expire.

    Raises:
        TypeError: A value has another type.
        ValueError: `expires_at` has no time zone.
    """

    access_key_id: str = attrs.field(repr=masked, validator=_is_text)
    """The access key id, a string."""
    secret_access_key: str = attrs.field(repr=lambda _: "...", validator=_is_text)
    """The secret access key, a string. It is never printed."""
    session_token: str | None = attrs.field(
        default=None,
        converter=_token,
        repr=lambda value: "None" if value is None else "...",
        validator=attrs.validators.optional(_is_text),
    )
    """The token of temporary keys. Default `None`, for long-term keys; an empty string becomes `None`."""
    expires_at: dt.datetime | None = attrs.field(default=None, kw_only=True, validator=attrs.validators.optional(_is_moment))
    """The end of their validity, a `datetime` with a time zone. Default `None`: they do not expire."""


class Unfrozen:
    """A mixin for a value of a frozen class that is being made: the `__init__` of such a class takes three times as long.

    A subclass of both sets the fields in its `__init__`, where the value then becomes one of the frozen class.
    """

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__  # Python takes the quick way to a field only if both are those of `object`


@attrs.frozen(kw_only=True)
class Attempt:
    """One request of a call.

    Args:
        delivery: The verdict: how far this request got.
        duration: Seconds from the start of the attempt to its end.
        status_code: The HTTP status; `None` if no answer came.
    """

    delivery: Delivery
    """The verdict: how far this request got."""
    duration: float
    """Seconds from the start of the attempt to its end."""
    status_code: int | None
    """The HTTP status; `None` if no answer came."""


class _NewAttempt(Unfrozen, Attempt):
    __slots__ = ()

    def __init__(self, delivery: Delivery, duration: float, status_code: int | None) -> None:
        new: Any = self
        new.delivery, new.duration, new.status_code = delivery, duration, status_code
        new.__class__ = Attempt


new_attempt: Callable[[Delivery, float, int | None], Attempt] = _NewAttempt
"""The same as `Attempt`, in a third of the time."""


@attrs.frozen(kw_only=True)
class Metadata:
    """The facts of an answer beside its content, and of the call.

    Args:
        http_status_code: The HTTP status.
        request_id: The `x-amzn-requestid` of the answer, which AWS support asks for. `None` if the answer has none.
        extended_request_id: The `x-amz-id-2` of the answer, or `None`.
        cf_id: The `x-amz-cf-id` of the answer, or `None`.
        trace_id: The `x-amzn-trace-id` of the answer, or `None`.
        headers: All headers of the answer, by lower-case name. Printing the metadata shows only their number.
        attempts: The number of requests that the call has sent.
        total_retry_delay: Seconds that the call spent in pauses between its attempts.
        history: The attempts of the call in order, each with its verdict and its duration.
        hedge: `"won"` if the second request of a hedged call has the answer, `"lost"` if the first has it; else `None`.
            A call is hedged by `hedge_after`. The attempts and the history are those of both; the request that was cut has the
            verdict `UNKNOWN`. It is `None` too if no second request was sent.
    """

    http_status_code: int
    """The HTTP status."""
    request_id: str | None = None
    """The `x-amzn-requestid` of the answer, which AWS support asks for. `None` if the answer has none."""
    extended_request_id: str | None = None
    """The `x-amz-id-2` of the answer, or `None`."""
    cf_id: str | None = None
    """The `x-amz-cf-id` of the answer, or `None`."""
    trace_id: str | None = None
    """The `x-amzn-trace-id` of the answer, or `None`."""
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=lambda headers: f"<{len(headers)} headers>")
    """All headers of the answer, by lower-case name. Printing the metadata shows only their number."""
    attempts: int = 1
    """The number of requests that the call has sent."""
    total_retry_delay: float = 0.0
    """Seconds that the call spent in pauses between its attempts."""
    history: tuple[Attempt, ...] = ()
    """The attempts of the call in order, each with its verdict and its duration."""
    hedge: Literal["won", "lost"] | None = None
    """`"won"` if the second request of a hedged call has the answer, `"lost"` if the first has it; else `None`. A call is
    hedged by `hedge_after`. The attempts and the history are those of both; the request that was cut has the verdict `UNKNOWN`.
    It is `None` too if no second request was sent."""


def text_of(value: object) -> object:
    """The value of an enum member; anything else as it is. Callers may give an invocation type either way."""
    return value.value if isinstance(value, Enum) else value
