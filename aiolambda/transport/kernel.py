"""What the kernel tells of a TCP connection: its state, what the peer acknowledged, what came, and whether something is unread.

Owns the layout of `TCP_INFO` and the flags of `poll`. Must not know what the connection carries.
Source: tcp(7) and `struct tcp_info` of Linux (the counters of acknowledged and received bytes came with 4.1); poll(2).
"""

import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["CLOSED", "ENDED_BY_PEER", "ESTABLISHED", "TcpInfo", "news_of", "tcp_info"]

ESTABLISHED = 1
CLOSED = 7
ENDED_BY_PEER = 8
"""The states that matter here; the last is TCP's CLOSE_WAIT."""

_LAYOUT = struct.Struct("=B67xI48xQQ")
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


def news_of(sock: socket.socket) -> Callable[[], bool]:
    """A function that says whether there is something to read: bytes, the peer's end of input, or an error."""
    if not hasattr(select, "poll"):
        return lambda: False
    poll = select.poll()
    poll.register(sock, _NEWS)
    return lambda: bool(poll.poll(0))
