"""The configuration of a function URL: who may call it, how it answers, and which web pages may read the answers.

Owns these values and the headers of CORS that follow from them. Must not know how a request arrives.
Source: the Lambda API reference, "CreateFunctionUrlConfig" and "Cors"; the Fetch standard, "CORS protocol".
"""

from collections.abc import Iterable, Sequence
from typing import Literal, cast

import attrs

from ..errors import ConfigurationError
from ..errors.checks import check_choice, check_whole
from ..types.mistakes import explains_arguments, kind_of
from ..types.values import shown
from .function_url import UrlRequest, UrlResponse

__all__ = ["FunctionUrl", "UrlCors", "cors_headers", "preflight_response", "with_cors"]

_LONGEST_AGE = 86_400
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "*")
"""Those of the API. `OPTIONS` is not among them: Lambda answers it."""


@explains_arguments
@attrs.frozen(kw_only=True)
class UrlCors:
    """The web pages of other origins that may use a function URL. The names are those of Lambda's `Cors`.

    ::

        FunctionUrl(auth_type="NONE", cors=UrlCors(allow_origins=["http://localhost:5173"], allow_methods=["GET"]))

    Args:
        allow_origins: The origins that may read answers, as `http://localhost:5173`, or `"*"`. Default none.
        allow_methods: The methods that they may use, or `"*"`. Default none.
        allow_headers: The headers that they may send, or `"*"`. Default none.
        expose_headers: The headers of answers that they may read. Default none.
        allow_credentials: Whether they may send cookies and credentials. Default `False`.
        max_age: How long a browser may keep this, in seconds: 0 to 86,400. Default 0.

    Raises:
        ConfigurationError: A value has a wrong type or is out of its range.
    """

    allow_origins: Sequence[str] = ()
    """The origins that may read answers, as `http://localhost:5173`, or `"*"`. Default none."""
    allow_methods: Sequence[str] = ()
    """The methods that they may use, or `"*"`. Default none."""
    allow_headers: Sequence[str] = ()
    """The headers that they may send, or `"*"`. Default none."""
    expose_headers: Sequence[str] = ()
    """The headers of answers that they may read. Default none."""
    allow_credentials: bool = False
    """Whether they may send cookies and credentials. Default `False`."""
    max_age: int = 0
    """How long a browser may keep this, in seconds: 0 to 86,400. Default 0."""

    def __attrs_post_init__(self) -> None:
        for member in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            _check_texts(member, getattr(self, member))
        for method in self.allow_methods:
            if method not in _METHODS:
                raise ConfigurationError(f"allow_methods may have {', '.join(_METHODS)}; got {shown(method)}")
        check_choice("allow_credentials", self.allow_credentials)
        check_whole("max_age", self.max_age, least=0, most=_LONGEST_AGE)


@explains_arguments
@attrs.frozen(kw_only=True)
class FunctionUrl:
    """The configuration of a function URL.

    ::

        LocalFunction(name="orders", handler="app.handler", root=Path("src"), url=FunctionUrl(auth_type="NONE"))

    Args:
        auth_type: `"AWS_IAM"` verifies the signature of each request, `"NONE"` accepts all. Default `"AWS_IAM"`.
        invoke_mode: `"BUFFERED"` answers when the function has returned, `"RESPONSE_STREAM"` while it writes.
            Default `"BUFFERED"`.
        cors: The web pages of other origins that may use the URL. Default `None`: the function sets such headers itself.

    Raises:
        ConfigurationError: A value is not one of these.
    """

    auth_type: Literal["AWS_IAM", "NONE"] = "AWS_IAM"
    """`"AWS_IAM"` verifies the signature of each request, `"NONE"` accepts all. Default `"AWS_IAM"`."""
    invoke_mode: Literal["BUFFERED", "RESPONSE_STREAM"] = "BUFFERED"
    """`"BUFFERED"` answers when the function has returned, `"RESPONSE_STREAM"` while it writes. Default `"BUFFERED"`."""
    cors: UrlCors | None = None
    """The web pages of other origins that may use the URL. Default `None`: the function sets such headers itself."""

    def __attrs_post_init__(self) -> None:
        for member, allowed in (("auth_type", ("AWS_IAM", "NONE")), ("invoke_mode", ("BUFFERED", "RESPONSE_STREAM"))):
            value: object = getattr(self, member)
            if value not in allowed:
                raise ConfigurationError(f"{member} must be {' or '.join(map(repr, allowed))}; got {shown(value)}")
        if not isinstance(self.cors, UrlCors | None):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise ConfigurationError(f"cors must be UrlCors(...) or None; got {kind_of(self.cors)}")


def preflight_response(cors: UrlCors | None, request: UrlRequest) -> UrlResponse | None:
    """The answer to the question of a browser before its request, which no function sees. `None` if it is no such question.

    Args:
        cors: The configuration. Without one, the function answers.
        request: The request.
    """
    wanted = request.header("access-control-request-method")
    if cors is None or request.method != "OPTIONS" or wanted is None or request.header("origin") is None:
        return None
    headers = cors_headers(cors, request.header("origin"))
    if headers:
        headers += [
            ("access-control-allow-methods", ",".join(cors.allow_methods)),
            ("access-control-allow-headers", ",".join(cors.allow_headers)),
            ("access-control-max-age", str(cors.max_age)),
        ]
    return UrlResponse(status_code=200, headers=[field for field in headers if field[1]])


def cors_headers(cors: UrlCors | None, origin: str | None) -> list[tuple[str, str]]:
    """The headers that let a page of this origin read an answer; none for an origin that may not.

    Args:
        cors: The configuration; `None` gives no headers.
        origin: The `Origin` of the request.
    """
    if cors is None or origin is None:
        return []
    is_listed = origin.lower() in (allowed.lower() for allowed in cors.allow_origins)
    if not is_listed and "*" not in cors.allow_origins:
        return []
    # A browser refuses the wildcard for a request with credentials.
    allowed = origin if is_listed or cors.allow_credentials else "*"
    headers = [("access-control-allow-origin", allowed)] + ([] if allowed == "*" else [("vary", "Origin")])
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    if cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    return headers


def with_cors(headers: Iterable[tuple[str, str]], cors: UrlCors | None, origin: str | None) -> list[tuple[str, str]]:
    """The headers of an answer with those of the configuration, which win over those of the function.

    Args:
        headers: The headers of the function, with names in lower case.
        cors: The configuration; `None` leaves the headers as they are.
        origin: The `Origin` of the request.
    """
    added = cors_headers(cors, origin)
    replaced = {name for name, _ in added} - {"vary"}
    return [*((name, value) for name, value in headers if name not in replaced), *added]


def _check_texts(member: str, value: object) -> None:
    form = f"{member} must be a list of strings"
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{form}; got {kind_of(value)}")
    for item in cast("Sequence[object]", value):
        if not isinstance(item, str) or not item.isascii() or not item.isprintable() or not item or "," in item:
            raise ConfigurationError(f"{form} of printable ASCII without commas; got {shown(item)}")
