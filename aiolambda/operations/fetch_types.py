"""The values of a request to a URL: its input, and the HTTP response that is its output.

Owns the members, and the readings of a response. Must not know how they cross the wire.
"""

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar

import attrs

from ..codecs import JsonCodec, Mismatch
from ..errors import DecodeError, PayloadTooLargeError
from ..errors.checks import check_whole
from ..errors.http import HttpStatusError
from ..pipeline.operation import CommandInput
from ..protocol.content_codings import CodingError, TooLong, codings_in, decoded
from ..protocol.urls import url_shown
from ..types.http import Headers
from ..types.interfaces import Codec
from ..types.mistakes import explains_arguments
from ..types.values import Delivery, Metadata, Unfrozen
from .invoke_types import WithLaterMetadata
from .payload import given_shown, payload_shown

__all__ = ["FetchCommandInput", "HttpHeaders", "HttpOutput", "Params", "Sign", "cookies_in", "new_input", "new_output"]

T = TypeVar("T")

Sign = bool | Literal["auto"]
"""Whether a request is signed: `"auto"` signs those to function URLs and web functions."""

Param = str | int | float | bool | None
Params = Mapping[str, Param | Sequence[Param]] | Sequence[tuple[str, Param]]
"""Parameters of a query: a mapping, whose values may be lists, or pairs."""

LARGEST_BODY = 200 * 1024 * 1024
"""Bytes. Source: the "Lambda quotas" page, for a streamed answer."""

_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s;"']+)""", re.IGNORECASE)


_new = object.__new__
"""Looking it up at a class with abstract bases takes as long as the call."""


def _url_shown(url: object) -> str:
    """A URL as a repr may show it: its query may hold a secret."""
    return repr(url_shown(url)) if isinstance(url, str) else "..."


@explains_arguments
@attrs.frozen(kw_only=True)
class FetchCommandInput(CommandInput):
    """The input of a request to a URL.

    Args:
        url: The URL of a function, of a web function, or of any other server. Its path and query go out as they are.
        method: The method of HTTP. Default `"GET"`.
        headers: Header fields. Default: those of the client alone.
        params: Parameters to add to the query. Default none.
        json: A value that the client's codec encodes, sent as `application/json`. Default: none.
        content: The body as bytes or text. Default: no body.
        sign: `True` signs the request, `False` does not. Default `"auto"`: function URLs and web functions are signed.
        region: The region to sign for. Default: that in the name of the host.
    """

    url: str = attrs.field(repr=_url_shown)
    """The URL of a function, of a web function, or of any other server. Its path and query go out as they are."""
    method: str = "GET"
    """The method of HTTP. Default `"GET"`."""
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=given_shown)
    """Header fields. Default: those of the client alone."""
    params: Params | None = attrs.field(default=None, repr=given_shown)
    """Parameters to add to the query. Default none."""
    json: object = attrs.field(default=None, repr=payload_shown)
    """A value that the client's codec encodes, sent as `application/json`. Default: none."""
    content: bytes | bytearray | memoryview | str | None = attrs.field(default=None, repr=payload_shown)
    """The body as bytes or text. Default: no body."""
    sign: Sign = "auto"
    """`True` signs the request, `False` does not. Default `"auto"`: function URLs and web functions are signed."""
    region: str | None = None
    """The region to sign for. Default: that in the name of the host."""


class _NewInput(Unfrozen, FetchCommandInput):
    __slots__ = ()

    def __init__(
        self,
        *,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        json: object = None,
        content: bytes | bytearray | memoryview | str | None = None,
        sign: Sign = "auto",
        region: str | None = None,
    ) -> None:
        new: Any = self
        new.url = url
        new.method = method
        new.headers = headers
        new.params = params
        new.json = json
        new.content = content
        new.sign = sign
        new.region = region
        new.__class__ = FetchCommandInput


new_input: Callable[..., FetchCommandInput] = _NewInput
"""The same as `FetchCommandInput`, in a third of the time."""


class HttpHeaders(Mapping[str, str]):
    """The header fields of a response. Names are case-insensitive, and nothing changes them.

    `headers[name]` is the first value of a name that came more than once, `get_all(name)` has them all.
    """

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str] = MappingProxyType({}), /) -> None:
        """Wrap the headers of a response.

        Args:
            headers: The header fields. Default none.
        """
        self._headers = headers if isinstance(headers, Headers) else Headers(headers)

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def get_all(self, name: str, /) -> list[str]:
        """All values of a field, in their order; none if there is no such field.

        Args:
            name: The name, in any case.
        """
        return self._headers.get_all(name)

    def multi_items(self) -> list[tuple[str, str]]:
        """All fields as pairs of name and value, the repeated ones too."""
        return [(name, value) for name in self._headers for value in self._headers.get_all(name)]

    def without(self, names: Collection[str], /) -> "HttpHeaders":
        """The other fields.

        Args:
            names: The names to leave out, in lower case.
        """
        headers = self._headers.copy()
        for name in names:
            headers.pop(name, None)
        return HttpHeaders(headers)

    def __reduce__(self) -> tuple[object, ...]:
        return HttpHeaders, (self._headers,)

    def __repr__(self) -> str:
        return f"<HttpHeaders {', '.join(self._headers)}>"


def _wrapped(headers: Mapping[str, str]) -> HttpHeaders:
    return headers if isinstance(headers, HttpHeaders) else HttpHeaders(headers)


@attrs.frozen(kw_only=True)
class HttpOutput(WithLaterMetadata):
    """An HTTP response of a function, of any status: `raise_for_status()` raises for one of 400 or above.

    ::

        output = await client.fetch("https://abcdefg.lambda-url.eu-west-1.on.aws/orders/7")
        print(output.raise_for_status().json())

    Nothing is decoded without being asked: see `decompress`.

    Args:
        status_code: The HTTP status.
        headers: The header fields. `get_all(name)` has each value of a repeated one.
        content: The bytes of the body, as they came.
        metadata: The request id, the attempts and the headers. Default: the status, and no attempt, for an output of your own.
        codec: Decodes the body for `decode`. Default `JsonCodec()`.
        function_name: The host that errors show.
    """

    status_code: int
    """The HTTP status."""
    headers: HttpHeaders = attrs.field(factory=HttpHeaders, converter=_wrapped)
    """The header fields. `get_all(name)` has each value of a repeated one."""
    content: bytes = attrs.field(default=b"", repr=lambda content: f"<{len(content)} bytes>")
    """The bytes of the body, as they came."""
    metadata: Metadata = attrs.field(
        default=attrs.Factory(
            lambda output: Metadata(http_status_code=output.status_code, attempts=0, headers=output.headers), takes_self=True
        )
    )
    """The request id, the attempts and the headers. Default: the status, and no attempt, for an output of your own."""
    _codec: Codec = attrs.field(factory=JsonCodec, repr=False, eq=False, alias="codec")
    """Decodes the body for `decode`. Default `JsonCodec()`."""
    _function_name: str = attrs.field(default="", repr=False, eq=False, alias="function_name")
    """The host that errors show."""

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that the response sets, by name. `headers.get_all("set-cookie")` has their attributes too."""
        return cookies_in(self.headers.get_all("set-cookie"))

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    def text(self) -> str:
        """The body as text, in the charset of its content type, or else UTF-8.

        Raises:
            DecodeError: The body is not in that charset, or is compressed.
        """
        charset = _charset_of(self.headers.get("content-type", ""))
        return self._decoded(lambda data: data.decode(charset), "text") if self.content else ""

    def json(self) -> Any:
        """The body, decoded by `json.loads`.

        Raises:
            DecodeError: The body is empty or not JSON, or is compressed. It is a `ValueError`.
        """
        return self._decoded(json.loads, "JSON")

    def decode(self, type: type[T], /) -> T:
        """The body as a value of a type, decoded by the client's codec.

        Args:
            type: The type that the codec makes of it, such as an attrs class.

        Raises:
            DecodeError: The body is empty or does not fit the type, or is compressed.
        """
        return self._decoded(lambda data: self._codec.decode(data, type), getattr(type, "__name__", repr(type)))

    def decompress(self, *, limit: int = LARGEST_BODY) -> Self:
        """The same response with its body decompressed: for a request with the header `accept-encoding: gzip`.

        A body that is empty or not compressed stays as it is. Its codings may be gzip and deflate.

        Args:
            limit: The most bytes that the body may have then. Default: the 200 MB that Lambda allows a streamed answer.

        Raises:
            DecodeError: The body is damaged, or in another coding, or in more than five.
            PayloadTooLargeError: The body is larger.
            ConfigurationError: `limit` is not a whole number of 0 or more.
        """
        check_whole("limit", limit, least=0)
        codings = codings_in(self.headers.get_all("content-encoding"))
        if not codings or not self.content:  # a response to HEAD names the coding that GET would have
            return self
        try:
            content = decoded(self.content, codings, limit)
        except TooLong:
            raise self._too_large(limit) from None
        except CodingError as error:
            raise self._undecoded(str(error)) from None
        return attrs.evolve(self, content=content, headers=self.headers.without({"content-encoding", "content-length"}))

    def raise_for_status(self) -> Self:
        """Return this output, unless its status is 400 or above.

        Raises:
            HttpStatusError: The status is 400 or above. The function has run.
        """
        if self.status_code < 400:
            return self
        raise HttpStatusError(
            f"the function answered HTTP {self.status_code} with {len(self.content):,} bytes; error.output has them",
            status_code=self.status_code,
            output=self,
            function_name=self._function_name or None,
            request_id=self.metadata.request_id,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the client's codec, which may not support it. The copy decodes with `JsonCodec`."""
        fields = {field.alias: getattr(self, field.name) for field in attrs.fields(type(self)) if field.name != "_codec"}
        return _rebuilt, (type(self), fields)

    def _decoded(self, decode: Callable[[bytes], T], form: str) -> T:
        if not self.content:
            raise self._undecoded(f"there is no body to decode: HTTP {self.status_code} of {self._function_name!r}")
        if codings_in(self.headers.get_all("content-encoding")):
            raise self._undecoded("the body is compressed: write output.decompress() first")
        try:
            return decode(self.content)
        except Exception as error:  # noqa: BLE001 - a codec may raise anything
            failure = self._undecoded(
                f"the answer cannot be decoded as {form}: {_reason(error)}; output.content has its bytes",
                codec_error=error.with_traceback(None),  # its frames hold the body
            )
        raise failure from None

    def _too_large(self, limit: int) -> PayloadTooLargeError:
        error = PayloadTooLargeError(
            f"the decompressed body has more than {limit:,} bytes",
            delivery=Delivery.EXECUTED,
            function_name=self._function_name or None,
        )
        error.limit = limit
        return error

    def _undecoded(self, message: str, *, codec_error: Exception | None = None) -> DecodeError:
        history = self.metadata.history
        return DecodeError(
            message,
            output=self,
            codec_error=codec_error,
            delivery=history[-1].delivery if history else Delivery.EXECUTED,
            function_name=self._function_name or None,
            request_id=self.metadata.request_id,
        )


class _NewOutput(Unfrozen, HttpOutput):
    """An output whose metadata `make_metadata` makes when somebody asks for them."""

    __slots__ = ()

    def __init__(
        self,
        make_metadata: Callable[[], Metadata],
        status_code: int,
        headers: Headers,
        content: bytes,
        codec: Codec,
        function_name: str,
    ) -> None:
        new: Any = self
        new._make_metadata = make_metadata
        new.status_code = status_code
        new.headers = shown = _new(HttpHeaders)
        shown._headers = headers  # pyright: ignore[reportPrivateUsage] - of this module
        new.content = content
        new._codec = codec
        new._function_name = function_name
        new.__class__ = HttpOutput


new_output: Callable[[Callable[[], Metadata], int, Headers, bytes, Codec, str], HttpOutput] = _NewOutput
"""An output whose metadata are made when somebody asks for them. The arguments are those of `_NewOutput`."""


def cookies_in(fields: Sequence[str]) -> Mapping[str, str]:
    """The cookies of `Set-Cookie` fields, by name. The last of a name counts; a field without a name is left out."""
    cookies: dict[str, str] = {}
    for field in fields:
        name, mark, value = field.partition(";")[0].partition("=")
        if mark and name.strip():
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] == '"'
            cookies[name.strip()] = value[1:-1] if quoted else value
    return MappingProxyType(cookies)


def _charset_of(content_type: str) -> str:
    """The charset of a content type; UTF-8 if it names none that Python knows."""
    found = _CHARSET.search(content_type)
    if found is None:
        return "utf-8"
    try:
        return codecs.lookup(found[1]).name
    except (LookupError, ValueError):
        return "utf-8"


def _reason(error: Exception) -> str:
    """Why a body cannot be decoded, without quoting it."""
    if isinstance(error, Mismatch):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON, at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.upper()}, at byte {error.start}"
    return type(error).__name__


def _rebuilt(kind: type[HttpOutput], fields: dict[str, Any]) -> HttpOutput:
    return kind(**fields)
