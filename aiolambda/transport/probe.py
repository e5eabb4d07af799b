"""Sends one unsigned request to an endpoint, to learn about the server and the connection; for the doctor.

Owns the facts of that connection: address, TLS, socket options, the server's clock. Must not judge them.
"""

import datetime as dt
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ..protocol.error_response import date_of
from ..types.http import Headers, Request, Response
from ..types.values import TcpKeepAlive, Timeouts
from .exchange import Exchange
from .sockets import keep_alive_of
from .transport import AiohttpTransport

__all__ = ["Certificate", "Peer", "probe"]


@attrs.frozen(kw_only=True)
class Certificate:
    """The certificate of the server, which was verified."""

    subject: str
    issuer: str
    expires_at: dt.datetime


@attrs.frozen(kw_only=True)
class Peer:
    """The peer that answered.

    - `address`: of the server, or of the proxy in front of it.
    - `date`: the `Date` of the answer, or `None`.
    - `keep_alive`: the socket options by name, as the kernel reports them.
    """

    address: str
    status: int
    date: dt.datetime | None
    tls_version: str | None
    certificate: Certificate | None
    keep_alive: Mapping[str, int]


async def probe(
    url: str,
    *,
    tls: ssl.SSLContext | bool,
    proxy: str | Callable[[str], str | None] | None,
    keep_alive: TcpKeepAlive | None,
    limit: float,
) -> Peer:
    """Request the root of an endpoint. Any answer counts; `TransportError` if none comes within `limit` seconds."""
    transport = AiohttpTransport(keep_alive=keep_alive, idle_connection_timeout=limit, tls=tls, proxy=proxy)
    request = Request("GET", f"{url}/", Headers({}), b"", Timeouts(queue=limit, connect=limit, read=limit))
    try:
        async with transport.stream(request) as answer:
            return _peer_of(answer.exchange, Response(answer.status, answer.headers))
    finally:
        await transport.close()


def _peer_of(exchange: Exchange, response: Response) -> Peer:
    connection: Any = exchange.connection
    transport = connection.transport
    encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    host, port, *_ = transport.get_extra_info("peername")
    return Peer(
        address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        status=response.status,
        date=date_of(response),
        tls_version=None if encrypted is None else encrypted.version(),
        certificate=None if encrypted is None else _certificate_of(encrypted),
        keep_alive={} if connection.sock is None else keep_alive_of(connection.sock),
    )


def _certificate_of(encrypted: ssl.SSLObject) -> Certificate | None:
    shown: dict[str, Any] = encrypted.getpeercert() or {}
    if not shown:
        return None
    until = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), dt.UTC)
    return Certificate(subject=_name(shown["subject"]), issuer=_name(shown["issuer"]), expires_at=until)


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Organization and common name of a distinguished name."""
    named = {key: value for part in parts for key, value in part}
    found = (named[key] for key in ("organizationName", "organizationalUnitName", "commonName") if key in named)
    return ", ".join(found)
