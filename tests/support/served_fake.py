"""A `FakeTransport` behind HTTP on 127.0.0.1, for programs that need an address.

Owns the way from HTTP to the transport and back. Must not know what the fake answers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from multidict import CIMultiDict

from aiolambda import Request
from aiolambda.testing import FakeTransport
from aiolambda.types.http import Headers

from .cli import environment

__all__ = ["served_fake"]

_KEPT_OUT = ("content-length", "transfer-encoding", "connection")


@asynccontextmanager
async def served_fake(fake: FakeTransport) -> AsyncIterator[dict[str, str]]:
    """Serve the fake. The environment that points a program at it."""

    async def answer(incoming: web.BaseRequest) -> web.Response:
        host, target = incoming.headers["host"], incoming.raw_path
        request = Request(incoming.method, f"http://{host}{target}", Headers(incoming.headers), await incoming.read())
        response = await fake.send(request)
        headers = CIMultiDict((name, text) for name, text in response.headers.items() if name not in _KEPT_OUT)
        return web.Response(status=response.status, headers=headers, body=response.body)

    server = web.ServerRunner(web.Server(answer))
    await server.setup()
    try:
        site = web.TCPSite(server, "127.0.0.1", 0)
        await site.start()
        port = server.addresses[0][1]
        yield environment(
            AWS_ENDPOINT_URL_LAMBDA=f"http://127.0.0.1:{port}",
            AWS_REGION="eu-west-1",
            AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
            AWS_SECRET_ACCESS_KEY="secret",
        )
    finally:
        await server.cleanup()
