"""A transport that answers from callables of the test, shaped as Lambda shapes its answers.

Owns what Lambda would answer: results, function errors, refusals. Must not open a socket, or know the client.
"""

import contextlib
import inspect
import json
import traceback
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from ..codecs import JsonCodec
from ..messages import Headers, Request, Response
from ..protocol import names

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


@attrs.define(eq=False)
class _Whole:
    """A streamed answer that comes in one piece."""

    status: int
    headers: Mapping[str, str]
    _body: bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


class FakeTransport:
    """`FakeTransport({"price": handler})`: `LambdaClient(transport=...)` with it needs no region, credentials or server.

    A handler takes the decoded event and gives a value to encode, or bytes to send as they are; it may be a coroutine
    function. What it raises comes back as Lambda's Python runtime shapes it, as an unhandled function error. An `Event` runs
    the handler too, and answers 202 whatever it does; a `DryRun` runs nothing. Names are looked up without their qualifier,
    and an ARN by its last part. `calls` holds every request, in order.
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
        name = unquote(urlsplit(request.url).path.split("/")[-2])
        request.stage = "receive"
        self._calls.append(
            RecordedCall(function_name=name, payload=request.body, headers=request.headers.copy(), attempt=_attempt_of(request))
        )
        handler = self._functions.get(name) or self._functions.get(names.plain_name_of(name))
        if handler is None:
            return _refused(404, "ResourceNotFoundException", f"Function not found: {name}")
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return _answer(204, b"")
        try:
            event = json.loads(request.body or b"{}")
        except ValueError as error:
            return _refused(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
        answer = await self._run(handler, event)
        return _answer(202, b"") if kind == "Event" else answer

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[_Whole]:
        """The same answer, in one piece."""
        response = await self.send(request)
        yield _Whole(response.status, response.headers, response.body)

    async def close(self) -> None:
        """There is nothing to close."""

    async def _run(self, handler: Callable[[Any], object], event: object) -> Response:
        try:
            result = handler(event)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and Lambda makes an answer of all of it
            return self._failed(_error_content(error))
        try:
            return _answer(200, result if isinstance(result, bytes) else self._codec.encode(result))
        except ValueError as error:
            return self._failed({"errorMessage": f"Unable to marshal response: {error}", "errorType": "Runtime.MarshalError"})

    def _failed(self, content: Mapping[str, object]) -> Response:
        return _answer(200, self._codec.encode(content), {"x-amz-function-error": "Unhandled"})


def _error_content(error: Exception) -> Mapping[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is ours
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
