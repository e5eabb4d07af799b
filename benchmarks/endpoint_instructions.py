"""Instructions in user space that the local endpoint's own process needs for a warm invocation, counted by callgrind.

`python benchmarks/endpoint_instructions.py [--in-flight N] [--calls N] [--tree FOLDER] [--profiles FOLDER] [--json]`

Needs valgrind, and takes half a minute. The runtimes and the client run outside of it. Neighbours hardly disturb the figure;
`instructions.py` says what is not in it. `callgrind_annotate FOLDER/endpoint.3` shows where the instructions are.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.environments import OURS, ROOT
from benchmarks.instructions import instructions
from benchmarks.local_lambdas import endpoint, write_handlers
from benchmarks.processes import DriverError, started

PAYLOAD = 100
"""Bytes."""


async def of_an_invocation(options: argparse.Namespace, folder: Path) -> float:
    """Thousands of instructions. Writes the profiles of the parts into the folder: `endpoint.2` and `.3` have warm calls."""
    base = folder / "endpoint"
    tool = ["valgrind", "--tool=callgrind", "--quiet", "--dump-before=getpriority", f"--callgrind-out-file={base}"]
    write_handlers(folder, 0.0)
    async with endpoint(folder, options.in_flight, options.tree, tool=tool) as served, started(OURS) as client:
        assert served.control is not None
        await client.order("open", url=served.url, pool=options.in_flight)
        for count in (50, options.calls, 3 * options.calls):
            await client.order("run", in_flight=options.in_flight, payload=PAYLOAD, count=count)
            await served.control.order("mark")
        await client.order("close")
    shorter, longer = (instructions(Path(f"{base}.{part}")) for part in (2, 3))
    return (longer - shorter) / (2 * options.calls) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-flight", type=int, default=4)
    parser.add_argument("--calls", type=int, default=100, help="of the shorter part; the longer one has three times as many")
    parser.add_argument("--tree", type=Path, default=ROOT, metavar="FOLDER", help="another checkout to take the endpoint from")
    parser.add_argument("--profiles", type=Path, metavar="FOLDER", help="keep callgrind's files here, for callgrind_annotate")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        try:
            found = asyncio.run(of_an_invocation(options, options.profiles or Path(folder)))
        except (DriverError, FileNotFoundError) as error:
            raise SystemExit(f"endpoint_instructions.py: {error}") from None
    print(json.dumps(found) if options.json else f"{found:,.0f} thousand instructions of the endpoint for an invocation")


if __name__ == "__main__":
    main()
