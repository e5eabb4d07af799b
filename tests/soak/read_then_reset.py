"""A server that reads a request and then resets its connection: each call is `unknown`, and none is sent again.

Every connection answers its first request. It reads the second one whole, which is its execution, and is reset within a
millisecond. So each loss is on a reused connection, and looks as if the server had closed it while it was idle. With
`--half-close` the server ends its side of an idle connection, still reads and executes a request, and then closes. Such a
request must not be sent again, either.
"""

import argparse

from . import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000, help="that are reset; with --half-close all calls")
    parser.add_argument("--in-flight", type=int, default=10)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--half-close", action="store_true")
    runs.add_loop(parser)
    options = parser.parse_args()
    if options.half_close:
        run = runs.half_close(calls=options.calls, in_flight=options.in_flight, tls=options.tls)
    else:
        run = runs.read_then_reset(losses=options.calls, in_flight=options.in_flight, tls=options.tls)
    runs.tell(run, loop=options.loop)


if __name__ == "__main__":
    main()
