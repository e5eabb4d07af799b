"""The check of the permission to invoke a function: a DryRun, and the explanation of its result.

Must not run the function.
"""

import attrs

from ...client.client import LambdaClient
from ...errors import (
    AiolambdaError,
    Category,
    ConfigurationError,
    ConnectionLostError,
    InvalidInputError,
    InvocationTimeoutError,
    LambdaServiceException,
    TransportError,
)
from ...errors.service import (
    AccessDeniedException,
    ExpiredTokenException,
    InvalidSignatureException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnrecognizedClientException,
)
from ...protocol.names import region_of
from ...types.values import Credentials, Timeouts, masked
from .. import exit_codes
from .check import WRONG_SERVER_ADVICE, Check, ok, problem, skipped, warning
from .settings import ExplainedSettings

__all__ = ["check_failure", "check_function"]

_ADVICE_BY_CATEGORY: dict[Category, str] = {
    "permission": "check the policies of the caller and of the function",
    "limit": "lower the rate, or raise the limit",
    "function": "correct the function's configuration, which the text names",
    "request": "check the endpoint URL, and that no proxy changes requests",
    "service": "the server failed: try again later; if the endpoint is not AWS's, see the server's log",
}


async def check_function(
    found: ExplainedSettings, name: str | None, qualifier: str | None, credentials: Credentials | None, limit: float
) -> Check:
    """Send a DryRun, within `limit` seconds."""
    if name is None or found.invalid or credentials is None:
        missing = "name a function with --function NAME" if name is None else "there are no credentials"
        return skipped("function", f"not checked: {'the settings are invalid' if found.invalid else missing}")
    limits = Timeouts(total=limit, connect=limit)
    settings = attrs.evolve(found.config, credentials=credentials, timeout=limits, max_concurrency=None)
    shown = name if qualifier is None else f"{name}:{qualifier}"
    try:
        async with LambdaClient(settings) as client:
            metadata = await client.dry_run(name, qualifier=qualifier)
    except InvalidInputError as error:
        return problem("function", str(error), _advice_on_input(error, name), code=exit_codes.USAGE)
    except ConfigurationError as error:
        return problem("function", str(error), "correct the setting that the text names", code=exit_codes.USAGE)
    except AiolambdaError as error:
        return check_failure(error, shown, credentials)
    return ok("function", f"these credentials may invoke {shown}", request_id=metadata.request_id)


def _advice_on_input(error: InvalidInputError, name: str) -> str:
    if error.member == "qualifier":
        return "write a version number, $LATEST, or an alias"
    region = region_of(name)
    if region is not None:
        return f"check the ARN, and give its region: --region {region}"
    return "write a name, name:qualifier, or an ARN"


def check_failure(error: AiolambdaError, name: str, credentials: Credentials) -> Check:
    """The check of a DryRun that failed."""
    reason = error
    if isinstance(error, InvocationTimeoutError) and isinstance(error.last_error, AiolambdaError):
        reason = error.last_error
    if isinstance(reason, TooManyRequestsException):
        return warning("function", f"{name} is throttled now: {reason}", "lower the rate, or raise its concurrency limit")
    facts = {"error": type(reason).__name__}
    return problem(
        "function", str(reason), _advice(reason, name, masked(credentials.access_key_id)), code=exit_codes.NOT_RUN, **facts
    )


def _advice(error: AiolambdaError, name: str, key: str) -> str:
    advice: dict[type[AiolambdaError], str] = {
        ConnectionLostError: WRONG_SERVER_ADVICE,
        TransportError: "see the check of the connection; if it is good, try again with a longer --timeout",
        AccessDeniedException: f"allow lambda:InvokeFunction on {name} for the identity of {key}",
        ExpiredTokenException: "renew the credentials, or log in again",
        InvalidSignatureException: f"check the secret key of {key}, the clock, and that no proxy changes requests",
        ResourceNotFoundException: f"{name} does not exist in this region and account: check name, qualifier and region",
        UnrecognizedClientException: f"{key} is unknown: check for a deleted key, another partition, or a wrong session token",
    }
    if isinstance(error, InvalidSignatureException) and "scoped to a valid region" in error.message:
        return "check the region: requests must be signed for the region of the endpoint (--region, --endpoint-url)"
    known = next((text for kind, text in advice.items() if isinstance(error, kind)), None)
    if known is not None:
        return known
    category = error.category if isinstance(error, LambdaServiceException) else "service"
    return _ADVICE_BY_CATEGORY[category]
