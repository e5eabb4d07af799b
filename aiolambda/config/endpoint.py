"""The settings of the endpoint: region, URL, FIPS and dual-stack, and how they depend on each other.

Owns the names of these settings. Must not know how a URL is made of a region: `protocol/endpoints` does.
"""

import attrs

from ..errors import ConfigurationError
from ..protocol import endpoints
from ..protocol.endpoints import Endpoint
from ..protocol.urls import checked_endpoint
from .settings import Found, Setting, SettingSources, as_flag, as_text, attempt
from .shared_config import SharedConfig

__all__ = [
    "DUALSTACK",
    "ENDPOINT_NAMES",
    "FIPS",
    "IGNORE_ENDPOINT_URLS",
    "REGION",
    "find_custom_url",
    "find_endpoint",
    "find_region",
    "unless_overridden",
]

_URL_VARIABLES = ("AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL")

REGION: Setting[str | None] = Setting("region", as_text, variables=("AWS_REGION", "AWS_DEFAULT_REGION"), key="region")
_URL: Setting[str | None] = Setting("endpoint_url", as_text, variables=_URL_VARIABLES, key="endpoint_url")
IGNORE_ENDPOINT_URLS: Setting[bool] = Setting(
    "ignore_configured_endpoint_urls",
    as_flag,
    variables=("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",),
    key="ignore_configured_endpoint_urls",
)
FIPS: Setting[bool] = Setting("use_fips_endpoint", as_flag, variables=("AWS_USE_FIPS_ENDPOINT",), key="use_fips_endpoint")
DUALSTACK: Setting[bool] = Setting(
    "use_dualstack_endpoint", as_flag, variables=("AWS_USE_DUALSTACK_ENDPOINT",), key="use_dualstack_endpoint"
)

ENDPOINT_NAMES = (*_URL.names[:-1], "endpoint_url of lambda in the profile's services section", _URL.names[-1])
"""Everything that can set the custom URL, in the order of `find_custom_url`."""


def find_region(sources: SettingSources) -> tuple[Found[str | None], bool]:
    """The region, and whether it was a pseudo-region that asks for FIPS."""
    found = sources.find(REGION, None)
    if found.problem is not None:
        return found, False
    if found.value is None:
        missing = "no region: give LambdaClient(region=...), or set AWS_REGION, or set 'region' in the profile"
        return Found(None, "none", ConfigurationError(missing)), False
    region, asks_for_fips = endpoints.without_fips_mark(found.value)
    return attempt(lambda: endpoints.checked_region(region, found.source), None, found.source), asks_for_fips


def find_custom_url(sources: SettingSources, shared: SharedConfig, ignore: Found[bool]) -> Found[str | None]:
    """The URL that replaces the one of the region; `None` if there is none."""
    if sources.config.given("endpoint_url") is None and ignore.value:
        return Found(None)
    found = sources.find(attrs.evolve(_URL, key=None), None)
    if found.is_default:
        found = _url_of_services(sources, shared)
    if found.is_default:
        found = sources.find(_URL, None)
    url = found.value
    if found.problem is not None or url is None:
        return found
    return attempt(lambda: checked_endpoint(url, found.source), None, found.source)


def _url_of_services(sources: SettingSources, shared: SharedConfig) -> Found[str | None]:
    """The URL in the services section that the profile names."""
    named = sources.profile.get("services")
    if named is None:
        return Found(None)
    source = sources.source_of_key("services", named.path)
    section = shared.services.get(named.value) if isinstance(named.value, str) else None
    if not section:
        problem = ConfigurationError(
            f"{source} names [services {named.value}], and there is no such section: add it, or remove the key"
        )
        return Found(None, source, problem)
    entry = section.get("lambda")
    url = entry.value.get("endpoint_url") if entry is not None and not isinstance(entry.value, str) else None
    return Found(url, f"endpoint_url of lambda in [services {named.value}] in {named.path}") if url else Found(None)


def unless_overridden(url: Found[str | None], flag: Found[bool], variables: tuple[str, ...]) -> Found[bool]:
    """FIPS or dual-stack of the environment gives way to an endpoint of the environment, as in boto3.

    Variables may have been set for other programs. An argument or a profile means this client, so if one of them asks for FIPS
    beside a custom URL, the two contradict each other.
    """
    if url.value is None or url.source not in _URL_VARIABLES or not flag.value or flag.source not in variables:
        return flag
    return Found(value=False, source=f"{flag.source}, ignored beside {url.source}")


def find_endpoint(
    region: Found[str | None], url: Found[str | None], fips: Found[bool], dualstack: Found[bool]
) -> Found[Endpoint | None]:
    """The endpoint that these settings make; `None` if one of them has a problem."""
    parts: tuple[Found[object], ...] = (region, url, fips, dualstack)
    if any(part.problem is not None for part in parts):
        return Found(None, "none")
    found = attempt(
        lambda: endpoints.endpoint_for(region.value, use_fips=fips.value, use_dualstack=dualstack.value, custom_url=url.value),
        None,
        "the region" if url.value is None else url.source,
    )
    if found.problem is None:
        return found
    named = zip(("region", "URL", "FIPS", "dual-stack"), parts, strict=True)
    sources = [f"{name} from {part.source}" for name, part in named if part.value]
    return attrs.evolve(found, problem=ConfigurationError(f"{found.problem} ({', '.join(sources)})"))
