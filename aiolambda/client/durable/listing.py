"""The durable executions of a function, page by page.

Owns the checks of what is asked for. Must not know how one page leads to the next.
"""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import TYPE_CHECKING, Self

from ...errors import InvalidInputError
from ...errors.checks import check_choice
from ...operations.api.structures import Execution
from ...operations.durable import DurableExecutionDescription, summary_of
from ...protocol.names import check_function_name, check_pattern
from ...types.values import Timeouts, Unset
from ..pages import Items
from .start import list_command

if TYPE_CHECKING:
    from .questions import Questions

__all__ = ["Listing"]

_MOST_STATUSES = 10


class Listing(AsyncIterator[DurableExecutionDescription]):
    """The executions of a function: an async iterator, which `client.durable_executions` makes."""

    def __init__(
        self,
        questions: "Callable[[], Questions]",
        function_name: str,
        *,
        name: str | None,
        qualifier: str | None,
        statuses: Sequence[str] | None,
        started_after: dt.datetime | None,
        started_before: dt.datetime | None,
        oldest_first: bool,
        page_size: int | None,
        timeout: float | Timeouts | Unset | None,
    ) -> None:
        check_function_name(function_name)
        check_choice("oldest_first", oldest_first)
        if name is not None:
            check_pattern("durable_execution_name", name)
        if qualifier is not None:
            check_pattern("qualifier", qualifier)
        is_list = isinstance(statuses, Collection) and not isinstance(statuses, str)
        if statuses is not None and not (is_list and 1 <= len(statuses) <= _MOST_STATUSES):
            raise InvalidInputError(f"statuses must be a list of 1 to {_MOST_STATUSES} statuses", member="statuses")
        self._questions, self._timeout = questions, timeout
        self._command = list_command(
            function_name,
            qualifier=qualifier,
            name=name,
            statuses=None if statuses is None else list(statuses),
            started_after=started_after,
            started_before=started_before,
            reverse_order=oldest_first or None,
            max_items=page_size,
        )
        self._items: Items[Execution] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DurableExecutionDescription:
        if self._items is None:
            self._items = Items(self._questions(), self._command, self._timeout)
        return summary_of(await anext(self._items))
