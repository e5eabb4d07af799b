"""A transport that runs Python functions in place of Lambda, with responses in the form of Lambda's.

Must not open a socket, or know the client.
"""

import asyncio
import contextlib
import inspect
import json
import traceback
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from ..codecs import JsonCodec
from ..errors import ConfigurationError
from ..operations import stream_events
from ..protocol import names
from ..types.http import Headers, Request, Response
from ..types.interfaces import OfflineTransport, Transport
from ..types.mistakes import kind_of

__all__ = ["FakeTransport", "RecordedCall"]


@attrs.frozen(kw_only=True)
class RecordedCall:
    """A request that the client sent.

    Args:
        function_name: The name of the function, as in the URL.
        payload: The bytes of the body.
        headers: The header fields, by name in any case.
        attempt: The number of the attempt: 1 for the first.
        qualifier: The version or alias that the call named; `None` if it named none.
    """

    function_name: str
    """The name of the function, as in the URL."""
    payload: bytes = attrs.field(repr=lambda payload: f"<{len(payload)} bytes>")
    """The bytes of the body."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    """The header fields, by name in any case."""
    attempt: int
    """The number of the attempt: 1 for the first."""
    qualifier: str | None = None
    """The version or alias that the call named; `None` if it named none."""

    def json(self) -> Any:
        """Decode the payload."""
        return json.loads(self.payload)


class _PieceStream:
    """A streamed response. As with a socket, a read that is cancelled loses no data."""

    def __init__(self, response: Response, pieces: AsyncGenerator[bytes]) -> None:
        self.status = response.status
        self.headers = response.headers
        self._pieces = pieces
        self._read: asyncio.Task[bytes | None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._read = self._read or asyncio.create_task(self._next())
        piece = await asyncio.shield(self._read)
        self._read = None
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def close(self) -> None:
        """Close the generator of the handler."""
        if self._read is not None:
            self._read.cancel()
            await asyncio.wait({self._read})
        await self._pieces.aclose()


class FakeTransport(OfflineTransport, Transport):
    """A transport for tests, which calls Python functions in place of Lambda.

    ::

        transport = FakeTransport({"price": lambda event: {"total": 3 * event["amount"]}})
        async with LambdaClient(transport=transport) as client:
            output = await client.invoke("price", {"amount": 2})
        assert output.json() == {"total": 6}

    A client with this transport needs no region, credentials or server.

    A handler is a function or a coroutine function of the decoded event. It returns a value to encode, or bytes to send
    unchanged. A generator, synchronous or asynchronous, streams its response in pieces of bytes or text. An exception becomes
    an unhandled function error, in the form of Lambda's Python runtime. An `Event` also runs the handler, and the response is
    always 202; a `DryRun` does not run it.
    """

    offline = True
    """No request leaves the process, so a client with this transport needs neither region nor credentials."""

    def __init__(self, functions: Mapping[str, Callable[[Any], object]], /) -> None:
        """Build a transport that knows these functions.

        Args:
            functions: The handlers by function name. They are found without qualifier and without the rest of an ARN.
        """
        self._functions = _checked(functions)
        self._codec = JsonCodec()
        self._calls: list[RecordedCall] = []

    @property
    def calls(self) -> list[RecordedCall]:
        """Every request, in order."""
        return self._calls

    async def send(self, request: Request, /) -> Response:
        """Call the handler and return its response.

        Args:
            request: The request of the client.
        """
        accepted = self._accept(request)
        if isinstance(accepted, Response):
            return accepted
        body, error = b"", None
        try:
            async with contextlib.aclosing(self._pieces(await _result_of(*accepted))) as pieces:
                async for piece in pieces:
                    body += piece
        except Exception as raised:  # noqa: BLE001 - every exception of a handler becomes a response, as on Lambda
            error = self._codec.encode(_error_content(raised))
        if request.headers.get("x-amz-invocation-type") == "Event":
            return _response(202, b"")
        return _response(200, body) if error is None else _response(200, error, {"x-amz-function-error": "Unhandled"})

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[_PieceStream]:
        """Stream the response in the pieces of the handler, as InvokeWithResponseStream does.

        Args:
            request: The request of the client.
        """
        accepted = self._accept(request)
        if isinstance(accepted, Response):
            stream = _PieceStream(accepted, _one_piece(accepted.body))
        else:
            head = _response(200, b"", {"content-type": stream_events.CONTENT_TYPE})
            stream = _PieceStream(head, self._events(*accepted))
        try:
            yield stream
        finally:
            await stream.close()

    async def close(self) -> None:
        """Do nothing: this transport has no connections."""

    def _accept(self, request: Request) -> Response | tuple[Callable[[Any], object], object]:
        """Record the request. Return the handler and its event, or a response of Lambda itself."""
        url = urlsplit(request.url)
        name = unquote(url.path.split("/")[-2])
        request.stage = "receive"
        self._calls.append(
            RecordedCall(
                function_name=name,
                payload=request.body,
                headers=request.headers.copy(),
                attempt=_attempt_of(request),
                qualifier=parse_qs(url.query).get("Qualifier", [None])[0],
            )
        )
        handler = self._functions.get(name) or self._functions.get(names.plain_name_of(name))
        if handler is None:
            return _refused(404, "ResourceNotFoundException", f"Function not found: {name}")
        if request.headers.get("x-amz-invocation-type") == "DryRun":
            return _response(204, b"")
        try:
            return handler, json.loads(request.body or b"{}")
        except ValueError as error:
            return _refused(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")

    async def _pieces(self, result: object) -> AsyncGenerator[bytes]:
        """Yield the pieces of a generator, or the encoded result as one piece."""
        if isinstance(result, AsyncGenerator):
            async with contextlib.aclosing(cast("AsyncGenerator[object]", result)) as pieces:
                async for piece in pieces:
                    yield _encode_piece(piece)
        elif isinstance(result, Generator):
            for piece in cast("Generator[object]", result):
                yield _encode_piece(piece)
        elif isinstance(result, bytes):
            yield result
        else:
            try:
                encoded = self._codec.encode(result)
            except ValueError as error:
                raise _MarshalError(f"Unable to marshal response: {error}") from None
            yield encoded

    async def _events(self, handler: Callable[[Any], object], event: object) -> AsyncGenerator[bytes]:
        try:
            async with contextlib.aclosing(self._pieces(await _result_of(handler, event))) as pieces:
                async for piece in pieces:
                    yield stream_events.chunk_event(piece)
        except Exception as error:  # noqa: BLE001 - as above
            details = self._codec.encode(_error_content(error)).decode()
            yield stream_events.completion_event(error_code="Unhandled", error_details=details)
        else:
            yield stream_events.completion_event()


def _checked(functions: object) -> dict[str, Callable[[Any], object]]:
    """The functions. `ConfigurationError` unless they are a mapping of names to handlers."""
    form = "FakeTransport takes a mapping of function names to handlers, such as {'price': handler}"
    if not isinstance(functions, Mapping):
        raise ConfigurationError(f"{form}; got {kind_of(functions)}")
    for name, handler in cast("Mapping[object, object]", functions).items():
        if not isinstance(name, str):
            raise ConfigurationError(f"{form}; got a name of type {type(name).__name__}")
        if not callable(handler):
            raise ConfigurationError(
                f"{form}; the handler of {name!r} is {kind_of(handler)}, not a function of the event: "
                "for a fixed answer, write lambda event: answer"
            )
    return dict(cast("Mapping[str, Callable[[Any], object]]", functions))


async def _result_of(handler: Callable[[Any], object], event: object) -> object:
    """Run the handler. Not inside a generator, which would turn a `StopIteration` into another error."""
    try:
        result = handler(event)
        return await result if inspect.isawaitable(result) else result
    except (StopIteration, StopAsyncIteration) as error:
        raise _RaisedStopIteration(error) from error


class _RaisedStopIteration(Exception):
    """A `StopIteration` of a handler, wrapped because it cannot leave a coroutine."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _MarshalError(Exception):
    """The result cannot be encoded as JSON."""


def _encode_piece(piece: object) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes):
        raise _MarshalError(f"Unable to marshal response: a generator must yield bytes or text, not {type(piece).__name__}")
    return piece


async def _one_piece(body: bytes) -> AsyncGenerator[bytes]:
    yield body


def _error_content(error: Exception) -> Mapping[str, object]:
    if isinstance(error, _RaisedStopIteration):
        error = error.error
    if isinstance(error, _MarshalError):
        return {"errorMessage": str(error), "errorType": "Runtime.MarshalError"}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": str(uuid.uuid4()),
        "stackTrace": traceback.format_list(frames),
    }


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    fields = {"x-amzn-requestid": str(uuid.uuid4()), "x-amz-executed-version": "$LATEST", **(headers or {})}
    return Response(status, Headers(fields), body)


def _refused(status: int, code: str, message: str) -> Response:
    return _response(status, json.dumps({"Type": "User", "Message": message}).encode(), {"x-amzn-errortype": code})


def _attempt_of(request: Request) -> int:
    """Parse `amz-sdk-request: attempt=2; max=3`. Returns 1 if a middleware has removed the header."""
    first, _, _ = request.headers.get("amz-sdk-request", "").partition(";")
    number = first.removeprefix("attempt=")
    return int(number) if number.isdigit() else 1
