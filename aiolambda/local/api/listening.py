"""The HTTP server of an endpoint on 127.0.0.1: its port, its start and its end.

Law: a start or a close that is cancelled leaves no socket open.

Must not know what is served.
"""

import asyncio
import os
import socket
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from ...errors import ConfigurationError

__all__ = ["ListeningServer"]

_HOST = "127.0.0.1"
_SHUTDOWN_TIMEOUT = 1.0
"""Seconds that answers get to leave."""


class ListeningServer:
    """Listens on a port; 0 lets the system choose one. Call `close` also after a step that failed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._runner: web.ServerRunner | None = None

    def bind(self) -> str:
        """Take the port, and return the URL. Connections wait until `serve`. Raises `ConfigurationError` if it is in use."""
        try:
            listener = self._socket = socket.create_server((_HOST, self._port))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            remedy = "choose another port with port= (--port on the command line); 0 takes a free one"
            raise ConfigurationError(f"cannot listen on {_HOST}:{self._port}: {reason}; {remedy}") from error
        host, port = listener.getsockname()
        return f"http://{host}:{port}"

    async def serve(self, server: web.Server) -> None:
        """Answer the connections from now on."""
        if self._socket is None:
            raise RuntimeError("call bind() before serve()")
        runner = self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        await _whole(runner.setup())
        await _whole(web.SockSite(runner, self._socket).start())

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        listener, self._socket = self._socket, None
        runner, self._runner = self._runner, None
        try:
            if runner is not None:
                await _whole(runner.cleanup())
        finally:
            if listener is not None:
                listener.close()


async def _whole(step: Coroutine[Any, Any, None]) -> None:
    """Run a short step to its end, also if this task is cancelled: one of aiohttp that is cancelled forgets its socket."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
