"""Which requests come in: those with a valid signature, or without verification those that no web page of elsewhere sent.

Must not know the operation that a request asks for.
"""

import datetime as dt

from aiohttp import web

from ...types.values import Credentials
from . import authentication, cross_origin
from .authentication import SignedRequest

__all__ = ["Gate", "headers_in"]


class Gate:
    """With `credentials` of `None`, signatures are not verified. `region` is the only one to sign for; `None` accepts each."""

    def __init__(self, credentials: Credentials | None, region: str | None) -> None:
        self._credentials = credentials
        self._region = region

    @property
    def verifies(self) -> bool:
        """Whether requests must be signed."""
        return self._credentials is not None

    def check_head(self, request: web.BaseRequest) -> SignedRequest:
        """The parts of the request that are signed. Raises an `ApiError` if the head shows that it must not come in."""
        path, _, query = request.raw_path.partition("?")
        signed = SignedRequest(method=request.method, path=path, query=query, headers=headers_in(request))
        if self._credentials is None:
            cross_origin.check(signed.headers)
        else:
            authentication.check_head(signed, self._credentials, self._region, dt.datetime.now(dt.UTC))
        return signed

    def check_body(self, signed: SignedRequest, body: bytes) -> None:
        """Raises an `ApiError` if the signature does not cover the body. Call `check_head` first."""
        if self._credentials is not None:
            authentication.check_body(signed, body, self._credentials)


def headers_in(request: web.BaseRequest) -> dict[str, str]:
    """The headers of a request with names in lower case. Repeated ones are joined, as the signature has them."""
    fields = request.headers
    headers = {name.lower(): value for name, value in fields.items()}
    if len(headers) == len(fields):
        return headers
    return {name: ",".join(fields.getall(name)) for name in headers}
