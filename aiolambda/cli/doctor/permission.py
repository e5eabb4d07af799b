"""The check of the permission to invoke a function: a DryRun, and the explanation of its result.

Must not run the function.
"""

import attrs

from ...client.client import LambdaClient
from ...config import LambdaClientConfig
from ...errors import AiolambdaError, ConfigurationError, ConnectionLostError, InvalidInputError, InvocationTimeoutError
from ...errors.service import (
    AccessDeniedException,
    ExpiredTokenException,
    InvalidSignatureException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnrecognizedClientException,
)
from ...types.values import Credentials, Timeouts, masked
from .. import exit_codes
from .check import WRONG_SERVER_ADVICE, Check, ok, problem, skipped, warning

__all__ = ["check_function"]


async def check_function(
    config: LambdaClientConfig, name: str | None, qualifier: str | None, credentials: Credentials | None, limit: float
) -> Check:
    """Send a DryRun, within `limit` seconds."""
    if name is None:
        return skipped("function", "not checked: name a function with --function NAME")
    if credentials is None:
        return skipped("function", "not checked: there are no credentials")
    settings = attrs.evolve(config, credentials=credentials, timeout=Timeouts(total=limit, connect=limit), max_concurrency=None)
    shown = name if qualifier is None else f"{name}:{qualifier}"
    try:
        async with LambdaClient(settings) as client:
            metadata = await client.dry_run(name, qualifier=qualifier)
    except (ConfigurationError, InvalidInputError) as error:
        return problem("function", str(error), "write a name, name:qualifier, or an ARN", code=exit_codes.USAGE)
    except AiolambdaError as error:
        return _failed(error, shown, credentials)
    return ok("function", f"these credentials may invoke {shown}", request_id=metadata.request_id)


def _failed(error: AiolambdaError, name: str, credentials: Credentials) -> Check:
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
        AccessDeniedException: f"allow lambda:InvokeFunction on {name} for the identity of {key}",
        ExpiredTokenException: "renew the credentials, or log in again",
        InvalidSignatureException: f"check the secret key of {key}, the clock, and that no proxy changes requests",
        ResourceNotFoundException: f"{name} does not exist in this region and account: check name, qualifier and region",
        UnrecognizedClientException: f"{key} is unknown: check for a deleted key, another partition, or a wrong session token",
    }
    return next((text for kind, text in advice.items() if isinstance(error, kind)), "see the checks above")
