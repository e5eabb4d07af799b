"""Whether these credentials may invoke a function: a DryRun, and what its outcome means.

Owns the explanation. Must not run the function.
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
from .check import Check, ok, problem, skipped, warning

__all__ = ["check_function"]


async def check_function(
    config: LambdaClientConfig, name: str | None, qualifier: str | None, credentials: Credentials | None, limit: float
) -> Check:
    """The outcome of a DryRun within so many seconds."""
    if name is None:
        return skipped("function", "--function NAME asks Lambda whether these credentials may invoke it")
    if credentials is None:
        return skipped("function", "not asked: there are no credentials")
    settings = attrs.evolve(config, credentials=credentials, timeout=Timeouts(total=limit, connect=limit))
    shown = name if qualifier is None else f"{name}:{qualifier}"
    try:
        async with LambdaClient(settings) as client:
            metadata = await client.dry_run(name, qualifier=qualifier)
    except (ConfigurationError, InvalidInputError) as error:
        return problem("function", str(error), "a function has a name, name:qualifier, or an ARN", code=exit_codes.USAGE)
    except AiolambdaError as error:
        return _refused(error, shown, credentials)
    return ok("function", f"{shown} may be invoked with these credentials", request_id=metadata.request_id)


def _refused(error: AiolambdaError, name: str, credentials: Credentials) -> Check:
    reason = error
    if isinstance(error, InvocationTimeoutError) and isinstance(error.last_error, AiolambdaError):
        reason = error.last_error
    if isinstance(reason, TooManyRequestsException):
        return warning("function", f"{name} is throttled now: {reason}", "lower the rate, or raise its concurrency")
    facts = {"error": type(reason).__name__}
    return problem(
        "function", str(reason), _advice(reason, name, masked(credentials.access_key_id)), code=exit_codes.NOT_RUN, **facts
    )


def _advice(error: AiolambdaError, name: str, key: str) -> str:
    advice: dict[type[AiolambdaError], str] = {
        ConnectionLostError: "is this the endpoint of Lambda, and does a proxy or a firewall stand between?",
        AccessDeniedException: f"allow lambda:InvokeFunction on {name} to the identity of {key}",
        ExpiredTokenException: "renew the credentials, or log in again",
        InvalidSignatureException: f"is the secret key that of {key}, and the clock right? Does a proxy change requests?",
        ResourceNotFoundException: f"there is no {name} in this region and account: check name, qualifier and region",
        UnrecognizedClientException: f"{key} is not known: a deleted key, one of another partition, or the wrong session token",
    }
    return next((text for kind, text in advice.items() if isinstance(error, kind)), "see the checks above")
