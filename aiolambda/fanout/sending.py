"""The function that sends the commands of a map: by this client, worker processes, or the workers of a cluster.

Owns the type of that function, and which of its errors are throttles. Must not know who sends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..errors import AiolambdaError, LambdaServiceException
from ..policy import classification, delivery
from ..types.values import RetryAction

if TYPE_CHECKING:
    from ..operations.commands import InvokeCommand
    from ..operations.fetch_command import FetchCommand
    from ..operations.fetch_types import HttpOutput
    from ..operations.invoke_types import InvokeCommandOutput

__all__ = ["Send", "throttle_of"]

Send = Callable[["InvokeCommand | FetchCommand", "asyncio.Future[None]"], Awaitable["InvokeCommandOutput | HttpOutput"]]
"""Sends a command, and makes no further attempt once the future is done: the run has ended."""


def throttle_of(error: AiolambdaError, *, idempotent: bool) -> LambdaServiceException | None:
    """The error, if it is a throttle after which the item may be sent again.

    The call's retry loop has classified a failed attempt. An error that a middleware raised is classified here.
    """
    action = error.retry_action or classification.retry_action_of(error)
    is_throttle = action is RetryAction.WAIT and delivery.may_repeat(error.delivery, idempotent=idempotent)
    return error if is_throttle and isinstance(error, LambdaServiceException) else None
