"""The kernel's facts about a TCP connection: its state, the bytes sent, acknowledged and received, and whether any are unread.

Owns the layout of `TCP_INFO` and the flags of `poll`. Must not know the protocol on the connection.
Source: tcp(7) and `struct tcp_info` of Linux (acknowledged and received bytes since 4.1, sent bytes since 4.19); poll(2).
"""

import select
import socket
import struct
import sys
from typing import NamedTuple

__all__ = [
    "CLOSED",
    "CLOSE_WAIT",
    "ESTABLISHED",
    "HAS_TCP_INFO",
    "TcpInfo",
    "has_news",
    "parsed",
    "received_of",
    "snapshot",
    "tcp_info",
]

ESTABLISHED = 1
CLOSED = 7
CLOSE_WAIT = 8
"""TCP states, as `tcp_info` numbers them."""

_LAYOUT = struct.Struct("=B67xI48xQQ8xI52xQQ")
_RECEIVED, _RECEIVED_AT = struct.Struct("=Q"), 128
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_NEWS = getattr(select, "POLLIN", 0) | getattr(select, "POLLRDHUP", 0)

HAS_TCP_INFO = _TCP_INFO is not None
"""Whether this system has `TCP_INFO` with the layout above."""


class TcpInfo(NamedTuple):
    """A snapshot of a connection: its state, the round trip in microseconds, and bytes since it was opened.

    - `acknowledged`: by the peer. The SYN counts as a byte.
    - `received`: in order, read or not. The peer's FIN counts as a byte.
    - `unsent`: accepted from us, and not sent yet. Our own FIN counts as a byte.
    - `sent`: with repetitions, and `repeated`: the repetitions among them.
    """

    state: int
    round_trip: int
    acknowledged: int
    received: int
    unsent: int
    sent: int
    repeated: int

    @property
    def taken(self) -> int:
        """The bytes that the kernel has accepted from us, from any writer."""
        return self.unsent + self.sent - self.repeated


def snapshot(sock: socket.socket) -> bytes | None:
    """The kernel's facts about this connection, for `parsed` and `received_of`.

    `None` on other systems than Linux, and on kernels before 4.19.
    """
    if _TCP_INFO is None:
        return None
    try:
        data = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAYOUT.size)
    except OSError:
        return None
    return data if len(data) == _LAYOUT.size else None


def parsed(data: bytes) -> TcpInfo:
    """The facts of a snapshot."""
    return TcpInfo._make(_LAYOUT.unpack(data))


def received_of(data: bytes) -> int:
    """The received bytes of a snapshot. Its first byte is the state."""
    received: int = _RECEIVED.unpack_from(data, _RECEIVED_AT)[0]
    return received


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """The facts about this connection now; `None` if there is no `snapshot`."""
    data = snapshot(sock)
    return None if data is None else parsed(data)


def has_news(sock: socket.socket) -> bool:
    """Whether there is something to read: bytes, the end of stream (EOF), or an error. `False` on systems without `poll`."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock, _NEWS)
    return bool(poll.poll(0))
