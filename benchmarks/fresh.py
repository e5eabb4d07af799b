"""The one-time cost of a client, measured in a fresh process: `python benchmarks/fresh.py CLIENT import`, or `... first URL`.

`import`: seconds of CPU and of the clock for importing the client, and the memory of the process behind it, interpreter and
all. `first`: the CPU of the process from its start to its first answer, with keys in the environment; the clock from the start
of this file on. Must not import a module that a client imports, too, before it measures.
"""

import json
import os
import sys
import time

MODULES = {
    "aiolambda": "aiolambda",
    "aiohttp": "aiohttp",
    "aiobotocore": "aiobotocore.session",
    "boto3": "boto3",
    "aws-sdk-lambda": "aws_sdk_lambda.client",
    "capo-lambda": "capo_lambda",
}


def memory():
    with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib's import would count
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def figures(cpu, wall):
    """Since those moments."""
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "memory": memory()}


def first(name, url):
    began = time.perf_counter()
    import asyncio

    from peers import CLIENTS

    async def once():
        client = CLIENTS[name]()
        await client.open(url, keys=False)
        assert await client.call("bench") == b'""'
        found = figures(0.0, began)
        await client.close()
        return found

    return asyncio.run(once())


def imported(name):
    cpu, wall = time.process_time(), time.perf_counter()
    __import__(MODULES[name])
    return figures(cpu, wall)


if __name__ == "__main__":
    print(json.dumps(imported(sys.argv[1]) if sys.argv[2] == "import" else first(sys.argv[1], sys.argv[3])))
