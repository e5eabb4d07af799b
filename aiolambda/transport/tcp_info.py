"""What the kernel tells of a TCP connection: its state, what it took and the peer acknowledged, what came, what is unread.

Owns the layout of `TCP_INFO` and the flags of `poll`. Must not know what the connection carries.
Source: tcp(7) and `struct tcp_info` of Linux (the counters of acknowledged and received bytes came with 4.1, that of sent bytes
with 4.19); poll(2).
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
"""The states that matter here; the last is TCP's CLOSE_WAIT."""

_LAYOUT = struct.Struct("=B67xI48xQQ")
_SENDING = struct.Struct("=144xI52xQQ")
"""Bytes that were taken and not sent yet; bytes that were sent, and of those the ones that were sent again."""
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_NEWS = getattr(select, "POLLIN", 0) | getattr(select, "POLLRDHUP", 0)


class TcpInfo(NamedTuple):
    """One look at a connection: its state, the round trip in microseconds, and bytes acknowledged and received since it opened.

    The peer's acknowledgement of the opening counts as a byte.
    """

    state: int
    round_trip: int
    acknowledged: int
    received: int


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """What Linux knows of this connection; `None` on other systems, and where the kernel tells less."""
    if _TCP_INFO is None:
        return None
    try:
        data = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAYOUT.size)
    except OSError:
        return None
    return TcpInfo._make(_LAYOUT.unpack(data)) if len(data) == _LAYOUT.size else None


def bytes_taken(sock: socket.socket) -> int | None:
    """How many bytes the kernel took for this connection since it opened, whoever wrote them; `None` if it does not tell.

    Our own end of the connection counts as a byte.
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
    """A function that says whether there is something to read: bytes, the peer's end of input, or an error."""
    if not hasattr(select, "poll"):
        return lambda: False
    poll = select.poll()
    poll.register(sock, _NEWS)
    return lambda: bool(poll.poll(0))
