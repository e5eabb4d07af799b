"""The end of a program that a test has started."""

import asyncio

__all__ = ["output_of"]


async def output_of(process: asyncio.subprocess.Process, *, within: float, stdin: bytes | None = None) -> tuple[bytes, bytes]:
    """What a program wrote until it ended. After so many seconds it is killed."""
    try:
        return await asyncio.wait_for(process.communicate(stdin), within)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
