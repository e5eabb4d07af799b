"""The loggers of the package, and how it logs: an error of the user's handler or filter is dropped.

Owns their names. Must not know what is logged.
"""

import contextlib
import copy
import logging
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CREDENTIALS", "PACKAGE", "AnyLogger", "child_of", "log_quietly"]

AnyLogger = logging.Logger | logging.LoggerAdapter[Any]
"""What users give a client as its logger. Only `logging.Logger` is documented, and an adapter works too."""

PACKAGE: Final = logging.getLogger("aiolambda")
"""Calls and attempts, and what concerns the whole client. Its children tell of one subject each: `retry` of throttles and
retries, `map` of runs, `credentials` of keys. A logger that the user gives a client takes its place, and its children theirs.
"""
PACKAGE.addHandler(logging.NullHandler())  # as the documentation of `logging` asks of a library: the program chooses

CREDENTIALS: Final = PACKAGE.getChild("credentials")
"""Keys that were renewed, or could not be. A provider may serve many clients, so it has no logger of a client."""


def child_of(logger: AnyLogger, name: str) -> AnyLogger:
    """The child of a logger, or an adapter like this one of the child of its logger."""
    if isinstance(logger, logging.Logger):
        return logger.getChild(name)
    adapter = copy.copy(logger)
    adapter.logger = child_of(logger.logger, name)
    return adapter


def log_quietly(
    logger: AnyLogger,
    level: int,
    message: str,
    *args: object,
    extra: Mapping[str, object] | None = None,
    exc_info: bool = False,
    stacklevel: int = 1,
) -> None:
    """Log a message. What a handler or filter raises is dropped: it must not replace the outcome of a call."""
    with contextlib.suppress(Exception):
        if not isinstance(logger, logging.Logger):  # before CPython 3.13, an adapter drops the keys of a record for its own
            message, added = logger.process(message, {"extra": extra or {}})
            extra, logger = {**(extra or {}), **(added.get("extra") or {})}, logger.logger
        logger.log(level, message, *args, extra=extra, exc_info=exc_info, stacklevel=stacklevel + 1)
