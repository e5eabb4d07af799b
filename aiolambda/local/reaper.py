"""A script of its own: outlives the endpoint for a moment, to kill what the endpoint could not.

Owns one promise: no runtime process is left when the endpoint is killed with SIGKILL. It reads process group ids from its
standard input, `+ID` and `-ID`, and at the end of the input kills the groups that were not taken back. Must not import
anything that takes time, nor know what the groups are.
"""

import os
import signal
import sys


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
