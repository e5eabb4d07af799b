"""The check of functions before their first invocation: each starts a process, and its init fails or not.

Must not know HTTP, or what becomes of the result.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Collection
from typing import Any, cast

import attrs

from ..emulation.function_responses import FunctionResponse
from .functions import LocalFunction
from .routing import LATEST
from .runtime.pool import ProcessPool
from .runtime.process import EndpointClosed, RuntimeProcess
from .served_functions import ServedFunctions

__all__ = ["InitFailure", "check_inits"]


@attrs.frozen(kw_only=True)
class InitFailure:
    """A function whose process cannot start, or whose handler cannot be imported.

    Args:
        function_name: The name of the function.
        version: The version, `"$LATEST"` or a number.
        error_type: The error type that Lambda reports, such as `"Runtime.ImportModuleError"`.
        error_message: The message that Lambda reports.
        traceback: Where the module failed, as Python or the runtime writes it. Empty if that is not known.
    """

    function_name: str
    """The name of the function."""
    version: str
    """The version, `"$LATEST"` or a number."""
    error_type: str
    """The error type that Lambda reports, such as `"Runtime.ImportModuleError"`."""
    error_message: str
    """The message that Lambda reports."""
    traceback: str = attrs.field(default="", repr=False)
    """Where the module failed, as Python or the runtime writes it. Empty if that is not known."""


async def check_inits(functions: ServedFunctions, names: Collection[str] = ()) -> list[InitFailure]:
    """Warm the functions of these names, or all. Returns the failures in the order of the functions.

    As many processes start at the same time as the machine has processors. Those that wait for a debugger keep no others back,
    and are processes of `$LATEST` only, because a function under a debugger has one process.
    """
    turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def check(function: LocalFunction, pool: ProcessPool, version: str) -> InitFailure | None:
        async with contextlib.nullcontext() if pool.one_at_a_time else turns:
            try:
                process = await pool.warm(version, keep=function.tenant_isolation is not True)
            except EndpointClosed:  # or the function was removed
                return None
        return _failure_of(function.name, version, process)

    pools = dict(functions.pools)  # another thread may add and remove functions
    chosen = [function for name, function in list(functions.in_processes.items()) if not names or name in names]
    checks = [
        check(function, pools[function.name], version)
        for function in chosen
        if function.concurrency and function.name in pools
        for version in (LATEST, *(() if pools[function.name].one_at_a_time else function.versions))
    ]
    return [failure for failure in await asyncio.gather(*checks) if failure is not None]


def _failure_of(function_name: str, version: str, process: RuntimeProcess) -> InitFailure | None:
    response = process.init_failure
    if response is None:
        return None
    error = _members_of(response)
    trace = error.get("stackTrace")
    lines = [line for line in cast("list[object]", trace) if isinstance(line, str)] if isinstance(trace, list) else []
    return InitFailure(
        function_name=function_name,
        version=version,
        error_type=str(error.get("errorType") or response.error_type),
        error_message=str(error.get("errorMessage", "")),
        traceback=(process.init_traceback or "".join(lines)).rstrip("\n"),
    )


def _members_of(response: FunctionResponse) -> dict[str, Any]:
    try:
        content: object = json.loads(response.payload)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
