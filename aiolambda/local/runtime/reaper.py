"""A script of its own: starts runtime processes, and ends each with everything that it started.

Laws: a supervisor leaves no descendant of its runtime behind; it ends when the runtime ends, and when the endpoint closes its
end of their socket, be it by `close`, by a crash or by SIGKILL.

The reaper forks a supervisor for each runtime. On Linux a supervisor is a child subreaper: a descendant whose parent has
ended becomes its child, and `setsid` does not change that. So it kills its children until there are none. On other systems
the process group dies, and a descendant that has left the group does not.

The reaper reads from its standard input, a Unix socket: the length of a message in 4 bytes, with two file descriptors (the
output of the runtime, the supervisor's socket), then `[command, environment, directory]` as JSON. A supervisor writes the
lines `started PID` or `failed ERRNO`, then `ended STATUS`. Must not import anything that takes time, nor know who asks.
"""

import ctypes
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_END_LIMIT = 5.0
"""Seconds in which processes die; those of another user cannot be killed, and are left."""


class Runtime(NamedTuple):
    """What to start."""

    command: list[str]
    environment: dict[str, str]
    directory: str
    output: int


def main() -> None:
    adopt_orphans()
    requests = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # a supervisor that held this socket would hide the end of the reaper
    supervisors: set[int] = set()
    while (asked := receive(requests)) is not None:
        message, output, control = asked
        supervisor = os.fork()
        if not supervisor:
            requests.close()
            command, environment, directory = json.loads(message)
            supervise(Runtime(command, environment, directory, output), socket.socket(fileno=control))
            return
        supervisors = {pid for pid in (*supervisors, supervisor) if not has_ended(pid)}
        os.close(output)
        os.close(control)
    for pid in supervisors:  # they have seen the end, too
        os.waitpid(pid, 0)
    end_children()


def receive(requests: socket.socket) -> tuple[bytes, int, int] | None:
    """The next message and its two file descriptors; `None` at the end."""
    length, descriptors, _, _ = socket.recv_fds(requests, 4, 2)
    if not length:
        return None
    message = bytearray()
    while missing := int.from_bytes(length) - len(message):
        piece = requests.recv(missing)
        if not piece:
            return None
        message += piece
    output, control = descriptors
    return bytes(message), output, control


def supervise(runtime: Runtime, control: socket.socket) -> None:
    """Start a runtime, await its end or that of the endpoint's interest, and leave nothing of it."""
    adopt_orphans()
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, woken)
    signal.set_wakeup_fd(wake)
    try:
        process = start(runtime)
    except (OSError, ValueError) as error:
        say(control, f"failed {error.errno if isinstance(error, OSError) else errno.EINVAL}")
        return
    leader = process.pid
    os.close(runtime.output)
    say(control, f"started {leader}")
    ended: dict[int, int] = {}
    while leader not in ended and control.fileno() not in select.select([control.fileno(), wakes], [], [])[0]:
        os.read(wakes, 4096)
        ended |= reap()
    kill(os.killpg, leader)
    ended |= end_children()
    say(control, f"ended {ended.get(leader, -signal.SIGKILL)}")


def woken(number: int, frame: object) -> None:
    """Handle SIGCHLD, so that the system wakes this process; `reap` does the rest."""


def start(runtime: Runtime) -> "subprocess.Popen[bytes]":
    """The process, which must be kept: one that is forgotten takes its status with it."""
    return subprocess.Popen(  # noqa: S603 - running what it is told to run is what this script is for
        runtime.command,
        stdin=subprocess.DEVNULL,
        stdout=runtime.output,
        stderr=runtime.output,
        env=runtime.environment,
        cwd=runtime.directory,
        start_new_session=True,
    )


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own has ended, if this system knows that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def has_ended(child: int) -> bool:
    return os.waitpid(child, os.WNOHANG)[0] == child


def reap() -> dict[int, int]:
    """The children that have ended, and how."""
    ended: dict[int, int] = {}
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    except ChildProcessError:
        pass
    return ended


def end_children() -> dict[int, int]:
    """Kill the children, and theirs, which become ours as they are orphaned, until there are none."""
    ended: dict[int, int] = {}
    limit = time.monotonic() + _END_LIMIT
    while time.monotonic() < limit:
        for child in children():
            kill(os.kill, child)
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid:
            ended[pid] = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.001)
    return ended


def kill(how: Callable[[int, int], None], target: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        how(target, signal.SIGKILL)


def children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - pathlib takes long to import
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def say(control: socket.socket, line: str) -> None:
    with suppress(OSError):  # the endpoint has gone
        control.sendall(f"{line}\n".encode())


if __name__ == "__main__":
    main()
