"""Name look-ups for aiohttp's connector, in threads of this package.

`loop.getaddrinfo` runs in the default executor of the program, or in the four threads of uvloop. Both may be busy, and the
program waits for them when it ends, while a look-up may take minutes.

Owns the look-up. Must not cache results: the connector does, and requests for the same name share one look-up.
"""

import errno
import socket
from typing import Any, cast

from aiohttp.abc import AbstractResolver, ResolveResult

from ..threads import Threads

__all__ = ["resolver_of_own"]

_LOOK_UPS = Threads("name look-up", most=64)
_ADDRESSES_IN_USE = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", ~0)
"""Skip the address families for which this machine has no address."""


class _Resolver:
    """The methods of an `AbstractResolver` that aiohttp's connector calls."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses of a host; `OSError` if there are none."""
        return await _LOOK_UPS.run(lambda: _addresses(host, port, family))

    async def close(self) -> None:
        """There is nothing to close."""


def resolver_of_own() -> AbstractResolver:
    """A resolver for one connector."""
    return cast("AbstractResolver", _Resolver())


def _addresses(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    """Blocks for as long as the system's resolver does."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family, flags=_ADDRESSES_IN_USE)
    except socket.gaierror:
        if host.rstrip(".").lower() != "localhost":
            raise
        # A machine without a network has this name, too.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
    addresses = [
        ResolveResult(
            hostname=host,
            host=_host_of(address),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in found
        if kind == socket.AF_INET or (kind == socket.AF_INET6 and len(address) == 4)  # two: Python was built without IPv6
    ]
    if not addresses:
        raise OSError(errno.EADDRNOTAVAIL, "the name has no usable address")
    return addresses


def _host_of(address: tuple[Any, ...]) -> str:
    """The address as text. A link-local IPv6 address ends in the name of its network interface."""
    if len(address) == 4 and address[3]:
        return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
    return str(address[0])
