"""A local endpoint in a process of its own.

`python benchmarks/endpoint.py FOLDER [--processes N] [--runtime COMMAND] [--loop NAME]` serves the function `bench`, whose
handler is in `FOLDER/bench.py`, and says its URL in its first line, as JSON. A line on standard input makes a mark, as in
`steady.py`, and is answered with `null`. Ends with its standard input.

The log of the function goes to the null device, as that of the other local Lambdas does.
"""

import argparse
import asyncio
import gc
import json
import os
import shlex
import sys
from pathlib import Path

from loops import LOOPS, factory  # these three are beside this file
from peers import KEY, SECRET
from steady import mark

from aiolambda import Credentials
from aiolambda.local import LocalEndpoint, LocalFunction


async def serve(options, log):
    function = LocalFunction(
        name="bench",
        handler="bench.handler",
        root=options.folder,
        concurrency=options.processes,
        runtime=tuple(shlex.split(options.runtime)) or None,
    )
    keys = Credentials(KEY, SECRET)
    async with LocalEndpoint([function], credentials=keys, on_log=log.write, keep_records=False) as endpoint:
        print(json.dumps(endpoint.url), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            gc.collect()
            gc.disable()  # from the first mark on: see `steady.py`
            mark()
            print("null", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--runtime", default="", metavar="COMMAND", help="default: the built-in Python runtime")
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    with open(os.devnull, "wb", buffering=0) as log, asyncio.Runner(loop_factory=factory(options.loop)) as runner:  # noqa: PTH123
        runner.run(serve(options, log))


if __name__ == "__main__":
    main()
