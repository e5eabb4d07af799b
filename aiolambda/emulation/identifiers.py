"""Identifiers that Lambda gives: request ids, trace ids, ARNs, names of log streams.

Must not know what they are used for.
"""

import datetime as dt
import functools
import os
import secrets
import time

from ..protocol.endpoints import partition_of

__all__ = ["ACCOUNT", "LATEST", "arn_of", "layer_arn_of", "log_stream_name", "new_request_id", "new_trace_id"]

ACCOUNT = "000000000000"
"""The account of all local functions."""
LATEST = "$LATEST"
"""The version that is not published."""


def new_request_id() -> str:
    """A random UUID (version 4)."""
    digits = os.urandom(16).hex()  # uuid.uuid4() takes three times as long
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_trace_id() -> str:
    digits = os.urandom(20).hex()
    return f"Root=1-{int(time.time()):08x}-{digits[:24]};Parent={digits[24:]};Sampled=0"


@functools.lru_cache(maxsize=1024)  # calls repeat the same few
def arn_of(function_name: str, region: str, qualifier: str | None = None, *, account: str = ACCOUNT) -> str:
    """The ARN of a function, or of its version or alias."""
    arn = f"arn:{partition_of(region).id}:lambda:{region}:{account}:function:{function_name}"
    return arn if qualifier is None else f"{arn}:{qualifier}"


def layer_arn_of(layer_name: str, region: str) -> str:
    """The ARN of a layer, without a version."""
    return f"arn:{partition_of(region).id}:lambda:{region}:{ACCOUNT}:layer:{layer_name}"


def log_stream_name(today: dt.date, version: str = LATEST) -> str:
    """A new name of a log stream."""
    return f"{today:%Y/%m/%d}/[{version}]{secrets.token_hex(16)}"
