"""Helpers of the tests in tests/transport/."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

from aiolambda import (
    Credentials,
    LambdaClient,
    Request,
    TcpKeepAlive,
    Timeouts,
)
from aiolambda.transport import AiohttpTransport
from aiolambda.types.http import Headers

from .servers import RawServer

KEYS = Credentials("AKIDEXAMPLE", "secret")


def client_for(server: RawServer, **settings: object) -> LambdaClient:
    return LambdaClient(region="us-east-1", credentials=KEYS, endpoint_url=server.url, **settings)  # type: ignore[call-overload]


def transport_with(**settings: object) -> AiohttpTransport:
    options: dict[str, object] = {"keep_alive": TcpKeepAlive(), "idle_connection_timeout": 60.0, **settings}
    return AiohttpTransport(**options)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def transport_to(**settings: object) -> AsyncIterator[AiohttpTransport]:
    transport = transport_with(**settings)
    try:
        yield transport
    finally:
        await transport.close()


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """A port that takes no further connection: its backlog is full."""
    with socket.socket() as listener, contextlib.ExitStack() as fillers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def request_to(server: RawServer, body: bytes = b"{}", timeouts: Timeouts | None = None) -> Request:
    headers = Headers({"host": "example", "content-type": "application/octet-stream"})
    return Request("POST", f"{server.url}/path%2Fkept?Qualifier=%24LATEST", headers, body, timeouts or Timeouts(read=5))
