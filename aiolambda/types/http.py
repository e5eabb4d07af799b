"""HTTP messages: a request, its answer, and their headers.

Owns the shape of a message. Must not know the meaning of a command, how it is signed, or which library sends it.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Literal, NamedTuple, Protocol, Self, TypeVar, cast, overload

import attrs

from .values import Delivery, Timeouts

__all__ = ["Headers", "Loss", "ParsedError", "Request", "Response", "Stage", "StreamingBody"]

T = TypeVar("T")

Stage = Literal["queue", "connect", "send", "wait", "receive", "backoff"]
"""How far a call has got: before a connection is sought, opening one, writing, awaiting the head, reading the body, pausing."""


class Headers(MutableMapping[str, str]):
    """HTTP header fields, one value a name: if a field comes twice, the first counts.

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
    """The fields in lower case: if two names are equal in it, the first counts."""
    found: dict[str, str] = {}
    for name, value in fields.items():
        found.setdefault(name.lower(), value)
    return found


_NO_LIMITS = Timeouts()


@attrs.define(eq=False)
class Request:
    """An HTTP request; every attempt has its own copy.

    `url` is absolute and already percent-encoded. `timeouts` are the limits that the transport keeps (`queue` for a turn to
    connect, `connect`, `read`, `idle`). `stage` is how far sending has got. A transport may set it, so that errors can say how
    far the request got; without it, a request that was handed to the transport counts as sent. `sent` is true once the request
    was handed to a transport: it must not change any more, and another send of it takes a copy.
    """

    method: str
    url: str
    headers: Headers
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    timeouts: Timeouts = attrs.field(default=_NO_LIMITS, repr=False)
    stage: Stage = attrs.field(default="queue", repr=False)
    sent: bool = attrs.field(default=False, init=False, repr=False)

    def copy(self) -> "Request":
        """A separate request for the next attempt, not sent yet. The two share the body, for bytes do not change."""
        return Request(self.method, self.url, self.headers.copy(), self.body, self.timeouts)


def _headers(fields: Mapping[str, str]) -> Mapping[str, str]:
    return fields if isinstance(fields, Headers) else Headers(fields)


class StreamingBody(Protocol):
    """The body of an answer that is still being received. It keeps its connection and its slot until it is closed."""

    @property
    def closed(self) -> bool: ...
    async def read(self, *, within: float | None = None) -> bytes:
        """The next bytes, or none at the end. Waits at most `within` seconds, or as long as the call's limits allow."""
        ...

    def cut(self, error: Exception, /) -> None:
        """Raise this error in the read that is waiting, and in every later one."""
        ...

    async def aclose(self) -> None:
        """End the connection, unless all was read. Closing twice is fine."""
        ...

    def keep(self, give_back_slot: Callable[[], object], /) -> bool:
        """Give a slot back once it is closed. `False` if it is closed already, or keeps another slot."""
        ...

    def on_close(self, callback: Callable[[], object], /) -> None:
        """Call back once it is closed, or at once if it is."""
        ...


@attrs.frozen(eq=False, repr=False)
class ParsedError:
    """An error answer, parsed: its code, the members of its body, and the verdict on its attempt.

    `source` is the part of the answer that these were made of.
    """

    code: str | None
    members: Mapping[str, object]
    delivery: Delivery
    source: tuple[object, ...]


@attrs.define(eq=False)
class Response:
    """An HTTP answer: read to its end, or with a body in `stream` that is still being received.

    Header names compare without case, whatever mapping they were given in. `parsed_error` is set by the client once it has
    parsed an error answer.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(converter=_headers, repr=False)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    stream: StreamingBody | None = attrs.field(default=None, repr=False)
    parsed_error: ParsedError | None = attrs.field(default=None, init=False, repr=False)

    @property
    def fields(self) -> Mapping[str, str]:
        """The headers keyed by lower-case name: cheaper for repeated look-ups."""
        return cast("Headers", self.headers).fields


class Loss(NamedTuple):
    """The kernel's report on a connection that ended without an answer.

    `reused`: it had carried a request before. `taken` counts the bytes that the kernel took since the connection was handed
    out for this request, `acknowledged` those that the peer's kernel acknowledged; `None` if they cannot be counted.
    `ended`: the peer's end of input was read before any error. `reset`: the peer's kernel refused the bytes.
    """

    reused: bool = False
    taken: int | None = None
    ended: bool = False
    acknowledged: int | None = None
    reset: bool = False
