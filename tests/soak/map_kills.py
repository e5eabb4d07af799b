"""`kill -9` at 20 random moments of a map of 5,000 items with a journal, and the results after all resumes.

`python -m tests.soak.map_kills [--items N] [--kills N] [--idempotent] [--seconds LEAST MOST] [--seed N]`

The server is a process of its own, and counts executions by payload. Exit code 1 if an item has no result or two results, or if
it ran twice and was not reported as unknown before.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.simulated_lambda import Handle, simulated_lambda


async def run(server: Handle, options: argparse.Namespace, folder: Path) -> bool:
    rng = random.Random(options.seed)
    (folder / "items").write_text("".join(f"{number}\n" for number in range(options.items)))
    server.reset(seconds=0.05, limits={})
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    where = ("--region", "us-east-1", "--endpoint-url", server.url)
    what = ("map", "nap", "-f", "items", "-o", "out", "--journal", "run.db", "--concurrency", "100")
    command = (sys.executable, "-m", "aiolambda", *what, *where, *(["--idempotent"] if options.idempotent else []))
    killed = 0
    for _ in range(options.kills):
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stderr=asyncio.subprocess.DEVNULL)
        try:
            await asyncio.wait_for(process.wait(), rng.uniform(*options.seconds))
        except TimeoutError:
            process.kill()
            await process.wait()
            killed += 1
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment)
    await process.wait()
    results = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    of_item = Counter(result["index"] for result in results)
    unknown = sum(result["delivery"] == "unknown" for result in results)
    _, _, ended, most, distinct = server.asked()
    print(f"{killed} kills; {len(results):,} results of {len(of_item):,} items, {unknown} unknown")
    print(f"{len(ended):,} executions of {distinct:,} payloads, at most {most} of one")
    one_each = len(results) == len(of_item) == options.items
    return one_each and (options.idempotent or most == 1) and (not options.idempotent or not unknown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, nargs=2, default=(0.25, 0.6), help="between these a run is killed")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--idempotent", action="store_true", help="items in flight are sent again")
    options = parser.parse_args()
    with simulated_lambda() as server, tempfile.TemporaryDirectory() as folder:
        holds = asyncio.run(run(server, options, Path(folder)))
    print("all of it holds" if holds else "DOES NOT HOLD")
    raise SystemExit(not holds)


if __name__ == "__main__":
    main()
