"""The part of the demo that fans out: a map against a limit, killed on its way, and resumed out of its journal.

Owns this chapter of the story. Must not need more than the local endpoint.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ...local import LocalEndpoint, LocalFunction
from ..files import tell
from .printer import Stage

__all__ = ["fan_out"]

LIMIT = 50
ITEMS = 500
KILLED_AFTER = 150
"""Results."""

_FUNCTIONS = Path(__file__).with_name("functions.py")


async def fan_out(stage: Stage) -> bool:
    """Tell the chapter; whether every item has exactly one result, and none has run twice."""
    stage.heading(f"5. {ITEMS} items against a limit of {LIMIT}: killed on the way, and resumed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        diary = folder / "executed.txt"
        items = [json.dumps({"item": number, "diary": str(diary)}) for number in range(ITEMS)]
        (folder / "items.jsonl").write_text("\n".join(items) + "\n")
        function = LocalFunction(
            name="nap", handler=f"{_FUNCTIONS.stem}.nap", root=_FUNCTIONS.parent, concurrency=LIMIT, timeout=30.0
        )
        async with LocalEndpoint([function]) as endpoint:
            print("    $ aiolambda map nap -f items.jsonl -o first.jsonl --journal run.db    # kill -9 on the way")
            first = await _start(endpoint, folder, "first.jsonl")
            while first.returncode is None and _lines(folder / "first.jsonl") < KILLED_AFTER:  # noqa: ASYNC110 - a file tells nobody that it grows
                await asyncio.sleep(0.02)
            if first.returncode is None:
                first.kill()
            await first.wait()
            print(f"    killed after {_lines(folder / 'first.jsonl')} results\n")
            print("    $ aiolambda map nap -f items.jsonl -o second.jsonl --journal run.db")
            second = await _start(endpoint, folder, "second.jsonl")
            await second.wait()
        return _told(folder / "second.jsonl", diary)


async def _start(endpoint: LocalEndpoint, folder: Path, output: str) -> asyncio.subprocess.Process:
    keys = {
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret_access_key,
    }
    where = ("--region", endpoint.region, "--endpoint-url", endpoint.url)
    what = ("nap", "-f", "items.jsonl", "-o", output, "--journal", "run.db")
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aiolambda", "map", *what, *where, cwd=folder, env={**os.environ, **keys}
    )


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _told(path: Path, diary: Path) -> bool:
    """Say what came of it, and check it against what the handlers wrote down themselves."""
    results = [json.loads(line) for line in path.read_text().splitlines()]
    unknown = sum(result["delivery"] == "unknown" for result in results)
    executed = Counter(diary.read_text().split())
    print(f"    {len(results)} items, {len(results)} results; {len(executed)} ran, {sum(executed.values())} times in all")
    print(f"    {unknown} were in flight when it was killed: they may have run, so they are reported, and not sent again")
    sound = len(results) == len({result["index"] for result in results}) == ITEMS and set(executed.values()) == {1}
    if not sound:
        tell("aiolambda: an item has no result, or has run twice")
    return sound
