"""Function URLs in the payload format 2.0: the event that a request becomes, and the HTTP response that a result becomes.

Must not know sockets, signatures, or how the function runs.
Source: "Invoking Lambda function URLs" of the developer guide; recorded events.
"""

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast
from urllib.parse import parse_qsl

import attrs

from ..errors import InvalidInputError
from ..operations.text_formats import PRELUDE_END, HttpPrelude
from ..protocol import header_fields
from .identifiers import ACCOUNT

__all__ = ["MalformedResponse", "UrlRequest", "UrlResponse", "event_of", "head_of", "is_text", "response_of"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TEXT_TYPE = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")
"""The media types whose bodies reach the function as text. All others are encoded, forms too."""
_NOT_FORWARDED = frozenset(
    {"connection", "cookie", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that the function does not see: those of the connection, and the cookies, which have a member of their own."""
_REMAPPED = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers of a response that Lambda sets itself. What the function says goes out as `x-amzn-remapped-...`."""
_JSON = "application/json"
_STREAM = "application/octet-stream"


def _size(content: bytes) -> str:
    return f"<{len(content)} bytes>"


@attrs.frozen(kw_only=True)
class UrlRequest:
    """A request to a function URL, as it was received.

    - `target`: path and query, byte for byte as in the request line.
    - `headers`: pairs of name and value, the repeated ones too.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=_size)

    @property
    def path(self) -> str:
        """The path as sent; never empty."""
        return self.target.partition("?")[0] or "/"

    @property
    def query(self) -> str:
        """The query as sent, without its question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The values of a header, joined by commas; `None` without it. `name` is in lower case."""
        values = [value for field, value in self.headers if field.lower() == name]
        return ",".join(values) if values else None


class MalformedResponse(ValueError):
    """The result of the function is not an HTTP response. The text says why, and never quotes the result."""


@attrs.frozen(kw_only=True)
class UrlResponse:
    """The HTTP response to a request. `headers` has a pair for each cookie."""

    status_code: int
    headers: Sequence[tuple[str, str]] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=_size)


def event_of(
    request: UrlRequest,
    *,
    domain_name: str,
    request_id: str,
    trace_id: str,
    now: dt.datetime,
    source_ip: str = "127.0.0.1",
    access_key_id: str | None = None,
    scheme: str = "https",
    port: int = 443,
) -> dict[str, object]:
    """The event of a request, ready for `json.dumps`.

    Args:
        request: The request.
        domain_name: The host of the URL without its port. Its first label is the id of the URL.
        request_id: The id of the invocation.
        trace_id: The trace header that the function gets.
        now: The time of the request, with its time zone.
        source_ip: The address of the client.
        access_key_id: The key that signed the request; `None` for a URL that does not verify signatures.
        scheme: The scheme of the URL.
        port: The port of the URL.
    """
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": _readable(request.path),
        "rawQueryString": _readable(request.query),
    }
    if cookies := _cookies_in(request.headers):
        event["cookies"] = cookies
    event["headers"] = {
        **_headers_for_function(request, signed=access_key_id is not None),
        "x-amzn-trace-id": trace_id,
        "x-forwarded-for": _forwarded_for(request, source_ip),
        "x-forwarded-port": str(port),
        "x-forwarded-proto": scheme,
    }
    if parameters := _joined(parse_qsl(_readable(request.query), keep_blank_values=True, errors="replace")):
        event["queryStringParameters"] = parameters
    event["requestContext"] = _context(request, domain_name, request_id, now, source_ip, access_key_id)
    body, is_encoded = _body_for_function(request)
    return event | ({"body": body} if body else {}) | {"isBase64Encoded": is_encoded}


def _context(
    request: UrlRequest, domain_name: str, request_id: str, now: dt.datetime, source_ip: str, access_key_id: str | None
) -> dict[str, object]:
    utc = now.astimezone(dt.UTC)
    prefix = domain_name.partition(".")[0]
    return {
        "accountId": "anonymous" if access_key_id is None else ACCOUNT,
        "apiId": prefix,
        **({} if access_key_id is None else {"authorizer": {"iam": _caller(access_key_id)}}),
        "domainName": domain_name,
        "domainPrefix": prefix,
        "http": {
            "method": request.method,
            "path": _readable(request.path),
            "protocol": "HTTP/1.1",
            "sourceIp": source_ip,
            "userAgent": _readable(request.header("user-agent") or ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{utc:%d}/{_MONTHS[utc.month - 1]}/{utc:%Y:%H:%M:%S} +0000",
        "timeEpoch": int(utc.timestamp() * 1000),
    }


def _caller(access_key_id: str) -> dict[str, object]:
    """The caller. Nothing here knows users, so all but the key is made up."""
    return {
        "accessKey": access_key_id,
        "accountId": ACCOUNT,
        "callerId": access_key_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
        "userId": access_key_id,
    }


def _headers_for_function(request: UrlRequest, *, signed: bool) -> dict[str, str]:
    """Names in lower case; the signature that Lambda has checked is left out."""
    hidden = _NOT_FORWARDED | {"authorization"} if signed else _NOT_FORWARDED
    headers = _joined((name.lower(), _readable(value)) for name, value in request.headers if name.lower() not in hidden)
    if request.body and "content-length" not in headers:
        headers["content-length"] = str(len(request.body))
    return headers


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(repeated) for name, repeated in values.items()}


def _cookies_in(headers: Iterable[tuple[str, str]]) -> list[str]:
    parts = (part.strip() for name, value in headers if name.lower() == "cookie" for part in value.split(";"))
    return [_readable(part) for part in parts if part]


def _forwarded_for(request: UrlRequest, source_ip: str) -> str:
    before = request.header("x-forwarded-for")
    return source_ip if before is None else f"{_readable(before)}, {source_ip}"


def _readable(text: str) -> str:
    """The text without lone surrogates: a byte that is not UTF-8 becomes the character of Latin-1, as in HTTP of old."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text


def is_text(content_type: str | None) -> bool:
    """Whether a body of this type reaches the function as text.

    Args:
        content_type: The value of the header; `None` without it.
    """
    return content_type is not None and _TEXT_TYPE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


def _body_for_function(request: UrlRequest) -> tuple[str, bool]:
    """The body, and whether it is encoded. Text that is not UTF-8 is encoded, because JSON could not carry it."""
    if is_text(request.header("content-type")):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), bool(request.body)


def response_of(payload: bytes) -> UrlResponse:
    """The HTTP response for the result of a function.

    An object with a `statusCode` is a response. Any other JSON is the body of one, with the status 200.

    Args:
        payload: The result, as the runtime gave it.

    Raises:
        MalformedResponse: It is not JSON, or a member of the response has a wrong type. Lambda answers with 502.
    """
    try:
        result: object = json.loads(payload)
    except (ValueError, RecursionError):
        remedy = '; a stream needs invoke_mode="RESPONSE_STREAM"' if PRELUDE_END in payload else ""
        raise MalformedResponse(f"the result is not JSON{remedy}") from None
    if not isinstance(result, dict) or "statusCode" not in result:
        return UrlResponse(status_code=200, headers=(("content-type", _JSON),), body=payload)
    members = cast("Mapping[str, object]", result)
    status, headers = _head(members.get("statusCode"), members.get("headers"), members.get("cookies"), _JSON)
    return UrlResponse(status_code=status, headers=headers, body=_body(members))


def head_of(prelude: HttpPrelude) -> UrlResponse:
    """Status and headers of a streamed response, without a body.

    Args:
        prelude: The head that the function wrote.

    Raises:
        MalformedResponse: HTTP cannot carry a header or the status.
    """
    status, headers = _head(prelude.status_code, prelude.headers, prelude.cookies, _STREAM)
    return UrlResponse(status_code=status, headers=headers)


def _head(status: object, headers: object, cookies: object, content_type: str) -> tuple[int, Sequence[tuple[str, str]]]:
    fields = [(name.lower(), _header_text(value)) for name, value in _object("headers", headers).items()]
    fields = [(f"x-amzn-remapped-{name}" if name in _REMAPPED else name, value) for name, value in fields]
    if not any(name == "content-type" for name, _ in fields):
        fields.append(("content-type", content_type))
    fields += [("set-cookie", cookie) for cookie in _texts("cookies", cookies)]
    try:
        header_fields.check_names("GET", [name for name, _ in fields])
        for field in fields:
            header_fields.check_values(dict([field]))
    except InvalidInputError:
        raise MalformedResponse("a header has a character that HTTP cannot carry") from None
    return _status(status), fields


def _body(members: Mapping[str, object]) -> bytes:
    body, is_encoded = members.get("body"), members.get("isBase64Encoded") or False
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResponse(f"its body must be a string, not {type(body).__name__}")
    if not isinstance(is_encoded, bool):
        raise MalformedResponse(f"its isBase64Encoded must be true or false, not {type(is_encoded).__name__}")
    try:
        return base64.b64decode(body, validate=True) if is_encoded else body.encode()
    except (binascii.Error, ValueError):
        reason = "is not Base64, but isBase64Encoded is true" if is_encoded else "is not text"
        raise MalformedResponse(f"its body {reason}") from None


def _status(value: object) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if re.fullmatch("[2-5][0-9]{2}", text, re.ASCII) is None:
        raise MalformedResponse("its statusCode must be a number from 200 to 599")
    return int(text)


def _object(name: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping | None):
        raise MalformedResponse(f"its {name} must be an object, not {type(value).__name__}")
    return cast("Mapping[str, object]", value or {})


def _texts(name: str, value: object) -> list[str]:
    items = cast("list[object]", value or [])
    if not isinstance(value, list | None) or not all(isinstance(item, str) for item in items):
        raise MalformedResponse(f"its {name} must be a list of strings")
    return [str(item) for item in items]


def _header_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise MalformedResponse(f"a header must be a string, not {type(value).__name__}")
    return str(value)
