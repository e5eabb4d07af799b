"""The seams, as protocols: the parts that one layer asks of another, or of the user.

Knows no implementation of them.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from .http import Request, Response
from .values import Credentials

if TYPE_CHECKING:
    import ssl

    from ..policy.failure import Failure

__all__ = [
    "Codec",
    "CredentialsProvider",
    "DetachableTransport",
    "Fetch",
    "Loop",
    "OfflineTransport",
    "RefreshingCredentialsProvider",
    "Reservation",
    "ReservingTransport",
    "RetryStrategy",
    "StreamedResponse",
    "Timer",
    "Transport",
]

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Loop(Protocol):
    """The methods of asyncio's event loop that a call uses."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> "Timer": ...


class Timer(Protocol):
    """A callback that will be called, unless it is cancelled before."""

    def cancel(self) -> None: ...


class Codec(Protocol):
    """Turns values into payload bytes and back; `decode` returns a value of the given type."""

    def encode(self, value: object, /) -> bytes: ...
    def decode(self, data: bytes, type: type[T], /) -> T: ...


class CredentialsProvider(Protocol):
    """Returns the keys to sign with. It is asked before every attempt, so it should keep keys that are still good."""

    async def get_credentials(self) -> Credentials: ...


@runtime_checkable
class RefreshingCredentialsProvider(CredentialsProvider, Protocol):
    """A provider that can replace its keys: it is asked for others when the service has refused these as expired."""

    async def refresh(self, rejected: Credentials, /) -> Credentials: ...


class Fetch(Protocol):
    """Gets a small document that holds settings. It follows no redirect and uses no proxy; `TransportError` if none comes.

    `tls` verifies an https server; `True` stands for the authorities of the system.
    """

    async def __call__(self, url: str, headers: Mapping[str, str], /, *, tls: "ssl.SSLContext | bool" = True) -> Response: ...


class RetryStrategy(Protocol):
    """Decides when a failed call is tried again.

    It is never asked about an attempt that must not be repeated, nor about a stale connection, after which the request is sent
    at once on another. `pause` returns the seconds to wait first, or `None` to give up. `succeeded` is called for every call
    that ended well, with the failures that it had before; an error that it raises is logged, and the call has its answer.
    """

    def pause(self, failure: "Failure", /) -> float | None: ...
    def succeeded(self, failures: "Sequence[Failure]", /) -> None: ...


class StreamedResponse(Protocol):
    """An answer whose head has come, and whose body comes in pieces."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Transport(Protocol):
    """Sends one signed request and returns the answer; raises `TransportError`, with its `delivery`, if none comes.

    A transport of your own may implement more of the protocols below; the client looks for them when it opens.
    """

    async def send(self, request: Request, /) -> Response: ...
    def stream(self, request: Request, /) -> AbstractAsyncContextManager[StreamedResponse]: ...
    async def close(self) -> None: ...


class Reservation(Protocol):
    """A connection that a transport keeps for a request, or its turn to open one, until `end`."""

    def end(self) -> None: ...


@runtime_checkable
class ReservingTransport(Protocol):
    """A transport that can do all its waiting, except opening a connection, before the request is signed.

    `promise` does not wait: it returns `None` if `reserve` would. `loop` is the running loop. With `first`, the request goes
    before all that wait.
    """

    def promise(self, request: Request, loop: Loop, /) -> Reservation | None: ...
    async def reserve(self, request: Request, /, *, first: bool = False) -> Reservation: ...


@runtime_checkable
class DetachableTransport(Protocol):
    """A transport that belongs to an event loop, and can be used on another one once its own is closed or stands still.

    `detach` drops the connections of that loop. With `forked`, they belong to the parent process as well, and stay open there.
    """

    def detach(self, *, forked: bool = False) -> None: ...


@runtime_checkable
class OfflineTransport(Protocol):
    """A transport that may say that it reaches no AWS: if `offline`, a client asks for neither region nor credentials."""

    offline: bool
