"""Process groups: every runtime process leads one, and dies with all of its children.

Owns the starting and killing of groups, and the reaper that kills them should this process be killed itself. Must not know
what runs in them.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["ProcessGroups"]

_REAPER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("reaper.py")))


class ProcessGroups:
    """Started before its first group, stopped after its last."""

    def __init__(self) -> None:
        self._reaper: asyncio.subprocess.Process | None = None
        self._pipe: int | None = None

    async def start(self) -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        self._pipe = write_end
        try:
            self._reaper = await asyncio.create_subprocess_exec(
                *_REAPER, stdin=read_end, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
            )
        finally:
            os.close(read_end)

    async def stop(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        if self._reaper is not None:
            await self._reaper.wait()
            self._reaper = None

    async def spawn(
        self, command: Sequence[str], *, output: int, environment: Mapping[str, str], directory: Path
    ) -> asyncio.subprocess.Process:
        """A process that leads a group of its own and writes stdout and stderr to `output`; `OSError` where it cannot start."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=directory,
            start_new_session=True,
        )
        self._tell(f"+{process.pid}\n")
        return process

    def kill(self, group: int) -> None:
        """End a group at once; one that has ended already is fine."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)

    def forget(self, group: int) -> None:
        """The group is no more."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        if self._pipe is not None:
            with suppress(BrokenPipeError, BlockingIOError):
                os.write(self._pipe, line.encode())
