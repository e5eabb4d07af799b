"""What can be said without a connection: settings, endpoint, credentials, versions.

Laws: no secret is in an outcome; what may block runs in a thread that nobody has to wait for.

Owns these checks. Must not send anything to the endpoint.
"""

import asyncio
import datetime as dt
import os
import platform
import ssl
from collections.abc import Callable
from importlib import metadata
from typing import TypeVar

import attrs

from ...config import LambdaClientConfig
from ...config.credentials.default_chain import find_credentials, source_of
from ...config.explain import Explained, explained
from ...config.resolve import FoundSettings, look_up
from ...errors import AiolambdaError, ConfigurationError
from ...threads import Threads
from ...transport import fetch
from ...types.values import Credentials, masked
from ...version import __version__
from .. import exit_codes
from .check import Check, ok, problem, skipped, warning

__all__ = ["Setup", "check_credentials", "check_endpoint", "check_settings", "check_versions", "look_at"]

T = TypeVar("T")

_CHECKS = Threads("doctor", most=8)
_ENDS_SOON = dt.timedelta(minutes=15)
_DISTRIBUTIONS = ("aiohttp", "aiobotocore", "botocore", "boto3", "uvloop")
_NOT_AT_HAND = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (--profile, AWS_PROFILE), or log in (aws sso login); "
    "profiles, SSO and roles need the extra 'aws'"
)


@attrs.frozen
class Setup:
    """The settings as they were found, and how they are told."""

    config: LambdaClientConfig
    findings: FoundSettings
    explained: tuple[Explained, ...]

    def source_of(self, name: str) -> str:
        return next(row.source for row in self.explained if row.name == name)


async def look_at(config: LambdaClientConfig, limit: float) -> Setup:
    """Find the settings. `ConfigurationError` where the files cannot be read within so many seconds."""

    def look() -> Setup:
        findings = look_up(config, os.environ)
        return Setup(config, findings, explained(findings))

    try:
        return await _aside(look, limit)
    except TimeoutError:
        raise ConfigurationError(f"the configuration files could not be read within {limit:g} s") from None


def check_settings(setup: Setup) -> Check:
    """Whether each of them has a value that can be used."""
    wrong = [row for row in setup.explained if row.problem is not None and row.name != "credentials"]
    if not wrong:
        profile = setup.findings.profile.value
        said = "no profile is named" if profile is None else f"profile {profile!r} from {setup.findings.profile.source}"
        return ok("settings", f"every setting can be used; {said}")
    texts = "; ".join(str(row.problem) for row in wrong)
    facts = {"settings": [row.name for row in wrong]}
    return problem("settings", texts, "the table of settings says what else could set each", code=exit_codes.USAGE, **facts)


def check_endpoint(setup: Setup) -> Check:
    """Where an invocation would go, and who says so."""
    endpoint = setup.findings.endpoint.value
    if endpoint is None:
        return skipped("endpoint", "none: settings cannot be used")
    source = setup.source_of("endpoint_url")
    facts = {"url": endpoint.url, "region": endpoint.signing_region, "source": source}
    return ok("endpoint", f"{endpoint.url} (from {source}), signed for {endpoint.signing_region}", **facts)


async def check_credentials(setup: Setup, limit: float) -> tuple[Check, Credentials | None]:
    """The keys that an invocation would be signed with; the chain has so many seconds to find them."""

    def find() -> tuple[str, Credentials]:
        provider = find_credentials(setup.config, os.environ, setup.findings.region.value, fetch)
        return source_of(provider), asyncio.run(provider.get_credentials())

    try:
        source, credentials = await _aside(find, limit)
    except TimeoutError:
        late = f"their source did not answer within {limit:g} s"
        return problem("credentials", late, "is the program, or the metadata service, at hand?", code=exit_codes.USAGE), None
    except AiolambdaError as error:
        return problem("credentials", str(error), _NOT_AT_HAND, code=exit_codes.USAGE), None
    except Exception as error:  # noqa: BLE001 - of whatever library looked for them; its text may hold what it found
        kind = f"{type(error).__name__} while they were looked for"
        return problem(
            "credentials", kind, "does the AWS CLI find any (aws sts get-caller-identity)?", code=exit_codes.USAGE
        ), None
    return _judged(credentials, source), credentials


def _judged(credentials: Credentials, source: str) -> Check:
    until = credentials.expires_at
    said = f"{masked(credentials.access_key_id)} from {source}"
    facts = {"access_key_id": masked(credentials.access_key_id), "source": source, "session": bool(credentials.session_token)}
    if until is None:
        return ok("credentials", f"{said}, without a known expiry", **facts, expires_at=None)
    facts["expires_at"] = until.isoformat()
    left = until - dt.datetime.now(dt.UTC)
    said = f"{said}, until {until:%Y-%m-%d %H:%M:%S} UTC"
    if left <= dt.timedelta(0):
        return problem(
            "credentials", f"{said}: they have expired", "renew them, or log in again", code=exit_codes.USAGE, **facts
        )
    if left < _ENDS_SOON:
        return warning("credentials", f"{said}: they end soon", "keys out of the environment are renewed by nobody", **facts)
    return ok("credentials", said, **facts)


def check_versions() -> Check:
    """What is installed."""
    versions = {"aiolambda": __version__}
    versions |= {name: version for name in _DISTRIBUTIONS if (version := _version_of(name)) is not None}
    versions |= {"python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}
    if "botocore" not in versions:
        versions["botocore"] = "not installed: no profiles with roles, no SSO"
    return ok("versions", ", ".join(f"{name} {version}" for name, version in versions.items()), **versions)


def _version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


async def _aside(work: Callable[[], T], limit: float) -> T:
    """Do it in a thread that no loop and no program waits for, however long it takes."""
    async with asyncio.timeout(limit):
        return await _CHECKS.run(work)
