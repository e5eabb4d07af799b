"""The interfaces between layers, and those that users may implement: codec, credentials provider, retry strategy, transport.

Must not know any implementation.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar

from .http import Request, Response
from .values import Credentials

if TYPE_CHECKING:
    import ssl

    from ..policy.failure import Failure

__all__ = [
    "AbortableTransport",
    "Codec",
    "CredentialsProvider",
    "DetachableTransport",
    "Fetch",
    "Loop",
    "OfflineTransport",
    "ReadyCredentials",
    "RefreshingCredentialsProvider",
    "Reservation",
    "ReservingTransport",
    "RetryStrategy",
    "StreamedResponse",
    "Timer",
    "Transport",
    "can_abort",
    "can_detach",
    "can_refresh",
    "can_reserve",
    "is_offline",
]

T = TypeVar("T")


class Loop(Protocol):
    """The part of an asyncio event loop that a call uses."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> "Timer": ...


class Timer(Protocol):
    """A scheduled callback that can be cancelled."""

    def cancel(self) -> None: ...


class Codec(Protocol):
    """Converts values to payload bytes and back. The default is `JsonCodec`. Both methods run on the event loop."""

    def encode(self, value: object, /) -> bytes:
        """The payload for a value. An exception is raised to the caller before anything is sent.

        Args:
            value: The value that the caller gave as a payload.
        """
        ...

    def decode(self, data: bytes, type: type[T], /) -> T:
        """The value of a payload, as the requested type. An exception becomes the `codec_error` of a `DecodeError`.

        Args:
            data: The bytes of the answer.
            type: The type that the caller asks for.
        """
        ...


class CredentialsProvider(Protocol):
    """Provides the credentials to sign with."""

    async def get_credentials(self) -> Credentials:
        """Valid credentials. Called before each attempt, so a provider caches them until they expire."""
        ...


class RefreshingCredentialsProvider(CredentialsProvider, Protocol):
    """A provider that can replace credentials before they expire."""

    async def refresh(self, rejected: Credentials, /) -> Credentials:
        """Other credentials than the rejected ones. Called if the service refused them as expired.

        Args:
            rejected: The credentials that were refused.
        """
        ...


class ReadyCredentials:
    """The base of our own providers, which have their credentials ready nearly always: asking them needs no coroutine then."""

    __slots__ = ()

    def ready_credentials(self) -> Credentials | None:
        """The credentials that `get_credentials` would return without waiting; `None` to ask `get_credentials`."""
        return None


class Fetch(Protocol):
    """Fetches a small document over HTTP, without redirects and without a proxy. `TransportError` if no answer comes.

    `tls` verifies an https server; `True` uses the system's certificate authorities.
    """

    async def __call__(self, url: str, headers: Mapping[str, str], /, *, tls: "ssl.SSLContext | bool" = True) -> Response: ...


class RetryStrategy(Protocol):
    """Decides whether and when a failed attempt is repeated.

    It is not asked about an attempt that must not be repeated, because the function may have run. It is not asked about a stale
    connection either: that request is sent again at once on another connection.
    """

    def pause(self, failure: "Failure", /) -> float | None:
        """Seconds to wait before the next attempt, or `None` to give up and raise the error.

        Args:
            failure: The failed attempt, and the facts of its call.
        """
        ...

    def succeeded(self, failures: "Sequence[Failure]", /) -> None:
        """Called after each call that succeeded. An exception raised here is only logged.

        Args:
            failures: The failed attempts of the call, in order; empty for most calls.
        """
        ...


class StreamedResponse(Protocol):
    """A streamed answer: `status` and `headers` have arrived, and iterating yields the body in pieces."""

    status: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """The header fields, by name in any case."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Transport(Protocol):
    """Sends signed requests. The default speaks HTTP on connections that aiohttp opens.

    `SessionTransport` sends over a session of yours, `aiolambda.testing.FakeTransport` calls plain functions. A transport of
    your own may have more members, which the client uses if they are there: see `ReservingTransport`, `DetachableTransport` and
    `OfflineTransport` in `aiolambda.types.interfaces`. "Write a transport" in the manual has an example.
    """

    async def send(self, request: Request, /) -> Response:
        """Send one request and return the whole answer.

        Args:
            request: The signed request. It must be sent as it is.

        Raises:
            TransportError: No answer came. Its `delivery` says whether the request may have reached Lambda.
        """
        ...

    def stream(self, request: Request, /) -> AbstractAsyncContextManager[StreamedResponse]:
        """Send one request; the block gets the answer as soon as its head is there, and leaving the block ends it.

        Args:
            request: The signed request. It must be sent as it is.
        """
        ...

    async def close(self) -> None:
        """Close all connections. Requests in flight fail."""
        ...


class Reservation(Protocol):
    """A connection that a transport keeps for a request, or its turn to open one, until `end`."""

    def end(self) -> None:
        """Give up what is left of the reservation. Called once: after the attempt, or in place of it."""
        ...


class ReservingTransport(Protocol):
    """A transport that can do all its waiting, except opening a connection, before the request is signed."""

    def promise(self, request: Request, loop: Loop, /) -> Reservation | None:
        """A reservation that needs no waiting; `None` if it would.

        Args:
            request: The request, which is not signed yet.
            loop: The running event loop.
        """
        ...

    async def reserve(self, request: Request, /, *, first: bool = False) -> Reservation:
        """A reservation, after waiting for it.

        Args:
            request: The request, which is not signed yet.
            first: Whether the request goes before all that wait.

        Raises:
            QueueTimeoutError: `request.timeouts.queue` seconds have passed.
        """
        ...


class DetachableTransport(Protocol):
    """A transport that belongs to an event loop, and can be used on another one once its own is closed or stands still."""

    def detach(self, *, forked: bool = False) -> None:
        """Drop everything that belongs to the old loop.

        Args:
            forked: Whether the connections belong to the parent process as well, and stay open there.
        """
        ...


class AbortableTransport(Protocol):
    """A transport that can end at once, without waiting for anything.

    `abort` closes all connections. Its event loop may run, stand still or be closed. Calls in flight are cancelled: before
    `abort` if the loop runs, and otherwise once it runs on. `abort` may be called again, and `close` may follow.
    """

    def abort(self) -> None: ...


class OfflineTransport(Protocol):
    """A transport that may say that it reaches no AWS."""

    offline: bool
    """Whether the client can do without region and credentials."""


# Users' objects may have the optional methods, or forward them with `__getattr__`. From Python 3.12 on, `isinstance` with a
# protocol does not see forwarded ones, so these functions ask for the attribute.


def can_refresh(provider: CredentialsProvider) -> TypeGuard[RefreshingCredentialsProvider]:
    """Whether the provider has `refresh`."""
    return _has_methods(provider, "refresh")


def can_reserve(transport: Transport) -> TypeGuard[ReservingTransport]:
    """Whether the transport has `promise` and `reserve`."""
    return _has_methods(transport, "promise", "reserve")


def can_abort(transport: Transport) -> TypeGuard[AbortableTransport]:
    """Whether the transport has `abort`."""
    return _has_methods(transport, "abort")


def can_detach(transport: Transport) -> TypeGuard[DetachableTransport]:
    """Whether the transport has `detach`."""
    return _has_methods(transport, "detach")


def is_offline(transport: Transport | None) -> bool:
    """Whether the transport says that it reaches no AWS."""
    return bool(getattr(transport, "offline", False))


def _has_methods(value: object, *names: str) -> bool:
    return all(callable(getattr(value, name, None)) for name in names)
