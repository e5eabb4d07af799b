"""HTTP responses of function URLs as responses of the server: headers of the platform, CORS, and bodies.

Must not know how a function runs.
"""

from collections.abc import Iterable

import attrs
from aiohttp import web

from ...emulation.function_url import UrlResponse
from ...emulation.url_config import UrlCors, with_cors

__all__ = ["Answers"]

_EMPTY = (204, 304)
"""Statuses whose responses have no body."""


@attrs.frozen(kw_only=True)
class Answers:
    """Makes the responses to one request. `headers` are those of the platform, which win over those of the function."""

    request: web.BaseRequest
    headers: tuple[tuple[str, str], ...]
    cors: UrlCors | None = None

    def whole(self, response: UrlResponse) -> web.Response:
        """A response with its body."""
        body = b"" if response.status_code in _EMPTY else response.body
        return web.Response(status=response.status_code, headers=self._fields(response.headers), body=body)

    def streamed(self, response: UrlResponse) -> web.StreamResponse:
        """The head of a response whose body follows."""
        return web.StreamResponse(status=response.status_code, headers=self._fields(response.headers))

    def has_body(self, response: UrlResponse) -> bool:
        """Whether the client expects bytes after the head."""
        return self.request.method != "HEAD" and response.status_code not in _EMPTY

    async def cut(self, response: UrlResponse) -> web.StreamResponse:
        """Send half of a body that is announced as whole, and close the connection."""
        cut = self.streamed(response)
        cut.content_length = len(response.body) + 1
        await cut.prepare(self.request)
        if self.has_body(response):
            await cut.write(response.body[: len(response.body) // 2])
        if self.request.transport is not None:
            self.request.transport.close()
        return cut

    def _fields(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        own = {name.lower() for name, _ in self.headers}
        fields = with_cors(headers, self.cors, self.request.headers.get("Origin"))
        return [*((name, value) for name, value in fields if name not in own), *self.headers]
