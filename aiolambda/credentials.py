"""Credentials in code: what `LambdaClient(credentials=...)` takes beside keys.

A provider is made without any I/O. It fetches when a call first needs keys, in a thread of its own, keeps them, and renews them
in the background before they expire. Given to several clients, it fetches once for all of them.

Owns the public names. Must not know how a source works: like the client it only wires the layer below.
"""

import datetime as dt
import os

from .config.credentials import assume_role as roles
from .config.credentials import botocore, default_chain
from .transport import fetch
from .types.interfaces import CredentialsProvider
from .types.values import Credentials

__all__ = ["assume_role", "from_botocore", "from_profile"]


def assume_role(
    role_arn: str,
    *,
    session_name: str | None = None,
    external_id: str | None = None,
    duration: dt.timedelta = dt.timedelta(hours=1),
    source: Credentials | CredentialsProvider | None = None,
    region: str | None = None,
) -> CredentialsProvider:
    """A role, assumed with the keys of `source`, or else with those that a client would find by itself.

    `region` is that of the STS endpoint: by default the environment's, then the profile's. Needs botocore (extra `aws`).
    """
    return roles.assume_role(
        role_arn,
        session_name=session_name,
        external_id=external_id,
        duration=duration,
        source=source,
        region=region,
        environment=os.environ,
        default=lambda sts_region: default_chain.default_credentials(
            os.environ, fetch, chain=lambda: botocore.Chain(None), region=sts_region
        ),
    )


def from_profile(profile: str, /) -> CredentialsProvider:
    """What a profile of the AWS configuration leads to: keys, a role, SSO, a program. Needs botocore (extra `aws`)."""
    return botocore.profile_credentials(profile, region=os.environ.get("AWS_REGION") or None)


def from_botocore(session: object, /) -> CredentialsProvider:
    """The credentials of a session of boto3, botocore or aiobotocore, whichever version that is."""
    return botocore.session_credentials(session)
