"""Requests that differ from an earlier one in their body and their attempt alone: their headers are made when somebody asks.

Laws: such headers are those that the steps of the pipeline would have set, in the same order. Once somebody has looked at them,
they are ordinary headers, and their request is signed and encoded like any other.

Owns the state of such headers. Must not know which requests are alike: the caller decides.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Self, TypeGuard

from ..types.http import Headers, Request
from ..types.values import Credentials, Timeouts
from .head_form import ATTEMPT, INVOCATION_ID, HeadForm, forms_of
from .sigv4 import Signer
from .tracing import TRACE_ID

__all__ = [
    "PreparedParts",
    "RequestTemplate",
    "TemplateHeaders",
    "begin_attempt",
    "follows",
    "is_unread",
    "prepared_of",
    "with_attempt",
]

_LENGTH, _TYPE = "content-length", "x-amz-invocation-type"


class RequestTemplate:
    """The fixed parts of requests that are alike.

    - `before`, `behind`: the fixed header fields, around `content-length`.
    - `invocation_type`: the value of the header `x-amz-invocation-type`, or its default.
    - `endpoint`, `signing_region`, `signs`: the facts of a call that the request was made from.
    - `sets_trace_id`: whether requests get the trace ids of their calls behind the fixed fields, which have none then.
    - `varies`: whether requests to all paths and queries of its origin are alike. `at` makes the template for a URL.
    - `base`: the template that this one was made from by `at`; else `None`.

    Not an attrs class: rich would print its fields, which may name a tenant.
    """

    __slots__ = (
        "base",
        "before",
        "behind",
        "endpoint",
        "invocation_type",
        "method",
        "sets_trace_id",
        "signing_region",
        "signs",
        "url",
        "varies",
    )

    def __init__(
        self,
        request: Request,
        length_at: int,
        *,
        endpoint: str = "",
        signing_region: str | None = None,
        signs: bool = True,
        sets_trace_id: bool = False,
        varies: bool = False,
    ) -> None:
        """Take the parts of a request that has no attempt yet. `content-length` stands, or would stand, at `length_at`."""
        varying = (_LENGTH, TRACE_ID) if sets_trace_id else (_LENGTH,)
        fixed = [(name, value) for name, value in request.headers.fields.items() if name not in varying]
        self.method, self.url = request.method, request.url
        self.before: Mapping[str, str] = dict(fixed[:length_at])
        self.behind: Mapping[str, str] = dict(fixed[length_at:])
        self.invocation_type = request.headers.fields.get(_TYPE, "RequestResponse")
        self.endpoint, self.signing_region, self.sets_trace_id = endpoint, signing_region, sets_trace_id
        self.signs, self.varies = signs, varies
        self.base: RequestTemplate | None = None

    def at(self, url: str) -> "RequestTemplate":
        """The template for another URL of the same origin. It must be printable ASCII without a space."""
        new = object.__new__(RequestTemplate)
        new.method, new.url, new.before, new.behind = self.method, url, self.before, self.behind
        new.endpoint, new.signing_region, new.sets_trace_id = self.endpoint, self.signing_region, self.sets_trace_id
        new.invocation_type, new.signs, new.varies, new.base = self.invocation_type, self.signs, False, self
        return new


PreparedParts = tuple[RequestTemplate, int | None, str | None, bytes, Timeouts]
"""The parts of a request that has no attempt yet: template, `content-length` and trace id, or `None`, body and limits."""


class TemplateHeaders(Headers):
    """The headers of a request that follows a template. They are made when somebody looks at them.

    - `template`: the template; `None` once somebody has looked.
    - `length`: the value of `content-length`; `None` if there is none.
    - `trace_id`: the value of `x-amzn-trace-id`, which is not signed; `None` if there is none, or the template has it.
    - `invocation_id`, `attempt`: the fields of the attempt; empty before there is one.
    """

    __slots__ = (
        "_body",
        "_body_hash",
        "_fields",
        "_form",
        "_signature",
        "_timestamp",
        "attempt",
        "invocation_id",
        "length",
        "template",
        "trace_id",
    )

    def __init__(
        self, template: RequestTemplate | None, length: int | None, invocation_id: str = "", attempt: str = ""
    ) -> None:
        self.template, self.length, self.invocation_id, self.attempt = template, length, invocation_id, attempt
        self.trace_id: str | None = None
        self._form: HeadForm | None = None

    @classmethod
    def of(cls, fields: dict[str, str], /) -> Self:
        headers = cls(None, None)
        headers._fields = fields
        return headers

    # A property in place of the slot of the base: `__getattr__` would slow down every other attribute, too.
    @property
    def fields(self) -> dict[str, str]:  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        """The fields, which are made when somebody asks for the first time."""
        if self.template is not None:
            self._fields = self._made(self.template)
            self.template = self._form = None
        return self._fields

    @fields.setter
    def fields(self, fields: dict[str, str]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride] - as above
        self._fields = fields
        self.template = self._form = None

    def copy(self) -> Self:
        """An independent copy. Headers that nobody has looked at stay so."""
        template = self.template
        if template is None:
            return self.of(self.fields.copy())
        copy = type(self)(template, self.length, self.invocation_id, self.attempt)
        copy.trace_id = self.trace_id
        if self._form is not None:
            copy._form, copy._body, copy._body_hash = self._form, self._body, self._body_hash
            copy._timestamp, copy._signature = self._timestamp, self._signature
        return copy

    def sign(self, request: Request, signer: Signer, credentials: Credentials, now: dt.datetime, body_hash: str) -> bool:
        """Sign a request with these headers by its template. `False` if it needs the general way: then nothing has changed."""
        template, length, body = self.template, self.length, request.body
        if template is None or not self.attempt or (length is None) is not (not body) or not follows(request, template):
            return False
        scope, timestamp = signer.scope_at(now, credentials)
        known = template.base or template
        forms = scope.forms.get(known) or forms_of(known, signer, scope)
        form: HeadForm | None = forms[length is not None]
        if form is None:
            return False
        if known is not template:
            form = form.at(template, signer)
        text = "" if length is None else str(len(body))
        self._signature = form.signature(scope, self.invocation_id, self.attempt, text, body_hash, timestamp)
        self._form, self._body, self._body_hash, self._timestamp = form, body, body_hash, timestamp
        return True

    def encoded_head_of(self, request: Request, /) -> bytes | None:
        form, template = self._form, self.template
        if form is None or template is None or request.body is not self._body or not follows(request, template):
            return None
        trace_id = "" if self.trace_id is None else f"{TRACE_ID}: {self.trace_id}\r\n"
        return form.head(
            trace_id, self.invocation_id, self.attempt, len(self._body), self._body_hash, self._timestamp, self._signature
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as ordinary headers."""
        return Headers, (dict(self.fields),)

    def _made(self, template: RequestTemplate) -> dict[str, str]:
        """The fields, in the order in which the steps of the pipeline set them."""
        fields, form = dict(template.before), self._form
        if self.length is not None:
            fields[_LENGTH] = str(self.length if form is None else len(self._body))
        fields |= template.behind
        if self.trace_id is not None:
            fields[TRACE_ID] = self.trace_id
        if self.attempt:
            fields[INVOCATION_ID], fields[ATTEMPT] = self.invocation_id, self.attempt
        if form is not None:
            fields |= form.added(self._body_hash, self._timestamp, self._signature)
        return fields


def is_unread(headers: Headers) -> TypeGuard[TemplateHeaders]:
    """Whether these are headers of a template that nobody has looked at."""
    return isinstance(headers, TemplateHeaders) and headers.template is not None


def begin_attempt(request: Request, invocation_id: str, attempt: str) -> PreparedParts | None:
    """Set the two fields that name an attempt, in place. Returns the parts of the request as it was before, for `prepared_of`.

    `None` if that takes more than a template: then nothing has changed.
    """
    headers = request.headers
    if (
        type(headers) is not TemplateHeaders
        or headers.template is None
        or headers.attempt
        or not (invocation_id.isascii() and invocation_id.isprintable() and " " not in invocation_id)
    ):
        return None
    headers.invocation_id, headers.attempt = invocation_id, attempt
    return headers.template, headers.length, headers.trace_id, request.body, request.timeouts


def prepared_of(parts: PreparedParts) -> Request:
    """A request that has no attempt yet."""
    template, length, trace_id, body, timeouts = parts
    headers = TemplateHeaders(template, length)
    headers.trace_id = trace_id
    return Request(template.method, template.url, headers, body, timeouts)


def with_attempt(request: Request, invocation_id: str, attempt: str) -> Request:
    """A copy of a request for an attempt, with the two fields that name it."""
    copy = request.copy()
    if begin_attempt(copy, invocation_id, attempt) is None:
        copy.headers.fields[INVOCATION_ID] = invocation_id
        copy.headers.fields[ATTEMPT] = attempt
    return copy


def follows(request: Request, template: RequestTemplate) -> bool:
    """Whether a request differs from its template in nothing but what may differ."""
    return type(request.body) is bytes and request.url == template.url and request.method == template.method
