"""Python callables as handlers: their arguments, results, streams and errors, as the Python runtime of Lambda treats them.

Unlike on Lambda, a handler may be asynchronous, take the event alone, or be a generator that streams its response.

Must not know who calls, or where the response goes.
"""

import contextlib
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

from . import function_responses, python_runtime
from .function_responses import FunctionResponse
from .python_runtime import FaultException, LambdaContext

__all__ = ["Handler", "HandlerFailed", "is_generator", "pieces_of", "takes_context"]

Handler = Callable[[Any], object] | Callable[[Any, Any], object]
"""A function of the event, or of the event and the context."""


def is_generator(handler: Handler) -> bool:
    """Whether a handler streams its response, in place of returning a value."""
    function = inspect.unwrap(handler)
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


class HandlerFailed(Exception):
    """A function failed: the response of Lambda for it, the exception that its handler raised, and the lines for its log.

    `kind` is the value of `X-Amz-Function-Error`.
    """

    def __init__(
        self, response: FunctionResponse, error: BaseException | None = None, *, log: str = "", kind: str = "Unhandled"
    ) -> None:
        super().__init__(response.error_type)
        self.response = response
        self.error = error
        self.log = log
        self.kind = kind


def takes_context(handler: Handler) -> bool:
    """Whether a handler is called with event and context, like those on Lambda, or with the event alone.

    A second parameter with a default is the context only if it has that name: `lambda event, n=n: n` takes the event alone. A
    callable without a signature, such as some built-in types, does so too.
    """
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if len(positional) < 2:
        return any(one.kind is one.VAR_POSITIONAL for one in parameters)
    return positional[1].default is inspect.Parameter.empty or positional[1].name == "context"


async def pieces_of(handler: Handler, payload: bytes, context: LambdaContext, *, with_context: bool) -> AsyncGenerator[bytes]:
    """Run a handler and yield its response: the pieces of a generator, else the encoded result as one piece.

    An absent payload becomes `{}`, as on Lambda.

    Raises `HandlerFailed` for an error of the handler or of its result. Cancellation and `KeyboardInterrupt` pass through.
    """
    try:
        event = python_runtime.unmarshal(payload or b"{}")
        call: Any = handler
        result: object = call(event, context) if with_context else call(event)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncGenerator):
            async with contextlib.aclosing(cast("AsyncGenerator[object]", result)) as pieces:
                async for piece in pieces:
                    yield _encoded_piece(piece)
        elif isinstance(result, Generator):
            with contextlib.closing(cast("Generator[object]", result)) as pieces:
                for piece in pieces:
                    yield _encoded_piece(piece)
        else:
            content, _ = python_runtime.marshal(result)
            yield _written(content)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - every exception of a handler becomes a response
        raise _failed(error, context.aws_request_id) from None


def _encoded_piece(piece: object) -> bytes:
    if not isinstance(piece, str | bytes):
        kind = type(piece).__name__
        raise FaultException(
            "Runtime.MarshalError", f"Unable to marshal response: a generator must yield bytes or str, not {kind}"
        )
    return _written(piece)


def _written(content: str | bytes) -> bytes:
    """The bytes of a response. A runtime that cannot write them ends."""
    try:
        return python_runtime.encoded(content)
    except UnicodeEncodeError as error:
        raise SystemExit(1) from error


def _failed(error: Exception | SystemExit, request_id: str) -> HandlerFailed:
    """What Lambda reports. If the text of an exception cannot be made or written, the runtime ends instead."""
    if isinstance(error, SystemExit):
        return HandlerFailed(function_responses.exited(request_id, _exit_code_of(error)), error)
    try:
        members = python_runtime.error_of(error, request_id, hidden={__file__})
        log = python_runtime.log_text(members)
        python_runtime.encoded(log)
        payload = python_runtime.encoded(python_runtime.to_json(members))
    except Exception:  # noqa: BLE001 - whatever the code of the exception raises
        return HandlerFailed(function_responses.exited(request_id, 1), error)
    return HandlerFailed(FunctionResponse(payload, str(members["errorType"])), error, log=log)


def _exit_code_of(error: SystemExit) -> int:
    """The exit status of `sys.exit(code)`: a text is printed, and the status is 1."""
    code: Any = error.code
    return 0 if code is None else code & 0xFF if isinstance(code, int) else 1
