"""Thousands of first calls at once over TLS. All succeed, though each needs a handshake.

The server is a process of its own; both it and the client raise their limit of open files as far as they may.
"""

import argparse

from ..support import random_faults_server
from . import runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--no-tls", action="store_true")
    runs.add_loop(parser)
    options = parser.parse_args()
    random_faults_server.raise_open_files()
    runs.tell(runs.first_calls(calls=options.calls, tls=not options.no_tls), loop=options.loop)


if __name__ == "__main__":
    main()
