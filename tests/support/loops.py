"""The event loop that the tests run on: asyncio's own, or the one that `AIOLAMBDA_LOOP` names.

`uvloop` is uvloop's. `aiofastnet` and `uvloop+aiofastnet` are the same two loops with the transports of aiofastnet.

A test whose subject is the loop uses the chosen one, too. A program that a test starts inherits the choice:
`from tests.support.loops import chosen_loop`.
"""

import asyncio
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from .programs import output_of

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
LoopName = Literal["asyncio", "uvloop", "asyncio+aiofastnet", "uvloop+aiofastnet"]

NO_SLOW_CALLBACKS = """
import logging
logging.getLogger("asyncio").addFilter(lambda record: not str(record.msg).startswith("Executing %s took"))
"""
"""The head of a program that must write nothing to stderr in development mode: there a loop logs each step of over 0.1 s,
and on a busy machine any step can take that long."""

LOOPS: dict[str, LoopName] = {
    "asyncio": "asyncio",
    "uvloop": "uvloop",
    "aiofastnet": "asyncio+aiofastnet",
    "uvloop+aiofastnet": "uvloop+aiofastnet",
}
"""By the value of `AIOLAMBDA_LOOP`. Another value is an error, so that no run tests less than it says."""

CHOSEN: LoopName = LOOPS[os.environ.get("AIOLAMBDA_LOOP") or "asyncio"]


INSTALLED: list[LoopName] = [CHOSEN]
"""The loops of a test that is about loops: each that can be used here, or only the chosen one if that is not asyncio's own."""
if CHOSEN == "asyncio":
    INSTALLED = [loop for loop in get_args(LoopName) if all(map(importlib.util.find_spec, loop.split("+")))]


def loop_factory(name: LoopName) -> LoopFactory:
    base, _, transports = name.partition("+")
    factory: LoopFactory = importlib.import_module(base).new_event_loop
    return importlib.import_module(transports).loop_factory(factory) if transports else factory


def chosen_loop() -> LoopFactory:
    return loop_factory(CHOSEN)


async def ended(program: str, *arguments: str, warnings: tuple[str, ...] = ()) -> tuple[bytes, bytes, int | None]:
    """The output of a program in development mode, in which each warning is an error."""
    command = [sys.executable, "-X", "dev", "-W", "error", *warnings, "-c", NO_SLOW_CALLBACKS + program, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    running = await asyncio.create_subprocess_exec(*command, env=environment, stdout=-1, stderr=-1)
    out, err = await output_of(running, within=30)
    return out, err, running.returncode
