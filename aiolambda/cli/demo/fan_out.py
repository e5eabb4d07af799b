"""Chapter 5 of the demo: a map against a concurrency limit, killed before its end, and resumed from its journal."""

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ...local import LocalEndpoint, LocalFunction
from ..files import print_error
from .printer import Printer

__all__ = ["fan_out"]

LIMIT = 50
ITEMS = 500
RESULTS_BEFORE_KILL = 150

_FUNCTIONS = Path(__file__).with_name("functions.py")


async def fan_out(printer: Printer) -> bool:
    """Run the chapter, and return whether every item has exactly one result, and no item ran twice."""
    printer.heading(f"5. {ITEMS} items against a concurrency of {LIMIT}: killed and resumed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record = folder / "executed.txt"
        items = [json.dumps({"item": number, "record": str(record)}) for number in range(ITEMS)]
        (folder / "items.jsonl").write_text("\n".join(items) + "\n")
        function = LocalFunction(
            name="nap", handler=f"{_FUNCTIONS.stem}.nap", root=_FUNCTIONS.parent, concurrency=LIMIT, timeout=30.0
        )
        async with LocalEndpoint([function]) as endpoint:
            print("    $ aiolambda map nap -f items.jsonl -o first.jsonl --journal run.db")
            first = await _start(endpoint, folder, "first.jsonl")
            while first.returncode is None and _lines(folder / "first.jsonl") < RESULTS_BEFORE_KILL:  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.02)
            if first.returncode is None:
                first.kill()
            await first.wait()
            _erase_progress()
            print(f"    killed (kill -9) after {_lines(folder / 'first.jsonl')} results\n")
            print("    $ aiolambda map nap -f items.jsonl -o second.jsonl --journal run.db")
            second = await _start(endpoint, folder, "second.jsonl")
            await second.wait()
        return _check(folder / "second.jsonl", record)


async def _start(endpoint: LocalEndpoint, folder: Path, output: str) -> asyncio.subprocess.Process:
    keys = {
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret_access_key,
    }
    connection = ("--region", endpoint.region, "--endpoint-url", endpoint.url)
    arguments = ("nap", "-f", "items.jsonl", "-o", output, "--journal", "run.db", *connection)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aiolambda", "map", *arguments, cwd=folder, env={**os.environ, **keys}
    )


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _erase_progress() -> None:
    """Remove the progress display of the killed process from the terminal, and show the cursor that it has hidden."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        print("\r\033[2K\033[?25h", end="", file=sys.stderr, flush=True)


def _check(path: Path, record: Path) -> bool:
    """Print the result, and check it against the record that the handlers have written."""
    results = [json.loads(line) for line in path.read_text().splitlines()]
    unknown = sum(result["delivery"] == "unknown" for result in results)
    executed = Counter(record.read_text().split())
    total = sum(executed.values())
    print(f"    {ITEMS} items, {len(results)} results; {len(executed)} items ran, {total} times in total")
    print(f"    {unknown} were in flight at the kill: they may have run, so they are reported,")
    print("    and not sent again")
    is_correct = len(results) == len({result["index"] for result in results}) == ITEMS and set(executed.values()) == {1}
    if not is_correct:
        print_error("aiolambda: an item has no result, or ran twice")
    return is_correct
