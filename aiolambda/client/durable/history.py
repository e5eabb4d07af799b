"""The events of an execution, page by page, and the wait for those that have not happened yet.

Laws: nothing is sent before an event is asked for, and no more than a page is kept. An event is given once, also if its page is
read again. A step that fails or is cancelled leaves the iterator where it was.

Owns the markers, and the end. Must not know the pace of requests.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Self

from ...errors import AiolambdaError, InvalidInputError, LambdaServiceException
from ...errors.checks import check_choice
from ...operations.api.commands import GetDurableExecutionHistoryCommand, GetDurableExecutionHistoryCommandOutput
from ...operations.api.structures import Event
from ...operations.durable_events import DurableEvent, event_of
from ...policy import polling
from ...types.values import Timeouts, Unset
from .poller import is_missing

if TYPE_CHECKING:
    from .questions import Questions

__all__ = ["History"]

_PAGE = 400
"""Events that one request asks for. The service allows 1,000, but to decode so many would hold the event loop for 20 ms."""
_OF_A_MARKER = frozenset({"InvalidParameterValueException", "InvalidParameterValue"})
"""The codes of a marker that is no longer valid. Markers live for 24 hours."""


class History(AsyncIterator[DurableEvent]):
    """The events of a durable execution: an async iterator, which `execution.history` makes."""

    def __init__(
        self,
        questions: "Callable[[], Questions]",
        arn: str,
        *,
        follow: bool,
        include_data: bool,
        newest_first: bool,
        timeout: float | Timeouts | Unset | None,
        visible_at: Callable[[], float | None],
    ) -> None:
        for name, flag in (("follow", follow), ("include_data", include_data), ("newest_first", newest_first)):
            check_choice(name, flag)
        if follow and newest_first:
            raise InvalidInputError("follow waits for new events, so it cannot begin with the newest one", member="follow")
        self._questions, self._arn, self._timeout = questions, arn, timeout
        self._follows, self._includes_data, self._is_reversed = follow, include_data, newest_first
        self._visible_at = visible_at
        self._page: deque[Event] = deque()
        self._marker: str | None = None
        """The marker of the page to ask for next. While following, that of the last page, which may have grown."""
        self._kept_marker: str | None = None
        """An earlier marker: if it comes again, the pages go in a circle. It is replaced after 1, 2, 4, 8 ... pages."""
        self._pages = 0
        self._has_begun_again = False
        """Whether a marker was refused since the last new event, or the last end of the pages."""
        self._last_id: int | None = None
        """The number of the last event that was taken from a page."""
        self._is_at_end = False
        """Whether the last page that was read had no other behind it."""
        self._has_ended = False
        self._is_paused = False
        self._quiet_questions = 0
        """Questions in a row that brought no event."""
        self._failing_since: float | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DurableEvent:
        while not self._page:
            if self._has_ended or (self._is_at_end and not self._follows):
                raise StopAsyncIteration
            if self._is_at_end:
                await self._questions().pause(self._pause())
            await self._read()
        event = event_of(self._page.popleft())
        self._has_ended = self._has_ended or (event.is_end and self._follows)
        if self._has_ended:
            self._page.clear()
        return event

    async def _read(self) -> None:
        """Read the next page, or the last one again. While following, failures that pass only cost a pause."""
        try:
            output = await self._ask()
        except AiolambdaError as error:
            if not (self._follows and self._may_pass(error)):
                raise
            asked = error.retry_after if isinstance(error, LambdaServiceException) else None
            pause = max(self._pause(), asked or 0.0)
        else:
            self._failing_since = None
            self._take(output)
            return
        await self._questions().pause(pause)

    async def _ask(self) -> GetDurableExecutionHistoryCommandOutput:
        marker = self._marker
        try:
            return await self._questions().send(self._command(marker), timeout=self._timeout)
        except LambdaServiceException as error:
            if marker is None or error.code not in _OF_A_MARKER or self._has_begun_again:
                raise
        # Begin again: the events that were given are skipped.
        self._marker = self._kept_marker = None
        self._pages, self._has_begun_again = 0, True
        return await self._questions().send(self._command(None), timeout=self._timeout)

    def _command(self, marker: str | None) -> GetDurableExecutionHistoryCommand:
        return GetDurableExecutionHistoryCommand(
            durable_execution_arn=self._arn,
            include_execution_data=self._includes_data,
            max_items=_PAGE,
            marker=marker,
            reverse_order=self._is_reversed or None,
        )

    def _take(self, output: GetDurableExecutionHistoryCommandOutput) -> None:
        """Take the events of a page that are new."""
        is_again, before = self._is_at_end, self._last_id
        for raw in getattr(output, "events", None) or ():
            number = raw.event_id
            if self._is_known(number) or (number is None and is_again):
                continue
            self._last_id = self._last_id if number is None else number
            if raw.event_type in ("ExecutionPaused", "ExecutionResumed"):
                self._is_paused = raw.event_type == "ExecutionPaused"
            self._page.append(raw)
        following: object = getattr(output, "next_marker", None)
        if isinstance(following, str) and following:
            self._check_marker(following)
            self._marker, self._is_at_end = following, False
        else:
            self._is_at_end = True
        if self._last_id != before:
            self._quiet_questions = 0
        if self._is_at_end or self._last_id != before:
            self._has_begun_again = False

    def _check_marker(self, following: str) -> None:
        """`AiolambdaError` for a marker that leads back."""
        if following in (self._marker, self._kept_marker):
            raise AiolambdaError(
                "GetDurableExecutionHistory gave the marker of a page once more, so that its pages would never end"
            )
        self._pages += 1
        if self._pages & (self._pages - 1) == 0:  # a power of two: so a circle of any length is found
            self._kept_marker = following

    def _is_known(self, number: int | None) -> bool:
        """Whether the event with this number was given: the numbers grow."""
        if number is None or self._last_id is None:
            return False
        return number >= self._last_id if self._is_reversed else number <= self._last_id

    def _may_pass(self, error: AiolambdaError) -> bool:
        now = asyncio.get_running_loop().time()
        if is_missing(error):
            visible_at = self._visible_at()
            return visible_at is not None and now < visible_at
        if self._failing_since is None:
            self._failing_since = now
        return polling.passes(error) and now - self._failing_since <= polling.LONGEST_OUTAGE

    def _pause(self) -> float:
        self._quiet_questions += 1
        return polling.poll_pause(self._quiet_questions - 1, jitter=self._questions().jitter(), is_paused=self._is_paused)
