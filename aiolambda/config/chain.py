"""The rest of the credential chain, and the profile's region: through botocore, in a thread.

Owns the making of botocore's sessions, by its public calls. Must not run any of it in a thread with an event loop: its import
alone takes a third of a second, and it reads files, starts programs and talks to servers. aiobotocore's chain would read the
same files on a loop, which programs that watch their loops, such as those under `blockbuster`, forbid in every thread.
"""

import asyncio
import contextlib
from collections.abc import Generator, Mapping
from typing import Any

from ..errors import ConfigurationError
from ..models import Credentials
from .container import ContainerSource
from .gentle import GentleFiles, collector_at_rest
from .marks import marks_removed
from .refreshing import RefreshingCredentials
from .sessions import errors_are_ours, keys_of
from .threads import BLOCKING, run

__all__ = ["Chain", "ChainSource", "profile_credentials"]

_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 20
"""Seconds; botocore would wait a minute for each, five times."""


class Chain:
    """A botocore session for one profile. Every method blocks: call them in a thread without an event loop."""

    def __init__(self, profile: str | None) -> None:
        try:
            with collector_at_rest():
                from botocore.config import Config  # noqa: PLC0415 - loaded when first needed, for it costs a third of a second
                from botocore.session import Session  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(
                "region or credentials are neither in the arguments nor in the environment, and the AWS credential chain needs "
                "botocore: install aiolambda-client with its extra 'aws' (pip install '.[aws]'), or give a session that you "
                "have: LambdaClient(credentials=aiolambda.credentials.from_botocore(session))"
            ) from None
        self._profile = profile
        self._new_session: Any = Session
        self._client_config: Any = Config(connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
        self._documents: Any = None
        with errors_are_ours("the AWS configuration"), self.session():  # to fail here, not at the first fetch
            pass

    @contextlib.contextmanager
    def session(self, region: str | None = None) -> Generator[Any]:
        """A session for this profile, to be used in the block; what they read of botocore's own data is read once for all."""
        session: Any = self._new_session(profile=self._profile)
        with marks_removed(session):
            if self._documents is None:
                loader: Any = session.get_component("data_loader")  # for whose folder the configuration is read
                loader.file_loader = GentleFiles(loader.file_loader)
                self._documents = loader
            session.register_component("data_loader", self._documents)
            session.set_default_client_config(self._client_config)
            if region is not None:
                session.set_config_variable("region", region)
            yield session

    def credentials(self, region: str | None = None, *, container: ContainerSource | None = None) -> RefreshingCredentials:
        """The provider for what the chain finds, with its first keys. `ConfigurationError` where it finds nothing.

        `region` is where its roles are assumed, as in botocore that of the client. `container` takes the place of
        botocore's own container provider, which knows no CA bundle.
        """
        source = ChainSource(self._profile, region, chain=self, container=container)
        first = run(lambda: source.fetch(rejected=False, home=None))
        return RefreshingCredentials(source, first=first)


class ChainSource:
    """Goes through the whole chain at each fetch, so that a new login or a changed file is seen.

    A session that was kept would renew by its own clock, and hide why it could not.
    """

    needs_home = False

    def __init__(
        self,
        profile: str | None,
        region: str | None = None,
        *,
        chain: Chain | None = None,
        container: ContainerSource | None = None,
    ) -> None:
        self._profile = profile
        self._region = region
        self._chain = chain
        self._container = container
        self.name = "chain" if profile is None else f"profile {profile}"

    async def fetch(self, *, rejected: bool, home: asyncio.AbstractEventLoop | None) -> Credentials:
        """The keys that the chain finds; `ConfigurationError` where it finds none, or fails."""
        found = await BLOCKING.run(self._find)
        if found is not None:
            return found
        if self._container is not None:
            self.name = self._container.name
            return await self._container.fetch(rejected=rejected, home=home)
        raise ConfigurationError(
            "no credentials: they are neither in the arguments nor in the environment, and the AWS credential chain "
            "(profiles, SSO, web identity, container and instance roles) found none"
        )

    def _find(self) -> Credentials | None:
        """What botocore's chain finds, up to the container that is not its own to ask."""
        self._chain = self._chain or Chain(self._profile)
        with errors_are_ours("the AWS credential chain"), self._chain.session(self._region) as session:
            _refuse_mfa(session)
            providers = session.get_component("credential_provider")
            providers.remove("env")  # that was looked at before, and may be blank
            if self._container is not None:
                providers.remove("container-role")
                providers.remove("iam-role")  # behind a container it is never asked
            found: Any = session.get_credentials()
            if found is None:
                return None
            self.name = str(getattr(found, "method", None) or self.name)
            return keys_of(found, found.get_frozen_credentials())


def profile_credentials(profile: str, *, region: str | None) -> RefreshingCredentials:
    """A provider of the keys that a profile leads to; the profile is read when they are first needed."""
    return RefreshingCredentials(ChainSource(profile, region))


def _refuse_mfa(session: Any) -> None:
    """A profile that asks for a code: botocore would ask for it at the terminal, and wait there."""
    name = session.get_config_variable("profile") or "default"
    profiles: Mapping[str, Mapping[str, Any]] = session.full_config.get("profiles", {})
    seen = set[str]()
    while name in profiles and name not in seen:
        seen.add(name)
        profile = profiles[name]
        if "role_arn" not in profile or "web_identity_token_file" in profile or _is_source_with_keys(profile, seen):
            return
        if "mfa_serial" in profile:
            raise ConfigurationError(
                f"the profile {name!r} assumes its role with a code of an MFA device (mfa_serial), which nobody can type here: "
                "give credentials of a session that has its keys, aiolambda.credentials.from_botocore(session), or a profile "
                "of IAM Identity Center (aws sso login)"
            )
        name = str(profile.get("source_profile", ""))


def _is_source_with_keys(profile: Mapping[str, Any], seen: set[str]) -> bool:
    return len(seen) > 1 and "aws_access_key_id" in profile
