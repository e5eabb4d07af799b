"""The `Authorization` header of Signature Version 4, for who verifies one.

Owns its parts, and whether they fit a request. Must not know whose secret it is asked about.
Source: "Signing AWS API requests" in the IAM user guide.
"""

import datetime as dt
import hmac
import re
import secrets
import string
from collections.abc import Mapping

import attrs

from ...protocol import sigv4, uri
from ...types.values import Credentials
from . import errors

__all__ = ["Authorization", "SignedRequest", "authorization_of", "check_body", "check_head", "fresh_credentials"]

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<signed>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)


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
        request = sigv4.canonical_request(method, uri.canonical_path(path), query, headers, self.signed_headers, body_hash)
        scope = f"{self.date}/{self.region}/{self.service}/aws4_request"
        key = sigv4.signing_key(secret_access_key, self.date, self.region, self.service)
        return hmac.compare_digest(sigv4.signature(key, sigv4.string_to_sign(timestamp, scope, request)), self.signature)


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


_LONGEST_SKEW = dt.timedelta(minutes=5)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_MUST_BE_SIGNED = "host"
_DECLARED_HASH = "x-amz-content-sha256"
_HASH = re.compile(r"[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@attrs.frozen(kw_only=True)
class SignedRequest:
    """What a signature covers, but for the body: `path` and `query` as on the wire, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)


def fresh_credentials() -> Credentials:
    """Keys that no AWS account has: their id says LOCAL."""
    suffix = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(11))
    return Credentials(f"AKIALOCAL{suffix}", secrets.token_urlsafe(30))


def check_head(request: SignedRequest, credentials: Credentials, region: str, now: dt.datetime) -> None:
    """Raise the `Refusal` that Lambda would answer with if the head alone shows that it is due.

    If the head declares the hash of the body, that is the whole signature; else `check_body` holds it against the body.
    """
    authorization = _authorization_of(request)
    if authorization.access_key_id != credentials.access_key_id or not _has_token(request, credentials):
        raise errors.unknown_token()
    _check_scope(authorization, region)
    _check_date(request.headers.get("x-amz-date", ""), now)
    declared = request.headers.get(_DECLARED_HASH)
    if _MUST_BE_SIGNED not in authorization.signed_headers or not _is_hash(declared):
        raise errors.signature_rejected(_MISMATCH)
    if declared is not None:
        _check_signature(authorization, request, credentials, declared)


def check_body(request: SignedRequest, body: bytes, credentials: Credentials) -> None:
    """Raise a `Refusal` unless the holder of the credentials signed a request with this body. `check_head` comes before."""
    body_hash = sigv4.payload_hash(body)
    declared = request.headers.get(_DECLARED_HASH)
    if declared is None:
        _check_signature(_authorization_of(request), request, credentials, body_hash)
    elif declared != body_hash:
        raise errors.signature_rejected(_MISMATCH)


def _authorization_of(request: SignedRequest) -> Authorization:
    header = request.headers.get("authorization")
    if header is None:
        raise errors.missing_token()
    authorization = authorization_of(header)
    if authorization is None:
        raise errors.signature_rejected("Authorization header requires 'Credential', 'Signature' and 'SignedHeaders'")
    return authorization


def _is_hash(declared: str | None) -> bool:
    return declared is None or _HASH.fullmatch(declared) is not None


def _check_signature(authorization: Authorization, request: SignedRequest, credentials: Credentials, body_hash: str) -> None:
    try:
        is_right = authorization.matches(
            credentials.secret_access_key, request.method, request.path, request.query, request.headers, body_hash
        )
    except UnicodeEncodeError:  # a header that is not text: nobody can have signed it
        is_right = False
    if not is_right:
        raise errors.signature_rejected(_MISMATCH)


def _has_token(request: SignedRequest, credentials: Credentials) -> bool:
    if credentials.session_token is None:
        return True
    sent = request.headers.get("x-amz-security-token", "")
    return hmac.compare_digest(sent.encode(), credentials.session_token.encode())


def _check_scope(authorization: Authorization, region: str) -> None:
    if authorization.region != region:
        raise errors.signature_rejected(
            f"Credential should be scoped to a valid region: this endpoint is {region}, not {authorization.region}"
        )
    if authorization.service != "lambda":
        raise errors.signature_rejected("Credential should be scoped to correct service: 'lambda'.")


def _check_date(timestamp: str, now: dt.datetime) -> None:
    signed_at = _time_of(timestamp)
    if signed_at is None:
        raise errors.signature_rejected("Date must be in ISO-8601 'basic format'.")
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    earliest, latest = now - _LONGEST_SKEW, now + _LONGEST_SKEW
    if signed_at < earliest:
        raise errors.signature_rejected(
            f"Signature expired: {timestamp} is now earlier than {earliest:%Y%m%dT%H%M%SZ} ({stamp} - 5 min.)"
        )
    if signed_at > latest:
        raise errors.signature_rejected(
            f"Signature not yet current: {timestamp} is still later than {latest:%Y%m%dT%H%M%SZ} ({stamp} + 5 min.)"
        )


def _time_of(timestamp: str) -> dt.datetime | None:
    if _TIMESTAMP.fullmatch(timestamp) is None:  # strptime takes the digits of every script
        return None
    try:
        return dt.datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
