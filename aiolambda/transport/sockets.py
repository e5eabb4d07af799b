"""Sockets with keep-alive probes and without Nagle's algorithm, which count the bytes that leave.

Owns the socket options and their names on each system, and the counters of a socket. Must not know the protocol on it.
Source: tcp(7); a NAT gateway forgets a flow after 350 s of silence, so probes must come well before that.
"""

import contextlib
import errno
import math
import os
import socket
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

from ..types.values import TcpKeepAlive
from .tcp_info import ESTABLISHED, bytes_taken, news_of, tcp_info

__all__ = ["AddressInfo", "ObservedSocket", "connection_room", "keep_alive_of", "socket_factory"]

_KEPT_FOR_OTHERS = 100
"""Open files that are left for the rest of the process."""

_LEAST_APPETITE = 16 * 1024
"""The size of a read buffer in bytes, until a read fills it."""

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


class ObservedSocket(socket.socket):
    """A socket that counts the bytes that the kernel took, and notes how its input ended. asyncio's loop calls its methods."""

    inode = 0
    """Identifies the socket in the kernel: its descriptor number may belong to another file by now."""
    uses = 0
    """Requests that it was used for."""
    taken = 0
    """Bytes that the kernel took; 0 if the loop, such as uvloop, writes without these methods."""
    refused = False
    """A send failed."""
    taken_at_close: int | None = None
    """Bytes that the kernel took, by its own counter when the socket was closed, if `taken` counted none."""
    read = 0
    """Bytes that were read; 0 if the loop reads without these methods."""
    come_at_rest: int | None = None
    """Bytes that had arrived when it went back to the pool: read, or received by the kernel."""
    ended = False
    """The end of stream (EOF) was read, before any error."""
    failed = False
    """The kernel reported an error."""
    news: Callable[[], bool] | None = None
    """Returns `True` if there is something to read; set once it is connected."""
    before_close: "Callable[[ObservedSocket], None] | None" = None
    """Called before it closes; set while a reset would prove that the request did not arrive."""
    heard = False
    """Something was received for the current request."""
    _appetite = _LEAST_APPETITE
    answered_back = False
    """Something was sent after that, while `before_close` was set."""

    def send(self, *args: Any) -> int:
        if self._peer_closed_before_write():
            return memoryview(args[0]).nbytes
        try:
            count = super().send(*args)
        except OSError as error:
            self.refused = True
            self._note_failure(error)
            raise
        self.taken += count
        return count

    def sendmsg(self, *args: Any) -> int:
        if self._peer_closed_before_write():
            return sum(memoryview(buffer).nbytes for buffer in args[0])
        try:
            count = super().sendmsg(*args)
        except OSError as error:
            self.refused = True
            self._note_failure(error)
            raise
        self.taken += count
        return count

    def recv(self, size: int, *flags: int) -> bytes:
        """Receive at most `size` bytes, with a buffer that grows to `size` only if it is filled.

        asyncio asks for 256 KiB at each read. The allocator would take them from the system, and return them, for each answer.
        """
        asked = min(size, self._appetite)
        try:
            data = super().recv(asked, *flags)
        except OSError as error:
            self._note_failure(error)
            raise
        count = len(data)
        self.read += count
        if count == asked:
            self._appetite = max(_LEAST_APPETITE, 4 * asked)
        elif count < asked // 4:
            self._appetite = _LEAST_APPETITE
        self.note_end(data)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        try:
            count = super().recv_into(buffer, nbytes, flags)
        except OSError as error:
            self._note_failure(error)
            raise
        self.read += count
        self.note_end(count)
        return count

    @property
    def counts(self) -> bool:
        """Whether the loop writes through the methods above, so that `taken` is complete."""
        return self.taken > 0 or self.refused

    def has_news(self) -> bool:
        """Whether there is something to read: bytes, the end of stream (EOF), or an error. Needs a connected socket."""
        if self.news is None:
            self.news = news_of(self)
        return self.news()

    def rest(self) -> bool:
        """Note the bytes received so far, before it goes back to the pool: none may arrive until it is lent again.

        Returns `False` if there is something to read: a loop with its own reading would consume it unseen.
        """
        if self.read:
            self.come_at_rest = self.read
            return True
        info = tcp_info(self)
        self.come_at_rest = None if info is None else info.received
        return not self.has_news()

    @property
    def is_ours(self) -> bool:
        """Whether the descriptor still belongs to this socket."""
        try:
            return self.fileno() >= 0 and os.fstat(self.fileno()).st_ino == self.inode
        except OSError:
            return False

    def abort(self) -> None:
        """End the connection now, in both directions; the loop still closes the descriptor."""
        if self.is_ours:
            self.failed = True  # later failures say nothing about the peer
            with contextlib.suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)

    def close_descriptor(self, *, shared: bool) -> None:
        """Close the descriptor without the loop, which is gone. The connection stays open for other processes that have it.

        If it was inherited from the parent process (`shared`), its number now refers to `/dev/null`, because other code may
        still close that number.
        """
        self.before_close = None
        if not self.is_ours:
            self.detach()
        elif shared:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, self.fileno(), inheritable=False)
            os.close(nowhere)
        else:
            self.close()

    def close(self) -> None:
        before_close, self.before_close = self.before_close, None
        if before_close is not None:
            before_close(self)
        if not self.counts:
            self.taken_at_close = bytes_taken(self)
        super().close()

    def note_end(self, received: bytes | int) -> None:
        """Zero bytes are the end of stream; after an error they only mean that the connection has ended."""
        self.heard = True
        if not received and not self.failed:
            self.ended = True

    def _peer_closed_before_write(self) -> bool:
        """Whether the peer has closed its side, while a reset would prove that the request did not arrive.

        TLS answers the peer's close_notify with its own. A reset of that would look like a reset of the request. So these bytes
        are dropped as if they were sent; received bytes can still be read.
        """
        if self.before_close is None or not self.heard:
            return False
        info = tcp_info(self)
        if info is not None and info.state != ESTABLISHED:
            return True
        self.answered_back = True
        return False

    def _note_failure(self, error: OSError) -> None:
        if isinstance(error, BlockingIOError | InterruptedError):
            return
        if error.errno == errno.EPIPE and not self.failed:
            self.ended = True  # a reset after the end of stream; without one it is ECONNRESET
        self.failed = True


def socket_factory(
    keep_alive: TcpKeepAlive | None, opened: MutableMapping[int, ObservedSocket] | None = None
) -> Callable[[AddressInfo], ObservedSocket]:
    """The function that aiohttp calls for each new connection. `None` switches keep-alive off. `opened` gets the sockets."""
    options = [] if keep_alive is None else _options(keep_alive)

    def make(address: AddressInfo) -> ObservedSocket:
        family, kind, protocol, *_ = address
        sock = ObservedSocket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for level, name, value in options:
                sock.setsockopt(level, name, value)
            if keep_alive is not None:
                _set_windows_keep_alive(sock, keep_alive)
        except BaseException:
            sock.close()
            raise
        sock.inode = os.fstat(sock.fileno()).st_ino
        if opened is not None:
            opened[sock.fileno()] = sock
        return sock

    return make


def keep_alive_of(sock: socket.socket) -> dict[str, int]:
    """The options as the kernel reports them: in seconds, the user timeout in milliseconds."""
    named = ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    numbers = {name: getattr(socket, name) for name in named if hasattr(socket, name)}
    options = {"SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}
    return options | {name: sock.getsockopt(socket.IPPROTO_TCP, number) for name, number in numbers.items()}


def connection_room() -> int | None:
    """The number of sockets that may be open: the soft limit of open files minus 100; `None` if there is no limit."""
    try:
        import resource  # noqa: PLC0415 - Windows has neither this module nor the limit
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(1, soft - _KEPT_FOR_OTHERS)
