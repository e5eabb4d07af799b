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

CHOSEN: LoopName = "uvloop" if os.environ.get("AIOLAMBDA_LOOP") == "uvloop" else "asyncio"


def chosen_loop() -> LoopFactory:
    factory: LoopFactory = importlib.import_module(CHOSEN).new_event_loop
    return factory
