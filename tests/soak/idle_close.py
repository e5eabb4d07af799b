"""Calls against a server that ends idle connections at random: no call fails, and none runs twice.

The server is a process of its own. It ends one idle connection in three within 3 ms of its answer, unless a byte of another
request has come. Many of these ends cross the next request. A request that comes after the server's last look is executed and
not answered: it rightly fails as `unknown`, and is counted (1 to 14 in 10,000). Every other call must be answered. This holds
on Linux, on every loop. On other systems only duplicates and false verdicts fail the run.
"""

import argparse

from . import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--in-flight", type=int, default=10)
    parser.add_argument("--tls", action="store_true")
    runs.add_loop(parser)
    options = parser.parse_args()
    runs.tell(runs.idle_close(calls=options.calls, in_flight=options.in_flight, tls=options.tls), loop=options.loop)


if __name__ == "__main__":
    main()
