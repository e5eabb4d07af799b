"""Signature Version 4, verified: parse the `Authorization` header, and check scope, date and signature of a request.

Owns the order of these checks. Must not know which functions exist.
Source: "Signing AWS API requests" in the IAM user guide.
"""

import datetime as dt
import hmac
import re
import secrets
import string
from collections.abc import Mapping
from functools import lru_cache

import attrs

from ...emulation import api_errors
from ...protocol import sigv4
from ...types.values import Credentials

__all__ = ["Authorization", "SignedRequest", "check_body", "check_head", "fresh_credentials", "parse_authorization"]

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<signed>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_MAX_SKEW = dt.timedelta(minutes=5)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_DECLARED_HASH = "x-amz-content-sha256"
_HASH = re.compile(r"[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@attrs.frozen(kw_only=True)
class Authorization:
    """A parsed `Authorization` header."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = attrs.field(repr=False)

    def matches(
        self, secret_access_key: str, method: str, path: str, query: str, headers: Mapping[str, str], body_hash: str
    ) -> bool:
        """Whether signing this request with the secret gives this signature.

        Header names are in lower case. It is no match if a signed header is missing, or if `x-amz-date` is not on the day of
        the scope.
        """
        timestamp = headers.get("x-amz-date", "")
        if timestamp[:8] != self.date:
            return False
        canonical_path = sigv4.canonical_path(path)
        try:
            request = sigv4.canonical_request(method, canonical_path, query, headers, self.signed_headers, body_hash)
        except KeyError:  # a signed header is missing
            return False
        scope = f"{self.date}/{self.region}/{self.service}/aws4_request"
        key = _signing_key(secret_access_key, self.date, self.region, self.service)
        return hmac.compare_digest(sigv4.signature(key, sigv4.string_to_sign(timestamp, scope, request)), self.signature)


def parse_authorization(header: str) -> Authorization | None:
    """Parse an `Authorization` header; `None` if it is not one of Signature Version 4."""
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


@attrs.frozen(kw_only=True)
class SignedRequest:
    """The signed parts of a request, without the body: `path` and `query` as on the wire, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)


def fresh_credentials() -> Credentials:
    """Make random credentials with an access key id that says LOCAL, so that no AWS account can have them."""
    suffix = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(11))
    return Credentials(f"AKIALOCAL{suffix}", secrets.token_urlsafe(30))


def check_head(request: SignedRequest, credentials: Credentials, region: str | None, now: dt.datetime) -> None:
    """Raise the `ApiError` that Lambda answers with if the head alone shows that the request is invalid.

    `region` is the only one to accept; `None` accepts each. If the head declares the hash of the body, this verifies the
    signature; otherwise `check_body` does.
    """
    authorization = _authorization_of(request)
    token = credentials.session_token
    has_token = token is None or hmac.compare_digest(request.headers.get("x-amz-security-token", "").encode(), token.encode())
    if authorization.access_key_id != credentials.access_key_id or not has_token:
        raise api_errors.unknown_token()
    _check_scope(authorization, region)
    _check_date(request.headers.get("x-amz-date", ""), now)
    declared = request.headers.get(_DECLARED_HASH)
    is_hash = declared is None or _HASH.fullmatch(declared) is not None
    if "host" not in authorization.signed_headers or not is_hash:
        raise api_errors.signature_rejected(_MISMATCH)
    if declared is not None:
        _check_signature(authorization, request, credentials, declared)


def check_body(request: SignedRequest, body: bytes, credentials: Credentials) -> None:
    """Raise an `ApiError` if the signature does not cover this body. Call `check_head` first."""
    body_hash = sigv4.payload_hash(body)
    declared = request.headers.get(_DECLARED_HASH)
    if declared is None:
        _check_signature(_authorization_of(request), request, credentials, body_hash)
    elif declared != body_hash:
        raise api_errors.signature_rejected(_MISMATCH)


def _authorization_of(request: SignedRequest) -> Authorization:
    header = request.headers.get("authorization")
    if header is None:
        raise api_errors.missing_token()
    authorization = parse_authorization(header)
    if authorization is None:
        raise api_errors.signature_rejected("Authorization header requires 'Credential', 'Signature' and 'SignedHeaders'")
    return authorization


def _check_signature(authorization: Authorization, request: SignedRequest, credentials: Credentials, body_hash: str) -> None:
    try:
        is_right = authorization.matches(
            credentials.secret_access_key, request.method, request.path, request.query, request.headers, body_hash
        )
    except UnicodeEncodeError:  # a header that is not text cannot have been signed
        is_right = False
    if not is_right:
        raise api_errors.signature_rejected(_MISMATCH)


def _check_scope(authorization: Authorization, region: str | None) -> None:
    if region is not None and authorization.region != region:
        raise api_errors.signature_rejected(
            f"Credential should be scoped to a valid region: this endpoint is {region}, not {authorization.region}"
        )
    if authorization.service != "lambda":
        raise api_errors.signature_rejected("Credential should be scoped to correct service: 'lambda'.")


def _check_date(timestamp: str, now: dt.datetime) -> None:
    signed_at = _moment_of(timestamp)
    if signed_at is None:
        raise api_errors.signature_rejected("Date must be in ISO-8601 'basic format'.")
    if abs(now - signed_at) <= _MAX_SKEW:
        return
    stamp, earliest, latest = (f"{moment:%Y%m%dT%H%M%SZ}" for moment in (now, now - _MAX_SKEW, now + _MAX_SKEW))
    if signed_at < now:
        message = f"Signature expired: {timestamp} is now earlier than {earliest} ({stamp} - 5 min.)"
    else:
        message = f"Signature not yet current: {timestamp} is still later than {latest} ({stamp} + 5 min.)"
    raise api_errors.signature_rejected(message)


@lru_cache(maxsize=16)
def _moment_of(timestamp: str) -> dt.datetime | None:
    """Parse the date of a request; all requests of a second have the same. `None` if it is not one."""
    if _TIMESTAMP.fullmatch(timestamp) is None:  # strptime alone accepts the digits of every script
        return None
    try:
        return dt.datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


_signing_key = lru_cache(maxsize=16)(sigv4.signing_key)
"""Requests of a day have the same; it takes four of the five HMACs of a signature."""
