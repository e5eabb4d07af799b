"""The check of `max_concurrency`: whether the open files are enough, and the memory that the connections hold over TLS.

The doctor cannot know the event loop of the program that will make the calls, so it reckons with asyncio's own, the worst.

Owns the figures, which docs/event-loops.md explains. Opens nothing, and must not read the system: the caller names the limit.
"""

from urllib.parse import urlsplit

from ...errors import ConfigurationError
from ...pipeline.slots import problem_of_few, slot_limit
from ...version import install_line
from .. import exit_codes
from .check import Check, ok, problem, skipped, warning
from .settings import ExplainedSettings

__all__ = ["check_concurrency"]

_KIB, _MIB = 1024, 1024 * 1024
_HELD_BY_ASYNCIO = 300 * _KIB
"""Bytes for each connection over TLS: measured, 299 to 308 KiB on CPython 3.11 to 3.13. 256 of them are a buffer of asyncio."""
_HELD_BY_OTHERS = 60 * _KIB
"""Bytes for each connection over TLS on uvloop (54 to 62 KiB) and aiofastnet (48 to 57 KiB)."""
_MUCH = 512 * _MIB
"""Bytes that get a warning. The default of 1,000 calls stays below; a container often has no more than this in all."""


def check_concurrency(found: ExplainedSettings, room: int | None) -> Check:
    """Check the number of calls in flight. `room` is the most connections that can be open; None if it is unknown."""
    asked, endpoint = found.config.max_concurrency, found.findings.endpoint.value
    try:
        calls = slot_limit(asked, room)
    except ConfigurationError as error:
        advice = "raise the limit (ulimit -n), or lower max_concurrency"
        return problem("concurrency", str(error), advice, code=exit_codes.USAGE)
    if endpoint is None:
        return skipped("concurrency", "not checked: the settings are invalid")
    few = problem_of_few(asked, calls)
    if few is not None:
        return warning("concurrency", few, "raise the limit, such as with ulimit -n 4096", calls=calls)
    text = f"at most {calls:,} calls in flight"
    if urlsplit(endpoint.url).scheme != "https":
        return ok("concurrency", text, calls=calls)
    held, less = calls * _HELD_BY_ASYNCIO, calls * _HELD_BY_OTHERS
    facts = {"calls": calls, "asyncio_bytes": held, "uvloop_or_aiofastnet_bytes": less}
    text = f"{text}; over TLS their connections hold {_shown(held)} on asyncio's own event loop"
    if held < _MUCH:
        return ok("concurrency", text, **facts)
    advice = (
        f"run the client on uvloop, or on asyncio with aiofastnet (the extra 'fast', {install_line('fast')}): there they hold "
        f"{_shown(less)}; or lower max_concurrency"
    )
    return warning("concurrency", text, advice, **facts)


def _shown(size: int) -> str:
    return f"{size / _MIB:,.0f} MiB" if size < 1024 * _MIB else f"{size / (1024 * _MIB):,.1f} GiB"
