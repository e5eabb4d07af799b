"""The pages of an answer, one request for each, and their items one by one.

Laws: nothing is sent before it is asked for. A step that fails or is cancelled leaves the iterator where it was.

Owns how one page leads to the next. Must not know an operation: its command says which member holds the items.
"""

from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Generic, Self, TypeVar

from ..errors import AiolambdaError, InvalidInputError
from ..operations.api_operation import OperationInput, OperationOutput, PagedCommand
from ..pipeline.command import check_command
from ..types.values import Timeouts, Unset
from .sending import Sending

__all__ = ["Items", "Pages"]

In = TypeVar("In", bound=OperationInput)
Out = TypeVar("Out", bound=OperationOutput)
Item = TypeVar("Item")


class Pages(AsyncIterator[Out], Generic[Out]):
    """The outputs of a command, page by page."""

    def __init__(self, client: Sending, command: PagedCommand[In, Out], timeout: float | Timeouts | Unset | None) -> None:
        if not isinstance(command, PagedCommand):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise _without_pages(command)
        self._client = client
        self._timeout = timeout
        self._next: PagedCommand[Any, Out] | None = command
        self._is_endless = False
        """Whether the last page named itself as the next one."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Out:
        command = self._next
        if command is None:
            raise StopAsyncIteration
        if self._is_endless:
            raise AiolambdaError(
                f"{command.operation.name} gave the marker of a page for the next one, so that its pages would never end"
            )
        output = await self._client.send(command, timeout=self._timeout)
        marker: object = getattr(output, "next_marker", None)  # a middleware may have returned an output of its own
        self._is_endless = bool(marker) and marker == command.input.marker
        self._next = command.with_input(command.input.evolve(marker=marker)) if marker else None
        return output


class Items(AsyncIterator[Item], Generic[Item]):
    """The items of all pages. A page may be empty, and others follow it."""

    def __init__(self, client: Sending, command: PagedCommand[Any, Any], timeout: float | Timeouts | Unset | None) -> None:
        self._pages = Pages(client, command, timeout)
        self._member = command.operation.items or ""
        self._page: deque[Item] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        while not self._page:
            self._page.extend(getattr(await anext(self._pages), self._member, None) or ())
        return self._page.popleft()


def _without_pages(command: object) -> InvalidInputError:
    check_command(command, taken="pages takes a command")
    kind = type(command).__name__
    return InvalidInputError(
        f"the answer to {kind} does not come in pages: send it with client.send(command)", member="command"
    )
