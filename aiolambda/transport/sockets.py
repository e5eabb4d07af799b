"""Sockets with keep-alive probes and without Nagle's algorithm, and their descriptors.

Owns the socket options and their names on each system, and what is done with a descriptor. Must not know the protocol on it.
Source: tcp(7); a NAT gateway forgets a flow after 350 s of silence, so probes must come well before that.
"""

import contextlib
import math
import os
import socket
import sys
from collections.abc import Callable

from ..types.values import TcpKeepAlive
from .tcp_info import HAS_TCP_INFO

__all__ = [
    "AddressInfo",
    "close_descriptor",
    "connection_room",
    "duplicate",
    "inode_of",
    "is_connected",
    "keep_alive_of",
    "owns_descriptor",
    "report_from",
    "shut_down",
    "socket_factory",
]

_KEPT_FOR_OTHERS = 100
"""Open files that are left for the rest of the process."""
_DESCRIPTORS = 2 if HAS_TCP_INFO else 1
"""Of each connection: see `duplicate`."""

_LONGEST_USER_TIMEOUT = 2**31 - 1
"""Milliseconds, 24 days: the highest value of `setsockopt`."""

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
"""A result of `getaddrinfo`: family, type, protocol, canonical name, address."""


def _seconds(value: float) -> int:
    """Whole seconds for the kernel: rounded up, at least one."""
    return max(1, math.ceil(value))


def _options(keep_alive: TcpKeepAlive) -> list[tuple[int, int, int]]:
    """The socket options that this system has, as (level, name, value)."""
    idle = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)
    user_timeout = _seconds(keep_alive.idle) + _seconds(keep_alive.interval) * keep_alive.count
    named = [
        (idle, _seconds(keep_alive.idle)),
        (getattr(socket, "TCP_KEEPINTVL", None), _seconds(keep_alive.interval)),
        (getattr(socket, "TCP_KEEPCNT", None), keep_alive.count),
        # The kernel sends no probes while bytes are unacknowledged. Without this, a request that is written to a dead peer
        # hangs as long as the kernel retransmits: 15 minutes.
        (getattr(socket, "TCP_USER_TIMEOUT", None), min(user_timeout * 1000, _LONGEST_USER_TIMEOUT)),
    ]
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    return options + [(socket.IPPROTO_TCP, name, value) for name, value in named if name is not None]


def _set_windows_keep_alive(sock: socket.socket, keep_alive: TcpKeepAlive) -> None:
    """On Windows an ioctl takes idle and interval in milliseconds; the number of probes is fixed."""
    if sys.platform == "win32":
        sock.ioctl(socket.SIO_KEEPALIVE_VALS, (1, _seconds(keep_alive.idle) * 1000, _seconds(keep_alive.interval) * 1000))


def socket_factory(
    keep_alive: TcpKeepAlive | None, made: Callable[[socket.socket], object] | None = None
) -> Callable[[AddressInfo], socket.socket]:
    """The function that aiohttp calls for each new connection. `None` switches keep-alive off. `made` is told each socket."""
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
            if made is not None:
                made(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    return make


def inode_of(sock: socket.socket) -> int:
    """Identifies the socket in the kernel. A descriptor number may belong to another file later."""
    return os.fstat(sock.fileno()).st_ino


def owns_descriptor(sock: socket.socket, inode: int) -> bool:
    """Whether the descriptor number still belongs to this socket."""
    try:
        return sock.fileno() >= 0 and inode_of(sock) == inode
    except OSError:
        return False


def is_connected(sock: socket.socket) -> bool:
    """Whether the peer has accepted the connection."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def duplicate(sock: socket.socket) -> socket.socket | None:
    """A second descriptor for the same connection: the kernel keeps its facts until both are closed. `None` if it has none.

    The peer sees no end of the connection before both are closed.
    """
    if not HAS_TCP_INFO:
        return None
    try:
        return socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))
    except OSError:
        return None


def report_from(sock: socket.socket, size: int) -> None:
    """Let the kernel report received bytes once there are `size` of them, or the connection ends.

    Linux makes room for twice as many. A kernel that makes no room must report each byte: it could wait for ever.
    """
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < size:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


def shut_down(sock: socket.socket, inode: int) -> None:
    """End the connection now, in both directions. The loop still closes the descriptor."""
    if owns_descriptor(sock, inode):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def close_descriptor(sock: socket.socket, inode: int, *, shared: bool) -> None:
    """Close the descriptor without the loop, which is gone. The connection stays open for other processes that have it.

    If it was inherited from the parent process (`shared`), its number now refers to `/dev/null`, because other code may still
    close that number.
    """
    if not owns_descriptor(sock, inode):
        sock.detach()
    elif shared:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, sock.fileno(), inheritable=False)
        os.close(nowhere)
    else:
        sock.close()


def keep_alive_of(sock: socket.socket) -> dict[str, int]:
    """The options as the kernel reports them: in seconds, the user timeout in milliseconds."""
    named = ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    numbers = {name: getattr(socket, name) for name in named if hasattr(socket, name)}
    options = {"SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}
    return options | {name: sock.getsockopt(socket.IPPROTO_TCP, number) for name, number in numbers.items()}


def connection_room() -> int | None:
    """The number of connections that may be open; `None` if there is no limit.

    It is the soft limit of open files minus 100, divided by the descriptors of a connection (on Linux 2).
    """
    try:
        import resource  # noqa: PLC0415 - Windows has neither this module nor the limit
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(1, (soft - _KEPT_FOR_OTHERS) // _DESCRIPTORS)
