"""The signature and the HTTP/1.1 head of requests that are alike, made from their fixed parts.

Laws: the canonical request, the signature and the fields are those of `sigv4.Signer.sign`, byte by byte. A form holds the
access key id and the session token of its credentials. The scope of the signer keeps it, and forgets it with the key.

Owns the places of the parts that vary: invocation id, attempt, length, payload hash, time and signature. Must not know which
requests are alike, or the clock.
"""

import hashlib
from collections.abc import Mapping
from typing import Protocol

from . import sigv4
from .header_fields import are_fit
from .sigv4 import ALGORITHM, PAYLOAD_HASH, SECURITY_TOKEN, TIMESTAMP, Scope, Signer
from .urls import origin_and_target

__all__ = ["ATTEMPT", "INVOCATION_ID", "FixedParts", "HeadForm", "forms_of", "is_fit"]

INVOCATION_ID = "amz-sdk-invocation-id"
ATTEMPT = "amz-sdk-request"
LENGTH = "content-length"

_MOST_FORMS = 1000
"""Forms of one signing key. After so many, all are forgotten."""


class FixedParts(Protocol):
    """The fixed parts of requests that are alike; `before` and `behind` are the header fields around `content-length`."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def before(self) -> Mapping[str, str]: ...
    @property
    def behind(self) -> Mapping[str, str]: ...


def is_fit(text: str) -> bool:
    """Whether a value is the same in a head, in a canonical request and in the headers: printable ASCII, no space to fold."""
    return text.isascii() and text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " "


class HeadForm:
    """Canonical request, authorization and head of requests that are alike, with gaps.

    Not an attrs class: rich would print its fields, and the head has the session token.
    """

    __slots__ = ("_added", "_authorization", "_begin", "_canonical", "_fields", "_head")

    def __init__(self, parts: FixedParts, signer: Signer, scope: Scope, *, sized: bool) -> None:
        credentials = scope.credentials
        self._added = {} if credentials.session_token is None else {SECURITY_TOKEN: credentials.session_token}
        fixed = {**parts.before, **parts.behind, **self._added}
        varying = [INVOCATION_ID, ATTEMPT, *([LENGTH] if sized else []), PAYLOAD_HASH, TIMESTAMP]
        names, joined = sigv4.signed_names((*fixed, *varying))
        target, start = _beginning(parts, signer)
        pieces = _around("", {name: fixed.get(name) for name in names}, f"\n{joined}\n")
        self._fields, *rest = pieces if sized else [*pieces[:2], "", *pieces[2:]]
        self._begin, self._canonical = hashlib.sha256(f"{start}{self._fields}".encode()), tuple(rest)
        self._authorization = (
            f"{ALGORITHM} Credential={credentials.access_key_id}/{scope.text}, SignedHeaders={joined}, Signature="
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in {**parts.before, **parts.behind}.items()])
        token = "".join([f"{name}: {value}\r\n" for name, value in self._added.items()])
        self._head = (
            f"{parts.method} {target} HTTP/1.1\r\n",
            lines,
            f"{INVOCATION_ID}: ",
            f"\r\n{ATTEMPT}: ",
            f"\r\n{PAYLOAD_HASH}: ",
            f"\r\n{TIMESTAMP}: ",
            f"\r\n{token}authorization: {self._authorization}",
            f"\r\n{LENGTH}: ",
        )

    def at(self, parts: FixedParts, signer: Signer) -> "HeadForm":
        """The form for another path and query."""
        target, start = _beginning(parts, signer)
        new = object.__new__(HeadForm)
        new._added, new._authorization, new._canonical, new._fields = (
            self._added,
            self._authorization,
            self._canonical,
            self._fields,
        )
        new._begin = hashlib.sha256(f"{start}{self._fields}".encode())
        new._head = (f"{parts.method} {target} HTTP/1.1\r\n", *self._head[1:])
        return new

    def signature(self, scope: Scope, invocation_id: str, attempt: str, length: str, body_hash: str, timestamp: str) -> str:
        """The signature, in hexadecimal. `length` is empty if `content-length` is not signed."""
        a, b, c, d, e = self._canonical
        request, inner, outer = self._begin.copy(), scope.inner.copy(), scope.outer.copy()
        request.update(f"{invocation_id}{a}{attempt}{b}{length}{c}{body_hash}{d}{timestamp}{e}{body_hash}".encode())
        inner.update(f"{ALGORITHM}\n{timestamp}\n{scope.text}\n{request.hexdigest()}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()

    def added(self, body_hash: str, timestamp: str, signature: str) -> dict[str, str]:
        """The header fields that signing adds."""
        return {
            PAYLOAD_HASH: body_hash,
            TIMESTAMP: timestamp,
            **self._added,
            "authorization": f"{self._authorization}{signature}",
        }

    def head(
        self, unsigned: str, invocation_id: str, attempt: str, length: int, body_hash: str, timestamp: str, signature: str
    ) -> bytes:
        """Request line and header fields with the empty line. `unsigned`: lines of fields that are not signed.

        The length is always there, whether it is signed or not.
        """
        line, a, b, c, d, e, f, g = self._head
        text = f"{line}{a}{unsigned}{b}{invocation_id}{c}{attempt}{d}{body_hash}{e}{timestamp}{f}{signature}{g}{length}\r\n\r\n"
        return text.encode()


def forms_of(parts: FixedParts, signer: Signer, scope: Scope) -> tuple[HeadForm | None, HeadForm | None]:
    """The forms of such requests in this scope, without and with a signed `content-length`. The scope keeps them.

    `None` if a part has to be written in the general way.
    """
    forms: tuple[HeadForm | None, HeadForm | None] = None, None
    if _fits(parts, scope):
        forms = HeadForm(parts, signer, scope, sized=False), HeadForm(parts, signer, scope, sized=True)
    if len(scope.forms) >= _MOST_FORMS:
        scope.forms.clear()
    scope.forms[parts] = forms
    return forms


def _beginning(parts: FixedParts, signer: Signer) -> tuple[str, str]:
    """The target of the request line, and the three first lines of the canonical request."""
    target = origin_and_target(parts.url)[1]
    path, _, query = target.partition("?")
    return target, f"{parts.method}\n{signer.canonical_path(path)}\n{sigv4.canonical_query(query)}\n"


def _fits(parts: FixedParts, scope: Scope) -> bool:
    fixed = {**parts.before, **parts.behind}
    values = (parts.url, *fixed.values(), scope.credentials.access_key_id, scope.credentials.session_token or "", scope.text)
    varying = {INVOCATION_ID, ATTEMPT, LENGTH, PAYLOAD_HASH, TIMESTAMP, SECURITY_TOKEN, "authorization"}
    return (
        "host" in fixed
        and " " not in parts.url
        and all(map(is_fit, values))
        and varying.isdisjoint(fixed)
        and are_fit(parts.method, *fixed)
    )


def _around(start: str, fields: Mapping[str, str | None], end: str) -> list[str]:
    """The texts around the values that vary, which are `None`."""
    pieces, text = list[str](), start
    for name, value in fields.items():
        text += f"{name}:"
        if value is None:
            pieces.append(text)
            text = "\n"
        else:
            text += f"{value}\n"
    return [*pieces, text + end]
