"""AWS Signature Version 4 in its header form.

Owns the canonical request, the string to sign, the signing key and the header. Must not know the clock (time is an argument),
the origin of credentials, or that the service is Lambda.

Source: "Signing AWS API requests" in the IAM user guide; RFC 3986 for percent-encoding.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from ..errors import ConfigurationError
from ..types.mistakes import kind_of
from ..types.values import Credentials
from .header_fields import check_lower_case
from .urls import UNRESERVED

__all__ = [
    "NEVER_SIGNED",
    "Scope",
    "Signer",
    "canonical_path",
    "canonical_query",
    "canonical_request",
    "payload_hash",
    "signature",
    "signed_names",
]

ALGORITHM = "AWS4-HMAC-SHA256"
TIMESTAMP, PAYLOAD_HASH, SECURITY_TOKEN = "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"
_NOTHING = hashlib.sha256()
EMPTY_PAYLOAD_HASH = _NOTHING.hexdigest()

NEVER_SIGNED = frozenset(
    {
        "authorization",
        "baggage",
        "cache-control",
        "connection",
        "expect",
        "from",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "referer",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
"""Headers that proxies, load balancers and tracers change on the way, which would break the signature."""

_CONTROLS = bytes(range(32))
_INNER, _OUTER = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
"""What the two pads of HMAC make of each byte of the key."""


def payload_hash(body: bytes) -> str:
    """The SHA-256 of a body in hexadecimal; 6 MB take about 6 ms."""
    if not body:
        return EMPTY_PAYLOAD_HASH
    digest = _NOTHING.copy()  # a new one asks OpenSSL for the algorithm
    try:
        digest.update(body)
        return digest.hexdigest()
    except TypeError:
        problem = f"call.request.body must be bytes; got {kind_of(body)}" + ": write text.encode()" * isinstance(body, str)
    raise ConfigurationError(problem)


def without_dot_segments(path: str) -> str:
    """The path without `.`, `..` and empty segments; a trailing slash stays.

    botocore and the SDK for JavaScript resolve it like this. RFC 3986 would also end `/a/.` in a slash.
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    trailing = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{trailing}"


@lru_cache(maxsize=1024)
def canonical_path(path: str, normalize: bool = True, double_encode: bool = True) -> str:  # noqa: FBT002 - a cache that is asked by keyword takes twice as long
    """The path of the canonical request: normalized, and encoded once more than on the wire (for every service but S3)."""
    path = path or "/"
    if normalize:
        path = without_dot_segments(path)
    return quote(path, safe=UNRESERVED + "/") if double_encode else path


def canonical_query(query: str) -> str:
    """The query of the canonical request: its encoded pairs, sorted by name, then by value."""
    if not query:
        return ""
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _folded(value: str) -> str:
    return " ".join(value.split())


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], signed: Iterable[str], body_hash: str
) -> str:
    """The canonical request. `path` is canonical already, `query` is as sent, and `headers` has lower-case names."""
    names = tuple(sorted(signed))
    return _canonical_request(method, path, query, headers, names, ";".join(names), body_hash)


def _canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], names: tuple[str, ...], joined: str, body_hash: str
) -> str:
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    if _may_need_folding(lines, len(names)):
        lines = "".join([f"{name}:{_folded(headers[name])}\n" for name in names])
    return f"{method}\n{path}\n{canonical_query(query)}\n{lines}\n{joined}\n{body_hash}"


def _may_need_folding(lines: str, count: int) -> bool:
    """Whether a value may need its spaces folded: one check of all values, because nearly none do."""
    return (
        "  " in lines
        or ": " in lines
        or " \n" in lines
        or not lines.isascii()
        or len(lines.encode().translate(None, _CONTROLS)) != len(lines) - count
    )


def string_to_sign(timestamp: str, scope: str, request: str) -> str:
    # The transport refuses lone surrogates. A UnicodeEncodeError here would hold the whole request.
    digest = hashlib.sha256(request.encode(errors="surrogatepass")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"


class _Second:
    """The timestamp `20060102T150405Z` of one second, shared by all signatures in it, and its date."""

    __slots__ = ("begin", "date", "end", "text")

    def __init__(self, now: dt.datetime) -> None:
        self.begin = now.astimezone(dt.UTC).replace(microsecond=0)
        self.end = self.begin + dt.timedelta(seconds=1)
        self.text = f"{self.begin.isoformat()[:19].replace('-', '').replace(':', '')}Z"
        self.date = self.text[:8]


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The signing key of one day, region and service. It takes four HMACs, so callers keep it."""
    if not secret_access_key.isascii():  # a UnicodeEncodeError would quote the key
        raise ConfigurationError("secret_access_key of the credentials contains a character that is not ASCII")
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def signature(key: bytes, text: str) -> str:
    """The signature of the string to sign, in hexadecimal."""
    return _hmac(key, text).hex()


@lru_cache(maxsize=256)
def signed_names(headers: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The names of the signed headers, sorted, and joined by `;`. Nearly all requests of a client have the same."""
    for name in headers:
        check_lower_case(name)
    names = tuple(sorted({name for name in headers if name not in NEVER_SIGNED}))
    return names, ";".join(names)


class Scope:
    """A signing key, with the credentials and the date that it is valid for, and its text in the header.

    `forms` are kept for these credentials and this day: the signer drops them with the key. `inner` and `outer` are the two
    hashes of HMAC (RFC 2104) once they have taken the key: going on from copies of them takes half the time of a whole HMAC.
    """

    # Not an attrs class: rich prints the fields of those, and ignores the repr of the class.
    __slots__ = ("credentials", "date", "forms", "inner", "key", "outer", "text")

    def __init__(self, credentials: Credentials, date: str, text: str, key: bytes) -> None:
        self.credentials, self.date, self.text, self.key = credentials, date, text, key
        self.forms: dict[object, tuple[Any, Any]] = {}
        block = key.ljust(64, b"\0")
        self.inner, self.outer = hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


class Signer:
    """Signs requests to one service in one region. It keeps the signing key until the day or the credentials change."""

    def __init__(self, region: str, service: str, *, normalize: bool = True, double_encode: bool = True) -> None:
        self.region = region
        self.service = service
        self._normalize = normalize
        self._double_encode = double_encode
        self._scope: Scope | None = None
        self._second: _Second | None = None

    def sign(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body_hash: str,
        credentials: Credentials,
        now: dt.datetime,
    ) -> dict[str, str]:
        """The headers to add: `x-amz-date`, `authorization`, and `x-amz-security-token` if the credentials have a token.

        `headers` must have lower-case names and include `host`, else `InvalidInputError` for a name with capitals. `path` and
        `query` are as sent. `now` must have a time zone.
        """
        scope, timestamp = self.scope_at(now, credentials)
        added = {TIMESTAMP: timestamp}
        if credentials.session_token is not None:
            added[SECURITY_TOKEN] = credentials.session_token
        to_sign = {**headers, **added}
        if SECURITY_TOKEN not in added:
            to_sign.pop(SECURITY_TOKEN, None)
        names, joined = signed_names(tuple(to_sign))
        request = _canonical_request(method, self.canonical_path(path), query, to_sign, names, joined, body_hash)
        signed = signature(scope.key, string_to_sign(timestamp, scope.text, request))
        added["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key_id}/{scope.text}, SignedHeaders={joined}, Signature={signed}"
        )
        return added

    def scope_at(self, now: dt.datetime, credentials: Credentials) -> tuple[Scope, str]:
        """The signing key for this moment and these credentials, and the timestamp. `now` must have a time zone."""
        second, scope = self._second, self._scope
        if second is None or not second.begin <= now < second.end:
            second = self._second = _Second(now)
        if scope is None or scope.credentials is not credentials or scope.date != second.date:
            scope = self._scope_of(credentials, second.date)
        return scope, second.text

    def canonical_path(self, path: str) -> str:
        """The path of the canonical request."""
        return canonical_path(path, self._normalize, self._double_encode)

    def _scope_of(self, credentials: Credentials, date: str) -> Scope:
        scope = self._scope
        if scope is None or scope.date != date or (scope.credentials is not credentials and scope.credentials != credentials):
            text = f"{date}/{self.region}/{self.service}/aws4_request"
            key = signing_key(credentials.secret_access_key, date, self.region, self.service)
            scope = self._scope = Scope(credentials, date, text, key)
        return scope
