"""The ways in which a function fails: each with Lambda's own error type and text.

Must not know when a function fails: the script of failures does.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from ..errors.checks import check_seconds, check_whole
from . import function_responses, python_runtime
from .function_responses import FunctionResponse

__all__ = ["FunctionFailure", "response_of"]


class FunctionFailure:
    """A way in which a function fails, to be given to `fail`.

    ::

        fake.fail("orders", FunctionFailure.timed_out(after=3))
        fake.fail("orders", FunctionFailure("OrderError", "no tea"))

    For a function that raises an exception which exists here, give `fail` the exception: `fake.fail("orders", ValueError())`.
    """

    def __init__(
        self,
        error_type: str,
        message: str = "",
        /,
        *,
        stack_trace: Sequence[str] = (),
        kind: Literal["Handled", "Unhandled"] = "Unhandled",
    ) -> None:
        """Build the failure of a function that raised an exception. The class methods make those that Lambda reports itself.

        Args:
            error_type: The name of the exception.
            message: Its text. Default empty.
            stack_trace: The lines of its traceback. Default none.
            kind: The value of `X-Amz-Function-Error`. Default `"Unhandled"`.
        """
        self.error_type = error_type
        """The name of the exception, or Lambda's own error type."""
        self.message = message
        """The text of the exception; empty for a failure that Lambda reports itself."""
        self.stack_trace = tuple(stack_trace)
        """The lines of its traceback."""
        self.kind: Literal["Handled", "Unhandled"] = kind
        """The value of `X-Amz-Function-Error`."""
        self._respond: Callable[[str], FunctionResponse] = self._raised

    def __repr__(self) -> str:
        return f"<FunctionFailure {self.error_type}>"

    @classmethod
    def timed_out(cls, after: float = 3.0) -> "FunctionFailure":
        """The function reached its timeout: `Task timed out after 3.00 seconds`. The answer comes at once.

        Args:
            after: The timeout that the text states, in seconds. Default 3.
        """
        check_seconds("after", after, optional=False)
        return cls._of_lambda(lambda request_id: function_responses.timed_out(request_id, after))

    @classmethod
    def out_of_memory(cls) -> "FunctionFailure":
        """The function needed more than its memory: `Runtime.OutOfMemory`."""
        return cls._of_lambda(function_responses.out_of_memory)

    @classmethod
    def exited(cls, status: int = 1) -> "FunctionFailure":
        """The process of the function ended: `Runtime.ExitError`.

        Args:
            status: The exit status. A negative number is that of a signal. Default 1.
        """
        check_whole("status", status, least=-64, most=255)
        return cls._of_lambda(lambda request_id: function_responses.exited(request_id, status))

    @classmethod
    def unserializable(cls, type_name: str = "object") -> "FunctionFailure":
        """The result of the function is not JSON: `Runtime.MarshalError`.

        Args:
            type_name: The Python type that the text names. Default `"object"`.
        """
        message = f"Unable to marshal response: Object of type {type_name} is not JSON serializable"
        return cls("Runtime.MarshalError", message)

    @classmethod
    def _of_lambda(cls, respond: Callable[[str], FunctionResponse]) -> "FunctionFailure":
        failure = cls(respond("").error_type or "")
        failure._respond = respond
        return failure

    def _raised(self, request_id: str) -> FunctionResponse:
        members = {
            "errorMessage": self.message,
            "errorType": self.error_type,
            "requestId": request_id,
            "stackTrace": list(self.stack_trace),
        }
        return FunctionResponse(python_runtime.to_json(members).encode(errors="replace"), self.error_type)


def response_of(failure: FunctionFailure, request_id: str) -> FunctionResponse:
    """The response of Lambda for a failure."""
    return failure._respond(request_id)  # pyright: ignore[reportPrivateUsage] - of this module, and not for users
