"""Find the process at the other end of a loopback connection.

Unlike Unix sockets, TCP has no peer credentials. Runtime clients send no secret, and not all of them accept a path in
`AWS_LAMBDA_RUNTIME_API`. But the kernel knows the owner of a socket: Linux reports it in `/proc`, other systems in `lsof`.

Owns these queries. Must not know the purpose of the connection. If a query fails, no process is the owner.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Address", "is_owned_by_session"]

Address = tuple[str, int]
"""IPv4 address and port."""

_TABLES = (
    (Path("/proc/net/tcp"), socket.AF_INET, ""),
    (Path("/proc/net/tcp6"), socket.AF_INET6, "::ffff:"),  # Java and .NET use IPv6 sockets for IPv4 too
)


async def is_owned_by_session(session: int, client: Address, server: Address) -> bool:
    """Whether a process of the session has the client's socket of this connection open."""
    if not _TABLES[0][0].exists():
        return any(_is_in_session(pid, session) for pid in owners(await _lsof(server), client, server))
    inode = _inode_of(client, server)
    return inode is not None and _has_socket_in_session(session, inode)


def _has_socket_in_session(session: int, inode: str) -> bool:
    if _has_socket(session, inode):  # usually it is the leader of the session
        return True
    pids = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return any(_has_socket(pid, inode) for pid in pids if _is_in_session(pid, session))


def _is_in_session(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session
    except OSError:
        return False


def _inode_of(client: Address, server: Address) -> str | None:
    """The inode of the client's socket; `None` if its process has closed it."""
    for table, family, prefix in _TABLES:
        ends = f" {_table_address(client, family, prefix)} {_table_address(server, family, prefix)} "
        try:
            lines = table.read_text().splitlines()
        except OSError:  # a system without IPv6
            continue
        for line in lines:
            if ends in line:
                inode = line.split()[9]
                return None if inode == "0" else inode
    return None


def _table_address(address: Address, family: socket.AddressFamily, prefix: str) -> str:
    """The address in the format of the tables: four-byte words in host byte order, as hex."""
    packed = socket.inet_pton(family, prefix + address[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"


def _has_socket(pid: int, inode: str) -> bool:
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target == f"socket:[{inode}]":
            return True
    return False


async def _lsof(server: Address) -> str:
    """List the connections to a server: a line `pPID`, then `nADDRESS->ADDRESS` for each socket of that process."""
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


def owners(listing: str, client: Address, server: Address) -> Iterator[int]:
    """Yield the processes in an `lsof` listing that have the client's end of the connection open."""
    pid = 0
    for line in listing.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line == f"n{client[0]}:{client[1]}->{server[0]}:{server[1]}":
            yield pid
