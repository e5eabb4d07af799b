"""Functions that write each execution into a file, before anything else. For soaks that count executions.

`DIARY` names the file. The event has the name of the `call`, and what to `do`.
"""

import os
import time


def handler(event, context):
    record(event)
    return DEEDS[event["do"]](event)


def stream(event, context):
    record(event)
    for piece in ("one ", "two "):
        yield piece
        time.sleep(event.get("pause", 0))
    yield DEEDS[event["do"]](event)


def record(event):
    """Append a line in one step of the kernel, so that processes do not mix theirs."""
    file = os.open(os.environ["DIARY"], os.O_WRONLY | os.O_APPEND)
    os.write(file, f"{event['call']}\n".encode())
    os.close(file)


def raise_error(event):
    raise ValueError("a deliberate failure")


def hang(event):
    time.sleep(60)


def slow(event):
    time.sleep(event["seconds"])
    return event["call"]


def leave(event):
    os._exit(3)


DEEDS = {
    "answer": lambda event: event["call"],
    "raise": raise_error,
    "exit": leave,
    "hang": hang,
    "slow": slow,
}
