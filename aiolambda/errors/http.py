"""The error of an HTTP response of a function whose status says that it failed.

Owns what it says of the response. Must not know how a response is read.
"""

from typing import TYPE_CHECKING

from ..types.values import Delivery
from . import AiolambdaError

if TYPE_CHECKING:
    from ..operations.fetch_types import HttpOutput

__all__ = ["HttpStatusError"]


class HttpStatusError(AiolambdaError):
    """The function has answered with a status of 400 or above. It has run. `output.raise_for_status()` raises this.

    ::

        response = await client.fetch("https://abcdefg.lambda-url.eu-west-1.on.aws/orders/7")
        try:
            response.raise_for_status()
        except HttpStatusError as error:
            print(error.status_code, response.text())

    Attributes:
        status_code: The HTTP status.
        output: The whole response; `None` if the error was built without one, in a test.
        request_id: The request id of the response; `None` if it has none.
    """

    def __init__(
        self,
        message: str,
        /,
        *,
        status_code: int = 500,
        output: "HttpOutput | None" = None,
        delivery: Delivery = Delivery.EXECUTED,
        function_name: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Build an error. By default `delivery` is `EXECUTED`. The attributes explain the rest."""
        super().__init__(message, delivery=delivery, function_name=function_name)
        self.status_code = status_code
        """The HTTP status."""
        self.output = output
        """The whole response; `None` if the error was built without one, in a test."""
        self.request_id = request_id
        """The request id of the response; `None` if it has none."""

    def _details(self) -> list[str]:
        details = super()._details()
        return details if self.request_id is None else [*details, f"request id {self.request_id}"]
