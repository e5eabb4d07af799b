"""The clients of this process, and the callbacks that are told of each new one.

Owns the register. Must not know what a callback does.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..types.loggers import PACKAGE, log_quietly

if TYPE_CHECKING:
    from .client import LambdaClient

__all__ = ["add", "for_each"]

_lock = threading.Lock()
_clients: "WeakSet[LambdaClient]" = WeakSet()
_callbacks: "list[Callable[[LambdaClient], None]]" = []


def add(client: "LambdaClient") -> None:
    """Tell of a client that was just built."""
    with _lock:
        _clients.add(client)
        callbacks = tuple(_callbacks)
    for callback in callbacks:
        _tell(callback, client)


def for_each(callback: "Callable[[LambdaClient], None]") -> Callable[[], None]:
    """Call back for each client that exists, and for each that is built later. Returns a function that ends this.

    An error of the callback is logged: it must not keep a program from building its client.
    """
    with _lock:
        _callbacks.append(callback)
        clients = list(_clients)
    for client in clients:
        _tell(callback, client)

    def stop() -> None:
        with _lock:
            if callback in _callbacks:
                _callbacks.remove(callback)

    return stop


def _tell(callback: "Callable[[LambdaClient], None]", client: "LambdaClient") -> None:
    try:
        callback(client)
    except Exception:  # noqa: BLE001 - the program gets its client, whatever a callback raises
        log_quietly(PACKAGE, logging.ERROR, "a new client could not be instrumented", exc_info=True)
