"""What could make a failed attempt succeed: waiting, trying again, another connection, the right time, fresh credentials.

Owns the codes of each remedy. Must not know whether the attempt may be repeated: `delivery` does, and is asked first.
Source: the retry specification of the AWS SDKs (throttling, transient and clock skew codes), and the Lambda service model for
the refusals that pass with time.
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
"""The throttling codes of the specification, but for EC2ThrottledException: that one is a matter of the function's set-up."""

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
"""Refusals that describe a state which ends by itself."""

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
"""Failures that may not happen twice, whatever their status."""

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
AccessDeniedException as well; Lambda says that of permissions only."""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})

_TRANSIENT_STATUSES = frozenset({408, 500, 502, 503, 504})
_PLAUSIBLE = dt.timedelta(days=36525)
"""A machine may start in 1970; a date that is a century off is nonsense."""
_TOLERATED = dt.timedelta(minutes=4)
"""Lambda takes a signature that is five minutes off; an offset that is smaller by a margin explains no refusal."""


def retry_action_of(error: AiolambdaError) -> RetryAction:
    """The remedy for an attempt that ended with this error."""
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
    if status == 429 or _stands_in(THROTTLES, code):
        return RetryAction.WAIT
    if _stands_in(EXPIRED, code):
        return RetryAction.RENEW_CREDENTIALS
    if _stands_in(SKEWED, code):
        return RetryAction.SET_CLOCK
    if (
        _stands_in(PASSING, code)
        or _stands_in(TRANSIENT, code)
        or (status in _TRANSIENT_STATUSES and not _stands_in(REFUSED, code))
    ):
        return RetryAction.RETRY
    return RetryAction.NONE


def _stands_in(table: Collection[str], code: str) -> bool:
    return code in table or f"{code}Exception" in table  # older front ends leave the suffix out


def explains_refusal(offset: dt.timedelta, applied: dt.timedelta) -> bool:
    """Whether a clock that is off by `offset`, where `applied` was corrected already, had its signature refused for that."""
    return abs(offset) < _PLAUSIBLE and abs(offset - applied) >= _TOLERATED
