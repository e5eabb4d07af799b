"""The event loop of the tests: asyncio's own, or uvloop's if `AIOLAMBDA_LOOP=uvloop`."""

import asyncio
import os
from collections.abc import Callable

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def chosen_loop() -> LoopFactory:
    if os.environ.get("AIOLAMBDA_LOOP") == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop
