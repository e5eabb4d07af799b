"""The failures that a stand-in for Lambda can act out, and the one that makes a client raise a given error.

Must not know which calls fail, or how a failure is acted out.
"""

import copy
from enum import Enum
from typing import Any

import attrs

from ..errors import (
    AiolambdaError,
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    FunctionError,
    InvocationTimeoutError,
    LambdaServiceException,
    QueueTimeoutError,
    StreamError,
    TransportError,
)
from ..errors.checks import check_whole
from ..types.mistakes import kind_of
from .api_errors import ApiError, api_error_of, typical_error
from .function_failure import FunctionFailure

__all__ = ["FailureKind", "Scenario", "scenario_of"]


class FailureKind(Enum):
    """What happens to a call."""

    ANSWER = "Lambda answers with an error; the function does not run"
    FUNCTION = "the function fails"
    CONNECT = "no connection is opened"
    LOST = "the connection ends without an answer, or in the middle of a stream"
    SILENT = "no answer comes within the read limit"
    CUT = "a stream ends without its completion"


@attrs.frozen(kw_only=True)
class Scenario:
    """A failure to act out.

    `answer` is that of Lambda, `function` the failure of the function, `error` the error of a transport; the kind says which
    one is set. `runs` says whether the handler runs before the answer is lost, `chunks` how many chunks of a stream arrive.
    """

    kind: FailureKind
    answer: ApiError | None = None
    function: FunctionFailure | None = None
    error: AiolambdaError | None = None
    runs: bool = False
    chunks: int = 0

    def transport_error(self) -> AiolambdaError:
        """A copy of the error, to be raised: the client completes each error with the facts of its call."""
        return copy.copy(self.error) if self.error is not None else ConnectionLostError("the connection was lost")


def scenario_of(failure: object, *, runs: bool | None = None, chunks: int | None = None) -> Scenario:
    """The failure to act out so that the client raises this error. `ConfigurationError` if no fake can do that."""
    if chunks is not None:
        check_whole("chunks", chunks, least=0)
    scenario = _scenario_of(failure)
    if runs is not None and scenario.kind not in (FailureKind.LOST, FailureKind.SILENT):
        raise ConfigurationError("runs= is for ConnectionLostError and InvocationTimeoutError: only they leave it open")
    if chunks and scenario.kind not in (FailureKind.LOST, FailureKind.CUT, FailureKind.FUNCTION):
        raise ConfigurationError("chunks= is for StreamError, ConnectionLostError, and failures of the function")
    return attrs.evolve(
        scenario, runs=scenario.runs if runs is None else runs, chunks=scenario.chunks if chunks is None else chunks
    )


def _scenario_of(failure: object) -> Scenario:
    if isinstance(failure, FunctionFailure):
        return Scenario(kind=FailureKind.FUNCTION, function=failure)
    error = _instance_of(failure)
    if isinstance(error, LambdaServiceException):
        return Scenario(kind=FailureKind.ANSWER, answer=api_error_of(error))
    if isinstance(error, FunctionError):
        return Scenario(kind=FailureKind.FUNCTION, function=_failure_of(error))
    if isinstance(error, StreamError):
        return Scenario(kind=FailureKind.CUT, error=error, chunks=error.received_chunks, runs=True)
    if isinstance(error, TransportError):
        return Scenario(kind=_kind_of(error), error=error, runs=error.may_have_run)
    if isinstance(error, AiolambdaError):
        raise ConfigurationError(
            f"{type(error).__name__} is not the error of a call that was sent; choose one of the service or of the connection, "
            "FunctionError, StreamError, or any other exception for the function to raise"
        )
    return Scenario(kind=FailureKind.FUNCTION, function=FunctionFailure(type(error).__name__, str(error)))


_TEXTS: dict[type[Exception], str] = {
    ConnectError: "cannot connect: connection refused",
    ConnectionLostError: "the connection was lost before the answer came",
    InvocationTimeoutError: "no answer came within the read limit",
    QueueTimeoutError: "no slot became free in time",
    StreamError: "the stream was cut",
    TransportError: "no answer came",
}


def _instance_of(failure: object) -> Exception:
    """The error itself, or one of its class with a typical text."""
    if isinstance(failure, Exception):
        return failure
    kind: type[Any] | None = failure if isinstance(failure, type) else None
    if kind is None or not issubclass(kind, Exception):
        raise ConfigurationError(
            "the failure must be an exception, such as TooManyRequestsException or ValueError('no tea'), or a FunctionFailure; "
            f"got {kind_of(failure)}"
        )
    if issubclass(kind, LambdaServiceException):
        return typical_error(kind)
    if issubclass(kind, FunctionError):
        return kind(error_type="Exception", error_message="a scripted failure")
    text = next((_TEXTS[base] for base in kind.__mro__ if base in _TEXTS), None)
    if text is None and not issubclass(kind, AiolambdaError):
        return _without_arguments(kind)
    return kind(text or "a scripted failure")


def _without_arguments(kind: type[Exception]) -> Exception:
    try:
        return kind()
    except TypeError:
        raise ConfigurationError(f"{kind.__name__} cannot be made without arguments; give an instance of it") from None


def _failure_of(error: FunctionError) -> FunctionFailure:
    """The failure that makes a client raise this error."""
    message = error.error_message if error.error_message is not None or error.error_type is not None else str(error.args[0])
    return FunctionFailure(error.error_type or "Exception", message or "", stack_trace=error.stack_trace, kind=error.kind)


def _kind_of(error: TransportError) -> FailureKind:
    if isinstance(error, InvocationTimeoutError):
        return FailureKind.SILENT if error.exceeded in ("read", "total", "idle") else FailureKind.CONNECT
    return FailureKind.CONNECT if isinstance(error, ConnectError) else FailureKind.LOST
