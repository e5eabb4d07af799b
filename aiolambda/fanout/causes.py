"""Why items failed: the name of a cause, and the failures counted by it.

Laws: the memory does not grow with the items, and a function that invents a type for each error does not change that. No name
contains a payload, or the message of a function.

Must not know where the counts are shown.
"""

from typing import TYPE_CHECKING

import attrs

from ..errors import AiolambdaError, FunctionError, LambdaServiceException, TransportError
from ..types.values import Delivery

if TYPE_CHECKING:
    from ..operations.fetch_types import HttpOutput
    from ..operations.invoke_types import InvokeCommandOutput

__all__ = ["CauseCounter", "MapCause", "cause_of", "request_id_of"]

_MOST_CAUSES = 100
_LONGEST_NAME = 100
_OTHERS = "other errors"


@attrs.frozen(kw_only=True)
class MapCause:
    """Items of a map that failed for one cause.

    Args:
        name: The type of a function's error, the code of a service error, or the class of any other error.
        delivery: The verdict on these items: whether the function may have run.
        count: The number of these items.
        first_index: The lowest index of these items.
        request_id: The request id of one of them, to look for in the logs; `None` if none of them has one.
    """

    name: str
    """The type of a function's error, the code of a service error, or the class of any other error."""
    delivery: Delivery
    """The verdict on these items: whether the function may have run."""
    count: int
    """The number of these items."""
    first_index: int
    """The lowest index of these items."""
    request_id: str | None = None
    """The request id of one of them, to look for in the logs; `None` if none of them has one."""


def cause_of(error: AiolambdaError) -> str:
    """The type of a function's error, the code of a service error, or the class of any other."""
    name = type(error).__name__
    if isinstance(error, FunctionError):
        name = error.error_type or name
    elif isinstance(error, LambdaServiceException):
        name = error.code or name
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def request_id_of(output: "InvokeCommandOutput | HttpOutput | None", error: AiolambdaError | None) -> str | None:
    """The request id of an answer or of an error, if it has one."""
    if output is not None:
        return output.metadata.request_id
    return error.request_id if isinstance(error, LambdaServiceException | TransportError) else None


@attrs.define
class _Counted:
    first_index: int
    count: int = 0
    request_id: str | None = None


class CauseCounter:
    """Counts failures by cause and verdict. Beyond 100 causes, further ones are counted together as "other errors"."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, Delivery], _Counted] = {}

    def add(self, error: AiolambdaError, verdict: Delivery, index: int, request_id: str | None) -> None:
        """Count a failure of the item with this index."""
        name = (cause_of(error), verdict)
        if name not in self._counts and len(self._counts) >= _MOST_CAUSES:
            name = (_OTHERS, verdict)
        counted = self._counts.setdefault(name, _Counted(index))
        counted.count += 1
        counted.first_index = min(counted.first_index, index)
        counted.request_id = counted.request_id or request_id

    def causes(self) -> tuple[MapCause, ...]:
        """The causes, the most frequent one first."""
        ranked = sorted(self._counts.items(), key=lambda entry: (-entry[1].count, entry[1].first_index))
        return tuple(
            MapCause(
                name=name,
                delivery=verdict,
                count=counted.count,
                first_index=counted.first_index,
                request_id=counted.request_id,
            )
            for (name, verdict), counted in ranked
        )
