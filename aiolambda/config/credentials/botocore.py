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
import logging
import os
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from ...errors import AiolambdaError, ConfigurationError
from ...types.values import Credentials
from ..shared_config import SharedConfig, read_shared_config
from .background import BLOCKING, CallerLoopEndedError, on_caller_loop, run
from .botocore_files import PiecewiseFiles, collector_paused, marks_removed
from .container import ContainerSource
from .failures import NOT_INSTALLED, error_code, needs_botocore, nothing_found, reason_of
from .process import process_credentials
from .profile import ProfileSource, chosen_profile, refuse_mfa, source_of_profile, text_of_setting, way_to_keys
from .refreshable import RefreshableCredentials

__all__ = [
    "ChainSource",
    "SessionFactory",
    "SessionSource",
    "chain_credentials",
    "errors_mapped",
    "has_legacy_files",
    "profile_credentials",
    "session_credentials",
]

_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 20
"""Seconds. botocore would wait a minute for each, five times."""

_FOREVER = 100 * 365 * 86_400
"""Seconds. Keys that are good for longer count as keys without an expiry."""

_DISABLED = "AWS_EC2_METADATA_DISABLED"

_NO_INSTANCE_KEYS = "it gave no keys: it did not answer, or the instance has no role"

_LEGACY_VARIABLES = ("AWS_CREDENTIAL_FILE", "BOTO_CONFIG")
_LEGACY_FILES = ("/etc/boto.cfg", "~/.boto")
"""Places that only botocore reads, before the container's endpoint."""


# --- The chain, and a profile in it -----------------------------------------------------------------------------------


def chain_credentials(
    profile: str | None,
    region: str | None,
    *,
    container: ContainerSource | None = None,
    environment: Mapping[str, str] = os.environ,
    shared: SharedConfig | None = None,
) -> RefreshableCredentials:
    """A provider of the keys that the chain finds, with its first keys. Blocks. `ConfigurationError` if it finds none.

    The chain's roles are assumed in `region`, as in botocore in the client's region. `container` replaces botocore's own
    container provider, which ignores the CA bundle. `shared` is the content of the files if it was just read.
    """
    source = ChainSource(profile, region, container=container, environment=environment)
    first = source.keys_in_files(shared) or run(lambda: source.fetch(rejected=False, caller_loop=None))
    return RefreshableCredentials(source, first=first)


def profile_credentials(profile: str, *, region: str | None) -> RefreshableCredentials:
    """A provider of the keys that a profile leads to. It reads the profile when keys are first needed."""
    return RefreshableCredentials(ChainSource(profile, region))


def has_legacy_files(environment: Mapping[str, str]) -> bool:
    """Whether there is a file of old tools, with keys that botocore finds between the profile's and the container's. Blocks."""
    if any(environment.get(name) for name in _LEGACY_VARIABLES):
        return True
    return any(Path(os.path.expanduser(file)).is_file() for file in _LEGACY_FILES)  # noqa: PTH111 - `Path` raises without a home


class ChainSource:
    """Runs the whole chain at each fetch, so that it sees a new login or a changed file.

    A session that was kept would renew by its own clock, and hide the reason if it could not. Keys in a file, and those of a
    program, need no botocore, and do not load it.
    """

    needs_caller_loop = False

    def __init__(
        self,
        profile: str | None,
        region: str | None = None,
        *,
        container: ContainerSource | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._profile = profile
        self._region = region
        self._container = container
        self._environment = environment
        self._sessions: SessionFactory | None = None
        self.name = "chain" if profile is None else f"profile {profile}"

    def keys_in_files(self, shared: SharedConfig | None = None) -> Credentials | None:
        """The keys of the profile if they are in a file. Blocks. `ConfigurationError` if the profile is missing or wrong."""
        return self._keys_of(self._source_in(shared or read_shared_config(self._environment)))

    async def fetch(self, *, rejected: bool, caller_loop: asyncio.AbstractEventLoop | None) -> Credentials:
        """The keys that the chain finds. `ConfigurationError` if it finds none, or fails."""
        found = await BLOCKING.run(self._find)
        if found is not None:
            return found
        if self._container is None:  # then `_find` has found keys, or has failed
            raise ConfigurationError("no credentials were found")
        self.name = self._container.name
        return await self._container.fetch(rejected=rejected, caller_loop=caller_loop)

    def _source_in(self, shared: SharedConfig) -> ProfileSource | None:
        name, chosen_by = chosen_profile(self._profile, self._environment)
        shared.profile(name, chosen_by)  # it may have been removed since the client looked
        return source_of_profile(shared, name, self._environment if self._profile is None else None)

    def _keys_of(self, source: ProfileSource | None) -> Credentials | None:
        if source is None or source.keys is None:
            return None
        self.name = source.kind
        return source.keys

    def _find(self) -> Credentials | None:
        """The keys of the chain before the container's; after it only if `container` is not given."""
        shared = read_shared_config(self._environment)
        source = self._source_in(shared)
        if (keys := self._keys_of(source)) is not None:
            return keys
        if source is not None and source.kind == "custom-process":
            keys = process_credentials(text_of_setting(source.settings, "credential_process"), source.where)
            self.name = source.kind
            return keys
        if source is not None:
            refuse_mfa(shared, source)
        return self._ask_botocore(shared, source)

    def _ask_botocore(self, shared: SharedConfig, source: ProfileSource | None) -> Credentials | None:
        is_legacy = has_legacy_files(self._environment)
        if source is None and self._container is not None and not is_legacy:
            return None
        name, chosen_by = chosen_profile(self._profile, self._environment)
        is_disabled = self._environment.get(_DISABLED, "").lower() == "true"
        if source is None and is_disabled and not is_legacy:
            instance = f"not asked, because {_DISABLED} is true"
            raise ConfigurationError(nothing_found(shared, name, chosen_by, instance=instance))
        if self._sessions is None and not is_installed():
            if source is not None:
                raise ConfigurationError(needs_botocore(source))
            instance = f"not asked, because it {NOT_INSTALLED}"
            raise ConfigurationError(nothing_found(shared, name, chosen_by, instance=instance))
        way = [] if source is None else list(way_to_keys(shared, source))
        with errors_mapped(self._action(source), lambda error: reason_of(error, way, self._environment)):
            self._sessions = self._sessions or SessionFactory(self._profile)
            found = self._session_keys(self._sessions)
        if found is None and self._container is None:
            instance = f"not asked, because {_DISABLED} is true" if is_disabled else _NO_INSTANCE_KEYS
            raise ConfigurationError(nothing_found(shared, name, chosen_by, instance=instance))
        return found

    def _action(self, source: ProfileSource | None) -> str:
        if source is None:
            return "no credentials from the AWS credential chain"
        return f"no credentials from {source.variable or f'the profile {source.profile!r}'}"

    def _session_keys(self, sessions: "SessionFactory") -> Credentials | None:
        """The keys that botocore's chain finds. If `container` is given, the chain ends before its turn."""
        with sessions.session(self._region) as session:
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
        with errors_mapped("the credentials of the session failed"):
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
            raise ConfigurationError(f"a role {NOT_INSTALLED}") from None
        self._profile = profile
        self._new_session: Any = Session
        self._client_config: Any = Config(connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
        self._loader: Any = None
        with errors_mapped("the AWS configuration cannot be used"), self.session():  # to fail here, not at the first fetch
            pass

    @contextlib.contextmanager
    def session(self, region: str | None = None) -> Generator[Any]:
        """A session for use in the block. All sessions share one loader, so botocore's own documents are read once."""
        session: Any = self._new_session(profile=self._profile)
        with marks_removed(session), _logged_without_tracebacks():
            if self._loader is None:
                loader: Any = session.get_component("data_loader")  # reads the configuration, which may name its folder
                loader.file_loader = PiecewiseFiles(loader.file_loader)
                self._loader = loader
            session.register_component("data_loader", self._loader)
            session.set_default_client_config(self._client_config)
            if region is not None:
                session.set_config_variable("region", region)
            yield session


class _NoTracebacks(logging.Filter):
    """Drops the records with a traceback that botocore logs in the threads of our fetches.

    The error of the fetch says the same in one line. If a program has not configured logging, Python prints such records to
    stderr: 40 lines for a login that has expired.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and getattr(self.in_thread, "is_ours", False))


_NO_TRACEBACKS = _NoTracebacks()


@contextlib.contextmanager
def _logged_without_tracebacks() -> Generator[None]:
    """The filter stays on the logger, because other threads may be in the middle of it. It only acts in the block."""
    logging.getLogger("botocore.credentials").addFilter(_NO_TRACEBACKS)  # a second time, it changes nothing
    _NO_TRACEBACKS.in_thread.is_ours = True
    try:
        yield
    finally:
        _NO_TRACEBACKS.in_thread.is_ours = False


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


def is_installed() -> bool:
    """Whether botocore can be imported. Imports its first module, which is small."""
    try:
        import botocore  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport] - loaded when first needed
    except ImportError:
        return False
    return True


@contextlib.contextmanager
def errors_mapped(action: str, reason: Callable[[Exception], str] | None = None) -> Generator[None]:
    """Turn an error of botocore, or of a session, into a `ConfigurationError` that says which action failed.

    An error of botocore, of the system or of a service is told whole in one line, and so has no cause: its traceback is that
    of a library. Any other error stays as the cause, because only its traceback says where it is from.
    """
    try:
        yield
    except (AiolambdaError, CallerLoopEndedError):
        raise
    except Exception as error:
        said = reason_of(error, (), {}) if reason is None else reason(error)
        is_told = isinstance(error, OSError) or type(error).__module__.partition(".")[0] == "botocore" or error_code(error)
        if is_told:
            raise ConfigurationError(f"{action}: {said}") from None
        raise ConfigurationError(f"{action}: {said}") from error
