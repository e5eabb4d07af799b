"""Two hosts that a test can cut apart: network namespaces, and a firewall between them that does as the test says.

Each host is a namespace with a TUN device, and the firewall carries the packets of each device into the other, or drops
them without a word. The TCP on both sides is the kernel's; what is ours is only the wire. A namespace here has no name: a file
descriptor holds it, so nothing is left of it when the process ends, however it ends, and nothing in it reaches another network.
Wants Linux, root (CAP_SYS_ADMIN, CAP_NET_ADMIN) and /dev/net/tun; no package, not even iproute2.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import functools
import os
import socket
import struct
import sys
from collections.abc import AsyncGenerator, Generator

import attrs

CLIENT, SERVER = "192.0.2.1", "192.0.2.2"
"""Addresses that are kept for documentation (RFC 5737): no host has them."""

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_TCP, _SYN, _ACK = 6, 0x02, 0x10
_PACKETS_AT_A_TIME = 64

NOT_LINUX = "network namespaces are Linux's"
NOT_PERMITTED = "network namespaces and TUN devices need root"
NO_DEVICE = "this machine has no TUN devices"


def _libc(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # `os.unshare` and `os.setns` came with Python 3.12
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


@attrs.frozen(eq=False)
class Host:
    """A namespace with one device, both held by their file descriptors."""

    namespace: int
    device: int

    @contextlib.contextmanager
    def entered(self) -> Generator[None]:
        """In the block, the sockets that this thread makes are the host's; they stay so."""
        with _returning():
            _libc("setns", self.namespace, _CLONE_NEWNET)
            yield

    def close(self) -> None:
        os.close(self.device)
        os.close(self.namespace)


@contextlib.contextmanager
def _returning() -> Generator[None]:
    """Back to this thread's namespace afterwards."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        yield
    finally:
        _libc("setns", before, _CLONE_NEWNET)
        os.close(before)


def _host(address: str) -> Host:
    with contextlib.ExitStack() as opened, _returning():
        _libc("unshare", _CLONE_NEWNET)
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        opened.callback(os.close, namespace)
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        opened.callback(os.close, device)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for option, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.0")):
                fcntl.ioctl(any_socket, option, struct.pack("16sHH4s8x", b"tun0", socket.AF_INET, 0, socket.inet_aton(value)))
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"tun0", _IFF_UP | _IFF_RUNNING))
        opened.pop_all()
        return Host(namespace, device)


@functools.cache
def missing() -> str | None:
    """Why there can be no such network on this machine, or `None`."""
    if sys.platform != "linux":
        return NOT_LINUX
    try:
        _host(CLIENT).close()
    except PermissionError:
        return NOT_PERMITTED
    except OSError:
        return NO_DEVICE
    return None


@attrs.define(eq=False)
class Firewall:
    """Carries packets between the hosts. It never refuses one: what it does not carry is gone, as in a NAT gateway.

    With `forgets_after`, a flow that was silent for so many seconds is forgotten, and its packets are dropped from then on.
    """

    forgets_after: float | None = None
    open: bool = True
    closes_after: int | None = None
    """Bytes of packets after which it closes."""
    carried: int = 0
    dropped: int = 0
    _flows: dict[frozenset[bytes], float] = attrs.field(factory=dict)

    def pump(self, source: int, target: int) -> None:
        """Carry what one device has to send."""
        for _ in range(_PACKETS_AT_A_TIME):
            try:
                packet = os.read(source, 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4 and packet[9] == _TCP:
                self._carry(packet, target)

    def _carry(self, packet: bytes, target: int) -> None:
        if not self.open or not self._knows(packet):
            self.dropped += 1
            return
        self.carried += len(packet)
        os.write(target, packet)
        if self.closes_after is not None and self.carried >= self.closes_after:
            self.open = False

    def _knows(self, packet: bytes) -> bool:
        now = asyncio.get_running_loop().time()
        tcp = (packet[0] & 15) * 4
        flow = frozenset((packet[12:16] + packet[tcp : tcp + 2], packet[16:20] + packet[tcp + 2 : tcp + 4]))
        begins = packet[tcp + 13] & (_SYN | _ACK) == _SYN
        known = begins or (flow in self._flows and not self._is_stale(flow, now))
        if known:
            self._flows[flow] = now
        else:
            self._flows.pop(flow, None)
        return known

    def _is_stale(self, flow: frozenset[bytes], now: float) -> bool:
        return self.forgets_after is not None and now - self._flows[flow] > self.forgets_after


@attrs.frozen(eq=False)
class Network:
    client: Host
    server: Host
    firewall: Firewall

    def listener(self) -> socket.socket:
        """A listening socket of the server."""
        with self.server.entered():
            sock = socket.socket()
        sock.bind((SERVER, 0))
        sock.listen(128)
        return sock


@contextlib.asynccontextmanager
async def network(firewall: Firewall) -> AsyncGenerator[Network]:
    """A client and a server with this firewall between them. In the block this thread is the client."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as opened:
        hosts = []
        for address in (CLIENT, SERVER):
            hosts.append(_host(address))
            opened.callback(hosts[-1].close)
        client, server = hosts
        for source, target in ((client, server), (server, client)):
            loop.add_reader(source.device, firewall.pump, source.device, target.device)
            opened.callback(loop.remove_reader, source.device)
        opened.enter_context(client.entered())
        yield Network(client, server, firewall)
