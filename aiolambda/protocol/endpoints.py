"""Which URL a region's Lambda has, and what a custom endpoint URL may look like.

Owns hosts and the shape of endpoint URLs. Must not know where region and URL were configured.
Source: the endpoint rule set of Lambda.
"""

import re
from urllib.parse import urlsplit

from ..errors import ConfigurationError

__all__ = ["checked_endpoint", "checked_proxy", "checked_region", "lambda_url"]

_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


def checked_region(region: str, source: str) -> str:
    """The region, if it can be part of a host name; `ConfigurationError` names the source otherwise."""
    if _REGION.fullmatch(region) is None:
        raise ConfigurationError(f"{region!r} (from {source}) is not a region, such as 'eu-west-1'")
    return region


def lambda_url(region: str) -> str:
    """The URL of Lambda in a region of any partition."""
    suffix = next((suffix for prefix, suffix in _SUFFIXES.items() if region.startswith(prefix)), "amazonaws.com")
    return f"https://lambda.{region}.{suffix}"


def checked_proxy(url: str) -> str:
    """The proxy's URL, which may hold a password and is not shown; `ConfigurationError` unless it is http(s) with a host."""
    if not _is_http(url):
        raise ConfigurationError("proxy is not an http or https URL with a host, such as 'http://user:password@host:3128'")
    return url


def checked_endpoint(url: str, source: str) -> str:
    """The URL without a trailing slash; `ConfigurationError` unless it is http(s), a host, and at most a port and a path."""
    if not _is_http(url):
        raise ConfigurationError(f"the endpoint URL (from {source}) is not an http or https URL with a host")
    if "@" in urlsplit(url).netloc or "?" in url or "#" in url:
        raise ConfigurationError(
            f"the endpoint URL (from {source}) holds credentials, a query or a fragment, which an endpoint cannot"
        )
    return url.rstrip("/")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return sound and url.isascii() and url.isprintable() and " " not in url
