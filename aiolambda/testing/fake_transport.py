"""A transport that answers from callables of the test, shaped as Lambda shapes its answers.

Owns what Lambda would answer: results, function errors, refusals. Must not open a socket, or know the client.
"""

import asyncio
import contextlib
import inspect
import json
import traceback
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Self, cast
from urllib.parse import unquote, urlsplit

import attrs

from ..codecs import JsonCodec
from ..operations import stream_events
from ..protocol import names
from ..types.http import Headers, Request, Response

__all__ = ["FakeTransport", "RecordedCall"]


@attrs.frozen(kw_only=True)
class RecordedCall:
    """One request that was sent: `attempt` is 1 for the first, `payload` the bytes of the body."""

    function_name: str
    payload: bytes = attrs.field(repr=lambda payload: f"<{len(payload)} bytes>")
    headers: Mapping[str, str] = attrs.field(repr=False)
    attempt: int

    def json(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)


class _Streamed:
    """An answer that comes in pieces; as from a socket, a wait for one that is given up loses nothing."""

    def __init__(self, answer: Response, pieces: AsyncGenerator[bytes]) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._pieces = pieces
        self._awaited: asyncio.Task[bytes | None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._awaited = self._awaited or asyncio.create_task(self._next())
        piece = await asyncio.shield(self._awaited)
        self._awaited = None
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def close(self) -> None:
        """Let the handler end."""
        if self._awaited is not None:
            self._awaited.cancel()
            await asyncio.wait({self._awaited})
        await self._pieces.aclose()


class FakeTransport:
    """`FakeTransport({"price": handler})`: `LambdaClient(transport=...)` with it needs no region, credentials or server.

    A handler takes the decoded event and gives a value to encode, or bytes to send as they are; it may be a coroutine
    function. A generator, or an asynchronous one, writes its answer in pieces: bytes, or text. What a handler raises comes back
    as Lambda's Python runtime shapes it, as an unhandled function error. An `Event` runs the handler too, and answers 202
    whatever it does; a `DryRun` runs nothing. Names are looked up without their qualifier, and an ARN by its last part. `calls`
    holds every request, in order.
    """

    offline = True
    """No request leaves the process: a client with this transport asks for neither region nor credentials."""

    def __init__(self, functions: Mapping[str, Callable[[Any], object]], /) -> None:
        self._functions = dict(functions)
        self._codec = JsonCodec()
        self._calls: list[RecordedCall] = []

    @property
    def calls(self) -> list[RecordedCall]:
        return self._calls

    async def send(self, request: Request, /) -> Response:
        found = self._found(request)
        if isinstance(found, Response):
            return found
        body, error = b"", None
        try:
            async with contextlib.aclosing(self._pieces_of(await _result_of(*found))) as pieces:
                async for piece in pieces:
                    body += piece
        except Exception as raised:  # noqa: BLE001 - a handler may raise anything, and Lambda makes an answer of all of it
            error = self._codec.encode(_error_content(raised))
        if request.headers.get("x-amz-invocation-type") == "Event":
            return _answer(202, b"")
        return _answer(200, body) if error is None else _answer(200, error, {"x-amz-function-error": "Unhandled"})

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[_Streamed]:
        """The answer in the pieces that the handler writes, as InvokeWithResponseStream has them."""
        found = self._found(request)
        if isinstance(found, Response):
            streamed = _Streamed(found, _whole(found.body))
        else:
            streamed = _Streamed(_answer(200, b"", {"content-type": stream_events.CONTENT_TYPE}), self._events(*found))
        try:
            yield streamed
        finally:
            await streamed.close()

    async def close(self) -> None:
        """There is nothing to close."""

    def _found(self, request: Request) -> Response | tuple[Callable[[Any], object], object]:
        """The handler and its event; or what Lambda answers by itself."""
        name = unquote(urlsplit(request.url).path.split("/")[-2])
        request.stage = "receive"
        self._calls.append(
            RecordedCall(function_name=name, payload=request.body, headers=request.headers.copy(), attempt=_attempt_of(request))
        )
        handler = self._functions.get(name) or self._functions.get(names.plain_name_of(name))
        if handler is None:
            return _refused(404, "ResourceNotFoundException", f"Function not found: {name}")
        if request.headers.get("x-amz-invocation-type") == "DryRun":
            return _answer(204, b"")
        try:
            return handler, json.loads(request.body or b"{}")
        except ValueError as error:
            return _refused(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")

    async def _pieces_of(self, result: object) -> AsyncGenerator[bytes]:
        """The pieces of an answer: those of a generator, or one that is the result."""
        if isinstance(result, AsyncGenerator):
            async with contextlib.aclosing(cast("AsyncGenerator[object]", result)) as pieces:
                async for piece in pieces:
                    yield _piece(piece)
        elif isinstance(result, Generator):
            for piece in cast("Generator[object]", result):
                yield _piece(piece)
        else:
            yield self._encoded(result)

    async def _events(self, handler: Callable[[Any], object], event: object) -> AsyncGenerator[bytes]:
        try:
            async with contextlib.aclosing(self._pieces_of(await _result_of(handler, event))) as pieces:
                async for piece in pieces:
                    yield stream_events.chunk_event(piece)
        except Exception as error:  # noqa: BLE001 - as above
            details = self._codec.encode(_error_content(error)).decode()
            yield stream_events.completion_event(error_code="Unhandled", error_details=details)
        else:
            yield stream_events.completion_event()

    def _encoded(self, result: object) -> bytes:
        if isinstance(result, bytes):
            return result
        try:
            return self._codec.encode(result)
        except ValueError as error:
            raise _Unmarshalled(f"Unable to marshal response: {error}") from None


async def _result_of(handler: Callable[[Any], object], event: object) -> object:
    """What the handler gives; called here, because in a generator a `StopIteration` would become another error."""
    try:
        result = handler(event)
        return await result if inspect.isawaitable(result) else result
    except (StopIteration, StopAsyncIteration) as error:
        raise _Stopped(error) from error


class _Stopped(Exception):
    """A `StopIteration` that a handler raised; a coroutine cannot let it pass."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Unmarshalled(Exception):
    """A result that has no JSON form."""


def _piece(piece: object) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not isinstance(piece, bytes):
        raise _Unmarshalled(f"Unable to marshal response: a generator yields bytes or text, not {type(piece).__name__}")
    return piece


async def _whole(body: bytes) -> AsyncGenerator[bytes]:
    yield body


def _error_content(error: Exception) -> Mapping[str, object]:
    if isinstance(error, _Stopped):
        error = error.error
    if isinstance(error, _Unmarshalled):
        return {"errorMessage": str(error), "errorType": "Runtime.MarshalError"}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": str(uuid.uuid4()),
        "stackTrace": traceback.format_list(frames),
    }


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    fields = {"x-amzn-requestid": str(uuid.uuid4()), "x-amz-executed-version": "$LATEST", **(headers or {})}
    return Response(status, Headers(fields), body)


def _refused(status: int, code: str, message: str) -> Response:
    return _answer(status, json.dumps({"Type": "User", "Message": message}).encode(), {"x-amzn-errortype": code})


def _attempt_of(request: Request) -> int:
    """The number in `amz-sdk-request: attempt=2; max=3`; 1 where the header is gone."""
    first, _, _ = request.headers.get("amz-sdk-request", "").partition(";")
    number = first.removeprefix("attempt=")
    return int(number) if number.isdigit() else 1
