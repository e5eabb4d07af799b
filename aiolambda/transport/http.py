"""The transport over aiohttp: a session for the loop, a request, an answer, and what an exception of aiohttp means.

Owns the session's options and the translation of its errors. Must not know Lambda, signatures, retries or slots.
"""

import asyncio
import contextlib
import io
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final, Self, cast

import aiohttp
import attrs
from yarl import URL

from ..errors import (
    ConfigurationError,
    ConnectError,
    ConnectionLostError,
    InvalidInputError,
    InvocationTimeoutError,
    QueueTimeoutError,
    TransportError,
)
from ..messages import Headers, Request, Response
from ..models import Delivery, TcpKeepAlive, Timeouts
from ..policy import delivery
from .connector import Connector
from .exchange import WRITTEN_AT_ONCE, Exchange, current_exchange
from .turns import Reservation

__all__ = ["AiohttpTransport"]

_READ_BUFFER = 1024 * 1024
"""Bytes that aiohttp reads ahead: with its default of 64 KiB, 6 MB take 18 ms instead of 13."""
_LONGEST_HEADER = 64 * 1024
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_QUOTED = re.compile(r"[:\n'\"]|\bb(?=['\"])")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LET_AIOHTTP_ADD_NO: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@attrs.define(eq=False)
class _StreamedResponse:
    """An answer that is read as it comes."""

    status: int
    headers: Mapping[str, str]
    _response: aiohttp.ClientResponse
    _exchange: Exchange

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """What has come; a wait that is cancelled loses nothing."""
        try:
            chunk = await self._response.content.readany()
        except _FAILURES as error:
            raise await _translation(error, self._exchange) from _cause(error)
        if not chunk:
            raise StopAsyncIteration
        return chunk


def _check_headers(fields: Mapping[str, str]) -> None:
    """`InvalidInputError` for a name or a value that HTTP cannot carry; the value is not shown."""
    if _UNFIT.search("".join(fields.values())) is None and all(map(_TOKEN.fullmatch, fields)):
        return
    name = next(name for name, value in fields.items() if _UNFIT.search(value) or not _TOKEN.fullmatch(name))
    raise InvalidInputError(f"the header {name!r} holds a character that HTTP cannot carry", member=name)


def _body(body: bytes) -> bytes | io.BytesIO | None:
    """The body as aiohttp wants it: beyond a megabyte as a file, which it writes piece by piece and does not warn of."""
    return io.BytesIO(body) if len(body) > WRITTEN_AT_ONCE else body or None


class AiohttpTransport:
    """Sends requests with one `aiohttp.ClientSession` for the running loop, which the first request opens.

    `tls` is a context, or `True` for verification against the system's authorities. `idle_connection_timeout` is how many
    seconds a connection may lie in the pool. `proxy` is a URL, or what gives the one for a URL. `repeat_lost_idle` lets an
    error say that a request did not arrive because the server had ended the pooled connection before.
    """

    def __init__(
        self,
        *,
        keep_alive: TcpKeepAlive | None,
        idle_connection_timeout: float,
        tls: ssl.SSLContext | bool = True,
        proxy: str | Callable[[str], str | None] | None = None,
        repeat_lost_idle: bool = True,
    ) -> None:
        self._keep_alive = keep_alive
        self._idle_connection_timeout = idle_connection_timeout
        self._tls = tls
        self._proxy = proxy
        self._repeat_lost_idle = repeat_lost_idle
        self._session: aiohttp.ClientSession | None = None
        self._keeper: AsyncGenerator[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._limits: dict[Timeouts, aiohttp.ClientTimeout] = {}

    async def send(self, request: Request, /) -> Response:
        """The whole answer. Raises `TransportError` where none comes; a cancelled request closes its connection."""
        exchange, answered = Exchange(request, self._repeat_lost_idle), False
        try:
            async with await self._answer(exchange) as answer:
                request.stage = "receive"
                exchange.watch_answer(answer.content)
                body = await answer.read()
            answered = True
        except _FAILURES as error:
            raise await _translation(error, exchange) from _cause(error)
        finally:
            exchange.end(answered=answered)
        return Response(answer.status, Headers(answer.headers), body)

    async def reserve(self, timeouts: Timeouts, /) -> Reservation:
        """Wait until there is a connection for this task's request, or it is its turn to open one; both are kept for it."""
        reservation = await cast("Connector", (await self._running_session()).connector).reserve(timeouts.queue)
        reservation.enter()
        return reservation

    @contextlib.asynccontextmanager
    async def stream(self, request: Request, /) -> AsyncGenerator[_StreamedResponse]:
        """The head of the answer, and its body as it comes; left before its end, the connection is closed.

        The read limit holds until the head. How long the rest may take is for the reader to say.
        """
        exchange, answered = Exchange(request, self._repeat_lost_idle), False
        try:
            answer = await self._answer(exchange)
            _wait_without_limit(answer)
            answered = True
        except _FAILURES as error:
            raise await _translation(error, exchange) from _cause(error)
        finally:
            exchange.end(answered=answered)
        request.stage = "receive"
        exchange.watch_answer(answer.content)
        try:
            yield _StreamedResponse(answer.status, Headers(answer.headers), answer, exchange)
        finally:
            exchange.answer_has_ended()
            if answer.content.at_eof():
                answer.release()
            else:
                answer.close()
                exchange.cut()

    async def close(self) -> None:
        """Close the session with its connections; what is in flight ends with an error."""
        keeper, session = self._keeper, self._session
        self._keeper = self._session = None
        if session is not None:
            cast("Connector", session.connector).cut_all()
        if keeper is not None:
            await keeper.aclose()

    async def _answer(self, exchange: Exchange) -> aiohttp.ClientResponse:
        request = exchange.request
        _check_headers(request.headers.fields)
        if "content-length" in request.headers:
            # The body may have changed since; a length that is not its own would cut it, or keep the server waiting.
            request.headers["content-length"] = str(len(request.body))
        # Taken back at once, so that no timer or task of the caller's keeps the request alive.
        token = current_exchange.set(exchange)
        try:
            session = await self._running_session()
            return await session.request(
                request.method,
                URL(request.url, encoded=True),
                data=_body(request.body),
                headers=request.headers.fields,
                skip_auto_headers=_LET_AIOHTTP_ADD_NO,
                allow_redirects=False,
                timeout=self._limits_of(request.timeouts),
                proxy=self._proxy(request.url) if callable(self._proxy) else self._proxy,
            )
        finally:
            current_exchange.reset(token)

    async def _running_session(self) -> aiohttp.ClientSession:
        session = self._session if self._loop is asyncio.get_running_loop() else None
        return session or await self._open_session()

    async def _open_session(self) -> aiohttp.ClientSession:
        """A session for the running loop. `ConfigurationError` while another loop that runs has one."""
        loop = asyncio.get_running_loop()
        if self._keeper is not None and self._loop is not None and not self._loop.is_closed():
            raise ConfigurationError("this client is in use on another event loop, and a client belongs to one at a time")
        session = aiohttp.ClientSession(
            connector=Connector(
                ssl=self._tls,
                keepalive_timeout=self._idle_connection_timeout,
                keep_alive=self._keep_alive,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        self._loop, self._session, self._keeper = loop, session, _kept(session)
        await anext(self._keeper)
        return session

    def _limits_of(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        limits = self._limits.get(timeouts)
        if limits is None:
            if len(self._limits) > 100:  # callers that compute a limit for each call must not fill the memory
                self._limits.clear()
            read = timeouts.read if isinstance(timeouts.read, int | float) else None
            limits = self._limits[timeouts] = aiohttp.ClientTimeout(
                total=None, connect=timeouts.connect, sock_read=read, ceil_threshold=float("inf")
            )
        return limits


def _wait_without_limit(answer: aiohttp.ClientResponse) -> None:
    """Lift the read limit of a connection, unless it has been given back already."""
    protocol = None if answer.connection is None else answer.connection.protocol
    if protocol is not None:
        protocol.read_timeout = None
        protocol.start_timeout()  # which ends the one that runs


async def _kept(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Keeps a session until it is closed: by `close`, or by the loop itself, which closes the generators that it began.

    So a client that is made once and used under one `asyncio.run` after another leaves nothing open behind any of them.
    """
    try:
        yield
    finally:
        await session.close()


_FAILURES = (aiohttp.ClientError, OSError, TimeoutError)
_CONNECT_ERRORS = (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)


async def _translation(error: Exception, exchange: Exchange) -> TransportError | ConfigurationError:
    """The error that says how far the request got, for one that aiohttp raised."""
    request = exchange.request
    if isinstance(error.__cause__, QueueTimeoutError):  # ours, out of `connect`: aiohttp takes it for one of its own
        return error.__cause__
    if isinstance(error, aiohttp.InvalidURL):
        return ConfigurationError("the request's URL is not valid")
    where = URL(request.url, encoded=True).authority
    if request.stage in ("queue", "connect") or isinstance(error, _CONNECT_ERRORS):
        return _connect_error(error, exchange, where)
    if exchange.stalled:
        silence = f"{where} took no byte of the request for {request.timeouts.read} s"
        return InvocationTimeoutError(silence, limit="read", stage="send")
    if isinstance(error, TimeoutError):
        exchange.note_stage()
        silence = f"no byte came from {where} for {request.timeouts.read} s"
        return InvocationTimeoutError(silence, limit="read", stage=request.stage)
    return await _lost(error, exchange, where)


async def _lost(error: Exception, exchange: Exchange, where: str) -> ConnectionLostError:
    if isinstance(error, aiohttp.ClientResponseError):
        return ConnectionLostError(f"the answer from {where} is not HTTP that can be read: {_complaint(error.message)}")
    if exchange.request.stage == "receive":
        return ConnectionLostError(f"the connection to {where} ended in the middle of the answer: {_reason(error)}")
    loss = await exchange.loss()
    return ConnectionLostError(
        f"the connection to {where} ended before an answer came: {_reason(error)}",
        delivery=delivery.verdict_of_loss(loss),
        lost_idle=delivery.lost_idle(loss),
    )


def _connect_error(error: Exception, exchange: Exchange, where: str) -> TransportError:
    request = exchange.request
    if exchange.displaced:
        gone = f"the idle connection to {where} that was to take the request has ended"
        return ConnectionLostError(gone, delivery=Delivery.NOT_DELIVERED, lost_idle=True)
    if not isinstance(error, TimeoutError):
        return ConnectError(f"cannot connect to {where}: {_reason(error)}", lasting=_is_lasting(error))
    return InvocationTimeoutError(
        f"no connection to {where} within {request.timeouts.connect} s",
        limit="connect",
        stage="connect",
        delivery=Delivery.NOT_DELIVERED,
    )


def _is_lasting(error: Exception) -> bool:
    """A certificate that is not accepted, or a proxy that asks for other credentials: the next attempt would fail, too."""
    return isinstance(error, aiohttp.ClientConnectorCertificateError) or getattr(error, "status", None) == 407


def _cause(error: Exception) -> BaseException | None:
    """What may stand behind our error in a traceback: aiohttp's own errors hold URLs with passwords, and request headers."""
    if isinstance(error, aiohttp.ClientError):
        return getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    return error


def _complaint(message: str) -> str:
    """What the parser says is wrong, without the bytes that it quotes: they may be of a payload."""
    words = message.rpartition("message:")[2].strip()
    return _QUOTED.split(words, maxsplit=1)[0].strip() or "malformed"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
