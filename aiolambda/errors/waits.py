"""The errors of `client.wait_until`.

Owns what they say of the function. Must not know how it was asked.
"""

from . import AiolambdaError

__all__ = ["WaitError", "WaitTimeoutError"]


class WaitError(AiolambdaError):
    """A function failed to become ready, and waiting longer does not help. No invocation is concerned.

    ::

        try:
            await client.wait_until("orders", "updated", timeout=60)
        except WaitError as error:
            print(error.status, error.reason_code, error.reason)

    Attributes:
        condition: The condition that was waited for, such as `"active"`.
        status: The state or status of the last answer, such as `"Failed"`; `None` if there was none.
        reason: The reason for it, in the words of the service; `None` if it gave none.
        reason_code: The code of the reason, such as `"ImageAccessDenied"`; `None` if there was none.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        condition: str = "active",
        status: str | None = None,
        reason: str | None = None,
        reason_code: str | None = None,
        function_name: str | None = None,
    ) -> None:
        """Build an error. Nothing was invoked, so `delivery` is `NOT_DELIVERED`. The attributes explain the rest."""
        super().__init__(message, function_name=function_name)
        self.condition = condition
        """The condition that was waited for, such as `"active"`."""
        self.status = status
        """The state or status of the last answer, such as `"Failed"`; `None` if there was none."""
        self.reason = reason
        """The reason for it, in the words of the service; `None` if it gave none."""
        self.reason_code = reason_code
        """The code of the reason, such as `"ImageAccessDenied"`; `None` if there was none."""


class WaitTimeoutError(WaitError, TimeoutError):
    """A function is not ready in time. It may become ready later: `status` and `reason` say what it waits for."""
