"""Parts of a client that other processes import: middlewares, a retry strategy, a codec."""

import asyncio
import logging
import os
import sys
import threading
import time
from typing import Any

import attrs

from aiolambda import Call

__all__ = [
    "GiveUp",
    "Lock",
    "cancelling",
    "forking",
    "noting",
    "printing",
    "raising",
    "stamped",
    "warning",
    "with_a_lock",
    "with_a_lock_for_an_id",
    "with_a_text_of_its_own",
    "without_metadata",
]


async def stamped(call: Call[Any, Any], call_next: Any) -> Any:
    """Stamp the request with the process that makes it."""
    call.request.headers["x-pid"] = str(os.getpid())
    return await call_next(call)


async def noting(call: Call[Any, Any], call_next: Any) -> Any:
    """Append to what `stamped` wrote: it comes after it."""
    call.request.headers["x-pid"] += "+"
    return await call_next(call)


async def printing(call: Call[Any, Any], call_next: Any) -> Any:
    """Print to the pipe that the frames would take, and read from it."""
    print("a print of a middleware", flush=True)  # noqa: T201 - that is the test
    assert sys.stdin.read() == ""
    return await call_next(call)


async def warning(call: Call[Any, Any], call_next: Any) -> Any:
    logging.getLogger("aiolambda.retry").warning("a warning of %s", "a worker", extra={"function_name": call.function_name})
    return await call_next(call)


async def with_a_lock(call: Call[Any, Any], call_next: Any) -> Any:
    """Return an output that no other process can have, for the payload 1."""
    output = await call_next(call)
    return attrs.evolve(output, executed_version=threading.Lock()) if call.input.payload == b"1" else output


async def with_a_lock_for_an_id(call: Call[Any, Any], call_next: Any) -> Any:
    output = await call_next(call)
    odd: Any = attrs.evolve(output.metadata, request_id=threading.Lock())
    return attrs.evolve(output, metadata=odd) if call.input.payload == b"1" else output


async def without_metadata(call: Call[Any, Any], call_next: Any) -> Any:
    output = await call_next(call)
    return attrs.evolve(output, metadata=None) if call.input.payload == b"1" else output


async def raising(call: Call[Any, Any], call_next: Any) -> Any:
    if call.input.payload == b"1":
        raise LookupError("of a middleware")
    return await call_next(call)


async def cancelling(call: Call[Any, Any], call_next: Any) -> Any:
    """Cancel the task of the call after it has run, for the payload 1."""
    output = await call_next(call)
    if call.input.payload == b"1":
        raise asyncio.CancelledError
    return output


class GiveUp:
    """A retry strategy that never repeats."""

    def pause(self, failure: Any, /) -> float | None:
        return None

    def succeeded(self, failures: Any, /) -> None:
        pass


class Lock:
    """A middleware that holds what no other process can have."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    async def __call__(self, call: Call[Any, Any], call_next: Any) -> Any:
        return await call_next(call)


class OwnText(str):
    """Can be pickled, and loaded in a worker alone."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return own_text, (str(self),)


can_load_own_text = True
"""A test changes it in its own process."""


def own_text(text: str) -> OwnText:
    if not can_load_own_text:
        raise LookupError(text)
    return OwnText(text)


async def with_a_text_of_its_own(call: Call[Any, Any], call_next: Any) -> Any:
    output = await call_next(call)
    return attrs.evolve(output, executed_version=OwnText("1")) if call.input.payload == b"1" else output


async def forking(call: Call[Any, Any], call_next: Any) -> Any:
    """Fork the worker, for the payload 1: the child keeps its pipes for 30 s."""
    if call.input.payload == b"1" and os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    return await call_next(call)
