"""Checks of the configuration: settings, endpoint URL, credentials and installed versions.

Laws: no result contains a secret. Blocking work runs in a thread that neither the event loop nor the exit waits for.

Must not send anything to the endpoint.
"""

import asyncio
import contextlib
import datetime as dt
import os
import platform
import ssl
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import TypeVar

import attrs

from ...config import LambdaClientConfig
from ...config.credentials.default_chain import find_credentials, source_of
from ...config.explain import Explained, explained
from ...config.resolve import FoundSettings, look_up
from ...errors import ConfigurationError
from ...threads import Threads
from ...transport import fetch
from ...types.values import Credentials, masked
from ...version import DISTRIBUTION, INSTALL, __version__
from .. import exit_codes
from .check import Check, ok, problem, skipped, warning
from .credential_advice import advice_for

__all__ = [
    "ExplainedSettings",
    "check_credentials",
    "check_endpoint_url",
    "check_expiry",
    "check_settings",
    "check_versions",
    "find_settings",
    "installed_versions",
]

T = TypeVar("T")

_CHECKS = Threads("doctor", most=8)
_EXPIRES_SOON = dt.timedelta(minutes=15)
_DISTRIBUTIONS = ("aiohttp", "aiobotocore", "botocore", "boto3", "uvloop", "aiofastnet")
_FOREIGN = "aiolambda"
"""Another project's distribution on the package index, whose wheel uses the same folder as this package."""


@attrs.frozen
class ExplainedSettings:
    """The settings with their sources: as values in `findings`, as texts in `explained`."""

    config: LambdaClientConfig
    findings: FoundSettings
    explained: tuple[Explained, ...]

    @property
    def invalid(self) -> list[Explained]:
        """The settings that have a problem."""
        return [row for row in self.explained if row.problem is not None and row.name != "credentials"]

    def source_of(self, name: str) -> str:
        return next(row.source for row in self.explained if row.name == name)


async def find_settings(config: LambdaClientConfig, limit: float) -> ExplainedSettings:
    """Find the settings. Raises `ConfigurationError` if reading the files takes more than `limit` seconds."""

    def find() -> ExplainedSettings:
        findings = look_up(config, os.environ)
        return ExplainedSettings(config, findings, explained(findings, config))

    try:
        return await _run_in_thread(find, limit)
    except TimeoutError:
        message = f"reading the AWS configuration files took more than {limit:g} s; check the file system, or raise --timeout"
        raise ConfigurationError(message) from None


def check_settings(found: ExplainedSettings) -> Check:
    """Check that every setting has a valid value and has an effect."""
    invalid, ignored = found.invalid, found.findings.overridden
    if not invalid and ignored:
        advice = "unset the variable of the URL to use the endpoint of the region, or unset the other"
        return warning("settings", f"{'; '.join(ignored)}: calls go to that URL", advice, ignored=list(ignored))
    if not invalid:
        profile = found.findings.profile.value
        source = "no profile" if profile is None else f"profile {profile!r} from {found.findings.profile.source}"
        return ok("settings", f"all settings are valid; {source}")
    texts = "; ".join(str(row.problem) for row in invalid)
    facts = {"settings": [row.name for row in invalid]}
    advice = "set a valid value; --all lists everything that can set it"
    return problem("settings", texts, advice, code=exit_codes.USAGE, **facts)


def check_endpoint_url(found: ExplainedSettings) -> Check:
    """Report the URL that invocations go to, and the setting that it comes from. Connects to nothing."""
    endpoint = found.findings.endpoint.value
    if endpoint is None:
        return skipped("endpoint", "none: the settings are invalid")
    source = found.source_of("endpoint_url")
    facts = {"url": endpoint.url, "region": endpoint.signing_region, "source": source}
    return ok("endpoint", f"{endpoint.url} (from {source}), signed for {endpoint.signing_region}", **facts)


async def check_credentials(found: ExplainedSettings, limit: float) -> tuple[Check, Credentials | None]:
    """Find the credentials that sign invocations, within `limit` seconds."""

    def find() -> tuple[str, Credentials]:
        provider = find_credentials(found.config, os.environ, found.findings.region.value, fetch)
        return source_of(provider), asyncio.run(provider.get_credentials())

    try:
        source, credentials = await _run_in_thread(find, limit)
    except TimeoutError:
        text = f"their source did not respond within {limit:g} s"
        advice = "check the credential process or the metadata service, or raise --timeout"
        return problem("credentials", text, advice, code=exit_codes.USAGE), None
    except ConfigurationError as error:
        text, advice = advice_for(error)
        return problem("credentials", text, advice, code=exit_codes.USAGE), None
    except Exception as error:  # noqa: BLE001 - from any library of the chain; its message may contain a secret
        text = f"{type(error).__name__} while resolving them"
        advice = "check whether the AWS CLI finds credentials: aws sts get-caller-identity"
        return problem("credentials", text, advice, code=exit_codes.USAGE), None
    return check_expiry(credentials, source, now=dt.datetime.now(dt.UTC)), credentials


def check_expiry(credentials: Credentials, source: str, *, now: dt.datetime) -> Check:
    """Check that the credentials are valid now, and for a while."""
    expires_at = credentials.expires_at
    text = f"{masked(credentials.access_key_id)} from {source}"
    facts = {"access_key_id": masked(credentials.access_key_id), "source": source, "session": bool(credentials.session_token)}
    if expires_at is None:
        return ok("credentials", f"{text}, without a known expiry", **facts, expires_at=None)
    facts["expires_at"] = expires_at.isoformat()
    left = expires_at - now
    text = f"{text}, until {expires_at:%Y-%m-%d %H:%M:%S} UTC"
    if left <= dt.timedelta(0):
        advice = "renew them, or log in again"
        return problem("credentials", f"{text}: they have expired", advice, code=exit_codes.USAGE, **facts)
    if left < _EXPIRES_SOON:
        advice = "renew them in time: credentials in environment variables are not refreshed"
        return warning("credentials", f"{text}: they expire soon", advice, **facts)
    return ok("credentials", text, **facts)


def installed_versions() -> dict[str, str]:
    """The versions of this package, its dependencies, Python and OpenSSL; also of the project of the same name."""
    versions = {"aiolambda": __version__}
    for name in _DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    with contextlib.suppress(metadata.PackageNotFoundError):
        versions[f"{_FOREIGN} of the index"] = metadata.version(_FOREIGN)
    return versions | {"python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION.removeprefix("OpenSSL ")}


def check_versions(versions: Mapping[str, str]) -> Check:
    """Report the versions. Another project in the same folder is a problem."""
    if "botocore" not in versions:
        versions = {**versions, "botocore": "not installed (no SSO, and no profiles with roles)"}
    foreign = versions.get(f"{_FOREIGN} of the index")
    if foreign is not None:
        text = (
            f"the package index's {_FOREIGN} {foreign}, another project, is installed into the folder of {DISTRIBUTION}: "
            "each has overwritten files of the other"
        )
        advice = f"pip uninstall -y {_FOREIGN} {DISTRIBUTION} && {INSTALL}"
        return problem("versions", text, advice, code=exit_codes.USAGE, **versions)
    return ok("versions", ", ".join(f"{name} {version}" for name, version in versions.items()), **versions)


async def _run_in_thread(work: Callable[[], T], limit: float) -> T:
    """Run blocking work. After `limit` seconds, raise `TimeoutError` and leave the thread behind."""
    async with asyncio.timeout(limit):
        return await _CHECKS.run(work)
