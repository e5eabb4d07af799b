"""Who may invoke: checks a request's signature as Lambda does.

Owns the checks, their order and what each says. Must not know HTTP servers, or what the request is for.
Source: "Troubleshoot Signature Version 4 signing" in the IAM user guide.
"""

import datetime as dt
import hmac
import secrets
import string
from collections.abc import Mapping

import attrs

from ..models import Credentials
from ..protocol import sigv4
from ..protocol.authorization import Authorization, authorization_of
from . import refusals

__all__ = ["SignedRequest", "check", "fresh_credentials"]

_LONGEST_SKEW = dt.timedelta(minutes=5)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_MUST_BE_SIGNED = "host"


@attrs.frozen(kw_only=True)
class SignedRequest:
    """What a signature covers: `path` and `query` as on the wire, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def fresh_credentials() -> Credentials:
    """Keys that no AWS account has: their id says LOCAL."""
    suffix = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(11))
    return Credentials(f"AKIALOCAL{suffix}", secrets.token_urlsafe(30))


def check(request: SignedRequest, credentials: Credentials, region: str, now: dt.datetime) -> None:
    """Raise the `Refusal` that Lambda would answer with, unless the holder of the credentials signed this request."""
    if "authorization" not in request.headers:
        raise refusals.missing_token()
    authorization = authorization_of(request.headers["authorization"])
    if authorization is None:
        raise refusals.signature_rejected("Authorization header requires 'Credential', 'Signature' and 'SignedHeaders'")
    if authorization.access_key_id != credentials.access_key_id or not _has_token(request, credentials):
        raise refusals.unknown_token()
    _check_scope(authorization, region)
    _check_date(request.headers.get("x-amz-date", ""), now)
    body_hash = sigv4.payload_hash(request.body)
    declared = request.headers.get("x-amz-content-sha256", body_hash)
    if declared != body_hash or _MUST_BE_SIGNED not in authorization.signed_headers:
        raise refusals.signature_rejected(_MISMATCH)
    if not _matches(authorization, request, credentials, body_hash):
        raise refusals.signature_rejected(_MISMATCH)


def _matches(authorization: Authorization, request: SignedRequest, credentials: Credentials, body_hash: str) -> bool:
    try:
        return authorization.matches(
            credentials.secret_access_key, request.method, request.path, request.query, request.headers, body_hash
        )
    except UnicodeEncodeError:  # a header that is not text: nobody can have signed it
        return False


def _has_token(request: SignedRequest, credentials: Credentials) -> bool:
    if credentials.session_token is None:
        return True
    sent = request.headers.get("x-amz-security-token", "")
    return hmac.compare_digest(sent.encode(), credentials.session_token.encode())


def _check_scope(authorization: Authorization, region: str) -> None:
    if authorization.region != region:
        raise refusals.signature_rejected(
            f"Credential should be scoped to a valid region: this endpoint is {region}, not {authorization.region}"
        )
    if authorization.service != "lambda":
        raise refusals.signature_rejected("Credential should be scoped to correct service: 'lambda'.")


def _check_date(timestamp: str, now: dt.datetime) -> None:
    try:
        signed_at = dt.datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise refusals.signature_rejected("Date must be in ISO-8601 'basic format'.") from None
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    earliest, latest = now - _LONGEST_SKEW, now + _LONGEST_SKEW
    if signed_at < earliest:
        raise refusals.signature_rejected(
            f"Signature expired: {timestamp} is now earlier than {earliest:%Y%m%dT%H%M%SZ} ({stamp} - 5 min.)"
        )
    if signed_at > latest:
        raise refusals.signature_rejected(
            f"Signature not yet current: {timestamp} is still later than {latest:%Y%m%dT%H%M%SZ} ({stamp} + 5 min.)"
        )
