"""The proxy for a URL: the one that the caller gives, or the environment's.

Owns the variables `https_proxy`, `http_proxy` and `no_proxy`. Must not show a proxy's URL, which may hold a password.
Source: `urllib.request`, which botocore asks; ranges of addresses as in curl and requests.
"""

import functools
import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..protocol.urls import checked_proxy
from .settings import Found

__all__ = ["PROXY_NAMES", "Proxy", "environment_proxies", "environment_proxy", "find_proxy", "is_excluded"]

Proxy = str | Callable[[str], str | None]
"""A proxy's URL, or a function that gives the one for a URL."""

PROXY_NAMES = ("proxy=", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy and NO_PROXY leave hosts out")
"""Everything that can set it, as it is shown to people."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def find_proxy(given: str | None, url: str | None, environment: Mapping[str, str]) -> Found[str | None]:
    """The proxy for an endpoint. One that is given is used for every host; an empty one means no proxy."""
    if given is not None:
        return Found(checked_proxy(given) if given else None, "argument proxy")
    if url is None:
        return Found(None)
    try:
        proxy, variable = environment_proxy(url, environment)
    except ConfigurationError as problem:
        return Found(None, "environment", problem)
    return Found(proxy, variable) if variable else Found(None)


def environment_proxies(environment: Mapping[str, str]) -> Proxy:
    """Gives the proxy for each of several URLs: `no_proxy` may exclude some of them. Keeps the environment of this moment."""
    variables = dict(environment)

    @functools.lru_cache(maxsize=1024)
    def proxy_for(url: str) -> str | None:
        return environment_proxy(url, variables)[0]

    return proxy_for


def environment_proxy(url: str, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """The proxy for a URL, and the variable that decided: it names the proxy or excludes the host. It is empty if none did.

    The first variable that is set wins, even if it is empty.
    """
    scheme = urlsplit(url).scheme
    variable = _first_set(environment, f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    if variable is None or not environment[variable]:
        return None, ""
    if variable == "HTTP_PROXY" and "REQUEST_METHOD" in environment:
        return None, ""  # in a CGI program it holds a header that any client can send
    excluding = _first_set(environment, "no_proxy", "NO_PROXY")
    if excluding is not None and is_excluded(url, environment[excluding]):
        return None, excluding
    proxy = environment[variable]
    if proxy.startswith("//"):
        proxy = f"http:{proxy}"
    elif not proxy.startswith(("http:", "https:")) and "://" not in proxy:
        proxy = f"http://{proxy}"
    return checked_proxy(proxy, variable), variable


def is_excluded(url: str, no_proxy: str) -> bool:
    """Whether a `no_proxy` list excludes a URL's host.

    An entry is a name, which also excludes the names below it, with or without a port; an address, in brackets or not; a range
    of addresses (`10.0.0.0/8`, `fd00::/8`); or `*` alone.
    """
    parts = urlsplit(url)
    host, bare = parts.netloc.rpartition("@")[2].lower(), (parts.hostname or "").lower()
    if no_proxy.strip() == "*":
        return True
    names = [name.strip().lstrip(".").lower() for name in no_proxy.split(",")]
    if any(full == name or full.endswith(f".{name}") for name in filter(None, names) for full in (host, bare)):
        return True
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return False
    return any(_holds(name, address, parts.port) for name in names)


def _holds(entry: str, address: Address, port: int | None) -> bool:
    """Whether an entry is this address, in any notation, or a range that holds it."""
    if entry.startswith("["):
        entry, _, end = entry[1:].partition("]")
        if end not in ("", f":{port}"):
            return False
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _first_set(environment: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if name in environment), None)
