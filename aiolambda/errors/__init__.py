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
│   ├─ InvocationTimeoutError   (also TimeoutError) .exceeded .stage .last_error
│   │   └─ QueueTimeoutError
│   └─ WorkerLostError          the process of a map that made the call ended
├─ LambdaServiceException       .code .message .status_code .request_id .fault .category .metadata .retry_after .elapsed
├─ FunctionError                .kind .error_type .error_message .stack_trace .output
├─ HttpStatusError              .status_code .output .request_id: a function answered over HTTP with 400 or above
├─ DecodeError                  (also ValueError and TypeError) .output .codec_error .request_id
├─ StreamError                  .code .received_bytes .received_chunks .request_id
├─ NotSentError                 .last_error: an item that a map had read, and not sent when it ended
├─ TooManyFailuresError         .stats: more items of a map failed than its limit allows
├─ WaitError                    .condition .status .reason .reason_code: a function failed to become ready
│   └─ WaitTimeoutError         (also TimeoutError) it is not ready in time
│       └─ ResultTimeoutError   .arn: a durable execution has not ended in time, and goes on
├─ DurableExecutionError        .arn .status .error_type .error_message .error_data .stack_trace
│   ├─ DurableExecutionFailedError
│   ├─ DurableExecutionTimedOutError
│   └─ DurableExecutionStoppedError
├─ NotDurableError              .request_id: the event was accepted, and its function is not durable
└─ UnknownOutcomeError          an item that was in flight when an earlier run of a map ended

Owns the classes and their texts. Must not know how a failure was noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from ..types.http import Stage
from ..types.values import Attempt, Delivery, Metadata, RetryAction

if TYPE_CHECKING:
    from ..fanout.values import MapStats
    from ..operations.fetch_types import HttpOutput
    from ..operations.invoke_types import InvokeCommandOutput
    from .durable import (
        DurableExecutionError,
        DurableExecutionFailedError,
        DurableExecutionStoppedError,
        DurableExecutionTimedOutError,
        NotDurableError,
        ResultTimeoutError,
    )
    from .http import HttpStatusError
    from .service import (
        AccessDeniedException,
        DurableExecutionAlreadyStartedException,
        RequestTooLargeException,
        ResourceNotFoundException,
        TooManyRequestsException,
    )
    from .waits import WaitError, WaitTimeoutError

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
    "DurableExecutionError",
    "DurableExecutionFailedError",
    "DurableExecutionStoppedError",
    "DurableExecutionTimedOutError",
    "Fault",
    "FunctionError",
    "HttpStatusError",
    "InvalidInputError",
    "InvalidPayloadSizeError",
    "InvocationTimeoutError",
    "LambdaServiceException",
    "MiddlewareStackError",
    "NotDurableError",
    "NotSentError",
    "PayloadTooLargeError",
    "QueueTimeoutError",
    "RequestTooLargeException",
    "ResourceNotFoundException",
    "ResultTimeoutError",
    "StreamError",
    "TooManyFailuresError",
    "TooManyRequestsException",
    "TransportError",
    "UnknownOutcomeError",
    "WaitError",
    "WaitTimeoutError",
    "WorkerLostError",
]

Limit = Literal["total", "queue", "connect", "read", "idle"]
"""The limit of `Timeouts` that expired."""
Fault = Literal["client", "server"]
"""The side at fault: the caller or Lambda."""
Category = Literal["permission", "limit", "function", "request", "service"]
"""The kind of an error of the service: a missing permission, a limit, the function's configuration, the request, or Lambda
itself."""


def rebuilt(kind: type[AiolambdaError], args: tuple[object, ...], state: dict[str, object]) -> AiolambdaError:
    """An error out of a pickle: the constructors take more than `args`."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class AiolambdaError(Exception):
    """The base class of all errors of this package.

    ::

        try:
            output = await client.invoke("orders", {"id": 7})
        except AiolambdaError as error:
            if not error.may_have_run:
                ...  # sending it again cannot run the function twice

    Attributes:
        retry_action: The change that could make another attempt succeed; `RetryAction.NONE` if none could.
            `None` if the error did not end an attempt.
    """

    _operation: str | None = None  # of a call that manages functions
    retry_action: RetryAction | None = None
    """The change that could make another attempt succeed; `RetryAction.NONE` if none could. `None` if the error did not end an
    attempt."""

    def __init__(
        self, message: str, /, *, delivery: Delivery = Delivery.NOT_DELIVERED, function_name: str | None = None
    ) -> None:
        """Build an error. Callers only catch them; tests and middlewares raise them too.

        Args:
            message: The text. `str(error)` appends the facts of the call to it.
            delivery: How far the invocation got. Default: it was not delivered.
            function_name: The function's name as the caller gave it; `None` if the error belongs to no function.
        """
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
        function_name: str | None,
        delivery: Delivery,
        *,
        history: Sequence[Attempt],
        elapsed: float,
        total_retry_delay: float,
        operation: str | None = None,
    ) -> None:
        """Fill in the facts of the call that the code which raised the error did not know. Times are in seconds.

        `operation` is given for a call that manages functions; it need not concern a function.

        A middleware may call a second function. An error of that inner call keeps the inner function's name and history; it
        gets the outer call's verdict, and a note.
        """
        self._delivery = delivery
        if not isinstance(function_name, str | None):  # pyright: ignore[reportUnnecessaryIsInstance] - a mistake, perhaps a payload
            return  # type: ignore[unreachable] # as above
        if self._located or self._function_name not in (None, function_name):
            deed = "run" if operation is None else "been carried out"
            outcome = f"may have {deed}" if delivery.may_have_run else f"has not {deed}"
            self.add_note(f"Raised inside a call of {operation or repr(function_name)}, which {outcome}.")
            return
        self._function_name, self._operation, self._located = function_name, operation, True
        if isinstance(self, TransportError):
            self.history, self.elapsed, self.total_retry_delay = tuple(history), elapsed, total_retry_delay
        elif isinstance(self, LambdaServiceException):
            self.elapsed = elapsed

    def _join(self, delivery: Delivery, others: Sequence[Attempt], *, came_first: bool) -> None:
        """Add the requests of another call, which was sent beside the one that failed, or before it."""
        self._delivery = delivery
        before, after = (others, ()) if came_first else ((), others)
        if isinstance(self, TransportError):
            self.history = (*before, *self.history, *after)
        elif isinstance(self, LambdaServiceException):
            of_call: Metadata = self.metadata
            both = (*before, *of_call.history, *after)
            self.metadata = attrs.evolve(of_call, attempts=of_call.attempts + len(others), history=both)

    def _details(self) -> list[str]:
        details = [] if self._operation is None else [f"operation {self._operation}"]
        return [*details, f"function {self._function_name!r}"] if self._function_name else details

    @property
    def _verdict(self) -> str:
        """`delivery` in words."""
        deed = "run" if self._operation is None else "been carried out"
        return f"it may have {deed}" if self.may_have_run else f"it has not {deed}"

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

    def _details(self) -> list[str]:
        return []  # the function is not at fault


class MiddlewareStackError(ConfigurationError, ValueError):
    """A middleware stack cannot be built: a duplicate name, a missing anchor, a cycle, or an unknown step. Nothing was sent."""


class ClientClosedError(AiolambdaError, RuntimeError):
    """The client is closed, or it was closed during this call.

    A call on a closed client is not sent. If `close` ended a call in flight, the function may have run: see `delivery`.
    """


class InvalidInputError(AiolambdaError, ValueError):
    """Lambda would refuse this input, so nothing was sent.

    Attributes:
        member: The name of the member of the input.
        limit: The limit that the member exceeds, in bytes or characters; `None` if it exceeds none.
    """

    def __init__(
        self, message: str, /, *, member: str = "payload", limit: int | None = None, function_name: str | None = None
    ) -> None:
        """Build an error. Nothing was sent, so `delivery` is `NOT_DELIVERED`. The attributes explain the rest."""
        super().__init__(message, function_name=function_name)
        self.member = member
        """The name of the member of the input."""
        self.limit = limit
        """The limit that the member exceeds, in bytes or characters; `None` if it exceeds none."""


class PayloadTooLargeError(AiolambdaError):
    """The payload is too large; the function did not run. Send less, or put the data into S3 and send its key.

    Raised before sending (see `PayloadLimits`), or if Lambda answers 413.

    Attributes:
        size: The size of the payload in bytes; `None` if it is unknown.
        limit: The limit in bytes; `None` if it is unknown.
    """

    size: int | None = None
    """The size of the payload in bytes; `None` if it is unknown."""
    limit: int | None = None
    """The limit in bytes; `None` if it is unknown."""


class InvalidPayloadSizeError(InvalidInputError, PayloadTooLargeError):
    """The payload exceeds the limit of its invocation type, so nothing was sent. `LambdaClient(limits=...)` sets the limits."""

    def __init__(
        self, message: str, /, *, size: int | None = None, limit: int | None = None, function_name: str | None = None
    ) -> None:
        """Build an error. Nothing was sent, so `delivery` is `NOT_DELIVERED`. The attributes explain the rest."""
        super().__init__(message, member="payload", limit=limit, function_name=function_name)
        self.size = size
        """The size of the payload in bytes; `None` if it is unknown."""


class TransportError(AiolambdaError):
    """No complete answer came from Lambda. Whether the function may have run: see `delivery`.

    Attributes:
        history: The requests of the call in order, each with its verdict.
        elapsed: Seconds from the start of the call to this error.
        total_retry_delay: Seconds that the call spent in pauses between its attempts.
        request_id: The request id, if the head of an answer had come; else `None`.
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
        """Build an error. By default `delivery` is `UNKNOWN`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.history: tuple[Attempt, ...] = ()
        """The requests of the call in order, each with its verdict."""
        self.elapsed = 0.0
        """Seconds from the start of the call to this error."""
        self.total_retry_delay = 0.0
        """Seconds that the call spent in pauses between its attempts."""
        self.request_id = request_id
        """The request id, if the head of an answer had come; else `None`."""

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
            details.append(self._verdict)
        return details


class ConnectError(TransportError, ConnectionError):
    """No connection could be opened: name resolution, TCP, TLS or the proxy failed. The function has not run.

    Attributes:
        transient: Whether trying again can help.
            It is `False` if the server's certificate was rejected (see `ca_bundle`), or if the proxy refused its credentials.
    """

    def __init__(self, message: str, /, *, transient: bool = True, function_name: str | None = None) -> None:
        """Build an error. Nothing was sent, so `delivery` is `NOT_DELIVERED`. The attributes explain the rest."""
        super().__init__(message, delivery=Delivery.NOT_DELIVERED, function_name=function_name)
        self.transient = transient
        """Whether trying again can help. It is `False` if the server's certificate was rejected (see `ca_bundle`), or if the
        proxy refused its credentials."""


class ConnectionLostError(TransportError, ConnectionError):
    """The connection ended before the answer was complete, or the answer is not a valid answer of Lambda.

    The function may have run, unless `delivery` says otherwise.

    Attributes:
        stale_connection: Whether the server had closed this pooled connection before any byte of the request reached it.
            Then the function has not run.
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
        """Build an error. By default `delivery` is `UNKNOWN`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery, function_name=function_name, request_id=request_id)
        self.stale_connection = stale_connection
        """Whether the server had closed this pooled connection before any byte of the request reached it. Then the function has
        not run."""


class InvocationTimeoutError(TransportError, TimeoutError):
    """A limit of `Timeouts` expired. The function may have run, unless `delivery` says otherwise.

    To wait longer, raise that limit with `timeout=Timeouts(...)`.

    Attributes:
        exceeded: The limit that expired: `"total"`, `"queue"`, `"connect"`, `"read"` or `"idle"`.
        stage: The stage that the attempt had reached, such as `"connect"` or `"wait"`.
        last_error: The error of the previous attempt, or `None`.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        exceeded: Limit = "read",
        stage: Stage = "wait",
        delivery: Delivery = Delivery.UNKNOWN,
        function_name: str | None = None,
        last_error: AiolambdaError | None = None,
    ) -> None:
        """Build an error. By default `delivery` is `UNKNOWN`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.exceeded: Limit = exceeded
        """The limit that expired: `"total"`, `"queue"`, `"connect"`, `"read"` or `"idle"`."""
        self.stage: Stage = stage
        """The stage that the attempt had reached, such as `"connect"` or `"wait"`."""
        self.last_error = last_error
        """The error of the previous attempt, or `None`."""


class QueueTimeoutError(InvocationTimeoutError):
    """The call waited longer than `Timeouts.queue` for a slot or a connection. The function has not run.

    Raise `max_concurrency`, start fewer calls at a time, or wait longer.
    """

    def __init__(self, message: str, /, *, function_name: str | None = None) -> None:
        """Build an error. Nothing was sent, so `delivery` is `NOT_DELIVERED`. The attributes explain the rest."""
        super().__init__(message, exceeded="queue", stage="queue", delivery=Delivery.NOT_DELIVERED, function_name=function_name)


def _code_and_status_of(kind: type[LambdaServiceException]) -> tuple[str, int]:
    """The code of a class, or of the first of its bases that has one, and its HTTP status."""
    from .service import STATUSES  # noqa: PLC0415 - only an error that was built by hand needs it

    code = next((base.__name__ for base in kind.__mro__ if base.__name__ in STATUSES), kind.__name__)
    return code, STATUSES.get(code, 500)


class WorkerLostError(TransportError):
    """A process of a map with `processes=N` ended, and the outcome of this item with it. The function may have run.

    If running the function twice does no harm, say `idempotent=True`: then another process sends the item again.
    """


class LambdaServiceException(AiolambdaError):
    """Lambda answered with an error code. Whether the function may have run depends on the code: see `delivery`.

    Each known code has its own subclass in `aiolambda.errors.service`; an unknown code raises this class. A test can build one
    with its text alone, `TooManyRequestsException("busy")`. Code and status are then those of the class, and the verdict is
    unknown.

    Attributes:
        category: The kind of error: `"permission"`, `"limit"`, `"function"` (its configuration), `"request"` or `"service"`.
        retry_after: The seconds that the service asked to wait, or `None`.
        elapsed: Seconds from the start of the call to this error.
        code: The error code of the answer, such as `"ResourceNotFoundException"`.
        message: The text of the answer.
        metadata: Status, request ids, headers and attempts.
        type: The member `Type` of the answer, such as `"User"`; `None` if it has none.
        body: The first 64 KiB of the answer.
    """

    category: ClassVar[Category] = "service"
    """The kind of error: `"permission"`, `"limit"`, `"function"` (its configuration), `"request"` or `"service"`."""
    retry_after: float | None = None
    """The seconds that the service asked to wait, or `None`."""
    elapsed: float = 0.0
    """Seconds from the start of the call to this error."""

    def __init__(
        self,
        message: str,
        /,
        *,
        code: str | None = None,
        metadata: Metadata | None = None,
        function_name: str | None = None,
        type: str | None = None,
        body: bytes = b"",
        delivery: Delivery = Delivery.UNKNOWN,
        retry_after: float | None = None,
    ) -> None:
        """Build an error. By default `delivery` is `UNKNOWN`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery, function_name=function_name)
        if code is None or metadata is None:
            known_code, status = _code_and_status_of(self.__class__)
            code = code or known_code
            metadata = metadata or Metadata(http_status_code=status)
        if retry_after is not None:
            self.retry_after = retry_after
        self.code = code
        """The error code of the answer, such as `"ResourceNotFoundException"`."""
        self.message = message
        """The text of the answer."""
        self.metadata: Metadata = metadata
        """Status, request ids, headers and attempts."""
        self.type = type
        """The member `Type` of the answer, such as `"User"`; `None` if it has none."""
        self.body = body
        """The first 64 KiB of the answer."""

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

    @property
    def attempts(self) -> int:
        """The number of attempts."""
        return self.metadata.attempts

    def _details(self) -> list[str]:
        details = [f"{self.code}, HTTP {self.status_code}", *super()._details()]
        if self.request_id is not None:
            details.append(f"request id {self.request_id}")
        if self._located and (self.attempts > 1 or self.retry_action not in (None, RetryAction.NONE)):
            details.append(f"attempt {self.attempts}, {self.elapsed:.2f} s")
        if self.may_have_run and (self.function_name or self._operation) is not None:
            details.append(self._verdict)
        return details


class FunctionError(AiolambdaError):
    """The function ran and failed: it raised an exception, timed out or crashed. The client does not retry it.

    ::

        try:
            output = await client.invoke("orders", {"id": 7})
        except FunctionError as error:
            print(error.error_type, error.error_message)

    A test can build one with the facts that it needs, such as `FunctionError(error_type="ValueError")`.

    Attributes:
        kind: `"Handled"` or `"Unhandled"`, the value of `X-Amz-Function-Error`.
        error_type: The name of the function's exception; `None` if the function gave none.
        error_message: The text of the function's exception; `None` if the function gave none.
        stack_trace: The lines of the function's own traceback.
        output: The whole answer; `None` if the function failed during a stream.
        request_id: The request id of the invocation; `None` if the answer has none.
    """

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        kind: Literal["Handled", "Unhandled"] = "Unhandled",
        error_type: str | None = None,
        error_message: str | None = None,
        stack_trace: Sequence[str] = (),
        output: InvokeCommandOutput | None = None,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Build an error. The function has run, so `delivery` is `EXECUTED`. The attributes explain the rest."""
        if message is None:
            description = ": ".join(filter(None, (error_type, error_message))) or "an error without a description"
            message = f"the function failed ({kind}) with {description}"
        super().__init__(message, delivery=Delivery.EXECUTED, function_name=function_name)
        self.kind: Literal["Handled", "Unhandled"] = kind
        """`"Handled"` or `"Unhandled"`, the value of `X-Amz-Function-Error`."""
        self.error_type = error_type
        """The name of the function's exception; `None` if the function gave none."""
        self.error_message = error_message
        """The text of the function's exception; `None` if the function gave none."""
        self.stack_trace = tuple(stack_trace)
        """The lines of the function's own traceback."""
        self.output = output
        """The whole answer; `None` if the function failed during a stream."""
        self.request_id = request_id
        """The request id of the invocation; `None` if the answer has none."""
        if self.stack_trace:
            self.add_note("The function's own traceback:\n" + "\n".join(line.rstrip("\n") for line in self.stack_trace))

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.request_id is None else [*details, f"request id {self.request_id}"]


class DecodeError(AiolambdaError, ValueError, TypeError):
    """The answer cannot be decoded as the requested type. The function has run.

    This is a `ValueError` and a `TypeError`, because a codec may raise either.

    Attributes:
        output: The whole answer; `None` if the error was built without one, in a test.
        codec_error: The exception of the codec, such as pydantic's `ValidationError`; `None` if there is no payload.
            Its text may quote the payload, so this error does not repeat it, and pickling drops it.
        request_id: The request id of the invocation; `None` if the answer has none.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        output: InvokeCommandOutput | HttpOutput | None = None,
        codec_error: Exception | None = None,
        delivery: Delivery = Delivery.EXECUTED,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Build an error. By default `delivery` is `EXECUTED`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.output = output
        """The whole answer; `None` if the error was built without one, in a test."""
        self.codec_error = codec_error
        """The exception of the codec, such as pydantic's `ValidationError`; `None` if there is no payload. Its text may quote
        the payload, so this error does not repeat it, and pickling drops it."""
        self.request_id = request_id
        """The request id of the invocation; `None` if the answer has none."""

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.request_id is None else [*details, f"request id {self.request_id}"]

    def __reduce__(self) -> tuple[object, ...]:
        return rebuilt, (type(self), self.args, self.__dict__ | {"codec_error": None})


class StreamError(AiolambdaError):
    """A streamed answer is incomplete or damaged. The function has run; the chunks that came are not the whole answer.

    Attributes:
        code: The error name with which Lambda ended the stream, or `None`.
        received_bytes: The bytes of the function's output that came.
        received_chunks: The chunks of the function's output that came.
        request_id: The request id of the invocation; `None` if the answer has none.
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
        """Build an error. The function has run, so `delivery` is `EXECUTED`. The attributes explain the rest."""
        super().__init__(message, delivery=Delivery.EXECUTED, function_name=function_name)
        self.code = code
        """The error name with which Lambda ended the stream, or `None`."""
        self.received_bytes = received_bytes
        """The bytes of the function's output that came."""
        self.received_chunks = received_chunks
        """The chunks of the function's output that came."""
        self.request_id = request_id
        """The request id of the invocation; `None` if the answer has none."""

    def _details(self) -> list[str]:
        details = super()._details()
        if self.request_id is not None:
            details.append(f"request id {self.request_id}")
        details.append(f"received {self.received_bytes:,} bytes in {self.received_chunks:,} chunks")
        return details


class TooManyFailuresError(AiolambdaError):
    """More items of a map failed than it allows, or its first 100 items all failed with the same refusal.

    `max_failures` and `max_failure_ratio` of a map set the limit, and replace the rule of the first 100 items.

    The map has yielded every result before it raises this. Items that were not sent did not run.

    Attributes:
        stats: The totals of the map; `None` if the error was built without them, in a test.
    """

    def __init__(self, message: str, /, *, stats: MapStats | None = None, delivery: Delivery = Delivery.UNKNOWN) -> None:
        """Build an error. By default `delivery` is `UNKNOWN`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery)
        self.stats = stats
        """The totals of the map; `None` if the error was built without them, in a test."""


class NotSentError(AiolambdaError):
    """A map ended before it sent this item, or before it sent it again after a throttle. The function has not run.

    Attributes:
        last_error: The throttle, if the item was sent before.
    """

    def __init__(self, message: str, /, *, last_error: AiolambdaError | None = None, function_name: str | None = None) -> None:
        """Build an error. Nothing was sent, or only a request that Lambda refused: `delivery` is that of `last_error`."""
        verdict = Delivery.NOT_DELIVERED if last_error is None else last_error.delivery
        super().__init__(message, delivery=verdict, function_name=function_name)
        self.last_error = last_error
        """The throttle, if the item was sent before."""


class UnknownOutcomeError(AiolambdaError):
    """An earlier run of a journalled map sent this item, and ended before its result came. The function may have run.

    It is not sent again, unless the map is `idempotent`.
    """

    def __init__(self, message: str, /, *, function_name: str | None = None) -> None:
        """Build an error. The function may have run, so `delivery` is `UNKNOWN`."""
        super().__init__(message, delivery=Delivery.UNKNOWN, function_name=function_name)


if not TYPE_CHECKING:  # with it, type checkers would accept any name
    _PLACES = {
        **dict.fromkeys(("WaitError", "WaitTimeoutError"), ".waits"),
        **dict.fromkeys(
            (
                "DurableExecutionError",
                "DurableExecutionFailedError",
                "DurableExecutionStoppedError",
                "DurableExecutionTimedOutError",
                "NotDurableError",
                "ResultTimeoutError",
            ),
            ".durable",
        ),
        "HttpStatusError": ".http",
    }
    """Modules of errors that most programs do not need, and whose names no table of the service has."""

    def __getattr__(name: str) -> object:
        """Load the errors of the service, of waits, of durable executions and of HTTP on first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _PLACES.get(name, ".service")
        value = globals()[name] = getattr(import_module(module, __name__), name)
        return value

    def __dir__() -> list[str]:
        return [*__all__, "__doc__", "__file__", "__name__"]
