"""Sockets as this client wants them: probed while they are silent, never waiting to fill a segment, and counting what leaves.

Owns the kernel options and their names on each system, and what a socket notes of itself. Must not know what it carries.
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
"""Open files that are left to the rest of the process."""

_LEAST_APPETITE = 16 * 1024
"""Bytes that a read makes room for, until one fills that."""

_LONGEST_USER_TIMEOUT = 2**31 - 1
"""Milliseconds that fit into what `setsockopt` takes, 24 days."""

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
        (getattr(socket, "TCP_USER_TIMEOUT", None), min(user_timeout * 1000, _LONGEST_USER_TIMEOUT)),
    ]
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    return options + [(socket.IPPROTO_TCP, name, value) for name, value in named if name is not None]


def _set_windows_keep_alive(sock: socket.socket, keep_alive: TcpKeepAlive) -> None:
    """Windows takes idle and interval in milliseconds through an ioctl; the count of probes is its own."""
    if sys.platform == "win32":
        sock.ioctl(socket.SIO_KEEPALIVE_VALS, (1, _seconds(keep_alive.idle) * 1000, _seconds(keep_alive.interval) * 1000))


class ObservedSocket(socket.socket):
    """A socket that notes what the kernel took from it, and how its input ended. asyncio's own loop calls these methods."""

    inode = 0
    """What the kernel knows it by; a descriptor may be another socket's by now."""
    uses = 0
    """Requests that it was handed out for."""
    taken = 0
    """Bytes that the kernel took; 0 under a loop that writes in its own way."""
    refused = False
    """The kernel refused bytes."""
    taken_at_close: int | None = None
    """Bytes that the kernel took, by its own count, of a socket that had counted none when it was closed."""
    read = 0
    """Bytes that were read from it; 0 under a loop that reads in its own way."""
    come_at_rest: int | None = None
    """Bytes that had come when it was given back to the pool: those that were read, or that the kernel had received."""
    ended = False
    """The peer's end of input was read, before any error."""
    failed = False
    """The kernel reported an error."""
    news: Callable[[], bool] | None = None
    """Whether there is something to read, once it is connected."""
    before_close: "Callable[[ObservedSocket], None] | None" = None
    """Who wants to know of the end; set while the refusal of a request would prove something."""
    heard = False
    """Something came since it was handed out last."""
    _appetite = _LEAST_APPETITE
    answered_back = False
    """Something was sent after that, while `before_close` was set."""

    def send(self, *args: Any) -> int:
        if self._would_speak_to_the_dead():
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
        if self._would_speak_to_the_dead():
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
        """What has come, at most so much: room for `size` bytes is made only once that much comes.

        asyncio asks for 256 KiB each time, which the allocator takes from the system, and gives back, for each small answer.
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
        """Whether it has been written to through the methods above, so that what they count is all there is."""
        return self.taken > 0 or self.refused

    def has_news(self) -> bool:
        """Whether there is something to read: bytes, the peer's end of input, or an error. For a connected socket."""
        if self.news is None:
            self.news = news_of(self)
        return self.news()

    def rest(self) -> bool:
        """Note how much had come when it is given back to the pool: nothing may come until it is lent again.

        Whether it may go there: not with something to read, which a loop that reads by itself would swallow unseen.
        """
        if self.read:
            self.come_at_rest = self.read
            return True
        info = tcp_info(self)
        self.come_at_rest = None if info is None else info.received
        return not self.has_news()

    @property
    def is_ours(self) -> bool:
        """Whether the descriptor still is this socket's."""
        try:
            return self.fileno() >= 0 and os.fstat(self.fileno()).st_ino == self.inode
        except OSError:
            return False

    def cut(self) -> None:
        """End the connection in both directions, whatever the loop still means to do with it."""
        if self.is_ours:
            self.failed = True  # what comes of it from here on says nothing about the peer
            with contextlib.suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)

    def let_go(self, *, shared: bool) -> None:
        """Close the descriptor behind the back of a loop that is gone. What other processes have of the connection stays.

        A descriptor that is `shared` with the parent process keeps its number, for somebody may still close that: it leads
        nowhere from now on.
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
        """Nothing received is the end of input; after an error it is only the end of the connection."""
        self.heard = True
        if not received and not self.failed:
            self.ended = True

    def _would_speak_to_the_dead(self) -> bool:
        """Whether the peer has ended its side, while its refusal of what was sent before is to be seen.

        TLS answers the peer's goodbye with one of its own. Refused, that would pass for a refusal of the request. So it is kept
        back, as if it had been sent; what came can still be read.
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
            self.ended = True  # what the kernel says of a reset after the end of input; without that it is ECONNRESET
        self.failed = True


def socket_factory(
    keep_alive: TcpKeepAlive | None, opened: MutableMapping[int, ObservedSocket] | None = None
) -> Callable[[AddressInfo], ObservedSocket]:
    """What aiohttp calls for each new connection; `None` leaves keep-alive off. `opened` gets each socket by descriptor."""
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
    """The options that this system has, as the kernel gives them back: in seconds, the user timeout in milliseconds."""
    named = ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    numbers = {name: getattr(socket, name) for name in named if hasattr(socket, name)}
    options = {"SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}
    return options | {name: sock.getsockopt(socket.IPPROTO_TCP, number) for name, number in numbers.items()}


def connection_room() -> int | None:
    """How many sockets may be open beside everything else: the soft limit of open files less 100; `None` for no limit."""
    try:
        import resource  # noqa: PLC0415 - not there on Windows, which has no such limit
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else max(1, soft - _KEPT_FOR_OTHERS)
