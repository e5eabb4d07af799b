"""The URLs that a caller gives: of an endpoint, and of a proxy. No library refuses later what is accepted here.

Owns their grammar, what may be shown of them, and what a proxy is told of its user. Must not resolve a name.
Source: RFC 3986 for URLs, RFC 1035 for the lengths of names, RFC 7617 for user and password.
"""

import base64
import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from ..errors import ConfigurationError

__all__ = [
    "checked_endpoint",
    "checked_proxy",
    "host_of",
    "is_url",
    "origin_and_target",
    "path_and_query",
    "proxy_and_authorization",
    "url_shown",
]

_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_LONGEST_NAME = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENCODED = re.compile(r"(?:[^%@\\]|%[0-9A-Fa-f]{2})*")
"""A user, a colon, a password: what would end them in a URL is percent-encoded."""


def checked_endpoint(url: str, source: str) -> str:
    """The URL without a trailing slash; `ConfigurationError` unless it is http(s), a host, and at most a port and a path."""
    parts = _parts(url)
    if parts is None:
        raise ConfigurationError(f"the endpoint URL (from {source}) is not an http or https URL with a host")
    if any(mark in url for mark in "@?#"):
        raise ConfigurationError(
            f"the endpoint URL (from {source}) holds credentials, a query or a fragment, which an endpoint cannot"
        )
    return f"{parts.scheme}://{parts.netloc.removesuffix(':')}{parts.path.rstrip('/')}"


def checked_proxy(url: str, source: str = "") -> str:
    """The proxy's URL, which may hold a password. `ConfigurationError`, which shows nothing of it, if it is none.

    It has a host, perhaps a port, a user and a password, and nothing else: what follows a path may be half of a password.
    """
    parts = _parts(url)
    if parts is None or not _is_proxy(url, parts):
        named = f"the proxy (from {source})" if source else "proxy"
        raise ConfigurationError(
            f"{named} is not an http or https URL with a host, at most a port, a user and a password beside it, such as "
            "'http://user:password@host:3128', in which user and password are percent-encoded"
        )
    return f"{parts.scheme}://{parts.netloc.removesuffix(':')}"


def proxy_and_authorization(url: str) -> tuple[str, str | None]:
    """A checked proxy URL without user and password, and the `Proxy-Authorization` that they make, if there are any."""
    parts = urlsplit(url)
    userinfo, _, address = parts.netloc.rpartition("@")
    if not userinfo:
        return f"{parts.scheme}://{address}", None
    user, _, password = userinfo.partition(":")
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return f"{parts.scheme}://{address}", f"Basic {base64.b64encode(pair).decode()}"


def url_shown(url: str) -> str:
    """A URL without the user and password that it may hold, and without what follows the path; `...` if it is none."""
    parts = _parts(url)
    if parts is None or ("@" in url and not _is_proxy(url, parts)):
        return "..."
    userinfo, _, address = parts.netloc.rpartition("@")
    hidden = "...@" if userinfo else ""
    return f"{parts.scheme}://{hidden}{address}{parts.path}"


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """The `host` header of a URL. It has a port only if that is not the scheme's default."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return host if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{parts.port}"


@lru_cache(maxsize=1024)
def origin_and_target(url: str) -> tuple[str, str]:
    """Scheme with authority, and the target of the request line: path and query, without the fragment."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    authority, slash, path = rest.partition("#")[0].partition("/")
    if not slash and "?" in authority:
        authority, _, query = authority.partition("?")
        return f"{scheme}://{authority}", f"/?{query}"
    return f"{scheme}://{authority}", f"/{path}"


@lru_cache(maxsize=1024)
def path_and_query(url: str) -> tuple[str, str]:
    """Path and query of the target, as they are sent and signed."""
    path, _, query = origin_and_target(url)[1].partition("?")
    return path, query


def is_url(url: str) -> bool:
    """Whether it is an http(s) URL whose host can be looked up."""
    return _parts(url) is not None


def _has_host(parts: SplitResult) -> bool:
    """Whether there is a name that can be looked up, or an address; one of IPv6 stands in brackets, and nothing else does."""
    host = parts.hostname or ""
    if "[" not in parts.netloc:
        is_number = not host.strip(".0123456789")  # a resolver takes it for an address
        return len(host) <= _LONGEST_NAME and _NAME.fullmatch(host) is not None and (not is_number or _is_ipv4(host))
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _parts(url: str) -> SplitResult | None:
    """The parts of an http(s) URL with a host that can be looked up and a port that there is; `None` if it is none."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        return None
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return None
    return parts if sound and _has_host(parts) else None


def _is_proxy(url: str, parts: SplitResult) -> bool:
    userinfo, _, _ = parts.netloc.rpartition("@")
    user, _, _ = userinfo.partition(":")
    bare = parts.path in ("", "/") and "?" not in url and "#" not in url
    # A user with a colon would be told to the proxy as another user with another password.
    return bare and _ENCODED.fullmatch(userinfo) is not None and b":" not in unquote_to_bytes(user)
