"""HTTP messages: a request, its response, and their headers.

Owns the shape of a message. Must not know commands, signatures, or the library that sends it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Literal, NamedTuple, Protocol, Self, TypeVar, cast, overload

import attrs

from .mistakes import kind_of
from .values import Delivery, Timeouts

__all__ = [
    "Headers",
    "Loss",
    "ParsedError",
    "RepeatedHeaders",
    "Request",
    "Response",
    "Stage",
    "StreamingBody",
    "fields_of",
    "headers_of",
    "headers_of_pairs",
]

T = TypeVar("T")

Stage = Literal["queue", "connect", "send", "wait", "receive", "backoff"]
"""The stage of a call: waiting for a connection, opening one, writing, waiting for the head, reading the body, pausing."""


_new = object.__new__
"""Looking it up at a class with abstract bases takes as long as the call."""


class Headers(MutableMapping[str, str]):
    """HTTP header fields with one value for each name. If a name comes twice, the first value counts.

    Names are case-insensitive.
    """

    __slots__ = ("__weakref__", "fields")

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        """Build headers. The names may be in any case.

        Args:
            fields: The fields to begin with. Default none.
        """
        try:
            lowered = {} if fields is None else {name.lower(): value for name, value in fields.items()}
        except AttributeError:
            raise TypeError(_problem_of_fields(fields)) from None
        self.fields: dict[str, str] = lowered
        """The underlying dictionary, keyed by lower-case name."""
        if fields is not None and len(self.fields) != len(fields):
            self.fields = _first_of_each(fields)

    @classmethod
    def of(cls, fields: dict[str, str], /) -> Self:
        """Headers over this dictionary, which is not copied.

        Args:
            fields: The fields. Their names must be in lower case.
        """
        headers = _new(cls)
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
        """The value of a field, or the default if there is none.

        Args:
            key: The name, in any case.
            default: Returned if there is no such field. Default `None`.
        """
        return self.fields.get(key.lower(), default)

    def get_all(self, key: str, /) -> list[str]:
        """All values of a field, in their order; none if there is no such field.

        Args:
            key: The name, in any case.
        """
        value = self.fields.get(key.lower())
        return [] if value is None else [value]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def copy(self) -> Self:
        """An independent copy."""
        return self.of(self.fields.copy())

    def encoded_head_of(self, request: "Request", /) -> bytes | None:
        """The head of a request with these headers, if it is known without looking at them; see `Request.encoded_head`.

        Args:
            request: The request that has these headers.
        """
        return None

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self.fields)}>"


def _problem_of_fields(fields: object) -> str:
    """Why they are not the fields of headers. The text shows no value."""
    if not isinstance(fields, Mapping):
        kind = kind_of(fields)
        remedy = "for pairs, write Headers(dict(pairs))" if isinstance(fields, list | tuple) else "write Headers({name: value})"
        return f"Headers takes a mapping of names to values; got {kind}: {remedy}"
    names = cast("Mapping[object, object]", fields)
    kind = next((type(name).__name__ for name in names if not isinstance(name, str)), "str")
    return f"Headers takes names that are strings; got one of type {kind}"


def _first_of_each(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields by lower-case name; if names differ only in case, the first value counts."""
    found: dict[str, str] = {}
    for name, value in fields.items():
        found.setdefault(name.lower(), value)
    return found


class RepeatedHeaders(Headers):
    """The headers of a response in which a name came more than once. The first value counts, and `get_all` has the others."""

    __slots__ = ("repeated",)

    def __init__(self, fields: dict[str, str], repeated: Mapping[str, list[str]]) -> None:
        """Take the first value of each name, and all values of the repeated ones. The names are in lower case."""
        self.fields = fields
        self.repeated = repeated

    @classmethod
    def of(cls, fields: dict[str, str], /) -> Self:
        return cls(fields, {})

    def get_all(self, key: str, /) -> list[str]:
        values = self.repeated.get(key.lower())
        if values is None or self.fields.get(key.lower()) != values[0]:  # somebody has set the field since
            return super().get_all(key)
        return list(values)

    def copy(self) -> Self:
        return type(self)(self.fields.copy(), self.repeated)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.fields, dict(self.repeated))


def headers_of_pairs(pairs: Iterable[tuple[str, str]]) -> Headers:
    """The headers of a response that came as pairs of name and value, in any case, some of which may be repeated."""
    fields, repeated = dict[str, str](), dict[str, list[str]]()
    for name, value in pairs:
        key = name.lower()
        if key in fields:
            repeated.setdefault(key, [fields[key]]).append(value)
        else:
            fields[key] = value
    return RepeatedHeaders(fields, repeated) if repeated else Headers.of(fields)


_NO_LIMITS = Timeouts()


@attrs.define(eq=False)
class Request:
    """An HTTP request; each attempt has its own copy.

    Args:
        method: The HTTP method.
        url: The URL, absolute and percent-encoded.
        headers: The header fields as sent. The built-in steps have added `content-length`.
        body: The bytes of the body.
        timeouts: The limits that the transport applies: `queue` (waiting for a connection), `connect`, `read` and `idle`.
        stage: The progress of the request. It is `"send"` when the transport gets it, so the request counts as sent.
            A transport that sets it to `"queue"` and `"connect"` meanwhile lets errors say that the request did not leave.
        sent: Whether the request was handed to a transport. It must not change any more; another send of it uses a copy.
    """

    method: str
    """The HTTP method."""
    url: str
    """The URL, absolute and percent-encoded."""
    headers: Headers
    """The header fields as sent. The built-in steps have added `content-length`."""
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    """The bytes of the body."""
    timeouts: Timeouts = attrs.field(default=_NO_LIMITS, repr=False)
    """The limits that the transport applies: `queue` (waiting for a connection), `connect`, `read` and `idle`."""
    stage: Stage = attrs.field(default="queue", repr=False)
    """The progress of the request. It is `"send"` when the transport gets it, so the request counts as sent. A transport that
    sets it to `"queue"` and `"connect"` meanwhile lets errors say that the request did not leave."""
    sent: bool = attrs.field(default=False, repr=False, kw_only=True)
    """Whether the request was handed to a transport. It must not change any more; another send of it uses a copy."""

    @property
    def encoded_head(self) -> bytes | None:
        """The request line and the header fields in HTTP/1.1, as signed, with the empty line.

        `content-length` is that of the body. The target has the form for an origin server, so a transport that relays through a
        proxy makes its own. `None` if headers were looked at, or if method, URL, headers or body changed after signing: then
        the transport encodes the request itself.
        """
        return self.headers.encoded_head_of(self)

    def copy(self) -> "Request":
        """A copy for the next attempt. It shares the body, because bytes are immutable."""
        return Request(self.method, self.url, self.headers.copy(), self.body, self.timeouts)


def _headers_of(fields: Mapping[str, str]) -> Headers:
    return fields if isinstance(fields, Headers) else Headers(fields)


class StreamingBody(Protocol):
    """The body of a streamed answer. It keeps its connection, and the slot of its call, until it is closed."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        ...

    async def read(self, *, within: float | None = None) -> bytes:
        """The next bytes; `b""` at the end. Waits for at most `within` seconds, or for the `idle` limit of the call."""
        ...

    def abort(self, error: Exception, /) -> None:
        """Raise this error in the current read and in all later ones."""
        ...

    async def aclose(self) -> None:
        """Release the connection: to the pool if all was read, else close it. Closing twice is fine."""
        ...

    def keep(self, release_slot: Callable[[], object], /) -> bool:
        """Keep a slot until the body is closed. Returns `False` if it is closed already, or keeps another slot."""
        ...

    def on_close(self, callback: Callable[[], object], /) -> None:
        """Call this when the body is closed, or at once if it is closed already."""
        ...


class ParsedError:
    """An error answer, parsed: its code, the members of its body, and the verdict on its attempt.

    `source` is the part of the answer that these were made from. Not an attrs class: those cost a millisecond at import.
    """

    __slots__ = ("code", "delivery", "members", "source")

    def __init__(self, code: str | None, members: Mapping[str, object], delivery: Delivery, source: tuple[object, ...]) -> None:
        self.code, self.members, self.delivery, self.source = code, members, delivery, source


@attrs.define(eq=False, on_setattr=attrs.setters.NO_OP)  # else Python code would set each field
class Response:
    """An HTTP response.

    Args:
        status: The HTTP status.
        headers: The header fields. Names are case-insensitive.
        body: The whole body; empty for a streamed answer.
        stream: The body of a streamed answer, else `None`.
    """

    status: int
    """The HTTP status."""
    _headers: Headers = attrs.field(converter=_headers_of, repr=False, alias="headers")
    """The header fields. Names are case-insensitive."""
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    """The whole body; empty for a streamed answer."""
    stream: StreamingBody | None = attrs.field(default=None, repr=False)
    """The body of a streamed answer, else `None`."""
    parsed_error: ParsedError | None = attrs.field(default=None, init=False, repr=False)
    """The error of the answer, set by the client once it has parsed one."""
    parsed_output: tuple[bytes, object] | None = attrs.field(default=None, init=False, repr=False)
    """The body and what the client has read in it, for a call that manages functions."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields. Names are case-insensitive."""
        return self._headers

    @headers.setter
    def headers(self, headers: Mapping[str, str]) -> None:
        self._headers = _headers_of(headers)

    @property
    def fields(self) -> Mapping[str, str]:
        """The headers, keyed by lower-case name; cheaper for repeated look-ups."""
        return self._headers.fields


def fields_of(response: Response) -> Mapping[str, str]:
    """The same as `response.fields`, in a third of the time: Python 3.11 calls a property through C."""
    return response._headers.fields  # pyright: ignore[reportPrivateUsage] - of this module


def headers_of(response: Response) -> Headers:
    """The same as `response.headers`, in a third of the time, as above."""
    return response._headers  # pyright: ignore[reportPrivateUsage] - of this module


class Loss(NamedTuple):
    """The facts of a connection that ended without an answer.

    - `reused`: the connection had carried a request before.
    - `taken`: bytes of this request that the local kernel accepted; `None` if unknown.
    - `acknowledged`: bytes of this request that the peer's kernel acknowledged; `None` if unknown.
    - `ended`: the peer's end of stream (EOF) was read before any error.
    - `reset`: the peer's kernel rejected the bytes of this request with a reset.
    """

    reused: bool = False
    taken: int | None = None
    ended: bool = False
    acknowledged: int | None = None
    reset: bool = False
