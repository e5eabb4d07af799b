"""Sockets as this client wants them: probed while they are silent, and never waiting to fill a segment.

Owns the kernel options and their names on each system. Must not know what the socket carries.
Source: tcp(7); a NAT gateway forgets a flow after 350 s of silence, so probes must come well before that.
"""

import math
import socket
import sys
from collections.abc import Callable

from ..models import TcpKeepAlive

__all__ = ["AddressInfo", "connection_room", "socket_factory"]

_KEPT_FOR_OTHERS = 100
"""Open files that are left to the rest of the process."""

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
"""What `getaddrinfo` gives: family, type, protocol, canonical name, address."""


def _seconds(value: float) -> int:
    """Whole seconds, as the kernel counts them: at least one."""
    return max(1, math.ceil(value))


def _options(keep_alive: TcpKeepAlive) -> list[tuple[int, int, int]]:
    """The socket options as (level, name, value), those that this system has."""
    idle = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)
    user_timeout = _seconds(keep_alive.idle) + _seconds(keep_alive.interval) * keep_alive.count
    named = [
        (idle, _seconds(keep_alive.idle)),
        (getattr(socket, "TCP_KEEPINTVL", None), _seconds(keep_alive.interval)),
        (getattr(socket, "TCP_KEEPCNT", None), keep_alive.count),
        # The kernel sends no probes while bytes are unacknowledged: without this a request written into a dead flow hangs
        # for as long as retransmission goes on, a quarter of an hour.
        (getattr(socket, "TCP_USER_TIMEOUT", None), user_timeout * 1000),
    ]
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    return options + [(socket.IPPROTO_TCP, name, value) for name, value in named if name is not None]


def _set_windows_keep_alive(sock: socket.socket, keep_alive: TcpKeepAlive) -> None:
    """Windows takes idle and interval in milliseconds through an ioctl; the count of probes is its own."""
    if sys.platform == "win32":
        sock.ioctl(socket.SIO_KEEPALIVE_VALS, (1, _seconds(keep_alive.idle) * 1000, _seconds(keep_alive.interval) * 1000))


def socket_factory(keep_alive: TcpKeepAlive | None) -> Callable[[AddressInfo], socket.socket]:
    """What aiohttp calls for each new connection; `None` leaves keep-alive off."""
    options = [] if keep_alive is None else _options(keep_alive)

    def make(address: AddressInfo) -> socket.socket:
        family, kind, protocol, *_ = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for level, name, value in options:
                sock.setsockopt(level, name, value)
            if keep_alive is not None:
                _set_windows_keep_alive(sock, keep_alive)
        except BaseException:
            sock.close()
            raise
        return sock

    return make


def connection_room() -> int | None:
    """How many sockets may be open beside everything else: the soft limit of open files less 100; `None` for no limit."""
    try:
        import resource  # noqa: PLC0415 - not there on Windows, which has no such limit
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(1, soft - _KEPT_FOR_OTHERS)
