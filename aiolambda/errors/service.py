"""The errors that Lambda itself answers with, a class for each code.

Owns the codes, the class, the category and the HTTP status of each, and the members that some of them have. Must not know how
an answer is parsed, nor the verdict on a code: `policy/delivery.py` has it.

Source: the Lambda service model (2015-03-31), and the codes that Lambda's front end sends although the model lacks them.
"""

from typing import ClassVar, Literal

from ..types.values import Delivery, Metadata, ThrottleReason
from . import Category, LambdaServiceException, PayloadTooLargeError

__all__ = [
    "EXCEPTIONS",
    "STATUSES",
    "AccessDeniedException",
    "AliasLimitExceededException",
    "CallbackTimeoutException",
    "CapacityProviderLimitExceededException",
    "CodeArtifactUserDeletedException",
    "CodeArtifactUserFailedException",
    "CodeArtifactUserPendingException",
    "CodeSigningConfigNotFoundException",
    "CodeStorageExceededException",
    "CodeVerificationFailedException",
    "DurableExecutionAlreadyStartedException",
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "ExpiredTokenException",
    "FunctionVersionsPerCapacityProviderLimitExceededException",
    "InvalidCodeSignatureException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSignatureException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "MissingAuthenticationTokenException",
    "ModeNotSupportedException",
    "NoPublishedVersionException",
    "PolicyLengthExceededException",
    "PreconditionFailedException",
    "ProvisionedConcurrencyConfigNotFoundException",
    "PublicPolicyException",
    "RecursiveInvocationException",
    "RequestEntityTooLargeException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ResourceNotReadyException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "S3FilesMountConnectivityException",
    "S3FilesMountFailureException",
    "S3FilesMountTimeoutException",
    "Scope",
    "SerializedRequestEntityTooLargeException",
    "ServiceException",
    "ServiceQuotaExceededException",
    "SnapStartException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
    "ThrottlingException",
    "TooManyRequestsException",
    "UnrecognizedClientException",
    "UnsupportedMediaTypeException",
    "ValidationException",
]

Scope = Literal["account", "function", "caller"]
"""The owner of the limit that a throttled call exceeded."""

_SCOPES: dict[ThrottleReason, Scope] = {
    ThrottleReason.CONCURRENT_INVOCATION_LIMIT_EXCEEDED: "account",
    ThrottleReason.CONCURRENT_SNAPSHOT_CREATE_LIMIT_EXCEEDED: "account",
    ThrottleReason.FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED: "function",
    ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED: "function",
    ThrottleReason.RESERVED_FUNCTION_INVOCATION_RATE_LIMIT_EXCEEDED: "function",
    ThrottleReason.CALLER_RATE_LIMIT_EXCEEDED: "caller",
}


class _PermissionException(LambdaServiceException):
    category: ClassVar[Category] = "permission"


class _LimitException(LambdaServiceException):
    category: ClassVar[Category] = "limit"


class _FunctionException(LambdaServiceException):
    category: ClassVar[Category] = "function"


class _RequestException(LambdaServiceException):
    category: ClassVar[Category] = "request"


class TooManyRequestsException(_LimitException):
    """Lambda throttled the call; the function has not run.

    Attributes:
        reason: The limit that was exceeded; `None` if the answer does not say.
    """

    reason: ThrottleReason | None = None
    """The limit that was exceeded; `None` if the answer does not say."""

    def __init__(
        self,
        message: str,
        /,
        *,
        code: str | None = None,
        metadata: Metadata | None = None,
        function_name: str | None = None,
        type: str | None = None,
        body: bytes = b"",
        delivery: Delivery = Delivery.UNKNOWN,
        retry_after: float | None = None,
        reason: ThrottleReason | str | None = None,
    ) -> None:
        super().__init__(
            message,
            code=code,
            metadata=metadata,
            function_name=function_name,
            type=type,
            body=body,
            delivery=delivery,
            retry_after=retry_after,
        )
        if reason is not None:
            self.reason = ThrottleReason(reason)

    @property
    def scope(self) -> Scope | None:
        """The owner of the limit that was exceeded; `None` if the answer has no reason."""
        return None if self.reason is None else _SCOPES[self.reason]

    def _details(self) -> list[str]:
        return super()._details() if self.reason is None else [str(self.reason), *super()._details()]


class ThrottlingException(TooManyRequestsException):
    """Lambda's front end throttled the call; it gives no reason."""


class AccessDeniedException(_PermissionException):
    """The credentials lack the permission `lambda:InvokeFunction` on this function, or that of another operation."""

    @property
    def _is_explained(self) -> bool:
        """Whether the message says which actions to allow, as that of a fetch does."""
        return any(action in str(self.args[0]) for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeWebFunctionEndpoint"))

    def __str__(self) -> str:
        if self._operation is not None or self._is_explained:  # Lambda's message names the action
            return super().__str__()
        return f"{super().__str__()}; the action to allow is lambda:InvokeFunction on {self.function_name or 'the function'}"


class ExpiredTokenException(_PermissionException):
    """The session token has expired."""


class UnrecognizedClientException(_PermissionException):
    """AWS does not know the access key id or the session token."""


class InvalidSignatureException(_PermissionException):
    """The signature does not match the request: a wrong secret key, a wrong clock, or a proxy that changed the request."""


class MissingAuthenticationTokenException(_PermissionException):
    """The request carried no signature."""


class ValidationException(_RequestException):
    """Lambda's front end rejected a parameter."""


class RequestTooLargeException(_LimitException, PayloadTooLargeError):
    """The payload exceeds the limit of Invoke."""


class RequestEntityTooLargeException(_LimitException, PayloadTooLargeError):
    """The request exceeds the limit of Lambda's front end."""


class SerializedRequestEntityTooLargeException(_LimitException, PayloadTooLargeError):
    """The request exceeds the limit after Lambda has serialized it for the function."""


class ServiceException(LambdaServiceException):
    """Lambda had an internal error. It is unknown whether the function ran."""


class EC2UnexpectedException(_FunctionException):
    """EC2 failed unexpectedly while Lambda set up the function.

    Attributes:
        ec2_error_code: The error code of EC2, or `None`.
    """

    ec2_error_code: str | None = None
    """The error code of EC2, or `None`."""


# The errors that the Lambda model lists for Invoke, grouped by category.


class EC2AccessDeniedException(_PermissionException):
    """The execution role lacks permissions to set up the function's VPC access."""


class KMSAccessDeniedException(_PermissionException):
    """Lambda has no permission to use the KMS key of the function's environment variables."""


class KMSDisabledException(_FunctionException):
    """The KMS key of the function's environment variables is disabled."""


class KMSInvalidStateException(_FunctionException):
    """The KMS key of the function's environment variables is in a state that does not allow decryption."""


class KMSNotFoundException(_FunctionException):
    """The KMS key of the function's environment variables does not exist."""


class ENILimitReachedException(_LimitException):
    """The VPC has no network interface left for the function."""


class ENINotReadyException(_FunctionException):
    """The network interface of the function's VPC is not ready yet. The client tries again."""


class EC2ThrottledException(_LimitException):
    """EC2 throttled Lambda while it set up the function."""


class SubnetIPAddressLimitReachedException(_FunctionException):
    """A subnet of the function has no free IP address."""


class InvalidSecurityGroupIDException(_FunctionException):
    """The VPC configuration of the function names a security group that is not valid."""


class InvalidSubnetIDException(_FunctionException):
    """The VPC configuration of the function names a subnet that is not valid."""


class EFSIOException(_FunctionException):
    """Reading from or writing to the function's file system failed; the function may have been running."""


class EFSMountConnectivityException(_FunctionException):
    """The function's file system could not be reached over the network."""


class EFSMountFailureException(_FunctionException):
    """The function's file system could not be mounted: permissions or configuration."""


class EFSMountTimeoutException(_FunctionException):
    """Mounting the function's file system took too long."""


class S3FilesMountConnectivityException(_FunctionException):
    """The function's S3 Files access point could not be reached over the network."""


class S3FilesMountFailureException(_FunctionException):
    """The function's S3 Files access point could not be mounted: permissions or configuration."""


class S3FilesMountTimeoutException(_FunctionException):
    """Mounting the function's S3 Files access point took too long."""


class InvalidRuntimeException(_FunctionException):
    """The function's runtime, or its version, is not supported."""


class InvalidZipFileException(_FunctionException):
    """The deployment package could not be unpacked."""


class CodeArtifactUserDeletedException(_FunctionException):
    """The user that owns the function's code artifact was deleted; create a new one first."""


class CodeArtifactUserFailedException(_FunctionException):
    """The user that owns the function's code artifact could not be created."""


class CodeArtifactUserPendingException(_FunctionException):
    """The user that owns the function's code artifact is still being created. The client tries again."""


class NoPublishedVersionException(_FunctionException):
    """The function has no published version."""


class ModeNotSupportedException(_FunctionException):
    """The function does not support this type of invocation."""


class RecursiveInvocationException(_FunctionException):
    """Lambda stopped a loop in which functions and other services call each other."""


class ResourceConflictException(_FunctionException):
    """The function is in a state that does not allow invocations, such as Pending."""


class ResourceNotFoundException(_RequestException):
    """The function, version or alias does not exist in this region and account."""


class ResourceNotReadyException(_FunctionException):
    """The function is inactive; Lambda restores its VPC connection first. The client tries again."""


class RuntimeAliasDeletedException(_FunctionException):
    """The function's runtime alias is no longer available; the function needs another."""


class RuntimeVersionDeletedException(_FunctionException):
    """The function's runtime version is no longer available; the function needs another version, or an alias."""


class SnapStartException(_FunctionException):
    """A hook that runs after a snapshot was restored failed."""


class SnapStartNotReadyException(_FunctionException):
    """Lambda is still creating the function's snapshot. The client tries again."""


class SnapStartRegenerationFailureException(_FunctionException):
    """Lambda could not recreate the function's snapshot."""


class SnapStartTimeoutException(_FunctionException):
    """Restoring the function's snapshot took too long."""


class InvalidParameterValueException(_RequestException):
    """A parameter of the request is not valid."""


class InvalidRequestContentException(_RequestException):
    """The payload is not JSON, or a header of the request is not valid."""


class UnsupportedMediaTypeException(_RequestException):
    """Invoke does not support the content type of the request."""


class DurableExecutionAlreadyStartedException(_RequestException):
    """A durable execution with this name exists already."""


class ServiceQuotaExceededException(_LimitException):
    """The request would exceed a quota of the account."""


# Errors of the model's other operations. The front end may send them too, and code that is ported may name them.


class AliasLimitExceededException(_LimitException):
    """The function has the most aliases that the account allows."""


class CallbackTimeoutException(_RequestException):
    """The callback id has expired, or its callback is closed."""


class CapacityProviderLimitExceededException(_LimitException):
    """The account has the most capacity providers that its quota allows."""


class CodeSigningConfigNotFoundException(_RequestException):
    """The code signing configuration does not exist."""


class CodeStorageExceededException(_LimitException):
    """The account has used its quota for code storage."""


class CodeVerificationFailedException(_FunctionException):
    """The code signature failed a check that the policy enforces."""


class FunctionVersionsPerCapacityProviderLimitExceededException(_LimitException):
    """The capacity provider has the most function versions that its quota allows."""


class InvalidCodeSignatureException(_FunctionException):
    """The code signature failed the integrity check."""


class PolicyLengthExceededException(_LimitException):
    """The permissions policy of the resource is too long."""


class PreconditionFailedException(_RequestException):
    """The revision id is not the latest one."""


class ProvisionedConcurrencyConfigNotFoundException(_RequestException):
    """The provisioned concurrency configuration does not exist."""


class PublicPolicyException(_PermissionException):
    """The policy would make the resource public, which is not allowed."""


class ResourceInUseException(_FunctionException):
    """The operation conflicts with the state of the resource."""


def _codes(kind: type[LambdaServiceException]) -> dict[str, type[LambdaServiceException]]:
    found = {kind.__name__: kind}
    for child in kind.__subclasses__():
        found |= _codes(child)
    return found


EXCEPTIONS: dict[str, type[LambdaServiceException]] = {
    code: kind
    for code, kind in _codes(LambdaServiceException).items()
    if not code.startswith("_") and kind is not LambdaServiceException
}
"""The class of each code. A code that is missing here raises `LambdaServiceException`."""

_CODES_BY_STATUS = {
    400: "AliasLimitExceeded CallbackTimeout CapacityProviderLimitExceeded CodeStorageExceeded CodeVerificationFailed"
    " FunctionVersionsPerCapacityProviderLimitExceeded InvalidCodeSignature InvalidParameterValue InvalidRequestContent"
    " ModeNotSupported NoPublishedVersion PolicyLengthExceeded PublicPolicy RecursiveInvocation ResourceInUse SnapStart"
    " Throttling Validation",
    402: "ServiceQuotaExceeded",
    403: "AccessDenied EFSMountFailure ExpiredToken InvalidSignature MissingAuthenticationToken S3FilesMountFailure"
    " UnrecognizedClient",
    404: "CodeSigningConfigNotFound ProvisionedConcurrencyConfigNotFound ResourceNotFound",
    408: "EFSMountConnectivity EFSMountTimeout S3FilesMountConnectivity S3FilesMountTimeout SnapStartTimeout",
    409: "CodeArtifactUserDeleted CodeArtifactUserFailed CodeArtifactUserPending DurableExecutionAlreadyStarted"
    " ResourceConflict RuntimeAliasDeleted RuntimeVersionDeleted SnapStartNotReady SnapStartRegenerationFailure",
    410: "EFSIO",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge RequestTooLarge SerializedRequestEntityTooLarge",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
    500: "Service",
    502: "EC2AccessDenied EC2Throttled EC2Unexpected ENILimitReached ENINotReady InvalidRuntime InvalidSecurityGroupID"
    " InvalidSubnetID InvalidZipFile KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound ResourceNotReady"
    " SubnetIPAddressLimitReached",
}

STATUSES = {f"{name}Exception": status for status, names in _CODES_BY_STATUS.items() for name in names.split()}
"""The HTTP status of each code. Source: the service model; for the front end, "Common Errors" of the API reference."""
