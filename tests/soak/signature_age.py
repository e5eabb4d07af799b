"""Calls that queue for 10 slots: how old a signature is when the server reads it.

At most 2 s on an open connection, and at most the connect limit on a new one, even if the call waited longer. The server
answers after 5 ms, ends a connection after a hundred requests, and delays one handshake in ten by a second. The date of a
signature has whole seconds, so a shown age is up to a second too high.
"""

import argparse

from . import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000, help="all at once")
    parser.add_argument("--slots", type=int, default=10)
    parser.add_argument("--no-tls", action="store_true")
    runs.add_loop(parser)
    options = parser.parse_args()
    runs.tell(runs.signature_age(calls=options.calls, slots=options.slots, tls=not options.no_tls), loop=options.loop)


if __name__ == "__main__":
    main()
