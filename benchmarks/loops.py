"""The event loops of the measurements, by name: `NAME+aiofastnet` is that loop with aiofastnet's transports.

Runs in the environments of the peers, too, so a loop's package is imported when the loop is asked for.
"""

import asyncio

LOOPS = ("asyncio", "uvloop", "asyncio+aiofastnet", "uvloop+aiofastnet")


def plain(name):
    """The loop that aiofastnet's transports are put into, or the loop itself."""
    return name.partition("+")[0]


def factory(name, selector=None):
    """What makes the loop. `selector` is asyncio's alone."""
    if plain(name) == "uvloop":
        from uvloop import new_event_loop as make
    else:

        def make():
            return asyncio.SelectorEventLoop(selector)

    if name == plain(name):
        return make
    from aiofastnet import loop_factory

    return loop_factory(make)
