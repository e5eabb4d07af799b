"""Could the function have run, and may the request be sent again? The verdict on an attempt, from its facts.

Laws: a case in no table is unknown; an unknown attempt is repeated only if the caller said that this does no harm; an executed
or accepted one is never repeated.

Owns these tables. Must not know how an answer arrived, or when and how often a client sends again.
Source: the descriptions of the errors in the Lambda service model; RFC 9112, section 9.6, for a connection that ended.
"""

from collections.abc import Sequence

from ..errors import AiolambdaError
from ..types.http import Loss, Stage
from ..types.values import Attempt, Delivery

__all__ = [
    "REFUSED",
    "UNKNOWN",
    "completed",
    "joined",
    "may_repeat",
    "of_dry_run",
    "proves_signature",
    "stale_connection",
    "verdict_of_control_plane_error",
    "verdict_of_error",
    "verdict_of_loss",
    "verdict_of_output",
    "verdict_of_silence",
    "verdict_of_url_error",
    "worst",
]

REFUSED: dict[str, str] = {
    "AccessDeniedException": "the caller lacks the permission, so the request was turned away",
    "AuthFailure": "the request's credentials were not accepted",
    "BandwidthLimitExceeded": "the request was throttled",
    "CallbackTimeoutException": "the callback it names is closed; no invocation is begun",
    "CodeArtifactUserDeletedException": "could not be invoked: the owner of its code is gone",
    "CodeArtifactUserFailedException": "could not be invoked: the owner of its code could not be made",
    "CodeArtifactUserPendingException": "could not be invoked yet: the owner of its code is being made",
    "DurableExecutionAlreadyStartedException": "another execution has this name, so this one was not begun",
    "EC2AccessDeniedException": "its VPC could not be set up for lack of permissions",
    "EC2ThrottledException": "EC2 throttled Lambda while the function was initialized",
    "EC2UnexpectedException": "EC2 failed while the function was set up",
    "EFSMountConnectivityException": "its file system could not be reached, so it did not start",
    "EFSMountFailureException": "its file system could not be mounted, so it did not start",
    "EFSMountTimeoutException": "mounting its file system took too long, so it did not start",
    "ENILimitReachedException": "no network interface could be made for it",
    "ENINotReadyException": "could not be invoked yet: its network interface is not ready",
    "ExpiredTokenException": "the request's credentials were not accepted",
    "IncompleteSignature": "the request's signature could not be read",
    "InvalidAccessKeyId": "the request's credentials were not accepted",
    "InvalidClientTokenId": "the request's credentials were not accepted",
    "InvalidParameterValueException": "a parameter of the request is not valid",
    "InvalidRequestContentException": "the payload or a header could not be parsed",
    "InvalidRuntimeException": "its runtime is not supported, so it cannot start",
    "InvalidSecurityGroupIDException": "its VPC configuration is not valid, so it cannot start",
    "InvalidSignatureException": "the request's signature was not accepted",
    "InvalidSubnetIDException": "its VPC configuration is not valid, so it cannot start",
    "InvalidZipFileException": "its package could not be unpacked, so it cannot start",
    "KMSAccessDeniedException": "its environment could not be decrypted, so it cannot start",
    "KMSDisabledException": "its environment could not be decrypted, so it cannot start",
    "KMSInvalidStateException": "its environment could not be decrypted, so it cannot start",
    "KMSNotFoundException": "its environment could not be decrypted, so it cannot start",
    "LimitExceededException": "the request was throttled",
    "MissingAuthenticationTokenException": "the request carried no signature",
    "ModeNotSupportedException": "the function does not take this type of invocation",
    "NoPublishedVersionException": "there is no version to run",
    "OptInRequired": "the account may not use the service",
    "PriorRequestNotComplete": "the request was throttled, behind another one of its caller",
    "ProvisionedThroughputExceededException": "the request was throttled",
    "RecursiveInvocationException": "Lambda stopped the invocation to break a loop",
    "RequestEntityTooLargeException": "the front end took no request of this size",
    "RequestExpired": "the request's date was not accepted",
    "RequestInTheFuture": "the request's date was not accepted",
    "RequestLimitExceeded": "the request was throttled",
    "RequestThrottled": "the request was throttled",
    "RequestThrottledException": "the request was throttled",
    "RequestTimeTooSkewed": "the request's date was not accepted",
    "RequestTooLargeException": "the payload passes the quota of Invoke",
    "ResourceConflictException": "the state of the function allows no invocation",
    "ResourceNotFoundException": "there is no such function",
    "ResourceNotReadyException": "the function is inactive until its VPC connection is back",
    "RuntimeAliasDeletedException": "its runtime alias is no longer available, so it cannot start",
    "RuntimeVersionDeletedException": "its runtime version is no longer available, so it cannot start",
    "S3FilesMountConnectivityException": "its access point could not be reached, so it did not start",
    "S3FilesMountFailureException": "its access point could not be mounted, so it did not start",
    "S3FilesMountTimeoutException": "mounting its access point took too long, so it did not start",
    "SerializedRequestEntityTooLargeException": "the request passes what can be serialized for the function",
    "ServiceQuotaExceededException": "the request would pass a quota of the account",
    "SignatureDoesNotMatch": "the request's signature was not accepted",
    "SlowDown": "the request was throttled",
    "SnapStartNotReadyException": "the function is still being initialized",
    "SnapStartRegenerationFailureException": "there is no snapshot to start it from",
    "SubnetIPAddressLimitReachedException": "its VPC has no free address, so it cannot start",
    "ThrottledException": "the request was throttled",
    "ThrottlingException": "the front end throttled the request",
    "TooManyRequestsException": "the request was throttled",
    "TransactionInProgressException": "the request was throttled, behind another one on the same resource",
    "UnrecognizedClientException": "the request's credentials were not accepted",
    "UnsupportedMediaTypeException": "the content type is not one that Invoke takes",
    "ValidationException": "a parameter does not satisfy its constraints",
}
"""Codes that the model describes as raised before the function starts, each with the reason."""

_OF_ANOTHER_OPERATION = "an error of another operation, which says nothing of an invocation"

UNKNOWN: dict[str, str] = {
    "AliasLimitExceededException": _OF_ANOTHER_OPERATION,
    "CapacityProviderLimitExceededException": _OF_ANOTHER_OPERATION,
    "CodeSigningConfigNotFoundException": _OF_ANOTHER_OPERATION,
    "CodeStorageExceededException": _OF_ANOTHER_OPERATION,
    "CodeVerificationFailedException": _OF_ANOTHER_OPERATION,
    "EFSIOException": "reading or writing failed, which a function does while it runs",
    "FunctionVersionsPerCapacityProviderLimitExceededException": _OF_ANOTHER_OPERATION,
    "InvalidCodeSignatureException": _OF_ANOTHER_OPERATION,
    "PolicyLengthExceededException": _OF_ANOTHER_OPERATION,
    "PreconditionFailedException": _OF_ANOTHER_OPERATION,
    "ProvisionedConcurrencyConfigNotFoundException": _OF_ANOTHER_OPERATION,
    "PublicPolicyException": _OF_ANOTHER_OPERATION,
    "RequestTimeout": "the request took too long to arrive; a server in between may have passed it on",
    "RequestTimeoutException": "the request took too long to arrive; a server in between may have passed it on",
    "ResourceInUseException": _OF_ANOTHER_OPERATION,
    "ServiceException": "Lambda failed inside, at a point that it does not tell",
    "SnapStartException": "a hook of the function ran, and failed",
    "SnapStartTimeoutException": "a restore took too long, and may have been running the function's hooks",
}
"""Codes that leave open whether the function's code ran."""

_REFUSING_STATUSES = frozenset({401, 403, 404, 405, 407, 411, 413, 414, 415, 429, 431})
"""Statuses with which any HTTP server turns a request away without acting on it, for answers that name no code."""

_REFUSING_OVER_HTTP = _REFUSING_STATUSES | {417, 505}
"""Statuses with which the platform turns a request for a function away."""

_EXECUTED = Delivery.EXECUTED  # looking up a member of an enum takes longer than the rest of a verdict
_WITHOUT_EXECUTION = {("Event", 202): Delivery.ACCEPTED, ("DryRun", 204): Delivery.NOT_DELIVERED}
"""The answers for an event that was queued, and for a check whether the function could run."""

_SEVERITY = {verdict: rank for rank, verdict in enumerate(Delivery)}


def verdict_of_error(status: int, code: str | None) -> Delivery:
    """The verdict on an error answer. A code in no table is unknown."""
    if status == 429 or code in REFUSED or f"{code}Exception" in REFUSED:  # older front ends leave the suffix out
        return Delivery.REFUSED
    if code is None and status in _REFUSING_STATUSES:
        return Delivery.REFUSED
    return Delivery.UNKNOWN


def verdict_of_control_plane_error(status: int, code: str | None) -> Delivery:
    """The verdict on an error answer to an operation that runs no function. With a fault of the caller, nothing was done."""
    return Delivery.REFUSED if 400 <= status < 500 and status != 408 else verdict_of_error(status, code)


def verdict_of_url_error(status: int, code: str | None) -> Delivery:
    """The verdict on an error with which the platform answers for a function over HTTP. 5xx says that a run may have failed."""
    return Delivery.REFUSED if status in _REFUSING_OVER_HTTP else verdict_of_error(status, code)


def verdict_of_output(status: int, invocation_type: str) -> Delivery:
    """The verdict on an answer that is no error. With any other status, even an `Event` or a `DryRun` has run."""
    return _WITHOUT_EXECUTION.get((invocation_type, status), _EXECUTED)


def verdict_of_silence(stage: Stage) -> Delivery:
    """The verdict on an attempt that ended without an answer, from the stage that it had reached."""
    return Delivery.NOT_DELIVERED if stage in ("queue", "connect", "backoff") else Delivery.UNKNOWN


def verdict_of_loss(loss: Loss) -> Delivery:
    """The verdict on a connection that ended without an answer."""
    return Delivery.NOT_DELIVERED if loss.taken == 0 or stale_connection(loss) else Delivery.UNKNOWN


def stale_connection(loss: Loss) -> bool:
    """Whether the peer had closed a pooled connection before any byte of this request reached it.

    A missing acknowledgement alone proves nothing: it may be late. So all of these must hold: the peer closed its side, no byte
    was acknowledged, and its kernel then refused the bytes. This assumes that a server which has closed its side starts no
    further request (RFC 9112, 9.6).
    """
    return loss.reused and (loss.taken == 0 or (loss.ended and loss.acknowledged == 0 and loss.reset))


def proves_signature(status: int) -> bool:
    """Whether Lambda answers with this status only after it has accepted the signature."""
    return status in (404, 409)


def may_repeat(verdict: Delivery, *, idempotent: bool) -> bool:
    """Whether an attempt with this verdict may be followed by another."""
    return not verdict.may_have_run or (verdict is Delivery.UNKNOWN and idempotent)


def completed(
    error: AiolambdaError,
    *,
    function_name: str | None,
    history: Sequence[Attempt],
    elapsed: float,
    total_retry_delay: float,
    is_in_flight: bool = False,
    is_dry_run: bool = False,
    operation: str | None = None,
) -> AiolambdaError:
    """The error with the verdict of its call: the worst of all attempts, of one still in flight, and of the error's own."""
    verdict = worst([error.delivery, *(attempt.delivery for attempt in history), *[Delivery.UNKNOWN] * is_in_flight])
    error._locate(  # pyright: ignore[reportPrivateUsage] - of this package, and no business of the users of an error
        function_name,
        of_dry_run(verdict) if is_dry_run else verdict,
        history=history,
        elapsed=elapsed,
        total_retry_delay=total_retry_delay,
        operation=operation,
    )
    return error


def joined(error: AiolambdaError, others: Sequence[Attempt], *, came_first: bool = False) -> AiolambdaError:
    """The error of a call with the verdict and the requests of another, which was sent beside it or `came_first`."""
    verdict = worst([error.delivery, *(attempt.delivery for attempt in others)])
    error._join(verdict, others, came_first=came_first)  # pyright: ignore[reportPrivateUsage] - as in `completed`
    return error


def of_dry_run(verdict: Delivery) -> Delivery:
    """The verdict on a dry run that failed. It asks Lambda to run nothing, so nothing has run, even if its answer was lost."""
    return Delivery.NOT_DELIVERED if verdict is Delivery.UNKNOWN else verdict


def worst(verdicts: list[Delivery]) -> Delivery:
    """The verdict of a call: the one of its attempts after which the function is most likely to have run."""
    if len(verdicts) == 1:  # nearly every call
        return verdicts[0]
    return max(verdicts, key=_SEVERITY.__getitem__, default=Delivery.NOT_DELIVERED)
