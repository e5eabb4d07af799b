"""The error responses of the Invoke API, in the shapes of the service model.

Owns their codes, messages and JSON form. Must not know requests or callers.
Source: the Lambda service model (2015-03-31) and recorded responses of the service.
"""

import json
from collections.abc import Mapping

import attrs

__all__ = [
    "ApiError",
    "conflicting_qualifiers",
    "endpoint_closed",
    "event_not_served",
    "foreign_host",
    "foreign_origin",
    "function_not_found",
    "invalid_client_context",
    "invalid_json",
    "invalid_value",
    "missing_token",
    "payload_too_large",
    "request_too_large",
    "signature_rejected",
    "throttled",
    "unknown_operation",
    "unknown_token",
    "wrong_region",
]


@attrs.define(kw_only=True, eq=False)
class ApiError(Exception):
    """An error response, raised: `code` becomes `x-amzn-ErrorType`, `members` the JSON body."""

    status: int
    code: str
    members: Mapping[str, str]
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @property
    def body(self) -> bytes:
        return json.dumps(dict(self.members)).encode()


def _user_error(status: int, code: str, message: str, *, member: str = "message") -> ApiError:
    return ApiError(status=status, code=code, members={"Type": "User", member: message})


def _front_end_error(status: int, code: str, message: str) -> ApiError:
    """An error of the front end: its code is not in the model, and it has no `Type`."""
    return ApiError(status=status, code=code, members={"message": message})


def missing_token() -> ApiError:
    return _front_end_error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")


def unknown_token() -> ApiError:
    return _front_end_error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")


def signature_rejected(message: str) -> ApiError:
    return _front_end_error(403, "InvalidSignatureException", message)


def foreign_host() -> ApiError:
    message = "The Host header does not name this machine: use 127.0.0.1 or localhost in the URL, or sign the requests."
    return _front_end_error(403, "AccessDeniedException", message)


def foreign_origin() -> ApiError:
    message = "A web page of another origin sent this request, and the endpoint does not verify signatures."
    return _front_end_error(403, "AccessDeniedException", message)


def invalid_value(member: str, constraint: str) -> ApiError:
    message = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    return _front_end_error(400, "ValidationException", message)


def conflicting_qualifiers() -> ApiError:
    message = "The derived qualifier from the function name does not match the specified qualifier."
    return _user_error(400, "InvalidParameterValueException", message)


def event_not_served() -> ApiError:
    message = "This endpoint does not serve invocations of type Event yet; use RequestResponse or DryRun."
    return _user_error(400, "InvalidParameterValueException", message)


def invalid_json(reason: str) -> ApiError:
    return _user_error(400, "InvalidRequestContentException", f"Could not parse request body into json: {reason}")


def invalid_client_context() -> ApiError:
    message = "Client context must be a valid Base64-encoded JSON object."
    return _user_error(400, "InvalidRequestContentException", message)


def function_not_found(function_arn: str) -> ApiError:
    return _user_error(404, "ResourceNotFoundException", f"Function not found: {function_arn}", member="Message")


def wrong_region(requested: str, served: str) -> ApiError:
    message = f"Functions from '{requested}' are not reachable in this region ('{served}')"
    return _user_error(404, "ResourceNotFoundException", message, member="Message")


def unknown_operation(method: str, path: str) -> ApiError:
    message = f"This endpoint serves Invoke only, not {method} {path}"
    return _front_end_error(404, "UnknownOperationException", message)


def payload_too_large(size: int | None, limit: int) -> ApiError:
    """`size` is `None` if the request declares no length."""
    actual = f"More than {limit}" if size is None else str(size)
    message = f"{actual} byte payload is too large for the RequestResponse invocation type (limit {limit} bytes)"
    return _user_error(413, "RequestTooLargeException", message)


def request_too_large(limit: int) -> ApiError:
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return _user_error(413, "RequestEntityTooLargeException", message)


def throttled() -> ApiError:
    members = {
        "Type": "User",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "message": "Rate Exceeded.",
    }
    return ApiError(status=429, code="TooManyRequestsException", members=members, headers={"Retry-After": "1"})


def endpoint_closed() -> ApiError:
    members = {"Type": "Service", "Message": "The endpoint stopped while the function was running."}
    return ApiError(status=500, code="ServiceException", members=members)
