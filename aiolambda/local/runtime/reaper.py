"""The reaper, a standalone script: start runtime processes, and kill each with all its descendants.

Laws: a supervisor leaves no descendant of its runtime alive. It ends when the runtime ends, or when the endpoint's end of
their socket is closed: by `close`, by a crash or by SIGKILL.

The reaper forks a supervisor for each runtime. On Linux, a supervisor is a child subreaper: it inherits every descendant
whose parent has ended, even after `setsid`. So it kills its children until there are none. On other systems, it kills the
process group; a descendant that has left the group survives.

Protocol: standard input is a Unix socket. A request is the length of a message in 4 bytes, with two or three file descriptors
(the output of the runtime, the socket of the supervisor, the input of the runtime if it has one), then
`[command, environment, directory]` as JSON. A supervisor writes
the lines `started PID` or `failed ERRNO`, then `ended STATUS`.

Must not import this package or slow modules, because it runs by its path.
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
_KILL_TIMEOUT = 5.0
"""Seconds to wait for killed processes. Processes of another user cannot be killed and are left."""


class Runtime(NamedTuple):
    """A runtime to start; `output` and `stdin` are file descriptors."""

    command: list[str]
    environment: dict[str, str]
    directory: str
    output: int
    stdin: int


def main() -> None:
    adopt_orphans()
    requests = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)  # a supervisor must not keep this socket open after the reaper has ended
    supervisors: set[int] = set()
    while (received := receive(requests)) is not None:
        message, (output, control, *inputs) = received
        supervisor = os.fork()
        if not supervisor:
            requests.close()
            command, environment, directory = json.loads(message)
            stdin = inputs[0] if inputs else subprocess.DEVNULL
            supervise(Runtime(command, environment, directory, output, stdin), socket.socket(fileno=control))
            return
        supervisors = {pid for pid in (*supervisors, supervisor) if os.waitpid(pid, os.WNOHANG)[0] != pid}
        for descriptor in (output, control, *inputs):
            os.close(descriptor)
    for pid in supervisors:  # their sockets are closed too, so they end
        os.waitpid(pid, 0)
    kill_children()


def receive(requests: socket.socket) -> tuple[bytes, list[int]] | None:
    """Return the next message and its file descriptors; `None` at the end."""
    length, descriptors, _, _ = socket.recv_fds(requests, 4, 3)
    if not length:
        return None
    message = bytearray()
    while missing := int.from_bytes(length) - len(message):
        piece = requests.recv(missing)
        if not piece:
            return None
        message += piece
    return bytes(message), descriptors


def supervise(runtime: Runtime, control: socket.socket) -> None:
    """Start a runtime, wait until it ends or the endpoint closes the socket, then kill all that is left."""
    adopt_orphans()
    wakeups, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.signal(signal.SIGCHLD, on_sigchld)
    signal.set_wakeup_fd(wakeup)
    try:
        process = subprocess.Popen(  # noqa: S603 - the purpose of this script is to run this command
            runtime.command,
            stdin=runtime.stdin,
            stdout=runtime.output,
            stderr=runtime.output,
            env=runtime.environment,
            cwd=runtime.directory,
            start_new_session=True,
        )  # kept until the end: Popen collects the exit status of an object that is deleted
    except (OSError, ValueError) as error:
        send(control, f"failed {error.errno if isinstance(error, OSError) else errno.EINVAL}")
        return
    leader = process.pid
    os.close(runtime.output)
    if runtime.stdin >= 0:
        os.close(runtime.stdin)
    send(control, f"started {leader}")
    ended: dict[int, int] = {}
    while leader not in ended and control.fileno() not in select.select([control.fileno(), wakeups], [], [])[0]:
        os.read(wakeups, 4096)
        ended |= reap()
    kill(os.killpg, leader)
    ended |= kill_children()
    send(control, f"ended {ended.get(leader, -signal.SIGKILL)}")


def on_sigchld(number: int, frame: object) -> None:
    """Do nothing: with a handler set, the signal writes to the wake-up pipe."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose parent ends, if the system supports it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> dict[int, int]:
    """Return the exit codes of the children that have ended, by process id."""
    ended: dict[int, int] = {}
    try:
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    except ChildProcessError:
        pass
    return ended


def kill_children() -> dict[int, int]:
    """Kill all children until there are none. Grandchildren become children when their parent ends."""
    ended: dict[int, int] = {}
    limit = time.monotonic() + _KILL_TIMEOUT
    while time.monotonic() < limit:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - pathlib is slow to import
                children = [int(pid) for pid in file.read().split()]
        except OSError:
            children = []
        for child in children:
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


def kill(function: Callable[[int, int], None], target: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        function(target, signal.SIGKILL)


def send(control: socket.socket, line: str) -> None:
    with suppress(OSError):  # the endpoint has ended
        control.sendall(f"{line}\n".encode())


if __name__ == "__main__":
    main()
