"""The `Authorization` header of Signature Version 4, for who verifies one.

Owns its parts, and whether they fit a request. Must not know whose secret it is asked about.
Source: "Signing AWS API requests" in the IAM user guide.
"""

import hmac
import re
from collections.abc import Mapping

import attrs

from . import sigv4, uri

__all__ = ["Authorization", "authorization_of"]

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
