"""Every error that aiolambda raises. Those of the service's own codes stand in `service.py`; five of them have their name here.

AiolambdaError                  .delivery .may_have_run .function_name
├─ ConfigurationError           nothing was sent: no region, no credentials, contradictory settings
│   └─ MiddlewareStackError     (also ValueError) a stack that cannot be built as asked
├─ ClientClosedError            (also RuntimeError) used after close, or cut by it
├─ InvalidInputError            (also ValueError) .member .limit
├─ PayloadTooLargeError         .size .limit
├─ TransportError               .attempts .elapsed .history .total_retry_delay .request_id
│   ├─ ConnectError             (also ConnectionError) .transient
│   ├─ ConnectionLostError      (also ConnectionError) .stale_connection
│   └─ InvocationTimeoutError   (also TimeoutError) .exceeded .stage .last_error
│       └─ QueueTimeoutError
├─ LambdaServiceException       .code .message .status_code .request_id .fault .category .metadata .retry_after
├─ FunctionError                .kind .error_type .error_message .stack_trace .output
├─ DecodeError                  (also ValueError and TypeError) .output .codec_error .request_id
├─ StreamError                  .code .received_bytes .received_chunks .request_id
├─ TooManyFailuresError         .stats: a map's limit was passed
└─ UnknownOutcomeError          an item that an earlier run of a map left in flight

Owns what an error says: whose fault, did it run, may one try again. Must not know how a failure was noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal

from ..types.http import Stage
from ..types.values import Attempt, Delivery, Metadata, RetryAction

if TYPE_CHECKING:
    from ..fanout.values import MapStats
    from ..operations.invoke_types import InvokeCommandOutput
    from .service import (
        AccessDeniedException,
        DurableExecutionAlreadyStartedException,
        RequestTooLargeException,
        ResourceNotFoundException,
        TooManyRequestsException,
    )

__all__ = [
    "AccessDeniedException",
    "AiolambdaError",
    "Category",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "ConnectionLostError",
    "DecodeError",
    "DurableExecutionAlreadyStartedException",
    "Fault",
    "FunctionError",
    "InvalidInputError",
    "InvalidPayloadSizeError",
    "InvocationTimeoutError",
    "LambdaServiceException",
    "MiddlewareStackError",
    "PayloadTooLargeError",
    "QueueTimeoutError",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "StreamError",
    "TooManyFailuresError",
    "TooManyRequestsException",
    "TransportError",
    "UnknownOutcomeError",
]

Limit = Literal["total", "queue", "connect", "read", "idle"]
Fault = Literal["client", "server"]
Category = Literal["permission", "limit", "function", "request", "service"]


def rebuilt(kind: type[AiolambdaError], args: tuple[object, ...], state: dict[str, object]) -> AiolambdaError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class AiolambdaError(Exception):
    """The base of every error of this package; `delivery` says how far the invocation got.

    `retry_action` says what could make another attempt succeed. It is `None` if the error did not end an attempt.
    """

    retry_action: RetryAction | None = None

    def __init__(
        self, message: str, /, *, delivery: Delivery = Delivery.NOT_DELIVERED, function_name: str | None = None
    ) -> None:
        super().__init__(message)
        self._delivery = delivery
        self._function_name = function_name
        self._located = False

    @property
    def delivery(self) -> Delivery:
        return self._delivery

    @property
    def may_have_run(self) -> bool:
        """Whether the function may have run: unknown, accepted or executed."""
        return self._delivery.may_have_run

    @property
    def function_name(self) -> str | None:
        """The name that was invoked, as the caller gave it; `None` where no function was named yet."""
        return self._function_name

    def located(
        self,
        function_name: str,
        delivery: Delivery,
        *,
        history: Sequence[Attempt],
        elapsed: float,
        total_retry_delay: float = 0.0,
    ) -> None:
        """Fill in what the place that raised could not know: the call, the verdict on all its attempts, and these; seconds.

        An error that comes from inside the call of another function keeps that one's name, and says so in a note.
        """
        self._delivery = delivery
        if not self._comes_from_another_call(function_name):
            self._function_name, self._located = function_name, True
        else:
            outcome = "may have run" if delivery.may_have_run else "has not run"
            self.add_note(f"It came out of a call of {function_name!r}, which {outcome}.")

    def _comes_from_another_call(self, function_name: str) -> bool:
        return self._located or self._function_name not in (None, function_name)

    def _details(self) -> list[str]:
        return [] if self._function_name is None else [f"function {self._function_name!r}"]

    def __str__(self) -> str:
        message = super().__str__()
        details = self._details()
        return f"{message} ({', '.join(details)})" if details else message

    def __reduce__(self) -> tuple[object, ...]:
        return rebuilt, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(AiolambdaError):
    """A setting is missing, wrong or contradicts another; nothing was sent."""


class MiddlewareStackError(ConfigurationError, ValueError):
    """A middleware stack cannot be built as asked: a name twice, an anchor that is missing, a cycle, an unknown step."""


class ClientClosedError(AiolambdaError, RuntimeError):
    """The client is closed (`delivery` is not delivered), or `close` cut this call off (unknown, once it was sent)."""


class InvalidInputError(AiolambdaError, ValueError):
    """An input that Lambda would refuse; nothing was sent. `member` names it, `limit` is the limit it passes, if any."""

    def __init__(self, message: str, /, *, member: str, limit: int | None = None, function_name: str | None = None) -> None:
        super().__init__(message, function_name=function_name)
        self.member = member
        self.limit = limit


class PayloadTooLargeError(AiolambdaError):
    """The payload passes a limit: of ours before it was sent, or of the service (413). Sizes in bytes, where known."""

    size: int | None = None
    limit: int | None = None


class InvalidPayloadSizeError(InvalidInputError, PayloadTooLargeError):
    """The payload passes the limit of its invocation type; nothing was sent."""

    def __init__(self, message: str, /, *, size: int | None, limit: int, function_name: str | None = None) -> None:
        super().__init__(message, member="payload", limit=limit, function_name=function_name)
        self.size = size


class TransportError(AiolambdaError):
    """No answer came from Lambda. `attempts` were sent in `elapsed` seconds, and `history` has the facts of each.

    `total_retry_delay` are the seconds of pauses between them, `request_id` is that of an answer's head.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        delivery: Delivery = Delivery.UNKNOWN,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.history: tuple[Attempt, ...] = ()
        self.elapsed = 0.0
        self.total_retry_delay = 0.0
        self.request_id = request_id

    @property
    def attempts(self) -> int:
        return len(self.history)

    def located(
        self,
        function_name: str,
        delivery: Delivery,
        *,
        history: Sequence[Attempt],
        elapsed: float,
        total_retry_delay: float = 0.0,
    ) -> None:
        if not self._comes_from_another_call(function_name):
            self.history, self.elapsed, self.total_retry_delay = tuple(history), elapsed, total_retry_delay
        super().located(function_name, delivery, history=history, elapsed=elapsed, total_retry_delay=total_retry_delay)

    def _details(self) -> list[str]:
        details = super()._details()
        if self.request_id is not None:
            details.append(f"request id {self.request_id}")
        if details:
            details.append(f"attempt {self.attempts}, {self.elapsed:.2f} s")
            details.append("it may have run" if self.may_have_run else "it has not run")
        return details


class ConnectError(TransportError, ConnectionError):
    """No connection could be opened: name resolution, TCP, TLS or the proxy failed. The function has not run.

    `transient`: trying again can help. It is `False` if the server's certificate is not accepted, or if the proxy asks for
    other credentials.
    """

    def __init__(self, message: str, /, *, transient: bool = True, function_name: str | None = None) -> None:
        super().__init__(message, delivery=Delivery.NOT_DELIVERED, function_name=function_name)
        self.transient = transient


class ConnectionLostError(TransportError, ConnectionError):
    """The connection ended, or made no sense, before the whole answer was there; or the answer is not Lambda's.

    `stale_connection`: the server had ended this pooled connection before any byte of the request reached it.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        delivery: Delivery = Delivery.UNKNOWN,
        stale_connection: bool = False,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, delivery=delivery, function_name=function_name, request_id=request_id)
        self.stale_connection = stale_connection


class InvocationTimeoutError(TransportError, TimeoutError):
    """A limit of `Timeouts` passed. `exceeded` names it, `stage` says what was going on, `last_error` what came before it."""

    def __init__(
        self,
        message: str,
        /,
        *,
        exceeded: Limit,
        stage: Stage,
        delivery: Delivery = Delivery.UNKNOWN,
        function_name: str | None = None,
        last_error: AiolambdaError | None = None,
    ) -> None:
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.exceeded: Limit = exceeded
        self.stage: Stage = stage
        self.last_error = last_error


class QueueTimeoutError(InvocationTimeoutError):
    """The wait for a slot, or for a turn to connect, took longer than `Timeouts.queue`. The function has not run."""

    def __init__(self, message: str, /, *, function_name: str | None = None) -> None:
        super().__init__(message, exceeded="queue", stage="queue", delivery=Delivery.NOT_DELIVERED, function_name=function_name)


class LambdaServiceException(AiolambdaError):
    """Lambda answered with an error of its own. An unknown code has this class; the others have one each.

    `fault` says whose it is, `category` what kind: permission, limit, function (its configuration), request, service.
    `type` is the API's `Type` member. `body` is the answer's content, at most its first 64 KiB. `retry_after` are the seconds
    for which the service asked to be left alone.
    """

    category: ClassVar[Category] = "service"
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        /,
        *,
        code: str,
        metadata: Metadata,
        function_name: str | None = None,
        type: str | None = None,
        body: bytes = b"",
        delivery: Delivery = Delivery.UNKNOWN,
    ) -> None:
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.code = code
        self.message = message
        self.metadata = metadata
        self.type = type
        self.body = body

    @property
    def status_code(self) -> int:
        return self.metadata.http_status_code

    @property
    def request_id(self) -> str | None:
        return self.metadata.request_id

    @property
    def fault(self) -> Fault:
        return "server" if self.status_code >= 500 else "client"

    def _details(self) -> list[str]:
        details = [f"{self.code}, HTTP {self.status_code}", *super()._details()]
        if self.request_id is not None:
            details.append(f"request id {self.request_id}")
        return details


class FunctionError(AiolambdaError):
    """The function raised, timed out or crashed; `output` is the whole answer (`None` when it came out of a stream).

    `kind` is `Handled` or `Unhandled`. `error_type`, `error_message` and `stack_trace` are the function's own words.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        kind: Literal["Handled", "Unhandled"],
        error_type: str | None,
        error_message: str | None,
        stack_trace: Sequence[str],
        output: InvokeCommandOutput | None,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, delivery=Delivery.EXECUTED, function_name=function_name)
        self.kind = kind
        self.error_type = error_type
        self.error_message = error_message
        self.stack_trace = tuple(stack_trace)
        self.output = output
        self.request_id = request_id
        if self.stack_trace:
            self.add_note("The function's own traceback:\n" + "\n".join(line.rstrip("\n") for line in self.stack_trace))

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.request_id is None else [*details, f"request id {self.request_id}"]


class DecodeError(AiolambdaError, ValueError, TypeError):
    """An answer that is not what it was to be decoded as; the function has run. `output` is the whole answer.

    `codec_error` is what the codec raised, such as the `ValidationError` of pydantic: its text may quote the payload, so this
    error's does not have it. `None` if there is no payload. It is not pickled. This is a `ValueError` and a `TypeError`, for a
    codec may raise either.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        output: InvokeCommandOutput,
        codec_error: Exception | None = None,
        delivery: Delivery = Delivery.EXECUTED,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.output = output
        self.codec_error = codec_error
        self.request_id = request_id

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.request_id is None else [*details, f"request id {self.request_id}"]

    def __reduce__(self) -> tuple[object, ...]:
        return rebuilt, (type(self), self.args, self.__dict__ | {"codec_error": None})


class StreamError(AiolambdaError):
    """A streamed answer that is cut short, damaged, or without its completion; what had come is not the whole answer.

    `code` is the name of the exception or error with which Lambda ended the stream, `None` if it ended in another way.
    `received_bytes` and `received_chunks` count what the function's answer had brought by then.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        code: str | None = None,
        received_bytes: int = 0,
        received_chunks: int = 0,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, delivery=Delivery.EXECUTED, function_name=function_name)
        self.code = code
        self.received_bytes = received_bytes
        self.received_chunks = received_chunks
        self.request_id = request_id

    def _details(self) -> list[str]:
        details = super()._details()
        if self.request_id is not None:
            details.append(f"request id {self.request_id}")
        details.append(f"{self.received_bytes:,} bytes in {self.received_chunks:,} chunks had come")
        return details


class TooManyFailuresError(AiolambdaError):
    """More items of a map failed than it allows; every result that there was has been given before. `stats` are its totals."""

    def __init__(self, message: str, /, *, stats: MapStats, delivery: Delivery = Delivery.UNKNOWN) -> None:
        super().__init__(message, delivery=delivery)
        self.stats = stats


class UnknownOutcomeError(AiolambdaError):
    """An item that an earlier run of a map had sent, and of which it had no result when it ended. It may have run."""

    def __init__(self, message: str, /, *, function_name: str | None = None) -> None:
        super().__init__(message, delivery=Delivery.UNKNOWN, function_name=function_name)


if not TYPE_CHECKING:  # else every name would pass for one of these

    def __getattr__(name: str) -> object:
        """The names of the service's own errors, of which most calls need none."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(".service", __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
