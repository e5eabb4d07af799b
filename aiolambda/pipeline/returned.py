"""The faults of the user's middlewares: they returned something else than an output, or raised an error of their own.

Owns the errors for both, and their texts, which never show a value. Must not know where a call was sent from.
"""

import inspect
import traceback
from collections.abc import Sequence
from typing import Any

from ..errors import AiolambdaError
from ..policy import delivery
from ..types.http import Response
from ..types.mistakes import kind_of
from ..types.values import Delivery
from .call import Call
from .command import BaseCommand
from .entries import Entry, shown_entry
from .operation import ControlPlaneOperation
from .preparation import FusedChain

__all__ = ["check_returned", "error_of_item"]

_FORM = "`return await call_next(call)`"
_OUTCOMES = {
    Delivery.EXECUTED: "the function has run",
    Delivery.ACCEPTED: "Lambda has queued the event",
    Delivery.UNKNOWN: "the function may have run",
}
_OUTCOMES_OF_OPERATION = {
    Delivery.EXECUTED: "the operation has been carried out",
    Delivery.ACCEPTED: "Lambda has accepted the operation",
    Delivery.UNKNOWN: "the operation may have been carried out",
}
_PACKAGE = "aiolambda."
_MOST_SHOWN = 5
"""Middlewares that an error names."""


def check_returned(call: Call[Any, Any], returned: object, middlewares: Sequence[Entry]) -> None:
    """`AiolambdaError` if a chain with these middlewares of the user returned something that cannot be an output.

    An object of a class that is not built into Python may be an output of the user's own. A command of the user's own, which is
    no `BaseCommand`, may have outputs of any class.
    """
    problem = _problem_of(returned, of_any_class=not isinstance(call.command, BaseCommand))
    if problem is None:
        return
    verdict = delivery.worst(call.verdicts)
    named = ", ".join(map(shown_entry, middlewares[:_MOST_SHOWN]))
    more = f" and {len(middlewares) - _MOST_SHOWN} more" if len(middlewares) > _MOST_SHOWN else ""
    who = f"the middleware {named} returned" if len(middlewares) == 1 else f"one of the middlewares {named}{more} returned"
    if isinstance(call.command.operation, ControlPlaneOperation):
        outcome = _OUTCOMES_OF_OPERATION.get(verdict, "the operation has not been carried out")
    else:
        outcome = _OUTCOMES.get(verdict, "the function has not run")
    raise AiolambdaError(f"{who} {problem}; {outcome}", delivery=verdict)


def error_of_item(error: Exception) -> AiolambdaError:
    """The error of an item of a map whose call raised an exception of the user's own: it becomes the cause.

    The text does not quote it, because it may hold a payload.
    """
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not str(frame.f_globals.get("__name__")).startswith(_PACKAGE)
    ]
    place = f" at {places[-1]}" if places else ""
    return AiolambdaError(f"{type(error).__name__} was raised{place} during this call, outside of aiolambda: see __cause__")


def _problem_of(returned: object, *, of_any_class: bool) -> str | None:
    """What was returned and what to write, if it is no output."""
    kind = kind_of(returned)
    if inspect.isroutine(returned) or isinstance(returned, FusedChain):
        return f"a function, and not an output: a middleware is not curried here, it must {_FORM} itself"
    if inspect.isawaitable(returned):
        if inspect.iscoroutine(returned):
            returned.close()  # else Python warns that it was never awaited
        return f"{kind} that was not awaited, and not an output: it must {_FORM}"
    if isinstance(returned, Response):
        return "a Response, and not an output: only a middleware behind deserializerMiddleware may return one"
    if of_any_class or type(returned).__module__ != "builtins":
        return None
    remedy = f"it must {_FORM}{', which gives the output itself' * isinstance(returned, dict)}"
    return f"{kind}, and not an output: {remedy}"
