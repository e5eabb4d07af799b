"""What a journal costs an item of a map: bytes of the file, CPU, peak memory.

`python benchmarks/journal_cost.py [--items N] [--tail] [--keep outcome] [--again] [--folder DIR]` maps items through a
transport that answers at once, with small JSON answers and the headers that Lambda usually sends; with `--tail` also with a log
tail of four lines. It prints the size of the file at the end of the run, the time and the CPU time of an item, and the peak
memory of the process. With `--again` a second run replays all items.
"""

import argparse
import asyncio
import base64
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiolambda import Credentials, LambdaClient, Request, Response
from aiolambda.types.http import Headers

KEYS = Credentials("AKIDEXAMPLE", "secret")
IN_FLIGHT = 200


class Answering:
    """Answers as Lambda does, with ids of its own each time."""

    def __init__(self, *, tail: bool) -> None:
        self._random = random.Random(5)
        self._tail = tail
        self._count = 0

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    async def send(self, request: Request, /) -> Response:
        await asyncio.sleep(0)
        self._count += 1
        id = f"{self._hex(8)}-{self._hex(4)}-4{self._hex(3)}-a{self._hex(3)}-{self._hex(12)}"
        clock = f"{self._count // 36_000 % 24:02}:{self._count // 600 % 60:02}:{self._count // 10 % 60:02}"
        body = json.dumps({"id": self._count, "status": "ok", "total": self._random.randrange(10**5) / 100}).encode()
        headers = {
            "Date": f"Mon, 30 Nov 2026 {clock} GMT",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "keep-alive",
            "x-amzn-RequestId": id,
            "x-amzn-Remapped-Content-Length": "0",
            "X-Amz-Executed-Version": "$LATEST",
            "X-Amzn-Trace-Id": f"Root=1-{self._hex(8)}-{self._hex(24)};Parent={self._hex(16)};Sampled=0;"
            f"Lineage=1:{self._hex(8)}:0",
        }
        if self._tail:
            headers["X-Amz-Log-Result"] = base64.b64encode(self._log(id, clock).encode()).decode()
        return Response(200, Headers(headers), body)

    def _log(self, id: str, clock: str) -> str:
        lasted = self._random.uniform(3, 400)
        moment = f"2026-11-30T{clock}.{self._random.randrange(1000):03}Z"
        said = f"{moment}\t{id}\tINFO\torder {self._count} has {self._random.randrange(99)} lines"
        return (
            f"START RequestId: {id} Version: $LATEST\n{said}\nEND RequestId: {id}\nREPORT RequestId: {id}\t"
            f"Duration: {lasted:.2f} ms\tBilled Duration: {int(lasted) + 1} ms\tMemory Size: 128 MB\t"
            f"Max Memory Used: {self._random.randrange(60, 99)} MB\t\n"
        )

    async def close(self) -> None: ...


async def mapped(path: Path, options: argparse.Namespace) -> dict[str, float]:
    settings: dict[str, Any] = {"log_type": "Tail"} if options.tail else {}
    if options.keep is not None:
        settings["journal_results"] = options.keep
    began, cpu = time.perf_counter(), time.process_time()
    async with LambdaClient(region="us-east-1", credentials=KEYS, transport=Answering(tail=options.tail)) as client:
        run = client.map("bench", range(options.items), journal=path, concurrency=IN_FLIGHT, **settings)
        async with run:
            done = [result.ok async for result in run] if options.items <= 10_000 else await count(run)
    assert (done if isinstance(done, int) else done.count(True)) == options.items
    return {
        "bytes": path.stat().st_size / options.items,
        "us": (time.perf_counter() - began) / options.items * 1e6,
        "cpu_us": (time.process_time() - cpu) / options.items * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "replayed": run.stats.replayed,
    }


async def count(run: Any) -> int:
    done = 0
    async for result in run:
        done += result.ok
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--tail", action="store_true", help="answers with a log tail")
    parser.add_argument("--keep", help="journal_results of the run")
    parser.add_argument("--again", action="store_true", help="a second run replays the items")
    parser.add_argument("--folder", default=None, help="the folder of the journal; default: the temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for _ in range(2 if options.again else 1):
            print(json.dumps(asyncio.run(mapped(Path(folder) / "run.db", options))))


if __name__ == "__main__":
    main()
