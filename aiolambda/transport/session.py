"""A transport over an `aiohttp.ClientSession` of the user's own, through its public calls only.

Laws: the session is never closed, and its settings never change what was signed. A request is sent once.

Owns what is asked of the session, and the checks of its answers. Must not know Lambda, signatures, retries or slots.
"""

import asyncio
import contextlib
import functools
import warnings
from collections.abc import AsyncGenerator, Mapping
from typing import Self

import aiohttp
from yarl import URL

from ..errors import ClientClosedError, ConfigurationError, ConnectionLostError, TransportError
from ..protocol.header_fields import are_fit, check_names, check_values
from ..protocol.urls import host_of, is_url
from ..types.http import Request, Response, headers_of_pairs
from ..types.interfaces import AbortableTransport, Transport
from ..types.mistakes import kind_of
from ..types.values import ResponseLimits, Timeouts
from .session_answer import body_of, problem_of
from .session_body import Body
from .session_errors import FAILURES, map_error

__all__ = ["SessionTransport"]

_RESPONSE_LIMITS = ResponseLimits()
_MOST_FIELDS = 256
"""Fields of a head, and of trailers. With the limit on each, this bounds what aiohttp collects before it hands over a head."""
_READ_BUFFER = 256 * 1024
"""Bytes to read ahead. With aiohttp's default of 64 KiB, a large answer takes longer."""
_REFUSED = frozenset({"content-encoding", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"})
"""Headers of a session that would change the meaning of a request, as all do that begin with `x-amz-`."""
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_LOOK_EVERY = 1.0
_LOOK_AGAIN_AFTER = 0.1
"""Seconds between two checks whether the connection of an incomplete answer is still open."""
_CLOCK_STEP = 0.002
"""Seconds by which a timer may fire early: uvloop counts milliseconds."""


class _Exchange:
    """One request, its body and its answer. Leaving the block ends the answer, and its connection unless all of it has come."""

    def __init__(self, request: Request, time_to_connect: float | None, waits: bool) -> None:
        self.request = request
        self.time_to_connect = time_to_connect
        self.limit = asyncio.timeout(None)
        self.body = Body(request, self.limit)
        self.answer: aiohttp.ClientResponse | None = None
        self._waits = waits
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.body.end_limit()
        if self._watch is not None:
            self._watch.cancel()
        if self.answer is not None:
            if self.answer.content.is_eof():
                self.answer.release()
            else:
                self.answer.close()
        self.body.abort_closing()

    def watch(self, answer: aiohttp.ClientResponse, *, seen_to_close: bool = False) -> None:
        """Fail the reader of the answer if the connection ends.

        aiohttp does this itself except in one case: if it cannot parse bytes in the middle of an answer, it closes the
        connection and leaves the reader waiting.
        """
        content, transport = answer.content, self.body.transport
        if transport is None or content.is_eof() or content.exception() is not None:
            return
        closes = transport.is_closing()
        if closes and seen_to_close:  # at the second look: at the first, aiohttp may be about to do it
            content.set_exception(aiohttp.ClientPayloadError("the answer cannot be read"))
            return
        look = functools.partial(self.watch, answer, seen_to_close=closes)
        self._watch = self._loop.call_later(_LOOK_AGAIN_AFTER if closes else _LOOK_EVERY, look)

    def failure(self, error: Exception) -> TransportError:
        """The error to raise after the `except` block."""
        if isinstance(error, TransportError):
            return error
        in_queue = None
        if self._waits and self.time_to_connect is not None and isinstance(error, aiohttp.ConnectionTimeoutError):
            waited = self._loop.time() - self._started
            in_queue = self.time_to_connect if waited >= self.time_to_connect - _CLOCK_STEP else None
        return map_error(error, self.request, written=self.body.written, in_queue=in_queue)


class _StreamedResponse:
    """An answer that is read while it arrives."""

    def __init__(self, answer: aiohttp.ClientResponse, exchange: _Exchange) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = headers_of_pairs(answer.headers.items())
        self._content = answer.content
        self._exchange = exchange

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The bytes that have arrived. Cancelling the wait loses nothing."""
        try:
            chunk = await self._content.readany()
        except FAILURES as error:
            failed = self._exchange.failure(error)
        else:
            if not chunk:
                raise StopAsyncIteration
            return chunk
        raise failed  # as in `send`


class SessionTransport(AbortableTransport, Transport):
    """Sends requests over an `aiohttp.ClientSession` of yours.

    ::

        async with aiohttp.ClientSession() as session:
            async with LambdaClient(region="eu-west-1", transport=SessionTransport(session)) as client:
                output = await client.invoke("orders", {"id": 7})

    It is for a session with a connector, resolver, tracing, instrumentation or middlewares of its own, and for tests that
    replace aiohttp's sessions, as aioresponses does. Without such a need, leave `transport` out: the built-in transport proves
    more often that a request was not delivered, and costs less.

    The proxy, TLS and cookies of the session apply; the client's `proxy`, `ca_bundle`, `ssl_context`, `tcp_keepalive`,
    `idle_connection_timeout` and `retry_stale_connections` do not. The session's `timeout`, `raise_for_status` and
    `auto_decompress` do not apply.

    Of `Timeouts`, `connect` limits TCP and TLS; if the connector has a limit of connections, neither name resolution nor a
    proxy's answer. Then `queue` and `connect` together limit the time to a connection. With `aiohttp.TCPConnector(limit=0)` no
    request waits for another, and `connect` limits everything. `read` is in seconds: for each piece of the request, then for
    the whole head of the answer, then for its body.

    A failure before the request was handed to a connection is `not_delivered`, every later loss `unknown`. Sending raises
    `ClientClosedError` if the session is closed, and `ConfigurationError` if it belongs to another event loop, or adds a header
    that changes the meaning of the request.
    """

    def __init__(self, session: aiohttp.ClientSession, /, *, response_limits: ResponseLimits = _RESPONSE_LIMITS) -> None:
        """Build a transport over this session.

        Args:
            session: The session. It stays yours: close it after the client, which does not close it.
            response_limits: The limits of an answer.
                Default `ResponseLimits()`. aiohttp shows neither 1xx answers nor trailers, so their limits are the time `read`,
                and `head` for each line of trailers.

        Raises:
            TypeError: `session` is not an `aiohttp.ClientSession`.
        """
        if not isinstance(session, aiohttp.ClientSession):  # pyright: ignore[reportUnnecessaryIsInstance] - of untyped callers
            raise TypeError(f"SessionTransport takes an aiohttp.ClientSession; got {kind_of(session)}")
        self._session = session
        self._loop = _loop_of(session)
        self._response_limits = response_limits

    def __repr__(self) -> str:
        return f"<SessionTransport over a session that is {'closed' if self._session.closed else 'open'}>"

    async def send(self, request: Request, /) -> Response:
        """Send a request and return the whole answer. Cancelling closes the connection.

        Args:
            request: The signed request.

        Raises:
            TransportError: No answer came.
        """
        with self._exchange(request) as exchange:
            try:
                async with exchange.limit:
                    answer = await self._answer(exchange, self._response_limits.body)
                    if not answer.content.is_eof():
                        exchange.body.restart_limit()
                    return Response(
                        answer.status,
                        headers_of_pairs(answer.headers.items()),
                        await body_of(answer, self._response_limits.body),
                    )
            except FAILURES as error:
                failed = exchange.failure(error)
        raise failed  # not in the `except` block: aiohttp's error in the context holds URLs and headers

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[_StreamedResponse]:
        """Send a request; the block gets the answer as soon as its head is there. Leaving it early closes the connection.

        The read limit applies until the head. The reader of the body applies its own limits.

        Args:
            request: The signed request.
        """
        with self._exchange(request) as exchange:
            yield _StreamedResponse(await self._answer_or_error(exchange), exchange)

    def abort(self) -> None:
        """Do nothing: the client cancels its calls, which ends their connections, and the session goes on."""

    async def close(self) -> None:
        """Do nothing: the session, and all that others send over it, are the user's."""

    def _exchange(self, request: Request) -> _Exchange:
        """Begin an exchange. An error is raised before anything was sent."""
        request.stage = "connect"
        if self._session.closed:
            raise ClientClosedError(
                "the aiohttp.ClientSession of this client is closed; keep it open for as long as the client, and close it after"
            )
        if asyncio.get_running_loop() is not self._loop:
            raise ConfigurationError(
                "the aiohttp.ClientSession of this client belongs to another event loop; create a session and a client per loop"
            )
        return _Exchange(request, *self._time_to_connect(request.timeouts))

    async def _answer_or_error(self, exchange: _Exchange) -> aiohttp.ClientResponse:
        try:
            async with exchange.limit:
                return await self._answer(exchange, None)
        except FAILURES as error:
            failed = exchange.failure(error)
        finally:
            exchange.body.end_limit()
        raise failed  # as in `send`

    async def _answer(self, exchange: _Exchange, most: int | None) -> aiohttp.ClientResponse:
        """Send the request and read the head of its answer, whose body may have `most` bytes."""
        request, limits = exchange.request, self._response_limits
        url = _url_of(request.url)
        headers = self._headers_of(request, url)
        try:
            exchange.answer = answer = await self._session.request(
                request.method,
                url,
                data=exchange.body,
                headers=headers,
                skip_auto_headers=_AUTOMATIC,
                timeout=_aiohttp_limits(request.timeouts.connect, exchange.time_to_connect),
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=False,
                read_bufsize=_READ_BUFFER,
                max_line_size=limits.head,
                max_field_size=limits.head,
                max_headers=_MOST_FIELDS,
            )
        except ValueError as error:
            if not str(error).startswith("Cannot combine AUTH"):
                raise
            raise ConfigurationError(
                "the signature is in the header 'authorization', and the session sets that header, too: remove its auth=, the "
                "entry for this host in .netrc (or trust_env=True), or the user in the URL"
            ) from None
        request.stage = "receive"
        problem = problem_of(answer, limits, most, written=exchange.body.written)
        if problem is not None:
            raise ConnectionLostError(f"the answer from {url.host_port_subcomponent} {problem}")
        exchange.watch(answer)
        return answer

    def _headers_of(self, request: Request, url: URL) -> dict[str, str]:
        """The headers to send. `ConfigurationError` if the session would change what they mean, or what was signed."""
        fields = request.headers.fields
        if not are_fit(request.method, *fields):
            check_names(request.method, fields)
        if not "".join(fields.values()).isprintable():
            check_values(fields)
        headers = {**fields, "content-length": str(len(request.body))}
        headers.setdefault("host", host_of(request.url))
        for name in map(str.lower, self._session.headers):
            if name in headers:  # ours replaces it
                continue
            if name in _REFUSED or name.startswith("x-amz-"):
                raise ConfigurationError(
                    f"the session adds the header {name!r}, which changes the meaning of the request; use a session without it"
                )
            if name == "accept-encoding":  # it would ask for answers that nobody decodes
                headers[name] = "identity"
        if "cookie" in fields and self._session.cookie_jar.filter_cookies(url):
            raise ConfigurationError(
                "the header 'cookie' of the request is signed, and the session adds cookies: give it aiohttp.DummyCookieJar()"
            )
        return headers

    def _time_to_connect(self, timeouts: Timeouts) -> tuple[float | None, bool]:
        """Seconds until a connection must be open, `None` for no limit, and whether a wait for the connector is part of it."""
        connector = self._session.connector
        if connector is None or not (connector.limit or connector.limit_per_host):
            return timeouts.connect, False
        if timeouts.queue is None or timeouts.connect is None:
            return None, True
        return timeouts.queue + timeouts.connect, True


def _loop_of(session: aiohttp.ClientSession) -> asyncio.AbstractEventLoop:
    """The event loop of a session. aiohttp has no other public way to ask."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return session.loop


@functools.lru_cache(maxsize=1000)
def _url_of(url: str) -> URL:
    """The URL, to be sent as it is. `ConfigurationError` if it is not valid."""
    if not is_url(url):
        raise ConfigurationError("the URL of the request is not valid; check the middleware that changed it")
    return URL(url, encoded=True)


@functools.lru_cache(maxsize=100)
def _aiohttp_limits(connect: float | None, in_all: float | None) -> aiohttp.ClientTimeout:
    """`connect` limits TCP and TLS, `in_all` also the wait for the connector, the name and the proxy. Nothing is rounded."""
    return aiohttp.ClientTimeout(total=None, connect=in_all, sock_connect=connect, ceil_threshold=float("inf"))
