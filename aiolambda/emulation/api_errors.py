"""The error answers of the Invoke API, in the shapes of the service model.

Owns their statuses, codes, messages and JSON form, also for every error class of this package. Must not know requests or
callers.
Source: the Lambda service model (2015-03-31) and recorded responses of the service.
"""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from ..errors import LambdaServiceException
from ..errors.service import EC2UnexpectedException, TooManyRequestsException
from ..types.values import ThrottleReason

__all__ = [
    "ApiError",
    "api_error_of",
    "callback_closed",
    "conflicting_qualifiers",
    "durable_execution_conflict",
    "durable_execution_exists",
    "durable_function_streamed",
    "durable_function_unqualified",
    "event_config_not_found",
    "function_not_found",
    "invalid_client_context",
    "invalid_json",
    "invalid_parameter",
    "invalid_request",
    "invalid_value",
    "missing_token",
    "not_emulated",
    "not_found",
    "not_invocable",
    "payload_too_large",
    "provisioned_concurrency_not_found",
    "recursive_invocation",
    "request_too_large",
    "signature_rejected",
    "tenant_id_missing",
    "tenant_id_unexpected",
    "throttled",
    "typical_error",
    "unknown_token",
    "wrong_region",
]

_FRONT_END = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestEntityTooLargeException",
        "ThrottlingException",
        "UnrecognizedClientException",
        "ValidationException",
    }
)
"""Codes of the front end. They are not in the model, and their bodies have no `Type`."""
_LOWER_CASE = frozenset(
    {
        "AliasLimitExceededException",
        "CapacityProviderLimitExceededException",
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserFailedException",
        "CodeArtifactUserPendingException",
        "CodeStorageExceededException",
        "FunctionVersionsPerCapacityProviderLimitExceededException",
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "ModeNotSupportedException",
        "PolicyLengthExceededException",
        "PreconditionFailedException",
        "ProvisionedConcurrencyConfigNotFoundException",
        "RequestTooLargeException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "RuntimeAliasDeletedException",
        "RuntimeVersionDeletedException",
        "SerializedRequestEntityTooLargeException",
        "TooManyRequestsException",
        "UnsupportedMediaTypeException",
    }
)
"""Codes whose text the model calls `message`. The others have `Message`."""
_MESSAGES = {
    "AccessDeniedException": "User is not authorized to perform: lambda:InvokeFunction",
    "ExpiredTokenException": "The security token included in the request is expired",
    "MissingAuthenticationTokenException": "Missing Authentication Token",
    "ThrottlingException": "Rate exceeded",
    "TooManyRequestsException": "Rate Exceeded.",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
}


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


def api_error_of(error: LambdaServiceException) -> ApiError:
    """The answer that makes a client raise this error."""
    code = error.code
    members = {"message" if code in _LOWER_CASE | _FRONT_END else "Message": error.message}
    if code not in _FRONT_END:
        members = {"Type": error.type or ("Service" if error.status_code >= 500 else "User"), **members}
    if isinstance(error, TooManyRequestsException) and error.reason is not None:
        members["Reason"] = error.reason.value
    if isinstance(error, EC2UnexpectedException) and error.ec2_error_code is not None:
        members["EC2ErrorCode"] = error.ec2_error_code
    headers = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:g}"}
    return ApiError(status=error.status_code, code=code, members=members, headers=headers)


def typical_error(kind: type[LambdaServiceException]) -> LambdaServiceException:
    """An error of this class with the text of Lambda, else the first line of its documentation. A throttle has a reason."""
    documented = (kind.__doc__ or kind.__name__).partition("\n")[0]
    options: dict[str, Any] = {}
    if issubclass(kind, TooManyRequestsException) and kind.__name__ not in _FRONT_END:
        options["reason"] = ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED
    return kind(_MESSAGES.get(kind.__name__, documented), **options)


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


def invalid_value(member: str, constraint: str, *, value: str | None = None) -> ApiError:
    """`value` is shown in the text, unless it is `None`."""
    shown = "Value" if value is None else f"Value '{value}'"
    message = f"1 validation error detected: {shown} at '{member}' failed to satisfy constraint: {constraint}"
    return _front_end_error(400, "ValidationException", message)


def conflicting_qualifiers() -> ApiError:
    message = "The derived qualifier from the function name does not match the specified qualifier."
    return _user_error(400, "InvalidParameterValueException", message)


def invalid_json(reason: str, line: int, column: int) -> ApiError:
    """Lambda's parser is Jackson: it tells the place, but not the text around it."""
    source = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
    place = f"\n at {source}line: {line}, column: {column}]"
    message = f"Could not parse request body into json: Could not parse payload into json: {reason}{place}"
    return _user_error(400, "InvalidRequestContentException", message)


def invalid_client_context() -> ApiError:
    message = "Client context must be a valid Base64-encoded JSON object."
    return _user_error(400, "InvalidRequestContentException", message)


def function_not_found(function_arn: str) -> ApiError:
    return _user_error(404, "ResourceNotFoundException", f"Function not found: {function_arn}", member="Message")


def not_found(message: str = "The resource you requested does not exist.") -> ApiError:
    return _user_error(404, "ResourceNotFoundException", message, member="Message")


def event_config_not_found(function_arn: str) -> ApiError:
    return not_found(f"The function {function_arn} doesn't have an EventInvokeConfig")


def provisioned_concurrency_not_found() -> ApiError:
    message = "No Provisioned Concurrency Config found for this function"
    return _user_error(404, "ProvisionedConcurrencyConfigNotFoundException", message)


def not_invocable(state: str) -> ApiError:
    """The function is not ready, or never will be."""
    message = f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
    return _user_error(409, "ResourceConflictException", message)


def invalid_parameter(message: str) -> ApiError:
    return _user_error(400, "InvalidParameterValueException", message)


def invalid_request(message: str) -> ApiError:
    return _front_end_error(400, "ValidationException", message)


def not_emulated(operation: str) -> ApiError:
    """No answer of Lambda: the operation is one of its API, but nothing here can answer it."""
    message = f"{operation} is not emulated here; invocations are, and operations that read the configuration of functions"
    return ApiError(status=404, code="UnknownOperationException", members={"message": message})


def wrong_region(requested: str, served: str) -> ApiError:
    message = f"Functions from '{requested}' are not reachable in this region ('{served}')"
    return _user_error(404, "ResourceNotFoundException", message, member="Message")


def payload_too_large(size: int | None, invocation_type: str, limit: int) -> ApiError:
    """`size` is `None` if the request declares no length.

    The model has `RequestTooLargeException` for it, but the service answers with the code of the front end.
    """
    actual = f"More than {limit}" if size is None else str(size)
    message = f"{actual} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)"
    return _front_end_error(413, "RequestEntityTooLargeException", message)


def request_too_large(limit: int) -> ApiError:
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return _front_end_error(413, "RequestEntityTooLargeException", message)


def callback_closed() -> ApiError:
    message = "The callback has timed out, or it was answered before."
    return _user_error(400, "CallbackTimeoutException", message, member="Message")


def durable_execution_conflict(operation: str, status: str) -> ApiError:
    message = f"{operation} is not possible: the durable execution has the status {status}"
    return _user_error(409, "ResourceConflictException", message)


def durable_execution_exists(name: str) -> ApiError:
    message = f"The durable execution {name} exists already, with another payload."
    return _user_error(409, "DurableExecutionAlreadyStartedException", message, member="Message")


def durable_function_unqualified() -> ApiError:
    message = "You cannot invoke a durable function using an unqualified ARN."
    return _user_error(400, "InvalidParameterValueException", message)


def durable_function_streamed() -> ApiError:
    return _user_error(400, "InvalidParameterValueException", "You cannot invoke a durable function with a streamed response.")


def tenant_id_missing() -> ApiError:
    message = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
    return _user_error(400, "InvalidParameterValueException", message)


def tenant_id_unexpected() -> ApiError:
    message = (
        "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again."
    )
    return _user_error(400, "InvalidParameterValueException", message)


def recursive_invocation() -> ApiError:
    message = "Lambda has stopped the invocation, because the function invokes itself in a loop."
    return _user_error(400, "RecursiveInvocationException", message, member="Message")


def throttled(reason: ThrottleReason) -> ApiError:
    members = {"Type": "User", "Reason": reason.value, "message": "Rate Exceeded."}
    return ApiError(status=429, code="TooManyRequestsException", members=members, headers={"Retry-After": "1"})
