"""AWS Signature Version 4, in its header form.

Owns the canonical request, the string to sign, the derived key and the header that carries them. Must not know the clock
(time is an argument), where credentials come from, or that the service is Lambda.

Source: "Signing AWS API requests" in the IAM user guide.
"""

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

import attrs

from ..models import Credentials
from . import uri

__all__ = ["NEVER_SIGNED", "Authorization", "Signer", "authorization_of", "canonical_request", "payload_hash", "signature"]

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

_SPACES = re.compile(r"\s+")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<signed>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)


def payload_hash(body: bytes) -> str:
    """The SHA-256 of a body in hexadecimal; 6 MB take about 6 ms."""
    return hashlib.sha256(body).hexdigest() if body else EMPTY_PAYLOAD_HASH


def _folded(value: str) -> str:
    value = value.strip()
    return _SPACES.sub(" ", value) if "  " in value or not value.isprintable() else value


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], signed: Iterable[str], body_hash: str
) -> str:
    """What is hashed to be signed. `path` is canonical; `query` is as on the wire; `headers` has lower-case names."""
    names = sorted(signed)
    lines = "".join([f"{name}:{_folded(headers[name])}\n" for name in names])
    return f"{method}\n{path}\n{uri.canonical_query(query)}\n{lines}\n{';'.join(names)}\n{body_hash}"


def string_to_sign(timestamp: str, scope: str, request: str) -> str:
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"


def _timestamp(now: dt.datetime) -> str:
    """The moment as `20060102T150405Z`; a third of the time that `strftime` takes."""
    utc = now if now.tzinfo is dt.UTC else now.astimezone(dt.UTC)
    return f"{utc.isoformat(timespec='seconds')[:19].replace('-', '').replace(':', '')}Z"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service; four HMACs, so worth keeping."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def signature(key: bytes, text: str) -> str:
    """The signature of a string to sign, in hexadecimal."""
    return _hmac(key, text).hex()


@attrs.frozen
class _Scope:
    """What a derived key is good for, with the key and the texts that go with it."""

    credentials: Credentials
    date: str
    text: str
    key: bytes = attrs.field(repr=False)


class Signer:
    """Signs requests to one service in one region; keeps the derived key while day and credentials stay the same."""

    def __init__(self, region: str, service: str, *, normalize: bool = True, double_encode: bool = True) -> None:
        self.region = region
        self.service = service
        self._normalize = normalize
        self._double_encode = double_encode
        self._scope: _Scope | None = None

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
        """
        timestamp = _timestamp(now)
        added = {"x-amz-date": timestamp}
        if credentials.session_token is not None:
            added["x-amz-security-token"] = credentials.session_token
        scope = self._scope_of(credentials, timestamp[:8])
        to_sign = {name: value for name, value in headers.items() if name not in NEVER_SIGNED}
        to_sign.pop("x-amz-security-token", None)
        to_sign.update(added)
        canonical_path = uri.canonical_path(path, normalize=self._normalize, double_encode=self._double_encode)
        request = canonical_request(method, canonical_path, query, to_sign, to_sign, body_hash)
        signed = signature(scope.key, string_to_sign(timestamp, scope.text, request))
        added["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key_id}/{scope.text}, "
            f"SignedHeaders={';'.join(sorted(to_sign))}, Signature={signed}"
        )
        return added

    def _scope_of(self, credentials: Credentials, date: str) -> _Scope:
        scope = self._scope
        if scope is None or scope.date != date or scope.credentials != credentials:
            text = f"{date}/{self.region}/{self.service}/aws4_request"
            key = signing_key(credentials.secret_access_key, date, self.region, self.service)
            scope = self._scope = _Scope(credentials, date, text, key)
        return scope


@attrs.frozen(kw_only=True)
class Authorization:
    """An `Authorization` header taken apart, for who verifies one."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = attrs.field(repr=False)

    def matches(
        self, secret_access_key: str, method: str, path: str, query: str, headers: Mapping[str, str], body_hash: str
    ) -> bool:
        """Whether this signature is the one that the holder of the secret makes of this request.

        `headers` has lower-case names; a signed header that is missing, or no `x-amz-date` of the scope's day, is no match.
        """
        timestamp = headers.get("x-amz-date", "")
        if timestamp[:8] != self.date or any(name not in headers for name in self.signed_headers):
            return False
        request = canonical_request(method, uri.canonical_path(path), query, headers, self.signed_headers, body_hash)
        scope = f"{self.date}/{self.region}/{self.service}/aws4_request"
        key = signing_key(secret_access_key, self.date, self.region, self.service)
        return hmac.compare_digest(signature(key, string_to_sign(timestamp, scope, request)), self.signature)


def authorization_of(header: str) -> Authorization | None:
    """The parts of an `Authorization` header, or `None` where it is not one of Signature Version 4."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        return None
    return Authorization(
        access_key_id=match["key"],
        date=match["date"],
        region=match["region"],
        service=match["service"],
        signed_headers=tuple(match["signed"].split(";")),
        signature=match["signature"],
    )
