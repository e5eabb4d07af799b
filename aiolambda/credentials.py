"""Providers for `LambdaClient(credentials=...)`: a role, a profile, or a session of boto3, botocore or aiobotocore.

Making a provider does no I/O. It fetches keys in a thread of its own when a call first needs them, keeps them, and renews them
in the background before they expire. If several clients share a provider, it fetches once for all of them.
"""

import datetime as dt
import os

from .config import LambdaClientConfig
from .config.credentials import assume_role as roles
from .config.credentials import botocore
from .config.credentials.default_chain import find_credentials
from .errors import ConfigurationError
from .transport import fetch
from .types.interfaces import CredentialsProvider
from .types.mistakes import Remedies, explains_call
from .types.values import Credentials, shown

__all__ = ["assume_role", "from_botocore", "from_profile"]


_OF_STS: Remedies = {
    "duration_seconds": "write duration=datetime.timedelta(seconds=...)",
    "params": "write assume_role(role_arn, session_name=...)",
    "role_session_name": "write session_name=...",
    "master_credentials": "write source=...",
}


@explains_call(_OF_STS)
def assume_role(
    role_arn: str,
    *,
    session_name: str | None = None,
    external_id: str | None = None,
    duration: dt.timedelta = dt.timedelta(hours=1),
    source: Credentials | CredentialsProvider | None = None,
    region: str | None = None,
) -> CredentialsProvider:
    """The keys of a role. Needs botocore (extra `aws`).

    ::

        client = LambdaClient(credentials=assume_role("arn:aws:iam::123456789012:role/caller"))

    Args:
        role_arn: The ARN of the role.
        session_name: The name of the session, which CloudTrail shows. By default `aiolambda-` and the time.
        external_id: The external id that the role's trust policy asks for. Default none.
        duration: How long the keys are valid. Default one hour.
        source: Signs the request. By default the credentials that a client would find by itself.
        region: The region of the STS endpoint. By default the environment's, then the profile's.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    return roles.assume_role(
        role_arn,
        session_name=session_name,
        external_id=external_id,
        duration=duration,
        source=source,
        region=region,
        environment=os.environ,
        default=lambda sts_region: find_credentials(LambdaClientConfig(), os.environ, sts_region, fetch),
    )


@explains_call()
def from_profile(profile: str, /) -> CredentialsProvider:
    """The keys that a profile leads to: its own, a role's, SSO's or a program's.

    A role and SSO need botocore (extra `aws`).

    ::

        client = LambdaClient(credentials=from_profile("production"))

    Args:
        profile: The name of the profile in the AWS config files.
    """
    if not isinstance(profile, str) or not profile:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise ConfigurationError(f"from_profile takes the name of a profile; got {shown(profile)}")
    return botocore.profile_credentials(profile, region=os.environ.get("AWS_REGION") or None)


@explains_call()
def from_botocore(session: object, /) -> CredentialsProvider:
    """The credentials of a session of boto3, botocore or aiobotocore, of any version.

    ::

        client = LambdaClient(region="eu-west-1", credentials=from_botocore(boto3.Session()))

    Args:
        session: The session.
    """
    return botocore.session_credentials(session)


def __dir__() -> list[str]:
    return [*__all__, "__doc__", "__file__", "__name__"]
