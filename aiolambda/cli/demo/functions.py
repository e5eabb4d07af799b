"""The functions that `aiolambda demo` serves.

Must not import this package, because runtime processes load this file by its path, like a user's file.
"""

import os
import time
from pathlib import Path
from typing import Any


def greet(event: dict[str, Any], context: Any) -> dict[str, Any]:
    print(f"greeting {event['name']}, {context.get_remaining_time_in_millis() / 1000:.0f} s left")
    return {"greeting": f"Hello, {event['name']}!", "pid": os.getpid()}


def divide(event: dict[str, Any], context: Any) -> float:
    return float(event["a"] / event["b"])


def square(event: dict[str, Any], context: Any) -> dict[str, int]:
    return {"square": event["n"] ** 2, "pid": os.getpid()}


def nap(event: dict[str, Any], context: object) -> dict[str, int]:
    with Path(event["record"]).open("a") as record:
        record.write(f"{event['item']}\n")
    time.sleep(0.1)
    return {"item": event["item"]}
