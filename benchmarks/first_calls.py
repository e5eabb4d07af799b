"""So many first calls at once over TLS: every one gets through, though each needs a handshake and all share two cores.

The server is a process of its own; both it and the client raise their limit of open files as far as they may.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import soak, soak_server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--no-tls", action="store_true")
    options = parser.parse_args()
    soak_server.raise_open_files()
    soak.tell(soak.first_calls(calls=options.calls, tls=not options.no_tls))


if __name__ == "__main__":
    main()
