"""The stored form of what an error knows of its attempts: their history, and the change that could make another one succeed.

Must not know the other members of an error.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Any, cast

from ..errors import AiolambdaError, TransportError
from ..types.values import Attempt, Delivery, RetryAction
from .journal_members import NUMBER, Content, UnreadableError, members_of

__all__ = ["load_attempts", "record_of_attempts"]

_MEMBERS: Mapping[str, tuple[type, ...]] = {"delivery": (str,), "duration": NUMBER, "status_code": (int, NoneType)}
"""The columns of a row of the history."""


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
        history: object = content["history"]
        if not isinstance(history, list):
            raise UnreadableError("history is not a list")
        state["history"] = tuple(map(_attempt, cast("list[object]", history)))
    return state


def _attempt(row: object) -> Attempt:
    if not isinstance(row, list) or len(cast("list[object]", row)) != len(_MEMBERS):
        raise UnreadableError("history has a row that is no attempt")
    members = members_of(dict(zip(_MEMBERS, cast("list[object]", row), strict=True)), _MEMBERS)
    try:
        members["delivery"] = Delivery(members["delivery"])
    except ValueError:
        raise UnreadableError("history has a delivery that is not a verdict") from None
    return Attempt(**members)
