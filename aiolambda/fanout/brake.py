"""The brake of a run: if its first outcomes are all the same refusal, the other items would be refused as well.

Law: an outcome after which the function may have run, a success, or a second cause releases the brake for good. Replayed
results and items that were not sent say nothing about this run.

Owns the rule. Must not know how a run ends.
"""

from typing import Any

from ..errors import AiolambdaError, ConfigurationError, ConnectError, LambdaServiceException, NotSentError
from ..policy.classification import retry_action_of
from ..types.values import RetryAction
from .causes import cause_of
from .values import MapResult

__all__ = ["FIRST_OUTCOMES", "Brake", "is_for_all"]

FIRST_OUTCOMES = 100
"""The outcomes that must be the same refusal."""


class Brake:
    """Looks at the first outcomes of a run.

    Args:
        limit: The number of outcomes that must be the same refusal.
        for_all: Whether only a refusal counts that no item can escape.
    """

    def __init__(self, limit: int = FIRST_OUTCOMES, *, for_all: bool = False) -> None:
        self.limit = limit
        self.is_released = False
        """Whether no outcome can stop the run any more."""
        self.cause: AiolambdaError | None = None
        """The last of the refusals."""
        self._for_all = for_all
        self._count = 0

    @property
    def has_stopped(self) -> bool:
        """Whether the first outcomes were all the same refusal."""
        return self._count >= self.limit

    @property
    def text(self) -> str:
        """The reason for which it has stopped the run."""
        return (
            f"the first {self.limit} items all failed with the same refusal, so the map sent no more: {self.cause}; "
            "a map with max_failures= or max_failure_ratio= goes on"
        )

    def add(self, result: MapResult[Any]) -> None:
        """Look at an outcome."""
        error = result.error
        if self.is_released or self.has_stopped or result.replayed or isinstance(error, NotSentError):
            return
        if error is None or result.delivery.may_have_run or not self._is_alike(error):
            self.is_released = True
        else:
            self.cause = error
            self._count += 1

    def _is_alike(self, error: AiolambdaError) -> bool:
        """Whether the error is a refusal that counts, with the cause of those before it."""
        if self.cause is not None and cause_of(error) != cause_of(self.cause):
            return False
        if self._for_all:
            return is_for_all(error)
        return (error.retry_action or retry_action_of(error)) is not RetryAction.WAIT  # a throttle passes


def is_for_all(error: AiolambdaError) -> bool:
    """Whether every item is refused like this, whatever it is: there is no such function, no permission, no connection."""
    if isinstance(error, LambdaServiceException):
        return error.category in ("permission", "function") or error.code == "ResourceNotFoundException"
    return isinstance(error, ConnectError | ConfigurationError)
