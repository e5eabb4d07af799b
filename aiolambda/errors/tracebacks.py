"""What an error of a call may show if its tracebacks are printed with locals, as Sentry and rich do: no payload and no secret.

Coroutines of this package hold none in their locals while they wait. Functions must, such as those that encode, sign or read
keys; so their frames are emptied before an error leaves the package.

Owns the emptying. Must not know what is secret.
"""

import inspect
from types import FrameType
from typing import cast

from . import AiolambdaError

__all__ = ["forget_locals"]

_EMPTIED = frozenset({"aiolambda", "aiobotocore", "aiohttp", "botocore", "json", "urllib3"})
"""Packages whose locals tell nothing that the traceback's lines do not; those of the caller's own code stay."""

_SUSPENDABLE = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
"""Emptying such a frame would end what still waits in it."""


def forget_locals(error: BaseException) -> None:
    """Empty the frames of functions in the tracebacks of an error and of all that stands behind it.

    A context that is suppressed, of an error of this package, is dropped: it is never shown, and holds what was left out.
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
        if isinstance(one, BaseExceptionGroup):  # of a middleware with a TaskGroup
            left += cast("BaseExceptionGroup[BaseException]", one).exceptions
        entry = one.__traceback__
        while entry is not None:
            _empty(entry.tb_frame)
            entry = entry.tb_next


def _empty(frame: FrameType) -> None:
    if frame.f_code.co_flags & _SUSPENDABLE or str(frame.f_globals.get("__name__")).partition(".")[0] not in _EMPTIED:
        return
    try:  # noqa: SIM105 - `suppress` would be a frame for each of them
        frame.clear()
    except RuntimeError:  # it is running
        pass
