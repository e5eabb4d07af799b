"""Which proxy the environment has for a URL: `https_proxy`, `http_proxy`, and the hosts that `no_proxy` leaves out.

Owns these variables. Must not show a proxy's URL, which may hold a password.
Source: what `urllib.request` does with them, which botocore asks; ranges of addresses as in curl and requests.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..protocol.urls import checked_proxy

__all__ = ["environment_proxy", "is_left_out", "proxy_variables"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_variables(scheme: str) -> tuple[str, ...]:
    """The variables that name the proxy for URLs of a scheme; the first that is set wins, even if it is set to nothing."""
    return f"{scheme}_proxy", f"{scheme.upper()}_PROXY"


def environment_proxy(url: str, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """The proxy for a URL and the variable that names it; with no proxy, the variable that leaves the host out, or nothing."""
    scheme = urlsplit(url).scheme
    variable = _set(environment, *proxy_variables(scheme))
    if variable is None or not environment[variable]:
        return None, ""
    if variable == "HTTP_PROXY" and "REQUEST_METHOD" in environment:
        return None, ""  # in a CGI program it is a header of whoever asks
    left_out = _set(environment, "no_proxy", "NO_PROXY")
    if left_out is not None and is_left_out(url, environment[left_out]):
        return None, left_out
    return checked_proxy(_with_scheme(environment[variable]), variable), variable


def is_left_out(url: str, no_proxy: str) -> bool:
    """Whether a list leaves a URL's host out.

    It is left out by its name, by a name that it is below, either with a port; by its address, in brackets or not, or by a
    range of addresses (`10.0.0.0/8`, `fd00::/8`); or by `*` alone.
    """
    parts = urlsplit(url)
    host, bare = parts.netloc.rpartition("@")[2].lower(), (parts.hostname or "").lower()
    if no_proxy.strip() == "*":
        return True
    names = [name.strip().lstrip(".").lower() for name in no_proxy.split(",")]
    if any(_is_below(full, name) for name in filter(None, names) for full in (host, bare)):
        return True
    address = _address(bare)
    return address is not None and any(_holds(name, address, parts.port) for name in names)


def _is_below(host: str, name: str) -> bool:
    return host == name or host.endswith(f".{name}")


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _holds(entry: str, address: Address, port: int | None) -> bool:
    """Whether an entry is this address, in whatever form, or a range that holds it."""
    if entry.startswith("["):
        entry, _, end = entry[1:].partition("]")
        if end not in ("", f":{port}"):
            return False
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _set(environment: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if name in environment), None)


def _with_scheme(proxy: str) -> str:
    if proxy.startswith("//"):
        return f"http:{proxy}"
    return proxy if proxy.startswith(("http:", "https:")) or "://" in proxy else f"http://{proxy}"
