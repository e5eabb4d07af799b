"""Which URL a region's Lambda has, and what a custom endpoint URL may look like.

Owns hosts and the shape of endpoint URLs. Must not know where region and URL were configured.
Source: the endpoint rule set of Lambda.
"""

import re
from urllib.parse import urlsplit

from ..errors import ConfigurationError

__all__ = ["checked_endpoint", "checked_region", "lambda_url"]

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


def checked_endpoint(url: str, source: str) -> str:
    """The URL without a trailing slash; `ConfigurationError` unless it is http(s), a host, and at most a port and a path."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
        parts = urlsplit("")
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError(f"the endpoint URL (from {source}) is not an http or https URL with a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            f"the endpoint URL (from {source}) holds credentials, a query or a fragment, which an endpoint cannot"
        )
    return url.rstrip("/")
