"""The operations of the endpoint by method and path: Invoke, and InvokeWithResponseStream.

Must not know requests beyond these two, or which functions exist.
Source: the Lambda API reference.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

__all__ = ["Operation", "operation_of"]

_PATH = re.compile(
    r"/2015-03-31/functions/(?P<buffered>[^/]+)/invocations"
    r"|/2021-11-15/functions/(?P<streamed>[^/]+)/response-streaming-invocations"
)


class Operation(NamedTuple):
    """An invocation of a function. `function_name` is decoded."""

    function_name: str
    streamed: bool


@lru_cache(maxsize=1024)  # calls repeat the same few, and the router of aiohttp.web takes 15 calls
def operation_of(method: str, path: str) -> Operation | None:
    """The operation of a request; `None` if there is none. `path` is as sent, without query."""
    match = _PATH.fullmatch(path) if method == "POST" else None
    if match is None:
        return None
    return Operation(unquote(match["streamed"] or match["buffered"]), match["streamed"] is not None)
