"""Keeps payloads and secrets out of tracebacks that are printed with locals, as Sentry and rich do.

Coroutines of this package hold no payload or secret in a local while they wait. Functions that encode, sign or read keys must
hold them. So their frames are cleared before an error leaves the package.

Owns the clearing. Must not know which locals are secret.
"""

import inspect
from types import FrameType
from typing import cast

from . import AiolambdaError

__all__ = ["forget_locals"]

_CLEARED_PACKAGES = frozenset({"aiolambda", "aiobotocore", "aiohttp", "botocore", "json", "urllib3"})
"""Packages whose frames are cleared. Their locals say no more than the lines of the traceback. The caller's own frames stay."""

_SUSPENDABLE = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
"""Frames of this kind are not cleared: clearing would end a coroutine or generator that still waits."""


def forget_locals(error: BaseException) -> None:
    """Clear the frames of functions in the tracebacks of an error, its causes, its contexts and its group members.

    If an error of this package suppresses its context, the context is dropped. It is never shown, and may hold a secret.
    """
    seen, left = set[int](), [error]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, AiolambdaError) and one.__suppress_context__:
            one.__context__ = None
        left += [behind for behind in (one.__cause__, one.__context__) if behind is not None]
        if isinstance(one, BaseExceptionGroup):  # raised by a middleware that uses a TaskGroup
            left += cast("BaseExceptionGroup[BaseException]", one).exceptions
        entry = one.__traceback__
        while entry is not None:
            _clear(entry.tb_frame)
            entry = entry.tb_next


def _clear(frame: FrameType) -> None:
    if frame.f_code.co_flags & _SUSPENDABLE or str(frame.f_globals.get("__name__")).partition(".")[0] not in _CLEARED_PACKAGES:
        return
    try:  # noqa: SIM105 - `suppress` would add a frame for each
        frame.clear()
    except RuntimeError:  # the frame is running
        pass
