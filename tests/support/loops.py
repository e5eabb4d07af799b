"""The event loop that the tests run on: asyncio's own, or uvloop's if `AIOLAMBDA_LOOP=uvloop`.

A test whose subject is the loop uses the chosen one, too. The checks run the whole suite once with each.
"""

import asyncio
import importlib
import os
from collections.abc import Callable
from typing import Literal

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
LoopName = Literal["asyncio", "uvloop"]

NO_SLOW_CALLBACKS = """
import logging
logging.getLogger("asyncio").addFilter(lambda record: not str(record.msg).startswith("Executing %s took"))
"""
"""The head of a program that must write nothing to stderr in development mode: there a loop logs each step of over 0.1 s,
and on a busy machine any step can take that long."""

CHOSEN: LoopName = "uvloop" if os.environ.get("AIOLAMBDA_LOOP") == "uvloop" else "asyncio"


def chosen_loop() -> LoopFactory:
    factory: LoopFactory = importlib.import_module(CHOSEN).new_event_loop
    return factory
