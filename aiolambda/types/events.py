"""What a client tells its observers: a call starts, waits, is sent, is throttled, is retried, ends.

Owns the events and the interface of an observer. Must not know who tells them, or what an observer does.
"""

import datetime as dt
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from .values import Delivery, ThrottleReason, Unfrozen

if TYPE_CHECKING:
    from ..fanout.values import MapStats
    from ..operations.report import Report

__all__ = [
    "AttemptEnded",
    "AttemptSent",
    "CallEnded",
    "CallFacts",
    "CallQueued",
    "CallSlotted",
    "CallStarted",
    "ClientObserver",
    "CredentialsRefreshed",
    "MapEnded",
    "MapFacts",
    "MapStarted",
    "Outcome",
    "Retried",
    "Throttled",
    "new_call_ended",
    "new_call_facts",
]


class Outcome(StrEnum):
    """How a call ended, in one word. For an error, it says how far the invocation got.

    For a call that manages functions, "the function ran" means that the operation was carried out: `EXECUTED`, `REFUSED`,
    `UNKNOWN` and the others speak of the operation. Only `FUNCTION_ERROR` cannot be.
    """

    EXECUTED = "executed"
    """The function ran and returned."""
    FUNCTION_ERROR = "function_error"
    """The function ran and failed: it raised, timed out or crashed."""
    ACCEPTED = "accepted"
    """Lambda queued the event."""
    NOT_RUN = "not_run"
    """The call succeeded without the function: a dry run, or a middleware answered in its place."""
    INCOMPLETE = "incomplete"
    """The function ran, and its answer did not arrive whole, was not read to its end, or could not be read."""
    THROTTLED = "throttled"
    """Lambda throttled the last attempt. The function did not run."""
    REFUSED = "refused"
    """Lambda answered with another error before it started the function. The function did not run."""
    NOT_DELIVERED = "not_delivered"
    """The request did not reach Lambda. The function did not run."""
    UNKNOWN = "unknown"
    """The function may have run: no complete answer came."""
    CANCELLED = "cancelled"
    """The caller cancelled the call; `delivery` says how far it got."""


@attrs.frozen(eq=False)
class MapFacts:
    """A run of `client.map` or `client.map_commands`. Each run has one such object.

    Args:
        function_name: The function, as the caller gave it. `None` for commands, which may name different ones.
    """

    function_name: str | None
    """The function, as the caller gave it. `None` for commands, which may name different ones."""


@attrs.frozen(eq=False)
class CallFacts:
    """What is known of a call when it starts. All events of a call have the same object.

    Args:
        id: The id of this call, the same for all its attempts (`amz-sdk-invocation-id`).
        client_name: The name of the client's class.
        operation: The name of the operation in the API, such as `"Invoke"`.
        function_name: The function, as the caller gave it: a name or an ARN, with a qualifier or without. May be empty.
        qualifier: The version or alias, if it was given by itself.
        invocation_type: `"RequestResponse"`, `"Event"` or `"DryRun"`; empty for a call that manages functions.
        map: The run that the call belongs to; `None` outside of a map.
        hedge: Whether the call was sent as a hedge, because another one waits too long for its answer. See `hedge_after`.
    """

    id: str
    """The id of this call, the same for all its attempts (`amz-sdk-invocation-id`)."""
    client_name: str
    """The name of the client's class."""
    operation: str
    """The name of the operation in the API, such as `"Invoke"`."""
    function_name: str
    """The function, as the caller gave it: a name or an ARN, with a qualifier or without. May be empty."""
    qualifier: str | None
    """The version or alias, if it was given by itself."""
    invocation_type: str
    """`"RequestResponse"`, `"Event"` or `"DryRun"`; empty for a call that manages functions."""
    map: MapFacts | None = None
    """The run that the call belongs to; `None` outside of a map."""
    hedge: bool = False
    """Whether the call was sent as a hedge, because another one waits too long for its answer. See `hedge_after`."""


class _NewCallFacts(Unfrozen, CallFacts):
    __slots__ = ()

    def __init__(
        self,
        id: str,
        client_name: str,
        operation: str,
        function_name: str,
        qualifier: str | None,
        invocation_type: str,
        map: MapFacts | None,
        hedge: bool,
    ) -> None:
        new: Any = self
        new.id, new.client_name, new.operation, new.function_name = id, client_name, operation, function_name
        new.qualifier, new.invocation_type, new.map, new.hedge = qualifier, invocation_type, map, hedge
        new.__class__ = CallFacts


new_call_facts: Callable[[str, str, str, str, str | None, str, MapFacts | None, bool], CallFacts] = _NewCallFacts
"""The same as `CallFacts`, in a third of the time."""


@attrs.frozen(eq=False)
class CallStarted:
    """A call began. Nothing was sent yet.

    Args:
        call: The call.
    """

    call: CallFacts
    """The call."""


@attrs.frozen(eq=False)
class CallQueued:
    """An attempt waits, because no slot or no connection is free.

    Args:
        call: The call.
    """

    call: CallFacts
    """The call."""


@attrs.frozen(eq=False)
class CallSlotted:
    """An attempt has waited: it got its slot and its connection, or gave up.

    Args:
        call: The call.
        waited: Seconds of waiting.
        gave_up: Whether it ended without a slot: by its limit, or because it was cancelled.
    """

    call: CallFacts
    """The call."""
    waited: float
    """Seconds of waiting."""
    gave_up: bool
    """Whether it ended without a slot: by its limit, or because it was cancelled."""


@attrs.frozen(eq=False)
class AttemptSent:
    """A request is handed to the transport. It is signed.

    Args:
        call: The call.
        attempt: The number of this request in its call: 1, 2, ....
        url: Its URL, which names the endpoint and the function.
        method: Its method: `"POST"` for an invocation, and `"GET"`, `"PUT"` or `"DELETE"` for some other operations.
    """

    call: CallFacts
    """The call."""
    attempt: int
    """The number of this request in its call: 1, 2, ...."""
    url: str
    """Its URL, which names the endpoint and the function."""
    method: str
    """Its method: `"POST"` for an invocation, and `"GET"`, `"PUT"` or `"DELETE"` for some other operations."""


@attrs.frozen(eq=False)
class AttemptEnded:
    """A request was answered, or no answer came. A stream's has its head; the end of the call tells of its end.

    Args:
        call: The call.
        attempt: The number of this request in its call: 1, 2, ....
        delivery: The verdict: how far this request got.
        status_code: The HTTP status; `None` if no answer came.
        request_id: The `x-amzn-requestid` of the answer; `None` if it has none, or no answer came.
        duration: Seconds from the start of the attempt to its end.
        error: What ended the attempt without an answer, such as a `ConnectionLostError`; `None` for every answer.
    """

    call: CallFacts
    """The call."""
    attempt: int
    """The number of this request in its call: 1, 2, ...."""
    delivery: Delivery
    """The verdict: how far this request got."""
    status_code: int | None
    """The HTTP status; `None` if no answer came."""
    request_id: str | None
    """The `x-amzn-requestid` of the answer; `None` if it has none, or no answer came."""
    duration: float
    """Seconds from the start of the attempt to its end."""
    error: BaseException | None
    """What ended the attempt without an answer, such as a `ConnectionLostError`; `None` for every answer."""


@attrs.frozen(eq=False)
class Throttled:
    """Lambda throttled a request. The call waits and sends again while it has time; in a map, the run sends the item again.

    Args:
        call: The call.
        attempt: The number of the request.
        code: The error code, such as `"TooManyRequestsException"`.
        reason: Which limit was reached; `None` if Lambda gave none.
        retry_after: Seconds that Lambda asked to wait; `None` if it did not ask.
    """

    call: CallFacts
    """The call."""
    attempt: int
    """The number of the request."""
    code: str
    """The error code, such as `"TooManyRequestsException"`."""
    reason: ThrottleReason | None
    """Which limit was reached; `None` if Lambda gave none."""
    retry_after: float | None
    """Seconds that Lambda asked to wait; `None` if it did not ask."""


@attrs.frozen(eq=False)
class Retried:
    """An attempt failed, and another follows after a pause.

    Args:
        call: The call.
        attempt: The number of requests so far.
        delivery: The verdict on them: `UNKNOWN` is sent again only if the call is idempotent.
        pause: Seconds until the next attempt.
        error: The failure.
    """

    call: CallFacts
    """The call."""
    attempt: int
    """The number of requests so far."""
    delivery: Delivery
    """The verdict on them: `UNKNOWN` is sent again only if the call is idempotent."""
    pause: float
    """Seconds until the next attempt."""
    error: Exception
    """The failure."""


@attrs.frozen(eq=False)
class CredentialsRefreshed:
    """A request is signed with other keys than the one before it.

    Args:
        expires_at: The end of their validity; `None` if they do not expire.
    """

    expires_at: dt.datetime | None
    """The end of their validity; `None` if they do not expire."""


@attrs.frozen(eq=False, kw_only=True)
class CallEnded:
    """A call has ended, with all its attempts and pauses. A stream ends when it is closed.

    Args:
        call: The call.
        outcome: How it ended, in one word.
        delivery: How far the invocation got: the worst of all attempts.
        error: What the caller gets raised. `None` if there is an output, also for one with a `function_error`.
        error_type: For a function that failed, the type that it reported, or `"Unhandled"`.
            Otherwise the error code of Lambda, or the name of the exception's class. `None` without an error.
        status_code: The HTTP status of the last answer; `None` if none came.
        request_id: The `x-amzn-requestid` of the last answer, which also stands in the log of the function.
        attempts: The number of requests that were sent.
        throttles: How many of them Lambda throttled.
        duration: Seconds from the start of the call to its end. In a map it starts with the slot.
        queued: Seconds of them that were spent waiting for a slot or a connection.
        total_retry_delay: Seconds of them that were spent in pauses between attempts.
        report: The REPORT line of the function, with `log_type="Tail"`: durations, memory, cold start.
    """

    call: CallFacts
    """The call."""
    outcome: Outcome
    """How it ended, in one word."""
    delivery: Delivery
    """How far the invocation got: the worst of all attempts."""
    error: BaseException | None
    """What the caller gets raised. `None` if there is an output, also for one with a `function_error`."""
    error_type: str | None
    """For a function that failed, the type that it reported, or `"Unhandled"`. Otherwise the error code of Lambda, or the name
    of the exception's class. `None` without an error."""
    status_code: int | None
    """The HTTP status of the last answer; `None` if none came."""
    request_id: str | None
    """The `x-amzn-requestid` of the last answer, which also stands in the log of the function."""
    attempts: int
    """The number of requests that were sent."""
    throttles: int
    """How many of them Lambda throttled."""
    duration: float
    """Seconds from the start of the call to its end. In a map it starts with the slot."""
    queued: float
    """Seconds of them that were spent waiting for a slot or a connection."""
    total_retry_delay: float
    """Seconds of them that were spent in pauses between attempts."""
    report: "Report | None"
    """The REPORT line of the function, with `log_type="Tail"`: durations, memory, cold start."""


class _NewCallEnded(Unfrozen, CallEnded):
    __slots__ = ()

    def __init__(
        self,
        *,
        call: CallFacts,
        outcome: Outcome,
        delivery: Delivery,
        error: BaseException | None,
        error_type: str | None,
        status_code: int | None,
        request_id: str | None,
        attempts: int,
        throttles: int,
        duration: float,
        queued: float,
        total_retry_delay: float,
        report: "Report | None",
    ) -> None:
        new: Any = self
        new.call, new.outcome, new.delivery, new.error, new.error_type = call, outcome, delivery, error, error_type
        new.status_code, new.request_id, new.attempts, new.throttles = status_code, request_id, attempts, throttles
        new.duration, new.queued, new.total_retry_delay, new.report = duration, queued, total_retry_delay, report
        new.__class__ = CallEnded


new_call_ended: Callable[..., CallEnded] = _NewCallEnded
"""The same as `CallEnded`, in less than half of the time."""


@attrs.frozen(eq=False)
class MapStarted:
    """A run begins to read its items.

    Args:
        map: The run.
    """

    map: MapFacts
    """The run."""


@attrs.frozen(eq=False)
class MapEnded:
    """A run has ended: nothing of it is in flight.

    Args:
        map: The run.
        stats: Its totals.
        error: What the reader of the results gets raised; `None` if the run ended by itself.
    """

    map: MapFacts
    """The run."""
    stats: "MapStats"
    """Its totals."""
    error: BaseException | None
    """What the reader of the results gets raised; `None` if the run ended by itself."""


class ClientObserver:
    """What a client does, told as it happens. Derive from it, and override what you need.

    ::

        from aiolambda.telemetry import CallEnded, ClientObserver


        class Durations(ClientObserver):
            def call_ended(self, event: CallEnded) -> None:
                print(event.call.function_name, event.outcome, event.duration)


        client.observe(Durations())

    Each method has one argument, the event. It runs on the event loop, in the task of the call: it must be quick, and cannot be
    `async def`. An exception that it raises is logged once, and changes nothing for the call. A method that is not overridden
    costs nothing.

    No event holds a payload or an answer. The errors are those that the caller gets, whose texts hold none either.
    """

    wanted: ClassVar[frozenset[str]] = frozenset()
    """The names of the methods that a class overrides."""
    logged: ClassVar[frozenset[str]] = frozenset()
    """For the client: the methods that have raised, which was logged."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        wanted = {name for name in METHODS if getattr(cls, name) is not getattr(ClientObserver, name)}
        for name in sorted(wanted):
            if inspect.iscoroutinefunction(getattr(cls, name)):
                raise TypeError(f"{cls.__name__}.{name} must be a plain function (def, not async def)")
        cls.wanted, cls.logged = frozenset(wanted), frozenset()

    def call_started(self, event: CallStarted, /) -> None:
        """A call began.

        Args:
            event: The event.
        """

    def call_queued(self, event: CallQueued, /) -> None:
        """An attempt waits for a slot or a connection.

        Args:
            event: The event.
        """

    def call_slotted(self, event: CallSlotted, /) -> None:
        """An attempt waits no more.

        Args:
            event: The event.
        """

    def attempt_sent(self, event: AttemptSent, /) -> None:
        """A request is handed to the transport.

        Args:
            event: The event.
        """

    def attempt_ended(self, event: AttemptEnded, /) -> None:
        """A request was answered, or no answer came.

        Args:
            event: The event.
        """

    def throttled(self, event: Throttled, /) -> None:
        """Lambda throttled a request.

        Args:
            event: The event.
        """

    def retried(self, event: Retried, /) -> None:
        """An attempt failed, and another follows.

        Args:
            event: The event.
        """

    def credentials_refreshed(self, event: CredentialsRefreshed, /) -> None:
        """Requests are signed with other keys from now on.

        Args:
            event: The event.
        """

    def call_ended(self, event: CallEnded, /) -> None:
        """A call has ended.

        Args:
            event: The event.
        """

    def map_started(self, event: MapStarted, /) -> None:
        """A run of a map begins.

        Args:
            event: The event.
        """

    def map_ended(self, event: MapEnded, /) -> None:
        """A run of a map has ended.

        Args:
            event: The event.
        """


METHODS = tuple(name for name, member in vars(ClientObserver).items() if inspect.isfunction(member) and name[0] != "_")
"""The methods of an observer."""
