"""The seams, as protocols: what one layer asks of another, or of a part that a user gives.

Knows no implementation of them.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .http import Request, Response
from .values import Credentials

if TYPE_CHECKING:
    import ssl

    from ..policy.failure import Failure

__all__ = [
    "Codec",
    "CredentialsProvider",
    "Fetch",
    "Loop",
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
    """What a call asks of the event loop that it runs on; asyncio's."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> "Timer": ...


class Timer(Protocol):
    """Something that will be called, unless it is cancelled before."""

    def cancel(self) -> None: ...


class Codec(Protocol):
    """Turns values into payload bytes and back; `decode` makes a value of the type that is asked for."""

    def encode(self, value: object, /) -> bytes: ...
    def decode(self, data: bytes, type: type[T], /) -> T: ...


class CredentialsProvider(Protocol):
    """Gives the keys to sign with; asked before every attempt, so it keeps what is still good."""

    async def get_credentials(self) -> Credentials: ...


class RefreshingCredentialsProvider(CredentialsProvider, Protocol):
    """A provider whose keys may be replaced: asked for others when the service refused these as expired."""

    async def refresh(self, rejected: Credentials, /) -> Credentials: ...


class Fetch(Protocol):
    """Gets a small document that settings are in: no redirect is followed, no proxy used. `TransportError` where none comes.

    `tls` is what an https server is verified with, `True` for the authorities of the system.
    """

    async def __call__(self, url: str, headers: Mapping[str, str], /, *, tls: "ssl.SSLContext | bool" = True) -> Response: ...


class RetryStrategy(Protocol):
    """Decides when a failed call is tried again.

    It is never asked about an attempt that must not be repeated, nor about the loss of an idle connection, after which the
    request goes out at once on another. `pause` gives the seconds to wait first, or `None` to give up. `succeeded` hears of
    every call that ended well, with the failures that it had before; what it raises is logged, and the call has its answer.
    """

    def pause(self, failure: "Failure", /) -> float | None: ...
    def succeeded(self, failures: "Sequence[Failure]", /) -> None: ...


class StreamedResponse(Protocol):
    """An answer whose head is there and whose body comes in pieces."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Transport(Protocol):
    """Sends one signed request and gives the answer; raises `TransportError`, with its `delivery`, where none comes."""

    async def send(self, request: Request, /) -> Response: ...
    def stream(self, request: Request, /) -> AbstractAsyncContextManager[StreamedResponse]: ...
    async def close(self) -> None: ...


class Reservation(Protocol):
    """A place with a transport, until it is ended."""

    def end(self) -> None: ...


class ReservingTransport(Transport, Protocol):
    """A transport that can wait before the request is signed for whatever else it would wait for after it.

    `promise` does not wait: it gives `None` where `reserve` would, and is told the running loop. `first`, before all who wait.
    """

    def promise(self, request: Request, loop: Loop, /) -> Reservation | None: ...
    async def reserve(self, request: Request, /, *, first: bool = False) -> Reservation: ...
