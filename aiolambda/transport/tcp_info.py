"""The kernel's facts about a TCP connection: its state, the bytes sent, acknowledged and received, and whether any are unread.

Owns the layout of `TCP_INFO` and the flags of `poll`. Must not know the protocol on the connection.
Source: tcp(7) and `struct tcp_info` of Linux (acknowledged and received bytes since 4.1, sent bytes since 4.19); poll(2).
"""

import select
import socket
import struct
import sys
from typing import NamedTuple

__all__ = ["CLOSED", "CLOSE_WAIT", "ESTABLISHED", "HAS_TCP_INFO", "TcpInfo", "has_news", "tcp_info"]

ESTABLISHED = 1
CLOSED = 7
CLOSE_WAIT = 8
"""TCP states, as `tcp_info` numbers them."""

_LAYOUT = struct.Struct("=B67xI48xQQ8xI52xQQ")
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


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """A snapshot of this connection; `None` on other systems than Linux, and on kernels before 4.19."""
    if _TCP_INFO is None:
        return None
    try:
        data = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAYOUT.size)
    except OSError:
        return None
    return TcpInfo._make(_LAYOUT.unpack(data)) if len(data) == _LAYOUT.size else None


def has_news(sock: socket.socket) -> bool:
    """Whether there is something to read: bytes, the end of stream (EOF), or an error. `False` on systems without `poll`."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sock, _NEWS)
    return bool(poll.poll(0))
