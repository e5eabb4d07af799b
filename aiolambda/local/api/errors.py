"""The error answers of this endpoint that Lambda itself does not give.

Must not know requests or callers.
"""

from ...emulation.api_errors import ApiError

__all__ = ["durable_at_url", "durable_stream", "endpoint_closed", "foreign_host", "foreign_origin", "unknown_operation"]


def foreign_host() -> ApiError:
    message = "The Host header does not name this machine: use 127.0.0.1 or localhost in the URL, or sign the requests."
    return ApiError(status=403, code="AccessDeniedException", members={"message": message})


def foreign_origin() -> ApiError:
    message = "A web page of another origin sent this request, and the endpoint does not verify signatures."
    return ApiError(status=403, code="AccessDeniedException", members={"message": message})


def unknown_operation(method: str, path: str) -> ApiError:
    message = f"{method} {path} is no operation of the Lambda API"
    return ApiError(status=404, code="UnknownOperationException", members={"message": message})


def durable_stream() -> ApiError:
    message = "InvokeWithResponseStream cannot begin a durable execution: use Invoke."
    return ApiError(status=400, code="InvalidParameterValueException", members={"Type": "User", "message": message})


def durable_at_url() -> ApiError:
    message = "A request at a function URL cannot begin a durable execution on this machine: use Invoke."
    return ApiError(status=400, code="InvalidParameterValueException", members={"Type": "User", "message": message})


def endpoint_closed() -> ApiError:
    members = {"Type": "Service", "Message": "The endpoint stopped while the function was running."}
    return ApiError(status=500, code="ServiceException", members=members)
