"""Failures by retry action: wait, try again, use another connection, correct the clock, renew the credentials.

Owns the error codes of each action. Must not know whether the attempt may be repeated: `delivery` does, and is asked first.
Source: the retry specification of the AWS SDKs (throttling, transient and clock skew codes), and the Lambda service model for
the refusals that end by themselves.
"""

import datetime as dt
from collections.abc import Collection

from ..errors import (
    AiolambdaError,
    ConnectError,
    ConnectionLostError,
    InvocationTimeoutError,
    LambdaServiceException,
    TransportError,
)
from ..types.values import RetryAction
from .delivery import REFUSED

__all__ = ["EXPIRED", "PASSING", "SKEWED", "THROTTLES", "TRANSIENT", "explains_refusal", "retry_action_of"]

THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""The throttling codes of the specification, without EC2ThrottledException: that one concerns the set-up of the function."""

PASSING = frozenset(
    {
        "CodeArtifactUserPendingException",
        "EC2ThrottledException",
        "EFSMountConnectivityException",
        "EFSMountTimeoutException",
        "ENINotReadyException",
        "ResourceNotReadyException",
        "S3FilesMountConnectivityException",
        "S3FilesMountTimeoutException",
        "SnapStartNotReadyException",
        "SubnetIPAddressLimitReachedException",
    }
)
"""Refusals because of a state that ends by itself."""

TRANSIENT = frozenset(
    {
        "EFSIOException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceException",
        "SnapStartException",
        "SnapStartTimeoutException",
    }
)
"""Failures that may not happen twice, with any status."""

SKEWED = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""Refusals that a wrong clock can cause. Most have other causes too, so the offset must explain them. The JavaScript SDK lists
AccessDeniedException as well; Lambda uses that for permissions only."""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})

_TRANSIENT_STATUSES = frozenset({408, 500, 502, 503, 504})
_MAX_OFFSET = dt.timedelta(days=36525)
"""A machine may start in 1970, but a date that is a century off is nonsense."""
_MIN_OFFSET = dt.timedelta(minutes=4)
"""Lambda accepts a signature that is five minutes off: an offset below that, less a margin, explains no refusal."""


def retry_action_of(error: AiolambdaError) -> RetryAction:
    """The change that could make another attempt succeed after this error."""
    if isinstance(error, LambdaServiceException):
        return _action_of_answer(error.status_code, error.code)
    if isinstance(error, ConnectError):
        return RetryAction.RETRY if error.transient else RetryAction.NONE
    if isinstance(error, ConnectionLostError):
        return RetryAction.REPEAT if error.stale_connection else RetryAction.RETRY
    if isinstance(error, InvocationTimeoutError):
        return RetryAction.RETRY if error.exceeded in ("connect", "read") else RetryAction.NONE
    return RetryAction.RETRY if isinstance(error, TransportError) else RetryAction.NONE


def _action_of_answer(status: int, code: str) -> RetryAction:
    if status == 429 or _is_in(THROTTLES, code):
        return RetryAction.WAIT
    if _is_in(EXPIRED, code):
        return RetryAction.RENEW_CREDENTIALS
    if _is_in(SKEWED, code):
        return RetryAction.SET_CLOCK
    if _is_in(PASSING, code) or _is_in(TRANSIENT, code) or (status in _TRANSIENT_STATUSES and not _is_in(REFUSED, code)):
        return RetryAction.RETRY
    return RetryAction.NONE


def _is_in(table: Collection[str], code: str) -> bool:
    return code in table or f"{code}Exception" in table  # older front ends leave the suffix out


def explains_refusal(offset: dt.timedelta, applied: dt.timedelta) -> bool:
    """Whether a clock that is off by `offset` explains the refusal of a signature that was corrected by `applied`."""
    return abs(offset) < _MAX_OFFSET and abs(offset - applied) >= _MIN_OFFSET
