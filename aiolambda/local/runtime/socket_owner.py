"""Which processes hold the other end of a loopback connection.

TCP has no credentials of the peer, as Unix sockets have. Runtime clients send no secret, and not all of them take a path in
`AWS_LAMBDA_RUNTIME_API`. But the kernel knows who owns a socket: Linux tells it in `/proc`, other systems through `lsof`.

Owns asking the system. Must not know what the connection is for. If the system does not answer, no process holds the end.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Address", "is_held_in_session"]

Address = tuple[str, int]
"""IPv4 address and port."""

_TABLES = (
    (Path("/proc/net/tcp"), socket.AF_INET, ""),
    (Path("/proc/net/tcp6"), socket.AF_INET6, "::ffff:"),  # Java and .NET connect through sockets for IPv6
)


async def is_held_in_session(session: int, client: Address, server: Address) -> bool:
    """Whether a process of the session has the client's socket of this connection."""
    if _TABLES[0][0].exists():
        return _is_held_on_linux(session, client, server)
    return any(is_of_session(pid, session) for pid in holders(await _lsof(server), client, server))


def is_of_session(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session
    except OSError:
        return False


def _is_held_on_linux(session: int, client: Address, server: Address) -> bool:
    inode = _inode_of(client, server)
    if inode is None:
        return False
    if _has_socket(session, inode):  # the leader of the session, most often
        return True
    pids = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return any(_has_socket(pid, inode) for pid in pids if is_of_session(pid, session))


def _inode_of(client: Address, server: Address) -> str | None:
    """The number of the client's socket; one that its process has closed has none."""
    for table, family, prefix in _TABLES:
        ends = f" {_in_hex(client, family, prefix)} {_in_hex(server, family, prefix)} "
        try:
            lines = table.read_text().splitlines()
        except OSError:  # a system without IPv6
            continue
        for line in lines:
            if ends in line:
                inode = line.split()[9]
                return None if inode == "0" else inode
    return None


def _in_hex(address: Address, family: socket.AddressFamily, prefix: str) -> str:
    """As the tables have it: words of four bytes in the order of the host."""
    packed = socket.inet_pton(family, prefix + address[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"


def _has_socket(pid: int, inode: str) -> bool:
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    return any(_target(descriptor) == f"socket:[{inode}]" for descriptor in descriptors)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


async def _lsof(server: Address) -> str:
    """The connections to a server: a line `pPID`, then `nADDRESS->ADDRESS` for each socket of that process."""
    command = ("lsof", "-nP", f"-iTCP:{server[1]}", "-sTCP:ESTABLISHED", "-Fpn")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    listing, _ = await process.communicate()
    return listing.decode(errors="replace")


def holders(listing: str, client: Address, server: Address) -> Iterator[int]:
    """The processes that hold the client's end of the connection."""
    pid = 0
    for line in listing.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line == f"n{client[0]}:{client[1]}->{server[0]}:{server[1]}":
            yield pid
