"""Every error that aiolambda raises: whose fault it is, whether the function may have run, and what to do.

Catch `AiolambdaError` for all of them. `delivery` says how far the invocation got, and `may_have_run` sums it up: if it is
`False`, sending the call again cannot run the function twice. No error text holds a payload or a secret. All errors can be
pickled. The errors that Lambda itself answers with are in `aiolambda.errors.service`, one class for each code.

AiolambdaError                  .delivery .may_have_run .function_name .retry_action
├─ ConfigurationError           nothing was sent: no region, no credentials, contradictory settings
│   └─ MiddlewareStackError     (also ValueError) a stack that cannot be built as asked
├─ ClientClosedError            (also RuntimeError) the client is closed, or was closed during the call
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
├─ TooManyFailuresError         .stats: more items of a map failed than its limit allows
└─ UnknownOutcomeError          an item that was in flight when an earlier run of a map ended

Owns the classes and their texts. Must not know how a failure was noticed.
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
    """An error out of a pickle: the constructors take more than `args`."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class AiolambdaError(Exception):
    """The base class of all errors of this package.

    `retry_action` is the change that could make another attempt succeed, as the retry middleware decided it; `None` if the
    error did not end an attempt.
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
        """How far the invocation got: the worst verdict of all its attempts."""
        return self._delivery

    @property
    def may_have_run(self) -> bool:
        """`True` if `delivery` is unknown, accepted or executed. If `False`, sending again cannot run the function twice."""
        return self._delivery.may_have_run

    @property
    def function_name(self) -> str | None:
        """The function's name as the caller gave it; `None` if the error belongs to no function."""
        return self._function_name

    def _locate(
        self,
        function_name: str,
        delivery: Delivery,
        *,
        history: Sequence[Attempt],
        elapsed: float,
        total_retry_delay: float,
    ) -> None:
        """Fill in the facts of the call that the code which raised the error did not know. Times are in seconds.

        A middleware may call a second function. An error of that inner call keeps the inner function's name and history; it
        gets the outer call's verdict, and a note.
        """
        self._delivery = delivery
        if self._located or self._function_name not in (None, function_name):
            outcome = "may have run" if delivery.may_have_run else "has not run"
            self.add_note(f"Raised inside a call of {function_name!r}, which {outcome}.")
            return
        self._function_name, self._located = function_name, True
        if isinstance(self, TransportError):
            self.history, self.elapsed, self.total_retry_delay = tuple(history), elapsed, total_retry_delay

    def _details(self) -> list[str]:
        return [] if self._function_name is None else [f"function {self._function_name!r}"]

    def __str__(self) -> str:
        message = super().__str__()
        details = self._details()
        return f"{message} ({', '.join(details)})" if details else message

    def __reduce__(self) -> tuple[object, ...]:
        return rebuilt, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(AiolambdaError):
    """A setting is missing, invalid, or contradicts another. Nothing was sent.

    The text names the setting, the place it came from, and the remedy. `client.config.explain()` shows all settings.
    """


class MiddlewareStackError(ConfigurationError, ValueError):
    """A middleware stack cannot be built: a duplicate name, a missing anchor, a cycle, or an unknown step. Nothing was sent."""


class ClientClosedError(AiolambdaError, RuntimeError):
    """The client is closed, or it was closed during this call.

    A call on a closed client is not sent. If `close` ended a call in flight, the function may have run: see `delivery`.
    """


class InvalidInputError(AiolambdaError, ValueError):
    """Lambda would refuse this input, so nothing was sent.

    `member` names the member of the input. `limit` is the limit that it exceeds, in bytes or characters, or `None`.
    """

    def __init__(self, message: str, /, *, member: str, limit: int | None = None, function_name: str | None = None) -> None:
        super().__init__(message, function_name=function_name)
        self.member = member
        self.limit = limit


class PayloadTooLargeError(AiolambdaError):
    """The payload is too large; the function did not run. Send less, or put the data into S3 and send its key.

    Raised before sending (see `PayloadLimits`), or if Lambda answers 413. `size` and `limit` are in bytes, `None` if unknown.
    """

    size: int | None = None
    limit: int | None = None


class InvalidPayloadSizeError(InvalidInputError, PayloadTooLargeError):
    """The payload exceeds the limit of its invocation type, so nothing was sent. `LambdaClient(limits=...)` sets the limits."""

    def __init__(self, message: str, /, *, size: int | None, limit: int, function_name: str | None = None) -> None:
        super().__init__(message, member="payload", limit=limit, function_name=function_name)
        self.size = size


class TransportError(AiolambdaError):
    """No complete answer came from Lambda. Whether the function may have run: see `delivery`.

    `history` has one `Attempt` for each request of the call. `elapsed` is the duration of the call in seconds, and
    `total_retry_delay` the part of it that was spent in pauses. `request_id` is set if the head of an answer had come.
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
        """The number of attempts."""
        return len(self.history)

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

    `transient` is `True` if trying again can help. It is `False` if the server's certificate was rejected (see `ca_bundle`), or
    if the proxy refused its credentials.
    """

    def __init__(self, message: str, /, *, transient: bool = True, function_name: str | None = None) -> None:
        super().__init__(message, delivery=Delivery.NOT_DELIVERED, function_name=function_name)
        self.transient = transient


class ConnectionLostError(TransportError, ConnectionError):
    """The connection ended before the answer was complete, or the answer is not a valid answer of Lambda.

    The function may have run, unless `delivery` says otherwise. `stale_connection` is `True` if the server had closed this
    pooled connection before any byte of the request reached it; then the function has not run.
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
    """A limit of `Timeouts` expired. The function may have run, unless `delivery` says otherwise.

    `exceeded` names the limit. `stage` says how far the attempt had got. `last_error` is the error of the previous attempt, or
    `None`. To wait longer, raise that limit with `timeout=Timeouts(...)`.
    """

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
    """The call waited longer than `Timeouts.queue` for a slot or a connection. The function has not run.

    Raise `max_concurrency`, start fewer calls at a time, or wait longer.
    """

    def __init__(self, message: str, /, *, function_name: str | None = None) -> None:
        super().__init__(message, exceeded="queue", stage="queue", delivery=Delivery.NOT_DELIVERED, function_name=function_name)


class LambdaServiceException(AiolambdaError):
    """Lambda answered with an error code. Whether the function may have run depends on the code: see `delivery`.

    Each known code has its own subclass in `aiolambda.errors.service`; an unknown code raises this class.

    - `code`, `message`: from the answer. `type` is its `Type` member.
    - `category`: "permission", "limit", "function" (its configuration), "request" or "service".
    - `retry_after`: the seconds that the service asked to wait, or `None`.
    - `metadata`: status, request ids, headers and attempts. `body`: the first 64 KiB of the answer.
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
        """The HTTP status."""
        return self.metadata.http_status_code

    @property
    def request_id(self) -> str | None:
        """The `x-amzn-requestid` of the answer; AWS support asks for it."""
        return self.metadata.request_id

    @property
    def fault(self) -> Fault:
        """The side at fault: "server" for a status of 500 and above, else "client"."""
        return "server" if self.status_code >= 500 else "client"

    def _details(self) -> list[str]:
        details = [f"{self.code}, HTTP {self.status_code}", *super()._details()]
        if self.request_id is not None:
            details.append(f"request id {self.request_id}")
        return details


class FunctionError(AiolambdaError):
    """The function ran and failed: it raised an exception, timed out or crashed. The client does not retry it.

    `kind` is "Handled" or "Unhandled", the value of `X-Amz-Function-Error`. `error_type`, `error_message` and `stack_trace`
    come from the function. `output` is the whole answer; `None` if the function failed during a stream.
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
    """The answer cannot be decoded as the requested type. The function has run.

    `output` is the whole answer. `codec_error` is the exception of the codec, such as pydantic's `ValidationError`, or `None`
    if there is no payload. Its text may quote the payload, so this error does not repeat it, and pickling drops it. This is
    a `ValueError` and a `TypeError`, because a codec may raise either.
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
    """A streamed answer is incomplete or damaged. The function has run; the chunks that came are not the whole answer.

    `code` is the error name with which Lambda ended the stream, or `None`. `received_bytes` and `received_chunks` count the
    function's output until then.
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
        details.append(f"received {self.received_bytes:,} bytes in {self.received_chunks:,} chunks")
        return details


class TooManyFailuresError(AiolambdaError):
    """More items of a map failed than `max_failures` or `max_failure_ratio` allows.

    The map has yielded every result before it raises this. `stats` has its totals. Items that were not sent did not run.
    """

    def __init__(self, message: str, /, *, stats: MapStats, delivery: Delivery = Delivery.UNKNOWN) -> None:
        super().__init__(message, delivery=delivery)
        self.stats = stats


class UnknownOutcomeError(AiolambdaError):
    """An earlier run of a journalled map sent this item, and ended before its result came. The function may have run.

    It is not sent again, unless the map is `idempotent`.
    """

    def __init__(self, message: str, /, *, function_name: str | None = None) -> None:
        super().__init__(message, delivery=Delivery.UNKNOWN, function_name=function_name)


if not TYPE_CHECKING:  # with it, type checkers would accept any name

    def __getattr__(name: str) -> object:
        """Load the errors of the service on first use: most programs need none."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(".service", __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
