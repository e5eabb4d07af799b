"""AWS Signature Version 4, in its header form.

Owns the canonical request, the string to sign, the derived key and the header that carries them. Must not know the clock
(time is an argument), where credentials come from, or that the service is Lambda.

Source: "Signing AWS API requests" in the IAM user guide.
"""

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import attrs

from ..errors import ConfigurationError
from ..types.values import Credentials
from . import uri
from .fields import check_lower_case

__all__ = ["NEVER_SIGNED", "Signer", "canonical_request", "payload_hash", "signature"]

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_PAYLOAD_HASH = hashlib.sha256().hexdigest()

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
"""Headers that proxies, load balancers and tracers rewrite on the way: a signature over them would break."""

_CONTROLS = bytes(range(32))


def payload_hash(body: bytes) -> str:
    """The SHA-256 of a body in hexadecimal; 6 MB take about 6 ms."""
    return hashlib.sha256(body).hexdigest() if body else EMPTY_PAYLOAD_HASH


def _folded(value: str) -> str:
    return " ".join(value.split())


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], signed: Iterable[str], body_hash: str
) -> str:
    """What is hashed to be signed. `path` is canonical; `query` is as on the wire; `headers` has lower-case names."""
    names = tuple(sorted(signed))
    return _canonical_request(method, path, query, headers, names, ";".join(names), body_hash)


def _canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], names: tuple[str, ...], joined: str, body_hash: str
) -> str:
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    if _may_need_folding(lines, len(names)):
        lines = "".join([f"{name}:{_folded(headers[name])}\n" for name in names])
    return f"{method}\n{path}\n{uri.canonical_query(query)}\n{lines}\n{joined}\n{body_hash}"


def _may_need_folding(lines: str, count: int) -> bool:
    """Whether a value may begin or end with a space, or hold two, or something unprintable: seldom, so asked of all at once."""
    return (
        "  " in lines
        or ": " in lines
        or " \n" in lines
        or not lines.isascii()
        or len(lines.encode().translate(None, _CONTROLS)) != len(lines) - count
    )


def string_to_sign(timestamp: str, scope: str, request: str) -> str:
    # A lone surrogate is the transport's to refuse: an error of the encoding would hold the whole request.
    digest = hashlib.sha256(request.encode(errors="surrogatepass")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"


class _Second(NamedTuple):
    """A second in the form `20060102T150405Z`, for all who sign in it."""

    begin: dt.datetime
    end: dt.datetime
    text: str


def _second_of(now: dt.datetime) -> _Second:
    begin = now.astimezone(dt.UTC).replace(microsecond=0)
    text = f"{begin.isoformat()[:19].replace('-', '').replace(':', '')}Z"
    return _Second(begin, begin + dt.timedelta(seconds=1), text)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service; four HMACs, so worth keeping."""
    if not secret_access_key.isascii():  # a provider's: it must not be in the text of an error of its encoding
        raise ConfigurationError("secret_access_key holds a character that no key has")
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def signature(key: bytes, text: str) -> str:
    """The signature of a string to sign, in hexadecimal."""
    return _hmac(key, text).hex()


@lru_cache(maxsize=256)
def _signed_names(headers: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Which of these headers are signed, in order and joined: the same for nearly every request of a client."""
    for name in headers:
        check_lower_case(name)
    names = tuple(sorted({name for name in headers if name not in NEVER_SIGNED}))
    return names, ";".join(names)


@attrs.frozen(eq=False, repr=False)
class _Scope:
    """What a derived key is good for, with the key and the texts that go with it."""

    credentials: Credentials
    date: str
    text: str
    key: bytes = attrs.field(repr=False)  # rich goes by the fields, not by the class


class Signer:
    """Signs requests to one service in one region; keeps the derived key while day and credentials stay the same."""

    def __init__(self, region: str, service: str, *, normalize: bool = True, double_encode: bool = True) -> None:
        self.region = region
        self.service = service
        self._normalize = normalize
        self._double_encode = double_encode
        self._scope: _Scope | None = None
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
        """The headers to add: `x-amz-date`, `x-amz-security-token` where there is one, and `authorization`.

        `headers` has lower-case names and `host` among them; `path` and `query` are as on the wire; `now` is aware.
        `InvalidInputError` for a name with capitals.
        """
        second = self._second
        if second is None or not second.begin <= now < second.end:
            second = self._second = _second_of(now)
        timestamp = second.text
        added = {"x-amz-date": timestamp}
        if credentials.session_token is not None:
            added["x-amz-security-token"] = credentials.session_token
        scope = self._scope_of(credentials, timestamp[:8])
        to_sign = {**headers, **added}
        if "x-amz-security-token" not in added:
            to_sign.pop("x-amz-security-token", None)
        names, joined = _signed_names(tuple(to_sign))
        canonical_path = uri.canonical_path(path, self._normalize, self._double_encode)
        request = _canonical_request(method, canonical_path, query, to_sign, names, joined, body_hash)
        signed = signature(scope.key, string_to_sign(timestamp, scope.text, request))
        added["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key_id}/{scope.text}, SignedHeaders={joined}, Signature={signed}"
        )
        return added

    def _scope_of(self, credentials: Credentials, date: str) -> _Scope:
        scope = self._scope
        if scope is None or scope.date != date or (scope.credentials is not credentials and scope.credentials != credentials):
            text = f"{date}/{self.region}/{self.service}/aws4_request"
            key = signing_key(credentials.secret_access_key, date, self.region, self.service)
            scope = self._scope = _Scope(credentials, date, text, key)
        return scope
