"""URLs: percent-encoding, and the check of endpoint and proxy URLs. No library refuses later a URL that is accepted here.

Owns their grammar, how errors show them without secrets, and the credentials for a proxy. Must not resolve a name.
Source: RFC 3986 for URLs, RFC 1035 for the lengths of names, RFC 7617 for user and password.
"""

import base64
import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from ..errors import ConfigurationError

__all__ = [
    "UNRESERVED",
    "checked_endpoint",
    "checked_proxy",
    "encode_label",
    "host_of",
    "is_url",
    "origin_and_target",
    "path_and_query",
    "proxy_and_authorization",
    "url_shown",
]

UNRESERVED = "-_.~"
"""The characters beside letters and digits that are never percent-encoded."""

_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_LONGEST_NAME = 253
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENCODED = re.compile(r"(?:[^%@\\]|%[0-9A-Fa-f]{2})*")
"""A user, a colon and a password, percent-encoded."""


@lru_cache(maxsize=1024)
def encode_label(text: str) -> str:
    """A path segment or query value, percent-encoded except for unreserved characters; `/` and `:` are encoded, too."""
    return quote(text, safe=UNRESERVED)


def checked_endpoint(url: str, source: str) -> str:
    """The URL without a trailing slash. `ConfigurationError` unless it is http(s), a host, and at most a port and a path."""
    parts = _parts(url)
    if parts is None:
        raise ConfigurationError(f"the endpoint URL (from {source}) is not an http or https URL with a host{_with_scheme(url)}")
    if any(mark in url for mark in "@?#"):
        raise ConfigurationError(f"the endpoint URL (from {source}) must not contain credentials, a query or a fragment")
    return f"{parts.scheme}://{parts.netloc.removesuffix(':')}{parts.path.rstrip('/')}"


def _with_scheme(url: str) -> str:
    """A hint for an address without its scheme; empty if that is not the fault, or if the address may hold a secret."""
    host = url.partition(":")[0]
    is_local = host == "localhost" or host.startswith("127.")
    whole = f"{'http' if is_local else 'https'}://{url}"
    is_address = _ADDRESS.fullmatch(url) is not None and _parts(whole) is not None
    return f"; write {whole!r}" if is_address else ""


def checked_proxy(url: str, source: str = "") -> str:
    """The URL of a proxy. `ConfigurationError` if it is not one; its text never shows the URL, which may hold a password.

    It must have a host, may have a port, a user and a password, and nothing else: text after a path may be half of a password.
    """
    parts = _parts(url)
    if parts is None or not _is_proxy(url, parts):
        named = f"the proxy (from {source})" if source else "proxy"
        raise ConfigurationError(
            f"{named} is not an http or https URL such as 'http://user:password@host:3128': percent-encode user and password, "
            "and put nothing after the port"
        )
    return f"{parts.scheme}://{parts.netloc.removesuffix(':')}"


def proxy_and_authorization(url: str) -> tuple[str, str | None]:
    """A checked proxy URL without user and password, and the `Proxy-Authorization` made of them, `None` without a user."""
    parts = urlsplit(url)
    userinfo, _, address = parts.netloc.rpartition("@")
    if not userinfo:
        return f"{parts.scheme}://{address}", None
    user, _, password = userinfo.partition(":")
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return f"{parts.scheme}://{address}", f"Basic {base64.b64encode(pair).decode()}"


def url_shown(url: str) -> str:
    """A URL as an error may show it: without user, password, query and fragment. `...` if it is not a URL."""
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
    if "?" in authority:  # a query without a path, which may have slashes
        authority, _, query = authority.partition("?")
        return f"{scheme}://{authority}", f"/?{query}{slash}{path}"
    return f"{scheme}://{authority}", f"/{path}"


@lru_cache(maxsize=1024)
def path_and_query(url: str) -> tuple[str, str]:
    """Path and query of the target, as they are sent and signed."""
    path, _, query = origin_and_target(url)[1].partition("?")
    return path, query


def is_url(url: str) -> bool:
    """Whether the text is an http(s) URL whose host can be looked up."""
    return _parts(url) is not None


def _has_host(parts: SplitResult) -> bool:
    """Whether the host is a valid name, an IPv4 address, or an IPv6 address in brackets."""
    host = parts.hostname or ""
    if "[" not in parts.netloc:
        is_number = not host.strip(".0123456789")  # a resolver would read it as an address
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
    """The parts of a valid http(s) URL, else `None`."""
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
    # A colon in the user would shift the border between user and password.
    return bare and _ENCODED.fullmatch(userinfo) is not None and b":" not in unquote_to_bytes(user)
