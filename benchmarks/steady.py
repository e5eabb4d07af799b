"""The warm calls of one client, between marks, for a tool that counts what a process does. `processes.counted` starts it.

`python benchmarks/steady.py CLIENT URL [--ca FILE] [--loop NAME] [--in-flight N] [--calls N]` opens a connection for each call
in flight, and makes a mark, N calls, a mark, 3 N calls, and a mark. So the second part less the first is 2 N calls, and
nothing else. A mark is a call of `getpriority`, which nothing else here uses: callgrind sees the function, strace the system
call.

The collector of reference cycles is off, since a run in which it looks once more at all objects would differ by percents.
"""

import argparse
import asyncio
import gc
import os

SIZE = 100
"""Bytes of each payload."""


def mark():
    os.getpriority(os.PRIO_PROCESS, 0)


async def steady(client, options):
    from driver import check, check_json_text, so_many

    body = check_json_text(SIZE)

    async def calls(count):
        left = so_many(count)

        async def worker():
            for _ in left:
                check(await client.call("bench", body), body)

        await asyncio.gather(*(worker() for _ in range(options.in_flight)))

    await client.open(options.url, pool=options.in_flight, ca=options.ca)
    await asyncio.gather(*(client.call("hold", body) for _ in range(options.in_flight)))
    await calls(options.calls)
    gc.collect()
    gc.disable()
    mark()
    for count in (options.calls, 3 * options.calls):
        await calls(count)
        mark()
    await client.close()


def main():
    from loops import LOOPS, factory  # beside this file: the peers' environments find no package
    from peers import CLIENTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("url")
    parser.add_argument("--ca")
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    parser.add_argument("--in-flight", type=int, default=10)
    parser.add_argument("--calls", type=int, default=100)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=factory(options.loop)) as runner:
        runner.run(steady(CLIENTS[options.client](), options))


if __name__ == "__main__":
    main()
