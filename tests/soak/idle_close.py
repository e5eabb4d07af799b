"""Calls against a server that ends idle connections at random: no error that a user sees, and nothing runs twice.

The server, a process of its own, ends one idle connection in three within 3 ms of its answer, if no byte of another request has
come; so many ends meet the next request. A request that came between that look and the end is executed and not answered: it
fails as `unknown`, rightly, and is counted (1 to 14 in 10,000). Every other call must be answered. On Linux, asyncio's loop;
with `--uvloop` such a loss is `unknown`, and only duplicates and untruths count.
"""

import argparse

from . import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--in-flight", type=int, default=10)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    runs.tell(runs.idle_close(calls=options.calls, in_flight=options.in_flight, tls=options.tls), uvloop=options.uvloop)


if __name__ == "__main__":
    main()
