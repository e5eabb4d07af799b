"""The errors that the Invoke API itself answers with, in the shapes of the service model.

Owns their codes, their words and how they look as rest-json. Must not know what was asked, or by whom.
Source: the Lambda service model (2015-03-31) and recorded answers of the service.
"""

import json
from collections.abc import Mapping

import attrs

__all__ = [
    "Refusal",
    "conflicting_qualifiers",
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
    "stopped",
    "throttled",
    "unknown_operation",
    "unknown_token",
    "wrong_region",
]


@attrs.define(kw_only=True, eq=False)
class Refusal(Exception):
    """An error answer: `code` goes into `x-amzn-ErrorType`, `members` is the body."""

    status: int
    code: str
    members: Mapping[str, str]
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])

    @property
    def body(self) -> bytes:
        return json.dumps(dict(self.members)).encode()


def _by_the_user(status: int, code: str, message: str, *, member: str = "message") -> Refusal:
    return Refusal(status=status, code=code, members={"Type": "User", member: message})


def _by_the_front_end(status: int, code: str, message: str) -> Refusal:
    """The front end's codes are not modelled, and come without a `Type`."""
    return Refusal(status=status, code=code, members={"message": message})


def missing_token() -> Refusal:
    return _by_the_front_end(403, "MissingAuthenticationTokenException", "Missing Authentication Token")


def unknown_token() -> Refusal:
    return _by_the_front_end(403, "UnrecognizedClientException", "The security token included in the request is invalid.")


def signature_rejected(message: str) -> Refusal:
    return _by_the_front_end(403, "InvalidSignatureException", message)


def foreign_host() -> Refusal:
    message = "The Host header does not name this machine: use 127.0.0.1 or localhost in the URL, or sign the requests."
    return _by_the_front_end(403, "AccessDeniedException", message)


def foreign_origin() -> Refusal:
    message = "A web page of another origin sent this request, and the endpoint does not verify signatures."
    return _by_the_front_end(403, "AccessDeniedException", message)


def invalid_value(member: str, constraint: str) -> Refusal:
    message = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    return _by_the_front_end(400, "ValidationException", message)


def conflicting_qualifiers() -> Refusal:
    message = "The derived qualifier from the function name does not match the specified qualifier."
    return _by_the_user(400, "InvalidParameterValueException", message)


def event_not_served() -> Refusal:
    message = "This endpoint does not serve invocations of type Event yet; RequestResponse and DryRun it does."
    return _by_the_user(400, "InvalidParameterValueException", message)


def invalid_json(reason: str) -> Refusal:
    return _by_the_user(400, "InvalidRequestContentException", f"Could not parse request body into json: {reason}")


def invalid_client_context() -> Refusal:
    message = "Client context must be a valid Base64-encoded JSON object."
    return _by_the_user(400, "InvalidRequestContentException", message)


def function_not_found(function_arn: str) -> Refusal:
    return _by_the_user(404, "ResourceNotFoundException", f"Function not found: {function_arn}", member="Message")


def wrong_region(asked: str, served: str) -> Refusal:
    message = f"Functions from '{asked}' are not reachable in this region ('{served}')"
    return _by_the_user(404, "ResourceNotFoundException", message, member="Message")


def unknown_operation(method: str, path: str) -> Refusal:
    message = f"This endpoint serves Invoke only, not {method} {path}"
    return _by_the_front_end(404, "UnknownOperationException", message)


def payload_too_large(size: int | None, limit: int) -> Refusal:
    """`size` is `None` if the request does not say it."""
    told = f"More than {limit}" if size is None else str(size)
    message = f"{told} byte payload is too large for the RequestResponse invocation type (limit {limit} bytes)"
    return _by_the_user(413, "RequestTooLargeException", message)


def request_too_large(limit: int) -> Refusal:
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return _by_the_user(413, "RequestEntityTooLargeException", message)


def throttled() -> Refusal:
    members = {
        "Type": "User",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "message": "Rate Exceeded.",
    }
    return Refusal(status=429, code="TooManyRequestsException", members=members, headers={"Retry-After": "1"})


def stopped() -> Refusal:
    members = {"Type": "Service", "Message": "The endpoint stopped while the function was running."}
    return Refusal(status=500, code="ServiceException", members=members)
