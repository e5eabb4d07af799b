"""The kernel's facts about a TCP connection: its state, the bytes sent, acknowledged and received, and whether any are unread.

Owns the layout of `TCP_INFO` and the flags of `poll`. Must not know the protocol on the connection.
Source: tcp(7) and `struct tcp_info` of Linux (acknowledged and received bytes since 4.1, sent bytes since 4.19); poll(2).
"""

import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["CLOSED", "CLOSE_WAIT", "ESTABLISHED", "TcpInfo", "bytes_taken", "news_of", "tcp_info"]

ESTABLISHED = 1
CLOSED = 7
CLOSE_WAIT = 8
"""TCP states, as `tcp_info` numbers them."""

_LAYOUT = struct.Struct("=B67xI48xQQ")
_SENDING = struct.Struct("=144xI52xQQ")
"""Bytes not sent yet, bytes sent, and bytes sent again."""
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_NEWS = getattr(select, "POLLIN", 0) | getattr(select, "POLLRDHUP", 0)


class TcpInfo(NamedTuple):
    """A snapshot of a connection: its state, the round trip in microseconds, and the bytes acknowledged and received so far.

    The acknowledgement of the SYN counts as a byte.
    """

    state: int
    round_trip: int
    acknowledged: int
    received: int


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """A snapshot of this connection; `None` on other systems than Linux, and on kernels before 4.1."""
    if _TCP_INFO is None:
        return None
    try:
        data = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAYOUT.size)
    except OSError:
        return None
    return TcpInfo._make(_LAYOUT.unpack(data)) if len(data) == _LAYOUT.size else None


def bytes_taken(sock: socket.socket) -> int | None:
    """The bytes that the kernel has accepted for this connection, from any writer; `None` if it does not report them.

    Our own FIN counts as a byte.
    """
    try:
        data = b"" if _TCP_INFO is None else sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SENDING.size)
    except OSError:
        return None
    if len(data) < _SENDING.size:
        return None
    unsent, sent, again = _SENDING.unpack(data)
    return int(unsent + sent - again)


def news_of(sock: socket.socket) -> Callable[[], bool]:
    """A function that returns `True` if there is something to read: bytes, the end of stream (EOF), or an error."""
    if not hasattr(select, "poll"):
        return lambda: False
    poll = select.poll()
    poll.register(sock, _NEWS)
    return lambda: bool(poll.poll(0))
