"""The rest of the credential chain, and the profile's region: through botocore, in a thread.

Owns the making of botocore's sessions, by its public calls. Must not run any of it in a thread with an event loop: its import
alone takes a third of a second, and it reads files, starts programs and talks to servers. aiobotocore's chain would read the
same files on a loop, which programs that watch their loops, such as those under `blockbuster`, forbid in every thread.
"""

import asyncio
import contextlib
import datetime as dt
import inspect
import os
from collections.abc import Generator, Mapping
from typing import Any

from ...errors import AiolambdaError, ConfigurationError
from ...types.values import Credentials
from .background import BLOCKING, HomeEndedError, at_home, run
from .botocore_data import GentleFiles, collector_at_rest
from .byte_order_mark import marks_removed
from .container import ContainerSource
from .refreshable import RefreshableCredentials

__all__ = [
    "Chain",
    "ChainSource",
    "SessionSource",
    "code_of",
    "errors_are_ours",
    "keys_of",
    "profile_credentials",
    "session_credentials",
]

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

    def credentials(self, region: str | None = None, *, container: ContainerSource | None = None) -> RefreshableCredentials:
        """The provider for what the chain finds, with its first keys. `ConfigurationError` where it finds nothing.

        `region` is where its roles are assumed, as in botocore that of the client. `container` takes the place of
        botocore's own container provider, which knows no CA bundle.
        """
        source = ChainSource(self._profile, region, chain=self, container=container)
        first = run(lambda: source.fetch(rejected=False, home=None))
        return RefreshableCredentials(source, first=first)


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


def profile_credentials(profile: str, *, region: str | None) -> RefreshableCredentials:
    """A provider of the keys that a profile leads to; the profile is read when they are first needed."""
    return RefreshableCredentials(ChainSource(profile, region))


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


_LONGEST = 100 * 365 * 86_400
"""Seconds for which keys may be good; more is for ever."""


def keys_of(found: Any, frozen: Any) -> Credentials:
    """The keys that a credentials object holds, of which it has just given a copy: fetched or renewed if it found that due."""
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None, expires_at=_expiry_of(found))


def _expiry_of(found: Any) -> dt.datetime | None:
    """When its keys expire, to the second.

    There is no public name for that, only the question whether they expire within so many seconds: asked some thirty times, it
    tells.
    """
    expires_within = getattr(found, "refresh_needed", None)
    if expires_within is None or not expires_within(refresh_in=_LONGEST):
        return None
    now, least, most = dt.datetime.now(dt.UTC), 0, _LONGEST
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if expires_within(refresh_in=middle) else (middle, most)
    return (now + dt.timedelta(seconds=least + 1)).replace(microsecond=0)  # a whole second, as all services give it


@contextlib.contextmanager
def errors_are_ours(what: str) -> Generator[None]:
    """Whatever fails in somebody else's code becomes a `ConfigurationError` that says what was being done."""
    try:
        yield
    except (AiolambdaError, HomeEndedError):
        raise
    except Exception as error:
        kind = type(error)
        if kind.__module__ == "botocore.parsers":  # its text quotes the answer, which may hold keys
            raise ConfigurationError(f"{what} failed: the service's answer cannot be read ({kind.__name__})") from None
        said = str(error) if kind.__module__.startswith("botocore.") else f"{kind.__name__}: {error}"
        raise ConfigurationError(f"{what} failed: {said}") from error


def code_of(error: BaseException | None) -> str:
    """The code of an AWS service's error."""
    response: Any = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


class SessionSource:
    """The keys of a session that the caller made, renewed when the session finds that due.

    One whose calls are asynchronous is asked on the caller's loop: its credentials hold a lock that belongs there. Any other
    blocks, and is asked in a thread without an event loop.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._is_warm = False
        self.needs_home = inspect.iscoroutinefunction(session.get_credentials)
        self.name = "session"

    async def fetch(self, *, rejected: bool, home: asyncio.AbstractEventLoop | None) -> Credentials:
        """The session's keys; `ConfigurationError` where it has none or fails."""
        with errors_are_ours("the credentials of the session"):
            if not self._is_warm:
                self._is_warm = True
                await BLOCKING.run(lambda: _warm(self._session))
            return await at_home(home, self._keys) if self.needs_home else await BLOCKING.run(self._keys_at_once)

    async def _keys(self) -> Credentials:
        found = self._checked(await self._session.get_credentials())
        answer: Any = found.get_frozen_credentials()
        return keys_of(found, await answer if inspect.isawaitable(answer) else answer)  # fixed keys are given at once

    def _keys_at_once(self) -> Credentials:
        found = self._checked(self._session.get_credentials())
        return keys_of(found, found.get_frozen_credentials())

    def _checked(self, found: Any) -> Any:
        if found is None:
            raise ConfigurationError("the session that was given to from_botocore has no credentials")
        self.name = f"session, {getattr(found, 'method', None) or 'explicit'}"
        return found


def _warm(session: Any) -> None:
    """Read what a session that asks a service for its keys will want of botocore's documents: it would do so on the loop.

    Nothing is changed by that but when they are read, and what fails here fails again where it is told.
    """
    with contextlib.suppress(Exception):
        profile = session.get_scoped_config()
        service = "sts" if "role_arn" in profile or "AWS_ROLE_ARN" in os.environ else "sso"
        if service == "sso" and not any(name.startswith("sso_") for name in profile):
            return
        loader = session.get_component("data_loader")
        loader.file_loader = GentleFiles(loader.file_loader)
        with collector_at_rest():
            for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
                loader.load_data(name)
            for kind in ("service-2", "endpoint-rule-set-1"):
                loader.load_service_model(service, kind)
            session.get_component("credential_provider")


def session_credentials(session: object) -> RefreshableCredentials:
    """A provider of that session's keys. `ConfigurationError` for what is no session."""
    if not callable(getattr(session, "get_credentials", None)):
        raise ConfigurationError(
            f"from_botocore takes a session of boto3, botocore or aiobotocore; got {type(session).__name__}, which has no "
            "get_credentials"
        )
    return RefreshableCredentials(SessionSource(session))
