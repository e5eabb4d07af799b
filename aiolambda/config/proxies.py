"""Which proxy the environment has for a URL: `https_proxy`, `http_proxy`, and the hosts that `no_proxy` leaves out.

Owns these variables. Must not show a proxy's URL, which may hold a password.
Source: what `urllib.request` does with them, which botocore asks.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..protocol.endpoints import checked_proxy

__all__ = ["environment_proxy", "is_left_out", "proxy_variables"]


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
    """Whether a list leaves a URL's host out: by its name, a name that it is below, either with a port, or `*`."""
    parts = urlsplit(url)
    host, bare = parts.netloc.rpartition("@")[2].lower(), (parts.hostname or "").lower()
    if no_proxy.strip() == "*":
        return True
    names = (name.strip().lstrip(".").lower() for name in no_proxy.split(","))
    return any(_is_below(full, name) for name in filter(None, names) for full in (host, bare))


def _is_below(host: str, name: str) -> bool:
    return host == name or host.endswith(f".{name}")


def _set(environment: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if name in environment), None)


def _with_scheme(proxy: str) -> str:
    if proxy.startswith("//"):
        return f"http:{proxy}"
    return proxy if proxy.startswith(("http:", "https:")) or "://" in proxy else f"http://{proxy}"
