"""The stored form of what an error knows of its attempts: their history, and the change that could make another one succeed.

Must not know the other members of an error.
"""

from types import NoneType
from typing import Any, cast

from ..errors import AiolambdaError, TransportError
from ..types.values import Attempt, Delivery, RetryAction
from .journal_members import NUMBER, Content, UnreadableError, is_sound

__all__ = ["load_attempts", "record_of_attempts"]


def record_of_attempts(error: AiolambdaError) -> dict[str, Any]:
    """The members of an error's record. An error that ended no attempt has none."""
    record: dict[str, Any] = {}
    if error.retry_action is not None:
        record["retry_action"] = error.retry_action.value
    if isinstance(error, TransportError) and error.history:
        record["history"] = [[one.delivery.value, one.duration, one.status_code] for one in error.history]
    return record


def load_attempts(content: Content, kind: type[AiolambdaError]) -> dict[str, object]:
    """The attributes of an error of this class. `UnreadableError` for other content; earlier versions stored none."""
    state: dict[str, object] = {}
    if "retry_action" in content:
        try:
            state["retry_action"] = RetryAction(content["retry_action"])
        except ValueError:
            raise UnreadableError("retry_action is not one") from None
    if "history" in content and issubclass(kind, TransportError):
        history: Any = content["history"]
        if not isinstance(history, list):
            raise UnreadableError("history is not a list")
        state["history"] = tuple(map(_attempt, cast("list[Any]", history)))
    return state


def _attempt(row: Any) -> Attempt:
    match row:
        case [str(verdict), duration, status] if _is_number(duration) and type(status) in (int, NoneType):
            try:
                return Attempt(delivery=Delivery(verdict), duration=float(duration), status_code=status)
            except ValueError:
                pass
    raise UnreadableError("history has a row that is no attempt")


def _is_number(value: object) -> bool:
    return type(value) in NUMBER and is_sound(value)
