"""Every setting of a client, found: what it is and where it came from, or what is wrong with it.

Laws: a wrong setting is kept as a problem beside the others, so that all of them can be told at once; nothing is read twice.

Owns how settings depend on each other. Must not look for credentials. Reads files: call `look_up` in a thread.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from ..errors import ConfigurationError
from ..policy.retry import StandardRetry
from ..protocol import endpoints
from ..protocol.endpoints import Endpoint
from ..protocol.urls import checked_endpoint, checked_proxy
from ..types.interfaces import RetryStrategy
from ..types.values import UNSET, TcpKeepAlive
from . import settings
from .arguments import Arguments, checked_context
from .ca_bundle import context_of
from .proxy import environment_proxy
from .settings import Found, Lookup
from .shared_config import Entry, SharedConfig, SharedFile, read_shared_config

__all__ = ["Findings", "look_up"]

T = TypeVar("T")
_NONE = "none"
_USUAL: ssl.SSLContext | bool = True
"""aiohttp's word for the usual authorities."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Findings:
    """What was found. `endpoint` and `tls` are made of other settings; they are `None` and `True` where those have problems."""

    files: tuple[SharedFile, ...]
    profile: Found[str | None]
    region: Found[str | None]
    endpoint_url: Found[str | None]
    ignores_endpoint_urls: Found[bool]
    use_fips: Found[bool]
    use_dualstack: Found[bool]
    use_arn_region: Found[bool]
    endpoint: Found[Endpoint | None]
    retry: Found[RetryStrategy]
    max_attempts: Found[int | None]
    retry_mode: Found[str | None]
    ca_bundle: Found[str | None]
    tls: Found[ssl.SSLContext | bool]
    proxy: Found[str | None]
    keep_alive: Found[TcpKeepAlive | None]
    app_id: Found[str | None]
    execution_environment: Found[str | None]
    disables_clock_correction: Found[bool]
    ignored: tuple[str, ...]
    """What the environment asks for, and gives way to something else that it asks for."""

    def check(self) -> None:
        """Raise the first problem."""
        for field in attrs.fields(Findings):
            found = getattr(self, field.name)
            if isinstance(found, Found) and found.problem is not None:
                raise found.problem


def look_up(arguments: Arguments, environment: Mapping[str, str], *, reads_files: bool = True) -> Findings:
    """Find every setting. Raises nothing for what is wrong: the findings hold it."""
    shared, damage = _shared(environment) if reads_files else (SharedConfig(), None)
    profile, look = _profile(Lookup(arguments, environment), shared, damage)
    region, marked_fips = _region(look)
    fips = look.find(settings.FIPS, default=False)
    fips = Found(value=True, source=region.source) if marked_fips else fips
    dualstack = look.find(settings.DUALSTACK, default=False)
    ignore = look.find(settings.IGNORE_ENDPOINT_URLS, default=False)
    url = _endpoint_url(look, shared, ignore)
    asked = fips, dualstack
    fips = _beside(url, fips, (*settings.FIPS.variables, *settings.REGION.variables))
    dualstack = _beside(url, dualstack, settings.DUALSTACK.variables)
    endpoint = _endpoint(region, url, fips, dualstack)
    max_attempts, mode, retry = _retry(look)
    ca_bundle, tls = _tls(look, is_plain=endpoint.value is not None and endpoint.value.url.startswith("http:"))
    return Findings(
        files=shared.files,
        profile=profile,
        region=region,
        endpoint_url=url,
        ignores_endpoint_urls=ignore,
        use_fips=fips,
        use_dualstack=dualstack,
        use_arn_region=_argument_alone(arguments.use_arn_region, "use_arn_region"),
        endpoint=endpoint,
        retry=retry,
        max_attempts=max_attempts,
        retry_mode=mode,
        ca_bundle=ca_bundle,
        tls=tls,
        proxy=_proxy(look, endpoint.value),
        keep_alive=_keep_alive(look),
        app_id=look.find(settings.APP_ID, None),
        execution_environment=look.find(settings.EXECUTION_ENVIRONMENT, None),
        disables_clock_correction=look.find(settings.CLOCK, default=False),
        ignored=tuple(found.source for found in (fips, dualstack) if found not in asked),
    )


def _attempt(make: Callable[[], T], otherwise: T, source: str) -> Found[T]:
    try:
        return Found(make(), source)
    except ConfigurationError as problem:
        return Found(otherwise, source, problem)


def _shared(environment: Mapping[str, str]) -> tuple[SharedConfig, ConfigurationError | None]:
    try:
        return read_shared_config(environment), None
    except ConfigurationError as problem:
        return SharedConfig(), problem


def _profile(look: Lookup, shared: SharedConfig, damage: ConfigurationError | None) -> tuple[Found[str | None], Lookup]:
    """The profile's name, and a look-up that knows its content."""
    name = look.find(settings.PROFILE, None)
    if damage is not None:
        return Found(name.value, name.source, damage), look
    nothing: Mapping[str, Entry] = {}
    section = _attempt(lambda: shared.profile(name.value, name.source), nothing, name.source)
    found = Found(name.value, name.source, section.problem)
    return found, attrs.evolve(look, profile_name=name.value, profile=section.value)


def _argument_alone(value: bool, name: str) -> Found[bool]:
    return Found(value, f"argument {name}") if value else Found(value)


def _region(look: Lookup) -> tuple[Found[str | None], bool]:
    """The region, and whether it was a pseudo-region that asks for FIPS."""
    found = look.find(settings.REGION, None)
    if found.problem is not None:
        return found, False
    if found.value is None:
        missing = "no region: give LambdaClient(region=...), or set AWS_REGION, or 'region' in the profile"
        return Found(None, _NONE, ConfigurationError(missing)), False
    region, marked_fips = endpoints.without_fips_mark(found.value)
    return _attempt(lambda: endpoints.checked_region(region, found.source), None, found.source), marked_fips


def _endpoint_url(look: Lookup, shared: SharedConfig, ignore: Found[bool]) -> Found[str | None]:
    """The custom URL; `None` for the one of the region."""
    if look.arguments.given("endpoint_url") is None and ignore.value:
        return Found(None)
    found = look.find(attrs.evolve(settings.ENDPOINT_URL, key=None), None)
    if found.is_default:
        found = _of_services(look, shared)
    if found.is_default:
        found = look.find(settings.ENDPOINT_URL, None)
    url = found.value
    if found.problem is not None or url is None:
        return found
    return _attempt(lambda: checked_endpoint(url, found.source), None, found.source)


def _beside(url: Found[str | None], flag: Found[bool], variables: tuple[str, ...]) -> Found[bool]:
    """FIPS or dual-stack of the environment gives way to an endpoint of the environment, as in boto3.

    Anybody may have set either for other programs. An argument or a profile means this client: then they contradict each other.
    """
    if url.value is None or url.source not in settings.ENDPOINT_VARIABLES or not flag.value or flag.source not in variables:
        return flag
    return Found(value=False, source=f"{flag.source}, ignored beside {url.source}")


def _of_services(look: Lookup, shared: SharedConfig) -> Found[str | None]:
    """The URL in the services section that the profile names."""
    named = look.profile.get("services")
    if named is None:
        return Found(None)
    source = look.source_of_key("services", named.path)
    section = shared.services.get(named.value) if isinstance(named.value, str) else None
    if not section:
        problem = ConfigurationError(
            f"the endpoint URL stands in [services {named.value}] ({source}), and there is no such section"
        )
        return Found(None, source, problem)
    entry = section.get("lambda")
    url = entry.value.get("endpoint_url") if entry is not None and not isinstance(entry.value, str) else None
    return Found(url, f"endpoint_url of lambda in [services {named.value}] in {named.path}") if url else Found(None)


def _endpoint(
    region: Found[str | None], url: Found[str | None], fips: Found[bool], dualstack: Found[bool]
) -> Found[Endpoint | None]:
    parts: tuple[Found[object], ...] = (region, url, fips, dualstack)
    if any(part.problem is not None for part in parts):
        return Found(None, _NONE)
    source = "the region" if url.value is None else url.source
    found = _attempt(
        lambda: endpoints.endpoint_for(region.value, use_fips=fips.value, use_dualstack=dualstack.value, custom_url=url.value),
        None,
        source,
    )
    if found.problem is None:
        return found
    named = zip(("region", "URL", "FIPS", "dual-stack"), parts, strict=True)
    sources = [f"{name} from {part.source}" for name, part in named if part.value]
    return attrs.evolve(found, problem=ConfigurationError(f"{found.problem} ({', '.join(sources)})"))


def _retry(look: Lookup) -> tuple[Found[int | None], Found[str | None], Found[RetryStrategy]]:
    """The strategy. What is given as one is all there is; a number of attempts bounds all of them, throttled ones too.

    Each mode is the standard strategy: what may be sent twice is not for a mode to say.
    """
    given = look.arguments.retry
    if given is not None:
        aside = "set aside by argument retry"
        return Found(None, aside), Found(None, aside), Found(given, "argument retry")
    attempts, mode = look.find(settings.MAX_ATTEMPTS, None), look.find(settings.RETRY_MODE, None)
    if attempts.value is None:
        return attempts, mode, Found(StandardRetry(), mode.source)
    return attempts, mode, Found(StandardRetry(max_attempts=attempts.value, throttling="attempts"), attempts.source)


def _tls(look: Lookup, *, is_plain: bool) -> tuple[Found[str | None], Found[ssl.SSLContext | bool]]:
    """The bundle's path, and what a connection is verified with: a given context, the bundle's authorities, or the system's.

    Where nothing is encrypted, the bundle is not read: that of a whole system takes 20 ms.
    """
    given = look.arguments.ssl_context
    if given is not None:
        # It was checked when it was given, and may have been changed since.
        tls = _attempt(lambda: checked_context(given, "ssl_context"), _USUAL, "argument ssl_context")
        return Found(None, "set aside by argument ssl_context"), tls
    found = look.find(settings.CA_BUNDLE, None)
    if found.value is None:
        return Found(None, found.source, found.problem), Found(_USUAL)
    path = os.fspath(found.value)
    if path and is_plain:
        return Found(path, found.source), Found(_USUAL)
    return Found(path, found.source), _attempt(lambda: context_of(path, found.source), _USUAL, found.source)


def _proxy(look: Lookup, endpoint: Endpoint | None) -> Found[str | None]:
    """The proxy for the endpoint. One that is given is used for every host; an empty one is none."""
    given = look.arguments.proxy
    if given is not None:
        return Found(checked_proxy(given) if given else None, "argument proxy")
    if endpoint is None:
        return Found(None)
    try:
        proxy, variable = environment_proxy(endpoint.url, look.environment)
    except ConfigurationError as problem:
        return Found(None, "environment", problem)
    return Found(proxy, variable) if variable else Found(None)


def _keep_alive(look: Lookup) -> Found[TcpKeepAlive | None]:
    given = look.arguments.given("tcp_keepalive")
    if given is not UNSET:
        # The class that holds the arguments sees to their types.
        return Found(given, "argument tcp_keepalive")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    found = look.find(settings.KEEPALIVE, default=True)
    return Found(TcpKeepAlive() if found.value else None, found.source, found.problem)
