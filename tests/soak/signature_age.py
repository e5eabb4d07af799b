"""Calls that queue for 10 slots: how old a signature is when the server reads it.

No more than 2 s on an open connection, and no more than the connect limit on a new one, however long the call waited. The
server answers after 5 ms, ends a connection after a hundred requests, and is a second late with the handshake of one in ten.
A signature's date has whole seconds, so up to a second of what is shown is not age.
"""

import argparse

from . import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000, help="all at once")
    parser.add_argument("--slots", type=int, default=10)
    parser.add_argument("--no-tls", action="store_true")
    options = parser.parse_args()
    runs.tell(runs.signature_age(calls=options.calls, slots=options.slots, tls=not options.no_tls))


if __name__ == "__main__":
    main()
