"""What crosses the transport: a request, its answer, and their headers.

Owns the shape of a message. Must not know what a command means, how it is signed, or which library sends it.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Literal, NamedTuple, Protocol, Self, TypeVar, cast, overload

import attrs

from .values import Timeouts

__all__ = ["Headers", "Loss", "Request", "Response", "Stage", "StreamingBody"]

T = TypeVar("T")

Stage = Literal["queue", "connect", "send", "wait", "receive", "backoff"]
"""Where a call stands: before a connection is sought, opening one, writing, awaiting the head, reading the body, pausing."""


class Headers(MutableMapping[str, str]):
    """HTTP header fields, one value a name: of a field that comes twice, the first counts.

    Names compare without case and are kept in lower case, as HTTP/2 sends them.
    """

    __slots__ = ("__weakref__", "fields")

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        self.fields: dict[str, str] = {} if fields is None else {name.lower(): value for name, value in fields.items()}
        if fields is not None and len(self.fields) != len(fields):
            self.fields = _first_of_each(fields)

    @classmethod
    def of(cls, fields: dict[str, str], /) -> Self:
        """These fields, whose names are in lower case; the dictionary is kept, not copied."""
        headers = cls.__new__(cls)
        headers.fields = fields
        return headers

    def __getitem__(self, name: str) -> str:
        return self.fields[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        self.fields[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del self.fields[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self.fields

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...
    @overload
    def get(self, key: str, default: T, /) -> str | T: ...
    def get(self, key: str, default: T | None = None, /) -> str | T | None:
        return self.fields.get(key.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def copy(self) -> Self:
        """A copy that shares nothing with this one."""
        return self.of(self.fields.copy())

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self.fields)}>"


def _first_of_each(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of which a name may come more than once: the first counts."""
    found: dict[str, str] = {}
    for name, value in fields.items():
        found.setdefault(name.lower(), value)
    return found


_NO_LIMITS = Timeouts()


@attrs.define(eq=False)
class Request:
    """An HTTP request; every attempt has its own copy.

    `url` is absolute and already percent-encoded. `timeouts` are the limits that the transport holds (`queue` for a turn to
    connect, `connect`, `read`, `idle`). `stage` is where sending stands: a transport that sets it lets errors say how far
    the request got; one that does not is taken to have sent it.
    """

    method: str
    url: str
    headers: Headers
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    timeouts: Timeouts = attrs.field(default=_NO_LIMITS, repr=False)
    stage: Stage = attrs.field(default="queue", repr=False)

    def copy(self) -> "Request":
        """A request of its own for the next attempt; the body is shared, for bytes do not change."""
        return Request(self.method, self.url, self.headers.copy(), self.body, self.timeouts)


def _headers(fields: Mapping[str, str]) -> Mapping[str, str]:
    return fields if isinstance(fields, Headers) else Headers(fields)


class StreamingBody(Protocol):
    """The body of an answer that is still coming, with the connection and the slot that it keeps until it is closed."""

    @property
    def closed(self) -> bool: ...
    async def read(self, *, within: float | None = None) -> bytes:
        """The next bytes, nothing at the end. Waits for them at most so many seconds, or as long as the call's limits say."""
        ...

    def cut(self, error: Exception, /) -> None:
        """Let whoever reads now or later have this error."""
        ...

    async def aclose(self) -> None:
        """End the connection, unless all was read; closing twice is fine."""
        ...

    def keep(self, give_back_slot: Callable[[], object], /) -> bool:
        """Give a slot back once it is closed. Whether it does: not where it is closed already, or keeps another."""
        ...

    def on_close(self, callback: Callable[[], object], /) -> None:
        """Call back once it is closed; at once where it is."""
        ...


@attrs.define(eq=False)
class Response:
    """An HTTP answer: read to its end, or with the body that is still to come in `stream`.

    Names of headers compare without case, in whatever mapping they were given.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(converter=_headers, repr=False)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    stream: StreamingBody | None = attrs.field(default=None, repr=False)

    @property
    def fields(self) -> Mapping[str, str]:
        """The headers under their names in lower case, for who asks for many of them."""
        return cast("Headers", self.headers).fields


class Loss(NamedTuple):
    """What the kernel told of a connection that ended without an answer.

    `reused`: it had carried a request before. `taken` counts the bytes that the kernel took since the connection was handed
    out for this request, `acknowledged` those that the peer's kernel acknowledged; `None` where they cannot be counted.
    `ended`: the peer's end of input was read before any error. `reset`: the peer's kernel refused what was sent.
    """

    reused: bool = False
    taken: int | None = None
    ended: bool = False
    acknowledged: int | None = None
    reset: bool = False
