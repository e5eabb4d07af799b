"""Credentials through botocore: the rest of the default chain, profiles, and sessions that the caller made.

Law: botocore runs in a thread without an event loop. Its import alone takes a third of a second, and it reads files, starts
programs and talks to servers. aiobotocore's chain would read the same files on a loop; programs that watch their loops, such as
those under `blockbuster`, forbid that in every thread.

Owns the making of botocore's sessions, and uses its public names only.
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
from ...version import BESIDE_BOTO3, INSTALL
from .background import BLOCKING, CallerLoopEndedError, on_caller_loop, run
from .botocore_files import PiecewiseFiles, collector_paused, marks_removed
from .container import ContainerSource
from .refreshable import RefreshableCredentials

__all__ = [
    "ChainSource",
    "SessionFactory",
    "SessionSource",
    "chain_credentials",
    "error_code",
    "errors_mapped",
    "profile_credentials",
    "session_credentials",
]

_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 20
"""Seconds. botocore would wait a minute for each, five times."""

_FOREVER = 100 * 365 * 86_400
"""Seconds. Keys that are good for longer count as keys without an expiry."""


# --- The chain, and a profile in it -----------------------------------------------------------------------------------


def chain_credentials(
    profile: str | None, region: str | None, *, container: ContainerSource | None = None
) -> RefreshableCredentials:
    """A provider of the keys that the chain finds, with its first keys. Blocks. `ConfigurationError` if it finds none.

    The chain's roles are assumed in `region`, as in botocore in the client's region. `container` replaces botocore's own
    container provider, which ignores the CA bundle.
    """
    source = ChainSource(profile, region, container=container)
    first = run(lambda: source.fetch(rejected=False, caller_loop=None))
    return RefreshableCredentials(source, first=first)


def profile_credentials(profile: str, *, region: str | None) -> RefreshableCredentials:
    """A provider of the keys that a profile leads to. It reads the profile when keys are first needed."""
    return RefreshableCredentials(ChainSource(profile, region))


class ChainSource:
    """Runs the whole chain at each fetch, so that it sees a new login or a changed file.

    A session that was kept would renew by its own clock, and hide the reason if it could not.
    """

    needs_caller_loop = False

    def __init__(self, profile: str | None, region: str | None = None, *, container: ContainerSource | None = None) -> None:
        self._profile = profile
        self._region = region
        self._container = container
        self._sessions: SessionFactory | None = None
        self.name = "chain" if profile is None else f"profile {profile}"

    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials:
        """The keys that the chain finds. `ConfigurationError` if it finds none, or fails."""
        found = await BLOCKING.run(self._find)
        if found is not None:
            return found
        if self._container is not None:
            self.name = self._container.name
            return await self._container.fetch(rejected=rejected, caller_loop=caller_loop)
        raise ConfigurationError(
            "no credentials: none are given, the environment has none, and the AWS credential chain (profiles, SSO, web "
            "identity, container and instance roles) found none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or profile=, "
            "or log in (aws sso login)"
        )

    def _find(self) -> Credentials | None:
        """The keys that botocore's chain finds. If `container` is given, the chain ends before its turn."""
        self._sessions = self._sessions or SessionFactory(self._profile)
        with errors_mapped("the AWS credential chain"), self._sessions.session(self._region) as session:
            _refuse_mfa(session)
            providers = session.get_component("credential_provider")
            providers.remove("env")  # default_chain has looked there, and the variables may be blank
            if self._container is not None:
                providers.remove("container-role")
                providers.remove("iam-role")  # it comes after the container, so it is never asked
            found: Any = session.get_credentials()
            if found is None:
                return None
            self.name = str(getattr(found, "method", None) or self.name)
            return _keys(found, found.get_frozen_credentials())


def _refuse_mfa(session: Any) -> None:
    """Refuse a profile that needs an MFA code: botocore would ask for it at the terminal, and wait there."""
    name = session.get_config_variable("profile") or "default"
    profiles: Mapping[str, Mapping[str, Any]] = session.full_config.get("profiles", {})
    seen = set[str]()
    while name in profiles and name not in seen:
        seen.add(name)
        profile = profiles[name]
        has_keys = len(seen) > 1 and "aws_access_key_id" in profile  # a source profile's keys go before its role
        if "role_arn" not in profile or "web_identity_token_file" in profile or has_keys:
            return
        if "mfa_serial" in profile:
            raise ConfigurationError(
                f"the profile {name!r} assumes its role with the code of an MFA device (mfa_serial), and there is no "
                "terminal for it: give a session that has the role's keys, aiolambda.credentials.from_botocore(session), or "
                "use a profile of IAM Identity Center (aws sso login)"
            )
        name = str(profile.get("source_profile", ""))


# --- A session of the caller's ----------------------------------------------------------------------------------------


def session_credentials(session: object) -> RefreshableCredentials:
    """A provider of that session's keys. `ConfigurationError` if it is not a session."""
    if not callable(getattr(session, "get_credentials", None)):
        raise ConfigurationError(
            f"from_botocore takes a session of boto3, botocore or aiobotocore; got {type(session).__name__}, which has no "
            "get_credentials"
        )
    return RefreshableCredentials(SessionSource(session))


class SessionSource:
    """The keys of a session that the caller made. The session renews them when it finds that due.

    A session of aiobotocore is asked on the caller's loop, because its credentials hold a lock of that loop. Any other blocks,
    and is asked in a thread.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._is_warm = False
        self.needs_caller_loop = inspect.iscoroutinefunction(session.get_credentials)
        self.name = "session"

    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials:
        """The session's keys. `ConfigurationError` if it has none or fails."""
        with errors_mapped("the credentials of the session"):
            if not self._is_warm:
                self._is_warm = True
                await BLOCKING.run(lambda: _read_documents(self._session))
            if self.needs_caller_loop:
                return await on_caller_loop(caller_loop, self._ask)
            return await BLOCKING.run(self._ask_blocking)

    async def _ask(self) -> Credentials:
        found = self._checked(await self._session.get_credentials())
        answer: Any = found.get_frozen_credentials()
        return _keys(found, await answer if inspect.isawaitable(answer) else answer)  # fixed keys are given without awaiting

    def _ask_blocking(self) -> Credentials:
        found = self._checked(self._session.get_credentials())
        return _keys(found, found.get_frozen_credentials())

    def _checked(self, found: Any) -> Any:
        if found is None:
            raise ConfigurationError(
                "the session that was given to from_botocore has no credentials: configure a profile or keys for it, or give "
                "another session"
            )
        self.name = f"session, {getattr(found, 'method', None) or 'explicit'}"
        return found


def _read_documents(session: Any) -> None:
    """Read botocore's documents for a session that asks a service for its keys. The session would read them on the loop.

    It changes only the time of reading. An error here is suppressed, because the session will meet it again and report it.
    """
    with contextlib.suppress(Exception):
        profile = session.get_scoped_config()
        service = "sts" if "role_arn" in profile or "AWS_ROLE_ARN" in os.environ else "sso"
        if service == "sso" and not any(name.startswith("sso_") for name in profile):
            return
        loader = session.get_component("data_loader")
        loader.file_loader = PiecewiseFiles(loader.file_loader)
        with collector_paused():
            for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
                loader.load_data(name)
            for kind in ("service-2", "endpoint-rule-set-1"):
                loader.load_service_model(service, kind)
            session.get_component("credential_provider")


# --- Sessions, keys and errors of botocore ----------------------------------------------------------------------------


class SessionFactory:
    """Makes botocore sessions for one profile. Every method blocks: call them in a thread without an event loop."""

    def __init__(self, profile: str | None) -> None:
        try:
            with collector_paused():
                from botocore.config import Config  # noqa: PLC0415 - loaded when first needed: it takes a third of a second
                from botocore.session import Session  # noqa: PLC0415 - as above
        except ImportError:
            raise ConfigurationError(
                "no region or credentials in the arguments and the environment, and the AWS credential chain needs botocore: "
                f"install the extra 'aws' ({INSTALL}); {BESIDE_BOTO3}"
            ) from None
        self._profile = profile
        self._new_session: Any = Session
        self._client_config: Any = Config(connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
        self._loader: Any = None
        with errors_mapped("the AWS configuration"), self.session():  # to fail here, not at the first fetch
            pass

    @contextlib.contextmanager
    def session(self, region: str | None = None) -> Generator[Any]:
        """A session for use in the block. All sessions share one loader, so botocore's own documents are read once."""
        session: Any = self._new_session(profile=self._profile)
        with marks_removed(session):
            if self._loader is None:
                loader: Any = session.get_component("data_loader")  # reads the configuration, which may name its folder
                loader.file_loader = PiecewiseFiles(loader.file_loader)
                self._loader = loader
            session.register_component("data_loader", self._loader)
            session.set_default_client_config(self._client_config)
            if region is not None:
                session.set_config_variable("region", region)
            yield session


def _keys(found: Any, frozen: Any) -> Credentials:
    """The keys of a credentials object of botocore. `frozen` is its copy of them, which it renewed if it found that due.

    botocore has no public name for their expiry, only the question whether they expire within so many seconds. About thirty
    questions find it.
    """
    expires_at = None
    expires_within = getattr(found, "refresh_needed", None)
    if expires_within is not None and expires_within(refresh_in=_FOREVER):
        now, least, most = dt.datetime.now(dt.UTC), 0, _FOREVER
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (least, middle) if expires_within(refresh_in=middle) else (middle, most)
        expires_at = (now + dt.timedelta(seconds=least + 1)).replace(microsecond=0)  # all services give whole seconds
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or None, expires_at=expires_at)


@contextlib.contextmanager
def errors_mapped(action: str) -> Generator[None]:
    """Turn an error of botocore, or of a session, into a `ConfigurationError` that says which action failed."""
    try:
        yield
    except (AiolambdaError, CallerLoopEndedError):
        raise
    except Exception as error:
        kind = type(error)
        if kind.__module__ == "botocore.parsers":  # its text quotes the answer, which may hold keys
            raise ConfigurationError(f"{action} failed: the service's answer cannot be read ({kind.__name__})") from None
        reason = str(error) if kind.__module__.startswith("botocore.") else f"{kind.__name__}: {error}"
        raise ConfigurationError(f"{action} failed: {reason}") from error


def error_code(error: BaseException | None) -> str:
    """The code of an AWS service's error, as botocore raises it; empty for any other error."""
    response: Any = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
