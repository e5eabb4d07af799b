"""A local endpoint behind a proxy with random faults, in a process of its own.

`python -m tests.support.faulty_endpoint` prints where it listens and its keys, as a line of JSON. When its input ends, it lets
every function end, and prints the executions that the functions recorded, those that the endpoint recorded, and the notes.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from aiolambda.local import LocalEndpoint

from .local import function
from .random_proxy import RandomProxy

TIMEOUT = 1.0
"""Seconds that a function may take. Its first line must run within them, also on a busy machine."""


async def serve(diary: Path) -> None:
    settings = {"environment": {"DIARY": str(diary)}, "timeout": TIMEOUT}
    functions = [
        function("work", "diary_handlers.handler", concurrency=8, **settings),
        function("closed", "diary_handlers.handler", concurrency=0),
        function("narrow", "diary_handlers.handler", concurrency=1, **settings),
        function("writer", "diary_handlers.stream", concurrency=8, **settings),
        function("queued", "diary_handlers.handler", concurrency=2, **settings),
    ]
    async with LocalEndpoint(functions) as endpoint:
        async with RandomProxy(int(endpoint.url.rpartition(":")[2])) as proxy:
            keys = {"key": endpoint.credentials.access_key_id, "secret": endpoint.credentials.secret_access_key}
            print(json.dumps({"url": proxy.url, **keys}), flush=True)  # noqa: T201 - read by the parent
            await asyncio.to_thread(sys.stdin.read)
        await endpoint.wait_idle()
        recorded = Counter(execution.event()["call"] for execution in endpoint.executions)
        processes = [pid for name in endpoint.functions for pid in endpoint.runtime_pids(name)]
        proxy.notes["runtime processes"] = len(processes)
    executions = Counter(diary.read_text().splitlines())
    told = {"executions": executions, "recorded": recorded, "notes": proxy.notes}
    print(json.dumps(told), flush=True)  # noqa: T201 - read by the parent


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        path = Path(folder) / "diary"
        path.touch()
        asyncio.run(serve(path))
