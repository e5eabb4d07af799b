"""Calls of the functions of a program that listen to an endpoint: one that raises changes nothing.

Law: the exception of a listener goes to the exception handler of the event loop of its thread, or is logged if it has none.

Must not know what is listened to.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

__all__ = ["guarded", "tell"]

T = TypeVar("T")

_log = logging.getLogger("aiolambda.local")


def tell(name: str, listener: Callable[[T], object], item: T) -> None:
    """Call the listener. `name` is that of the argument that set it."""
    try:
        listener(item)
    except Exception as error:  # noqa: BLE001 - see the law
        message = f"{name} of the local endpoint raised an exception"
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            _log.exception(message)
            return
        loop.call_exception_handler({"message": message, "exception": error})


def guarded(name: str, listener: Callable[[T], object]) -> Callable[[T], None]:
    """A listener that calls this one and never raises."""

    def call(item: T) -> None:
        tell(name, listener, item)

    return call
